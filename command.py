"""What every command line shares: arguments, a dataclass's fields as options, tables of commands, progress, JSON.

Where a command has ``--data``, ``--out``, ``--seed``, ``--device`` or ``--jobs``, they look and mean the same.
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

from errors import PackageError, SettingError, exit_code

Settings = TypeVar("Settings")
Item = TypeVar("Item")

QUIET = "GLACIER_QUIET"  # the environment variable that --quiet sets, so that other processes keep quiet too
EVERY = 10.0  # seconds between lines of progress where there is no terminal


class Whole:
    """The type of an option that is a whole number from 0; raises SettingError for a number below."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, text: str) -> int:
        """Read it; argparse tells of a ValueError."""
        if int(text) < 0:
            raise SettingError(f"--{self.name} {text}: is below 0; give a number from 0.")
        return int(text)

    def __repr__(self) -> str:
        return "int"  # as argparse names it where it is no number


SHARED: dict[str, dict[str, Any]] = {
    "data": {"type": Path, "help": "folder with Band1..Band5 and label"},
    "out": {"type": Path, "help": "folder for what is written (default: %(default)s)"},
    "seed": {"type": Whole("seed"), "default": 0, "help": "the same seed gives the same result (default: %(default)s)"},
    "device": {"choices": ("auto", "cpu", "cuda"), "default": "auto", "help": "auto: the GPU where there is one"},
    "jobs": {"type": Whole("jobs"), "default": 0, "help": "processor threads (default: all)"},
}


def new_parser(description: str, example: str, program: str | None = None) -> argparse.ArgumentParser:
    """A parser whose ``--help`` ends with an example; ``program`` where it is run with ``python -m``."""
    parser = argparse.ArgumentParser(prog=program, description=description, epilog=f"example: {example}")
    parser.add_argument("--version", action=Version, nargs=0, help="show the version and end")
    parser.add_argument("--quiet", action=Quiet, nargs=0, help="no tables and no progress; notes and errors alone")
    return parser


class Version(argparse.Action):
    """Shows the version and ends."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        """Do it."""
        print(f"glacier-hybrid {version()}")
        parser.exit()


def version() -> str:
    """The version, as pyproject.toml states it, or the installed package where there is none."""
    stated = Path(__file__).with_name("pyproject.toml")
    if stated.is_file():
        return str(re.findall(r'^version = "(.+)"$', stated.read_text(encoding="utf-8"), re.MULTILINE)[0])
    from importlib import metadata

    return metadata.version("glacier-hybrid")


class Quiet(argparse.Action):
    """Hides what commands print as results and progress."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        """Do it."""
        os.environ[QUIET] = "1"
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  (until the process ends)


def hidden() -> bool | None:
    """What ``disable`` of tqdm is to be: no bar with ``--quiet``, else a bar on a terminal alone."""
    return True if os.environ.get(QUIET) else None


def progress(
    items: Iterable[Item], total: int | None = None, desc: str = "", unit: str = "it", every: float = EVERY
) -> Iterator[Item]:
    """Yield the items; a bar shows how far it is, or a line each ``every`` seconds where there is no terminal."""
    from tqdm import tqdm

    if hidden() or sys.stderr.isatty():
        yield from tqdm(items, total=total, desc=desc, unit=unit, disable=hidden())
        return
    total = len(items) if total is None and isinstance(items, Sized) else total
    start = told = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if now - told >= every:
            told = now
            line = "{desc}: {n_fmt} of {total_fmt} {unit}s, {elapsed} gone, {remaining} left"
            print(tqdm.format_meter(done, total, now - start, prefix=desc, unit=unit, bar_format=line), file=sys.stderr)


class Steps:
    """Tells each step of a longer piece of work as it begins, a line each, and the time that is left."""

    def __init__(self, title: str, shares: Mapping[str, float]) -> None:
        """Take the title of all and, by step in their order, about which share of the time it takes."""
        self.title, self.shares, self.start = title, dict(shares), time.monotonic()

    def begin(self, step: str) -> None:
        """Tell that a step begins; the time left is estimated from the time of the steps before."""
        names = list(self.shares)
        done = sum(self.shares[name] for name in names[: names.index(step)]) / sum(self.shares.values())
        seconds = time.monotonic() - self.start
        to_come = seconds * (1 - done) / done if done else 0
        left = f", about {to_come:.0f} s left" if to_come >= 1 else ""
        if not hidden():
            print(f"{self.title}: {step} ({names.index(step) + 1} of {len(names)}){left}", file=sys.stderr)


Commands = Mapping[str, tuple[str, str]]  # by name: the module with ``main``, and what the command does


def table_of(program: str, commands: Commands, example: str) -> str:
    """What a program of several commands shows as its help."""
    rows = [f"  {name:10s}{told}" for name, (_, told) in commands.items()]
    how = f"usage: {program} COMMAND ... (COMMAND --help tells its options)"
    return "\n".join([how, "", *rows, "", f"example: {example}"])


def no_command(program: str, word: str, commands: Commands) -> SettingError:
    """The error that says that a word is none of the commands."""
    return SettingError(f"{program} {word}: is no command; give one of {', '.join(commands)}.")


def run_command(program: str, commands: Commands, example: str, extras: str, argv: Sequence[str] | None = None) -> int:
    """Run the command named first, whose module is imported now; exit code 2 and one sentence for a user's mistake.

    ``extras``: of pyproject.toml, that install what the commands need.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help"):
        print(table_of(program, commands, example))
        return 0 if words else 2
    codes: list[int] = []

    def work() -> None:
        if words[0] not in commands:
            raise no_command(program, words[0], commands)
        try:
            codes.append(int(importlib.import_module(commands[words[0]][0]).main(words[1:])))
        except ModuleNotFoundError as problem:  # now, or where the command imports what it needs
            raise PackageError(
                f"{program} {words[0]}: lacks the package {problem.name}; pip install -e '.[{extras}]'."
            ) from None

    code = exit_code(work)
    return codes[0] if codes else code


def add_shared(parser: argparse.ArgumentParser, *names: str, **words: Any) -> None:
    """Add arguments of SHARED by name; ``words`` (``default``, ``required``, ``help``) replace those of the table."""
    for name in names:
        parser.add_argument(f"--{name}", **{**SHARED[name], **words})


def add_fields(parser: argparse.ArgumentParser, settings: Any, helps: Mapping[str, str]) -> None:
    """Add fields of a dataclass as options, with its values as defaults; ``helps``: field to what it means."""
    for name, told in helps.items():
        value = getattr(settings, name)
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value, help=told)


def from_zero(options: argparse.Namespace, *names: str) -> None:
    """Raise SettingError where one of these options is below 0 or no number."""
    for name in names:
        value = getattr(options, name)
        if not 0 <= value < math.inf:
            raise SettingError(f"--{name.replace('_', '-')} {value}: is below 0; give a number from 0.")


def check_names(names: Sequence[str], what: str) -> None:
    """Raise SettingError where two of ``what``, whose results are named after them, have one name."""
    if len(set(names)) < len(names):
        raise SettingError(f"{', '.join(names)}: two {what} have one name; put them into different --out folders.")


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
