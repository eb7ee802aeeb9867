"""Compute features: channels by name from a tile, and how well each alone tells glacier from ground.

    python examples/compute_features.py --channels ndsi thermal.rank green.std7

A channel is a row of the table in ``features/indices.py``, alone or with a transform and its window in pixels.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

from command import add_shared, new_parser
from errors import exit_code
from features.channels import parse_channel
from features.stack import build_stack
from simulation.synthetic import synthetic_scene
from tiles.tile import Tile

CHANNELS = ("ndsi", "thermal", "thermal.rank", "green.std7", "red_swir_ratio.meanscene21")


def run(options: argparse.Namespace) -> None:
    """Print the mean of each channel on glaciers and elsewhere, and the distance of the two in standard deviations."""
    scene = synthetic_scene(options.seed, (256, 256), kind="late summer")
    tile = Tile("example", scene.bands, scene.valid)
    stack = build_stack(tile, options.channels)
    glacier, ground = tile.valid & scene.truth, tile.valid & ~scene.truth
    print(f"{'channel':28s}{'family':16s}{'glacier':>10s}{'ground':>10s}{'apart':>8s}")
    for name, values in zip(stack.names, stack.array):
        inside, outside = values[glacier], values[ground]
        apart = (inside.mean() - outside.mean()) / np.sqrt((inside.var() + outside.var()) / 2)
        family = parse_channel(name).family
        print(f"{name:28s}{family:16s}{inside.mean():10.3f}{outside.mean():10.3f}{apart:8.2f}")


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    parser = new_parser("Compute features.", "python examples/compute_features.py --channels ndsi green.std7")
    parser.add_argument("--channels", nargs="+", default=CHANNELS, help="names (default: one of each family)")
    add_shared(parser, "seed")
    return exit_code(lambda: run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
