"""From the parts of a scene to all that the user gets: rasters, outlines, pictures, report and figures."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import torch

from command import Steps, write_json
from errors import GridError
from fusion.hybrid import HybridModel
from fusion.pipeline import split_jobs
from fusion.windowed import STRIP
from mapping.edits import Edit, check_edits, edited_mask, edited_patches, read_edits, with_edits
from mapping.inventory import check_inventory, divided, read_inventory
from mapping.outlines import EDITED, GLACIER, ice_patches, outlines_of, sizes_of, write_outlines
from mapping.pictures import draw_layers, write_overview
from mapping.postprocess import tidy_mask, tidy_outlines
from mapping.rasters import (
    MASK_NODATA,
    agreement_in,
    mask_strip,
    sides_of,
    strips,
    write_rasters,
    write_whole_numbers,
)
from mapping.report import report_data, write_report
from mapping.run import Job, loaded
from mapping.steps import Postprocess
from mapping.styles import write_styles
from mapping.terrain import WHOLE, check_dem, terrain_of
from scenes.grid import KM2, Grid
from scenes.scene import Scene
from scenes.truth import check_truth, on_grid
from scores.agreement import all_scores
from scores.confusion import confusion

MOST_THREADS = 2  # each holds strips of the scene
SHARES = {"rasters": 0.5, "outlines": 0.3, "report": 0.2}  # of the time, about
TOLD_EDGE = 0.1  # share of the edge that borders nodata, from which on it is told
TOLD_DOUBT = 0.5  # with more of it the mean MCC of 195 unseen scenes and copies is 0.56 instead of 0.68
TOLD_AGREEMENT = 0.6  # with less of it the mean MCC of 182 unseen scenes and copies is 0.24 instead of 0.73


@dataclass(frozen=True)
class Beside:
    """What is known beside the scene: files of its truth, its elevations, its glaciers and edits by hand."""

    truth: Path | None = None
    dem: Path | None = None
    inventory: Path | None = None
    edits: Path | None = None

    def check(self, grid: Grid) -> None:
        """Raise an error of the file that cannot be used, before anything is mapped."""
        if self.truth:
            check_truth(self.truth, grid)
        if self.dem:
            check_dem(self.dem, grid)
        if self.inventory:
            check_inventory(self.inventory, grid)
        if self.edits:
            check_edits(self.edits, grid)


NOTHING = Beside()


def finish(
    job: Job,
    seconds: Sequence[float],
    start: float,
    steps: Postprocess,
    beside: Beside = NOTHING,
    threads: int = 0,
) -> dict[str, Any]:
    """Join the parts, write everything and remove the parts; returns the content of ``metrics.json``.

    ``seconds`` that each part took; ``start`` of the scene, seconds since 1970.
    """
    scene, out = job.scene, Path(job.out)
    at_once = min(split_jobs(threads, MOST_THREADS, torch.device("cpu"))[0], MOST_THREADS)
    model, told = loaded(job.model, "cpu"), Steps(scene.name, SHARES)
    told.begin("rasters")
    found = strips(job.folder, job.layout, model, at_once)
    rasters = write_rasters(out, job.folder, found, scene.grid, model.fusion)
    agreed = agreement_in(job.folder, job.layout)
    facts = {**rasters, "agreement": agreed, "parts_thread_seconds": float(sum(seconds))}
    told.begin("outlines")
    outlines = outlines_in(scene, out, steps, beside, at_once)
    told.begin("report")
    notes = [*job.notes, *doubt_notes(facts, scene.name, model)]
    facts = conclude(scene, out, model, outlines, facts, notes, beside, start)
    shutil.rmtree(job.folder)
    return facts


def outlines_in(scene: Scene, out: Path, steps: Postprocess, beside: Beside, threads: int) -> gpd.GeoDataFrame:
    """Tidy ``mask.tif`` in ``out``, apply edits by hand, and outline its ice, divided where there is an inventory.

    With a file of edits, even of none, the outlines have the column ``edited``.
    """
    mask, edits = out / "mask.tif", read_edits(beside.edits, scene.grid.crs) if beside.edits else []
    tidy_raster(mask, scene.grid, replace(steps, minimum_area=0.0))
    if edits:
        edit_raster(mask, scene.grid, edits)
        found = edited_patches(mask, edits, scene.grid, steps.minimum_area, apart=beside.inventory is None)
    else:
        found = ice_patches(mask, steps.minimum_area)
    if beside.inventory:
        found = divided(found, read_inventory(beside.inventory, scene.grid.crs), scene.grid, steps.minimum_area)
    if beside.edits and EDITED not in found:  # which no edit, or the division, has left without
        found = with_edits(found, edits, scene.grid)
    outlines = outlines_of(found, mask, out / "probability.tif", scene, threads)
    tidied = tidy_outlines(outlines, steps)
    return tidied if tidied is outlines else tidied.assign(**sizes_of(tidied.geometry))


def conclude(
    scene: Scene,
    out: Path,
    model: HybridModel,
    outlines: gpd.GeoDataFrame,
    facts: dict[str, Any],
    notes: Sequence[str],
    beside: Beside,
    start: float,
) -> dict[str, Any]:
    """Write outlines, pictures, report and metrics of the rasters in ``out``; returns the metrics, with ``facts``.

    The outlines as of ``outlines_of``; ``start`` as of ``finish``.
    """
    if beside.dem:
        outlines = outlines.join(terrain_of(outlines.geometry, beside.dem, scene.grid))
        notes = [*notes, *terrain_notes(outlines["dem_share"], f"{scene.name}: {beside.dem.name}")]
    write_outlines(outlines, out)
    write_styles(out)
    scores = truth_scores(scene, out, beside.truth) if beside.truth else None
    layers = draw_layers(scene, out)
    write_overview(layers, f"{scene.name} {scene.date}", out / "overview.png")
    facts = {**mapped_facts(scene, out), **facts}
    facts["notes"] = [*notes, *edge_notes(facts, scene.name), *edit_notes(beside, scene)]
    facts["glaciers"] = len(outlines)
    facts["glaciers_of_inventory"] = int((outlines["kind"] == GLACIER).sum())
    facts["outlines_km2"] = float(outlines["area_km2"].sum())
    things = "Glaciers" if facts["glaciers_of_inventory"] else "Ice patches"
    summary = (
        f"{scene.date or 'date unknown'}; {scene.coding}. {len(outlines)} {things.lower()}, "
        f"{facts['outlines_km2']:.2f} km2. Pixels of {scene.grid.pixel_side:.0f} m. {' '.join(facts['notes'])}"
    )
    write_report(out / "report.html", scene.name, report_data(scene, outlines, layers, model, scores), summary, things)
    facts["seconds"] = time.time() - start
    if scores:
        facts["scores"] = scores
    write_json(out / "metrics.json", facts)
    return facts


def doubt_notes(facts: dict[str, Any], name: str, model: HybridModel) -> list[str]:
    """Tell of a scene that the model does not know, or not yet although it has taken marks.

    How far both members agree is of the model without any marks, so that it is not told after some.
    """
    agreed = facts.get("agreement")
    if facts["doubt"] >= TOLD_DOUBT:
        why = "the model is certain of few pixels, as on scenes unlike those that it was trained on"
    elif agreed is not None and agreed < TOLD_AGREEMENT and not model.corrections:
        why = f"U-Net and trees seldom say the same (correlation {agreed:.2f}), as where one of them is wrong"
    else:
        return []
    marks = f"A few {'more ' if model.corrections else ''}marks correct it: python -m adapt."
    return [f"{name}: {why}; look at the map closely. {marks}"]


def edge_notes(facts: dict[str, Any], name: str) -> list[str]:
    """Tell how much of the ice's edge is only where the scene was not seen, if it is much."""
    share = facts["edge_pixels_at_nodata"] / max(facts["edge_pixels"], 1)
    if share < TOLD_EDGE:
        return []
    return [
        f"{name}: {share:.0%} of the edge pixels of its ice border nodata, where the ice may go on; the column "
        "touches_nodata says of which outlines."
    ]


