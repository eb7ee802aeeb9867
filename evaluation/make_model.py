"""Train and write ``model.pth`` with one command.

    python -m evaluation.make_model --data tiles/ --extra more/ --out out/model

The model is trained on the tiles of ``--data``, on simulated copies of them and on the tiles of every ``--extra``.
Its fusion and thresholds come from contiguous folds of ``--data`` alone, each judged by parts that have seen
neither it nor its copies; ``evaluation.generalise`` with the same ``--out`` shares their checkpoints.
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import torch

from errors import exit_code
from evaluation.generalise import Folds, add_recipe_arguments, judge_folds, next_door, recipe_of
from evaluation.parts import VIEWS, Parts, Recipe, train_parts
from evaluation.results import print_table
from evaluation.systems import SYSTEMS, fit_settings
from fusion.hybrid import HybridModel
from fusion.model_file import save_model
from tiles.folder import LabelledTile, read_labelled


def assemble(folds: Folds, parts: Parts, provenance: dict[str, Any]) -> HybridModel:
    """The shipped hybrid: its fusion and thresholds come from out-of-fold predictions only."""
    settings = fit_settings(folds.tiles, folds.judged)
    return HybridModel(parts.gbm, parts.unet, settings.fusion, settings.gbm, settings.unet, VIEWS, provenance)


def provenance_of(
    recipe: Recipe, tiles: Sequence[LabelledTile], extra: Sequence[LabelledTile], scores: dict[str, Any], command: str
) -> dict[str, Any]:
    """Plain facts stored in the model."""
    return {
        "tiles": [tile.tile_id for tile, _ in tiles],
        "extra_tiles": [tile.tile_id for tile, _ in extra],
        "gbm_settings": {name: str(value) for name, value in asdict(recipe.gbm).items() if name != "channels"},
        "unet_settings": {name: str(value) for name, value in asdict(recipe.unet).items() if name != "channels"},
        "versions": {
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "lightgbm": str(lightgbm.__version__),
            "numpy": str(np.__version__),
        },
        "cross_validation_mcc": {system: float(scores[system]["all_pixels"]["mcc"]) for system in SYSTEMS},
        "command": command,
    }


def run(options: argparse.Namespace) -> None:
    """Everything from tiles to model.pth."""
    recipe = recipe_of(options)
    tiles = read_labelled(options.data)
    extra = [labelled for folder in options.extra for labelled in read_labelled(folder)]
    folds = judge_folds(recipe, tiles, options.folds)
    scores, _ = next_door(folds)
    print_table(f"Out-of-fold, {len(folds.blocks)} contiguous folds of {len(tiles)} tiles", scores)
    parts = train_parts("whole", recipe, tiles, extra)
    command = "python -m evaluation.make_model " + options.shown
    save_model(assemble(folds, parts, provenance_of(recipe, tiles, extra, scores, command)), options.out / "model.pth")
    print(f"Wrote {options.out / 'model.pth'}.")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line; ``shown`` names no path of this machine."""
    parser = argparse.ArgumentParser(
        description="Train and write model.pth.",
        epilog="example: python -m evaluation.make_model --data tiles/ --extra more/ --out out/model",
    )
    add_recipe_arguments(parser)
    parser.add_argument(
        "--extra", type=Path, action="append", default=[], help="more labelled tiles to train on (repeatable)"
    )
    options = parser.parse_args(argv)
    folders = [f"--data {options.data.name}", *(f"--extra {folder.name}" for folder in options.extra)]
    options.shown = " ".join([*folders, f"--steps {options.steps} --seed {options.seed}"])
    return options


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments()))


if __name__ == "__main__":
    sys.exit(main())
