"""Unlabelled chips in one .npz: real scenes of other places, as uint16 numbers of all five bands."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from errors import RasterError
from tiles.coding import LEVEL2_REFLECTANCE, LEVEL2_TEMPERATURE, to_physical
from tiles.tile import BAND_NAMES, OPTICAL_BANDS, THERMAL_BAND, Tile
from tiles.validity import measured_temperature, valid_pixels, without_gaps


def read_chips(path: Path) -> list[Tile]:
    """The chips of a file, each array uint16 (5, H, W) in Collection-2 Level-2 numbers.

    A thermal band of zeros counts as missing; its gaps take the median. Raises RasterError when the file is not
    such a collection.
    """
    chips = []
    try:
        with np.load(path) as arrays:
            for name in sorted(arrays.files):
                numbers = arrays[name]
                if numbers.ndim != 3 or numbers.shape[0] != len(BAND_NAMES):
                    raise RasterError(f"{path}: array {name} has the shape {numbers.shape}; chips are (5, H, W).")
                layers = dict(zip(BAND_NAMES, numbers))
                valid = valid_pixels(layers, LEVEL2_REFLECTANCE, {})
                if not valid.any():
                    continue
                bands = {band: to_physical(layers[band], LEVEL2_REFLECTANCE, valid) for band in OPTICAL_BANDS}
                measured = measured_temperature(layers[THERMAL_BAND], valid)
                if measured.any():
                    kelvin = to_physical(layers[THERMAL_BAND], LEVEL2_TEMPERATURE, measured)
                    bands[THERMAL_BAND] = without_gaps(kelvin, valid, measured)
                chips.append(Tile(name, bands, valid))
    except (OSError, ValueError, zipfile.BadZipFile) as problem:
        raise RasterError(
            f"{path}: cannot be read as chips ({type(problem).__name__}); give an .npz of arrays."
        ) from None
    return chips
