"""Marks: places on a scene of which a user says whether they are glacier, as files that any GIS draws."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from rasterio.features import geometry_mask
from rasterio.transform import Affine

from errors import VectorError
from scenes.grid import Grid
from scenes.vectors import need_crs, write_geopackage
from tiles.raster import one_line

COLUMN = "glacier"
WORD = re.compile(r"[0-9A-Za-z_-]{1,64}")  # of an id
WORDS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


@dataclass(frozen=True)
class Mark:
    """A point, line or polygon in a scene's coordinate system, ``glacier`` or ground; ``mark_id`` tells it apart."""

    geometry: Any
    glacier: bool
    mark_id: str = ""


def read_marks(path: Path, crs: str) -> list[Mark]:
    """Read the marks of a vector file in any coordinate system into ``crs`` (WKT or EPSG:n).

    The column ``glacier`` says 1/0, true/false or yes/no. A column ``id`` names the marks; where there is none, or no
    word that no other mark of the file has, their row in the file does. Raises VectorError or GridError, naming the
    file, where it cannot be read, has no coordinate system, no such column, or another value in it.
    """
    if not path.exists():
        raise VectorError(f"{path}: no such file; check the name.")
    try:
        table = gpd.read_file(path, engine="pyogrio")
    except Exception as problem:  # pyogrio raises many kinds on damaged files
        raise VectorError(f"{path}: cannot be read as marks ({one_line(problem)}); copy the file again.") from None
    columns = {str(name).lower(): name for name in table.columns}
    if COLUMN not in columns:
        raise VectorError(f"{path}: has no column {COLUMN!r}; add one with 1 on glacier and 0 on ground.")
    need_crs(table, path)
    filled = table[columns[COLUMN]].notna()  # a place that is suggested and not yet marked says nothing
    if not filled.all():
        told = f"{(~filled).sum()} of {len(table)} rows have an empty column {COLUMN!r} and say nothing"
        print(f"note: {path}: {told}", file=sys.stderr)
    table = table[filled]
    said = [glacier_of(value, path) for value in table[columns[COLUMN]]]
    rows = zip(table.geometry.to_crs(crs), said, names_of(table, columns.get("id")))
    return [Mark(place, glacier, name) for place, glacier, name in rows if place is not None and not place.is_empty]


def names_of(table: pd.DataFrame, column: str | None) -> list[str]:
    """The ids of a column as words, the number of the row for what is no word or not the only one."""
    numbers = [str(number + 1) for number in table.index]
    if column is None:
        return numbers
    words = table[column].map(word_of)
    known = (words != "") & ~words.duplicated(keep=False)
    return [word if fits else f"row{number}" for word, fits, number in zip(words, known, numbers)]


def word_of(value: object) -> str:
    """An id as a word, a whole number without its point; empty for what is none."""
    if value is None or value != value:  # NaN
        return ""
    word = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    return word if WORD.fullmatch(word) else ""


def glacier_of(value: object, path: Path) -> bool:
    """What a value of the column says; raises VectorError for one that says nothing."""
    word = str(value).strip().lower()
    word = word[:-2] if word.endswith(".0") else word
    if word not in WORDS:
        raise VectorError(f"{path}: its column {COLUMN!r} holds {value!r}; write 1 or 0, true or false, yes or no.")
    return WORDS[word]


def write_marks(path: Path, marks: Sequence[Mark], crs: str) -> None:
    """Write marks as a GeoPackage with the columns ``id`` and ``glacier`` (1/0), whole or not at all."""
    columns = {"id": [mark.mark_id for mark in marks], COLUMN: [int(mark.glacier) for mark in marks]}
    table = gpd.GeoDataFrame(columns, geometry=[mark.geometry for mark in marks], crs=crs)
    write_geopackage(table, path, "marks")


def pixels_of(mark: Mark, grid: Grid) -> np.ndarray:
    """Rows and columns of the pixels of a grid that a mark covers, int (2, N).

    A polygon covers pixels whose centre lies in it; one too small for that, a line or a point, every pixel touched.
    """
    if mark.geometry.geom_type == "Point":  # on a corner of pixels it touches none, for the rasteriser
        place = np.floor((~grid.affine * (mark.geometry.x, mark.geometry.y))[::-1]).astype(int)[:, None]
        return (
            place if (place >= 0).all() and (place[:, 0] < (grid.height, grid.width)).all() else np.empty((2, 0), int)
        )
    west, south, east, north = mark.geometry.bounds
    (left, top), (right, bottom) = ~grid.affine * (west, north), ~grid.affine * (east, south)
    first = np.maximum(np.floor([min(top, bottom), min(left, right)]).astype(int), 0)
    last = np.minimum(np.floor([max(top, bottom), max(left, right)]).astype(int) + 1, (grid.height, grid.width))
    if (first >= last).any():
        return np.empty((2, 0), int)
    frame = grid.affine * Affine.translation(first[1], first[0])
    for touched in (False, True):
        covered = geometry_mask([mark.geometry], tuple(last - first), frame, all_touched=touched, invert=True)
        if covered.any() and (touched or "Polygon" in mark.geometry.geom_type):
            break
    return np.stack(np.nonzero(covered)) + first[:, None]
