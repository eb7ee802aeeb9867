"""The list of patches to train on, as ``python -m lakes prepare`` writes it and training reads it."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

from command import write_json
from errors import LayoutError, SettingError
from lakes.polygons import date_of
from tiles.raster import atomic_output

TABLE, SETTINGS = "patches.csv", "prepare.json"
POSITIVE, NEGATIVE, HARD = KINDS = ("positive", "negative", "hard_negative")


@dataclass(frozen=True)
class Preparation:
    """Which patches are listed, and from what.

    ``patch`` and ``step`` in pixels. ``black``: the share above which a patch is dropped. ``colourful``: the
    colourfulness above which a negative one is hard. ``with_empty``: regions without lakes are bare, else not labelled.
    """

    regions: str
    lakes: str
    patch: int = 1024
    step: int = 512
    black: float = 0.99
    colourful: float = 3.7
    folds: int = 4
    with_empty: bool = False


class Listed(NamedTuple):
    """A patch of a region by its first pixel; ``lake``: pixels of lakes in it."""

    image: str
    region_num: int
    fold: int
    row: int
    column: int
    kind: str
    lake: int
    colourfulness: float
    black: float

    @property
    def group(self) -> tuple[str, int]:
        """Date and region, which no two folds share."""
        return date_of(self.image), self.region_num


def check(asked: Preparation) -> None:
    """Refuse settings that mean nothing."""
    if asked.step < 1 or asked.patch < asked.step or asked.patch % asked.step:
        told = f"--patch {asked.patch}: is no multiple of --step {asked.step}"
        raise SettingError(f"{told}; give for example 1024 and 512.")
    if not 0 <= asked.black <= 1:
        raise SettingError(f"--black {asked.black}: is no share; give a number of 0 to 1.")
    if asked.folds < 1:
        raise SettingError(f"--folds {asked.folds}: is not above 0; give for example 4.")


def write_list(folder: Path, asked: Preparation, rows: Sequence[Listed]) -> None:
    """``patches.csv`` and ``prepare.json``, each whole or not at all."""
    write_json(folder / SETTINGS, {**asdict(asked), "counts": counts_of(rows)})
    with atomic_output(folder / TABLE) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(Listed._fields)
        table.writerows(rows)


def read_list(folder: Path) -> tuple[Preparation, list[Listed]]:
    """What ``write_list`` wrote; raises LayoutError where it is missing or damaged."""
    try:
        told = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
        asked = Preparation(**{one.name: told[one.name] for one in fields(Preparation)})
        with open(folder / TABLE, newline="", encoding="utf-8") as file:
            rows = [listed_of(row) for row in csv.DictReader(file)]
    except FileNotFoundError as problem:
        raise LayoutError(f"{problem.filename}: no such file; write it with python -m lakes prepare.") from None
    except (ValueError, KeyError, TypeError) as problem:
        raise LayoutError(
            f"{folder}: holds no readable list of patches ({problem}); write it again with python -m lakes prepare."
        ) from None
    if not rows:
        raise LayoutError(f"{folder / TABLE}: lists no patch; write it again with python -m lakes prepare.")
    return asked, rows


def listed_of(row: Mapping[str, str]) -> Listed:
    """One line of the table."""
    if row["kind"] not in KINDS:
        raise ValueError(f"kind {row['kind']!r}")
    number, fold, top, left = (int(row[name]) for name in ("region_num", "fold", "row", "column"))
    shares = float(row["colourfulness"]), float(row["black"])
    return Listed(row["image"], number, fold, top, left, row["kind"], int(row["lake"]), *shares)


def counts_of(rows: Sequence[Listed]) -> list[dict[str, Any]]:
    """For each fold its dates with regions, and how many patches of each kind."""
    found: list[dict[str, Any]] = []
    for fold in sorted({row.fold for row in rows}):
        own = [row for row in rows if row.fold == fold]
        kinds = Counter(row.kind for row in own)
        places = sorted({f"{date} region {number}" for date, number in (row.group for row in own)})
        found.append({"fold": fold, **{kind: kinds[kind] for kind in KINDS}, "places": places})
    return found


def weights_of(rows: Sequence[Listed], positive: float = 0.5, hard: float = 0.25) -> tuple[float, ...]:
    """How often each patch is drawn, so that each kind has its share; a kind without patches leaves its own to others.

    Half positive as the lakes' source has it; how many of the others are hard ones is ours.
    """
    shares = {POSITIVE: positive, HARD: hard, NEGATIVE: 1 - positive - hard}
    counts = Counter(row.kind for row in rows)
    bare = sum(shares[kind] for kind in (HARD, NEGATIVE) if counts[kind])
    if counts[POSITIVE] and bare:
        shares.update({kind: (1 - positive) * shares[kind] / bare for kind in (HARD, NEGATIVE)})
    return tuple(shares[row.kind] / counts[row.kind] for row in rows)
