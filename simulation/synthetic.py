"""Synthetic glacier scenes in the challenge's layout, for the demo and the tests; nothing that ships learns from them.

    python -m simulation.synthetic --out out/sample --tiles 4 --seed 0
    python -m simulation.synthetic --out out/sample --kind "late summer"

Mountains, glaciers and a season (snow under a low winter sun, bare ice and rock in late summer, debris on the
tongues) make the reflectance and the surface temperature that a Landsat Level-2 product would report, with its
faults: negative reflectance in shadow, saturation, masked clouds.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import radians, sin
from pathlib import Path

import numpy as np
from scipy import ndimage

from command import add_shared, new_parser
from errors import exit_code
from simulation.kinds import MEAN_HEIGHT, SEASONS, Cover, Season
from simulation.terrain import CELL_PIXELS, PIXEL, Landscape, fractal, landscape, slope_of, sunlight
from tiles.coding import LEVEL2_REFLECTANCE, LEVEL2_TEMPERATURE, Coding
from tiles.raster import write_raster
from tiles.tile import BAND_NAMES, OPTICAL_BANDS, THERMAL_BAND, Georeference

# What 20 Landsat-8 tiles of a glaciated winter scene measure (Zanskar, Collection 2 Level 2), pooled over their
# valid pixels; lit is green > 0.2, dark is green < 0.05, and bands are medians. All numbers below and those of the
# winter in simulation/kinds.py are set so that winter scenes come out near these; the tests say how near.
MEASURED = {
    "valid": 0.76,
    "glacier": 0.43,
    "dark": 0.26,
    "green > 0.9": 0.45,
    "green, lit glacier": 1.11,
    "green, lit ground": 1.09,
    "swir1, lit glacier": 0.038,
    "swir1, lit ground": 0.070,
    "red, dark": -0.04,
    "swir1, dark": -0.016,
    "thermal, glacier": 252.6,
    "thermal, ground": 258.3,
    "MCC of the best NDSI threshold": 0.40,
}

SMALLEST_SCENE = 256  # pixels a side; a smaller view is cut from such a scene, or it would hold no valley
SWATH_EDGE_ODDS = 0.15
SUN_AZIMUTH = (146.0, 164.0)  # degrees from north: the morning overpass
GRAZING = 0.65  # snow is brighter under grazing light than a matt surface (Warren 1982, doi:10.1029/RG020i001p00067)
GLARE = 1.17  # and brighter to a sensor above than on average over the sky
SKY = (0.115, 0.10, 0.075, 0.015)  # light from the sky as a part of the sun's on level ground
BOUNCED = 0.05  # light that a slope receives from the slopes opposite, as a part of theirs
# Level-2 processing takes off more haze than there is: more of it high up and beside bright snow (adjacency)
HAZE, HAZE_BESIDE_SNOW, HAZE_PER_KILOMETRE = 0.08, 0.09, 0.10
HAZE_OF_BAND = (1.0, 0.92, 1.1, 0.10)
OFFSET_OF_BAND = (0.0, 0.0, 0.0, -0.013)
NOISE_OF_BAND = (0.006, 0.006, 0.006, 0.002)
BLOTCH_OF_BAND = (0.02, 0.02, 0.02, 0.0)  # what the atmosphere leaves in each visible band
LAPSE_RATE = -6.5e-3  # kelvin per metre
MELTING, THAWED = 273.15, 40.0  # kelvin; snow and ice get no warmer, and ground by so much at most
HIGHEST_NUMBER = 65_455  # where Collection-2 Level-2 numbers end: reflectance 1.6
LANDSAT_BANDS = ("B2", "B3", "B4", "B6", "B10")
GRID_COLUMNS = 5
GRID_ORIGIN = (600_000.0, 3_750_000.0)  # easting and northing of the sample's upper left corner, UTM zone 43N


@dataclass(frozen=True)
class SyntheticScene:
    """A scene and its truth.

    ``bands``: float32 (H, W); surface reflectance for blue, green, red and swir1, surface temperature in kelvin
    for thermal where asked for; finite everywhere, 0 where not ``valid``. ``truth``: bool (H, W), glacier, never
    outside ``valid``. ``valid``: bool (H, W).
    """

    bands: dict[str, np.ndarray]
    truth: np.ndarray
    valid: np.ndarray


def synthetic_scene(
    seed: int, shape: tuple[int, int] = (512, 512), *, kind: str = "winter", thermal: bool = True
) -> SyntheticScene:
    """A scene of (H, W) pixels of 30 m, the same for the same seed; 512 x 512 takes less than a second.

    ``kind``: one of SEASONS.
    """
    season = SEASONS[kind]
    random = np.random.default_rng(seed)
    rows, columns = (-(-max(side, SMALLEST_SCENE) // CELL_PIXELS) * CELL_PIXELS for side in shape)
    land = landscape(random, (rows, columns), random.uniform(*season.glacier))
    glacier = ndimage.gaussian_filter(land.ice, 1.0, mode="wrap") > 0
    azimuth, altitude = radians(random.uniform(*SUN_AZIMUTH)), radians(random.uniform(*season.sun_altitude))
    incidence, seen = sunlight(land.surface + flow_ridges(random, glacier), azimuth, altitude)
    sun = GLARE * seen * (incidence / sin(altitude)) ** GRAZING
    cover = season.cover(random, land, glacier, sun)
    bands = dict(zip(OPTICAL_BANDS, reflectance(random, land, cover, sun, season)))
    valid = cloud_free(random, season.doubt * cover["rock"] * sun, season.clouds)
    if thermal:
        bands[THERMAL_BAND] = temperature(random, land, cover, glacier, sun, season)
    view = best_view(glacier & valid, shape)
    valid = valid[view]
    for name, band in bands.items():
        numbers, coding = to_numbers(band[view], name), coding_of(name)
        measured = numbers * np.float32(coding.scale) + np.float32(coding.offset)
        bands[name] = np.where(valid, measured, np.float32(0))
    return SyntheticScene(bands, glacier[view] & valid, valid)


def flow_ridges(random: np.random.Generator, glacier: np.ndarray) -> np.ndarray:
    """Height (H, W) in metres of the ridges along a glacier's flow: lines of equal distance from its margin."""
    margin = ndimage.distance_transform_edt(glacier).astype(np.float32)
    wave = np.sin(margin * (2 * np.pi / 7) + 2 * fractal(random, glacier.shape, 1.0, 100, 20))
    strength = np.clip(fractal(random, glacier.shape, 1.0, 200, 30), 0, 2) * np.clip(margin / 4, 0, 1)
    return np.asarray(ndimage.gaussian_filter(1.5 * wave * strength, 0.7))


