"""The classic U-Net of many entries (Ronneberger et al. 2015, arXiv:1505.04597), with batch normalisation."""

from __future__ import annotations

import torch
from torch import nn

from cnn.architectures.blocks import cropped, double_convolution, halved, padded

WIDTHS = (64, 128, 256, 512, 1024)


class ClassicUNet(nn.Module):
    """31 million parameters."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.down = nn.ModuleList(double_convolution(a, b) for a, b in zip((channels, *WIDTHS), WIDTHS))
        upwards = WIDTHS[::-1]
        self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 2, 2) for a, b in zip(upwards, upwards[1:]))
        self.join = nn.ModuleList(double_convolution(2 * width, width) for width in upwards[1:])
        self.head = nn.Conv2d(WIDTHS[0], classes, 1)

    def forward(self, channels: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to logits (N, classes, H, W)."""
        *skips, features = halved(self.down, padded(channels, 2 ** (len(WIDTHS) - 1)))
        for up, block in zip(self.up, self.join):
            features = block(torch.cat([skips.pop(), up(features)], dim=1))
        return cropped(self.head(features), channels)
