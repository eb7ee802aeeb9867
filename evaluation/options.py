"""What the commands that train the recipe have in common on their command lines."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from cnn.settings import TRAINING_OPTIONS, TrainingConfig
from command import add_fields, add_shared

FOLDERS = ("data", "transfer", "snow", "weak", "unlabelled", "drawn")


def add_recipe_arguments(parser: argparse.ArgumentParser) -> None:
    """What the commands that train the recipe share, so that they share checkpoints too."""
    add_shared(parser, "data", required=True)
    parser.add_argument("--transfer", type=Path, help="labelled tiles of other mountains")
    parser.add_argument("--snow", type=Path, help="labelled tiles of other mountains under snow")
    parser.add_argument("--weak", type=Path, help="weakly labelled tiles: trained on, never scored")
    parser.add_argument(
        "--unlabelled", type=Path, help="chips (.npz): tiles are copied in their colours, and scored so"
    )
    parser.add_argument("--drawn", type=Path, help="pictures of glaciers on these chips, as in drawn/: trained on")
    add_shared(parser, "out", default=Path("out/model"), help="checkpoints and results (default: out/model)")
    parser.add_argument("--folds", type=int, default=4, help="contiguous folds (default: %(default)s)")
    add_fields(parser, TrainingConfig(), TRAINING_OPTIONS)
    parser.add_argument("--scratch", action="store_true", help="start from random weights instead of ImageNet's")
    add_shared(parser, "seed", "device", "jobs")


def with_sites_to_mark(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """The parsed command line of what marks tiles of other mountains; exits where it names none."""
    options = parser.parse_args(argv)
    if not options.transfer or not options.snow:
        parser.error("--transfer and --snow are needed: labelled tiles of other mountains to mark")
    return options


def shown(options: argparse.Namespace, names: Sequence[str]) -> str:
    """The command line's folders and settings; it names no path of this machine."""
    folders = [f"--{name} {getattr(options, name).name}" for name in names if getattr(options, name)]
    jobs = [f"--jobs {options.jobs}"] if options.jobs else []
    return " ".join([*folders, f"--steps {options.steps} --seed {options.seed}", *jobs])
