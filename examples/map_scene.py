"""Map a scene: from a GeoTIFF to rasters, outlines and a report, as ``python -m mapping`` does.

    python examples/map_scene.py --out out/examples/maps

The scene is synthetic; ``map_scene`` takes Landsat and Sentinel-2 products just as well. ``map_a_scene.ipynb`` beside
this program does the same as a notebook.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import rasterio
from rasterio.transform import from_origin

from command import add_shared, new_parser
from errors import exit_code
from mapping.api import map_scene
from mapping.steps import MODEL
from simulation.synthetic import synthetic_scene
from tiles.tile import BAND_NAMES

BANDS = ",".join(f"{name}={number}" for number, name in enumerate(BAND_NAMES, 1))


def write_scene(path: Path, seed: int) -> None:
    """A synthetic scene as a GeoTIFF of five bands in UTM zone 43N, float32, 0 for nodata."""
    scene = synthetic_scene(seed, (300, 400))
    height, width = scene.valid.shape
    place = {"crs": "EPSG:32643", "transform": from_origin(600_000, 3_750_000, 30, 30)}
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(path, "w", height=height, width=width, count=5, dtype="float32", **place) as file:
        for number, name in enumerate(BAND_NAMES, 1):
            file.write(scene.bands[name], number)


def run(options: argparse.Namespace) -> None:
    """Map the scene and print its largest ice patches."""
    path = options.out / "scene.tif"
    write_scene(path, options.seed)
    mapped = map_scene(
        path, BANDS, out=options.out, minimum_area=0.05, model=options.model, device=options.device, jobs=options.jobs
    )
    facts = mapped.facts
    print(f"{len(mapped.outlines)} ice patches, {facts['outlines_km2']:.2f} km2 in {facts['seconds']:.1f} s")
    columns = ["glacier_id", "area_km2", "area_uncertainty_km2", "median_temperature_k", "touches_nodata"]
    print(mapped.outlines[columns].head().to_string())


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    parser = new_parser("Map a scene.", "python examples/map_scene.py --out out/examples/maps")
    parser.add_argument("--model", type=Path, default=MODEL, help="model file (default: the shipped one)")
    add_shared(parser, "out", default=Path("out/examples/maps"))
    add_shared(parser, "seed", "device", "jobs")
    return exit_code(lambda: run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
