"""Map satellite scenes to glacier outlines.

    python -m mapping LC08_L2SP_147036_20200826_02_T1 --out maps
    python -m mapping scene.tif --bands blue=1,green=2,red=3,swir1=4 --out maps

For one scene the results lie in ``--out`` itself, for several in a folder each: probability.tif, mask.tif,
outlines.gpkg and .shp, overview.png, metrics.json and report.html.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import rasterio
import torch

from cnn.train_unet import choose_device
from errors import GridError, ProductError, SettingError, exit_code
from fusion.layout import Layout
from fusion.model_file import load_model
from mapping.cluster import connected, on_cluster
from mapping.outlines import outlines_of, write_outlines
from mapping.pictures import draw_layers, write_overview
from mapping.postprocess import KM2, Postprocess, tidy_outlines
from mapping.products import open_scene
from mapping.report import report_data, write_report
from mapping.run import map_scene, on_threads, tidy_raster
from mapping.scene import Scene
from mapping.truth import on_grid
from scores.agreement import all_scores
from scores.confusion import confusion
from scores.plain import without_nan
from tiles.raster import atomic_output

MODEL = Path(__file__).resolve().parents[1] / "model.pth"


def truth_scores(scene: Scene, out: Path, truth: Path) -> dict[str, float]:
    """Scores of ``mask.tif`` over the pixels that both know."""
    glacier, known = on_grid(truth, scene.grid)
    with rasterio.open(out / "mask.tif") as source:
        mask = source.read(1)
    where = known & (mask != 255)
    if not where.any():
        raise GridError(
            f"{truth}: does not overlap with the valid pixels of {scene.name}; give truth of the same place."
        )
    return all_scores(confusion(glacier[where], mask[where] == 1))


def mapped_facts(scene: Scene, out: Path) -> dict[str, Any]:
    """Pixels of ``mask.tif`` by what they are, and the glacier area on the scene's own plane."""
    counts = {0: 0, 1: 0, 255: 0}
    with rasterio.open(out / "mask.tif") as source:
        for _, window in source.block_windows(1):
            block = source.read(1, window=window)
            for value in counts:
                counts[value] += int((block == value).sum())
    return {
        "scene": scene.name,
        "date": scene.date,
        "coding": scene.coding,
        "rows": scene.grid.height,
        "columns": scene.grid.width,
        "pixel_m": scene.grid.pixel_side,
        "valid_pixels": counts[0] + counts[1],
        "glacier_pixels": counts[1],
        "glacier_km2_of_pixels": counts[1] * scene.grid.pixel_area / KM2,
    }


def finish(scene: Scene, out: Path, options: argparse.Namespace, start: float, parts: float) -> dict[str, Any]:
    """Everything that follows from the rasters of a mapped scene."""
    steps = steps_of(options)
    tidy_raster(out / "mask.tif", scene.grid, steps)
    outlines = tidy_outlines(outlines_of(out / "mask.tif", out / "probability.tif", scene), steps)
    write_outlines(outlines, out)
    scores = truth_scores(scene, out, options.truth) if options.truth else None
    facts = mapped_facts(scene, out)
    facts.update(
        glaciers=len(outlines),
        outlines_km2=float(outlines["area_km2"].sum()),
        seconds=time.monotonic() - start,
        parts_seconds=parts,
    )
    if scores:
        facts["scores"] = scores
    layers = draw_layers(scene, out)
    write_overview(layers, f"{scene.name} {scene.date}", out / "overview.png")
    model = load_model(options.model, torch.device("cpu"))
    summary = (
        f"{scene.date or 'date unknown'}; {scene.coding}. {len(outlines)} glaciers, "
        f"{facts['outlines_km2']:.2f} km2. Pixels of {scene.grid.pixel_side:.0f} m."
    )
    write_report(out / "report.html", scene, report_data(scene, outlines, layers, model, scores), summary)
    with atomic_output(out / "metrics.json") as temporary:
        temporary.write_text(json.dumps(without_nan(facts), indent=1) + "\n", encoding="utf-8")
    return facts


