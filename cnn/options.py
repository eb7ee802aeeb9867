"""What the commands for networks on patches have in common on their command lines."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from command import add_shared
from patches.formats import FORMATS, open_images
from patches.image import Image
from patches.labels import LABELS

if TYPE_CHECKING:
    import torch

SUBSET_CHOICES = ("auto", "training", "validation", "test", "all")


def add_run_arguments(parser: argparse.ArgumentParser, out: str) -> None:
    """``--out``, ``--seed``, ``--device`` and ``--jobs``."""
    add_shared(parser, "out", default=Path(out))
    add_shared(parser, "seed", "device", "jobs")


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """``--data``, ``--format`` and ``--truth``."""
    add_shared(parser, "data", required=True, help="folder, or file, with labelled images")
    parser.add_argument("--format", choices=("auto", *FORMATS), default="auto", help="default: what the folder holds")
    parser.add_argument("--truth", type=Path, help="mask raster or outlines of the rasters in --data")


def add_labels_argument(parser: argparse.ArgumentParser) -> None:
    """``--labels`` and ``--bands``, which a trained model knows already."""
    parser.add_argument("--labels", choices=tuple(LABELS), default="binary", help="what the numbers of a mask mean")
    parser.add_argument(
        "--bands",
        default="",
        help="names or numbers from 1, for example 8,4,5,1,11,14 (default: all; of HKH slices blue, green, red, SWIR1 "
        "and thermal; 'original' takes the channels that the original took of them)",
    )


def add_subset_argument(parser: argparse.ArgumentParser, default: str, told: str) -> None:
    """``--subset``: which of the images."""
    parser.add_argument("--subset", choices=SUBSET_CHOICES, default=default, help=told)


def images_of(options: argparse.Namespace, labels: str, bands: str) -> list[Image]:
    """The labelled images that the command line names."""
    return open_images(options.data, options.format, labels, options.truth, bands)


def device_of(options: argparse.Namespace) -> torch.device:
    """The device that the command line asks for; sets the number of threads."""
    import torch

    from cnn.device import choose_device

    if options.jobs:
        torch.set_num_threads(options.jobs)
    return choose_device(options.device)


def command_shown(module: str) -> str:
    """The command line as it was given."""
    return shlex.join(["python", "-m", module, *sys.argv[1:]])
