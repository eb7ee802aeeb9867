"""Attention DeepLabV3+: ResNet-34, an atrous pyramid with attention, a light decoder.

After Chu et al. 2022, doi:10.5194/tc-16-4273-2022.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from cnn.architectures.blocks import cropped, padded
from cnn.architectures.resnet import resnet34
from cnn.unet import DepthwiseConvolution

WIDTH = 256
DILATIONS = (6, 12, 18)
LOW_WIDTH = 48


class ChannelSpatialAttention(nn.Module):
    """CBAM (Woo et al. 2018, arXiv:1807.06521): which channels matter, then where."""

    def __init__(self, width: int, reduction: int = 16) -> None:
        super().__init__()
        self.channel = nn.Sequential(
            nn.Conv2d(width, width // reduction, 1, bias=False),
            nn.ReLU(inplace=True),
            nn.Conv2d(width // reduction, width, 1, bias=False),
        )
        self.spatial = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) weighted by channel and by place."""
        mean = functional.adaptive_avg_pool2d(features, 1)
        largest = functional.adaptive_max_pool2d(features, 1)
        features = features * torch.sigmoid(self.channel(mean) + self.channel(largest))
        seen = torch.cat([features.mean(1, keepdim=True), features.amax(1, keepdim=True)], dim=1)
        return features * torch.sigmoid(self.spatial(seen))


class GlobalPool(nn.Module):
    """The mean of the whole image as a map of the same size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.reduce = nn.Sequential(nn.AdaptiveAvgPool2d(1), *normalised(inputs, outputs, 1))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(N, inputs, H, W) to (N, outputs, H, W)."""
        return resized(self.reduce(features), features.shape[-2:])


def normalised(inputs: int, outputs: int, kernel: int, dilation: int = 1) -> list[nn.Module]:
    """A convolution without bias, batch normalisation and ReLU."""
    padding = dilation * (kernel // 2)
    return [
        nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    ]


def separable(inputs: int, outputs: int) -> nn.Sequential:
    """A 3x3 filter for every channel, then a 1x1 convolution."""
    depthwise = DepthwiseConvolution(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
    return nn.Sequential(depthwise, *normalised(inputs, outputs, 1))


def resized(features: torch.Tensor, size: torch.Size) -> torch.Tensor:
    """Bilinear, corners not aligned."""
    return functional.interpolate(features, size, mode="bilinear", align_corners=False)


class AttentionDeepLab(nn.Module):
    """25 617 083 parameters for five channels and one logit."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.encoder = resnet34(channels)
        branches = [nn.Sequential(*normalised(512, WIDTH, 1))]
        branches += [nn.Sequential(*normalised(512, WIDTH, 3, dilation)) for dilation in DILATIONS]
        self.pyramid = nn.ModuleList([*branches, GlobalPool(512, WIDTH)])
        self.attention = nn.ModuleList(ChannelSpatialAttention(WIDTH) for _ in self.pyramid)
        self.project = nn.Sequential(*normalised(WIDTH * len(self.pyramid), WIDTH, 1), nn.Dropout(0.5))
        self.low = nn.Sequential(*normalised(64, LOW_WIDTH, 1))
        self.decoder = nn.Sequential(separable(WIDTH + LOW_WIDTH, WIDTH), separable(WIDTH, WIDTH))
        self.head = nn.Conv2d(WIDTH, classes, 1)

    def forward(self, channels: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to logits (N, classes, H, W)."""
        inputs = padded(channels, 32)
        _, low, _, _, deep = self.encoder(inputs)
        seen = [attention(branch(deep)) for branch, attention in zip(self.pyramid, self.attention)]
        features = resized(self.project(torch.cat(seen, dim=1)), low.shape[-2:])
        logits = self.head(self.decoder(torch.cat([features, self.low(low)], dim=1)))
        return cropped(resized(logits, inputs.shape[-2:]), channels)
