"""One name for all commands: ``glacier map ...`` of the installed package is ``python -m mapping ...`` here, and so on.

Each is a module with ``main()``, which reads ``sys.argv`` and is imported when it is called.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from command import no_command, table_of, version
from errors import exit_code

COMMANDS = {
    "map": ("mapping.__main__", "outlines of the glaciers of satellite scenes"),
    "change": ("mapping.change", "what became of glaciers between two inventories"),
    "compare": ("evaluation.compare", "scores of a map against the truth"),
    "tune": ("mapping.tune", "search for the post-processing's parameters"),
    "adapt": ("adapt.__main__", "an adapted model from marks on a scene"),
    "lakes": ("lakes.__main__", "supraglacial lakes from mosaics and an elevation model"),
    "train": ("cnn.train", "train a network on images of any bands"),
    "evaluate": ("cnn.evaluate", "score a trained network"),
    "predict": ("cnn.predict", "map images with a trained network"),
    "bands": ("cnn.bands", "what each band contributes to a trained network"),
    "demo": ("evaluation.demo", "map a synthetic sample with the shipped model, score it and draw it"),
}


def is_there(module: str) -> bool:
    """Whether a module can be imported."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # nor can its package
        return False


def usable() -> dict[str, tuple[str, str]]:
    """The commands whose modules are there."""
    return {name: row for name, row in COMMANDS.items() if is_there(row[0])}


def usage() -> str:
    """The table of commands."""
    return table_of("glacier", usable(), "glacier map LC08_L2SP_147036_20200826_20200906_02_T1.tar --out maps")


def refuse(word: str) -> None:
    """Say that a word is no command."""
    raise no_command("glacier", word, usable())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command named first, which tells its own exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words == ["--version"]:
        print(f"glacier-hybrid {version()}")
        return 0
    if not words or words[0] in ("-h", "--help"):
        print(usage())
        return 0 if words else 2
    if words[0] not in usable():
        return exit_code(lambda: refuse(words[0]))
    sys.argv = [f"glacier {words[0]}", *words[1:]]
    return int(importlib.import_module(COMMANDS[words[0]][0]).main())


if __name__ == "__main__":
    sys.exit(main())
