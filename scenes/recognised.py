"""Scenes without metadata, whose coding is recognised from their numbers, as that of a tile is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from errors import CodingError, ProductError
from scenes.grid import Grid
from scenes.plausible import order_notes
from scenes.scene import QUALITY, Band, Quality, Scene, read_samples
from tiles.coding import (
    KELVIN_RANGE,
    LEVEL2_REFLECTANCE,
    TEMPERATURES,
    TENTHOUSANDTHS,
    UNIT_MAXIMUM,
    Coding,
    recognise_reflectance,
)
from tiles.tile import OPTICAL_BANDS, THERMAL_BAND
from tiles.validity import (
    HIGHEST_REFLECTANCE,
    Tags,
    lacks_unit,
    measured_temperature,
    plausible_pixels,
    temperature_coding,
    valid_pixels,
)

SAMPLE_SIDE = 1000  # pixels a side from which the coding is recognised
LOWEST_NAMED, DARKEST_NAMED = -0.5, 0.02  # reflectances of 1 and 99 % of the pixels between which a scale is believed


def recognised_scene(
    name: str,
    bands: Mapping[str, Band],
    grid: Grid,
    where: str,
    unit: str | None = None,
    notes: Sequence[str] = (),
    quality: Quality | None = None,
) -> Scene:
    """Recognise the coding of bands from a sample of their numbers; raises CodingError, naming ``where``.

    A scale and an offset that bands have already are those that the file names; they hold where they make reflectances
    and temperatures. ``unit`` of the thermal band, one of ``tiles.coding.TEMPERATURES``, where it is told. The scene's
    notes are ``notes`` and what makes its coding or the order of its bands doubtful. ``quality`` says what is nodata.
    """
    if unit is not None and THERMAL_BAND not in bands:
        raise ProductError(f"{where}: has no thermal band, but --thermal names its unit; leave --thermal out.")
    numbers = sample_of(bands, grid, quality)
    tags = {band: one.nodata for band, one in bands.items()}
    plausible = plausible_pixels(numbers, tags)
    refuse_kelvin(numbers, plausible, where)
    coding = named_coding(bands, numbers, plausible)
    scaled, stated = {band: bands[band] for band in OPTICAL_BANDS}, "none (no valid pixel)"
    if coding is None:
        if any(is_scaled(band) for band in scaled.values()) and plausible.any():
            notes = [*notes, f"{name}: the scale and offset that it names make no reflectance and are not used"]
        coding = recognise_reflectance([numbers[band] for band in OPTICAL_BANDS], numbers["swir1"], plausible, where)
        if coding is None:
            return Scene(name, scaled, grid, stated, notes=tuple(notes))
        scaled = {band: replace(bands[band], scale=coding.scale, offset=coding.offset) for band in OPTICAL_BANDS}
    stated = coding.name
    if THERMAL_BAND in bands:
        thermal, problem = thermal_coding(bands[THERMAL_BAND], numbers, coding, tags, where, unit)
        if thermal is None:
            notes = [*notes, f"{name}: its thermal band {problem}; treated as missing"]
        else:
            band = replace(bands[THERMAL_BAND], scale=thermal.scale, offset=thermal.offset)
            scaled[THERMAL_BAND] = replace(band, lowest=thermal.lowest)
            stated = f"{coding.name}; temperature in {thermal.name}"
    scene = Scene(name, scaled, grid, stated, quality=quality, optical=coding)
    return replace(scene, notes=(*notes, *order_notes(scene.tile_of({name: numbers[name] for name in scaled}))))


def sample_of(bands: Mapping[str, Band], grid: Grid, quality: Quality | None) -> dict[str, np.ndarray]:
    """Read every n-th pixel of the bands, at most SAMPLE_SIDE a side, in the files' numbers; 0 where not to be used."""
    step = max(1, math.ceil(max(grid.height, grid.width) / SAMPLE_SIDE))
    shape = (math.ceil(grid.height / step), math.ceil(grid.width / step))
    numbers = read_samples(bands, shape)
    if quality is not None:
        unusable = quality.unusable(read_samples({QUALITY: Band(quality.path)}, shape)[QUALITY])
        numbers = {band: np.where(unusable, np.float32(0), values) for band, values in numbers.items()}
    return numbers


def is_scaled(band: Band) -> bool:
    """Whether a band has a scale or an offset that can be meant."""
    return (band.scale, band.offset) != (1.0, 0.0) and 0 < band.scale < math.inf and math.isfinite(band.offset)


def named_coding(bands: Mapping[str, Band], numbers: Mapping[str, np.ndarray], plausible: np.ndarray) -> Coding | None:
    """The coding of the scales and offsets that all optical bands have, None unless they make reflectances.

    With an offset, as of Landsat and Sentinel-2, a number of 0 is no measurement.
    """
    if not plausible.any() or not all(is_scaled(bands[band]) for band in OPTICAL_BANDS):
        return None
    for band in OPTICAL_BANDS:
        low, high = np.percentile(numbers[band][plausible], (1, 99)) * bands[band].scale + bands[band].offset
        if not (LOWEST_NAMED <= low <= high <= HIGHEST_REFLECTANCE and high >= DARKEST_NAMED):
            return None
    scale, offset = bands["swir1"].scale, bands["swir1"].offset
    for known in (LEVEL2_REFLECTANCE, TENTHOUSANDTHS):
        if np.allclose((scale, offset), (known.scale, known.offset)):
            return known
    return Coding(f"its own scale {scale:g} and offset {offset:g}", scale, offset, digital=offset < 0)


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
    band: Band, numbers: Mapping[str, np.ndarray], optical: Coding, tags: Tags, where: str, unit: str | None
) -> tuple[Coding | None, str]:
    """Return the thermal band's coding, or None and why there is none; raises CodingError."""
    thermal, valid = numbers[THERMAL_BAND], valid_pixels(numbers, optical, tags)
    if is_scaled(band):
        named = named_temperature(band, thermal, valid, tags[THERMAL_BAND], unit)
        if named is not None:
            return named, ""
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


def named_temperature(
    band: Band, thermal: np.ndarray, valid: np.ndarray, tags: Sequence[float], unit: str | None
) -> Coding | None:
    """The coding by the band's own scale and offset, in ``unit``, kelvin or degrees Celsius; None unless it fits."""
    for name in [unit] if unit else ["kelvin", "celsius"]:
        told = TEMPERATURES[name]
        lowest = (told.lowest - band.offset) / band.scale
        if told.lowest == 0:  # of kelvin, 0 is fill whatever it would mean
            lowest = max(lowest, 0.0)
        measured = measured_temperature(thermal, valid, tags, lowest)
        scale, offset = band.scale * told.scale, band.offset * told.scale + told.offset
        if measured.any() and KELVIN_RANGE[0] <= np.median(thermal[measured]) * scale + offset <= KELVIN_RANGE[1]:
            stated = f"{told.name} by its own scale {band.scale:g} and offset {band.offset:g}"
            return Coding(stated, scale, offset, lowest=lowest)
    return None
