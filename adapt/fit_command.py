"""Correct a model with marks on the scenes that it fails on.

    python -m adapt fit scene.tif --bands blue=1,green=2,red=3,swir1=4 --marks marks.gpkg --out adapted.pth

The adapted model is an ordinary model file: ``python -m mapping --model adapted.pth`` and ``solution.py`` take it.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from command import add_shared, new_parser
from errors import SettingError, exit_code
from mapping.steps import MODEL
from scenes.options import add_scene_options, opening


def run(options: argparse.Namespace) -> None:
    """Gather what the model sees under all marks, fit, and write the adapted model."""
    from adapt.adapted import facts_of, write_adapted
    from adapt.evidence import gather, joined
    from adapt.fit import fit
    from adapt.marks import read_marks
    from cnn.device import choose_device
    from fusion.model_file import load_model
    from scenes.products import open_scene

    if len(options.scene) != len(options.marks):
        raise SettingError(
            f"--marks: {len(options.marks)} file(s) for {len(options.scene)} scene(s); give one file for each scene."
        )
    device = choose_device(options.device)
    model = load_model(options.model, device)
    evidence = []
    for place, path in zip(options.scene, options.marks):
        scene = open_scene(place, **opening(options))
        evidence.append(gather(model, scene, read_marks(path, scene.grid.crs), device, options.jobs))
    fitted = fit(model, joined(evidence))
    for note in fitted.notes:
        print(f"note: {note}", file=sys.stderr)
    write_adapted(fitted, options.out, facts_of(fitted, [str(one.name) for one in options.scene], options.marks))
    print(f"{fitted.glacier} marks on glacier, {fitted.ground} on ground; {fitted.chosen}.")
    if not math.isnan(fitted.right):
        print(f"Left-out marks that are right: {fitted.right_before:.0%} before, {fitted.right:.0%} after.")
    print(f"Wrote {options.out}.")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "Correct a model with marks on the scenes that it fails on.",
        "python -m adapt fit scene.tif --bands blue=1,green=2,red=3,swir1=4 --marks marks.gpkg --out adapted.pth",
        "python -m adapt fit",
    )
    parser.add_argument("scene", type=Path, nargs="+", help="anything that python -m mapping takes")
    parser.add_argument(
        "--marks",
        type=Path,
        nargs="+",
        required=True,
        help="points, lines or polygons with a column glacier, a file a scene",
    )
    add_shared_options(parser)
    add_shared(parser, "out", default=Path("adapted.pth"), help="model file to write (default: %(default)s)")
    return parser.parse_args(argv)


def add_shared_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``python -m mapping`` that say how scenes are opened and by which model they are seen."""
    add_scene_options(parser)
    parser.add_argument("--model", type=Path, default=MODEL, help="model to correct, adapted already or not")
    add_shared(parser, "device", "jobs")


def main(argv: Sequence[str] | None = None) -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments(argv)))


if __name__ == "__main__":
    sys.exit(main())
