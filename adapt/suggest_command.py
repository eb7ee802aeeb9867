"""Suggest where the next marks on a scene tell most.

    python -m adapt suggest scene.tif --bands blue=1,green=2,red=3,swir1=4 --count 20 --out next.gpkg

The GeoPackage holds squares with an empty column ``glacier`` to fill in, in the order of what they tell.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from adapt.fit_command import add_shared_options
from command import add_shared, new_parser
from errors import ProductError, SettingError, exit_code
from scenes.options import opening


def run(options: argparse.Namespace) -> None:
    """Look at the scene and write the places."""
    from adapt.evidence import gather
    from adapt.marks import read_marks
    from adapt.places import seen_windows, write_places
    from adapt.suggest import suggest
    from cnn.device import choose_device
    from fusion.model_file import load_model
    from scenes.products import open_scene

    if options.count < 1:
        raise SettingError(f"--count {options.count}: is below 1; give the number of places, for example 20.")
    if options.out.suffix.lower() != ".gpkg":
        raise SettingError(f"--out {options.out}: is no GeoPackage; give a name that ends in .gpkg.")
    device = choose_device(options.device)
    model = load_model(options.model, device)
    scene = open_scene(options.scene, **opening(options))
    marks = read_marks(options.marks, scene.grid.crs) if options.marks else []
    so_far = gather(model, scene, marks, device, options.jobs) if marks else None
    places = suggest(model, seen_windows(model, scene, device, options.jobs), options.count, so_far)
    if not places:
        raise ProductError(
            f"{scene.name}: has no place that is large enough to mark; give a scene with more valid pixels."
        )
    write_places(options.out, places, scene.grid.crs)
    print(f"Wrote {len(places)} place(s) to {options.out}; fill in its column glacier with 1 or 0.")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "Suggest where the next marks on a scene tell most.",
        "python -m adapt suggest scene.tif --bands blue=1,green=2,red=3,swir1=4 --count 20 --out next.gpkg",
        "python -m adapt suggest",
    )
    parser.add_argument("scene", type=Path, help="anything that python -m mapping takes")
    parser.add_argument("--count", type=int, default=20, help="number of places (default: %(default)s)")
    parser.add_argument("--marks", type=Path, help="marks that there are already")
    add_shared_options(parser)
    add_shared(parser, "out", default=Path("next.gpkg"), help="GeoPackage to write (default: %(default)s)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments(argv)))


if __name__ == "__main__":
    sys.exit(main())
