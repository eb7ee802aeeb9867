"""A compact U-Net: EfficientNet-Lite encoder, light decoder at half resolution, pixel-shuffled output.

Encoder: Tan & Le 2019 (arXiv:1905.11946), the Lite variant without squeeze-and-excitation and with ReLU6,
so that ImageNet weights can start it. The stem sees every input channel at full resolution; the last
feature map is at half resolution and the logit is pixel-shuffled by two (Shi et al. 2016, arXiv:1609.05158).
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from errors import SettingError

# (kernel, stride, expansion, output channels, blocks) of the seven stages of EfficientNet-Lite0
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
# Times the channels and the blocks of a stage; the first and the last stage keep their one block
ENCODERS = {"lite0": (1.0, 1.0), "lite2": (1.1, 1.2)}
STEM_WIDTH = 32
DECODER_WIDTHS = (128, 96, 64, 48)
NETWORK_STRIDE = 32


Block = tuple[int, int, int, int]  # kernel, stride, expansion, output channels


def encoder_blocks(encoder: str) -> list[Block]:
    """The blocks of an encoder by name; raises SettingError for none of ENCODERS."""
    if encoder not in ENCODERS:
        raise SettingError(f"--encoder {encoder}: is none of {', '.join(ENCODERS)}; give one of these.")
    width, depth = ENCODERS[encoder]
    blocks: list[Block] = []
    for number, (kernel, stride, expansion, outputs, count) in enumerate(STAGES):
        wide = in_eights(outputs * width)
        deep = count if number in (0, len(STAGES) - 1) else math.ceil(count * depth)
        blocks += [(kernel, stride if block == 0 else 1, expansion, wide) for block in range(deep)]
    return blocks


def in_eights(channels: float) -> int:
    """The multiple of eight that is nearest, and no more than a tenth below."""
    near = max(8, int(channels + 4) // 8 * 8)
    return near if near >= 0.9 * channels else near + 8


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
    """Logits of glacier from normalised channels; 3.8 M parameters with the encoder ``lite0``.

    ``levels``: number of the last block at 1/2, 1/4, 1/8, 1/16 and 1/32 of the input.
    """

    def __init__(self, channels: int, encoder: str = "lite0") -> None:
        super().__init__()
        self.encoder_name, blocks = encoder, encoder_blocks(encoder)
        self.levels = [number for number, (_, stride, _, _) in enumerate(blocks[1:]) if stride == 2]
        self.levels.append(len(blocks) - 1)
        self.stem = nn.Sequential(*normalised_convolution(channels, STEM_WIDTH, 3, 2), nn.ReLU6(inplace=True))
        widths = [STEM_WIDTH] + [outputs for *_, outputs in blocks]
        self.blocks = nn.ModuleList(
            InvertedResidual(inputs, outputs, kernel, stride, expansion)
            for inputs, (kernel, stride, expansion, outputs) in zip(widths, blocks)
        )
        skips = [blocks[number][3] for number in self.levels]
        deeper = [skips[-1], *DECODER_WIDTHS]
        self.decoder = nn.ModuleList(
            DecoderBlock(inputs, skip, outputs)
            for inputs, skip, outputs in zip(deeper, reversed(skips[:-1]), DECODER_WIDTHS)
        )
        self.head = nn.Conv2d(DECODER_WIDTHS[-1], 4, 3, padding=1)

    def encode(self, channels: torch.Tensor) -> list[torch.Tensor]:
        """(N, C, H, W) to the features at 1/2, 1/4, 1/8, 1/16 and 1/32 of its size."""
        features, found = self.stem(channels), []
        for number, block in enumerate(self.blocks):
            features = block(features)
            if number in self.levels:
                found.append(features)
        return found

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
