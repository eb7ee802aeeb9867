"""A tile: named bands as physical quantities, a valid mask and a georeference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

OPTICAL_BANDS = ("blue", "green", "red", "swir1")
THERMAL_BAND = "thermal"
BAND_NAMES = OPTICAL_BANDS + (THERMAL_BAND,)


@dataclass(frozen=True)
class Georeference:
    """GeoTIFF tags as they stand in the input file, so that they can be written back unchanged.

    ``tags`` holds ``(code, dtype, count, value)`` rows as ``tifffile`` takes them in ``extratags``
    (OGC GeoTIFF 1.1: 33550, 33922, 34264, 34735, 34736, 34737).
    """

    tags: tuple[tuple[int, int, int, Any], ...]


@dataclass(frozen=True)
class Tile:
    """One tile of a Landsat-like scene.

    ``bands``: float32 arrays (H, W); surface reflectance (1 = 100 %) for blue, green, red and swir1,
    surface temperature in kelvin for thermal, which is absent where the tile has none. Values under
    ``valid == False`` are 0 and mean nothing.
    ``valid``: bool (H, W), true where all optical bands are measured, as ``tiles.validity`` decides.
    ``coding``: how the file's numbers were understood, in words.
    ``source``: file name of the first band, which masks inherit.
    ``notes``: what a reader should know (bands missing, non-finite or doubtful pixels).
    """

    tile_id: str
    bands: dict[str, np.ndarray]
    valid: np.ndarray
    coding: str = "surface reflectance and kelvin"
    georeference: Georeference | None = None
    source: str = ""
    notes: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self.valid.shape
        return rows, columns

    def crop(self, row: int, column: int, rows: int, columns: int) -> Tile:
        """Cut out a rectangle of the tile, as views of its arrays."""
        box = (slice(row, row + rows), slice(column, column + columns))
        return replace(self, bands={name: band[box] for name, band in self.bands.items()}, valid=self.valid[box])

    def around(self, row: int, column: int, rows: int, columns: int) -> Tile:
        """Cut out a rectangle that may reach beyond the tile; it is nodata there."""
        height, width = self.shape
        top, left = max(row, 0), max(column, 0)
        bottom, right = min(row + rows, height), min(column + columns, width)
        target = (slice(top - row, bottom - row), slice(left - column, right - column))

        def cut(array: np.ndarray) -> np.ndarray:
            padded = np.zeros((rows, columns), array.dtype)
            if top < bottom and left < right:
                padded[target] = array[top:bottom, left:right]
            return padded

        return replace(self, bands={name: cut(band) for name, band in self.bands.items()}, valid=cut(self.valid))

    def with_bands(self, changed: Mapping[str, np.ndarray]) -> Tile:
        """The tile with some bands changed, each (H, W); all are float32 and 0 under nodata."""
        bands = {**self.bands, **changed}
        return replace(
            self, bands={name: np.where(self.valid, band, 0).astype(np.float32) for name, band in bands.items()}
        )

    @property
    def has_thermal(self) -> bool:
        """Whether the tile has a thermal band at all."""
        return THERMAL_BAND in self.bands
