"""How a file's numbers become reflectance and kelvin: recognised from their range, stated, never assumed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from errors import CodingError


@dataclass(frozen=True)
class Coding:
    """physical = number * scale + offset; of ``digital`` numbers 0 is no measurement.

    ``lowest``: of temperatures, the number at and below which nothing is measured.
    """

    name: str
    scale: float
    offset: float
    digital: bool = False
    lowest: float = 0.0


# USGS Landsat 8-9 Collection 2 Level 2 Science Product Guide (LSDS-1619), tables 6-1 and 6-2
LEVEL2_REFLECTANCE = Coding("Collection-2 Level-2 numbers", 2.75e-5, -0.2, digital=True)
LEVEL2_TEMPERATURE = Coding("Collection-2 Level-2 numbers", 0.00341802, 149.0)
UNIT_REFLECTANCE = Coding("reflectance 0..1", 1.0, 0.0)
TENTHOUSANDTHS = Coding("reflectance times 10 000", 1e-4, 0.0)
DIGITAL = Coding("digital numbers", 1.0, 0.0, digital=True)  # of a product, which says what they mean
EIGHT_BIT = Coding("8-bit reflectance, 255 = 1", 1.0 / 255.0, 0.0)
KELVIN = Coding("kelvin", 1.0, 0.0)
TENTHS_OF_KELVIN = Coding("kelvin times 10", 0.1, 0.0)
CELSIUS = Coding("degrees Celsius", 1.0, 273.15, lowest=-100.0)
TEMPERATURES = {"celsius": CELSIUS, "kelvin": KELVIN, "kelvin*10": TENTHS_OF_KELVIN}  # as a user calls them

# Reflectance of SWIR1 is below 0.55 over land in the median of any tile, so times 10 000 it stays below
# 5 500; Collection-2 numbers code reflectance 0 as 7 273 and fall below 6 000 only in over-corrected shadow.
LEVEL2_SWIR_FLOOR = 5_500.0
SAMPLE_SIZE = 20_000  # pixels that tell two codings apart whose medians lie far from the floor between them
UNIT_MAXIMUM = 5.0
KELVIN_RANGE = (150.0, 350.0)
TENTHS_RANGE = (1_800.0, 3_500.0)
LEVEL2_TEMPERATURE_RANGE = (3_500.0, 65_535.0)  # 161 K .. 373 K
CELSIUS_RANGE, CELSIUS_SPREAD = (-90.0, 80.0), 5.0  # degrees, of 98 % of the pixels; how far apart they lie at least
WARM = 15.0  # degrees; radiance, too, has numbers between 0 and this


def recognise_reflectance(
    optical: list[np.ndarray], swir1: np.ndarray, plausible: np.ndarray, where: str
) -> Coding | None:
    """Recognise the coding of the optical bands; None where no pixel is plausible.

    ``optical``: (H, W) arrays in the file's numbers; ``swir1`` is one of them; ``plausible`` bool (H, W), the pixels
    that hold no fill value, as of ``tiles.validity.plausible_pixels``. Raises CodingError when they fit none.
    """
    if not plausible.any():
        return None
    known = [np.where(plausible, band, band.flat[plausible.argmax()]) for band in optical]  # faster than selecting
    largest = max(float(band.max()) for band in known)
    smallest = min(float(band.min()) for band in known)
    if largest > 65_535 or smallest < -20_000:
        raise CodingError(
            f"{where}: values from {smallest:g} to {largest:g} fit no known coding; give Collection-2 "
            "Level-2 numbers, reflectance in 0..1 or reflectance times 10 000."
        )
    if largest <= UNIT_MAXIMUM:
        return UNIT_REFLECTANCE
    if largest <= 255 and smallest >= 0:
        return EIGHT_BIT
    # shadow below 0 would pull the median down; without any SWIR1 above 0 the brightest band has to tell
    lit = swir1[plausible & (swir1 > 0)]
    median = (
        float(np.median(lit[:: 1 + lit.size // SAMPLE_SIZE]))
        if lit.size
        else max(float(np.median(band[plausible])) for band in optical)
    )
    return LEVEL2_REFLECTANCE if median > LEVEL2_SWIR_FLOOR else TENTHOUSANDTHS


def recognise_temperature(thermal: np.ndarray, measured: np.ndarray, where: str) -> Coding:
    """Recognise the coding of the thermal band from the median of its ``measured`` pixels (bool, H x W).

    Raises CodingError when it fits none.
    """
    median = float(np.median(thermal[measured]))
    if KELVIN_RANGE[0] <= median <= KELVIN_RANGE[1]:
        return KELVIN
    low, high = np.percentile(thermal[measured], (1, 99))
    if TENTHS_RANGE[0] <= low and high <= TENTHS_RANGE[1]:
        return TENTHS_OF_KELVIN
    if LEVEL2_TEMPERATURE_RANGE[0] < median <= LEVEL2_TEMPERATURE_RANGE[1]:
        return LEVEL2_TEMPERATURE
    raise CodingError(
        f"{where}: a median of {median:g} is neither kelvin ({KELVIN_RANGE[0]:g}..{KELVIN_RANGE[1]:g}), kelvin times "
        "10, degrees Celsius nor Collection-2 Level-2 numbers; convert the band, or leave it out to map without "
        "temperature."
    )


def looks_celsius(numbers: np.ndarray) -> bool:
    """Whether numbers (N,) can be nothing but degrees Celsius; whole numbers above 0 may be anything of 8 bits."""
    numbers = numbers[numbers != 0]
    if not numbers.size:
        return False
    low, high = np.percentile(numbers, (1, 99))
    usual = CELSIUS_RANGE[0] <= low and high <= CELSIUS_RANGE[1] and high - low >= CELSIUS_SPREAD
    return bool(usual and (low < 0 or (high > WARM and (numbers % 1 != 0).any())))


def to_physical(band: np.ndarray, coding: Coding, valid: np.ndarray) -> np.ndarray:
    """Turn numbers into reflectance or kelvin, float32 (H, W), 0 under nodata."""
    numbers = np.where(valid, band, 0).astype(np.float32, copy=False)  # a float64 fill value may be beyond float32
    numbers *= np.float32(coding.scale)
    numbers += np.float32(coding.offset)
    return np.where(valid, numbers, np.float32(0))
