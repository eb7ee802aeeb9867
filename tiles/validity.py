"""What is a measurement: the one rule that says which pixels are valid and where the temperature is known.

Digital numbers (Landsat and Sentinel-2 products, the challenge's tiles) are never 0 where something was measured:
0 in SWIR1 is nodata, 0 in a visible band alone is shadow so deep that the numbers end (USGS LSDS-1619: Level-2
numbers begin at a reflectance of -0.2). Reflectance itself falls below 0 in terrain shadow, where more haze is taken
off than there is; there nodata is what no measurement can be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

import numpy as np

from tiles.coding import CELSIUS, EIGHT_BIT, LEVEL2_REFLECTANCE, Coding, looks_celsius, recognise_temperature
from tiles.tile import OPTICAL_BANDS

Tags = Mapping[str, tuple[float, ...]]  # the nodata values that the files themselves name, by band

LOWEST_REFLECTANCE = -0.9  # shadow ends at -0.2; the fill value -9999 is -0.9999 where 10 000 is 1
HIGHEST_REFLECTANCE = 5.0  # snow facing a low sun is below 3
BRIGHTEST_LEVEL2 = 1.6  # where Level-2 numbers end
FILL_BELOW = -9_000.0  # no coding has numbers below, so a constant there is a fill value
LARGEST_NUMBER = 65_535  # of 16 bits; a fill value beyond it is no temperature
ALL_ZERO = dict.fromkeys(OPTICAL_BANDS, (0.0,))
DOUBTFUL_SHARE = 0.05  # of the pixels, from which on a note says so


def plausible_pixels(numbers: Mapping[str, np.ndarray], tags: Tags) -> np.ndarray:
    """Pixels (bool, H x W) whose numbers tell the coding, before it is known: fill values of every kind are left out.

    ``numbers``: (H, W) arrays by band, in the file's own numbers. A 0 in single bands is kept, and so is what may
    be shadow; of numbers that no coding has, each band's lowest is taken for its fill value.
    """
    plausible = ~all_hold(numbers, ALL_ZERO)
    for name in OPTICAL_BANDS:
        band = numbers[name]
        finite = np.isfinite(band)
        low = band[finite & (band < FILL_BELOW)]
        plausible &= finite & ~holds(band, [tag for tag in tags.get(name, ()) if tag != 0])
        if low.size:
            plausible &= band != low.min()
    return plausible


def valid_pixels(numbers: Mapping[str, np.ndarray], coding: Coding, tags: Tags) -> np.ndarray:
    """Pixels (bool, H x W) where all optical bands are measured.

    ``numbers``: (H, W) arrays by band, in the file's own numbers; ``coding`` of the optical bands; ``tags``: the
    files' own nodata values (GDAL_NODATA).

    - Every band is finite, and no number is beyond all reflectances (-9999, -32768, 65535 where 10 000 is 1).
    - Digital numbers: SWIR1 is above 0.
    - Reflectance: not all optical bands are 0, and SWIR1 is not -0.2, the number 0 of Level 2 when it was scaled
      with the rest. A 0 in SWIR1 alone is valid but doubtful: shadow is 0 where it was clipped or rounded.
    - A tag that no measurement can be (-9999) is nodata in any band. A tag that is also a possible measurement (0, or
      255 of 8 bits, which is snow) is nodata only where all optical bands hold it, because one band alone may have
      measured just that.
    """
    lowest, highest = number_range(coding)
    swir1 = numbers["swir1"]
    valid = swir1 > 0 if coding.digital else ~all_hold(numbers, ALL_ZERO)
    if not coding.digital:
        unscaled = (LEVEL2_REFLECTANCE.offset - coding.offset) / coding.scale
        valid &= ~(np.abs(swir1 - np.float32(unscaled)) <= 0.3 * LEVEL2_REFLECTANCE.scale / coding.scale)
    for name in OPTICAL_BANDS:
        band = numbers[name]
        valid &= (band >= lowest) & (band <= highest)  # false for NaN
    return valid & ~tagged(numbers, coding, tags)


def tagged(numbers: Mapping[str, np.ndarray], coding: Coding, tags: Tags) -> np.ndarray:
    """Pixels (bool, H x W) that the files' own nodata values leave out, as ``valid_pixels`` says."""
    lowest, _ = number_range(coding)
    brightest = (BRIGHTEST_LEVEL2 - coding.offset) / coding.scale
    others = {band: [tag for tag in tags.get(band, ()) if tag != 0] for band in OPTICAL_BANDS}  # 0 has its own rule
    found = np.zeros(numbers["swir1"].shape, bool)
    for band, values in others.items():
        found |= holds(numbers[band], [tag for tag in values if not lowest <= tag <= brightest])
    if all(others.values()):
        found |= all_hold(numbers, others)
    return found


