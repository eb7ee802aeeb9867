"""The extent of glaciers at one time, from a mask or outlines of any source, for comparison with another time."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from rasterio.features import shapes

from errors import GridError, RasterError, SettingError, VectorError
from mapping.inventory import ID_COLUMNS, NAME_COLUMNS, column_of
from scenes.source import open_raster
from scenes.vectors import areas_km2, is_vector, need_crs, read_table, repair
from tiles.raster import MAX_PIXELS

# Columns that date an outline in this project, the Swiss, Randolph (7, 6) and GLIMS inventories; of two, the middle
DATE_COLUMNS = (("date",), ("year_acq",), ("src_date",), ("bgndate", "enddate"), ("anlys_time",), ("year",))
MARGIN = 1000.0  # metres around outlines within which what they do not show is taken to be no glacier


@dataclass(frozen=True)
class Extent:
    """Glaciers of one time: ``outlines`` with columns ``id``, ``name``, ``year`` and ``moved``, and where was looked.

    ``year``: decimal, NaN where unknown. ``moved``: metres by which an outline may be off. ``seen``: all ground on
    which a glacier would have been found, in the outlines' coordinate system.
    """

    path: Path
    outlines: gpd.GeoDataFrame
    seen: gpd.GeoSeries

    def to_crs(self, crs: str) -> Extent:
        """Reproject outlines and seen ground."""
        return Extent(self.path, self.outlines.to_crs(crs), self.seen.to_crs(crs))


def read_extent(path: Path, when: str | None, uncertainty: float, minimum_area: float) -> Extent:
    """Read a mask (above 0 is glacier) or outlines, in any coordinate system.

    ``when`` replaces the date that the file has. ``uncertainty``: metres, of outlines that do not lie beside the
    ``metrics.json`` of a map, which tells its pixels' size; a mask's is its pixel. ``minimum_area``: km2 of what is
    kept of a mask. Raises RasterError, VectorError, GridError or SettingError, naming the file.
    """
    if not path.is_file():
        raise VectorError(f"{path}: no such file; give a mask or outlines.")
    facts = facts_beside(path)
    if is_vector(path):
        table, seen = read_glaciers(path, float(facts.get("pixel_m", uncertainty)))
    else:
        table, seen = read_ice(path, minimum_area)
    if when or table["year"].isna().all():
        table["year"] = decimal_year(when or facts.get("date") or "", path)
    if when and table["year"].isna().any():
        raise SettingError(f"--dates {when}: is no date; write it as 2020, 2020-08 or 2020-08-26.")
    return Extent(path, table, seen)


def facts_beside(path: Path) -> dict[str, Any]:
    """Read what ``metrics.json`` in the same folder says, where it is a map of this project."""
    try:
        found = json.loads(path.with_name("metrics.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and "pixel_m" in found else {}


def read_glaciers(path: Path, uncertainty: float) -> tuple[gpd.GeoDataFrame, gpd.GeoSeries]:
    """Read outlines; what lies beyond MARGIN of the box around them was not looked at."""
    raw = read_table(path)
    need_crs(raw, path)
    raw, _ = repair(raw)
    raw = raw[shapely.area(raw.geometry.to_numpy()) > 0].reset_index(drop=True)
    if not len(raw):
        raise VectorError(f"{path}: holds no polygon; give the glaciers' outlines.")
    known, name = column_of(raw, ID_COLUMNS), column_of(raw, NAME_COLUMNS)
    numbers = [f"patch {number}" for number in raw.get("glacier_id", range(1, len(raw) + 1))]
    ids = raw[known].fillna("").astype(str) if known else pd.Series("", index=raw.index)
    table = gpd.GeoDataFrame(
        {
            "id": np.where(ids == "", numbers, ids),
            "name": raw[name].fillna("").astype(str) if name else "",
            "year": years_of(raw, path),
            "moved": uncertainty,
        },
        geometry=raw.geometry,
        crs=raw.crs,
    )
    plane = table.geometry.estimate_utm_crs()
    frame = shapely.box(*table.to_crs(plane).total_bounds).buffer(MARGIN, join_style="mitre")
    return table, gpd.GeoSeries([shapely.segmentize(frame, 10 * MARGIN)], crs=plane).to_crs(raw.crs)


def read_ice(path: Path, minimum_area: float) -> tuple[gpd.GeoDataFrame, gpd.GeoSeries]:
    """Outline the connected ice of a mask, and the ground that is not nodata."""
    with open_raster(str(path)) as source:
        if source.crs is None:
            raise GridError(f"{path}: has no coordinate system; assign one, for example with gdal_edit.py -a_srs.")
        if source.width * source.height > MAX_PIXELS:
            raise RasterError(f"{path}: has more than {MAX_PIXELS} pixels; cut it into parts.")
        numbers, place, crs = source.read(1), source.transform, source.crs
        # a label that names 0 as nodata means: no glacier there
        known = source.dataset_mask() > 0 if source.nodata else np.ones(numbers.shape, bool)
    kinds = np.where(known, np.where(numbers > 0, 2, 1), 0).astype(np.uint8)
    found = [
        (value == 2, shapely.geometry.shape(shape))
        for shape, value in shapes(kinds, mask=kinds > 0, connectivity=4, transform=place)
    ]
    if not found:
        raise RasterError(f"{path}: is nodata throughout; give a mask of valid pixels.")
    seen = gpd.GeoSeries([shape for _, shape in found], crs=crs)
    ice = seen[[glacier for glacier, _ in found]]
    areas = areas_km2(ice)
    largest_first = [number for number in np.argsort(-areas, kind="stable") if areas[number] >= minimum_area]
    ice = ice.iloc[largest_first].reset_index(drop=True)
    middle = gpd.GeoSeries([pixel_at(place, numbers.shape)], crs=crs)
    side = math.sqrt(middle.to_crs(middle.estimate_utm_crs()).area.iloc[0])
    ids = [f"patch {number}" for number in range(1, len(ice) + 1)]
    table = gpd.GeoDataFrame({"id": ids, "name": "", "year": np.nan, "moved": side}, geometry=ice, crs=crs)
    return table, gpd.GeoSeries([shapely.union_all(seen.to_numpy())], crs=crs)


def pixel_at(place: Any, shape: tuple[int, int]) -> shapely.Polygon:
    """The square of the middle pixel."""
    row, column = (side // 2 for side in shape)
    corners = ((column, row), (column + 1, row), (column + 1, row + 1), (column, row + 1))
    return shapely.Polygon([place * corner for corner in corners])


def years_of(table: pd.DataFrame, path: Path) -> np.ndarray:
    """Date each row by the first of DATE_COLUMNS that the table has: decimal years, float64 (N,), NaN if unknown."""
    for names in DATE_COLUMNS:
        found = [column for name in names if (column := column_of(table, (name,)))]
        if found:
            years = np.array([[decimal_year(value, path) for value in table[column]] for column in found])
            counts = np.isfinite(years).sum(axis=0)
            return np.where(counts, np.nansum(years, axis=0) / np.maximum(counts, 1), np.nan)
    return np.full(len(table), np.nan)


def decimal_year(value: object, path: Path) -> float:
    """Read 2020, 202008, 2020-08-26, 20200826 or, as the Randolph inventory writes, 20209999; else NaN."""
    found = re.match(r"((?:18|19|20)\d{2})(?:\.0)?(?:-?(\d{2})(?:-?(\d{2}))?)?(?:\D|$)", str(value).strip())
    if not found:
        return math.nan
    year, month, day = (int(part) if part else 99 for part in found.groups())
    if month == 99:
        return year + 0.5
    try:
        exact = date(year, month, 15 if day == 99 else day)
    except ValueError:
        raise SettingError(f"{path}: {value} is no date; write it as 2020-08-26.") from None
    return year + (exact.timetuple().tm_yday - 1) / 365.25


def common_plane(extents: Sequence[Extent]) -> str:
    """Make an equal-area projection around what all have seen; raises GridError where they have not seen one place."""
    corners = [shapely.get_coordinates(extent.seen.to_crs("EPSG:4326").to_numpy()) for extent in extents]
    if any(np.ptp(one[:, 0]) > 180 for one in corners):  # across 180 degrees, where longitudes begin anew
        corners = [np.stack([one[:, 0] % 360, one[:, 1]], 1) for one in corners]
    boxes = [shapely.box(*one.min(axis=0), *one.max(axis=0)) for one in corners]
    common = shapely.intersection_all(boxes)
    if common.is_empty:
        first, second = (extent.path for extent in extents)
        raise GridError(f"{second}: does not overlap with {first}; give two extents of one place.")
    middle = common.centroid
    return f"+proj=laea +lat_0={middle.y:.3f} +lon_0={middle.x:.3f} +datum=WGS84 +units=m"
