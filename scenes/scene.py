"""A scene of any size as bands on one grid, of which any rectangle is read as a tile."""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.windows import Window

from scenes.grid import Grid
from scenes.source import open_raster, unreadable
from tiles.coding import DIGITAL, Coding
from tiles.tile import OPTICAL_BANDS, THERMAL_BAND, Tile
from tiles.validity import Tags, doubts, measured_temperature, share_of, valid_pixels, without_gaps

QUALITY, SATURATED = "quality", "saturated"  # beside the bands' names


@dataclass(frozen=True)
class Band:
    """One band of a file: physical = number * scale + offset; ``planck`` (K1, K2) turns radiance into kelvin.

    ``nodata``: the numbers that the file itself names as nodata; ``lowest``: of a thermal band, the number at and below
    which nothing is measured.
    """

    path: str
    index: int = 1
    scale: float = 1.0
    offset: float = 0.0
    planck: tuple[float, float] | None = None
    nodata: tuple[float, ...] = ()
    lowest: float = 0.0


@dataclass(frozen=True)
class Quality:
    """A band that says which pixels not to use: any of the ``bits`` set, or one of the ``classes``."""

    path: str
    bits: int = 0
    classes: tuple[int, ...] = ()

    def unusable(self, numbers: np.ndarray) -> np.ndarray:
        """Tell which pixels not to use, bool, shaped like ``numbers``."""
        return (numbers.astype(np.int64) & self.bits != 0) | np.isin(numbers, self.classes)


@dataclass(frozen=True)
class Saturation:
    """What tells that a visible band was too bright for its sensor: ``bits`` of a band, or its ``highest`` number."""

    path: str = ""
    bits: int = 0
    highest: float = math.inf

    def saturated(self, numbers: Mapping[str, np.ndarray]) -> np.ndarray:
        """Tell the saturated pixels, bool (H, W), from numbers by band; ``SATURATED`` is that of ``path``."""
        if self.path:
            return numbers[SATURATED].astype(np.int64) & self.bits != 0
        return np.any([numbers[band] >= self.highest for band in ("blue", "green", "red")], axis=0)


@dataclass(frozen=True)
class Scene:
    """Bands by name on one grid; ``date`` as YYYY-MM-DD or empty; ``coding`` says how the numbers are understood.

    ``optical``: the coding of the optical bands, by which ``tiles.validity`` decides what is nodata.
    ``gaps``: whether a 0 in any optical band is nodata, as at the edges of Landsat 7's stripes, where bands end apart.
    ``notes``: what opening it showed that a reader should know.
    """

    name: str
    bands: dict[str, Band]
    grid: Grid
    coding: str
    date: str = ""
    quality: Quality | None = None
    optical: Coding = DIGITAL
    gaps: bool = False
    saturation: Saturation = Saturation()
    notes: tuple[str, ...] = ()

    def read(self, row: int, column: int, rows: int, columns: int) -> Tile:
        """Read a rectangle, in pixels of the grid; what lies beyond the scene is nodata."""
        box = (row, column, rows, columns)
        numbers = {
            name: read_box(band.path, band.index, self.grid, box, Resampling.average)
            for name, band in self.bands.items()
        }
        if self.quality is None:
            return self.tile_of(numbers)
        return self.tile_of(numbers, read_box(self.quality.path, 1, self.grid, box, Resampling.nearest))

    def sample(self, step: int) -> Tile:
        """Read every ``step``-th pixel of every ``step``-th row; notes are the scene's and tell of doubts."""
        shape = (math.ceil(self.grid.height / step), math.ceil(self.grid.width / step))
        others = {QUALITY: self.quality.path if self.quality else "", SATURATED: self.saturation.path}
        numbers = read_samples({**self.bands, **{name: Band(path) for name, path in others.items() if path}}, shape)
        tile = self.tile_of(numbers, numbers.get(QUALITY))
        usable = self._usable(numbers["swir1"], numbers.get(QUALITY))
        found = doubts(numbers, self.optical, self._tags(), usable, self.name)
        return replace(tile, notes=(*self.notes, *found, *self._saturation_notes(numbers, tile.valid)))

    def _saturation_notes(self, numbers: Mapping[str, np.ndarray], valid: np.ndarray) -> list[str]:
        saturated = self.saturation.saturated(numbers) & valid
        if not saturated.any():
            return []
        return [
            f"{self.name}: {share_of(saturated)} are saturated in a visible band, as bright snow is, "
            "and look darker than they are"
        ]

    def tile_of(self, numbers: Mapping[str, np.ndarray], quality: np.ndarray | None = None) -> Tile:
        """Turn numbers by band, (H, W) as the files hold them, and those of the quality band into a tile."""
        tags = self._tags()
        valid = valid_pixels(numbers, self.optical, tags) & self._usable(numbers["swir1"], quality)
        if self.gaps:
            valid &= np.all([numbers[name] > 0 for name in OPTICAL_BANDS], axis=0)
        bands = {name: physical(self.bands[name], numbers[name], valid) for name in OPTICAL_BANDS}
        if THERMAL_BAND in numbers:
            lowest = self.bands[THERMAL_BAND].lowest
            measured = measured_temperature(numbers[THERMAL_BAND], valid, tags[THERMAL_BAND], lowest)
            if measured.any():
                kelvin = physical(self.bands[THERMAL_BAND], numbers[THERMAL_BAND], measured)
                bands[THERMAL_BAND] = without_gaps(kelvin, valid, measured)
        return Tile(self.name, bands, valid, self.coding)

    def _tags(self) -> Tags:
        return {name: band.nodata for name, band in self.bands.items()}

    def _usable(self, numbers: np.ndarray, quality: np.ndarray | None) -> np.ndarray:
        if self.quality is None or quality is None:
            return np.ones(numbers.shape, bool)
        return ~self.quality.unusable(quality)


