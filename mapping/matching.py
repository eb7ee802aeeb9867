"""Glaciers of two times, matched by overlap, and what has changed between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from tqdm import tqdm

from command import hidden
from errors import GridError
from mapping.extent import Extent
from scenes.grid import KM2
from scenes.vectors import polygonal

SHARE = 0.2  # of the smaller of two outlines: what overlaps less is a neighbour whose divide was drawn otherwise
WHAT = {(True, True): "matched", (True, False): "split", (False, True): "merged", (False, False): "regrouped"}


@dataclass(frozen=True)
class Change:
    """What changed: a row of ``glaciers`` for each match, its ``advance`` over free ground and its ``retreat`` from it.

    The geometry of ``glaciers`` is the new one, or the old one of a glacier that is gone. ``left_out``: outlines of
    either time that lie where the other did not look.
    """

    glaciers: gpd.GeoDataFrame
    advance: gpd.GeoDataFrame
    retreat: gpd.GeoDataFrame
    left_out: int


def changes(old: Extent, new: Extent) -> Change:
    """Compare two extents on one equal-area plane, where both have looked; the largest glacier first.

    Raises GridError where neither has a glacier in what both have seen.
    """
    seen = shapely.intersection(*(shapely.union_all(extent.seen.to_numpy()) for extent in (old, new)))
    before, after = clipped(old.outlines, seen), clipped(new.outlines, seen)
    left_out = len(old.outlines) + len(new.outlines) - len(before) - len(after)
    if not len(before) and not len(after):
        raise GridError(f"{new.path}: shares no glacier with {old.path}; give two extents of one place.")
    years = [mean_year(table) for table in (before, after)]
    rows, lost, won = [], [], []
    for mine, theirs in tqdm(groups_of(before, after), desc="glaciers", disable=hidden(), delay=2):
        row, shapes = compared(before.iloc[mine], after.iloc[theirs], before, after, years)
        rows.append((row, shapes[1] if len(theirs) else shapes[0]))
        lost.append(beyond(shapes[0], after))
        won.append(beyond(shapes[1], before))
        row.update(advance_km2=won[-1].area / KM2, retreat_km2=lost[-1].area / KM2)
    order = np.argsort([-max(row["area_old_km2"], row["area_new_km2"]) for row, _ in rows], kind="stable")
    table = pd.DataFrame([{"glacier": place + 1, **rows[number][0]} for place, number in enumerate(order)])
    glaciers = gpd.GeoDataFrame(table, geometry=[rows[number][1] for number in order], crs=before.crs)
    return Change(glaciers, parts_of(won, order, before.crs), parts_of(lost, order, before.crs), left_out)


def clipped(outlines: gpd.GeoDataFrame, seen: shapely.Geometry) -> gpd.GeoDataFrame:
    """Cut outlines to the seen ground, and say in ``seen_share`` how much of each that is; those outside it go."""
    shapely.prepare(seen)
    shapes = outlines.geometry.to_numpy().copy()
    whole = shapely.area(shapes)
    cut = ~shapely.covers(seen, shapes)
    shapes[cut] = [polygonal(shape) for shape in shapely.intersection(shapes[cut], seen)]
    areas = shapely.area(shapes)
    found = outlines.set_geometry(gpd.GeoSeries(shapes, index=outlines.index, crs=outlines.crs))
    return found.assign(seen_share=areas / np.maximum(whole, 1e-9))[areas > 0].reset_index(drop=True)


def beyond(shape: shapely.Geometry, everything: gpd.GeoDataFrame) -> shapely.Geometry:
    """Cut from a shape all ice of the other time, a neighbour's too: where a divide was redrawn nothing has moved."""
    near = everything.sindex.query(shape, predicate="intersects")
    return shapely.difference(shape, shapely.union_all(everything.geometry.to_numpy()[near]))


def mean_year(table: pd.DataFrame) -> float:
    """Average the years of outlines by their area; NaN where none is known."""
    areas, years = shapely.area(table.geometry.to_numpy()), table["year"].to_numpy(float)
    known = np.isfinite(years)
    return float(np.average(years[known], weights=areas[known])) if known.any() else math.nan


def groups_of(before: gpd.GeoDataFrame, after: gpd.GeoDataFrame) -> list[tuple[np.ndarray, np.ndarray]]:
    """Group outlines that overlap by SHARE of the smaller: positions in both tables; either may be empty."""
    theirs, mine = before.sindex.query(after.geometry, predicate="intersects")
    one, other = before.geometry.to_numpy()[mine], after.geometry.to_numpy()[theirs]
    shared = shapely.area(shapely.intersection(one, other))
    same = shared >= SHARE * np.minimum(shapely.area(one), shapely.area(other))
    total = len(before) + len(after)
    links = coo_array((np.ones(same.sum()), (mine[same], theirs[same] + len(before))), shape=(total, total))
    count, group = connected_components(links, directed=False)
    return [
        (np.flatnonzero(group[: len(before)] == one), np.flatnonzero(group[len(before) :] == one))
        for one in range(count)
    ]


