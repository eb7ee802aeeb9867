"""The classic U-Net of other entries, to measure time against on any machine."""

from __future__ import annotations

import time

import torch
from torch import nn

WIDTHS = (64, 128, 256, 512, 1024)


def double_convolution(inputs: int, outputs: int) -> nn.Sequential:
    """Two 3x3 convolutions with batch normalisation."""
    layers: list[nn.Module] = []
    for width in (inputs, outputs):
        layers += [nn.Conv2d(width, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class ClassicUNet(nn.Module):
    """Ronneberger et al. 2015 (arXiv:1505.04597) with batch normalisation: 5 bands in, 31 M parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(double_convolution(a, b) for a, b in zip((5, *WIDTHS), WIDTHS))
        self.pool = nn.MaxPool2d(2)
        upwards = WIDTHS[::-1]
        self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 2, 2) for a, b in zip(upwards, upwards[1:]))
        self.join = nn.ModuleList(double_convolution(2 * width, width) for width in upwards[1:])
        self.head = nn.Conv2d(WIDTHS[0], 1, 1)

    def forward(self, bands: torch.Tensor) -> torch.Tensor:
        """(N, 5, H, W) to logits (N, 1, H, W)."""
        skips = []
        for number, block in enumerate(self.down):
            bands = block(bands if number == 0 else self.pool(bands))
            skips.append(bands)
        bands = skips.pop()
        for up, block in zip(self.up, self.join):
            bands = block(torch.cat([skips.pop(), up(bands)], dim=1))
        logits: torch.Tensor = self.head(bands)
        return logits


def yardstick_seconds(runs: int = 5) -> float:
    """Fastest of several float32 forward passes of one 512 x 512 tile."""
    network, bands = ClassicUNet().eval(), torch.zeros(1, 5, 512, 512)
    seconds = []
    with torch.inference_mode():
        for _ in range(runs + 1):  # the first allocates
            start = time.perf_counter()
            network(bands)
            seconds.append(time.perf_counter() - start)
    return min(seconds[1:])
