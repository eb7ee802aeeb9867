"""GlaViTU: a vision transformer over the whole patch, then a residual U-Net.

Maslov et al. 2023, doi:10.1109/IGARSS52108.2023.10281666; 2025, Nat. Commun. All bands are taken as one source, with
one fusion block, as ``(channels, classes)`` names no sources. Where the transformer's features meet those of the
fusion (they are added) is ours.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from cnn.architectures.blocks import (
    Residual,
    ResidualDecoder,
    convolution,
    cropped,
    from_tokens,
    halved,
    padded,
    transformer,
    with_positions,
)

FUSED, WIDTHS = 64, (64, 128, 256, 512)
PATCH, TOKENS = 16, 24  # pixels of a token, and tokens a side, for patches of 384 pixels
BLOCKS, HEADS, INNER = 12, 4, 256


class ProgressiveDecoder(nn.Module):
    """SETR's progressive upsampling (Zheng et al. 2021, arXiv:2012.15840): four times a convolution and a doubling."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.steps = nn.ModuleList(nn.Sequential(*convolution(width, width)) for _ in range(4))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to (N, C, 16 H, 16 W)."""
        for step in self.steps:
            features = functional.interpolate(step(features), scale_factor=2.0, mode="bilinear", align_corners=False)
        return features


class GlavituGlobal(nn.Module):
    """About ten million parameters."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.fusion = Residual(channels, FUSED)
        self.embed = nn.Conv2d(FUSED, FUSED, PATCH, PATCH)
        self.positions = nn.Parameter(torch.randn(1, FUSED, TOKENS, TOKENS) * 0.02)
        self.transformer = transformer(FUSED, BLOCKS, HEADS, INNER)
        self.progressive = ProgressiveDecoder(FUSED)
        self.seen = nn.Conv2d(FUSED, classes, 1)
        self.down = nn.ModuleList(Residual(a, b) for a, b in zip((FUSED, *WIDTHS), WIDTHS))
        self.decoder = ResidualDecoder(WIDTHS)
        self.head = nn.Conv2d(WIDTHS[0], classes, 1)

    def forward(self, channels: torch.Tensor) -> torch.Tensor | list[torch.Tensor]:
        """(N, C, H, W) to logits (N, classes, H, W); while training, to those of the transformer, too."""
        fused = self.fusion(padded(channels, PATCH))
        tokens = self.embed(fused)
        tokens = from_tokens(self.transformer(with_positions(tokens, self.positions)), tokens.shape[-2])
        context = self.progressive(tokens)
        *levels, features = halved(self.down, fused + context)
        logits = cropped(self.head(self.decoder(features, levels)), channels)
        return [logits, cropped(self.seen(context), channels)] if self.training else logits
