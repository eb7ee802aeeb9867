"""Several dates of one place as one map: each pixel is decided by the dates on which it was seen.

Every date is mapped by itself. On the first one's grid, to which the others are reprojected, a pixel's log-odds are the
mean of those of the dates that see it, weighted by how good a date is. A date's weight is

    (1 - snow) * (1 - unseen), and at least LEAST_WEIGHT

``snow``: of the pixels it sees outside the ice on which the dates agree (mean log-odds above 0), the share that look
like snow (NDSI above 0.4); ``unseen``: the share of its footprint, the convex hull of what it sees, that clouds, shadow
and other nodata hide.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.features import geometry_mask
from rasterio.transform import Affine
from rasterio.vrt import WarpedVRT
from rasterio.warp import reproject, transform_bounds
from rasterio.windows import Window

from errors import GridError
from features.indices import compute_index
from fusion.fuse import log_odds
from fusion.windowed import STRIP
from mapping.finish import MOST_THREADS, Beside, conclude, doubt_notes, outlines_in
from mapping.outlines import owners
from mapping.rasters import write_rasters, write_whole_numbers
from mapping.run import loaded
from mapping.steps import Postprocess
from scenes.grid import Grid, frame_of
from scenes.scene import Scene
from simulation.season import SNOW_NDSI

LEAST_WEIGHT = 0.05
SAMPLE_SIDE = 1000  # pixels of the longer side on which dates are weighed, at most


@dataclass(frozen=True)
class Dated:
    """A date that is mapped: its scene, the folder of its rasters, its shares of ``snow`` and ``unseen`` pixels."""

    scene: Scene
    folder: Path
    snow: float
    unseen: float

    @property
    def weight(self) -> float:
        """How much the date counts."""
        return max((1 - self.snow) * (1 - self.unseen), LEAST_WEIGHT)

    @property
    def called(self) -> str:
        """Its date, or its name where it has none."""
        return self.scene.date or self.scene.name


def check_places(scenes: Sequence[Scene]) -> None:
    """Raise GridError unless every scene overlaps with the first."""
    first, crs = frame_of(scenes[0].grid), CRS.from_wkt(scenes[0].grid.crs)
    for scene in scenes[1:]:
        there = transform_bounds(CRS.from_wkt(scene.grid.crs), crs, *frame_of(scene.grid).bounds)
        if shapely.box(*there).intersection(first).area == 0:
            raise GridError(f"{scene.name}: does not overlap with {scenes[0].name}; combine dates of one place.")


@contextmanager
def probability_on(folder: Path, grid: Grid) -> Iterator[Any]:
    """Open a map's probability on a grid, NaN where it has none."""
    with rasterio.open(folder / "probability.tif") as source:
        aligned = source.crs == CRS.from_wkt(grid.crs) and source.transform.almost_equals(grid.affine, 1e-6)
        how = Resampling.nearest if aligned else Resampling.bilinear
        with WarpedVRT(source, **grid.profile, resampling=how, nodata=np.nan) as warped:
            yield warped


def weighed(scenes: Sequence[Scene], folders: Sequence[Path]) -> list[Dated]:
    """Weigh mapped dates by a sample on the first one's grid."""
    grid = scenes[0].grid
    step = max(1, math.ceil(max(grid.height, grid.width) / SAMPLE_SIDE))
    shape = (math.ceil(grid.height / step), math.ceil(grid.width / step))
    odds = np.full((len(scenes), *shape), np.nan, np.float32)
    for place, folder in zip(odds, folders):
        with probability_on(folder, grid) as source:
            place[:] = source.read(1, out_shape=shape)
    seen = np.isfinite(odds)
    odds = np.where(seen, log_odds(np.where(seen, odds, 0.5)), 0)
    ice = odds.sum(axis=0) > 0  # as the mean is
    found = []
    for scene, folder, valid in zip(scenes, folders, seen):
        ground = valid & ~ice
        snow = float((ndsi_on(scene, grid, shape)[ground] > SNOW_NDSI).mean()) if ground.any() else 0.0
        inside = footprint(valid)
        found.append(Dated(scene, folder, snow, float(1 - valid[inside].mean()) if inside.any() else 1.0))
    return found


