"""The tiles as one mosaic through the mapping of whole scenes, against the same tiles one by one, out-of-fold.

    python -m evaluation.mosaic --data tiles/ --out out/model

Each fold's model maps the whole mosaic and is scored on the tiles that it had held out. Shares the checkpoints of
``evaluation.generalise`` with the same ``--out``. Writes ``mosaic.json``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import rasterio
import torch
from rasterio.windows import Window
from tqdm import tqdm

from command import hidden, new_parser, write_json
from errors import exit_code
from evaluation.crossval import Judged, judge_scenes, training_sets
from evaluation.measures import next_door
from evaluation.recipe import VIEWS, add_recipe_arguments, recipe_of, scenes_of, shown
from evaluation.systems import Settings
from fusion.hybrid import HybridModel
from fusion.layout import SCENE_WINDOW, scene_layout
from fusion.model_file import save_model
from mapping.finish import finish
from mapping.run import job_for, on_threads
from mapping.steps import Postprocess
from scenes.grid import grid_of, offset_in
from scenes.mosaic import open_mosaic
from scenes.scene import Scene
from scores.confusion import Confusion, confusion
from tiles.folder import band_folders, find_tiles

OVERLAPS = (0.5, 0.25)


def mosaic_mcc(
    judged: Judged,
    settings: Sequence[Settings],
    scene: Scene,
    places: dict[str, tuple[float, float]],
    overlap: float,
    jobs: int,
) -> float:
    """MCC over all pixels of all tiles, each mapped as a part of the mosaic by the model that had not seen it."""
    total = Confusion(0, 0, 0, 0)
    layout = scene_layout(scene.grid.height, scene.grid.width, scene.grid.origin, SCENE_WINDOW, overlap)
    truths = {tile.tile_id: truth for tile, truth in judged.tiles}
    each = list(zip(judged.blocks, judged.parts, settings))
    for block, parts, own in tqdm(each, desc=f"overlap {overlap:g}", unit="fold", disable=hidden()):
        model = HybridModel(parts.gbm, parts.unet, own.fusion, own.gbm, own.unet, VIEWS)
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder)
            save_model(model, out / "model.pth")
            job = job_for(scene, layout, out / "model.pth", torch.device("cpu"), out)
            list(on_threads([job], partial(finish, steps=Postprocess(), threads=jobs), jobs))
            with rasterio.open(out / "mask.tif") as source:
                for tile_id in block:
                    (row, column), truth = map(round, places[tile_id]), truths[tile_id]
                    mask = source.read(1, window=Window(column, row, truth.shape[1], truth.shape[0]))
                    total = total + confusion(truth, mask == 1)
    return total.mcc


def run(options: argparse.Namespace) -> None:
    """Score the mosaic at each overlap, and the tiles one by one."""
    scene = open_mosaic(options.data)
    grids = {one.tile_id: grid_of(str(one.paths["blue"])) for one in find_tiles(band_folders(options.data))}
    places = {tile_id: offset_in(scene.grid, grid) for tile_id, grid in grids.items()}
    scenes = scenes_of(options)
    judged = judge_scenes(recipe_of(options), scenes, training_sets(scenes, options.folds, {}))
    settings = judged.settings_of_folds()
    scores, _ = next_door(judged, settings)
    results = {"tile by tile": scores["hybrid"]["all_pixels"]["mcc"]}
    for overlap in OVERLAPS:
        results[f"mosaic, overlap {overlap:g}"] = mosaic_mcc(judged, settings, scene, places, overlap, options.jobs)
    for name, mcc in results.items():
        print(f"{name:24s}{mcc:8.4f}")
    command = "python -m evaluation.mosaic " + shown(options, ("data", "transfer", "snow"))
    write_json(options.out / "mosaic.json", {"command": command, "mcc": results})


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    parser = new_parser(
        "Score the tiles as one mosaic and one by one.", "python -m evaluation.mosaic --data tiles/ --out out/model"
    )
    add_recipe_arguments(parser)
    return exit_code(lambda: run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
