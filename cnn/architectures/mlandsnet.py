"""M-LandsNet: a residual U-Net with dilated convolutions and attention gates on its skips.

Widths and dilations are ours, as is the place of each part of a gate; the source names the parts alone.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from cnn.architectures.blocks import Residual, cropped, halved, padded

WIDTHS = (32, 64, 128, 256, 512)
DILATIONS = (1, 2, 2, 4, 4)


class AttentionGate(nn.Module):
    """What a skip passes on, by the coarser features below it (Oktay et al. 2018, arXiv:1804.03999)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.signal = nn.Sequential(nn.Conv2d(2 * width, width, 1), nn.BatchNorm2d(width), nn.ReLU(inplace=True))
        self.of_signal = nn.Conv2d(width, width, 1)
        self.of_skip = nn.Conv2d(width, width, 2, 2)
        self.score = nn.Conv2d(width, 1, 1)
        self.out = nn.Sequential(nn.Conv2d(width, width, 1), nn.BatchNorm2d(width))

    def forward(self, skip: torch.Tensor, coarser: torch.Tensor) -> torch.Tensor:
        """(N, width, 2H, 2W) and (N, 2 width, H, W) to (N, width, 2H, 2W)."""
        agreed = functional.relu(self.of_skip(skip) + self.of_signal(self.signal(coarser)))
        share = torch.sigmoid(self.score(agreed))
        share = functional.interpolate(share, skip.shape[-2:], mode="bilinear", align_corners=False)
        result: torch.Tensor = self.out(skip * share)
        return result


class MLandsNet(nn.Module):
    """8 824 134 parameters for 18 channels and two classes."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        sizes = zip((channels, *WIDTHS), WIDTHS, DILATIONS)
        self.down = nn.ModuleList(Residual(a, b, dilation) for a, b, dilation in sizes)
        upwards = WIDTHS[::-1]
        self.gates = nn.ModuleList(AttentionGate(width) for width in upwards[1:])
        self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 2, 2) for a, b in zip(upwards, upwards[1:]))
        self.join = nn.ModuleList(Residual(2 * width, width) for width in upwards[1:])
        self.head = nn.Conv2d(WIDTHS[0], classes, 1)

    def forward(self, channels: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to logits (N, classes, H, W)."""
        *skips, features = halved(self.down, padded(channels, 2 ** (len(WIDTHS) - 1)))
        for gate, up, join in zip(self.gates, self.up, self.join):
            features = join(torch.cat([gate(skips.pop(), features), up(features)], dim=1))
        return cropped(self.head(features), channels)
