"""The score of the tiles as parts of one mosaic, which each fold's model maps as a whole scene."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import rasterio
import torch
from rasterio.windows import Window
from tqdm import tqdm

from command import hidden
from evaluation.crossval import Judged
from evaluation.recipe import VIEWS
from evaluation.systems import Settings
from fusion.hybrid import HybridModel
from fusion.layout import Layout
from fusion.model_file import save_model
from mapping.finish import finish
from mapping.run import job_for, on_threads, scene_layout
from mapping.steps import Postprocess
from scenes.scene import Scene
from scores.confusion import Confusion, confusion


def mosaic_mcc(
    judged: Judged,
    settings: Sequence[Settings],
    scene: Scene,
    places: dict[str, tuple[int, int]],
    overlap: float,
    jobs: int,
) -> float:
    """MCC over all pixels of all tiles, each mapped as a part of the mosaic by the model that had not seen it."""
    total = Confusion(0, 0, 0, 0)
    layout = scene_layout(scene, Layout.window, overlap)
    truths = {tile.tile_id: truth for tile, truth in judged.tiles}
    each = list(zip(judged.blocks, judged.members, settings))
    for block, members, own in tqdm(each, desc=f"overlap {overlap:g}", unit="fold", disable=hidden()):
        model = HybridModel(members.gbm, members.unet, own.fusion, own.gbm, own.unet, VIEWS)
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder)
            save_model(model, out / "model.pth")
            job = job_for(scene, layout, out / "model.pth", torch.device("cpu"), out)
            list(on_threads([job], partial(finish, steps=Postprocess(), threads=jobs), jobs))
            with rasterio.open(out / "mask.tif") as source:
                for tile_id in block:
                    (row, column), truth = places[tile_id], truths[tile_id]
                    mask = source.read(1, window=Window(column, row, truth.shape[1], truth.shape[0]))
                    total = total + confusion(truth, mask == 1)
    return total.mcc
