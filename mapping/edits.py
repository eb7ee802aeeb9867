"""Edits by hand: glaciers that a user has deleted, kept or drawn, whatever the model says of them.

The page of ``python -m adapt serve`` makes them, or a GIS: a file of polygons with the column ``edited``. Of edits over
one pixel the last one counts. A kept outline stays one of its own, whatever it touches; a drawn one joins it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from rasterio.features import rasterize, shapes
from rasterio.transform import Affine

from errors import GridError, VectorError
from fusion.windowed import STRIP
from mapping.inventory import column_of
from mapping.outlines import EDITED, largest_first, owners
from mapping.rasters import sides_of
from scenes.grid import Grid, frame_of
from scenes.vectors import areas_km2, need_crs, polygons, read_table, repair, write_geopackage

ACTIONS = {"deleted": 0, "kept": 1, "drawn": 1}  # and what a pixel inside is then: glacier or not
WORDS = {"kept": "kept", "drawn": "drawn", "deleted": "cut"}  # what an outline is called that holds it, or is beside it
UNTOUCHED = -1
ICE = 1  # the number of all pieces of ice but those of kept outlines


@dataclass(frozen=True)
class Edit:
    """A polygon in a scene's coordinate system and what was done with it, one of ACTIONS."""

    geometry: Any
    action: str
    edit_id: str = ""


def last_edits(edits: Sequence[Edit], frame: Affine, shape: tuple[int, int]) -> np.ndarray:
    """Number of the last edit over each pixel whose transform is ``frame``, from 1, 0 for none: int32 (H, W)."""
    corners = np.array([frame * (0, 0), frame * (shape[1], shape[0])])
    here = shapely.box(*corners.min(axis=0), *corners.max(axis=0))
    told = [(edit.geometry, number) for number, edit in enumerate(edits, 1) if edit.geometry.intersects(here)]
    if not told:
        return np.zeros(shape, np.int32)
    return np.asarray(rasterize(told, out_shape=shape, transform=frame, dtype="int32"))


def burnt(edits: Sequence[Edit], frame: Affine, shape: tuple[int, int]) -> np.ndarray:
    """What edits say of pixels whose transform is ``frame``: int16 (H, W), 1, 0 or UNTOUCHED."""
    values = np.array([UNTOUCHED, *(ACTIONS[edit.action] for edit in edits)], np.int16)
    return np.asarray(values[last_edits(edits, frame, shape)])


def edited_mask(mask: np.ndarray, edits: Sequence[Edit], frame: Affine, nodata: int) -> np.ndarray:
    """A mask, uint8 (H, W), after edits; what is ``nodata`` stays so."""
    said = burnt(edits, frame, mask.shape)
    return np.where((said == UNTOUCHED) | (mask == nodata), mask, said).astype(np.uint8)


def pieces_of(ice: np.ndarray, edits: Sequence[Edit], frame: Affine) -> np.ndarray:
    """The ice of an edited mask, bool (H, W), as int32: 0 for none, ICE, and a number beyond for each kept outline."""
    numbers = last_edits(edits, frame, ice.shape)
    own = np.array([0, *(number * (edit.action == "kept") for number, edit in enumerate(edits, 1))], np.int32)
    return np.where(ice, ICE + own[numbers], 0).astype(np.int32)


def edited_patches(
    mask: Path, edits: Sequence[Edit], grid: Grid, minimum_area: float, apart: bool = True
) -> gpd.GeoDataFrame:
    """Outline the connected ice of an edited mask, the largest first, with the column ``edited``.

    Kept outlines are ``apart`` from what they touch. Outlines below ``minimum_area`` km2 are left out unless they were
    kept or drawn.
    """
    found = with_edits(largest_first(polygons_apart(mask, edits, grid) if apart else polygons(mask)), edits, grid)
    by_hand = found[EDITED].str.contains("kept|drawn")
    return found[by_hand | (areas_km2(found.geometry) >= minimum_area - 1e-9)].reset_index(drop=True)