def ndsi_on(scene: Scene, grid: Grid, shape: tuple[int, int]) -> np.ndarray:
    """A sample of a scene's NDSI on another grid's sample of a shape, float32, NaN under nodata."""
    step = max(1, math.ceil(max(scene.grid.height, scene.grid.width) / SAMPLE_SIDE))
    tile = scene.sample(step)
    ndsi = np.where(tile.valid, compute_index("ndsi", tile.bands), np.nan).astype(np.float32)
    found = np.full(shape, np.nan, np.float32)
    reproject(
        ndsi,
        found,
        src_crs=CRS.from_wkt(scene.grid.crs),
        src_transform=thinned(scene.grid, tile.shape),
        src_nodata=np.nan,
        dst_crs=CRS.from_wkt(grid.crs),
        dst_transform=thinned(grid, shape),
        dst_nodata=np.nan,
        resampling=Resampling.nearest,
    )
    return found


def thinned(grid: Grid, shape: tuple[int, int]) -> Affine:
    """The transform of a grid read in another shape."""
    return grid.affine * Affine.scale(grid.width / shape[1], grid.height / shape[0])


def footprint(valid: np.ndarray) -> np.ndarray:
    """The convex hull of the valid pixels, bool (H, W)."""
    points = np.argwhere(valid)[:, ::-1] + 0.5
    hull = shapely.convex_hull(shapely.multipoints(points)).buffer(0.5)
    return np.asarray(geometry_mask([hull], valid.shape, Affine.identity(), invert=True))


def combined_strips(dates: Sequence[Dated], grid: Grid) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield the first row, the weighted probability (float32) and the seen pixels (bool) of each strip."""
    for top, said in strips_of(dates, grid):
        seen = np.isfinite(said)
        weights = np.array([date.weight for date in dates], np.float32)[:, None, None] * seen
        total = weights.sum(axis=0)
        odds = (weights * log_odds(np.where(seen, said, 0.5))).sum(axis=0) / np.maximum(total, LEAST_WEIGHT)
        valid = total > 0
        yield top, np.where(valid, 1 / (1 + np.exp(-odds)), 0).astype(np.float32), valid


def strips_of(dates: Sequence[Dated], grid: Grid) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the first row of each strip and the probability of every date there, float32 (dates, rows, columns)."""
    with ExitStack() as stack:
        sources = [stack.enter_context(probability_on(date.folder, grid)) for date in dates]
        for top in range(0, grid.height, STRIP):
            window = Window(0, top, grid.width, min(STRIP, grid.height - top))
            yield top, np.stack([source.read(1, window=window) for source in sources])


def dates_used(outlines: gpd.GeoDataFrame, dates: Sequence[Dated], grid: Grid) -> list[str]:
    """List for each outline the dates that have seen any of it."""
    bounds = outlines.bounds.to_numpy() if len(outlines) else np.zeros((0, 4))
    seen = np.zeros((len(dates), len(outlines) + 1), bool)
    for top, said in strips_of(dates, grid):
        owner = owners(outlines.geometry, bounds, grid, top, said.shape[1])[1:-1, 1:-1]
        for row, valid in zip(seen, np.isfinite(said)):
            row[np.unique(owner[valid])] = True
    return [", ".join(date.called for date, here in zip(dates, column) if here) for column in seen.T[1:]]


def combine(
    scenes: Sequence[Scene],
    folders: Sequence[Path],
    out: Path,
    model_file: str,
    steps: Postprocess,
    beside: Beside,
    threads: int = 0,
) -> dict[str, Any]:
    """Combine mapped dates into one map on the first one's grid; returns the content of its ``metrics.json``.

    Into ``out`` it writes what a scene's map has, and ``dates.tif``. Imagery, temperature and NDSI are the first
    scene's; ``date`` of the outlines is that of the date with the most weight.
    """
    start, grid, folder = time.time(), scenes[0].grid, out / ".combined"
    model = loaded(model_file, "cpu")
    dates = weighed(scenes, folders)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        rasters = write_rasters(out, folder, combined_strips(dates, grid), grid, model.fusion)
    finally:
        shutil.rmtree(folder)
    counts = ((top, np.isfinite(said).sum(axis=0)) for top, said in strips_of(dates, grid))
    write_whole_numbers(out / "dates.tif", counts, grid)
    heaviest = max(dates, key=lambda date: date.weight).scene.date
    name = f"{scenes[0].name} and {len(scenes) - 1} more"
    scene = replace(scenes[0], name=name, date=heaviest)
    outlines = outlines_in(scene, out, steps, beside, min(threads or MOST_THREADS, MOST_THREADS))
    outlines["dates"] = dates_used(outlines, dates, grid)
    told = [
        {"scene": one.scene.name, "date": one.scene.date, "weight": one.weight, "snow": one.snow, "unseen": one.unseen}
        for one in dates
    ]
    notes = doubt_notes(rasters, name, model)
    return conclude(scene, out, model, outlines, {**rasters, "dates": told}, notes, beside, start)
