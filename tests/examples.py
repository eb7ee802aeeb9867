"""Small tiles, folders and models that the tests share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import torch

from baseline.gbm import GbmModel
from cnn.tile_probability import UNetModel
from cnn.unet import CompactUNet
from evaluation.systems import SYSTEMS, Scored, summary
from fusion.fuse import Fusion
from fusion.hybrid import HybridModel
from tiles.folder import LabelledTile
from tiles.raster import write_raster
from tiles.tile import Tile

# the recipe in a moment; more than one thread would wait for a busy processor
FAST = ["--folds", "2", "--steps", "2", "--batch", "2", "--crop", "32", "--scratch", "--device", "cpu", "--jobs", "1"]
BAND_NUMBERS = {"blue": "B2", "green": "B3", "red": "B4", "swir1": "B6", "thermal": "B10"}


def example_tile(shape: tuple[int, int] = (40, 48), seed: int = 0, thermal: bool = True) -> LabelledTile:
    """A tile with a bright, cold half (glacier) and a dark one, a gap of nodata, and its truth."""
    random = np.random.default_rng(seed)
    truth = np.zeros(shape, bool)
    truth[: shape[0] // 2] = True
    valid = np.ones(shape, bool)
    valid[:, : shape[1] // 8] = False
    bands = {}
    for band, ice, rock in (
        ("blue", 0.8, 0.1),
        ("green", 0.75, 0.12),
        ("red", 0.7, 0.15),
        ("swir1", 0.05, 0.25),
        ("thermal", 260, 280),
    ):
        level = np.where(truth, ice, rock)
        bands[band] = np.where(valid, level * (1 + 0.05 * random.normal(size=shape)), 0).astype(np.float32)
    if not thermal:
        del bands["thermal"]
    return LabelledTile(Tile("01_01", bands, valid, source="B2_B2_masked_01_01.tif"), truth & valid)


def write_folder(root: Path, tile_ids: tuple[str, ...] = ("01_01", "01_02"), shape: tuple[int, int] = (40, 48)) -> Path:
    """Example tiles in the challenge's layout and coding."""
    for number, tile_id in enumerate(tile_ids):
        tile, truth = example_tile(shape, seed=number)
        for folder, (band, code) in enumerate(BAND_NUMBERS.items(), 1):
            scale, offset = (0.00341802, 149.0) if band == "thermal" else (2.75e-5, -0.2)
            numbers = np.where(tile.valid, np.round((tile.bands[band] - offset) / scale), 0).astype(np.float32)
            write_raster(root / f"Band{folder}" / f"{code}_{code}_masked_{tile_id}.tif", numbers)
        write_raster(root / "label" / f"Y_output_resized_{tile_id}.tif", np.where(truth, 255, 0).astype(np.float32))
    return root


def example_model(seed: int = 0) -> HybridModel:
    """A hybrid of an untrained network and a few trees; NDSI decides."""
    random = np.random.default_rng(seed)
    rows = random.uniform(-1, 1, (600, 2)).astype(np.float32)
    data = lightgbm.Dataset(rows, (rows[:, 0] > 0.4).astype(np.float32))
    booster = lightgbm.train(
        {"objective": "binary", "verbosity": -1, "num_threads": 1, "deterministic": True}, data, 10
    )
    torch.manual_seed(seed)
    networks = (CompactUNet(3).eval(), CompactUNet(3).eval())
    unet = UNetModel(networks, ("green", "thermal.rank"), np.zeros(2, np.float32), np.ones(2, np.float32))
    fusion = Fusion((0.0, 1.0), 0.0, 0.5)
    return HybridModel(
        GbmModel(booster.model_to_string(), ("ndsi", "green.diff21")),
        unet,
        fusion,
        0.5,
        0.5,
        provenance={"made": "for tests"},
    )


def example_results() -> dict[str, Any]:
    """Results as ``evaluation.generalise`` writes them."""
    truth = np.eye(4, dtype=bool)
    valid = np.ones((4, 4), bool)
    masks = [Scored("01", truth, truth, valid), Scored("02", ~truth, truth, valid)]
    folds = [["01"], ["02"]]
    scores = {system: summary(masks, folds) for system in SYSTEMS}
    shares = {"share of valid pixels": 0.5, "share of misses": 0.4, "share of false alarms": 0.3}
    stratum = {"group": "light", "stratum": "between", **shares, "recall": 0.9, "mcc": 0.7}
    return {
        "command": "made for a test",
        "folds": folds,
        "next_door": scores,
        "elsewhere": scores,
        "snow": scores,
        "groups": {"next door": dict.fromkeys(SYSTEMS, 0.5), "mean": dict.fromkeys(SYSTEMS, 0.5)},
        "leave_one_site_out": {"a mountain": scores},
        "shifted": {"no thermal band": dict.fromkeys(SYSTEMS, -0.1)},
        "strata": {"next_door": [stratum], "elsewhere": [stratum]},
    }
