"""The challenge's folders as images of five bands, so that every network can be compared with the hybrid."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from errors import LayoutError, ShapeError
from patches.image import Image, Patch
from patches.labels import classes_of
from tiles.folder import LABEL_FOLDER, TileFiles, band_folders, files_by_id, find_tiles, read_tile
from tiles.raster import read_raster
from tiles.tile import BAND_NAMES, Tile


def open_tiles(root: Path, labels: str) -> list[Image]:
    """Every tile in reflectance and kelvin with its label; a missing thermal band is NaN.

    Raises LayoutError for a tile without a label, and what reading a tile raises.
    """
    masks = files_by_id(root / LABEL_FOLDER)
    found = []
    for files in find_tiles(band_folders(root)):
        if files.tile_id not in masks:
            raise LayoutError(
                f"{root / LABEL_FOLDER}: has no label for tile {files.tile_id}; add it or leave the tile out."
            )
        found.append(open_tile(files, masks[files.tile_id], labels))
    return found


def open_tile(files: TileFiles, mask: Path, labels: str) -> Image:
    """One tile."""

    @lru_cache(maxsize=1)
    def whole() -> tuple[Tile, np.ndarray]:
        tile, (numbers, _) = read_tile(files), read_raster(mask)
        if numbers.shape != tile.shape:
            raise ShapeError(f"{mask}: has {numbers.shape} pixels, but the tile {tile.shape}; give labels on one grid.")
        return tile, classes_of(numbers, labels, mask)

    def read(row: int, column: int, rows: int, columns: int) -> Patch:
        tile, classes = whole()
        piece = tile.crop(row, column, rows, columns)
        missing = np.full((rows, columns), np.nan, np.float32)
        array = np.stack([piece.bands.get(band, missing) for band in BAND_NAMES])
        return Patch(array, BAND_NAMES, classes[row : row + rows, column : column + columns], piece.valid)

    height, width = whole()[0].shape
    return Image(files.tile_id, height, width, BAND_NAMES, read)
