"""TinyViT-5M, the image encoder of MobileSAM, with the names of its published weights.

The network: Wu et al. 2022, TinyViT, arXiv:2207.10666. As an encoder for SAM: Zhang et al. 2023, MobileSAM,
arXiv:2306.14289; its last stage keeps the resolution, and SAM's neck follows it.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional

WIDTHS = (64, 128, 160, 320)  # channels of the stages
DEPTHS = (2, 2, 6, 2)
HEADS = (2, 4, 5, 10)  # the first stage convolves and has none
WINDOWS = (7, 7, 14, 7)  # sides in cells of the stage's grid
STRIDES = (2, 2, 1)  # between the stages
EXPANSION = 4  # of the hidden layers
EMBEDDED = 256  # channels of an embedding


class ConvNorm(nn.Sequential):
    """A convolution without bias and its batch normalisation; ``groups`` as in torch."""

    def __init__(self, inputs: int, outputs: int, side: int = 1, stride: int = 1, groups: int = 1) -> None:
        convolution = nn.Conv2d(inputs, outputs, side, stride, side // 2, groups=groups, bias=False)
        super().__init__(OrderedDict(c=convolution, bn=nn.BatchNorm2d(outputs)))


class LayerNorm2d(nn.LayerNorm):
    """Layer normalisation over the channels of (N, C, H, W)."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """The same shape."""
        return channels_first(super().forward(channels_last(maps)))


class PatchEmbedding(nn.Module):
    """(N, 3, H, W) to (N, C, H / 4, W / 4)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.seq = nn.Sequential(
            ConvNorm(3, width // 2, side=3, stride=2), nn.GELU(), ConvNorm(width // 2, width, side=3, stride=2)
        )

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """A quarter of the resolution."""
        embedded: torch.Tensor = self.seq(pixels)
        return embedded


class Bottleneck(nn.Module):
    """An inverted bottleneck (MBConv): widened, convolved by channel, narrowed."""

    def __init__(self, inputs: int, hidden: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(inputs, hidden)
        self.conv2 = ConvNorm(hidden, hidden, side=3, stride=stride, groups=hidden)
        self.conv3 = ConvNorm(hidden, outputs)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        hidden = functional.gelu(self.conv2(functional.gelu(self.conv1(maps))))
        narrowed: torch.Tensor = self.conv3(hidden)
        return narrowed


class ConvBlock(Bottleneck):
    """A block of the first stage: a bottleneck beside a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__(width, width * EXPANSION, width, stride=1)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """The same shape."""
        return functional.gelu(maps + super().forward(maps))


class Attention(nn.Module):
    """Attention within a square window, with a learnt bias for each distance in rows and columns."""

    places: torch.Tensor

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.attention_biases = nn.Parameter(torch.zeros(heads, window**2))
        self.register_buffer("places", bias_places(window), persistent=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """(windows, tokens, C) to the same shape."""
        each = self.qkv(self.norm(tokens)).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        query, key, value = each.chunk(3, dim=-1)  # the three of a head lie together
        bias = self.attention_biases[:, self.places]
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        projected: torch.Tensor = self.proj(attended.transpose(1, 2).flatten(2))
        return projected


class Perceptron(nn.Module):
    """Two layers on each cell by itself."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, width * EXPANSION)
        self.fc2 = nn.Linear(width * EXPANSION, width)

    def forward(self, cells: torch.Tensor) -> torch.Tensor:
        """(..., C) to the same shape."""
        changed: torch.Tensor = self.fc2(functional.gelu(self.fc1(self.norm(cells))))
        return changed


class AttentionBlock(nn.Module):
    """A block of the later stages: attention in windows, a convolution by channel, a perceptron."""

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.window = window
        self.attn = Attention(width, heads, window)
        self.local_conv = ConvNorm(width, width, side=3, groups=width)
        self.mlp = Perceptron(width)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to the same shape."""
        tokens = in_windows(maps, self.window)
        maps = self.local_conv(maps + out_of_windows(self.attn(tokens), maps.shape, self.window))
        return maps + channels_first(self.mlp(channels_last(maps)))


class Stage(nn.Module):
    """The blocks of one resolution, and what leads to the next stage (after the last one nothing)."""

    def __init__(self, number: int) -> None:
        super().__init__()
        width = WIDTHS[number]
        self.blocks = nn.Sequential(*(block_of(number) for _ in range(DEPTHS[number])))
        self.downsample: nn.Module = nn.Identity()
        if number < len(STRIDES):
            following = WIDTHS[number + 1]
            self.downsample = Bottleneck(width, following, following, STRIDES[number])

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to the following stage's input."""
        passed: torch.Tensor = self.downsample(self.blocks(maps))
        return passed


class TinyViT(nn.Module):
    """Images (N, 3, H, W), sides of whole 16 pixels, to embeddings (N, 256, H / 16, W / 16).

    What classified images in training, ``norm_head`` and ``head`` of the published weights, is left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.patch_embed = PatchEmbedding(WIDTHS[0])
        self.layers = nn.Sequential(*(Stage(number) for number in range(len(WIDTHS))))
        self.neck = nn.Sequential(
            nn.Conv2d(WIDTHS[-1], EMBEDDED, 1, bias=False),
            LayerNorm2d(EMBEDDED, eps=1e-6),
            nn.Conv2d(EMBEDDED, EMBEDDED, 3, padding=1, bias=False),
            LayerNorm2d(EMBEDDED, eps=1e-6),
        )

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """One embedding for each image."""
        embedded: torch.Tensor = self.neck(self.layers(self.patch_embed(pixels)))
        return embedded


def block_of(number: int) -> nn.Module:
    """A block of a stage, counted from 0."""
    if number == 0:
        return ConvBlock(WIDTHS[0])
    return AttentionBlock(WIDTHS[number], HEADS[number], WINDOWS[number])


def bias_places(window: int) -> torch.Tensor:
    """int64 (tokens, tokens): for two tokens the place of their bias, row distance x window + column distance."""
    rows, columns = torch.arange(window**2) // window, torch.arange(window**2) % window
    return (rows[:, None] - rows).abs() * window + (columns[:, None] - columns).abs()


def in_windows(maps: torch.Tensor, side: int) -> torch.Tensor:
    """(N, C, H, W), filled up with zeros to whole windows, to (windows, side x side, C)."""
    height, width = maps.shape[-2:]
    filled = functional.pad(maps, (0, -width % side, 0, -height % side))
    parts = filled.unflatten(3, (-1, side)).unflatten(2, (-1, side))
    return parts.permute(0, 2, 4, 3, 5, 1).flatten(3, 4).flatten(0, 2)


def out_of_windows(tokens: torch.Tensor, shape: torch.Size, side: int) -> torch.Tensor:
    """The inverse of ``in_windows``: (windows, side x side, C) to maps of a shape (N, C, H, W)."""
    images, channels, height, width = shape
    down, along = -(-height // side), -(-width // side)
    parts = tokens.view(images, down, along, side, side, channels).permute(0, 5, 1, 3, 2, 4)
    return parts.reshape(images, channels, down * side, along * side)[..., :height, :width]


def channels_last(maps: torch.Tensor) -> torch.Tensor:
    """(N, C, H, W) to (N, H, W, C)."""
    return maps.permute(0, 2, 3, 1)


def channels_first(cells: torch.Tensor) -> torch.Tensor:
    """(N, H, W, C) to (N, C, H, W)."""
    return cells.permute(0, 3, 1, 2)
