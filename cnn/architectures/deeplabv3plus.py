"""DeepLabV3+ on ResNet-101 (Chen et al. 2018, arXiv:1802.02611), output stride 16.

The plain convolutions of the pyramid (not separable ones), the 48 low-level features and the two 3x3 convolutions of
the decoder follow from the number of parameters that the lakes' source gives.
"""

from __future__ import annotations

import torch
from torch import nn

from cnn.architectures.attention_deeplab import DILATIONS, LOW_WIDTH, WIDTH, GlobalPool, normalised, resized
from cnn.architectures.blocks import cropped, padded
from cnn.architectures.resnet import dilated_resnet101

DEEP, LOW = 2048, 256  # features of the encoder's end, and of its first level


class DeepLabV3Plus(nn.Module):
    """59 339 426 parameters for three channels and two classes."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.encoder = dilated_resnet101(channels)
        branches = [nn.Sequential(*normalised(DEEP, WIDTH, 1))]
        branches += [nn.Sequential(*normalised(DEEP, WIDTH, 3, dilation)) for dilation in DILATIONS]
        self.pyramid = nn.ModuleList([*branches, GlobalPool(DEEP, WIDTH)])
        self.project = nn.Sequential(*normalised(WIDTH * len(self.pyramid), WIDTH, 1), nn.Dropout(0.5))
        self.low = nn.Sequential(*normalised(LOW, LOW_WIDTH, 1))
        self.decoder = nn.Sequential(
            *normalised(WIDTH + LOW_WIDTH, WIDTH, 3), nn.Dropout(0.5), *normalised(WIDTH, WIDTH, 3), nn.Dropout(0.1)
        )
        self.head = nn.Conv2d(WIDTH, classes, 1)

    def forward(self, channels: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to logits (N, classes, H, W)."""
        inputs = padded(channels, 16)
        _, low, _, _, deep = self.encoder(inputs)
        features = self.project(torch.cat([branch(deep) for branch in self.pyramid], dim=1))
        features = torch.cat([resized(features, low.shape[-2:]), self.low(low)], dim=1)
        return cropped(resized(self.head(self.decoder(features)), inputs.shape[-2:]), channels)
