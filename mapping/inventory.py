"""Division of mapped ice by a glacier inventory, so that areas can be compared glacier by glacier.

The rule, for each patch of connected ice:

1. A pixel whose centre lies within an outline of the inventory belongs to that glacier.
2. A pixel outside all outlines belongs to the nearest glacier of the inventory that has ice in the same patch, if that
   is no farther than REACH: ice that the inventory has lost, or has not mapped, beside a glacier.
3. Ice farther away stays an ice patch of its own, unless it is smaller than the minimum area.
4. A patch in which no glacier of the inventory has a pixel stays an ice patch.

Every pixel goes to one outline, so the areas sum to the undivided area. A glacier is one outline, if need be of
several parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from rasterio.features import rasterize, shapes
from rasterio.windows import transform
from scipy import ndimage
from scipy.spatial import KDTree
from tqdm import tqdm

from command import hidden
from errors import GridError, VectorError
from mapping.outlines import GLACIER, PATCH
from mapping.postprocess import FOUR_CONNECTED
from mapping.rasters import sides_of
from mapping.terrain import box_around
from scenes.grid import KM2, Grid, frame_of
from scenes.vectors import need_crs, read_table, repair

REACH = 1000.0  # metres: glaciers seldom lose more at their tongue between two inventories
# The columns of the Randolph (7, 6), Swiss and GLIMS inventories and of this project, in the order they are looked for
ID_COLUMNS = ("rgi_id", "rgiid", "sgi-id", "sgi_id", "inventory_id", "glac_id", "glims_id", "glimsid", "id")
NAME_COLUMNS = ("glac_name", "name", "glacier_name")


def column_of(table: pd.DataFrame, names: Sequence[str]) -> str | None:
    """Find the first of the columns that a table has, in small or capital letters."""
    found = {str(name).lower(): str(name) for name in table.columns}
    return next((found[name] for name in names if name in found), None)


def read_inventory(path: Path, crs: str) -> gpd.GeoDataFrame:
    """Read a glacier inventory into a coordinate system: ``inventory_id`` and ``name`` as text, one row a glacier.

    Raises VectorError where it cannot be read, or lacks polygons or a column of ids, and GridError where it has no
    coordinate system.
    """
    table = read_table(path)
    known = column_of(table, ID_COLUMNS)
    if known is None:
        raise VectorError(
            f"{path}: has no column with the glaciers' ids (it has {', '.join(table.columns)}); name it rgi_id or id."
        )
    need_crs(table, path)
    table, _ = repair(table.to_crs(crs))
    name = column_of(table, NAME_COLUMNS)
    names = table[name].fillna("").astype(str) if name else ""
    ids = table[known].fillna("").astype(str)
    numbers = [f"row {number}" for number in range(1, len(table) + 1)]
    found = gpd.GeoDataFrame(
        {"inventory_id": np.where(ids == "", numbers, ids), "name": names}, geometry=table.geometry, crs=crs
    )
    found = found[found.geometry.area > 0]
    if not len(found):
        raise VectorError(f"{path}: holds no polygon; give the glaciers' outlines.")
    if found["inventory_id"].duplicated().any():
        found = found.dissolve("inventory_id", aggfunc="first", as_index=False)
    return found.reset_index(drop=True)


def check_inventory(path: Path, grid: Grid) -> None:
    """Raise an error unless the inventory can be read and has a glacier on the grid."""
    if not read_inventory(path, grid.crs).intersects(frame_of(grid)).any():
        raise GridError(f"{path}: has no glacier within the scene; give an inventory of the same place.")


def divided(
    patches: gpd.GeoDataFrame, inventory: gpd.GeoDataFrame, grid: Grid, minimum_area: float = 0.0
) -> gpd.GeoDataFrame:
    """Divide ice patches of a mask on the grid by an inventory, by the module's rule; the largest outline first.

    ``inventory`` as of ``read_inventory``, in the patches' coordinate system; ``minimum_area`` in km2. The outlines
    have ``kind``, ``inventory_id`` and ``name``, which are empty for ice patches.
    """
    parts: dict[int, list[shapely.Polygon]] = {}
    alone: list[shapely.Polygon] = []
    places = inventory.sindex
    for patch in tqdm(patches.geometry, desc="division", unit="patch", disable=hidden(), delay=2):
        near = np.sort(places.query(patch, predicate="intersects"))
        for number, part in divided_patch(patch, inventory.geometry.iloc[near], grid, minimum_area):
            if number < 0:
                alone.append(part)
            else:
                parts.setdefault(int(near[number]), []).append(part)
    whole = [shapely.MultiPolygon(found) if len(found) > 1 else found[0] for found in parts.values()]
    known = inventory.iloc[list(parts)]
    table = pd.DataFrame(
        {
            "kind": [GLACIER] * len(whole) + [PATCH] * len(alone),
            "inventory_id": [*known["inventory_id"], *[""] * len(alone)],
            "name": [*known["name"], *[""] * len(alone)],
        }
    )
    found = gpd.GeoDataFrame(table, geometry=[*whole, *alone], crs=patches.crs)
    order = np.argsort(-found.area.to_numpy(), kind="stable")
    return found.iloc[order].reset_index(drop=True)


def divided_patch(
    patch: shapely.Polygon, glaciers: gpd.GeoSeries, grid: Grid, minimum_area: float
) -> list[tuple[int, shapely.Polygon]]:
    """Divide one patch: the position of the glacier among ``glaciers``, or -1, and the part, for each part."""
    if not len(glaciers):
        return [(-1, patch)]
    window = box_around(patch, grid)
    size, place = (window.height, window.width), transform(window, grid.affine)
    how = {"out_shape": size, "transform": place}
    inside = rasterize([(patch, 1)], dtype="uint8", **how) == 1
    numbers = rasterize(((one, n) for n, one in enumerate(glaciers, 1)), dtype="int32", **how)
    numbers = np.where(inside, numbers, 0)
    if not numbers.any():
        return [(-1, patch)]
    own = len(glaciers) + 1
    numbers = nearest_glacier(numbers, inside, own, REACH / grid.pixel_side, minimum_area * KM2 / grid.pixel_area)
    found = shapes(numbers.astype(np.int32), mask=inside, connectivity=4, transform=place)
    return [(-1 if value == own else int(value) - 1, shapely.geometry.shape(part)) for part, value in found]


def nearest_glacier(numbers: np.ndarray, inside: np.ndarray, own: int, reach: float, smallest: float) -> np.ndarray:
    """Give the ice that has no number, int (H, W), the nearest one within ``reach`` pixels, or else ``own``.

    ``inside``: the ice, bool (H, W). Pieces of ``own`` with fewer than ``smallest`` pixels get the nearest number too.
    """
    open_ice = np.argwhere(inside & (numbers == 0))
    if not len(open_ice):
        return numbers
    rims = (numbers > 0) & (sides_of(np.pad(numbers, 1)) != numbers).any(axis=0)  # the nearest is one of these
    rim = np.argwhere(rims)
    distance, place = KDTree(rim).query(open_ice)
    nearest = numbers.copy()
    nearest[tuple(open_ice.T)] = numbers[tuple(rim[place].T)]
    far = np.zeros(inside.shape, bool)
    far[tuple(open_ice[distance > reach].T)] = True
    pieces, count = ndimage.label(far, FOUR_CONNECTED)
    large = np.bincount(pieces.ravel(), minlength=count + 1) >= smallest
    return np.where(far & large[pieces], own, nearest)
