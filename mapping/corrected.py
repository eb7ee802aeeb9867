"""Outlines that were corrected by hand come back: areas, rasters and report anew.

    python -m mapping.corrected edited.gpkg --of maps --scene LC08_L2SP_147036_20200826_20200906_02_T1.tar

``maps`` is a folder that ``python -m mapping`` wrote, and the scene what it was given. The edited outlines are taken
as they are: they are drawn into ``mask.tif``, even over nodata, and measured like mapped ones. What is written lies in
``maps/corrected``, or ``--out``; the map itself stays.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from command import add_shared, new_parser
from errors import GridError, LayoutError, exit_code
from mapping.steps import MODEL
from scenes.options import add_scene_options, opening


def run(options: argparse.Namespace) -> None:
    """Correct a map and say by how much."""
    import torch  # with all that needs it here, so that --help need not wait

    from fusion.model_file import load_model
    from mapping.finish import Beside
    from mapping.redraw import correct, mapped_part, read_edited
    from scenes.grid import frame_of
    from scenes.products import open_scene

    model = load_model(options.model, torch.device("cpu"))
    scene, facts = mapped_part(options.of, open_scene(options.scene, **opening(options)), options.scene)
    edited = read_edited(options.edited, scene.grid.crs)
    if not edited.intersects(frame_of(scene.grid)).any():
        raise GridError(
            f"{options.edited}: has no outline within {options.of}; give the corrected outlines of that map."
        )
    beside = Beside(options.truth, options.dem)
    beside.check(scene.grid)
    out = options.out or options.of / "corrected"
    if out.resolve() == options.of.resolve():
        raise LayoutError(f"{out}: is the map itself, which is kept; choose another --out.")
    kept: dict[str, Any] = {name: facts[name] for name in ("threshold", "doubt", "agreement", "dates") if name in facts}
    found = correct(scene, edited, options.of, out, kept, model=model, beside=beside)
    print(
        f"{found['glaciers']} outlines, {found['outlines_km2']:.2f} km2: {found['added_km2']:.2f} km2 were added and "
        f"{found['removed_km2']:.2f} km2 removed."
    )
    print(f"Wrote mask.tif, outlines.gpkg and report.html to {out}.")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "Measure outlines that were corrected by hand, and write rasters and report anew.",
        "python -m mapping.corrected edited.gpkg --of maps --scene LC08_L2SP_147036_20200826_20200906_02_T1.tar",
        "python -m mapping.corrected",
    )
    parser.add_argument("edited", type=Path, help="the corrected outlines, in any coordinate system")
    parser.add_argument("--of", type=Path, required=True, help="the folder of the map that was corrected")
    parser.add_argument(
        "--scene", type=Path, required=True, help="the scene that was mapped, with the options it was mapped with"
    )
    add_scene_options(parser)
    parser.add_argument("--truth", type=Path, help="raster or outlines to score the corrected mask with")
    parser.add_argument("--dem", type=Path, help="elevation model in metres, as for python -m mapping")
    parser.add_argument("--model", type=Path, default=MODEL, help="the model of the map (default: the shipped one)")
    add_shared(parser, "out", help="folder for what is written (default: corrected/ in the map's folder)")
    return parser.parse_args(argv)


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments()))


if __name__ == "__main__":
    sys.exit(main())
