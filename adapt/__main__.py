"""The commands of this room: ``python -m adapt COMMAND ...``.

    python -m adapt fit scene.tif --bands blue=1,green=2,red=3,swir1=4 --marks marks.gpkg --out adapted.pth
    python -m adapt suggest scene.tif --bands blue=1,green=2,red=3,swir1=4 --count 20 --out next.gpkg

Each command is a module with ``arguments(argv)`` and ``main(argv)``, imported when it is called, so that a command
needs the packages of its own alone.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from errors import SettingError, exit_code

COMMANDS = {
    "fit": ("adapt.fit_command", "an adapted model from a scene and marks on it"),
    "suggest": ("adapt.suggest_command", "places where the next marks tell most, as a GeoPackage"),
    "serve": ("adapt.serve", "a page in the browser to mark, see the mask change, and finish"),
}


def usage() -> str:
    """The table of commands."""
    rows = [f"  {name:10s}{told}" for name, (_, told) in COMMANDS.items()]
    example = "example: python -m adapt fit scene.tif --bands blue=1,green=2,red=3,swir1=4 --marks marks.gpkg"
    return "\n".join(["usage: python -m adapt COMMAND ... (COMMAND --help tells its options)", "", *rows, "", example])


def refuse(word: str) -> None:
    """Say that a word is no command."""
    raise SettingError(f"python -m adapt {word}: is no command; give one of {', '.join(COMMANDS)}.")


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