def polygons_apart(mask: Path, edits: Sequence[Edit], grid: Grid) -> gpd.GeoSeries:
    """Outline the connected ice of an edited mask, in memory, each kept outline by itself."""
    with rasterio.open(mask) as source:
        pieces = pieces_of(source.read(1) == 1, edits, grid.affine)
    found = shapes(pieces, mask=pieces > 0, connectivity=4, transform=grid.affine)
    return gpd.GeoSeries([shapely.geometry.shape(one) for one, _ in found], crs=grid.crs)


def with_edits(outlines: gpd.GeoDataFrame, edits: Sequence[Edit], grid: Grid) -> gpd.GeoDataFrame:
    """Outlines of an edited mask with the column ``edited``: kept, drawn, or ``cut`` beside what was deleted.

    It works strip by strip, so that memory does not depend on the scene's height.
    """
    said = {action: np.zeros(len(outlines) + 1, bool) for action in WORDS}
    actions = np.array(["", *(edit.action for edit in edits)])
    bounds = outlines.bounds.to_numpy() if len(outlines) else np.zeros((0, 4))
    for top in range(0, grid.height, STRIP) if edits else ():
        owner = owners(outlines.geometry, bounds, grid, top, min(STRIP, grid.height - top))
        numbers = last_edits(edits, grid.part(top - 1, -1, *owner.shape).affine, owner.shape)
        for action, told in said.items():
            where = np.isin(numbers, np.flatnonzero(actions == action))
            near = sides_of(where).any(axis=0) if action == "deleted" else where[1:-1, 1:-1]
            told[np.unique(owner[1:-1, 1:-1][near])] = True
    words = [[WORDS[action] for action, told in said.items() if told[number]] for number in range(1, len(outlines) + 1)]
    return outlines.assign(**{EDITED: [", ".join(one) for one in words]})


def write_edits(path: Path, edits: Sequence[Edit], crs: str) -> None:
    """Write edits as a GeoPackage with the columns ``id`` and ``edited`` (one of ACTIONS), whole or not at all."""
    columns = {"id": [edit.edit_id for edit in edits], EDITED: [edit.action for edit in edits]}
    table = gpd.GeoDataFrame(columns, geometry=[edit.geometry for edit in edits], crs=crs)
    write_geopackage(table, path, "edits")


def read_edits(path: Path, crs: str) -> list[Edit]:
    """Read what ``write_edits`` wrote, or a GIS, into ``crs``, in the file's order.

    The column ``edited`` says what was done, one of ACTIONS; a column ``id``, where there is one, names the edits, else
    their number in the file does. Raises VectorError or GridError, naming the file, where it cannot be read, has no
    coordinate system, no such column, another word in it, or what is no polygon.
    """
    table = read_table(path)
    column, named = column_of(table, (EDITED,)), column_of(table, ("id",))
    if column is None:
        raise VectorError(f"{path}: has no column {EDITED!r}; add one with {', '.join(ACTIONS)}.")
    need_crs(table, path)
    table, _ = repair(table.to_crs(crs))
    names = table[named] if named else range(1, len(table) + 1)
    actions = table[column].fillna("").astype(str).str.strip().str.lower()
    edits = [Edit(*row) for row in zip(table.geometry, actions, map(str, names))]
    for edit in edits:
        if edit.action not in ACTIONS:
            raise VectorError(f"{path}: its column {EDITED!r} holds {edit.action!r}; write {', '.join(ACTIONS)}.")
        if edit.geometry.is_empty or not edit.geometry.area:
            raise VectorError(f"{path}: its row {edit.edit_id} is no polygon; draw one around the outline.")
    return edits


def check_edits(path: Path, grid: Grid) -> None:
    """Raise an error unless the edits can be read and one lies on the grid."""
    if not any(edit.geometry.intersects(frame_of(grid)) for edit in read_edits(path, grid.crs)):
        raise GridError(f"{path}: has no edit within the scene; give edits of the same place.")
