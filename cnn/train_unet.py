"""Train the compact U-Net.

    python cnn/train_unet.py --data DIR --out out/unet            # four spatial folds
    python cnn/train_unet.py --data DIR --out out/unet --fold 0   # one of them
    python cnn/train_unet.py --data DIR --out out/unet --whole    # on every tile, nothing held out

A run that was stopped goes on from its last checkpoint. Nothing is selected on the held-out tiles: the
network is the moving average of the weights at the last step, whatever the curve says.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

if __package__ in (None, ""):  # run as a script: the rooms lie one folder up
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cnn.settings import TRAINING_OPTIONS, TrainingConfig
from command import add_fields, add_shared, new_parser, with_options
from errors import exit_code


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "Train the compact U-Net on labelled tiles.", "python cnn/train_unet.py --data tiles/ --out out/unet --fold 0"
    )
    add_shared(parser, "data", required=True)
    parser.add_argument(
        "--extra",
        type=Path,
        action="append",
        default=[],
        help="more labelled tiles to train on, never scored (repeatable)",
    )
    add_shared(parser, "out", default=Path("out/unet"), help="where checkpoints and curves go")
    parser.add_argument("--fold", type=int, help="train only this fold (from 0)")
    parser.add_argument("--folds", type=int, default=4, help="number of contiguous spatial folds")
    parser.add_argument("--whole", action="store_true", help="train on every tile, nothing held out")
    add_fields(parser, TrainingConfig(), TRAINING_OPTIONS)
    parser.add_argument("--scratch", action="store_true", help="start from random weights instead of ImageNet's")
    add_shared(parser, "seed", "device", "jobs")
    return parser.parse_args(argv)


def run(options: argparse.Namespace) -> None:
    """Train what the command line asks for."""
    import torch  # with all that needs it here, so that --help need not wait

    from cnn.device import choose_device
    from cnn.tile_training import train_unet
    from scores.folds import contiguous_folds
    from tiles.folder import read_labelled

    if options.jobs:
        torch.set_num_threads(options.jobs)
    device = choose_device(options.device)
    config = with_options(TrainingConfig(imagenet=not options.scratch), options)
    tiles = read_labelled(options.data)
    extra = [labelled for folder in options.extra for labelled in read_labelled(folder)]
    if options.whole:
        train_unet(tiles, [], config, options.out / "whole.ckpt", device, extra)
        return
    folds = contiguous_folds([tile.tile_id for tile, _ in tiles], options.folds)
    for number, fold in enumerate(folds):
        if options.fold in (None, number):
            train_unet(
                [labelled for labelled in tiles if labelled.tile.tile_id not in fold],
                [labelled for labelled in tiles if labelled.tile.tile_id in fold],
                config,
                options.out / f"fold{number}.ckpt",
                device,
                extra,
            )


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments()))


if __name__ == "__main__":
    sys.exit(main())
