"""Lakes by colour alone: blue water on white ice, and NDWI for ice.

    python -m lakes colours out/regions --out out/colours.gpkg
    python -m lakes colours out/regions --ndwi 0.25 --out out/ndwi.gpkg

The colour rule is that of an entry to the ACM SIGSPATIAL Cup 2023: four pairs of limits to red and blue, without white
and black, smoothed, filled and opened. Its text does not say in which order, nor how much of a smoothed mask is kept;
both are ours. Every region of every image is outlined by itself, so that dates never mix.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
from rasterio.errors import RasterioError
from rasterio.windows import Window
from scipy import ndimage
from tqdm import tqdm

from command import add_shared, from_zero, hidden, new_parser
from errors import SettingError, exit_code
from lakes.imagery import RegionFile, find_regions, rgb_bands
from lakes.polygons import CRS, lakes_table, outer_rings, write_lakes
from scenes.source import open_raster, unreadable
from scenes.vectors import polygons

BLOCK = 1024  # pixels a side


@dataclass(frozen=True)
class Colours:
    """Thresholds of the colour rule, in numbers of 0 to 255, and its tidying, in pixels."""

    blues: tuple[tuple[int, int], ...] = ((30, 90), (60, 105), (90, 120), (120, 150))  # red at most, blue at least
    white: int = 180  # all three bands at least
    black: int = 1  # all three bands at most
    sigmas: tuple[float, ...] = (5.0, 7.0)  # Gaussians that the mask is smoothed by, one after the other
    level: float = 0.5  # of a smoothed mask that is kept; ours: a straight edge stays where it is
    openings: tuple[tuple[int, int], ...] = ((5, 5), (10, 1), (1, 10))  # rectangles, rows and columns

    @property
    def halo(self) -> int:
        """Pixels around a block that can change it, but for holes."""
        return math.ceil(4 * sum(self.sigmas)) + sum(max(size) for size in self.openings)


def blue_water(rgb: np.ndarray, colours: Colours) -> np.ndarray:
    """Which pixels have the colour of water: ``rgb`` uint8 (3, H, W) to bool (H, W)."""
    red, _, blue = rgb
    found = np.logical_or.reduce([(red <= most) & (blue >= least) for most, least in colours.blues])
    white, black = (rgb >= colours.white).all(axis=0), (rgb <= colours.black).all(axis=0)
    return np.asarray(found & ~white & ~black)


def ndwi_ice(rgb: np.ndarray) -> np.ndarray:
    """NDWI for ice, (B - R) / (B + R), float32 (H, W), 0 where both are 0 (Yang and Smith 2013,
    doi:10.1109/LGRS.2012.2212251); ``rgb`` uint8 (3, H, W)."""
    red, blue = rgb[0].astype(np.float32), rgb[2].astype(np.float32)
    return np.asarray((blue - red) / np.maximum(blue + red, 1))


def tidied(mask: np.ndarray, colours: Colours) -> np.ndarray:
    """A mask (H, W) smoothed, filled and opened."""
    for sigma in colours.sigmas:
        mask = ndimage.gaussian_filter(mask.astype(np.float32), sigma, mode="nearest") >= colours.level
    mask = ndimage.binary_fill_holes(mask)
    for size in colours.openings:
        mask = ndimage.binary_opening(mask, np.ones(size, bool))
    return np.asarray(mask)


def coloured(rgb: np.ndarray, colours: Colours) -> np.ndarray:
    """The whole colour rule: ``rgb`` uint8 (3, H, W) to bool (H, W)."""
    return tidied(blue_water(rgb, colours), colours)


def above_ndwi(rgb: np.ndarray, threshold: float) -> np.ndarray:
    """Pixels whose NDWI for ice is above a threshold, bool (H, W)."""
    return ndwi_ice(rgb) > threshold


def outlined(region: RegionFile, rule: Callable[[np.ndarray], np.ndarray], halo: int) -> gpd.GeoDataFrame:
    """The outer rings of what a rule finds in a region, in EPSG:3857, with its image and number.

    ``rule``: uint8 (3, h, w) to bool (h, w); it sees ``halo`` pixels around each block. Memory does not grow with the
    region. Raises ProductError, GridError or RasterError.
    """
    with open_raster(str(region.path)) as source, tempfile.TemporaryDirectory() as folder:
        bands, mask = rgb_bands(source, region.path), Path(folder) / "mask.tif"
        profile = {"driver": "GTiff", "count": 1, "dtype": "uint8", "compress": "deflate", "bigtiff": "IF_SAFER"}
        profile.update({name: source.profile[name] for name in ("crs", "transform", "height", "width")})
        profile.update(tiled=True, blockxsize=256, blockysize=256, sparse_ok=True)
        try:
            with rasterio.open(mask, "w", **profile) as target:
                for inner, outer in windows(source.height, source.width, halo):
                    rgb = source.read(bands, window=outer)
                    if rgb.any():
                        top, left = inner.row_off - outer.row_off, inner.col_off - outer.col_off
                        found = rule(rgb)[top : top + inner.height, left : left + inner.width]
                        target.write(found.astype(np.uint8), 1, window=inner)
        except RasterioError as problem:
            raise unreadable(str(region.path), problem) from None
        found = polygons(mask).to_crs(CRS)
    return outer_rings(lakes_table(region.image, region.region_num, found.to_numpy()))


def windows(height: int, width: int, halo: int) -> list[tuple[Window, Window]]:
    """Blocks of a raster, and each with its halo as far as there is one."""
    found = []
    for top in range(0, height, BLOCK):
        for left in range(0, width, BLOCK):
            bottom, right = min(top + BLOCK, height), min(left + BLOCK, width)
            up, west = max(top - halo, 0), max(left - halo, 0)
            down, east = min(bottom + halo, height), min(right + halo, width)
            found.append((Window(left, top, right - left, bottom - top), Window(west, up, east - west, down - up)))
    return found


def run(options: argparse.Namespace) -> None:
    """Outline every region and write all of them into one file."""
    colours = Colours(sigmas=tuple(options.sigmas), level=options.level)
    rule, halo = partial(coloured, colours=colours), colours.halo
    if options.ndwi is not None:
        rule, halo = partial(above_ndwi, threshold=options.ndwi), 0
    regions = find_regions(options.regions)
    tables = [outlined(one, rule, halo) for one in tqdm(regions, desc="colours", unit="region", disable=hidden())]
    table = gpd.GeoDataFrame(pd.concat(tables, ignore_index=True))
    table = table[table.area >= options.smallest]
    write_lakes(table, options.out)
    print(f"{len(table)} polygons of {len(regions)} regions. Wrote {options.out}.")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "Polygons of blue water in regions, by the colour rule or by NDWI for ice alone.",
        "python -m lakes colours out/regions --out out/colours.gpkg",
        "python -m lakes colours",
    )
    defaults = Colours()
    parser.add_argument("regions", type=Path, help="folder that python -m lakes regions wrote")
    parser.add_argument("--sigmas", type=float, nargs="*", default=defaults.sigmas, help="pixels, of the smoothing")
    parser.add_argument("--level", type=float, default=defaults.level, help="of the smoothed mask that is kept")
    parser.add_argument("--ndwi", type=float, help="instead of the colour rule: (B - R) / (B + R) above this number")
    parser.add_argument("--smallest", type=float, default=0.0, help="m2 in EPSG:3857 of a polygon at least")
    add_shared(parser, "out", default=Path("out/colours.gpkg"), help="GeoPackage (default: %(default)s)")
    options = parser.parse_args(argv)
    from_zero(options, "level", "smallest")
    if any(not 0 < sigma < BLOCK for sigma in options.sigmas):
        raise SettingError(f"--sigmas {options.sigmas}: must be above 0 and below {BLOCK}; give for example 5 7.")
    if options.ndwi is not None and not -1 <= options.ndwi <= 1:
        raise SettingError(f"--ndwi {options.ndwi}: lies outside -1 to 1; give for example 0.25.")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments(argv)))


if __name__ == "__main__":
    sys.exit(main())
