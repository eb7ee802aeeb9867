"""The compact U-Net of the hybrid on any bands and classes."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from cnn.architectures.blocks import cropped, padded
from cnn.unet import NETWORK_STRIDE, CompactUNet


class CompactUNetOfClasses(CompactUNet):
    """3.8 million parameters, of which the encoder's can start from ImageNet's."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__(channels)
        self.head = nn.Conv2d(self.head.in_channels, 4 * classes, 3, padding=1)

    def forward(self, channels: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to logits (N, classes, H, W)."""
        features = self.decode(self.encode(padded(channels, NETWORK_STRIDE)))
        return cropped(functional.pixel_shuffle(self.head(features), 2), channels)
