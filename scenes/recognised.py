"""Scenes without metadata, whose coding is recognised from their numbers, as that of a tile is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from scenes.grid import Grid
from scenes.scene import Band, Scene, read_samples
from tiles.coding import recognise_reflectance, recognise_temperature
from tiles.tile import OPTICAL_BANDS, THERMAL_BAND
from tiles.validity import lacks_unit, measured_temperature, plausible_pixels, valid_pixels

SAMPLE_SIDE = 1000  # pixels a side from which the coding is recognised


def recognised_scene(name: str, bands: Mapping[str, Band], grid: Grid, where: str) -> Scene:
    """Recognise the coding of bands from a sample of their numbers; raises CodingError, naming ``where``."""
    step = max(1, math.ceil(max(grid.height, grid.width) / SAMPLE_SIDE))
    shape = (math.ceil(grid.height / step), math.ceil(grid.width / step))
    numbers = read_samples(bands, shape)
    tags = {band: one.nodata for band, one in bands.items()}
    optical = [numbers[band] for band in OPTICAL_BANDS]
    coding = recognise_reflectance(optical, numbers["swir1"], plausible_pixels(numbers, tags), where)
    if coding is None:
        return Scene(name, {band: bands[band] for band in OPTICAL_BANDS}, grid, "none (no valid pixel)")
    scaled = {band: replace(bands[band], scale=coding.scale, offset=coding.offset) for band in OPTICAL_BANDS}
    stated = coding.name
    if THERMAL_BAND in bands:
        kelvin = numbers[THERMAL_BAND]
        measured = measured_temperature(kelvin, valid_pixels(numbers, coding, tags), tags[THERMAL_BAND])
        if measured.any() and not lacks_unit(kelvin, measured, coding):
            thermal = recognise_temperature(kelvin, measured, where)
            scaled[THERMAL_BAND] = replace(bands[THERMAL_BAND], scale=thermal.scale, offset=thermal.offset)
            stated = f"{coding.name}; temperature in {thermal.name}"
    return Scene(name, scaled, grid, stated, optical=coding)
