"""Time of each stage of a tile, as ``fusion.hybrid.predict_tile`` maps it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from baseline.gbm import cells_of, score_of_cells
from cnn.tile_probability import unet_probability
from features.stack import FeatureStack, build_stack
from fusion.alike import drawn_to_alike
from fusion.fuse import fused_probability
from fusion.hybrid import HybridModel
from fusion.model_file import load_model
from fusion.scene_threshold import glacier_mask
from solution import HERE, MODEL_NAME
from tiles.folder import TileFiles, band_folders, find_tiles, read_tile, write_mask
from tiles.tile import Tile

STAGES = ("read", "features", "GBM", "U-Net", "pixels alike", "fusion", "write")
Result = TypeVar("Result")


class Stopwatch:
    """Seconds of each stage, one number a tile."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {stage: [] for stage in STAGES}

    def time(self, stage: str, work: Callable[[], Result]) -> Result:
        """Run ``work`` and note how long it took."""
        start = time.perf_counter()
        result = work()
        self.seconds[stage].append(time.perf_counter() - start)
        return result


def time_tile(watch: Stopwatch, model: HybridModel, files: TileFiles, out: Path) -> None:
    """One tile through every stage on one thread, as ``fusion.hybrid.predict_tile`` does it."""
    device = torch.device("cpu")
    tile = watch.time("read", lambda: read_tile(files))
    cells, gbm = watch.time("GBM", lambda: cells_and_score(model, tile))
    stack = watch.time("features", lambda: build_stack(tile, model.unet.channel_names))
    said = watch.time("U-Net", lambda: unet_probability(model.unet, stack, device, model.views))
    unet = watch.time("pixels alike", lambda: drawn_to_alike(said, cells, tile.valid))
    probability = watch.time("fusion", lambda: fused_probability(model.fusion, unet, gbm, tile.valid))
    watch.time("write", lambda: write_mask(out, tile, glacier_mask(model.fusion, probability, tile.valid)))


def cells_and_score(model: HybridModel, tile: Tile) -> tuple[FeatureStack, np.ndarray]:
    """The trees' channels at half resolution, and their score, float32 (H, W)."""
    cells = cells_of(model.gbm, tile)
    return cells, score_of_cells(model.gbm, cells, tile.valid, 1)


def stages(data: Path) -> dict[str, float]:
    """Median seconds of each stage of a tile, on one thread; the GBM's includes its own features."""
    model, watch = load_model(HERE / MODEL_NAME, torch.device("cpu")), Stopwatch()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as out:
        for warm in (True, False):
            for tile_files in find_tiles(band_folders(data)):
                time_tile(Stopwatch() if warm else watch, model, tile_files, Path(out))
    torch.set_num_threads(threads)
    return {stage: float(np.median(seconds)) for stage, seconds in watch.seconds.items()}
