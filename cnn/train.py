"""Train any architecture on labelled images of any bands.

    python -m cnn.train --arch unetpp --data DIR --out out/unetpp
    python -m cnn.train --arch attention_deeplab --data hkh/ --recipe theirs
    torchrun --nproc_per_node 4 -m cnn.train --arch unetpp --data DIR          # several GPUs

Writes ``run.ckpt``, from which a run that was stopped goes on, ``run.png`` with its curves, ``model.pt``, and what
``cnn.evaluate`` writes of the test subset. A subset of the images is set apart by place for validation, which early
stopping looks at, and another one for the test, which nothing looks at.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from cnn.evaluate import report
from cnn.options import (
    add_data_arguments,
    add_labels_argument,
    add_run_arguments,
    command_shown,
    device_of,
    images_of,
)
from command import new_parser
from errors import SettingError, exit_code
from patches.normalise import KINDS as NORMALISATIONS
from patches.split import KINDS as SPLITS
from patches.split import Split, split_images

if TYPE_CHECKING:
    from cnn.recipes import Recipe

OVERRIDES = ("patch", "batch", "overlap", "epochs", "learning_rate", "loss", "normalisation", "views")


def recipe_of(options: argparse.Namespace) -> Recipe:
    """The recipe with what the command line says otherwise."""
    from cnn.recipes import recipe_for

    given = {name: getattr(options, name) for name in OVERRIDES if getattr(options, name) is not None}
    for name in ("patch", "batch", "epochs", "learning_rate"):
        if name in given and not given[name] > 0:
            raise SettingError(f"--{name.replace('_', '-')} {given[name]}: is not above 0; give a number that is.")
    for name in ("steps", "minutes"):
        if not getattr(options, name) >= 0:
            raise SettingError(f"--{name} {getattr(options, name)}: is below 0; give a number above.")
    if not 0 <= given.get("overlap", 0) < 1:
        raise SettingError(f"--overlap {given['overlap']}: is not a share below 1; give for example 0.5.")
    return replace(recipe_for(options.arch, options.recipe), **given)


def run(options: argparse.Namespace) -> None:
    """Train and score what the command line asks for."""
    from cnn.network_training import Plan, train_network
    from cnn.processes import joined, this_process

    recipe = recipe_of(options)
    with joined(device_of(options)) as device:
        images = images_of(options, options.labels, options.bands)
        split = Split(options.split, options.validation, options.test, recipe.patch, recipe.overlap, options.seed)
        subsets = split_images(images, split)
        plan = Plan(
            options.arch, recipe, options.labels, options.steps, options.minutes, options.weights, options.seed, split
        )
        model = train_network(subsets, plan, options.out, device, {"command": command_shown("cnn.train")})
        if this_process().rank == 0 and subsets["test"]:
            report(model, subsets["test"], "test", options.out, options.out)


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "Train any architecture on labelled images of any bands.",
        "python -m cnn.train --arch glavitu --data rasters/ --bands 8,4,5,1,11,14 --out out/glavitu",
    )
    parser.add_argument("--arch", required=True, help="a name of cnn.architectures, or smp:NAME:ENCODER")
    add_data_arguments(parser)
    add_labels_argument(parser)
    parser.add_argument(
        "--recipe", choices=("ours", "theirs"), default="ours", help="theirs: as the system's authors did"
    )
    parser.add_argument("--steps", type=int, default=0, help="optimiser steps (default: the recipe's epochs)")
    parser.add_argument("--epochs", type=float, help="times that every patch is seen (default: the recipe's)")
    parser.add_argument("--minutes", type=float, default=0.0, help="as many steps as fit, timed at the start")
    parser.add_argument("--weights", default="", help="file of pretrained weights, or imagenet for compact_unet")
    parser.add_argument("--split", choices=SPLITS, default="auto", help="how subsets are set apart (default: by place)")
    parser.add_argument("--validation", type=float, default=0.15, help="share set apart for early stopping")
    parser.add_argument("--test", type=float, default=0.2, help="share set apart to be scored")
    parser.add_argument("--patch", type=int, help="pixels a side (default: the recipe's)")
    parser.add_argument("--batch", type=int, help="patches a step (default: the recipe's)")
    parser.add_argument("--overlap", type=float, help="share of a patch's side that the next one has too")
    parser.add_argument("--learning-rate", type=float, help="of the optimiser (default: the recipe's)")
    parser.add_argument("--loss", help="a name of cnn.losses, or smp:NAME")
    parser.add_argument("--normalisation", choices=NORMALISATIONS, help="default: measured on the training patches")
    parser.add_argument(
        "--views", type=int, choices=(1, 2, 4), help="flips of an image that are averaged when it is mapped"
    )
    add_run_arguments(parser, "out/network")
    return parser.parse_args(argv)


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments()))


if __name__ == "__main__":
    sys.exit(main())