def terrain_notes(share: pd.Series, name: str) -> list[str]:
    """Tell of outlines that the elevation model covers in part."""
    count = int(share.between(0, WHOLE, inclusive="neither").sum())
    return (
        [f"{name} covers {count} outline(s) in part (column dem_share), of which alone their terrain is."]
        if count
        else []
    )


def edit_notes(beside: Beside, scene: Scene) -> list[str]:
    """Tell of edits by hand, for then scores are not the model's alone."""
    count = len(read_edits(beside.edits, scene.grid.crs)) if beside.edits else 0
    return [f"{scene.name}: {count} edit(s) by hand go beyond what the model says."] if count else []


def tidy_raster(path: Path, grid: Grid, steps: Postprocess) -> None:
    """Apply the raster steps that are on to ``mask.tif``, in memory."""
    if steps == Postprocess(0.0, simplify=steps.simplify, smooth=steps.smooth):
        return
    with rasterio.open(path) as source:
        mask = source.read(1)
    tidied = tidy_mask(mask == 1, mask != MASK_NODATA, steps, grid.pixel_side)
    write_whole_numbers(path, [(0, np.where(mask == MASK_NODATA, MASK_NODATA, tidied))], grid, MASK_NODATA)


def edit_raster(path: Path, grid: Grid, edits: Sequence[Edit]) -> None:
    """Apply edits by hand to ``mask.tif``, in memory."""
    with rasterio.open(path) as source:
        mask = source.read(1)
    write_whole_numbers(path, [(0, edited_mask(mask, edits, grid.affine, MASK_NODATA))], grid, MASK_NODATA)


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
    """Count the pixels of ``mask.tif`` by class, and measure the ice by the size of a pixel on the ground."""
    counts = {0: 0, 1: 0, MASK_NODATA: 0}
    edge = at_nodata = 0
    for top in range(0, scene.grid.height, STRIP):
        padded = mask_strip(out / "mask.tif", top, min(STRIP, scene.grid.height - top))
        strip, beside = padded[1:-1, 1:-1], sides_of(padded)
        for value in counts:
            counts[value] += int((strip == value).sum())
        edge += int(((strip == 1) & (beside != 1).any(axis=0)).sum())
        at_nodata += int(((strip == 1) & (beside == MASK_NODATA).any(axis=0)).sum())
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
        "edge_pixels": edge,
        "edge_pixels_at_nodata": at_nodata,
    }
