"""Train and write ``model.pth`` with one command.

    python -m evaluation.make_model --data tiles/ --transfer other/ --snow winter/ --weak weak/ --out out/model

The model is trained on all the labelled tiles and on simulated copies of them. Its fusion and thresholds come from
predictions of parts that have not seen what they are fitted on: contiguous folds of ``--data`` with their copies, and
the other mountains, judged by parts trained on ``--data`` alone. ``evaluation.generalise`` with the same ``--out``
shares their checkpoints.
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import lightgbm
import numpy as np
import torch

from command import new_parser
from errors import exit_code
from evaluation.crossval import SITES, WHOLE, Judged, judge_scenes, training_sets
from evaluation.measures import next_door
from evaluation.recipe import (
    VIEWS,
    Parts,
    Recipe,
    Scenes,
    add_recipe_arguments,
    recipe_of,
    scenes_of,
    shown,
    train_parts,
)
from evaluation.results import print_table
from evaluation.systems import SYSTEMS
from fusion.hybrid import HybridModel
from fusion.model_file import save_model


def hybrid_of(judged: Judged, parts: Parts, provenance: dict[str, Any]) -> HybridModel:
    """The shipped hybrid: its fusion and thresholds come from predictions for unseen tiles only."""
    settings = judged.settings()
    return HybridModel(parts.gbm, parts.unet, settings.fusion, settings.gbm, settings.unet, VIEWS, provenance)


def provenance_of(recipe: Recipe, scenes: Scenes, scores: dict[str, Any], command: str) -> dict[str, Any]:
    """Plain facts stored in the model."""
    return {
        "tiles": [tile.tile_id for tile, _ in scenes.home],
        "extra_tiles": [tile.tile_id for tile, _ in scenes.extra],
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
    recipe, scenes = recipe_of(options), scenes_of(options)
    sets = training_sets(scenes, options.folds, SITES)
    judged = judge_scenes(recipe, scenes, sets)
    scores, _ = next_door(judged, judged.settings_of_folds())
    print_table(f"Out-of-fold, {len(judged.blocks)} contiguous folds of {len(scenes.home)} tiles", scores)
    parts = train_parts(WHOLE, recipe, sets[WHOLE])
    command = "python -m evaluation.make_model " + shown(options, ("data", "transfer", "snow", "weak"))
    save_model(hybrid_of(judged, parts, provenance_of(recipe, scenes, scores, command)), options.out / "model.pth")
    print(f"Wrote {options.out / 'model.pth'}.")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "Train and write model.pth.",
        "python -m evaluation.make_model --data tiles/ --transfer other/ --snow winter/ --weak weak/",
    )
    add_recipe_arguments(parser)
    return parser.parse_args(argv)


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments()))


if __name__ == "__main__":
    sys.exit(main())