def reflectance(
    random: np.random.Generator, land: Landscape, cover: Cover, sun: np.ndarray, season: Season
) -> list[np.ndarray]:
    """Surface reflectance (H, W) of blue, green, red and SWIR1 as Level-2 processing reports it."""
    shape = sun.shape
    spectra = season.spectra(random, shape)
    grain = np.exp(0.4 * fractal(random, shape, 0.9))  # snow of finer grain is brighter in SWIR1
    around = ndimage.gaussian_filter(sun * (1 - cover["rock"] - cover["plants"]), 12, mode="wrap")
    bounced = BOUNCED * slope_of(land.surface) * around
    haze = HAZE + HAZE_BESIDE_SNOW * around + HAZE_PER_KILOMETRE * (land.surface - MEAN_HEIGHT) / 1000
    haze = np.maximum(haze, 0.02) * np.exp(0.5 * fractal(random, shape, 0.6, 120) - 0.1)
    haze = season.haze * (haze + 0.02 * fractal(random, shape, 0.3, 14, 4))  # aerosol is found block by block
    bands = []
    for number, name in enumerate(OPTICAL_BANDS):
        albedo = sum(cover[kind] * spectra[kind][number] for kind in cover)
        if name == "swir1":
            albedo = albedo + (grain - 1) * sum(cover[kind] * spectra[kind][number] for kind in ("snow", "firn"))
        band = albedo * (sun + SKY[number] + bounced) - HAZE_OF_BAND[number] * haze
        left = OFFSET_OF_BAND[number] + BLOTCH_OF_BAND[number] * fractal(random, shape, 0.5, 60, 3)
        band = ndimage.gaussian_filter(band + season.haze * left, 0.5)
        gain = 1 + 0.01 * random.standard_normal(shape, np.float32)
        bands.append(band * gain + NOISE_OF_BAND[number] * random.standard_normal(shape, np.float32))
    return bands


def temperature(
    random: np.random.Generator, land: Landscape, cover: Cover, glacier: np.ndarray, sun: np.ndarray, season: Season
) -> np.ndarray:
    """Surface temperature (H, W) in kelvin: height, sun, bare ground and cold air over ice, seen at 100 m."""
    kelvin = season.temperature + LAPSE_RATE * (land.surface - MEAN_HEIGHT) + season.sun_warming * (sun - 1)
    stony = cover["rock"] + 0.5 * cover["plants"] + 0.7 * cover["debris"]
    kelvin = kelvin + season.rock_warming * stony * sun + 8 * cover["water"]
    kelvin = kelvin - season.ice_cooling * ndimage.gaussian_filter(glacier.astype(np.float32), 4)
    kelvin = kelvin + 2.0 * fractal(random, sun.shape, 1.2, shortest=8) + random.normal(0, 1.5)
    kelvin = np.minimum(kelvin, MELTING + THAWED * (1 - cover["snow"] - cover["firn"] - cover["ice"]))
    return np.asarray(ndimage.gaussian_filter(kelvin, 1.6) + 0.12 * random.standard_normal(sun.shape, np.float32))


