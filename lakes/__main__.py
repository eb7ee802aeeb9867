"""The commands of this room: ``python -m lakes COMMAND ...``.

    python -m lakes regions mosaic.tif --regions regions.gpkg --out out/regions
    python -m lakes score submission.gpkg truth.gpkg --out out/score

Each command is a module with ``arguments(argv)`` and ``main(argv)``, imported when it is called, so that a command
needs the packages of its own alone.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from command import run_command

COMMANDS = {
    "regions": ("lakes.regions", "cut the regions out of mosaics, block by block"),
    "prepare": ("lakes.prepare", "list the patches to train on, and their folds"),
    "train": ("lakes.train", "train SAM's mask decoder, DeepLabV3+ or another network"),
    "predict": ("lakes.predict", "a trained network's probability of regions, and lakes as polygons"),
    "sinks": ("lakes.sinks", "depressions of a DEM as polygons with depth, volume and area"),
    "colours": ("lakes.colours", "polygons of blue water by colour alone"),
    "combine": ("lakes.combine", "one GeoPackage of lakes from all of these, by the candidate rules"),
    "score": ("lakes.score", "F1 of a GeoPackage of lakes against the truth"),
    "report": ("lakes.report", "one HTML page: map and sortable table of the lakes"),
    "demo": ("lakes.demo", "the whole chain on a synthetic Greenland"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command named first; exit code 2 and one sentence for a user's mistake."""
    example = "python -m lakes regions mosaic.tif --regions regions.gpkg --out out/regions"
    return run_command("python -m lakes", COMMANDS, example, "training,mapping,lakes", argv)


if __name__ == "__main__":
    sys.exit(main())
