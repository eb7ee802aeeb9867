"""A synthetic Greenland: RGB mosaics of one place on four dates, its lakes, an elevation model, ice and two regions.

    python -m simulation.greenland --out out/greenland --seed 0

Made for the demo and the tests of lakes; nothing that ships learns from it. Lakes of several depths fill and drain
from date to date; most lie in basins of the elevation model, some basins are dry, and some lakes are younger than the
model. What is mistaken for lakes is there too: films of water on snow, streams, slush, shadows of nunataks, dark
rock, and lakes on the land before the ice, which are none of the ice's. Colours are 8 bits as of a picture of
Sentinel-2, pixels 38.2185 m in EPSG:3857, as in the mosaics of the ACM SIGSPATIAL Cup 2023.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import shapely
from rasterio.features import shapes
from rasterio.transform import Affine
from scipy import ndimage

from command import add_shared, new_parser
from errors import SettingError, exit_code
from scenes.vectors import write_geopackage
from simulation.terrain import fractal
from tiles.raster import atomic_output

PIXEL = 38.2185  # units of EPSG:3857
TRANSFORM = Affine(PIXEL, 0, -5_460_000, 0, -PIXEL, 10_750_000)  # 69 degrees north, 49 west
CRS = "EPSG:3857"
DATES = ("2019-06-03", "2019-06-20", "2019-07-31", "2019-08-25")
FILLED = ((0.55, 0.9), (0.65, 1.0), (0.75, 1.0), (0.6, 0.95))  # share of a basin's depth that is water, on each date
EMPTY = (0.35, 0.15, 0.1, 0.35)  # share of the lakes that are not there, on each date
FILM = (0.35, 0.75)  # metres of water on snow
SMALLEST = 100_000.0  # m2 in EPSG:3857 of a lake in the truth
COARSER = 2  # pixels of the mosaic in one of the elevation model
LAND = 0.2  # share of the columns, in the west
SNOW, BARE, ROCK = (232, 236, 240), (168, 176, 186), (74, 66, 60)
SLUSH, PALE, STREAM, SHADOW = (128, 160, 186), (138, 174, 198), (60, 108, 172), (52, 70, 108)
WATER, DEEP = np.array([1.2, 4.0, 12.0]), np.array([26, 34, 28])  # metres of absorption of each band, and what is left


@dataclass(frozen=True)
class Place:
    """What stays from date to date; all (H, W).

    ``height``: float32, metres, with its basins. ``basin``: float32, depth of each basin below its rim, 0 elsewhere;
    ``number``: int32, of the basin in a pixel from 1. ``wet``: bool (N,), basins that hold lakes; ``film``: bool (N,),
    that are none in truth, but snow under a film of water, which looks like a shallow lake. ``ice``, ``rock``,
    ``shadow``, ``slush``, ``pale`` (snow soaked with less water), ``stream``: float32 shares in 0..1.
    """

    height: np.ndarray
    basin: np.ndarray
    number: np.ndarray
    wet: np.ndarray
    film: np.ndarray
    ice: np.ndarray
    rock: np.ndarray
    shadow: np.ndarray
    slush: np.ndarray
    pale: np.ndarray
    stream: np.ndarray


def basins(random: np.random.Generator, shape: tuple[int, int], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Depth and number of ``count`` basins at most, none of which touch; radii of 11 to 45 pixels, small ones more."""
    rows, columns = np.indices(shape, dtype=np.float32)
    bent = 1 + 0.16 * fractal(random, shape, 1.0, 80, 8)
    depth, number, places = np.zeros(shape, np.float32), np.zeros(shape, np.int32), np.zeros((0, 3))
    for _ in range(20 * count):
        radius = 11 * (1 - random.random() * 0.85) ** -0.75
        row, column = random.uniform(0, shape[0]), random.uniform(0, shape[1])
        if (np.hypot(places[:, 0] - row, places[:, 1] - column) < 1.6 * (places[:, 2] + radius) + 3).any():
            continue
        places = np.append(places, [[row, column, radius]], axis=0)
        turn, long = random.uniform(0, np.pi), random.uniform(1.0, 1.4)
        along = (rows - row) * np.cos(turn) + (columns - column) * np.sin(turn)
        across = (columns - column) * np.cos(turn) - (rows - row) * np.sin(turn)
        bowl = (1 - (np.hypot(along / long, across * long) * bent / radius) ** 2) * random.uniform(0.05, 0.22) * radius
        here = bowl > 0
        depth[here], number[here] = bowl[here], len(places)
        if len(places) == count:
            break
    return depth, number


