"""The commands of this room: ``python -m adapt COMMAND ...``.

    python -m adapt fit scene.tif --bands blue=1,green=2,red=3,swir1=4 --marks marks.gpkg --out adapted.pth
    python -m adapt suggest scene.tif --bands blue=1,green=2,red=3,swir1=4 --count 20 --out next.gpkg
    python -m adapt serve scene.tif --bands blue=1,green=2,red=3,swir1=4 --out out/adapted

Each command is a module with ``arguments(argv)`` and ``main(argv)``, imported when it is called, so that a command
needs the packages of its own alone.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from command import run_command

COMMANDS = {
    "fit": ("adapt.fit_command", "an adapted model from a scene and marks on it"),
    "suggest": ("adapt.suggest_command", "places where the next marks tell most, as a GeoPackage"),
    "serve": ("adapt.serve", "a page in the browser to mark, see the mask change, and finish"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command named first; exit code 2 and one sentence for a user's mistake."""
    example = "python -m adapt fit scene.tif --bands blue=1,green=2,red=3,swir1=4 --marks marks.gpkg"
    return run_command("python -m adapt", COMMANDS, example, "mapping,adapt", argv)


if __name__ == "__main__":
    sys.exit(main())
