"""List the patches to train on; none is written, all are cut from the regions when they are needed.

    python -m lakes prepare out/regions --lakes lakes.gpkg --out out/patches

Writes ``patches.csv``, a row for each patch that is not black: its place, its fold, whether it is ``positive`` (a lake
has a pixel in it), a ``hard_negative`` (none, but colourful) or a ``negative``, and ``prepare.json`` with the settings,
the folds and their counts.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from command import add_fields, add_shared, hidden, new_parser, with_options
from errors import TrainingError, exit_code
from lakes.imagery import RegionFile
from lakes.labelled import labelled_regions
from lakes.patch_list import (
    HARD,
    KINDS,
    NEGATIVE,
    POSITIVE,
    TABLE,
    Listed,
    Preparation,
    check,
    counts_of,
    write_list,
)
from patches.image import Image

DEFAULTS = Preparation("", "")
HELPS = {
    "patch": "pixels a side (default: %(default)s)",
    "step": "pixels from one to the next (default: %(default)s)",
    "black": "share of black pixels above which a patch is dropped (default: %(default)s)",
    "colourful": "colourfulness above which a patch without lakes is a hard one (default: %(default)s)",
    "folds": "parts by date and region, at most (default: %(default)s)",
}


class Sums(NamedTuple):
    """What is added up over a patch, float64 each: rg and yb, their squares, black pixels and those of lakes."""

    rg: float
    yb: float
    rg_squares: float
    yb_squares: float
    black: float
    lake: float


def sums_of(image: Image, row: int, column: int, side: int) -> Sums:
    """The sums of a square, 0 beyond the image."""
    patch = image.patch(row, column, side, side)
    red, green, blue = np.where(patch.valid, patch.array, 0).astype(np.float64)
    rg, yb = np.abs(red - green), np.abs((red + green) / 2 - blue)
    lake, black = float((patch.truth * patch.valid).sum()), float((~patch.valid).sum())
    return Sums(rg.sum(), yb.sum(), (rg**2).sum(), (yb**2).sum(), black, lake)


def colourfulness(sums: Sums, pixels: int) -> float:
    """Colourfulness of so many pixels of 0 to 255 (Hasler and Suesstrunk 2003, doi:10.1117/12.477378).

    ``sqrt(std_rg^2 + std_yb^2) + 0.3 sqrt(mean_rg^2 + mean_yb^2)`` with rg = |R - G| and yb = |(R + G) / 2 - B|, whose
    signs the lakes' source drops.
    """
    mean_rg, mean_yb = sums.rg / pixels, sums.yb / pixels
    spread = sums.rg_squares / pixels - mean_rg**2 + sums.yb_squares / pixels - mean_yb**2
    return float(np.sqrt(max(spread, 0)) + 0.3 * np.hypot(mean_rg, mean_yb))


def patches_of(region: RegionFile, image: Image, fold: int, asked: Preparation) -> list[Listed]:
    """The patches of one region that are not black; each pixel is read once, in squares of a step."""
    tops, lefts = (starts(length, asked) for length in (image.height, image.width))
    each, side = asked.patch // asked.step, asked.step
    squares = np.zeros((len(tops) + each - 1, len(lefts) + each - 1, len(Sums._fields)))
    squares[..., Sums._fields.index("black")] = side**2
    for row, column in tqdm(list(np.ndindex(*squares.shape[:2])), desc=image.name, unit="square", disable=hidden()):
        if row * side < image.height and column * side < image.width:
            squares[row, column] = sums_of(image, row * side, column * side, side)
    found = []
    for row, column in np.ndindex(len(tops), len(lefts)):
        sums = Sums(*squares[row : row + each, column : column + each].sum(axis=(0, 1)))
        if sums.black <= asked.black * asked.patch**2:
            found.append(listed(region, fold, (tops[row], lefts[column]), sums, asked))
    return found


def starts(length: int, asked: Preparation) -> list[int]:
    """First pixels of patches along one axis, so that the last one reaches the end."""
    return list(range(0, max(length - asked.patch + asked.step, 1), asked.step))


def listed(region: RegionFile, fold: int, place: tuple[int, int], sums: Sums, asked: Preparation) -> Listed:
    """One patch and its kind. Whatever is drawn counts as a lake, however few vertices it has."""
    pixels = asked.patch**2
    colourful = round(colourfulness(sums, pixels), 4)
    kind = POSITIVE if sums.lake else HARD if colourful > asked.colourful else NEGATIVE
    black = round(sums.black / pixels, 6)
    return Listed(region.image, region.region_num, fold, *place, kind, int(sums.lake), colourful, black)


def folds_of(groups: dict[tuple[str, int], int], folds: int) -> dict[tuple[str, int], int]:
    """The fold of every (date, region), so that the folds' weights are about even; the same for the same weights."""
    loads, found = [0] * min(folds, len(groups)), {}
    for group, weight in sorted(groups.items(), key=lambda one: (-one[1], one[0])):
        found[group] = int(np.argmin(loads))
        loads[found[group]] += max(weight, 1)
    return found


def prepare(pairs: Iterable[tuple[RegionFile, Image]], asked: Preparation) -> list[Listed]:
    """All patches of the regions, in folds by date and region that hold about as many positive ones each.

    Raises TrainingError where no patch holds a lake.
    """
    rows = [row for region, image in pairs for row in patches_of(region, image, 0, asked)]
    weights: Counter[tuple[str, int]] = Counter()
    for row in rows:
        weights[row.group] += row.kind == POSITIVE
    if not sum(weights.values()):
        raise TrainingError("the regions: hold no patch with a lake; give the lakes of the same place.")
    folds = folds_of(dict(weights), asked.folds)
    return [row._replace(fold=folds[row.group]) for row in rows]


def run(options: argparse.Namespace) -> None:
    """Write the list of patches, and print how many there are in each fold."""
    asked = with_options(DEFAULTS, options)
    asked = replace(asked, regions=str(options.regions.resolve()), lakes=str(options.lakes.resolve()))
    check(asked)
    pairs, left = labelled_regions(options.regions, options.lakes, options.with_empty)
    if left:
        print(f"note: left out as not labelled, since no lake is known there: {', '.join(left)}.", file=sys.stderr)
    rows = prepare(pairs, asked)
    write_list(options.out, asked, rows)
    print("fold  " + "  ".join(KINDS) + "  places")
    for one in counts_of(rows):
        numbers = "  ".join(f"{one[kind]:{len(kind)}d}" for kind in KINDS)
        print(f"{one['fold']:4d}  {numbers}  {', '.join(one['places'])}")
    print(f"Wrote {len(rows)} patches to {options.out / TABLE}.")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "List the patches to train on, with their kind and their fold.",
        "python -m lakes prepare out/regions --lakes lakes.gpkg --out out/patches",
        "python -m lakes prepare",
    )
    parser.add_argument("regions", type=Path, help="folder that python -m lakes regions wrote")
    parser.add_argument("--lakes", type=Path, required=True, help="polygons with the columns image and region_num")
    parser.add_argument("--with-empty", action="store_true", help="a region without lakes is known to have none")
    add_fields(parser, DEFAULTS, HELPS)
    add_shared(parser, "out", default=Path("out/patches"))
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments(argv)))


if __name__ == "__main__":
    sys.exit(main())
