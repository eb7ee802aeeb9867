"""A labelled tile of a snowy scene as it would look once the seasonal snow has melted.

What no single training scene shows is its own other seasons. The outline stays where it is; outside it the snow
goes, but for patches, and rock, grass and lakes come out; inside it snow lies above the snow line and bare ice or
debris below. Debris is a cover of its own, fresh and grey, without plants, in stripes along the flow. The light on the
slopes and the cloud mask are the tile's own. Every property of the new season is drawn at random, wide of any one
place (domain randomisation, Tobin et al. 2017, arXiv:1703.06907), and no label or pixel of another scene is used: the
spectra are drawn from ranges set wide around what is published for snow and ice (Dozier 1989,
doi:10.1016/0034-4257(89)90101-6), for rock and plants (Baldridge et al. 2009, doi:10.1016/j.rse.2008.11.007) and for
debris on ice (Casey et al. 2012, doi:10.5194/tc-6-85-2012).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter

from features.indices import compute_index
from features.windows import Boxes
from simulation.atmosphere import Atmosphere, seen_from_orbit
from simulation.terrain import fractal
from tiles.folder import LabelledTile
from tiles.tile import OPTICAL_BANDS, THERMAL_BAND, Tile

SNOW_NDSI = 0.4  # above it a pixel shows snow or ice, whose brightness is the light that falls there
SNOW_REFLECTANCE = 0.9
COVERS = ("ground", "firn", "ice", "snow patch", "lake", "debris")
STRIPE = 6.0  # pixels, the mean width of a moraine on the ice


@dataclass(frozen=True)
class Seasons:
    """How many other seasons of each tile are drawn, and how; shares are probabilities or of the area."""

    copies: int = 6
    cut_out: float = 0.5  # share of the copies that show a crop of the tile, as smaller scenes do
    smallest_side: int = 224  # pixels of such a crop
    light_power: tuple[float, float] = (0.15, 0.7)  # a higher sun softens the shading
    snow_left: tuple[float, float] = (0.0, 0.35)  # of the ground outside glaciers
    snow_left_early: tuple[float, float] = (0.35, 0.8)  # in early summer
    early: float = 0.25
    debris: tuple[float, float] = (0.05, 0.7)  # of the glacier, drawn evenly in its logarithm
    debris_covered: float = 0.7  # share of the copies with debris
    lakes: float = 0.4
    clouds: float = 0.2
    thermal: float = 0.5
    atmosphere: Atmosphere = field(default_factory=Atmosphere)


def other_season(tile: Tile, truth: np.ndarray, seasons: Seasons, random: np.random.Generator) -> LabelledTile:
    """Draw another season of a tile, or of a crop of it, with its truth."""
    if random.random() < seasons.cut_out:
        tile, truth = square_crop(tile, truth, seasons.smallest_side, random)
    if not tile.valid.any():
        return LabelledTile(tile, truth)
    light, height = sunlight_of(tile), height_of(tile)
    fractions = cover_fractions(truth, height, tile.valid, seasons, random)
    light = relit(light, tile, random.uniform(*seasons.light_power))
    bands = seen_from_orbit(reflectances(fractions, light, random), seasons.atmosphere, random)
    if tile.has_thermal and random.random() < seasons.thermal:
        bands[THERMAL_BAND] = temperatures(tile, fractions, light, height, random)
    return LabelledTile(Tile(tile.tile_id, {}, tile.valid).with_bands(bands), truth)


def square_crop(tile: Tile, truth: np.ndarray, smallest: int, random: np.random.Generator) -> LabelledTile:
    """Draw a square crop of a tile; it holds glacier if twenty draws find such a one."""
    rows, columns = tile.shape
    largest = min(rows, columns)
    for _ in range(20):
        side = round(np.exp(random.uniform(np.log(min(smallest, largest)), np.log(largest))))
        top, left = random.integers(0, rows - side + 1), random.integers(0, columns - side + 1)
        box = (slice(top, top + side), slice(left, left + side))
        if tile.valid[box].mean() > 0.4 and truth[box].any():
            break
    bands = {name: band[box] for name, band in tile.bands.items()}
    return LabelledTile(Tile(tile.tile_id, bands, tile.valid[box]), truth[box])


def sunlight_of(tile: Tile) -> np.ndarray:
    """Light on each pixel as a share of full sunlight, float32 (H, W).

    Snow shows it; other ground takes its neighbours'.
    """
    green = np.clip(tile.bands["green"], 0.01, 1.0) / np.float32(SNOW_REFLECTANCE)
    snowy = (tile.valid & (compute_index("ndsi", tile.bands) > SNOW_NDSI)).astype(np.float32)
    return np.clip(np.where(snowy > 0, green, Boxes(snowy).mean(green, 21)), 0.02, 1.1).astype(np.float32)


def relit(light: np.ndarray, tile: Tile, power: float) -> np.ndarray:
    """The light under a higher sun, with the tile's fine relief kept at half strength."""
    smooth = gaussian_filter(light, 1.0)
    fine = np.log(light) - np.log(gaussian_filter(light, 2.0))
    lifted = smooth**power * np.exp(0.5 * power * fine)
    return np.clip(lifted / np.quantile(lifted[tile.valid], 0.8), 0.03, 1.5).astype(np.float32)


