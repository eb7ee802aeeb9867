"""Read a tile: bands as reflectance and kelvin, whatever the file's own numbers are, and what is valid.

    python examples/read_tile.py --data tiles/

Without ``--data`` a synthetic tile is written first.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from command import add_shared, new_parser
from errors import exit_code
from simulation.synthetic import write_sample
from tiles.folder import band_folders, find_tiles, read_tile


def run(options: argparse.Namespace) -> None:
    """Print what each tile of the folder holds."""
    if options.data is None:
        options.data = options.out / "sample"
        write_sample(options.data, options.seed, tiles=1, shape=(256, 256))
    for files in find_tiles(band_folders(options.data)):
        tile = read_tile(files)
        print(f"{tile.tile_id}: {tile.shape[0]} x {tile.shape[1]} pixels, {tile.coding}")
        print(f"  {tile.valid.mean():.0%} of the pixels are valid")
        for name, band in tile.bands.items():
            unit = "K" if name == "thermal" else ""
            print(f"  {name:8s} mean {band[tile.valid].mean():8.3f} {unit}")
        for note in tile.notes:
            print(f"  note: {note}")


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    parser = new_parser("Read a tile.", "python examples/read_tile.py --data tiles/")
    add_shared(parser, "data", help="folder with Band1..Band5 (default: a synthetic tile)")
    add_shared(parser, "out", default=Path("out/examples"))
    add_shared(parser, "seed")
    return exit_code(lambda: run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
