"""Compare with an inventory: a mask against outlines of another coordinate system, overall and near the outlines.

    python examples/compare_with_inventory.py

``python -m evaluation.compare`` does the same with files of your own, and draws where the two differ.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
from rasterio.crs import CRS
from rasterio.transform import from_origin
from scipy import ndimage

from command import add_shared, new_parser, write_json
from errors import exit_code
from scenes.grid import Grid, grid_of
from scenes.truth import on_grid, write_classes
from scenes.vectors import areas_km2, polygons, write_geopackage
from scores.agreement import all_scores, boundary_f1
from scores.confusion import confusion
from simulation.synthetic import synthetic_scene


def write_mask_and_inventory(out: Path, seed: int) -> tuple[Path, Path]:
    """A mask whose glaciers are a pixel too small, and an inventory of the true ones in longitude and latitude."""
    truth = synthetic_scene(seed, (256, 256)).truth
    grid = Grid(CRS.from_epsg(32643).to_wkt(), tuple(from_origin(600_000, 3_750_000, 30, 30))[:6], *truth.shape)
    mask, true_mask = out / "mask.tif", out / "true.tif"
    out.mkdir(parents=True, exist_ok=True)
    write_classes(mask, ndimage.binary_erosion(truth).astype(np.uint8), grid)
    write_classes(true_mask, truth.astype(np.uint8), grid)
    outlines = gpd.GeoDataFrame(geometry=polygons(true_mask)).to_crs("EPSG:4326")
    write_geopackage(outlines, out / "inventory.gpkg")
    return mask, out / "inventory.gpkg"


def run(options: argparse.Namespace) -> None:
    """Print the scores and write them to ``scores.json``."""
    mask_file, inventory = write_mask_and_inventory(options.out, options.seed)
    grid = grid_of(str(mask_file))
    mask, _ = on_grid(mask_file, grid)
    truth, known = on_grid(inventory, grid)
    scores = all_scores(confusion(truth[known], mask[known]))
    scores["boundary_f1_30m"] = boundary_f1(truth, mask, grid.pixel_side, 30.0)
    write_json(options.out / "scores.json", scores)
    for name in ("mcc", "iou", "precision", "recall", "area_error", "boundary_f1_30m"):
        print(f"{name:18s}{scores[name]:8.3f}")
    mapped, true = (areas_km2(polygons(options.out / f"{name}.tif")).sum() for name in ("mask", "true"))
    print(f"{mapped:.2f} km2 mapped, {true:.2f} km2 in the inventory")


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    parser = new_parser("Compare with an inventory.", "python examples/compare_with_inventory.py")
    add_shared(parser, "out", default=Path("out/examples/comparison"))
    add_shared(parser, "seed")
    return exit_code(lambda: run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