def height_of(tile: Tile) -> np.ndarray:
    """Relative height 0..1, float32 (H, W): the rank of how cold a pixel's surroundings are for their light."""
    valid = tile.valid
    if not tile.has_thermal:
        return np.full(tile.shape, 0.5, np.float32)
    light = np.log(gaussian_filter(sunlight_of(tile), 1.0))
    terms = np.stack([np.ones(int(valid.sum()), np.float32), light[valid]], axis=1)
    (level, slope), *_ = np.linalg.lstsq(terms, tile.bands[THERMAL_BAND][valid], rcond=None)
    cold = level + slope * light - tile.bands[THERMAL_BAND]
    return rank_within(Boxes(valid.astype(np.float32)).mean(np.where(valid, cold, 0), 15), valid)


def rank_within(values: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Rank 0..1 of each pixel among those selected, float32 (H, W)."""
    levels = np.quantile(values[among], np.linspace(0, 1, 257)) if among.any() else np.zeros(257)
    return (np.searchsorted(levels, values) / 257).astype(np.float32)


def blotches(random: np.random.Generator, shape: tuple[int, int], largest: float, smallest: float = 3.0) -> np.ndarray:
    """Smooth noise, mean 0 and standard deviation 1, with patches up to ``largest`` pixels."""
    return fractal(random, shape, 1.2, random.uniform(largest / 4, largest) * 2, smallest)


def cover_fractions(
    truth: np.ndarray, height: np.ndarray, valid: np.ndarray, seasons: Seasons, random: np.random.Generator
) -> Mapping[str, np.ndarray]:
    """How much of each pixel each of COVERS and cloud takes, float32 (H, W) each, summing to 1."""
    shape = truth.shape
    height = rank_within(height + random.uniform(0.1, 0.3) * blotches(random, shape, 80), valid)
    early = random.random() < seasons.early
    left = random.uniform(*(seasons.snow_left_early if early else seasons.snow_left))
    patchy = rank_within(height + random.uniform(0.1, 0.6) * blotches(random, shape, 30, 2), valid & ~truth) > 1 - left
    firn = height + 0.1 * blotches(random, shape, 40) > random.uniform(-0.2, 0.9)
    cover = np.where(truth, np.where(firn, 1, 2), np.where(patchy, 3, 0))
    if random.random() < seasons.lakes:
        cover = np.where((blotches(random, shape, 20) > random.uniform(2.2, 3.0)) & ~truth, 4, cover)
    blur = random.uniform(0.4, 1.0)
    shares = {name: gaussian_filter((cover == row).astype(np.float32), blur) for row, name in enumerate(COVERS)}
    debris = debris_cover(truth, height, seasons, random)
    for name in ("firn", "ice"):
        shares["debris"] = shares["debris"] + shares[name] * debris
        shares[name] = shares[name] * (1 - debris)
    thin = shares["snow patch"] * np.clip(0.3 - 0.3 * blotches(random, shape, 10, 2), 0.0, 0.7)
    shares["ground"] = shares["ground"] + thin  # shows through the patches
    shares["snow patch"] = shares["snow patch"] - thin
    veil = np.zeros(shape, np.float32)
    if random.random() < seasons.clouds:
        veil = np.clip((blotches(random, shape, 60, 4) - random.uniform(0.8, 2.0)) * 1.5, 0, 0.95).astype(np.float32)
    return {**{name: share * (1 - veil) for name, share in shares.items()}, "cloud": veil}


def debris_cover(truth: np.ndarray, height: np.ndarray, seasons: Seasons, random: np.random.Generator) -> np.ndarray:
    """Share of each pixel that debris hides, float32 (H, W): from the tongues up, in patches and stripes.

    Lines of equal distance from the margin follow the flow, as medial and lateral moraines do.
    """
    if random.random() >= seasons.debris_covered:
        return np.zeros(truth.shape, np.float32)
    margin = distance_transform_edt(truth)
    across = gaussian_filter(random.standard_normal(int(margin.max()) + 2), random.uniform(0.5, 1.5) * STRIPE / 2)
    stripes = np.interp(margin, np.arange(len(across)), across / max(across.std(), 1e-6))
    uneven = random.uniform(0.1, 0.4) * blotches(random, truth.shape, 16, 2) + random.uniform(0.0, 0.3) * stripes
    depth = rank_within(uneven - height, truth) - (1 - float(np.exp(random.uniform(*np.log(seasons.debris)))))
    return np.where(truth, np.clip(depth * random.uniform(5, 30), 0, random.uniform(0.75, 1.0)), 0).astype(np.float32)


def spectrum(cover: str, random: np.random.Generator) -> np.ndarray:
    """Reflectance of a cover in blue, green, red and SWIR1, float32 (4, 1, 1)."""
    u = random.uniform
    if cover == "snow":
        green = u(0.65, 0.95)
        bands = (green * u(0.93, 1.03), green, green * u(0.95, 1.03), u(0.005, 0.06))
    elif cover == "ice":
        green = u(0.22, 0.65)
        bands = (green * u(0.88, 1.12), green, green * u(0.85, 1.05), u(0.008, 0.08))
    elif cover == "lake":
        green = u(0.01, 0.12)
        bands = (green * u(0.8, 1.2), green, green * u(0.5, 1.0), u(0.0, 0.02))
    elif cover == "cloud":
        green = u(0.4, 0.9)
        bands = (green * u(0.98, 1.08), green, green * u(0.98, 1.03), green * u(0.5, 0.95))
    elif cover == "debris":  # fresh rock, without plants
        green = np.exp(u(np.log(0.06), np.log(0.32)))
        bands = (green * u(0.8, 1.0), green, green * u(1.0, 1.15), green * u(0.8, 1.5))
    elif random.random() < 0.3:  # ground with plants
        green = u(0.04, 0.09)
        bands = (green * u(0.5, 0.7), green, green * u(0.6, 0.95), green * u(1.5, 3.0))
    else:  # bare rock
        green = np.exp(u(np.log(0.06), np.log(0.32)))
        bands = (green * u(0.7, 0.98), green, green * u(1.0, 1.25), green * u(0.6, 2.0))
    return np.array(bands, np.float32).reshape(4, 1, 1)


def reflectances(
    fractions: Mapping[str, np.ndarray], light: np.ndarray, random: np.random.Generator
) -> dict[str, np.ndarray]:
    """Reflectance of each optical band (H, W) from covers and light, with haze and noise."""
    shape = light.shape
    kinds = [np.exp(2 * blotches(random, shape, 120)) for _ in range(3)]  # kinds of rock and plants, in zones
    total = sum(kind * spectrum("ground", random) for kind in kinds) / sum(kinds) * fractions["ground"]
    uneven = np.exp(random.uniform(0.05, 0.25) * blotches(random, shape, 30, 2))
    total += fractions["ice"] * uneven * spectrum("ice", random) + fractions["lake"] * spectrum("lake", random)
    for cover in ("firn", "snow patch"):  # snow of different age
        total += fractions[cover] * spectrum("snow", random)
    total += fractions["debris"] * np.exp(0.15 * blotches(random, shape, 20, 2)) * spectrum("debris", random)
    grain = gaussian_filter(random.standard_normal(shape, dtype=np.float32), random.uniform(0.3, 1.0))
    total *= light * np.exp(random.uniform(0.06, 0.3) * grain + random.normal(0, 0.1))
    total += fractions["cloud"] * spectrum("cloud", random)
    haze = abs(random.normal(0, 0.02)) * np.array([1.2, 1.0, 0.8, 0.3], np.float32)
    total += haze.reshape(4, 1, 1) + np.float32(0.003) * random.standard_normal(total.shape, dtype=np.float32)
    return dict(zip(OPTICAL_BANDS, total))


def temperatures(
    tile: Tile, fractions: Mapping[str, np.ndarray], light: np.ndarray, height: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Kelvin (H, W): colder with height, and ground in the sun warmer than snow and ice."""
    cold = sum(fractions[cover] for cover in ("firn", "ice", "snow patch", "cloud"))
    frozen = gaussian_filter(cold + random.uniform(0.1, 0.6) * fractions["debris"], 1.5)  # ice cools what lies on it
    level = float(np.median(tile.bands[THERMAL_BAND][tile.valid])) + random.uniform(0, 20)
    relief = random.uniform(8, 20) * (0.5 - height)
    return level + relief + random.uniform(8, 28) * np.clip(light, 0, 1.2) * (1 - frozen)