def steps_of(options: argparse.Namespace) -> Postprocess:
    """The post-processing that the command line asks for."""
    return Postprocess(**{name: getattr(options, name) for name in Postprocess.__dataclass_fields__})


def run(options: argparse.Namespace) -> None:
    """Map every scene and print a line for each."""
    device = choose_device(options.device)
    load_model(options.model, torch.device("cpu"))  # a bad model is told before anything is opened
    scenes = [open_scene(place, options.bands, options.clouds) for place in options.scene]
    names = [scene.name for scene in scenes]
    if len(set(names)) < len(names):
        raise ProductError(f"{', '.join(names)}: two scenes have one name; map them into folders of their own.")
    outs = [options.out] if len(scenes) == 1 else [options.out / name for name in names]
    with connected(options.dask, options.jobs) if options.dask else nullcontext() as client:
        run_parts = on_cluster(client) if client is not None else on_threads
        print(f"{'scene':42s}{'glaciers':>9s}{'km2':>10s}{'seconds':>9s}")
        for scene, out in zip(scenes, outs):
            start = time.monotonic()
            layout = Layout(scene.grid.height, scene.grid.width, options.window, options.overlap)
            parts = map_scene(scene, out, options.model, layout, device, options.jobs, options.resume, run_parts)
            facts = finish(scene, out, options, start, parts)
            print(f"{scene.name[:40]:42s}{facts['glaciers']:9d}{facts['outlines_km2']:10.2f}{facts['seconds']:9.1f}")
            if options.truth:
                print(", ".join(f"{name} {facts['scores'][name]:.3f}" for name in ("mcc", "iou", "f1", "kappa")))
    print(f"Wrote probability.tif, mask.tif, outlines.gpkg and report.html to {options.out}.")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m mapping",
        description="Map satellite scenes to glacier outlines.",
        epilog="example: python -m mapping LC08_L2SP_147036_20200826_20200906_02_T1.tar --out maps",
    )
    parser.add_argument("scene", type=Path, nargs="+", help="Landsat product, SAFE folder, GeoTIFF or Band1..5 folders")
    parser.add_argument("--out", type=Path, default=Path("out/maps"))
    parser.add_argument("--bands", help="of a GeoTIFF: blue=1,green=2,red=3,swir1=4,thermal=5")
    parser.add_argument("--clouds", action="store_true", help="map pixels flagged as cloud or cloud shadow too")
    parser.add_argument("--truth", type=Path, help="raster or outlines to score the mask with")
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--window", type=int, default=512, help="side of the windows, pixels")
    parser.add_argument("--overlap", type=float, default=0.5, help="share of a window that the next one sees too")
    parser.add_argument("--resume", action="store_true", help="go on with what a stopped run has left")
    parser.add_argument("--dask", help="'local', or the address tcp://... of a scheduler")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--jobs", type=int, default=0, help="processor threads (default: all)")
    defaults = Postprocess()
    parser.add_argument("--minimum-area", type=float, default=defaults.minimum_area, help="km2 of kept fragments")
    parser.add_argument("--largest-hole", type=float, default=defaults.largest_hole, help="km2 of filled holes")
    parser.add_argument("--merge-distance", type=float, default=defaults.merge_distance, help="m between fragments")
    parser.add_argument("--opening", type=float, default=defaults.opening, help="m, radius")
    parser.add_argument("--closing", type=float, default=defaults.closing, help="m, radius")
    parser.add_argument("--simplify", type=float, default=defaults.simplify, help="m that an outline may move")
    parser.add_argument("--smooth", type=int, default=defaults.smooth, help="times that corners are cut")
    options = parser.parse_args(argv)
    for name in ("jobs", *Postprocess.__dataclass_fields__):
        if getattr(options, name) < 0 or not math.isfinite(getattr(options, name)):
            raise SettingError(
                f"--{name.replace('_', '-')} {getattr(options, name)}: is below 0; give a number from 0."
            )
    return options


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments()))


if __name__ == "__main__":
    sys.exit(main())
