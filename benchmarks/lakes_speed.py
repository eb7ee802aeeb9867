"""Time and memory of the commands for lakes that large inputs go through: regions, sinks, combine.

    python benchmarks/lakes_speed.py --out out/benchmark                 # the sizes that are reported
    python benchmarks/lakes_speed.py --scale 0.1 --out out/benchmark     # a tenth of each side, and of the polygons

Cutting is compared with reading and writing the same mosaic by rasterio alone, in the same blocks and compression.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from rasterio.windows import Window
from tqdm import tqdm

if __package__ in (None, ""):  # run as a script: the rooms lie one folder up
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.scene import peak_memory
from command import add_shared, hidden, new_parser, write_json
from errors import exit_code
from lakes.regions import BLOCK, CACHE, profile_of
from lakes.rules import Evidence, combine
from scenes.vectors import write_geopackage
from simulation.greenland import CRS, TRANSFORM, picture, place, water_depth, write_raster
from simulation.terrain import fractal

MOSAIC, MODEL, POLYGONS = 20_000, 10_000, 10_000  # pixels a side, pixels a side, polygons of each kind


def write_mosaic(path: Path, side: int) -> None:
    """A mosaic of a repeated synthetic picture, black in a quarter of its blocks."""
    here = place(0, (BLOCK, BLOCK), 90)
    tile = picture(here, water_depth(here, 0, 2)[0], 0, 2)
    profile = {
        "driver": "GTiff",
        "crs": CRS,
        "transform": TRANSFORM,
        "count": 3,
        "dtype": "uint8",
        "compress": "deflate",
    }
    profile.update(tiled=True, blockxsize=512, blockysize=512, predictor=2, bigtiff="IF_SAFER", photometric="RGB")
    with rasterio.open(path, "w", height=side, width=side, **profile) as file:
        for number, window in enumerate(tqdm(list(blocks(side)), desc="mosaic", disable=hidden())):
            file.write(tile[:, : window.height, : window.width] * (number % 4 > 0), window=window)


def blocks(side: int) -> list[Window]:
    """The blocks of a square mosaic."""
    return [
        Window(left, top, min(BLOCK, side - left), min(BLOCK, side - top))
        for top in range(0, side, BLOCK)
        for left in range(0, side, BLOCK)
    ]


def copy(source_path: Path, target_path: Path, jobs: int) -> float:
    """Seconds that reading and writing a mosaic take with rasterio alone."""
    start = time.perf_counter()
    with rasterio.Env(GDAL_CACHEMAX=CACHE), rasterio.open(source_path) as source:
        box = Window(0, 0, source.width, source.height)
        with rasterio.open(target_path, "w", **profile_of(source, box, "deflate", jobs)) as target:
            for window in blocks(source.height):
                target.write(source.read(window=window), window=window)
    return time.perf_counter() - start


def timed(*words: object) -> dict[str, float]:
    """Seconds and peak memory of a command of lakes in a process of its own."""
    start = time.perf_counter()
    peak = peak_memory([sys.executable, "-m", "lakes", *map(str, words)])
    return {"seconds": time.perf_counter() - start, "peak_memory_mib": peak}


def measure_regions(folder: Path, side: int, jobs: int) -> dict[str, float]:
    """Cutting one region that is nearly all of a mosaic."""
    write_mosaic(folder / "mosaic.tif", side)
    corners = [(0.01, 0.02), (0.99, 0.01), (0.98, 0.99), (0.02, 0.98)]
    shape = shapely.Polygon([TRANSFORM * (x * side, y * side) for x, y in corners])
    write_geopackage(gpd.GeoDataFrame({"region_num": [1]}, geometry=[shape], crs=CRS), folder / "regions.gpkg")
    alone = copy(folder / "mosaic.tif", folder / "copy.tif", jobs)
    words = ["--regions", folder / "regions.gpkg", "--jobs", jobs, "--out", folder / "regions"]
    found = timed("regions", folder / "mosaic.tif", *words)
    return {"side": side, **found, "rasterio_alone_s": alone, "ratio": found["seconds"] / alone}


def measure_sinks(folder: Path, side: int, jobs: int) -> dict[str, float]:
    """Filling a rolling plain and outlining its sinks."""
    land = fractal(np.random.default_rng(0), (side, side), 1.5, longest=600, shortest=6)
    write_raster(folder / "dem.tif", (900 + 12 * land)[None].astype(np.float32), TRANSFORM)
    out = folder / "sinks.gpkg"
    found = timed("sinks", folder / "dem.tif", "--smallest", 10_000, "--jobs", jobs, "--out", out)
    return {"side": side, **found, "sinks": len(gpd.read_file(out))}


def measure_combine(count: int) -> dict[str, float]:
    """All rules on so many polygons of each of four kinds."""
    random = np.random.default_rng(0)
    spread = 4000 * np.sqrt(count)
    drawn = []
    for _ in range(4):
        x, y, size = (
            random.uniform(0, spread, count),
            random.uniform(0, spread, count),
            random.uniform(300, 2000, count),
        )
        drawn.append(shapely.buffer(shapely.points(x, y), size / 2))
    start = time.perf_counter()
    found, _ = combine(drawn[0], drawn[1], Evidence(drawn[2], drawn[3]))
    return {"polygons": count, "seconds": time.perf_counter() - start, "lakes": len(found)}


def run(options: argparse.Namespace) -> None:
    """Measure, print and write lakes_speed.json."""
    jobs = options.jobs or os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder:
        figures: dict[str, Any] = {
            "regions": measure_regions(Path(folder), round(MOSAIC * options.scale), jobs),
            "sinks": measure_sinks(Path(folder), round(MODEL * options.scale), jobs),
            "combine": measure_combine(round(POLYGONS * options.scale)),
        }
    for name, one in figures.items():
        print(f"{name:10s}" + "  ".join(f"{key} {value:.2f}" for key, value in one.items()))
    told = {"command": f"python benchmarks/lakes_speed.py --scale {options.scale:g}", "threads": jobs}
    write_json(options.out / "lakes_speed.json", {**told, **figures})


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    parser = new_parser("Time the commands for lakes on large inputs.", "python benchmarks/lakes_speed.py --scale 0.1")
    parser.add_argument("--scale", type=float, default=1.0, help="of the sides and counts that are reported")
    add_shared(parser, "jobs")
    add_shared(parser, "out", default=Path("out/benchmark"))
    return exit_code(lambda: run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
