"""One scene in every coding that files come in, with the nodata value that each names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile

from simulation.synthetic import synthetic_scene, to_numbers
from tiles.tile import BAND_NAMES, OPTICAL_BANDS, Tile

Bands = dict[str, np.ndarray]
NODATA_TAG = 42113
HIGHEST = 65_455


def to_reflectance(numbers: Bands) -> Bands:
    """Reflectance and kelvin, float64, of Level-2 numbers."""
    scale = dict.fromkeys(OPTICAL_BANDS, (2.75e-5, -0.2))
    scale["thermal"] = (0.00341802, 149.0)
    return {band: values.astype(np.float64) * scale[band][0] + scale[band][1] for band, values in numbers.items()}


def synthetic_numbers() -> tuple[Bands, np.ndarray]:
    """Level-2 numbers of a scene with much shadow, and its valid pixels."""
    scene = synthetic_scene(2, (96, 112))
    return {band: to_numbers(values, band) for band, values in scene.bands.items()}, scene.valid


def physical_tile(numbers: Bands, valid: np.ndarray) -> Tile:
    """The tile that Level-2 numbers mean."""
    bands = {band: np.where(valid, values, 0).astype(np.float32) for band, values in to_reflectance(numbers).items()}
    return Tile("01_01", bands, valid)


def floats(fill: float) -> Callable[[Bands, np.ndarray], Bands]:
    """Reflectance and kelvin as float32, with a fill value."""

    def code(numbers: Bands, valid: np.ndarray) -> Bands:
        measured = to_reflectance(numbers)
        return {band: np.where(valid, values, fill).astype(np.float32) for band, values in measured.items()}

    return code


def tenthousandths(fill: int) -> Callable[[Bands, np.ndarray], Bands]:
    """Reflectance times 10 000 as int16, kelvin as float32."""

    def code(numbers: Bands, valid: np.ndarray) -> Bands:
        measured = to_reflectance(numbers)
        coded = {band: np.where(valid, np.round(measured[band] * 1e4), fill).astype(np.int16) for band in OPTICAL_BANDS}
        return {**coded, "thermal": np.where(valid, measured["thermal"], fill).astype(np.float32)}

    return code


def level2(dtype: str) -> Callable[[Bands, np.ndarray], Bands]:
    """Level-2 numbers themselves, 0 for nodata."""
    return lambda numbers, valid: {band: np.where(valid, v, 0).astype(dtype) for band, v in numbers.items()}


def scaled_with_fill(numbers: Bands, valid: np.ndarray) -> Bands:
    """Level-2 numbers scaled without a look at nodata, which becomes -0.2 and 149 kelvin."""
    filled = {band: np.where(valid, values, 0) for band, values in numbers.items()}
    return {band: values.astype(np.float32) for band, values in to_reflectance(filled).items()}


# how Level-2 numbers and a valid mask become the numbers of a file, and the nodata value that it names
CODINGS: dict[str, tuple[Callable[[Bands, np.ndarray], Bands], float | None]] = {
    "level 2, float32, tag 0": (level2("float32"), 0.0),
    "level 2, uint16": (level2("uint16"), None),
    "0..1, NaN": (floats(np.nan), np.nan),
    "0..1, NaN, no tag": (floats(np.nan), None),
    "0..1, -9999": (floats(-9999), -9999.0),
    "0..1, -9999, no tag": (floats(-9999), None),
    "0..1, lowest of 32 bits": (floats(float(np.finfo(np.float32).min)), float(np.finfo(np.float32).min)),
    "0..1, 32767": (floats(32767), 32767.0),
    "0..1, zeros": (floats(0), None),
    "0..1, zeros, tag 0": (floats(0), 0.0),
    "0..1, nodata scaled too": (scaled_with_fill, None),
    "times 10 000, -9999": (tenthousandths(-9999), -9999.0),
    "times 10 000, -9999, no tag": (tenthousandths(-9999), None),
    "times 10 000, -32768, no tag": (tenthousandths(-32768), None),
    "times 10 000, zeros, tag 0": (tenthousandths(0), 0.0),
}


def write_tile(root: Path, numbers: Bands, tag: float | None) -> dict[str, str]:
    """Write one tile in the challenge's layout; returns the dictionary of its band folders."""
    for place, band in enumerate(BAND_NAMES, 1):
        if band in numbers:
            folder = root / f"Band{place}"
            folder.mkdir(parents=True, exist_ok=True)
            tags = [] if tag is None else [(NODATA_TAG, 2, 0, repr(float(tag)), True)]
            tifffile.imwrite(folder / f"B{place}_01_01.tif", numbers[band], metadata=None, extratags=tags)
    return {folder.name: str(folder) for folder in sorted(root.iterdir()) if folder.is_dir()}
