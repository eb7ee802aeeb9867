"""F1 of lakes as the ACM SIGSPATIAL Cup 2023 counts it.

    python -m lakes score submission.gpkg truth.gpkg --out out/score

Of every image and region, in this order:

1. a submitted polygon that overlaps another one is false;
2. one that overlaps no true lake is false; of the lakes that it overlaps, the one with most area in common is its own;
3. one whose area (in EPSG:3857) is not 50 to 160 % of its lake's is false;
4. of several on one lake, the one with most area in common is right and the others are false (the organisers' text is
   silent here);
5. true lakes without a right polygon are missed, and F1 = 2 TP / (2 TP + FP + FN) of the counts summed over all images
   and regions.

``--out`` then holds score.json and judged.gpkg, with every polygon, what it is and why.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from command import add_shared, new_parser, write_json
from errors import exit_code
from lakes.overlap import overlapping
from lakes.polygons import COLUMNS, read_lakes
from scenes.vectors import write_geopackage

SMALLEST, LARGEST = 0.5, 1.6  # area of a right polygon, in its lake's
RIGHT, FALSE, MISSED = "right", "false", "missed"
OVERLAPS, NO_LAKE, AREA, TAKEN = "overlaps another", "on no lake", "area does not fit", "its lake has a better one"


@dataclass(frozen=True)
class Counts:
    """True positives, false positives and false negatives, in polygons."""

    right: int
    false: int
    missed: int

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.right + other.right, self.false + other.false, self.missed + other.missed)

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN), 0 where there is nothing at all."""
        total = 2 * self.right + self.false + self.missed
        return 2 * self.right / total if total else 0.0


def self_overlapping(shapes: np.ndarray) -> np.ndarray:
    """Step 1: which polygons (N,) have an area in common with another one, bool (N,)."""
    first, second, _ = overlapping(shapes, shapes)
    return np.bincount(first[first != second], minlength=len(shapes)) > 0


