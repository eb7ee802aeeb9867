"""How a scene is cut: overlapping windows for the network, in parts that are worked on side by side."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cnn.unet import NETWORK_STRIDE
from errors import SettingError

PART_WINDOWS, PART_SIDE = 4, 1280  # windows and pixels a side of a part, at most: a worker's memory goes by them
BLEND = 32  # pixels from a window's edge to where it counts as much as its neighbour
TURNS = ((0, 1), (3, 2))  # views of four neighbouring windows; odd ones are another network's where there are two
LARGE = 768  # pixels a side up to which the network sees the whole at once


@dataclass(frozen=True)
class Part:
    """Windows from ``first`` (row, column) up to ``last`` (not included), mapped together."""

    first: tuple[int, int]
    last: tuple[int, int]

    @property
    def name(self) -> str:
        """Of its files."""
        return f"part_{self.first[0]:05d}_{self.first[1]:05d}"


def check_overlap(overlap: float) -> None:
    """Raise SettingError for what is no share that windows have in common."""
    if not 0 <= overlap <= 0.5:
        raise SettingError(f"--overlap {overlap}: is not between 0 and 0.5; give the share, for example 0.5.")


@dataclass(frozen=True)
class Layout:
    """Windows of ``window`` pixels a side over ``height`` x ``width`` pixels, sharing ``overlap`` with the next one."""

    height: int
    width: int
    window: int = 512
    overlap: float = 0.5
    group: int = 0  # windows a side in a part; 0: as many as a part holds
    views: int = 0  # that the network sees of each window; 0: one, another one for each of four neighbours
    origin: tuple[int, int] = (0, 0)  # row and column of the first pixel on the plane that windows are laid out on

    def __post_init__(self) -> None:
        if self.window < 2 * NETWORK_STRIDE or self.window % (2 * NETWORK_STRIDE):
            raise SettingError(
                f"--window {self.window}: is not a multiple of {2 * NETWORK_STRIDE}; give for example 512."
            )
        check_overlap(self.overlap)

    @property
    def shared(self) -> int:
        """Pixels that a window shares with the next one, even."""
        return int(self.window * self.overlap) // 2 * 2

    @property
    def stride(self) -> int:
        """Pixels from one window to the next."""
        return self.window - self.shared

    @property
    def lead(self) -> tuple[int, int]:
        """Rows and columns of the first window that lie before the first pixel."""
        return self.origin[0] % self.stride, self.origin[1] % self.stride

    @property
    def side(self) -> int:
        """Windows a side in a part."""
        return self.group or max(1, min(PART_WINDOWS, (PART_SIDE - self.shared) // self.stride))

    @property
    def counts(self) -> tuple[int, int]:
        """Windows down and across."""
        sides = self.height + self.lead[0], self.width + self.lead[1]
        down, across = (max(1, math.ceil((side - self.shared) / self.stride)) for side in sides)
        return down, across

    def start(self, row: int, column: int) -> tuple[int, int]:
        """Row and column of the first pixel of a window; may lie before the scene."""
        return row * self.stride - self.lead[0], column * self.stride - self.lead[1]

    def ramp(self, before: bool, after: bool) -> np.ndarray:
        """Weight of each row of a window, float32, falling off where there is a neighbour before or after.

        Those of neighbours add up to 1 over the pixels that they share. Both count alike but for BLEND pixels at
        either end: a mean of two views is better than one, and of weights that fall off all the way one prevails.
        """
        blend = min(BLEND, self.shared // 2)
        rise = np.sin(np.pi / 2 * (np.arange(blend) + 0.5) / max(blend, 1)).astype(np.float32) ** 2 / 2
        rise = np.concatenate([rise, np.full(self.shared - 2 * blend, 0.5, np.float32), 1 - rise[::-1]])
        weight = np.ones(self.window, np.float32)
        if before:
            weight[: self.shared] = rise
        if after:
            weight[self.stride :] *= 1 - rise
        return weight

    def parts(self) -> list[Part]:
        """All parts, row by row."""
        down, across = self.counts
        return [
            Part((row, column), (min(row + self.side, down), min(column + self.side, across)))
            for row in range(0, down, self.side)
            for column in range(0, across, self.side)
        ]

    def extent(self, part: Part) -> tuple[int, int, int, int]:
        """Row, column, rows and columns of all pixels under a part's windows; may reach beyond the scene."""
        sides = [(last - first - 1) * self.stride + self.window for first, last in zip(part.first, part.last)]
        return *self.start(*part.first), sides[0], sides[1]

    def core(self, part: Part) -> tuple[int, int, int, int]:
        """Row, column, rows and columns of the pixels that no part after this one begins with: each is in one core."""
        row, column, *sides = self.extent(part)
        rows, columns = (
            size if last == count else last * self.stride - first * self.stride
            for size, first, last, count in zip(sides, part.first, part.last, self.counts)
        )
        return row, column, rows, columns

    def windows(self, part: Part) -> Iterator[tuple[int, int, np.ndarray, range]]:
        """Row and column within the part's extent, weight (window, window), and the numbers of the views.

        Where the four windows over a pixel each show another view, overlapping is test-time augmentation too.
        """
        down, across = self.counts
        odd_row, odd_column = (one // self.stride % 2 for one in self.origin)
        for row in range(part.first[0], part.last[0]):
            for column in range(part.first[1], part.last[1]):
                places = ((row, down), (column, across))
                weight = np.outer(*(self.ramp(one > 0, one < count - 1) for one, count in places))
                place = ((row - part.first[0]) * self.stride, (column - part.first[1]) * self.stride)
                turn = TURNS[(row + odd_row) % 2][(column + odd_column) % 2]
                yield *place, weight, range(self.views) if self.views else range(turn, turn + 1)
