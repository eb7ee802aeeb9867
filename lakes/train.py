"""Train a network on the patches that ``python -m lakes prepare`` listed.

    python -m lakes train out/patches --arch sam --weights sam-vit-base/ --out out/sam
    python -m lakes train out/patches --arch deeplabv3plus --weights resnet101.pth --out out/deeplab

Half of what is drawn holds a lake. One fold, that is some regions of some dates, is held out and scored, and is not
looked at otherwise. Writes ``run.ckpt``, from which a run that was stopped goes on, ``run.png`` and ``model.pt``; with
SAM also the embeddings of the patches, which another run with the same ``--cache`` does not compute again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnn.options import command_shown, device_of
from command import add_shared, new_parser
from errors import SettingError, TrainingError, exit_code
from lakes.labelled import LABELS, labelled_regions
from lakes.patch_list import POSITIVE, Listed, Preparation, read_list, weights_of
from patches.image import Image
from patches.windows import Window

if TYPE_CHECKING:
    from cnn.network_training import Sampling
    from cnn.recipes import Recipe

OVERRIDES = ("batch", "epochs", "learning_rate", "loss")


@dataclass(frozen=True)
class Chosen:
    """The regions to train on and the ones held out, and what is drawn from the former."""

    training: list[Image]
    held_out: list[Image]
    sampling: Sampling


def recipe_of(options: argparse.Namespace, asked: Preparation) -> Recipe:
    """The recipe on patches of the list's size, with what the command line says otherwise."""
    from lakes.recipes import recipe_for

    given = {name: getattr(options, name) for name in OVERRIDES if getattr(options, name) is not None}
    for name in OVERRIDES[:3]:
        if name in given and not given[name] > 0:
            raise SettingError(f"--{name.replace('_', '-')} {given[name]}: is not above 0; give a number that is.")
    return replace(recipe_for(options.arch), patch=asked.patch, **given)


def chosen_of(asked: Preparation, rows: Sequence[Listed], fold: int) -> Chosen:
    """The subsets that a fold makes; -1 holds nothing out. Raises SettingError or TrainingError."""
    from cnn.network_training import Sampling

    folds = sorted({row.fold for row in rows})
    if fold not in (-1, *folds):
        raise SettingError(f"--fold {fold}: is no fold of the list, which has {', '.join(map(str, folds))}, or -1.")
    pairs, _ = labelled_regions(Path(asked.regions), Path(asked.lakes), asked.with_empty)
    images = {(region.image, region.region_num): image for region, image in pairs}
    learnt = [row for row in rows if row.fold != fold]
    if not any(row.kind == POSITIVE for row in learnt):
        raise TrainingError(f"--fold {fold}: leaves no patch with a lake to train on; hold out another one, or -1.")
    places = sorted({(row.image, row.region_num) for row in learnt})
    held = sorted({(row.image, row.region_num) for row in rows} - set(places))
    check_places([*places, *held], images)
    windows = [Window(places.index((row.image, row.region_num)), row.row, row.column, asked.patch) for row in learnt]
    sampling = Sampling(windows, weights_of(learnt))
    return Chosen([images[place] for place in places], [images[place] for place in held], sampling)


def check_places(places: Sequence[tuple[str, int]], images: Mapping[tuple[str, int], Any]) -> None:
    """Refuse a list that does not go with the regions any more."""
    for image, number in places:
        if (image, number) not in images:
            raise TrainingError(
                f"{image}: its region {number} is listed, but is not among the labelled regions any more; run "
                "python -m lakes prepare again."
            )


def run(options: argparse.Namespace) -> None:
    """Train what the command line asks for."""
    from cnn.network_training import Plan, train_network
    from cnn.processes import joined
    from lakes.sam import SAM
    from lakes.sam_training import train_sam

    asked, rows = read_list(options.patches)
    asked = replace(asked, regions=str(options.regions or asked.regions), lakes=str(options.lakes or asked.lakes))
    recipe = recipe_of(options, asked)
    chosen = chosen_of(asked, rows, options.fold)
    plan = Plan(options.arch, recipe, LABELS, options.steps, 0.0, options.weights, options.seed)
    told = {"command": command_shown("lakes"), "fold": options.fold}
    with joined(device_of(options)) as device:
        if options.arch == SAM:
            cache = options.cache or options.out / "embeddings"
            train_sam(chosen.training, chosen.held_out, chosen.sampling, plan, options.out, cache, device, told)
        else:
            subsets = {"training": chosen.training, "validation": chosen.held_out, "test": []}
            train_network(subsets, plan, options.out, device, told, chosen.sampling)
    print(f"Wrote {options.out / 'model.pt'}.")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "Train SAM's mask decoder, DeepLabV3+ or another network to find lakes.",
        "python -m lakes train out/patches --arch sam --weights sam-vit-base/ --out out/sam",
        "python -m lakes train",
    )
    parser.add_argument("patches", type=Path, help="folder that python -m lakes prepare wrote")
    parser.add_argument("--arch", required=True, help="sam, a name of cnn.architectures, or smp:NAME:ENCODER")
    parser.add_argument(
        "--weights", default="", help="of sam: its folder for transformers, or mobile_sam.pt; else a file to start from"
    )
    parser.add_argument("--fold", type=int, default=0, help="fold that is held out and scored; -1: none")
    parser.add_argument("--regions", type=Path, help="where the regions lie now (default: where the list found them)")
    parser.add_argument("--lakes", type=Path, help="where the lakes lie now")
    parser.add_argument("--cache", type=Path, help="folder for SAM's embeddings (default: OUT/embeddings)")
    parser.add_argument("--steps", type=int, default=0, help="optimiser steps (default: the recipe's epochs)")
    parser.add_argument("--epochs", type=float, help="as many draws as there are patches (default: the recipe's)")
    parser.add_argument("--batch", type=int, help="patches a step (default: 8)")
    parser.add_argument("--learning-rate", type=float, help="of the optimiser (default: the recipe's)")
    parser.add_argument("--loss", help="a name of cnn.losses, or smp:NAME (default: Dice and cross-entropy)")
    add_shared(parser, "out", default=Path("out/lakes"))
    add_shared(parser, "seed", "device", "jobs")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments(argv)))


if __name__ == "__main__":
    sys.exit(main())
