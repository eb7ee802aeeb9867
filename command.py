"""What every command line shares: its arguments, a dataclass's fields as options, and results as JSON.

Where a command has ``--data``, ``--out``, ``--seed``, ``--device`` or ``--jobs``, they look and mean the same.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

Settings = TypeVar("Settings")

SHARED: dict[str, dict[str, Any]] = {
    "data": {"type": Path, "help": "folder with Band1..Band5 and label"},
    "out": {"type": Path, "help": "folder for what is written (default: %(default)s)"},
    "seed": {"type": int, "default": 0, "help": "the same seed gives the same result (default: %(default)s)"},
    "device": {"choices": ("auto", "cpu", "cuda"), "default": "auto", "help": "auto: the GPU where there is one"},
    "jobs": {"type": int, "default": 0, "help": "processor threads (default: all)"},
}


def new_parser(description: str, example: str, program: str | None = None) -> argparse.ArgumentParser:
    """A parser whose ``--help`` ends with an example; ``program`` where it is run with ``python -m``."""
    return argparse.ArgumentParser(prog=program, description=description, epilog=f"example: {example}")


def add_shared(parser: argparse.ArgumentParser, *names: str, **words: Any) -> None:
    """Add arguments of SHARED by name; ``words`` (``default``, ``required``, ``help``) replace those of the table."""
    for name in names:
        parser.add_argument(f"--{name}", **{**SHARED[name], **words})


def add_fields(parser: argparse.ArgumentParser, settings: Any, helps: Mapping[str, str]) -> None:
    """Add fields of a dataclass as options, with its values as defaults; ``helps``: field to what it means."""
    for name, told in helps.items():
        value = getattr(settings, name)
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value, help=told)


def with_options(settings: Settings, options: argparse.Namespace) -> Settings:
    """The dataclass with every field that the command line has an option for taken from there."""
    given = vars(options)
    return replace(settings, **{one.name: given[one.name] for one in fields(settings) if one.name in given})  # type: ignore[arg-type,type-var]


def write_json(path: Path, value: Any, indent: int | None = 1) -> None:
    """Write a value as JSON, whole or not at all; NaN and infinity, which JSON has not, become null."""
    from tiles.raster import atomic_output  # here, so that --help need not wait for it

    text = json.dumps(without_nan(value), indent=indent, allow_nan=False) + "\n"
    with atomic_output(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def without_nan(value: Any) -> Any:
    """The value with every NaN and infinity in it as None."""
    if isinstance(value, Mapping):
        return {name: without_nan(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
