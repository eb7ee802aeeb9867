"""What a page asks for, checked: marks and edits as GeoJSON in pixels of the scene, and ids to erase."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import shapely
from rasterio.features import shapes
from scipy.ndimage import label
from shapely.affinity import affine_transform
from shapely.geometry import mapping, shape

from adapt.marks import WORD, Mark
from adapt.store import Item
from errors import VectorError
from mapping.edits import ACTIONS, Edit
from scenes.grid import Grid

MARK_KINDS = {"glacier": True, "ground": False}
# Kinds of geometry, and how deep their coordinates are nested
SHAPES = {"Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}
MOST_CORNERS = 5000
MOST_AT_ONCE = 1000
REACH = 128  # pixels around a click in which its outline is looked for first

Pieces = Callable[[tuple[slice, slice]], np.ndarray]  # the ice of a box of the scene, as of mapping.edits.pieces_of


def read_change(data: Any, grid: Grid, pieces: Pieces) -> tuple[list[Item], list[str]]:
    """What is to be added and erased; raises VectorError for what cannot be."""
    if not isinstance(data, dict) or not set(data) <= {"add", "erase"}:
        raise VectorError("The request is no object with 'add' and 'erase'; reload the page.")
    add, erase = data.get("add", []), data.get("erase", [])
    if not isinstance(add, list) or not isinstance(erase, list) or len(add) + len(erase) > MOST_AT_ONCE:
        raise VectorError(f"'add' and 'erase' are no lists of at most {MOST_AT_ONCE}; reload the page.")
    return [read_item(one, grid, pieces) for one in add], [read_name(one) for one in erase]


def read_name(name: Any) -> str:
    """An id."""
    if not isinstance(name, str) or not WORD.fullmatch(name):
        raise VectorError("An id is no word of at most 64 letters and digits; reload the page.")
    return name


def read_item(data: Any, grid: Grid, pieces: Pieces) -> Item:
    """A mark, or an edit: one that deletes or keeps is the outline under a click."""
    if not isinstance(data, dict):
        raise VectorError("A mark is no object with id, kind and geometry; reload the page.")
    name, kind, place = read_name(data.get("id")), data.get("kind"), read_shape(data.get("geometry"))
    if isinstance(kind, str) and kind in MARK_KINDS:
        return Mark(in_scene(place, grid), MARK_KINDS[kind], name)
    if not isinstance(kind, str) or kind not in ACTIONS:
        raise VectorError(f"A mark's kind is none of {', '.join((*MARK_KINDS, *ACTIONS))}; reload the page.")
    if place.geom_type == "Point":
        return Edit(outline_at(place, grid, pieces), kind, name)
    parts = [part for part in shapely.get_parts(shapely.make_valid(place)) if part.area > 0]
    if not parts:
        raise VectorError("An outline needs at least three corners; draw it again.")
    return Edit(in_scene(shapely.union_all(parts), grid), kind, name)


def read_shape(data: Any) -> Any:
    """A point, line or polygon from GeoJSON, in pixels."""
    if not isinstance(data, dict) or not isinstance(data.get("type"), str) or data["type"] not in SHAPES:
        raise VectorError(f"A mark's geometry is none of {', '.join(SHAPES)}; reload the page.")
    depth = SHAPES[data["type"]]
    corners: list[Any] = [data.get("coordinates")]
    for _ in range(depth):
        if not all(isinstance(one, list) for one in corners):
            raise VectorError("A mark's coordinates are not nested as GeoJSON has them; reload the page.")
        corners = [each for one in corners for each in one]
    if not 1 <= len(corners) <= MOST_CORNERS or not all(is_corner(one) for one in corners):
        raise VectorError(f"A mark has no corner, more than {MOST_CORNERS}, or one that is no number; mark it again.")
    try:
        found = shape({"type": data["type"], "coordinates": data["coordinates"]})
    except (ValueError, shapely.errors.ShapelyError):
        raise VectorError("A mark's geometry has too few corners; draw it again.") from None
    if found.is_empty:
        raise VectorError("A mark's geometry is empty; draw it again.")
    return found


def is_corner(value: Any) -> bool:
    """Whether a value is two finite numbers that may be pixels."""
    if not isinstance(value, list) or len(value) != 2:
        return False
    numbers = [one for one in value if isinstance(one, (int, float)) and not isinstance(one, bool)]
    return len(numbers) == 2 and all(math.isfinite(one) and abs(one) < 1e7 for one in numbers)


def in_scene(place: Any, grid: Grid) -> Any:
    """A geometry in pixels (column, row) in the scene's coordinates."""
    return affine_transform(place, grid.affine.to_shapely())


def in_pixels(place: Any, grid: Grid) -> dict[str, Any]:
    """A geometry in the scene's coordinates as GeoJSON in pixels (column, row)."""
    return dict(mapping(affine_transform(place, (~grid.affine).to_shapely())))


def outline_at(place: Any, grid: Grid, pieces: Pieces) -> Any:
    """The outline of the glacier at a point in pixels; raises VectorError where there is none."""
    column, row = math.floor(place.x), math.floor(place.y)
    if not (0 <= row < grid.height and 0 <= column < grid.width):
        raise VectorError("There is no outline outside the scene; click inside one.")
    reach = REACH
    while True:
        top, left = max(row - reach, 0), max(column - reach, 0)
        box = slice(top, min(row + reach, grid.height)), slice(left, min(column + reach, grid.width))
        found = pieces(box)
        if not found[row - top, column - left]:
            raise VectorError("There is no outline here; click inside one.")
        numbers, _ = label(found == found[row - top, column - left])
        piece = numbers == numbers[row - top, column - left]
        if not reaches_out(piece, box, grid):
            return polygon_of(piece, grid, top, left)
        reach *= 2


def reaches_out(piece: np.ndarray, box: Sequence[slice], grid: Grid) -> bool:
    """Whether pixels, bool (h, w), touch a side of their box that is none of the scene's."""
    rows, columns = box
    return bool(
        (rows.start > 0 and piece[0].any())
        or (columns.start > 0 and piece[:, 0].any())
        or (rows.stop < grid.height and piece[-1].any())
        or (columns.stop < grid.width and piece[:, -1].any())
    )


def polygon_of(piece: np.ndarray, grid: Grid, top: int, left: int) -> Any:
    """The polygon of connected pixels, bool (h, w), whose first one has this row and column."""
    frame = grid.part(top, left, *piece.shape).affine
    [(found, _)] = shapes(piece.astype(np.uint8), mask=piece, connectivity=4, transform=frame)
    return shape(found)