def place(seed: int, shape: tuple[int, int], count: int) -> Place:
    """A place of (H, W) pixels with ``count`` basins, the same for the same seed."""
    random = np.random.default_rng([seed, 0])
    basin, number = basins(random, shape, count)
    rows, columns = np.indices(shape, dtype=np.float32)
    margin = LAND * shape[1] + 0.03 * shape[1] * fractal(random, shape, 1.5, np.inf, 30)[:, :1]
    nunataks = soft(fractal(random, shape, 1.6, 200, 12), 2.5) * (number == 0)
    ice = (columns > margin) * (1 - nunataks)
    rock = 1 - ice
    shadow = np.clip(np.roll(nunataks, (-7, -5), (0, 1)) - nunataks, 0, 1) * (columns > margin)
    slush, pale = (soft(fractal(random, shape, 1.2, 120, 10), level) * ice for level in (1.9, 1.75))
    winding = fractal(random, shape, 2.0, 260, 24)
    stream = np.clip(1.6 - np.abs(winding) / np.hypot(*np.gradient(winding)).clip(1e-3), 0, 1) * ice
    stream *= soft(fractal(random, shape, 1.5, 300, 60), 0.3)
    count = int(number.max())
    film = random.random(count) < 0.25
    wet = ~film & (random.random(count) > 0.2)
    mapped = np.concatenate([[False], ~film & (random.random(count) > 0.08)])[number]  # basins that the model has
    height = 900 + 0.02 * columns + 0.12 * fractal(random, shape, 1.3, np.inf, 6) - basin * mapped
    return Place(height, basin, number, wet, film, ice, rock, shadow, slush, pale, stream)


def soft(noise: np.ndarray, above: float) -> np.ndarray:
    """A share in 0..1 that rises where noise passes a level."""
    return np.asarray(np.clip((noise - above) * 4 + 0.5, 0, 1))


def water_depth(here: Place, seed: int, date: int) -> tuple[np.ndarray, np.ndarray]:
    """Metres of water in every pixel on one of DATES, float32 (H, W): of lakes, and of films on snow."""
    random = np.random.default_rng([seed, 1, date])
    count = len(here.wet)
    filled = random.uniform(*FILLED[date], count) * here.wet * (random.random(count) > EMPTY[date])
    thick = random.uniform(*FILM, count) * here.film * (random.random(count) > EMPTY[date])
    deepest = np.asarray(ndimage.maximum(here.basin, here.number, np.arange(1, count + 1)))
    dry = np.concatenate([[0], deepest * (1 - filled)])[here.number]
    share = np.concatenate([[0], thick / deepest])[here.number]
    return np.maximum(here.basin - dry, 0) * (here.number > 0), here.basin * share


def picture(here: Place, depth: np.ndarray, seed: int, date: int) -> np.ndarray:
    """The mosaic of a date, uint8 (3, H, W), never black."""
    random = np.random.default_rng([seed, 2, date])
    shape = depth.shape
    inland = np.clip(np.arange(shape[1]) / shape[1] + 0.2 * fractal(random, shape, 1.2, 300, 6) - 0.12 * date, 0, 1)
    bright, stony = (1 + share * fractal(random, shape, 0.7, 50) for share in (0.03, 0.2))
    soaked = (0.4, 0.8, 1.0, 0.5)[date]
    covers = ((here.slush, SLUSH, soaked), (here.pale, PALE, soaked), (here.stream, STREAM, 0.85))
    layers = []
    for band in range(3):
        layer = (BARE[band] + (SNOW[band] - BARE[band]) * inland) * bright
        for cover, colour, share in covers:
            layer = layer * (1 - share * cover) + colour[band] * share * cover
        layer = layer * here.ice + ROCK[band] * stony * here.rock
        layer = layer * (1 - here.shadow) + SHADOW[band] * here.shadow
        through = np.exp(-depth / WATER[band])
        layer = np.where(depth > 0, layer * through + DEEP[band] * (1 - through), layer)
        layers.append(ndimage.gaussian_filter(layer, 0.6) + 2.5 * random.standard_normal(shape))
    gain = random.uniform(0.92, 1.05)
    return np.clip(np.round(np.stack(layers) * gain), 2, 255).astype(np.uint8)


def outlines(mask: np.ndarray) -> list[shapely.Geometry]:
    """The connected pieces of a mask (H, W) in EPSG:3857, outer rings."""
    found = shapes(mask.astype(np.uint8), mask=mask, connectivity=4, transform=TRANSFORM)
    return [shapely.Polygon(shape["coordinates"][0]) for shape, _ in found]


