"""The kinds of synthetic scenes: what covers the ground in each, its spectra, its sun, air and clouds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from scipy import ndimage

from simulation.terrain import Landscape, fractal, slope_of

MEAN_HEIGHT = 4300.0  # metres
Spectra = Mapping[str, tuple[Any, ...]]  # numbers, or float (H, W)
Cover = dict[str, np.ndarray]

# Reflectance of each cover alone in blue, green, red and SWIR1 (snow and ice: Dozier 1989,
# doi:10.1016/0034-4257(89)90101-6); firn lies on glaciers, older and more even than the snow on the slopes
ALBEDO: Spectra = {
    "snow": (0.92, 0.93, 0.94, 0.075),
    "firn": (0.94, 0.93, 0.94, 0.048),
    "ice": (0.66, 0.64, 0.58, 0.025),
    "rock": (0.11, 0.15, 0.19, 0.27),
    "plants": (0.04, 0.07, 0.06, 0.15),
    "debris": (0.11, 0.13, 0.15, 0.21),
    "water": (0.06, 0.05, 0.03, 0.005),
}
# What each may be in late summer: green, and blue, red and SWIR1 as parts of it. Snow is old and ice dirty; debris is
# the grey of fresh rock (rock and plants: Baldridge et al. 2009, doi:10.1016/j.rse.2008.11.007). Scenes come out near
# MEASURED_SUMMER, medians of real ones in late summer (Aletsch, Fiescher, Gorner, Athabasca; kelvin: Chhota Shigri
# and Belvedere): ice and debris are glacier with NDSI above and below 0.4, bare is other ground below 0.4; the shares
# are of other ground above 0.4 and of the glacier below.
SUMMER_RANGES = {
    "snow": ((0.60, 0.75), (0.92, 0.98), (0.99, 1.03), (0.05, 0.12)),
    "firn": ((0.66, 0.84), (0.93, 0.98), (1.00, 1.03), (0.02, 0.07)),
    "ice": ((0.33, 0.50), (0.93, 1.02), (0.97, 1.04), (0.03, 0.08)),
    "rock": ((0.14, 0.27), (0.70, 0.95), (1.04, 1.22), (0.8, 1.5)),
    "plants": ((0.05, 0.08), (0.50, 0.70), (0.70, 0.95), (1.5, 2.5)),
    "debris": ((0.14, 0.25), (0.80, 1.00), (1.00, 1.15), (0.8, 1.5)),
    "water": ((0.04, 0.12), (0.80, 1.10), (0.50, 0.90), (0.02, 0.1)),
}

MEASURED_SUMMER = {
    "green, ice": 0.69,
    "blue/green, ice": 0.945,
    "red/green, ice": 1.00,
    "swir1/green, ice": 0.047,
    "green, debris": 0.25,
    "blue/green, debris": 0.94,
    "red/green, debris": 1.01,
    "swir1/green, debris": 0.69,
    "green, bare": 0.21,
    "blue/green, bare": 0.84,
    "red/green, bare": 1.055,
    "swir1/green, bare": 0.93,
    "thermal, ice": 268.5,
    "thermal, bare": 286.0,
    "snowy share": 0.14,
    "debris share": 0.11,
}


@dataclass(frozen=True)
class Season:
    """What makes a kind of scene; pairs are ranges to draw from.

    ``cover`` makes the fractions (H, W) of each cover of ALBEDO, summing to 1, from random numbers, landscape, glacier
    (bool, H x W) and light (H, W). Temperatures in kelvin.
    """

    cover: Callable[[np.random.Generator, Landscape, np.ndarray, np.ndarray], Cover]
    spectra: Callable[[np.random.Generator, tuple[int, int]], Spectra]  # from random numbers and (H, W)
    glacier: tuple[float, float]  # share of the scene
    clouds: tuple[float, float]  # share of the scene
    sun_altitude: tuple[float, float]  # degrees
    doubt: float  # of the cloud mask over rock in the sun, as a part of the winter's
    haze: float  # and the other faults of the air's correction, as a part of the winter's
    temperature: float  # level snow at the mean height, could it not melt
    sun_warming: float  # between shade and level ground in the sun
    rock_warming: float  # and so much more on bare rock
    ice_cooling: float  # the air over a glacier is colder by (katabatic wind)


def logistic(value: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-value)), which cannot overflow."""
    return np.asarray(0.5 + 0.5 * np.tanh(value / 2))


