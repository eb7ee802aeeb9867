"""From the parts of a scene to its probability and its mask, strip by strip, as Cloud-Optimised GeoTIFFs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.windows import Window

from errors import OutputError
from fusion.fuse import Fusion, agreement, fused_probability, log_odds
from fusion.hybrid import HybridModel
from fusion.layout import Layout
from fusion.pipeline import in_order
from fusion.scene_threshold import EDGES, SMALLEST_SHARE, log_odds_counts, scene_doubt, scene_threshold
from fusion.windowed import STRIP
from mapping.parts import part_files
from scenes.grid import Grid
from tiles.raster import atomic_output, one_line

BEYOND = 254  # in a strip of the mask: outside the scene
STEPS = 1024  # of the probability as it is written: finer ones are noise, and compress badly
MASK_NODATA = 255
COMPARED = (256, 1024)  # rows and columns of a large scene, about, that tell how far both members agree
LEAST_STEP = 16  # from one of these rows to the next


def strip_scores(
    folder: Path, layout: Layout, top: int, bottom: int, corrections: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[np.ndarray]]:
    """Gather rows ``top`` to ``bottom`` from the parts' files.

    Network probability, tree score, valid mask, and the offset of each correction.
    """
    targets = np.zeros((2 + corrections, bottom - top, layout.width), np.float32)
    for part in layout.parts():
        boxes = layout.extent(part), *[layout.core(part)] * (1 + corrections)
        files = part_files(folder, part, corrections)
        for path, (row, column, rows, columns), target in zip(files, boxes, targets):
            first, last = max(row, top), min(row + rows, bottom)
            left, right = max(column, 0), min(column + columns, layout.width)
            if first >= last or left >= right:
                continue
            stored = np.load(path, mmap_mode="r")
            inside = slice(first - row, last - row), slice(left - column, right - column)
            here = target[first - top : last - top, left:right]
            here += stored[inside] if stored.size else np.float32(np.nan)
    valid = np.isfinite(targets[1])
    unet, gbm, *offsets = np.where(valid, targets, np.float32(0))
    return np.clip(unet, 0, 1), gbm, valid, offsets


def strips(folder: Path, layout: Layout, model: HybridModel, jobs: int) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield the first row, probability (float32) and valid mask of each strip, in order."""

    def strip(top: int) -> tuple[int, np.ndarray, np.ndarray]:
        bottom = min(top + STRIP, layout.height)
        unet, gbm, valid, offsets = strip_scores(folder, layout, top, bottom, len(model.corrections))
        if not valid.any():
            return top, np.zeros(valid.shape, np.float32), valid
        return top, fused_probability(model.fusion, unet, gbm, valid, offsets), valid

    return in_order(strip, range(0, layout.height, STRIP), jobs)


