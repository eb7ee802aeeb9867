"""Where patches lie in images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from patches.image import Image, Patch


class Window(NamedTuple):
    """A square of ``side`` pixels in the image of this number; it may reach beyond its lower and right edge."""

    image: int
    row: int
    column: int
    side: int

    def patch(self, images: Sequence[Image]) -> Patch:
        """Its pixels."""
        return images[self.image].patch(self.row, self.column, self.side, self.side)


def training_windows(images: Sequence[Image], side: int, overlap: float) -> list[Window]:
    """Windows that cover every image, each sharing ``overlap`` (0 to below 1) of its side with the next one."""
    stride = max(1, round(side * (1 - overlap)))
    return [
        Window(number, row, column, side)
        for number, image in enumerate(images)
        for row in starts(image.height, side, stride)
        for column in starts(image.width, side, stride)
    ]


def starts(length: int, side: int, stride: int) -> list[int]:
    """First pixels of windows along one axis; the last one ends with the image."""
    last = max(length - side, 0)
    return sorted({*range(0, last + 1, stride), last})
