"""Scenes without metadata, whose coding is recognised from their numbers, as that of a tile is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from errors import CodingError, ProductError
from scenes.grid import Grid
from scenes.plausible import order_notes
from scenes.scene import Band, Scene, read_samples
from tiles.coding import KELVIN_RANGE, TEMPERATURES, UNIT_MAXIMUM, Coding, recognise_reflectance
from tiles.tile import OPTICAL_BANDS, THERMAL_BAND
from tiles.validity import Tags, lacks_unit, measured_temperature, plausible_pixels, temperature_coding, valid_pixels

SAMPLE_SIDE = 1000  # pixels a side from which the coding is recognised


def recognised_scene(
    name: str, bands: Mapping[str, Band], grid: Grid, where: str, unit: str | None = None, notes: Sequence[str] = ()
) -> Scene:
    """Recognise the coding of bands from a sample of their numbers; raises CodingError, naming ``where``.

    ``unit`` of the thermal band, one of ``tiles.coding.TEMPERATURES``, where it is told. The scene's notes are
    ``notes`` and what makes the order of the bands doubtful.
    """
    if unit is not None and THERMAL_BAND not in bands:
        raise ProductError(f"{where}: has no thermal band, but --thermal names its unit; leave --thermal out.")
    numbers = sample_of(bands, grid)
    tags = {band: one.nodata for band, one in bands.items()}
    plausible = plausible_pixels(numbers, tags)
    refuse_kelvin(numbers, plausible, where)
    coding = recognise_reflectance([numbers[band] for band in OPTICAL_BANDS], numbers["swir1"], plausible, where)
    scaled, stated = {band: bands[band] for band in OPTICAL_BANDS}, "none (no valid pixel)"
    if coding is None:
        return Scene(name, scaled, grid, stated, notes=tuple(notes))
    scaled = {band: replace(bands[band], scale=coding.scale, offset=coding.offset) for band in OPTICAL_BANDS}
    stated = coding.name
    if THERMAL_BAND in bands:
        thermal, problem = thermal_coding(numbers, coding, tags, where, unit)
        if thermal is None:
            notes = [*notes, f"{name}: its thermal band {problem}; treated as missing"]
        else:
            band = replace(bands[THERMAL_BAND], scale=thermal.scale, offset=thermal.offset)
            scaled[THERMAL_BAND] = replace(band, lowest=thermal.lowest)
            stated = f"{coding.name}; temperature in {thermal.name}"
    scene = Scene(name, scaled, grid, stated, optical=coding)
    return replace(scene, notes=(*notes, *order_notes(scene.tile_of({name: numbers[name] for name in scaled}))))


def sample_of(bands: Mapping[str, Band], grid: Grid) -> dict[str, np.ndarray]:
    """Read every n-th pixel of the bands, at most SAMPLE_SIDE a side, in the files' numbers."""
    step = max(1, math.ceil(max(grid.height, grid.width) / SAMPLE_SIDE))
    return read_samples(bands, (math.ceil(grid.height / step), math.ceil(grid.width / step)))


def refuse_kelvin(numbers: Mapping[str, np.ndarray], plausible: np.ndarray, where: str) -> None:
    """Refuse an optical band in kelvin beside others in reflectance 0..1; raises CodingError."""
    if not plausible.any():
        return
    medians = {band: float(np.median(numbers[band][plausible])) for band in OPTICAL_BANDS}
    for band, median in medians.items():
        others = [medians[other] for other in OPTICAL_BANDS if other != band]
        if KELVIN_RANGE[0] <= median <= KELVIN_RANGE[1] and max(others) <= UNIT_MAXIMUM:
            raise CodingError(
                f"{where}: its band {band} holds temperatures (a median of {median:g}) beside bands of reflectance; "
                "correct which band is which."
            )


def thermal_coding(
    numbers: Mapping[str, np.ndarray], optical: Coding, tags: Tags, where: str, unit: str | None
) -> tuple[Coding | None, str]:
    """Return the thermal band's coding, or None and why there is none; raises CodingError."""
    thermal, valid = numbers[THERMAL_BAND], valid_pixels(numbers, optical, tags)
    if unit is not None:
        told = TEMPERATURES[unit]
        measured = measured_temperature(thermal, valid, tags[THERMAL_BAND], told.lowest)
        median = float(np.median(thermal[measured])) * told.scale + told.offset if measured.any() else math.nan
        if measured.any() and not KELVIN_RANGE[0] <= median <= KELVIN_RANGE[1]:
            raise CodingError(
                f"{where}: in {told.name}, its thermal band would have a median of {median:g} K; correct --thermal."
            )
        return (told, "") if measured.any() else (None, "measures nothing")
    if lacks_unit(thermal, measured_temperature(thermal, valid, tags[THERMAL_BAND]), optical):
        return None, "has 8 bits and no unit"
    return temperature_coding(thermal, valid, tags[THERMAL_BAND], where), "is all zero"