def agreement_in(folder: Path, layout: Layout) -> float | None:
    """How far both members agree on a scene (``fusion.fuse.agreement``), None where neither finds any glacier."""
    scores = []
    down, across = max(LEAST_STEP, layout.height // COMPARED[0]), max(1, layout.width // COMPARED[1])
    for row in range(0, layout.height, down):
        unet, gbm, valid = (one[:, ::across] for one in strip_scores(folder, layout, row, row + 1)[:3])
        scores.append(np.stack([unet[valid], gbm[valid]], axis=1))
    said = log_odds(np.concatenate(scores))
    found = len(said) and (said > 0).any(axis=1).mean() >= SMALLEST_SHARE
    return agreement(said) if found else None


def write_rasters(
    out: Path, folder: Path, found: Iterable[tuple[int, np.ndarray, np.ndarray]], grid: Grid, fusion: Fusion
) -> dict[str, float]:
    """Write ``probability.tif`` (float32, NaN under nodata) and ``mask.tif`` (1, 0, and 255 under nodata) into ``out``.

    ``found`` as of ``strips``; unfinished files lie in ``folder``.
    Returns the ``threshold``, one for the whole scene (the mask is 1 where ``probability.tif`` is above it), and how
    far the scene is in ``doubt`` (``fusion.scene_threshold.doubt``; 0 where nothing was seen).
    """
    profile = {"driver": "GTiff", "tiled": True, "blockxsize": STRIP, "blockysize": STRIP, "count": 1, **grid.profile}
    unfinished = folder / "probability.tif", folder / "mask.tif"
    try:
        counts = np.zeros(len(EDGES) - 1, np.int64)
        with rasterio.open(
            unfinished[0], "w", dtype="float32", nodata=np.nan, BIGTIFF="IF_SAFER", **profile
        ) as probabilities:
            for top, probability, valid in found:
                window = Window(0, top, grid.width, len(probability))
                stepped = np.round(probability * STEPS) / np.float32(STEPS)
                probabilities.write(np.where(valid, stepped, np.float32(np.nan)), 1, window=window)
                counts += log_odds_counts(probability, valid)
        threshold = scene_threshold(fusion, counts)
        with (
            rasterio.open(unfinished[0]) as probabilities,
            rasterio.open(unfinished[1], "w", dtype="uint8", nodata=MASK_NODATA, **profile) as masks,
        ):
            for top in range(0, grid.height, STRIP):
                window = Window(0, top, grid.width, min(STRIP, grid.height - top))
                probability = probabilities.read(1, window=window)
                mask = np.where(np.isnan(probability), MASK_NODATA, probability > threshold).astype(np.uint8)
                masks.write(mask, 1, window=window)
        cloud_optimised(unfinished[0], out / "probability.tif", Resampling.average)
        cloud_optimised(unfinished[1], out / "mask.tif", Resampling.nearest)
    except (RasterioError, OSError) as problem:
        raise OutputError(
            f"{out}: cannot be written ({one_line(problem)}); free space or choose another --out."
        ) from None
    finally:
        for path in unfinished:
            path.unlink(missing_ok=True)
    return {"threshold": threshold, "doubt": scene_doubt(fusion, counts) if counts.any() else 0.0}


def write_whole_numbers(
    path: Path, found: Iterable[tuple[int, np.ndarray]], grid: Grid, nodata: int | None = None
) -> None:
    """Write strips (first row, uint8 (rows, W)) as one Cloud-Optimised GeoTIFF; raises OutputError."""
    unfinished = path.with_name(f".{path.name}.strips")
    profile = {"driver": "GTiff", "tiled": True, "blockxsize": STRIP, "blockysize": STRIP, "count": 1, **grid.profile}
    try:
        with rasterio.open(unfinished, "w", dtype="uint8", nodata=nodata, **profile) as file:
            for top, strip in found:
                file.write(strip.astype(np.uint8), 1, window=Window(0, top, grid.width, len(strip)))
        cloud_optimised(unfinished, path, Resampling.nearest)
    except (RasterioError, OSError) as problem:
        raise OutputError(f"{path}: cannot be written ({one_line(problem)}); free space.") from None
    finally:
        unfinished.unlink(missing_ok=True)


def mask_strip(path: Path, top: int, rows: int) -> np.ndarray:
    """Read rows of ``mask.tif`` with one more row or column on every side, uint8; BEYOND where the scene ends."""
    with rasterio.open(path) as source:
        first, last = max(top - 1, 0), min(top + rows + 1, source.height)
        found = source.read(1, window=Window(0, first, source.width, last - first))
    return np.pad(found, ((first - top + 1, top + rows + 1 - last), (1, 1)), constant_values=BEYOND)


def sides_of(padded: np.ndarray) -> np.ndarray:
    """Stack the four neighbours of the inner pixels of an array (H + 2, W + 2): (4, H, W)."""
    return np.stack([padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]])


def cloud_optimised(source: Path, target: Path, overviews: Resampling) -> None:
    """Copy a raster as a compressed Cloud-Optimised GeoTIFF with overviews, whole or not at all."""
    with atomic_output(target) as temporary:
        rasterio.shutil.copy(
            source,
            temporary,
            driver="COG",
            compress="DEFLATE",
            level=1,
            blocksize=2 * STRIP,
            overview_resampling=overviews.name,
            num_threads=str(os.cpu_count() or 1),
            bigtiff="IF_SAFER",
        )
