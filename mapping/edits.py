"""Edits by hand: glaciers that a user has deleted, kept or drawn, whatever the model says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from rasterio.features import rasterize
from rasterio.transform import Affine

from errors import OutputError, VectorError
from scenes.vectors import need_crs, read_table, write_geopackage
from tiles.raster import one_line

ACTIONS = {"deleted": 0, "kept": 1, "drawn": 1}  # and what a pixel inside is then: glacier or not
UNTOUCHED = -1
COLUMN = "edited"


@dataclass(frozen=True)
class Edit:
    """A polygon in a scene's coordinate system and what was done with it, one of ACTIONS."""

    geometry: Any
    action: str
    edit_id: str = ""


def burnt(edits: Sequence[Edit], frame: Affine, shape: tuple[int, int]) -> np.ndarray:
    """What edits say of pixels whose transform is ``frame``: int16 (H, W), 1, 0 or UNTOUCHED; the last one wins."""
    corners = np.array([frame * (0, 0), frame * (shape[1], shape[0])])
    here = shapely.box(*corners.min(axis=0), *corners.max(axis=0))
    told = [(edit.geometry, ACTIONS[edit.action]) for edit in edits if edit.geometry.intersects(here)]
    if not told:
        return np.full(shape, UNTOUCHED, np.int16)
    return np.asarray(rasterize(told, out_shape=shape, transform=frame, fill=UNTOUCHED, dtype="int16"))


def edited_mask(mask: np.ndarray, edits: Sequence[Edit], frame: Affine, nodata: int) -> np.ndarray:
    """A mask, uint8 (H, W), after edits; what is ``nodata`` stays so."""
    said = burnt(edits, frame, mask.shape)
    return np.where((said == UNTOUCHED) | (mask == nodata), mask, said).astype(np.uint8)


def with_edits(outlines: gpd.GeoDataFrame, edits: Sequence[Edit]) -> gpd.GeoDataFrame:
    """The outlines of an edited mask with the column ``edited``: kept, drawn, or ``cut`` beside what was deleted."""
    shapes = outlines.geometry.to_numpy()
    told: list[list[str]] = [[] for _ in shapes]
    for edit in edits:
        near = shapely.intersects(shapes, edit.geometry)
        if edit.action != "deleted":
            near &= shapely.area(shapely.intersection(shapes, edit.geometry)) > 0
        word = "cut" if edit.action == "deleted" else edit.action
        for number in np.flatnonzero(near):
            told[number] += [word] if word not in told[number] else []
    return outlines.assign(**{COLUMN: [", ".join(words) for words in told]})


def write_edits(path: Path, edits: Sequence[Edit], crs: str) -> None:
    """Write edits as a GeoPackage with the columns ``id`` and ``edited`` (one of ACTIONS), whole or not at all."""
    columns = {"id": [edit.edit_id for edit in edits], COLUMN: [edit.action for edit in edits]}
    table = gpd.GeoDataFrame(columns, geometry=[edit.geometry for edit in edits], crs=crs)
    try:
        write_geopackage(table, path, "edits")
    except (OSError, RuntimeError) as problem:
        raise OutputError(f"{path}: cannot be written ({one_line(problem)}); choose another place.") from None


def read_edits(path: Path, crs: str) -> list[Edit]:
    """Read what ``write_edits`` wrote into ``crs``; raises VectorError or GridError, naming the file."""
    table = read_table(path)
    if not {"id", COLUMN} <= set(table.columns) or not set(table[COLUMN]) <= set(ACTIONS):
        raise VectorError(f"{path}: has no columns 'id' and {COLUMN!r} with {', '.join(ACTIONS)}; remove the file.")
    need_crs(table, path)
    rows = zip(table.geometry.to_crs(crs), table[COLUMN], table["id"])
    return [Edit(place, action, str(name)) for place, action, name in rows]
