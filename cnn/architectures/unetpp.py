"""UNet++: a U-Net whose skips are nested and dense (Zhou et al. 2018, arXiv:1807.10165)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from cnn.architectures.blocks import cropped, double_convolution, padded

WIDTHS = (64, 128, 256, 512, 1024)


class UNetPlusPlus(nn.Module):
    """36 181 250 parameters for 18 channels and two classes."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.down = nn.ModuleList(double_convolution(a, b) for a, b in zip((channels, *WIDTHS), WIDTHS))
        # the node ``steps`` to the right of the encoder sees all nodes before it on its level, and the one below
        self.up, self.join = nn.ModuleDict(), nn.ModuleDict()
        for steps in range(1, len(WIDTHS)):
            for level in range(len(WIDTHS) - steps):
                width = WIDTHS[level]
                self.up[f"{level}_{steps}"] = nn.ConvTranspose2d(WIDTHS[level + 1], width, 2, 2)
                self.join[f"{level}_{steps}"] = double_convolution((steps + 1) * width, width)
        self.head = nn.Conv2d(WIDTHS[0], classes, 1)

    def forward(self, channels: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to logits (N, classes, H, W)."""
        features, nodes = padded(channels, 2 ** (len(WIDTHS) - 1)), []
        for level, block in enumerate(self.down):
            features = block(features if level == 0 else functional.max_pool2d(features, 2))
            nodes.append([features])
        for steps in range(1, len(WIDTHS)):
            for level in range(len(WIDTHS) - steps):
                below = self.up[f"{level}_{steps}"](nodes[level + 1][steps - 1])
                nodes[level].append(self.join[f"{level}_{steps}"](torch.cat([*nodes[level], below], dim=1)))
        return cropped(self.head(nodes[0][-1]), channels)
