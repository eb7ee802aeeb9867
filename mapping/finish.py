"""From the parts of a scene to all that the user gets: rasters, outlines, pictures, report and figures."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import torch
from rasterio.enums import Resampling
from rasterio.errors import RasterioError

from command import write_json
from errors import GridError, OutputError
from fusion.pipeline import split_jobs
from mapping.edits import Edit, edited_mask, with_edits
from mapping.outlines import outlines_of, write_outlines
from mapping.pictures import draw_layers, write_overview
from mapping.postprocess import Postprocess, tidy_mask, tidy_outlines
from mapping.rasters import MASK_NODATA, cloud_optimised, write_rasters
from mapping.report import report_data, write_report
from mapping.run import Job, loaded
from scenes.grid import KM2, Grid
from scenes.scene import Scene
from scenes.truth import on_grid
from scores.agreement import all_scores
from scores.confusion import confusion
from tiles.raster import one_line

MOST_THREADS = 2  # each holds strips of the scene


def finish(
    job: Job,
    seconds: Sequence[float],
    start: float,
    steps: Postprocess,
    truth: Path | None = None,
    threads: int = 0,
    edits: Sequence[Edit] | None = None,
) -> dict[str, Any]:
    """Join the parts, write everything and remove the parts; returns the content of ``metrics.json``.

    ``seconds`` that each part took; ``start`` of the scene, seconds since 1970. ``edits`` by hand change the mask last;
    where they are given, even none, the outlines have the column ``edited``.
    """
    scene, out = job.scene, Path(job.out)
    at_once = min(split_jobs(threads, MOST_THREADS, torch.device("cpu"))[0], MOST_THREADS)
    model = loaded(job.model, "cpu")
    threshold = write_rasters(out, job.folder, job.layout, scene.grid, model, at_once)
    tidy_raster(out / "mask.tif", scene.grid, steps)
    if edits:
        edit_raster(out / "mask.tif", scene.grid, edits)
    outlines = tidy_outlines(outlines_of(out / "mask.tif", out / "probability.tif", scene, at_once), steps)
    if edits is not None:
        outlines = with_edits(outlines, edits)
    write_outlines(outlines, out)
    scores = truth_scores(scene, out, truth) if truth else None
    layers = draw_layers(scene, out)
    write_overview(layers, f"{scene.name} {scene.date}", out / "overview.png")
    facts = mapped_facts(scene, out)
    facts["threshold"] = threshold
    facts["notes"] = list(job.notes)
    facts["glaciers"] = len(outlines)
    facts["outlines_km2"] = float(outlines["area_km2"].sum())
    summary = (
        f"{scene.date or 'date unknown'}; {scene.coding}. {len(outlines)} glaciers, "
        f"{facts['outlines_km2']:.2f} km2. Pixels of {scene.grid.pixel_side:.0f} m."
    )
    write_report(out / "report.html", scene.name, report_data(scene, outlines, layers, model, scores), summary)
    facts["seconds"] = time.time() - start
    facts["parts_thread_seconds"] = float(sum(seconds))
    if scores:
        facts["scores"] = scores
    write_json(out / "metrics.json", facts)
    shutil.rmtree(job.folder)
    return facts


def tidy_raster(path: Path, grid: Grid, steps: Postprocess) -> None:
    """Apply the raster steps that are on to ``mask.tif``, in memory."""
    if steps == Postprocess(simplify=steps.simplify, smooth=steps.smooth):
        return
    with rasterio.open(path) as source:
        mask, profile = source.read(1), source.profile
    tidied = tidy_mask(mask == 1, mask != MASK_NODATA, steps, grid.pixel_side)
    rewrite_mask(path, np.where(mask == MASK_NODATA, MASK_NODATA, tidied).astype(np.uint8), profile)


def edit_raster(path: Path, grid: Grid, edits: Sequence[Edit]) -> None:
    """Apply edits by hand to ``mask.tif``, in memory."""
    with rasterio.open(path) as source:
        mask, profile = source.read(1), source.profile
    rewrite_mask(path, edited_mask(mask, edits, grid.affine, MASK_NODATA), profile)


def rewrite_mask(path: Path, mask: np.ndarray, profile: dict[str, Any]) -> None:
    """Write another mask, uint8 (H, W), in the place of ``mask.tif``."""
    rewritten = path.with_name(f".{path.name}.rewritten")
    profile.update(driver="GTiff", tiled=True, blockxsize=256, blockysize=256)
    try:
        with rasterio.open(rewritten, "w", **profile) as file:
            file.write(mask, 1)
        cloud_optimised(rewritten, path, Resampling.nearest)
    except (RasterioError, OSError) as problem:
        raise OutputError(f"{path}: cannot be written ({one_line(problem)}); free space.") from None
    finally:
        rewritten.unlink(missing_ok=True)


def truth_scores(scene: Scene, out: Path, truth: Path) -> dict[str, float]:
    """Score ``mask.tif`` over the pixels that both mask and truth know."""
    glacier, known = on_grid(truth, scene.grid)
    with rasterio.open(out / "mask.tif") as source:
        mask = source.read(1)
    where = known & (mask != MASK_NODATA)
    if not where.any():
        raise GridError(
            f"{truth}: does not overlap with the valid pixels of {scene.name}; give truth of the same place."
        )
    return all_scores(confusion(glacier[where], mask[where] == 1))


def mapped_facts(scene: Scene, out: Path) -> dict[str, Any]:
    """Count the pixels of ``mask.tif`` by class, and measure the glaciers on the scene's own plane."""
    counts = {0: 0, 1: 0, MASK_NODATA: 0}
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
