"""The commands of this room: ``python -m lakes COMMAND ...``.

    python -m lakes regions mosaic.tif --regions regions.gpkg --out out/regions
    python -m lakes score submission.gpkg truth.gpkg --out out/score

Each command is a module with ``arguments(argv)`` and ``main(argv)``, imported when it is called, so that a command
needs the packages of its own alone.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from errors import SettingError, exit_code

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


def usage() -> str:
    """The table of commands."""
    rows = [f"  {name:10s}{told}" for name, (_, told) in COMMANDS.items()]
    example = "example: python -m lakes regions mosaic.tif --regions regions.gpkg --out out/regions"
    return "\n".join(["usage: python -m lakes COMMAND ... (COMMAND --help tells its options)", "", *rows, "", example])


def refuse(word: str) -> None:
    """Say that a word is no command."""
    raise SettingError(f"python -m lakes {word}: is no command; give one of {', '.join(COMMANDS)}.")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command named first; exit code 2 and one sentence for a user's mistake."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help"):
        print(usage())
        return 0 if words else 2
    if words[0] not in COMMANDS:
        return exit_code(lambda: refuse(words[0]))
    module, _ = COMMANDS[words[0]]
    return int(importlib.import_module(module).main(words[1:]))


if __name__ == "__main__":
    sys.exit(main())
