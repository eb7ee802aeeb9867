"""GLAVITU for patches of 64 pixels: residual encoder, self-attention on its deepest features, decoder with skips.

The widths of 64 to 512 and the sizes of the transformer are ours: the source names the parts alone.
"""

from __future__ import annotations

import torch
from torch import nn

from cnn.architectures.blocks import (
    Residual,
    ResidualDecoder,
    cropped,
    from_tokens,
    halved,
    padded,
    transformer,
    with_positions,
)

WIDTHS = (64, 128, 256, 512)
TOKEN_WIDTH, BLOCKS, HEADS, INNER = 256, 4, 8, 1024
TOKENS = 8  # a side, for patches of 64 pixels


class Glavitu(nn.Module):
    """11 499 970 parameters for 18 channels and two classes."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.down = nn.ModuleList(Residual(a, b) for a, b in zip((channels, *WIDTHS), WIDTHS))
        self.narrow = nn.Conv2d(WIDTHS[-1], TOKEN_WIDTH, 1)
        self.positions = nn.Parameter(torch.randn(1, TOKEN_WIDTH, TOKENS, TOKENS) * 0.02)
        self.transformer = transformer(TOKEN_WIDTH, BLOCKS, HEADS, INNER)
        self.widen = nn.Conv2d(TOKEN_WIDTH, WIDTHS[-1], 1)
        self.decoder = ResidualDecoder(WIDTHS)
        self.head = nn.Conv2d(WIDTHS[0], classes, 1)

    def forward(self, channels: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to logits (N, classes, H, W)."""
        *levels, features = halved(self.down, padded(channels, 2 ** (len(WIDTHS) - 1)))
        tokens = self.transformer(with_positions(self.narrow(features), self.positions))
        features = self.widen(from_tokens(tokens, features.shape[-2]))
        return cropped(self.head(self.decoder(features, levels)), channels)
