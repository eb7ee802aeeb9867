"""A map drawn anew from outlines that were corrected by hand, and by how much they differ from it."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio
from rasterio.windows import Window

from errors import GridError, LayoutError, VectorError
from fusion.windowed import STRIP
from mapping.finish import conclude
from mapping.inventory import NAME_COLUMNS, column_of
from mapping.outlines import EDITED, GLACIER, PATCH, outlines_of, owners
from mapping.rasters import MASK_NODATA, write_whole_numbers
from scenes.area import part_of
from scenes.grid import KM2, Grid, grid_of
from scenes.scene import Scene
from scenes.vectors import need_crs, read_table, repair
from tiles.raster import atomic_output


def read_edited(path: Path, crs: str) -> gpd.GeoDataFrame:
    """Read edited outlines into a coordinate system, the largest first; raises VectorError or GridError.

    ``inventory_id``, ``name`` and ``edited`` stay where the file has them; an outline with an id is a glacier.
    """
    table = read_table(path)
    need_crs(table, path)
    table, _ = repair(table.to_crs(crs))
    table = table[table.geometry.area > 0]
    if not len(table):
        raise VectorError(f"{path}: holds no polygon; give the corrected outlines.")
    found = gpd.GeoDataFrame({"kind": PATCH}, index=table.index, geometry=table.geometry, crs=crs)
    columns = {
        "inventory_id": column_of(table, ("inventory_id", "inv_id")),
        "name": column_of(table, NAME_COLUMNS),
        EDITED: column_of(table, (EDITED,)),
    }
    for name, column in columns.items():
        if column:
            found[name] = table[column].fillna("").astype(str)
    if EDITED in found and (found[EDITED] == "deleted").any():
        raise VectorError(f"{path}: holds deleted outlines, as edits do; give it to python -m mapping as --edits.")
    if "inventory_id" in found:
        found["kind"] = np.where(found["inventory_id"] == "", PATCH, GLACIER)
    order = np.argsort(-found.area.to_numpy(), kind="stable")
    return found.iloc[order].reset_index(drop=True)


def mapped_part(maps: Path, scene: Scene, place: Path) -> tuple[Scene, dict[str, Any]]:
    """Cut what a map covers out of its scene, which lies at ``place``; returns it with the map's ``metrics.json``.

    Raises LayoutError where ``maps`` is no map, GridError where it is of another scene.
    """
    try:
        facts = json.loads((maps / "metrics.json").read_text(encoding="utf-8"))
        mapped = grid_of(str(maps / "mask.tif"))
    except (OSError, ValueError):
        raise LayoutError(
            f"{maps}: lacks a readable metrics.json; give a folder that python -m mapping wrote."
        ) from None
    part = part_of(scene, mapped)
    if part is None:
        raise GridError(f"{place}: is not the scene that {maps} maps, for their grids differ; give that one.")
    return part, dict(facts)


def drawn(outlines: gpd.GeoDataFrame, mask: Path, grid: Grid) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the first row and the corrected mask of each strip: 1 within outlines, else 0, and nodata where it was."""
    bounds = outlines.bounds.to_numpy()
    with rasterio.open(mask) as source:
        for top in range(0, grid.height, STRIP):
            rows = min(STRIP, grid.height - top)
            before = source.read(1, window=Window(0, top, grid.width, rows))
            inside = owners(outlines.geometry, bounds, grid, top, rows)[1:-1, 1:-1] > 0
            yield top, np.where(inside, 1, np.where(before == MASK_NODATA, MASK_NODATA, 0))


def differences(before: Path, after: Path, grid: Grid) -> dict[str, float]:
    """Measure the ice that was added and removed, km2."""
    added = removed = 0
    with rasterio.open(before) as one, rasterio.open(after) as other:
        for top in range(0, grid.height, STRIP):
            window = Window(0, top, grid.width, min(STRIP, grid.height - top))
            was, now = (source.read(1, window=window) == 1 for source in (one, other))
            added, removed = added + int((now & ~was).sum()), removed + int((was & ~now).sum())
    return {"added_km2": added * grid.pixel_area / KM2, "removed_km2": removed * grid.pixel_area / KM2}


def correct(scene: Scene, edited: gpd.GeoDataFrame, maps: Path, out: Path, facts: dict[str, Any], **words: Any) -> Any:
    """Write everything of the corrected map into ``out``; returns its metrics. ``words``: ``model`` and ``beside``."""
    start = time.time()
    out.mkdir(parents=True, exist_ok=True)
    write_whole_numbers(out / "mask.tif", drawn(edited, maps / "mask.tif", scene.grid), scene.grid, MASK_NODATA)
    with atomic_output(out / "probability.tif") as temporary:
        shutil.copyfile(maps / "probability.tif", temporary)
    outlines = outlines_of(edited, out / "mask.tif", out / "probability.tif", scene)
    told = {**facts, **differences(maps / "mask.tif", out / "mask.tif", scene.grid)}
    notes = ["Outlines were corrected by hand."]
    return conclude(scene, out, words["model"], outlines, told, notes, words["beside"], start)