def within(glacier: np.ndarray) -> np.ndarray:
    """0..1 (H, W): 1 inside glaciers, falling to 0 at the margin."""
    return np.clip(ndimage.gaussian_filter(glacier.astype(np.float32), 2.0) * 2 - 1, 0, 1)


def lakes(random: np.random.Generator, land: Landscape, glacier: np.ndarray) -> np.ndarray:
    """Fraction of open water (H, W): a few hollows of the flattest ground below the ice."""
    tilt = ndimage.gaussian_filter(slope_of(land.surface), 3.0, mode="wrap")
    tilt = tilt + 0.05 * fractal(random, glacier.shape, 1.0, 50, 6) + ndimage.binary_dilation(glacier, iterations=2)
    water = ndimage.gaussian_filter((tilt < np.quantile(tilt, 0.003)).astype(np.float32), 0.7)
    return np.clip(water, 0, 1)


def winter_cover(random: np.random.Generator, land: Landscape, glacier: np.ndarray, sun: np.ndarray) -> Cover:
    """Snow lies nearly everywhere, thinner on steep, sunny and low ground; firn lies on glaciers, ice and debris come
    through on the tongues; water stands in a few hollows of the valley floors."""
    shape = glacier.shape
    sunny = ndimage.gaussian_filter(sun, 3, mode="wrap") - 1.3
    low = (MEAN_HEIGHT - land.surface) / 1000
    blotches = 0.8 * fractal(random, shape, 0.5, 30) + 1.3 * fractal(random, shape, 1.0)
    bare = logistic(1.5 * (3.5 * sunny + 5.0 * low + 2.5 * (slope_of(land.surface) - 0.9) + blotches - 3.6))
    inside = within(glacier)
    water = lakes(random, land, glacier)
    tongue = inside * logistic(-land.above_line / 60 - 5) * (1 - water)
    debris = tongue * logistic(3 * fractal(random, shape, 1.0, 60, 4) - 2)
    exposed = (tongue - debris) * logistic(2 * fractal(random, shape, 1.0, 120, 6) - 1)
    rock = bare * np.where(glacier, 0.35, 1) * (1 - inside) * (1 - water)
    cover = {"water": water, "rock": rock, "plants": np.zeros_like(rock), "debris": 0.5 * debris, "ice": 0.7 * exposed}
    rest = np.clip(1 - water - rock - 0.5 * debris - 0.7 * exposed, 0, 1)
    return {**cover, "firn": rest * inside, "snow": rest * (1 - inside)}


def summer_cover(
    random: np.random.Generator, land: Landscape, glacier: np.ndarray, sun: np.ndarray, debris: tuple[float, float]
) -> Cover:
    """Above the snow line firn and patches of snow, below it bare ice, debris and ground with plants low down.

    The snow line lies near the equilibrium line. ``debris``: the range of the share of the glaciers that it hides; the
    ground beside the ice is the same grey rock.
    """
    shape = glacier.shape
    line = float(np.median((land.surface - land.above_line)[glacier])) if glacier.any() else float(land.surface.max())
    above = land.surface - line + 60 * fractal(random, shape, 1.0, 80, 4)
    inside = np.where(glacier, np.maximum(within(glacier), 0.5), 0).astype(np.float32)
    water = lakes(random, land, glacier)
    hidden = debris_cover(random, land, glacier, random.uniform(*debris))
    clean = inside * (1 - hidden)
    firn = clean * logistic(above / 30)
    shade = 2.0 * (1.3 - ndimage.gaussian_filter(sun, 3, mode="wrap")) - 2.5 * (slope_of(land.surface) - 0.7)
    lying = logistic(2.5 * (above / 200 - 2.0 + shade + 1.2 * fractal(random, shape, 0.7, 40)))
    ground = (1 - inside) * (1 - water)
    snow = ground * np.where(glacier, 0.5 * logistic(above / 30), lying)
    low = (-500 - above) / 120 - 3 * (slope_of(land.surface) - 0.4) + 1.5 * fractal(random, shape, 0.8, 100, 3)
    plants = (ground - snow) * logistic(low) * ~glacier
    beside = ndimage.gaussian_filter(glacier.astype(np.float32), 8)
    grey = logistic(6 * beside - 2 + 1.5 * fractal(random, shape, 1.0, 150, 6))  # moraines and fresh scree
    bare = ground - snow - plants
    cover = {"water": water * (1 - inside), "snow": snow, "firn": firn, "ice": clean - firn, "plants": plants}
    return {**cover, "debris": inside * hidden + bare * grey, "rock": bare * (1 - grey)}