def own_lakes(shapes: np.ndarray, lakes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Step 2: of each polygon (N,) the lake that it overlaps most, int64 (-1: none), and the area in common."""
    first, second, areas = overlapping(shapes, lakes)
    own, common = np.full(len(shapes), -1), np.zeros(len(shapes))
    order = np.lexsort((-second, areas))  # the largest last; of equal ones the first lake
    own[first[order]], common[first[order]] = second[order], areas[order]
    return own, common


def fits(areas: np.ndarray, lake_areas: np.ndarray) -> np.ndarray:
    """Step 3: which areas (N,) are 50 to 160 % of their lakes' (N,), bool (N,)."""
    return np.asarray((areas >= SMALLEST * lake_areas) & (areas <= LARGEST * lake_areas))


def best_of_lake(own: np.ndarray, common: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Step 4: of the candidates (bool, N) of each lake, the one with most area in common, bool (N,)."""
    best = np.zeros(len(own), bool)
    order = np.flatnonzero(candidates)
    order = order[np.argsort(-common[order], kind="stable")]
    _, first = np.unique(own[order], return_index=True)
    best[order[first]] = True
    return best


def judge(submitted: gpd.GeoDataFrame, truth: gpd.GeoDataFrame) -> tuple[list[str], np.ndarray]:
    """Steps 1 to 4 in one image and region: why each polygon is false (empty: it is right), and its lake (-1: none)."""
    shapes, lakes = submitted.geometry.to_numpy(), truth.geometry.to_numpy()
    overlaps = self_overlapping(shapes)
    own, common = own_lakes(shapes, lakes)
    area = np.zeros(len(shapes), bool)
    area[own >= 0] = fits(submitted.area.to_numpy()[own >= 0], truth.area.to_numpy()[own[own >= 0]])
    best = best_of_lake(own, common, ~overlaps & area)
    whys = np.select([overlaps, own < 0, ~area, ~best], [OVERLAPS, NO_LAKE, AREA, TAKEN], "")
    return [str(why) for why in whys], own


def judged(submitted: gpd.GeoDataFrame, truth: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """All submitted polygons and missed lakes, with ``verdict``, ``why`` and ``area_share``, of its lake's area."""
    keys = sorted({*zip(submitted.image, submitted.region_num), *zip(truth.image, truth.region_num)})
    tables = [
        judged_group(chosen(submitted, image, number), chosen(truth, image, number)) for image, number in keys
    ] or [judged_group(submitted, truth)]
    return gpd.GeoDataFrame(pd.concat(tables, ignore_index=True), crs=truth.crs)


def chosen(table: gpd.GeoDataFrame, image: str, region_num: int) -> gpd.GeoDataFrame:
    """The rows of one image and region."""
    found = table[(table.image == image) & (table.region_num == region_num)]
    return found[[*COLUMNS, "geometry"]].reset_index(drop=True)


def judged_group(submitted: gpd.GeoDataFrame, truth: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """``judged`` of one image and region."""
    whys, own = judge(submitted, truth)
    share = np.full(len(own), np.nan)
    share[own >= 0] = submitted.area.to_numpy()[own >= 0] / truth.area.to_numpy()[own[own >= 0]]
    found = submitted.assign(verdict=[FALSE if why else RIGHT for why in whys], why=whys, area_share=share)
    taken = own[[not why for why in whys]]
    missed = truth.drop(index=taken).assign(verdict=MISSED, why="", area_share=np.nan)
    return missed if found.empty else found if missed.empty else pd.concat([found, missed], ignore_index=True)


def counts_of(table: gpd.GeoDataFrame) -> Counts:
    """Step 5: the counts of judged polygons."""
    return Counts(*(int((table.verdict == verdict).sum()) for verdict in (RIGHT, FALSE, MISSED)))


def score(submitted: gpd.GeoDataFrame, truth: gpd.GeoDataFrame) -> Counts:
    """The counts of a submission, summed over all images and regions."""
    return counts_of(judged(submitted, truth))


def told(counts: Counts) -> dict[str, float]:
    """Counts and F1, as score.json has them."""
    return {"right": counts.right, "false": counts.false, "missed": counts.missed, "f1": counts.f1}


def run(options: argparse.Namespace) -> None:
    """Judge, write and print."""
    table = judged(read_lakes(options.submission), read_lakes(options.truth))
    groups = [
        {"image": image, "region_num": int(number), **told(counts_of(rows))}
        for (image, number), rows in table.groupby(list(COLUMNS))
    ]
    whys = table.loc[table.verdict == FALSE, "why"].value_counts().to_dict()
    results = {"all": told(counts_of(table)), "false_because": whys, "groups": groups}
    write_json(options.out / "score.json", results)
    write_geopackage(table, options.out / "judged.gpkg")
    print(f"{'image':52s}{'region':>7s}{'right':>7s}{'false':>7s}{'missed':>7s}{'F1':>7s}")
    for one in [*groups, {"image": "all", "region_num": "", **results["all"]}]:
        numbers = "".join(f"{one[name]:7d}" for name in ("right", "false", "missed"))
        print(f"{one['image'][-50:]:52s}{one['region_num']:>7}{numbers}{one['f1']:7.3f}")
    print("False: " + (", ".join(f"{count} {why}" for why, count in whys.items()) or "none") + ".")
    print(f"Wrote score.json and judged.gpkg to {options.out}.")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "F1 of lakes against the truth, as the ACM SIGSPATIAL Cup 2023 counts it.",
        "python -m lakes score submission.gpkg truth.gpkg --out out/score",
        "python -m lakes score",
    )
    parser.add_argument("submission", type=Path, help="polygons with the columns image and region_num")
    parser.add_argument("truth", type=Path, help="the same of the true lakes")
    add_shared(parser, "out", default=Path("out/score"))
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    return exit_code(lambda: run(arguments(argv)))


if __name__ == "__main__":
    sys.exit(main())