def physical(band: Band, numbers: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Turn numbers into reflectance or kelvin, float32 (H, W), 0 under nodata."""
    values = np.where(valid, numbers, 1).astype(np.float32) * np.float32(band.scale) + np.float32(band.offset)
    if band.planck is not None:
        first, second = band.planck
        values = np.float32(second) / np.log1p(np.float32(first) / np.maximum(values, np.float32(1e-3)))
    return np.where(valid, values, np.float32(0))


def read_box(path: str, index: int, grid: Grid, box: tuple[int, int, int, int], how: Resampling) -> np.ndarray:
    """Read a band in a box (row, column, rows, columns) of the grid, float32, 0 beyond it; finer bands are averaged."""
    row, column, rows, columns = box
    top, left = max(row, 0), max(column, 0)
    bottom, right = min(row + rows, grid.height), min(column + columns, grid.width)
    numbers = np.zeros((rows, columns), np.float32)
    if bottom <= top or right <= left:
        return numbers
    with open_raster(path) as source:
        finer = source.width // grid.width
        window = Window(left * finer, top * finer, (right - left) * finer, (bottom - top) * finer)
        try:
            found = source.read(index, window=window, out_shape=(bottom - top, right - left), resampling=how)
            partly = found.any() and not found.all()  # nodata, and no tag says that 0 is
            if finer > 1 and how is Resampling.average and partly:
                found = mean_of_measured(source.read(index, window=window), finer)
        except RasterioError as problem:
            raise unreadable(path, problem) from None
    numbers[top - row : bottom - row, left - column : right - column] = found
    return numbers


def mean_of_measured(numbers: np.ndarray, side: int) -> np.ndarray:
    """Means over blocks of ``side`` pixels a side of what is not 0, float32; 0 where a block holds nothing else."""
    blocks = numbers.reshape(numbers.shape[0] // side, side, numbers.shape[1] // side, side).astype(np.float32)
    return np.asarray(blocks.sum(axis=(1, 3)) / np.maximum((blocks != 0).sum(axis=(1, 3)), 1), np.float32)


def read_samples(bands: Mapping[str, Band], shape: tuple[int, int]) -> dict[str, np.ndarray]:
    """Read whole bands on a coarser grid, nearest pixels, float32; two at once, because decompression takes longest."""

    def sample(band: Band) -> np.ndarray:
        with open_raster(band.path) as source:
            try:
                return np.asarray(source.read(band.index, out_shape=shape, resampling=Resampling.nearest), np.float32)
            except RasterioError as problem:
                raise unreadable(band.path, problem) from None

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(bands, pool.map(sample, bands.values())))
