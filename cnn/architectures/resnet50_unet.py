"""A U-Net on ResNet-50 with 3x3 transposed convolutions, whose last skip is the input itself (GlacierView).

The source names the transposed convolutions and their widths; the convolutions after each skip follow from its number
of parameters: two, but one in the last block.
"""

from __future__ import annotations

import torch
from torch import nn

from cnn.architectures.blocks import cropped, padded
from cnn.architectures.resnet import resnet50

WIDTHS = (1024, 512, 256, 64, 32)
ENCODER = (64, 256, 512, 1024, 2048)


def rectified(inputs: int, outputs: int) -> list[nn.Module]:
    """A 3x3 convolution, ReLU and batch normalisation, in this order."""
    return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(inplace=True), nn.BatchNorm2d(outputs)]


class ResNet50UNet(nn.Module):
    """85 763 266 parameters for ten channels and two classes."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.encoder = resnet50(channels)
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(a, b, 3, 2, padding=1, output_padding=1) for a, b in zip((2048, *WIDTHS), WIDTHS)
        )
        skips = (*ENCODER[-2::-1], channels)
        self.join = nn.ModuleList(
            nn.Sequential(*rectified(width + skip, width), *(rectified(width, width) if width != WIDTHS[-1] else []))
            for width, skip in zip(WIDTHS, skips)
        )
        self.head = nn.Conv2d(WIDTHS[-1], classes, 1)

    def forward(self, channels: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to logits (N, classes, H, W)."""
        inputs = padded(channels, 32)
        *levels, features = self.encoder(inputs)
        for up, join, skip in zip(self.up, self.join, (*levels[::-1], inputs)):
            features = join(torch.cat([up(features), skip], dim=1))
        return cropped(self.head(features), channels)
