"""What lies between the ground and the numbers: skylight, path radiance, absorption, and a sensor that saturates.

Atmospheric correction takes path radiance away and lifts what the terrain shades, and over-corrected shadow goes below
zero. Top-of-atmosphere reflectance keeps both: shadows are blue and never black (Chavez 1988,
doi:10.1016/0034-4257(88)90019-3). Older sensors saturate over snow, each band at a level of its own (Dozier 1989,
doi:10.1016/0034-4257(89)90101-6).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tiles.tile import OPTICAL_BANDS

# Path reflectance of a clear sky at nadir and the share that it absorbs, blue to SWIR1: Rayleigh's law with a little
# aerosol, near what the darkest pixels of uncorrected Landsat scenes show
PATH = dict(zip(OPTICAL_BANDS, (0.10, 0.065, 0.04, 0.004)))
ABSORBED = dict(zip(OPTICAL_BANDS, (0.15, 0.12, 0.08, 0.04)))
SHADE = 0.02  # reflectance below which correction is undone: skylight keeps shadow above zero


@dataclass(frozen=True)
class Atmosphere:
    """How often and how far a copy is uncorrected or saturated; ranges are of uniform draws."""

    uncorrected: float = 0.5  # share of the copies as top-of-atmosphere reflectance
    thickness: tuple[float, float] = (0.3, 1.6)  # times PATH and ABSORBED
    saturated: float = 0.35  # share of the copies whose visible bands saturate
    level: tuple[float, float] = (0.35, 1.0)  # reflectance at which they do
    spread: float = 0.15  # log spread of that level between the bands


def seen_from_orbit(
    bands: Mapping[str, np.ndarray], atmosphere: Atmosphere, random: np.random.Generator
) -> dict[str, np.ndarray]:
    """The optical bands (reflectance, any shape) of ``bands`` as another atmosphere and sensor give them."""
    seen = {name: bands[name] for name in OPTICAL_BANDS}
    if random.random() < atmosphere.uncorrected:
        thickness = random.uniform(*atmosphere.thickness)
        seen = {name: uncorrected(band, name, thickness) for name, band in seen.items()}
    if random.random() < atmosphere.saturated:
        level = random.uniform(*atmosphere.level)
        for name in OPTICAL_BANDS[:-1]:  # SWIR1 is dark over snow and never saturates there
            seen[name] = np.minimum(seen[name], level * np.exp(random.normal(0, atmosphere.spread)))
    return seen


def uncorrected(band: np.ndarray, name: str, thickness: float) -> np.ndarray:
    """Top-of-atmosphere reflectance of a band from its surface reflectance, never below the path's own."""
    lit = (band + np.sqrt(band**2 + SHADE**2)) / 2
    return np.asarray(lit * (1 - ABSORBED[name] * thickness) + PATH[name] * thickness)