def number_range(coding: Coding) -> tuple[float, float]:
    """Lowest and highest number that may be a measurement."""
    if coding.digital:
        return 0.0, float(LARGEST_NUMBER)
    return (
        (LOWEST_REFLECTANCE - coding.offset) / coding.scale,
        (HIGHEST_REFLECTANCE - coding.offset) / coding.scale,
    )


def holds(band: np.ndarray, values: Sequence[float]) -> np.ndarray:
    """Where (bool, H x W) a band is one of the values."""
    with np.errstate(over="ignore"):  # a tag of 64 bits may be beyond the band's 32
        return reduce(np.logical_or, [band == value for value in values], np.zeros(band.shape, bool))


def all_hold(numbers: Mapping[str, np.ndarray], values: Mapping[str, Sequence[float]]) -> np.ndarray:
    """Where (bool, H x W) every optical band is one of its values."""
    found = holds(numbers["swir1"], values["swir1"])
    if found.any():  # which is rare, and the other bands are then not looked at
        found = reduce(np.logical_and, [holds(numbers[band], values[band]) for band in OPTICAL_BANDS])
    return found


def measured_temperature(
    thermal: np.ndarray, valid: np.ndarray, tags: Sequence[float] = (), lowest: float = 0.0
) -> np.ndarray:
    """Valid pixels (bool, H x W) with a temperature: finite, above ``lowest``, not beyond 16 bits and no tag."""
    return valid & (thermal > lowest) & (thermal <= LARGEST_NUMBER) & ~holds(thermal, tags)


def temperature_coding(thermal: np.ndarray, valid: np.ndarray, tags: Sequence[float], where: str) -> Coding | None:
    """Recognise the coding of a thermal band (H, W); None where nothing is measured, CodingError where none fits."""
    if looks_celsius(thermal[measured_temperature(thermal, valid, tags, CELSIUS.lowest)]):
        return CELSIUS
    measured = measured_temperature(thermal, valid, tags)
    return recognise_temperature(thermal, measured, where) if measured.any() else None


def lacks_unit(kelvin: np.ndarray, measured: np.ndarray, optical: Coding) -> bool:
    """Whether a thermal band, beside optical ones of 8 bits, was cut to 8 bits too and so tells no temperature."""
    return optical is EIGHT_BIT and bool(kelvin.max(where=measured, initial=0) <= 255) and bool(measured.any())


def without_gaps(kelvin: np.ndarray, valid: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """Temperature (H, W) whose valid pixels without a measurement take the median, which says nothing about them."""
    return np.where(valid & ~measured, np.float32(np.median(kelvin[measured])), kelvin)


def doubts(numbers: Mapping[str, np.ndarray], coding: Coding, tags: Tags, usable: np.ndarray, where: str) -> list[str]:
    """Sentences on pixels of which the numbers do not tell whether something was measured, where they are not few.

    ``usable``: bool (H, W), false where something else says nodata. Of 8-bit reflectance every such pixel is told.
    """
    notes = []
    zero = all_hold(numbers, ALL_ZERO) & usable
    alone = (numbers["swir1"] == 0) & usable & ~zero
    if np.count_nonzero(alone) > (0 if coding == EIGHT_BIT else DOUBTFUL_SHARE * usable.size):
        meaning = (
            "are treated as nodata"
            if coding.digital
            else "are mapped, though SWIR1 may be nodata or shadow that was cut off at 0; "
            f"{share_of(zero)} are 0 in all bands and are treated as nodata, though they may be such shadow"
        )
        notes.append(f"{where}: {share_of(alone)} are 0 in SWIR1 alone and {meaning}")
    strange = out_of_range(numbers, coding) & usable & ~tagged(numbers, coding, tags)
    if np.count_nonzero(strange) > DOUBTFUL_SHARE * usable.size:
        notes.append(f"{where}: {share_of(strange)} are beyond {coding.name} and are treated as nodata")
    return notes


def out_of_range(numbers: Mapping[str, np.ndarray], coding: Coding) -> np.ndarray:
    """Pixels (bool, H x W) with a finite number that is no measurement and no usual fill value either."""
    lowest, highest = number_range(coding)
    found = np.zeros(numbers["swir1"].shape, bool)
    for name in OPTICAL_BANDS:
        band = numbers[name]
        if not band.min() >= lowest or not band.max() <= highest:  # which is rare
            found |= ((band > FILL_BELOW) & (band < lowest)) | ((band > highest) & (band < np.inf))
    return found


def share_of(pixels: np.ndarray) -> str:
    """How many of the pixels (bool, H x W) are true, in words."""
    count = np.count_nonzero(pixels)
    return f"{count} of {pixels.size} pixels ({count / pixels.size:.1%})"
