"""Topographic sinks: where an elevation model would hold water.

    python -m lakes sinks dem.tif --out out/sinks.gpkg

The model is filled block by block (``lakes.flood``) to the level at which water leaves it; what is filled is a sink.
Water leaves at the model's edge and into nodata. Every sink has its area on the ground and in EPSG:3857, its greatest
and mean depth, and its volume.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import geopandas as gpd
import numpy as np
import shapely
from rasterio.errors import RasterioError
from rasterio.features import shapes
from rasterio.transform import Affine
from rasterio.windows import Window
from scipy import ndimage

from command import add_shared, from_zero, new_parser
from errors import GridError, RasterError, exit_code
from lakes.fill import filled_depths
from lakes.polygons import CRS, read_regions
from scenes.source import open_raster, unreadable
from scenes.vectors import areas_km2, write_geopackage
from tiles.raster import MAX_PIXELS

LARGEST_KM2 = 10_000.0  # a larger "sink" is a basin that the model's edge cuts off
ROWS = 1024  # of the model that statistics are taken of at once


def read_depths(path: Path, jobs: int) -> tuple[np.ndarray, Affine, str]:
    """Depth of every cell as ``filled_depths`` gives it, transform, and coordinate system as WKT.

    Raises RasterError where the file is none or too large, and GridError where it has no coordinate system.
    """
    with open_raster(str(path)) as source:
        if source.crs is None:
            raise GridError(f"{path}: has no coordinate system; assign one, for example with gdal_edit.py -a_srs.")
        if source.count != 1 or source.dtypes[0].startswith("complex"):
            raise RasterError(f"{path}: has {source.count} bands; give an elevation model, which has one.")
        if source.height * source.width > MAX_PIXELS:
            raise RasterError(f"{path}: has more than the {MAX_PIXELS} pixels that are filled; cut it into parts.")
        lock = Lock()

        def read(window: Window) -> np.ndarray:
            with lock:  # a dataset serves one thread at a time
                values = source.read(1, window=window)
                known = source.read_masks(1, window=window) > 0
            return np.where(known & np.isfinite(values), values, np.nan).astype(np.float32)

        try:
            depth = filled_depths(read, source.height, source.width, jobs)
        except RasterioError as problem:
            raise unreadable(str(path), problem) from None
        return depth, source.transform, source.crs.to_wkt()


def statistics(pieces: np.ndarray, depth: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Greatest and mean depth of the pieces numbered 1 .. count, float64 (count,), strip by strip."""
    deepest, sums, cells = np.zeros(count + 1), np.zeros(count + 1), np.zeros(count + 1)
    for top in range(0, len(pieces), ROWS):
        strip = pieces[top : top + ROWS]
        where = strip > 0
        numbers, values = strip[where], depth[top : top + ROWS][where].astype(np.float64)
        np.maximum.at(deepest, numbers, values)
        sums += np.bincount(numbers, values, count + 1)
        cells += np.bincount(numbers, minlength=count + 1)
    return deepest[1:], sums[1:] / np.maximum(cells[1:], 1)


def sinks_of(depth: np.ndarray, transform: Affine, crs: str, shallowest: float = 0.0) -> gpd.GeoDataFrame:
    """The sinks deeper than ``shallowest`` metres, in EPSG:3857, the largest first.

    Cells belong together where they share an edge. Columns: ``max_depth_m``, ``mean_depth_m``, ``volume_m3``, both
    areas ``area_m2`` (on the ground) and ``area_3857_m2``.
    """
    pieces, count = ndimage.label(depth > shallowest)
    deepest, mean = statistics(pieces, depth, count)
    drawn = list(shapes(pieces, mask=pieces > 0, connectivity=4, transform=transform))
    number = np.array([int(value) - 1 for _, value in drawn], np.int64)
    found = gpd.GeoSeries([shapely.geometry.shape(shape) for shape, _ in drawn], crs=crs)
    area = areas_km2(found) * 1e6 if len(found) else np.zeros(0)
    columns = {
        "max_depth_m": deepest[number],
        "mean_depth_m": mean[number],
        "volume_m3": mean[number] * area,
        "area_m2": area,
    }
    table = gpd.GeoDataFrame(columns, geometry=found.to_crs(CRS), crs=CRS)
    table.insert(4, "area_3857_m2", table.area)
    return table.sort_values("area_m2", ascending=False, kind="stable", ignore_index=True)


def near_regions(table: gpd.GeoDataFrame, regions: Path, frame: shapely.Geometry, dem: Path) -> gpd.GeoDataFrame:
    """The sinks that touch a region; raises GridError where the model lies elsewhere. ``frame``: in EPSG:3857."""
    area = shapely.union_all(read_regions(regions).geometry.to_numpy())
    if not shapely.intersects(frame, area):
        raise GridError(f"{dem}: does not overlap with {regions.name}; give an elevation model of the same place.")
    return table[table.intersects(area)].reset_index(drop=True)


def frame_of(shape: tuple[int, int], transform: Affine, crs: str) -> shapely.Geometry:
    """The model's outline in EPSG:3857."""
    corners = [transform * corner for corner in ((0, 0), (shape[1], 0), (shape[1], shape[0]), (0, shape[0]))]
    return gpd.GeoSeries([shapely.segmentize(shapely.Polygon(corners), 50 * abs(transform.a))], crs=crs).to_crs(CRS)[0]


def run(options: argparse.Namespace) -> None:
    """Fill, outline, write."""
    depth, transform, crs = read_depths(options.dem, options.jobs or os.cpu_count() or 1)
    table = sinks_of(depth, transform, crs, options.shallowest)
    table = table[(table["area_m2"] >= options.smallest) & (table["area_m2"] < LARGEST_KM2 * 1e6)]
    if options.regions:
        table = near_regions(table, options.regions, frame_of(depth.shape, transform, crs), options.dem)
    write_geopackage(table.round(3), options.out)
    print(
        f"{len(table)} sinks, {table['area_m2'].sum() / 1e6:.2f} km2, {table['volume_m3'].sum() / 1e9:.4f} km3, "
        f"the deepest of {table['max_depth_m'].max() if len(table) else 0:.1f} m. Wrote {options.out}."
    )


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "Depressions of an elevation model as polygons with depth, volume and area.",
        "python -m lakes sinks dem.tif --regions regions.gpkg --out out/sinks.gpkg",
        "python -m lakes sinks",
    )
    parser.add_argument("dem", type=Path, help="elevation in metres, in any coordinate system")
    parser.add_argument("--regions", type=Path, help="polygons; sinks elsewhere are left out")
    parser.add_argument("--shallowest", type=float, default=0.0, help="depth in metres above which a cell is a sink's")
    parser.add_argument("--smallest", type=float, default=0.0, help="m2 on the ground of a sink at least")
    add_shared(parser, "jobs")
    add_shared(parser, "out", default=Path("out/sinks.gpkg"), help="GeoPackage (default: %(default)s)")
    options = parser.parse_args(argv)
    from_zero(options, "shallowest", "smallest")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments(argv)))


if __name__ == "__main__":
    sys.exit(main())
