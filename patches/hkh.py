"""Slices of the Hindu Kush Himalaya data set, Landsat-7 in ``.npy`` files.

Baraka et al. 2020, arXiv:2012.05013; distributed by LILA.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from errors import LayoutError, RasterError, ShapeError
from patches.image import Image, Patch
from patches.layout import subset_of
from tiles.raster import MAX_PIXELS

BANDS = (
    "blue", "green", "red", "nir", "swir1", "thermal_low", "thermal_high", "swir2", "pan", "quality",
    "ndvi", "ndsi", "ndwi", "elevation", "slope",
)  # fmt: skip
# The challenge's five. The entry that this format comes from takes the channels 1, 2, 3, 5 and 9 from 0 instead, which
# are green, red, near infrared, thermal and the quality bits.
DEFAULT_BANDS = ("blue", "green", "red", "swir1", "thermal_low")
ORIGINAL_BANDS = ("green", "red", "nir", "thermal_low", "quality")
SLICE = re.compile(r"slice_(\d+)_(?:img|image)_(\d+)\.npy$")
MASK_LAYERS = 3  # clean ice, debris-covered ice, and the region that was labelled


def find_slices(folder: Path) -> list[Path]:
    """The slices of a folder and those below it."""
    return [path for path in sorted(folder.rglob("*.npy")) if SLICE.match(path.name)]


def open_slices(folder: Path) -> list[Image]:
    """Every slice with its mask; its place is its Landsat image. Raises LayoutError, RasterError or ShapeError."""
    return [open_slice(path, folder) for path in find_slices(folder)]


def open_slice(path: Path, folder: Path, with_mask: bool = True) -> Image:
    """One slice, (H, W, 15), with its mask, (H, W, 3): glacier is (clean ice or debris) and region."""
    height, width, layers = shape_of(path)
    if layers != len(BANDS):
        raise ShapeError(f"{path}: holds {layers} channels; slices have {len(BANDS)}: {', '.join(BANDS)}.")
    found = SLICE.match(path.name)
    mask = path.with_name(f"slice_{found.group(1)}_mask_{found.group(2)}.npy") if found and with_mask else None
    if mask is not None and not mask.exists():
        raise LayoutError(f"{path}: has no mask {mask.name} beside it; add it or remove the slice.")
    if mask is not None and shape_of(mask) != (height, width, MASK_LAYERS):
        raise ShapeError(f"{mask}: has the shape {shape_of(mask)}; that of {path.name} needs {(height, width, 3)}.")

    def read(row: int, column: int, rows: int, columns: int) -> Patch:
        box = (slice(row, row + rows), slice(column, column + columns))
        array = np.moveaxis(load(path)[box].astype(np.float32), 2, 0)
        array[~np.isfinite(array)] = np.nan
        valid = np.isfinite(array).any(axis=0) & (np.nan_to_num(array) != 0).any(axis=0)
        truth = np.zeros((rows, columns), np.uint8) if mask is None else glacier(np.asarray(load(mask)[box]), mask)
        return Patch(array, BANDS, truth, valid, place)

    place = f"image {found.group(2)}" if found else ""
    return Image(str(path.relative_to(folder)), height, width, BANDS, read, place, subset_of(path, folder))


def glacier(mask: np.ndarray, path: Path) -> np.ndarray:
    """(clean ice | debris) & region of a mask (H, W, 3), uint8; NaN means no."""
    clean, debris, region = np.moveaxis(np.nan_to_num(mask) > 0, 2, 0)
    return ((clean | debris) & region).astype(np.uint8)


def load(path: Path) -> np.ndarray:
    """The file's array, mapped into memory; raises RasterError where it is none of numbers."""
    try:
        array = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError):  # arrays of objects are refused, as they can run code
        raise RasterError(f"{path}: is damaged or holds objects; save one plain array of numbers.") from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub":
        raise RasterError(f"{path}: holds {getattr(array, 'dtype', 'several arrays')}; save one array of numbers.")
    return array


def shape_of(path: Path) -> tuple[int, int, int]:
    """Rows, columns and channels; raises RasterError where there are no such three, or too many pixels."""
    shape = load(path).shape
    if len(shape) != 3 or not all(shape) or shape[0] * shape[1] > MAX_PIXELS:
        raise RasterError(f"{path}: has the shape {shape}; slices are (rows, columns, channels).")
    return shape
