"""Suggest where the next marks on a scene tell most.

    python -m adapt suggest scene.tif --bands blue=1,green=2,red=3,swir1=4 --count 20 --out next.gpkg

The GeoPackage holds squares with an empty column ``glacier`` to fill in, in the order of what they tell.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from adapt.evidence import Box, Seen, gather, layout_of, look_at, whole
from adapt.fit_command import add_shared_options
from adapt.marks import read_marks
from adapt.suggest import Place, suggest
from cnn.device import choose_device
from command import add_shared, hidden, new_parser
from errors import OutputError, SettingError, exit_code
from fusion.hybrid import HybridModel
from fusion.layout import Layout
from fusion.model_file import load_model
from fusion.windowed import levels_for
from mapping.run import sample_of
from scenes.grid import Grid
from scenes.options import opening
from scenes.products import open_scene
from scenes.scene import Scene
from scenes.vectors import write_geopackage
from tiles.raster import one_line

MOST_WINDOWS = 16  # of a large scene that are looked at: more show little that is new


def run(options: argparse.Namespace) -> None:
    """Look at the scene and write the places."""
    if options.count < 1:
        raise SettingError(f"--count {options.count}: is below 1; give the number of places, for example 20.")
    device = choose_device(options.device)
    model = load_model(options.model, device)
    scene = open_scene(options.scene, **opening(options))
    marks = read_marks(options.marks, scene.grid.crs) if options.marks else []
    so_far = gather(model, scene, marks, device, options.jobs) if marks else None
    places = suggest(model, seen_windows(model, scene, device, options.jobs), options.count, so_far)
    write_places(options.out, places, scene.grid.crs)
    print(f"Wrote {len(places)} place(s) to {options.out}; fill in its column glacier with 1 or 0.")


def seen_windows(model: HybridModel, scene: Scene, device: torch.device, jobs: int) -> list[tuple[Seen, Grid]]:
    """What the model sees of the scene, or of windows spread over a large one, each with its grid."""
    layout = layout_of(scene)
    if layout is None:
        return [(look_at(model, scene, whole(scene), None, device, jobs), scene.grid)]
    levels, found = levels_for(model, sample_of(scene)), []
    for box in tqdm(spread_boxes(layout), desc=scene.name, unit="window", disable=hidden()):
        seen = look_at(model, scene, box, levels, device, jobs)
        if seen.valid.any():
            found.append((seen, scene.grid.part(*box)))
    return found


def spread_boxes(layout: Layout) -> list[Box]:
    """At most MOST_WINDOWS windows, spread over the whole scene."""
    side = int(np.sqrt(MOST_WINDOWS))
    tops, lefts = (
        sorted({round(one) for one in np.linspace(0, count - 1, min(side, count))}) for count in layout.counts
    )
    return [(*layout.start(top, left), layout.window, layout.window) for top in tops for left in lefts]


def write_places(path: Path, places: Sequence[Place], crs: str) -> None:
    """Write places as a GeoPackage with the columns ``id``, ``probability`` and an empty ``glacier``."""
    columns = {
        "id": [str(number) for number in range(1, len(places) + 1)],
        "probability": [place.probability for place in places],
        "glacier": pd.array([None] * len(places), dtype="Int32"),
    }
    table = gpd.GeoDataFrame(columns, geometry=[place.geometry for place in places], crs=crs)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_geopackage(table, path, "marks")
    except (OSError, RuntimeError) as problem:
        raise OutputError(f"{path}: cannot be written ({one_line(problem)}); choose another --out.") from None


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
