"""Unlabelled chips in one .npz: real scenes of other places, as uint16 numbers of all five bands."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from errors import RasterError
from tiles.coding import LEVEL2_REFLECTANCE, LEVEL2_TEMPERATURE, to_physical
from tiles.tile import BAND_NAMES, THERMAL_BAND, Tile


def read_chips(path: Path) -> list[Tile]:
    """The chips of a file, each array uint16 (5, H, W) in Collection-2 Level-2 numbers, valid where SWIR1 > 0.

    A thermal band of zeros is missing. Raises RasterError when the file is not such a collection.
    """
    chips = []
    try:
        with np.load(path) as arrays:
            for name in sorted(arrays.files):
                numbers = arrays[name]
                if numbers.ndim != 3 or numbers.shape[0] != len(BAND_NAMES):
                    raise RasterError(f"{path}: array {name} has the shape {numbers.shape}; chips are (5, H, W).")
                valid = numbers[BAND_NAMES.index("swir1")] > 0
                if not valid.any():
                    continue
                bands = {
                    band: to_physical(layer, LEVEL2_TEMPERATURE if band == THERMAL_BAND else LEVEL2_REFLECTANCE, valid)
                    for band, layer in zip(BAND_NAMES, numbers)
                    if band != THERMAL_BAND or layer.any()
                }
                chips.append(Tile(name, bands, valid))
    except (OSError, ValueError, zipfile.BadZipFile) as problem:
        raise RasterError(
            f"{path}: cannot be read as chips ({type(problem).__name__}); give an .npz of arrays."
        ) from None
    return chips