def cloud_free(random: np.random.Generator, patchy: np.ndarray, share: tuple[float, float]) -> np.ndarray:
    """Valid pixels (H, W), all but a ``share`` drawn from the range.

    Squares and specks are lost where the cloud mask is in doubt, above all over patches of rock and snow in the sun
    (``patchy``, H x W), and now and then there is the edge of the swath.
    """
    shape = patchy.shape
    doubt = 0.4 * ndimage.gaussian_filter(patchy, 3) + 0.35 * fractal(random, shape, 1.2, 100, 10)
    doubt = np.where(random.random(shape) < 0.03, doubt, -np.inf)
    doubt = ndimage.maximum_filter(ndimage.maximum_filter(doubt, (5, 7)), 6)
    valid = doubt < np.quantile(doubt, 1 - random.uniform(*share))
    valid &= random.random(shape) > np.minimum(0.03 * patchy, 0.03)
    if random.random() < SWATH_EDGE_ODDS:
        rows, columns = np.indices(shape)
        across = columns / shape[1] + 0.25 * rows / shape[0]
        valid &= across < np.quantile(across, random.uniform(0.6, 0.9))
    return np.asarray(valid)


def best_view(glacier: np.ndarray, shape: tuple[int, int]) -> tuple[slice, slice]:
    """Where a view of ``shape`` has the share of glacier nearest to that of the whole scene (bool, H x W)."""
    height, width = shape
    counts = np.pad(glacier.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    inside = counts[height:, width:] - counts[:-height, width:] - counts[height:, :-width] + counts[:-height, :-width]
    miss = np.abs(inside / (height * width) - glacier.mean())
    row, column = divmod(int(miss.argmin()), miss.shape[1])
    return slice(row, row + height), slice(column, column + width)


def coding_of(name: str) -> Coding:
    """The Collection-2 Level-2 coding of a band."""
    return LEVEL2_TEMPERATURE if name == THERMAL_BAND else LEVEL2_REFLECTANCE


def to_numbers(band: np.ndarray, name: str) -> np.ndarray:
    """A band (H, W) as whole Collection-2 Level-2 numbers (float32); deep shadow is 0 in visible bands alone."""
    coding = coding_of(name)
    lowest = 0 if name in ("blue", "green", "red") else 1
    return np.clip(np.round((band - coding.offset) / coding.scale), lowest, HIGHEST_NUMBER).astype(np.float32)


def write_sample(
    folder: Path,
    seed: int = 0,
    tiles: int = 4,
    shape: tuple[int, int] = (512, 512),
    kinds: Sequence[str] = ("winter",),
) -> list[str]:
    """Write tiles with labels in the challenge's layout: float32 Collection-2 Level-2 numbers, 0 for nodata.

    Returns the tile ids, ``RR_CC`` on a grid of five columns; each tile is a scene of its own, of ``kinds`` in turn.
    Raises OutputError where the folder cannot be written to.
    """
    ids = []
    for number in range(tiles):
        row, column = divmod(number, GRID_COLUMNS)
        tile_id = f"{row + 1:02d}_{column + 1:02d}"
        scene = synthetic_scene(seed * 1000 + number, shape, kind=kinds[number % len(kinds)])
        georeference = grid_georeference(row, column, shape)
        for place, (name, code) in enumerate(zip(BAND_NAMES, LANDSAT_BANDS), 1):
            image = np.where(scene.valid, to_numbers(scene.bands[name], name), np.float32(0))
            write_raster(Path(folder) / f"Band{place}" / f"{code}_{code}_masked_{tile_id}.tif", image, georeference)
        label = np.where(scene.truth, np.float32(255), np.float32(0))
        write_raster(Path(folder) / "label" / f"Y_output_resized_{tile_id}.tif", label, georeference)
        ids.append(tile_id)
    return ids


def grid_georeference(row: int, column: int, shape: tuple[int, int]) -> Georeference:
    """GeoTIFF tags (OGC GeoTIFF 1.1) of a tile on a grid in UTM zone 43N, WGS 84 (EPSG:32643)."""
    east, north = GRID_ORIGIN[0] + column * shape[1] * PIXEL, GRID_ORIGIN[1] - row * shape[0] * PIXEL
    keys = (1, 1, 0, 4, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32643, 3076, 0, 1, 9001)
    return Georeference(
        (
            (33550, 12, 3, (PIXEL, PIXEL, 0.0)),
            (33922, 12, 6, (0.0, 0.0, 0.0, east, north, 0.0)),
            (34735, 3, len(keys), keys),
        )
    )


def main() -> int:
    """Write a sample from the command line."""
    parser = new_parser(
        "Write synthetic glacier tiles with labels in the challenge's layout.",
        "python -m simulation.synthetic --out out/sample --tiles 4 --seed 0",
    )
    add_shared(parser, "out", required=True, help="folder for Band1..Band5 and label")
    parser.add_argument("--tiles", type=int, default=4, help="how many (default 4)")
    add_shared(parser, "seed", help="the same seed gives the same tiles (default 0)")
    parser.add_argument("--kind", choices=tuple(SEASONS), default="winter", help="what the scenes show")
    parser.add_argument("--size", type=int, default=512, help="pixels a side (default 512)")
    options = parser.parse_args()
    if options.tiles < 1 or options.size < 1 or options.seed < 0:
        parser.error("--tiles and --size must be at least 1 and --seed at least 0")

    def work() -> None:
        ids = write_sample(options.out, options.seed, options.tiles, (options.size, options.size), (options.kind,))
        print(f"Wrote {len(ids)} tiles ({', '.join(ids)}) to {options.out}.")

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
