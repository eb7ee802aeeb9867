"""A compact U-Net: EfficientNet-Lite0 encoder, light decoder at half resolution, pixel-shuffled output.

Encoder: Tan & Le 2019 (arXiv:1905.11946), the Lite variant without squeeze-and-excitation and with ReLU6,
so that ImageNet weights can start it. The stem sees every input channel at full resolution; the last
feature map is at half resolution and the logit is pixel-shuffled by two (Shi et al. 2016, arXiv:1609.05158).
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

# (kernel, stride, expansion, output channels) of the sixteen blocks of EfficientNet-Lite0
ENCODER_BLOCKS = (
    (3, 1, 1, 16),
    (3, 2, 6, 24),
    (3, 1, 6, 24),
    (5, 2, 6, 40),
    (5, 1, 6, 40),
    (3, 2, 6, 80),
    (3, 1, 6, 80),
    (3, 1, 6, 80),
    (5, 1, 6, 112),
    (5, 1, 6, 112),
    (5, 1, 6, 112),
    (5, 2, 6, 192),
    (5, 1, 6, 192),
    (5, 1, 6, 192),
    (5, 1, 6, 192),
    (3, 1, 6, 320),
)
STEM_WIDTH = 32
SKIP_BLOCKS = (0, 2, 4, 10, 15)  # last block at 1/2, 1/4, 1/8, 1/16 and 1/32 of the input
DECODER_WIDTHS = (128, 96, 64, 48)
NETWORK_STRIDE = 32


class DepthwiseConvolution(nn.Conv2d):
    """One filter a channel, in float32 on a CPU: its bf16 gradient is three to ten times slower there."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to (N, C, H / stride, W / stride)."""
        if features.device.type != "cpu":
            return super().forward(features)
        with torch.autocast("cpu", enabled=False):
            return super().forward(features.float()).to(features.dtype)


def normalised_convolution(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    """Convolution and batch normalisation; padding keeps the size at stride 1."""
    kind = DepthwiseConvolution if groups > 1 else nn.Conv2d
    return [
        kind(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.05),
    ]


class InvertedResidual(nn.Module):
    """MobileNetV2 block (Sandler et al. 2018, arXiv:1801.04381): expand, depthwise, project."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        layers: list[nn.Module] = []
        if expansion > 1:
            layers += [*normalised_convolution(inputs, inner, 1), nn.ReLU6(inplace=True)]
        layers += [*normalised_convolution(inner, inner, kernel, stride, inner), nn.ReLU6(inplace=True)]
        layers += normalised_convolution(inner, outputs, 1)
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        result: torch.Tensor = self.layers(features)
        return features + result if self.residual else result


class DecoderBlock(nn.Module):
    """Double the resolution, join the skip connection, two 3x3 convolutions."""

    def __init__(self, inputs: int, skip: int, outputs: int) -> None:
        super().__init__()
        self.reduce = nn.Sequential(*normalised_convolution(inputs, outputs, 1), nn.ReLU6(inplace=True))
        self.join = nn.Sequential(
            *normalised_convolution(outputs + skip, outputs, 3),
            nn.ReLU6(inplace=True),
            *normalised_convolution(outputs, outputs, 3),
            nn.ReLU6(inplace=True),
        )

    def forward(self, features: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        """(N, inputs, H, W) and (N, skip, 2H, 2W) to (N, outputs, 2H, 2W)."""
        upsampled = functional.interpolate(self.reduce(features), scale_factor=2.0, mode="nearest")
        result: torch.Tensor = self.join(torch.cat([upsampled, skip], dim=1))
        return result


class CompactUNet(nn.Module):
    """Logits of glacier from normalised channels; 4.2 M parameters."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(*normalised_convolution(channels, STEM_WIDTH, 3, 2), nn.ReLU6(inplace=True))
        widths = [STEM_WIDTH] + [outputs for *_, outputs in ENCODER_BLOCKS]
        self.blocks = nn.ModuleList(
            InvertedResidual(inputs, outputs, kernel, stride, expansion)
            for inputs, (kernel, stride, expansion, outputs) in zip(widths, ENCODER_BLOCKS)
        )
        skips = [ENCODER_BLOCKS[block][3] for block in SKIP_BLOCKS]
        deeper = [skips[-1], *DECODER_WIDTHS]
        self.decoder = nn.ModuleList(
            DecoderBlock(inputs, skip, outputs)
            for inputs, skip, outputs in zip(deeper, reversed(skips[:-1]), DECODER_WIDTHS)
        )
        self.head = nn.Conv2d(DECODER_WIDTHS[-1], 4, 3, padding=1)

    def encode(self, channels: torch.Tensor) -> list[torch.Tensor]:
        """(N, C, H, W) to the features at 1/2, 1/4, 1/8, 1/16 and 1/32 of its size."""
        features, levels = self.stem(channels), []
        for number, block in enumerate(self.blocks):
            features = block(features)
            if number in SKIP_BLOCKS:
                levels.append(features)
        return levels

    def decode(self, levels: list[torch.Tensor]) -> torch.Tensor:
        """The encoder's features to those at half resolution."""
        *skips, features = levels
        for block in self.decoder:
            features = block(features, skips.pop())
        return features

    def forward(self, channels: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W), sides multiples of 32, to logits (N, H, W)."""
        return self.logits(self.decode(self.encode(channels)))

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """The decoder's features to logits (N, H, W)."""
        return functional.pixel_shuffle(self.head(features), 2)[:, 0]


def place(network: CompactUNet, device: torch.device) -> CompactUNet:
    """The network on ``device``, its weights channels-last, which convolutions are fastest with."""
    placed: CompactUNet = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return placed
