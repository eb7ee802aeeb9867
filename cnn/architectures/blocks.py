"""What several architectures are made of."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn
from torch.nn import functional


def double_convolution(inputs: int, outputs: int) -> nn.Sequential:
    """Two 3x3 convolutions, each with batch normalisation and ReLU."""
    return nn.Sequential(*convolution(inputs, outputs), *convolution(outputs, outputs))


def convolution(inputs: int, outputs: int, dilation: int = 1) -> list[nn.Module]:
    """A 3x3 convolution with batch normalisation and ReLU that keeps the size."""
    return [
        nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    ]


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut (He et al. 2016, arXiv:1512.03385); the second one may be dilated."""

    def __init__(self, inputs: int, outputs: int, dilation: int = 1) -> None:
        super().__init__()
        *layers, _ = [*convolution(inputs, outputs), *convolution(outputs, outputs, dilation)]
        self.layers = nn.Sequential(*layers)
        self.shortcut = nn.Sequential()
        if inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1), nn.BatchNorm2d(outputs))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(N, inputs, H, W) to (N, outputs, H, W)."""
        return functional.relu(self.layers(features) + self.shortcut(features))


class ResidualDecoder(nn.Module):
    """Transposed convolutions, each joined with a skip connection by a residual block."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        upwards = widths[::-1]
        self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 2, 2) for a, b in zip(upwards, upwards[1:]))
        self.join = nn.ModuleList(Residual(2 * width, width) for width in upwards[1:])

    def forward(self, features: torch.Tensor, skips: list[torch.Tensor]) -> torch.Tensor:
        """The deepest features and the skips, from the finest, to features of the finest skip's size."""
        for up, join, skip in zip(self.up, self.join, reversed(skips)):
            features = join(torch.cat([skip, up(features)], dim=1))
        return features


def transformer(width: int, blocks: int, heads: int, inner: int) -> nn.Sequential:
    """Pre-norm blocks of self-attention (Dosovitskiy et al. 2021, arXiv:2010.11929) on tokens (N, T, width)."""
    layers = [
        nn.TransformerEncoderLayer(width, heads, inner, 0.0, "gelu", batch_first=True, norm_first=True)
        for _ in range(blocks)
    ]
    return nn.Sequential(*layers, nn.LayerNorm(width))


def with_positions(features: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Features (N, C, H, W) as tokens (N, H W, C) with learned positions (1, C, h, w), resampled where h, w differ."""
    if features.shape[-2:] != positions.shape[-2:]:
        positions = functional.interpolate(positions, features.shape[-2:], mode="bicubic", align_corners=False)
    return (features + positions).flatten(2).transpose(1, 2)


def from_tokens(tokens: torch.Tensor, rows: int) -> torch.Tensor:
    """Tokens (N, H W, C) to features (N, C, H, W) of so many rows."""
    return tokens.transpose(1, 2).unflatten(2, (rows, -1))


def halved(blocks: Iterable[nn.Module], features: torch.Tensor) -> list[torch.Tensor]:
    """What each block of an encoder gives, each at half the resolution of the one before; the first at the input's."""
    levels: list[torch.Tensor] = []
    for block in blocks:
        levels.append(block(functional.max_pool2d(levels[-1], 2) if levels else features))
    return levels


def padded(channels: torch.Tensor, multiple: int) -> torch.Tensor:
    """(N, C, H, W) with its last row and column repeated until both sides are multiples."""
    rows, columns = channels.shape[-2:]
    if rows % multiple == 0 and columns % multiple == 0:
        return channels
    return functional.pad(channels, (0, -columns % multiple, 0, -rows % multiple), mode="replicate")


def cropped(logits: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Logits without what ``padded`` had added to ``like``."""
    return logits[..., : like.shape[-2], : like.shape[-1]]