def compared(
    mine: gpd.GeoDataFrame,
    theirs: gpd.GeoDataFrame,
    before: gpd.GeoDataFrame,
    after: gpd.GeoDataFrame,
    years: Sequence[float],
) -> tuple[dict[str, Any], list[shapely.Geometry]]:
    """Compare the old and the new outlines of one group: a row of the table, and both shapes.

    ``before`` and ``after``: all outlines; ``years``: of all old and all new ones, for a glacier that is gone or new.
    """
    shapes = [shapely.union_all(side.geometry.to_numpy()) for side in (mine, theirs)]
    areas = [shape.area / KM2 for shape in shapes]
    off = [
        area_uncertainty(shape, everything, float(side["moved"].max())) if len(side) else 0.0
        for shape, side, everything in zip(shapes, (mine, theirs), (before, after))
    ]
    dated = [year if math.isnan(own := mean_year(side)) else own for side, year in zip((mine, theirs), years)]
    names = [*mine["name"], *theirs["name"]]
    row: dict[str, Any] = {
        "name": next((name for name in names if name), ""),
        "what": what_happened(len(mine), len(theirs)),
        "old_ids": ", ".join(mine["id"]),
        "new_ids": ", ".join(theirs["id"]),
        "seen_share": float(min([*mine["seen_share"], *theirs["seen_share"]])),
        "year_old": dated[0],
        "year_new": dated[1],
    }
    return {**row, **rates(areas, off, dated[1] - dated[0])}, shapes


def what_happened(old: int, new: int) -> str:
    """Name what happened to a group of so many old and new outlines."""
    if not old or not new:
        return "new" if new else "gone"
    return WHAT[old == 1, new == 1]


def rates(areas: Sequence[float], off: Sequence[float], years: float) -> dict[str, float]:
    """Areas and their change in km2, in %, and a year; the uncertainties of both times are independent."""
    change, uncertainty = areas[1] - areas[0], math.hypot(*off)
    percent = 100 * change / areas[0] if areas[0] else math.nan
    span = years if years > 0 else math.nan
    return {
        "area_old_km2": areas[0],
        "uncertainty_old_km2": off[0],
        "area_new_km2": areas[1],
        "uncertainty_new_km2": off[1],
        "change_km2": change,
        "change_uncertainty_km2": uncertainty,
        "change_percent": percent,
        "km2_per_year": change / span,
        "percent_per_year": percent / span,
    }


def area_uncertainty(shape: shapely.Geometry, everything: gpd.GeoDataFrame, distance: float) -> float:
    """Halve the difference, km2, of a shape's areas with its outline moved ``distance`` metres out and in.

    The buffer method of Paul et al. 2017 (doi:10.1016/j.rse.2017.08.038); the border with other ice does not move.
    """
    near = everything.sindex.query(shape, predicate="dwithin", distance=distance)
    ice = shapely.union_all(everything.geometry.to_numpy()[near])
    grown = shapely.difference(shape.buffer(distance), ice).area
    shrunk = shape.area - shapely.intersection(shape, ice.buffer(-distance)).area
    return float((grown + shrunk) / 2 / KM2)


def parts_of(shapes: Sequence[shapely.Geometry], order: np.ndarray, crs: object) -> gpd.GeoDataFrame:
    """Table the polygons of every glacier that has any, with its number and their area."""
    polygons = [shapely.MultiPolygon([one for one in shapely.get_parts(shapes[n]) if one.area > 0]) for n in order]
    table = gpd.GeoDataFrame({"glacier": range(1, len(polygons) + 1)}, geometry=polygons, crs=crs)
    table["area_km2"] = table.area / KM2
    return table[table["area_km2"] > 0].reset_index(drop=True)


def summed(glaciers: pd.DataFrame) -> dict[str, float]:
    """Add all glaciers up, as ``rates`` gives them; uncertainties add up too, for outlines err to one side together."""
    areas = [float(glaciers[f"area_{time}_km2"].sum()) for time in ("old", "new")]
    off = [float(glaciers[f"uncertainty_{time}_km2"].sum()) for time in ("old", "new")]
    known = glaciers.dropna(subset=["year_old", "year_new"])
    weights = known["area_old_km2"] + known["area_new_km2"]
    years = np.average(known["year_new"] - known["year_old"], weights=weights) if len(known) else math.nan
    return rates(areas, off, float(years))
