"""Every architecture and the hybrid on the same tiles with the same time to train, scored where they have not been.

    python -m evaluation.compare_networks --data glacierhack --elsewhere transfer_sites --elsewhere snow_sites

Trains on the first two of four contiguous folds, of which the last tile is set apart for early stopping, and scores on
the other two and on other mountains. A run that was stopped goes on from its checkpoints and finished rows. Writes
``networks.json`` and the table as ``networks.md``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnn.options import add_run_arguments, device_of
from command import add_shared, new_parser, write_json
from errors import SettingError, exit_code
from evaluation.networks_table import HYBRID, networks_block
from evaluation.results import stage
from tiles.raster import atomic_output

if TYPE_CHECKING:
    from evaluation.network_rows import Places

OWN_RECIPE = "attention_deeplab"  # which is also trained as its authors did
PATCH = 128


def run(options: argparse.Namespace) -> None:
    """Train and score what the command line asks for."""
    from cnn.architectures import ARCHITECTURES
    from evaluation.network_rows import folder_name, hybrid_row, network_row, places_of

    if not options.minutes > 0:
        raise SettingError(f"--minutes {options.minutes}: is not above 0; give the time to train each network.")
    device, places = device_of(options), places_of(options)
    names = options.arch or [*ARCHITECTURES, f"{OWN_RECIPE}, theirs", HYBRID]
    rows: dict[str, Any] = {}
    for name in names:
        key = json.dumps([name, options.minutes, options.seed, options.patch, sorted(places.scored)])
        work = partial(network_row, name, places, options, device)
        if name == HYBRID:
            work = partial(hybrid_row, places, options, device)
        rows[name] = stage(options.out / "rows" / f"{folder_name(name)}.json", key, work)
        write(options, places, rows)
    print(networks_block(json.loads((options.out / "networks.json").read_text(encoding="utf-8"))))


def write(options: argparse.Namespace, places: Places, rows: Mapping[str, Any]) -> None:
    """The rows that are there so far, as JSON and as a table."""
    import torch

    folders = " ".join(f"--elsewhere {folder.name}" for folder in options.elsewhere)
    results = {
        "command": f"python -m evaluation.compare_networks --data {options.data.name} {folders} "
        f"--minutes {options.minutes:g} --seed {options.seed}",
        "minutes": options.minutes,
        "threads": torch.get_num_threads(),
        "trained_on": [image.name for image in places.subsets["training"]],
        "validated_on": [image.name for image in places.subsets["validation"]],
        "rows": rows,
    }
    write_json(options.out / "networks.json", results)
    with atomic_output(options.out / "networks.md") as temporary:
        temporary.write_text(networks_block(results) + "\n", encoding="utf-8")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "Every architecture and the hybrid with the same time to train, on the same tiles.",
        "python -m evaluation.compare_networks --data tiles/ --elsewhere other/ --minutes 20",
    )
    add_shared(parser, "data", required=True)
    parser.add_argument(
        "--elsewhere", type=Path, action="append", default=[], help="tiles of other places (repeatable)"
    )
    parser.add_argument("--minutes", type=float, default=20.0, help="time to train each network")
    parser.add_argument("--patch", type=int, default=PATCH, help="pixels a side in our recipe")
    parser.add_argument(
        "--arch",
        action="append",
        help=f"a name of cnn.architectures, smp:NAME:ENCODER, 'NAME, theirs' by its authors' recipe, or {HYBRID} "
        f"(repeatable; default: all, {OWN_RECIPE} by both)",
    )
    add_run_arguments(parser, "out/networks")
    return parser.parse_args(argv)


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments()))


if __name__ == "__main__":
    sys.exit(main())