def debris_cover(random: np.random.Generator, land: Landscape, glacier: np.ndarray, share: float) -> np.ndarray:
    """How much of a glacier's ice debris hides, 0..1 (H, W): ``share`` of the glaciers from the tongues up.

    Stripes along the flow (lines of equal distance from the margin) reach higher, and ice shows through by patches.
    """
    if not glacier.any() or share <= 0:
        return np.zeros(glacier.shape, np.float32)
    margin = ndimage.distance_transform_edt(glacier).astype(np.float32)
    stripes = np.sin(margin * (2 * np.pi / 11) + 1.5 * fractal(random, glacier.shape, 1.0, 100, 20))
    patches = fractal(random, glacier.shape, 0.8, 24, 3)
    reach = -land.above_line / 60 + 1.2 * stripes + 0.8 * patches + 1.5 * np.exp(-margin / 3)
    covered = logistic(2 * (reach - np.quantile(reach[glacier], 1 - share)))
    thick = np.clip(0.85 + 0.2 * stripes + 0.15 * patches, 0.3, 1)
    return np.asarray(np.where(glacier, covered * thick, 0))


def winter_spectra(random: np.random.Generator, shape: tuple[int, int]) -> Spectra:
    """The table as it is."""
    return ALBEDO


def summer_spectra(random: np.random.Generator, shape: tuple[int, int]) -> Spectra:
    """One draw from the ranges; how bright ground and ice are changes from place to place."""
    uneven = {
        **dict.fromkeys(("rock", "plants", "debris"), np.exp(0.25 * fractal(random, shape, 0.6, 200, 2))),
        "ice": np.exp(0.2 * fractal(random, shape, 0.8, 60, 2)),  # clean and dirty
    }
    drawn = {}
    for name, ranges in SUMMER_RANGES.items():
        green, blue, red, swir1 = (float(random.uniform(*span)) for span in ranges)
        bands = (green * blue, green, green * red, green * swir1)
        drawn[name] = tuple(band * uneven.get(name, 1.0) for band in bands)
    return drawn


WINTER = Season(
    cover=winter_cover,
    spectra=winter_spectra,
    glacier=(0.28, 0.54),
    clouds=(0.10, 0.31),
    sun_altitude=(24.0, 29.0),
    doubt=1.0,
    haze=1.0,
    temperature=259.3,
    sun_warming=7.0,
    rock_warming=12.0,
    ice_cooling=5.5,
)
SUMMER = Season(
    cover=partial(summer_cover, debris=(0.02, 0.10)),
    spectra=summer_spectra,
    glacier=(0.25, 0.45),
    clouds=(0.02, 0.12),
    sun_altitude=(45.0, 56.0),
    doubt=0.1,
    haze=0.15,
    temperature=279.0,
    sun_warming=4.0,
    rock_warming=11.0,
    ice_cooling=5.5,
)
SEASONS = {
    "winter": WINTER,
    "late summer": SUMMER,
    "debris-covered": replace(SUMMER, cover=partial(summer_cover, debris=(0.25, 0.5))),
}
