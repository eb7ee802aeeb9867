"""An image on disk that patches are cut from, and a patch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from errors import SettingError


@dataclass(frozen=True)
class Patch:
    """A rectangle of an image.

    ``array``: float32 (C, H, W), NaN where a band has no number. ``truth``: uint8 (H, W), class numbers from 0,
    which is ground. ``valid``: bool (H, W), pixels that are learnt from and scored. ``place``: the region it lies in.
    """

    array: np.ndarray
    bands: tuple[str, ...]
    truth: np.ndarray
    valid: np.ndarray
    place: str = ""


@dataclass(frozen=True)
class Image:
    """An image, or a rectangle of one; its pixels are read when they are asked for.

    ``read`` gives the rectangle (row, column, rows, columns) of the file, which lies inside it. ``place``: the region,
    if it is named. ``subset``: training, validation or test, where a folder says so.
    """

    name: str
    height: int
    width: int
    bands: tuple[str, ...]
    read: Callable[[int, int, int, int], Patch]
    place: str = ""
    subset: str = ""
    row: int = 0
    column: int = 0

    @property
    def area(self) -> tuple[str, int, int, int, int]:
        """What it covers: name, row, column, rows and columns."""
        return self.name, self.row, self.column, self.height, self.width

    def cut(self, row: int, column: int, rows: int, columns: int) -> Image:
        """A rectangle of it, as an image of its own."""
        return replace(self, row=self.row + row, column=self.column + column, height=rows, width=columns)

    def patch(self, row: int, column: int, rows: int, columns: int, mirrored: bool = False) -> Patch:
        """A rectangle that may reach beyond the image, where pixels are mirrored and valid only if ``mirrored``."""
        top, left = max(row, 0), max(column, 0)
        bottom, right = min(row + rows, self.height), min(column + columns, self.width)
        patch = self.read(self.row + top, self.column + left, bottom - top, right - left)
        around = ((top - row, row + rows - bottom), (left - column, column + columns - right))
        if not np.any(around):
            return patch
        return replace(
            patch,
            array=np.pad(patch.array, ((0, 0), *around), mode="symmetric"),
            truth=np.pad(patch.truth, around),
            valid=np.pad(patch.valid, around, mode="symmetric" if mirrored else "constant"),
        )


def pick_bands(images: Sequence[Image], words: Sequence[str]) -> list[Image]:
    """The images with these bands alone, in this order, each given by its name or its number from 1; none: all.

    Raises SettingError where an image lacks one.
    """
    return [with_bands(image, words) if words else image for image in images]


def with_bands(image: Image, words: Sequence[str]) -> Image:
    """One image with the bands asked for."""
    places = [band_place(image, word) for word in words]
    names = tuple(image.bands[place] for place in places)
    if len(set(places)) < len(places):
        raise SettingError(f"--bands {','.join(words)}: names a band twice; name each once.")
    if names == image.bands:
        return image

    def read(row: int, column: int, rows: int, columns: int) -> Patch:
        patch = image.read(row, column, rows, columns)
        return replace(patch, array=patch.array[places], bands=names)

    return replace(image, bands=names, read=read)


def band_place(image: Image, word: str) -> int:
    """Position of a band in an image."""
    if word in image.bands:
        return image.bands.index(word)
    if word.isdigit() and 1 <= int(word) <= len(image.bands):
        return int(word) - 1
    raise SettingError(
        f"{image.name}: has no band {word}; it has {', '.join(image.bands)}: give these names, or numbers from 1."
    )


def same_bands(images: Sequence[Image]) -> tuple[str, ...]:
    """The bands that all images have; raises SettingError where they differ."""
    for image in images:
        if image.bands != images[0].bands:
            raise SettingError(
                f"{image.name}: has the bands {', '.join(image.bands)}, but {images[0].name} has "
                f"{', '.join(images[0].bands)}; pick the ones that all have with --bands."
            )
    return images[0].bands