def true_lakes(here: Place, depth: np.ndarray, image: str, regions: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The lakes on the ice of one date in each region that holds their middle, with ``image`` and ``region_num``."""
    drawn = [one for one in outlines((depth > 0) & (here.ice > 0.5)) if one.area >= SMALLEST]
    table = gpd.GeoDataFrame({"image": image}, geometry=drawn, crs=CRS, index=range(len(drawn)))
    middles = table.set_geometry(table.representative_point()).sjoin(regions, predicate="within")
    return table.join(middles["region_num"], how="inner")[["image", "region_num", "geometry"]]


def two_regions(shape: tuple[int, int]) -> gpd.GeoDataFrame:
    """A northern and a southern region inside the mosaic, with slanted sides."""
    height, width = shape
    drawn = []
    for top, bottom in ((0.02, 0.49), (0.51, 0.98)):
        corners = ((0.03, top), (0.96, top + 0.02), (0.98, bottom), (0.01, bottom - 0.02))
        drawn.append(shapely.Polygon([TRANSFORM * (x * width, y * height) for x, y in corners]))
    return gpd.GeoDataFrame({"region_num": [1, 2]}, geometry=drawn, crs=CRS)


def write_raster(path: Path, layers: np.ndarray, transform: Affine) -> None:
    """Layers (C, H, W) as a GeoTIFF, whole or not at all."""
    count, height, width = layers.shape
    profile = {"driver": "GTiff", "crs": CRS, "transform": transform, "count": count, "dtype": layers.dtype.name}
    with (
        atomic_output(path) as temporary,
        rasterio.open(
            temporary, "w", height=height, width=width, tiled=True, compress="deflate", predictor=2, **profile
        ) as file,
    ):
        file.write(layers)


def write_greenland(folder: Path, seed: int = 0, shape: tuple[int, int] = (1024, 1024), count: int = 90) -> list[Path]:
    """Write the mosaics ``greenland_<date>.tif``, dem.tif, regions.gpkg, lakes.gpkg and ice.gpkg; returns the mosaics.

    Raises SettingError where the mosaic is too small to hold anything.
    """
    if min(shape) < 128:
        raise SettingError(
            f"a mosaic of {shape[0]} x {shape[1]} pixels: is too small; give 128 pixels a side at least."
        )
    here, regions, tables, mosaics = place(seed, shape, count), two_regions(shape), [], []
    for number, date in enumerate(DATES):
        path = folder / f"greenland_{date}.tif"
        depth, film = water_depth(here, seed, number)
        write_raster(path, picture(here, depth + film, seed, number), TRANSFORM)
        tables.append(true_lakes(here, depth * (here.rock < 0.5), path.name, regions))
        mosaics.append(path)
    coarse = ndimage.zoom(here.height, 1 / COARSER, order=1, grid_mode=True, mode="nearest").astype(np.float32)
    step = Affine.scale(shape[1] / coarse.shape[1], shape[0] / coarse.shape[0])
    write_raster(folder / "dem.tif", coarse[None], TRANSFORM * step)
    ice = gpd.GeoDataFrame(geometry=outlines(ndimage.binary_closing(here.ice > 0.5, iterations=2)), crs=CRS)
    write_geopackage(regions, folder / "regions.gpkg")
    write_geopackage(gpd.GeoDataFrame(pd.concat(tables, ignore_index=True)), folder / "lakes.gpkg")
    write_geopackage(ice, folder / "ice.gpkg")
    return mosaics


def run(options: argparse.Namespace) -> None:
    """Write the scene and say what it holds."""
    mosaics = write_greenland(options.out, options.seed, (options.side, options.side), options.basins)
    lakes = gpd.read_file(options.out / "lakes.gpkg")
    print(f"Wrote {len(mosaics)} mosaics, {len(lakes)} lakes, 2 regions and an elevation model to {options.out}.")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "Write a synthetic Greenland with lakes on four dates.",
        "python -m simulation.greenland --out out/greenland --seed 0",
        "python -m simulation.greenland",
    )
    add_shared(parser, "out", default=Path("out/greenland"))
    add_shared(parser, "seed")
    parser.add_argument("--side", type=int, default=1024, help="pixels of the mosaics")
    parser.add_argument("--basins", type=int, default=90, help="at most")
    return parser.parse_args(argv)


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments()))


if __name__ == "__main__":
    sys.exit(main())
