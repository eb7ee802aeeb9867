"""The commands of this room: ``python -m adapt COMMAND ...``.

    python -m adapt fit scene.tif --bands blue=1,green=2,red=3,swir1=4 --marks marks.gpkg --out adapted.pth
    python -m adapt suggest scene.tif --bands blue=1,green=2,red=3,swir1=4 --count 20 --out next.gpkg
    python -m adapt serve scene.tif --bands blue=1,green=2,red=3,swir1=4 --out out/adapted

Each command is a module with ``arguments(argv)`` and ``main(argv)``, imported when it is called, so that a command
needs the packages of its own alone.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from types import ModuleType

from errors import PackageError, SettingError, exit_code

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


def module_of(word: str) -> ModuleType:
    """The command's module; raises SettingError where it is none, PackageError where it lacks a package."""
    if word not in COMMANDS:
        raise SettingError(f"python -m adapt {word}: is no command; give one of {', '.join(COMMANDS)}.")
    try:
        return importlib.import_module(COMMANDS[word][0])
    except ModuleNotFoundError as problem:
        raise PackageError(
            f"python -m adapt {word}: lacks the package {problem.name}; pip install -e '.[mapping,adapt]'."
        ) from None


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command named first; exit code 2 and one sentence for a user's mistake."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help"):
        print(usage())
        return 0 if words else 2
    found: list[ModuleType] = []
    code = exit_code(lambda: found.append(module_of(words[0])))
    return int(found[0].main(words[1:])) if found else code


if __name__ == "__main__":
    sys.exit(main())
