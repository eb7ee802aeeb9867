"""The vector files of lakes and regions: read, checked, repaired, written.

The format is that of the ACM SIGSPATIAL Cup 2023: GeoPackages in EPSG:3857, lakes in a layer ``lakes`` with the
columns ``image`` (file name of the mosaic, which bears the date) and ``region_num``, regions with ``region_num``.
Every area is ``geometry.area`` in EPSG:3857, as the organisers measure it, which is larger than on the ground by
1 / cos(latitude) squared: 5.6 times at 65 degrees north.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import pandas as pd
import shapely

from errors import GridError, SettingError, VectorError
from scenes.vectors import read_table, repair, write_geopackage

CRS = "EPSG:3857"
LAYER = "lakes"
COLUMNS = ("image", "region_num")
DATE = re.compile(r"\d{4}-?\d{2}-?\d{2}")


@dataclass(frozen=True)
class Polygons:
    """The rows of a vector file whose geometry is polygons, and how many rows were ``repaired`` or had no area."""

    table: gpd.GeoDataFrame
    repaired: int
    empty: int


def read_polygons(path: Path, columns: Sequence[str], crs: str = CRS, layer: str | None = None) -> Polygons:
    """The polygons of a vector file in ``crs``, invalid ones repaired (rows stay rows), rows without area left out.

    ``columns``: that the file must have; ``image`` is read as text and ``region_num`` as int64. ``layer``: the one to
    read where the file has it, else its first.
    Raises VectorError where the file cannot be read or lacks a column, GridError where it has no coordinate system.
    """
    table = read_table(path, layer)
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise VectorError(
            f"{path}: lacks the column {missing[0]}; it has {', '.join(table.columns)}: rename or add it."
        )
    if table.crs is None:
        raise GridError(f"{path}: has no coordinate system; assign one, for example with ogr2ogr -a_srs {crs}.")
    table = table.to_crs(crs)
    table, repaired = repair(table)
    kept = table[table.geometry.area > 0].reset_index(drop=True)
    return Polygons(typed(kept, path), repaired, len(table) - len(kept))


def typed(table: gpd.GeoDataFrame, path: Path) -> gpd.GeoDataFrame:
    """``image`` as text and ``region_num`` as whole numbers; raises VectorError where a row has no such number."""
    if "image" in table.columns:
        table["image"] = table["image"].astype(str)
    if "region_num" in table.columns:
        numbers = pd.to_numeric(table["region_num"], errors="coerce")
        if numbers.isna().any() or (numbers % 1 != 0).any():
            odd = table["region_num"][numbers.isna() | (numbers % 1 != 0)].iloc[0]
            raise VectorError(f"{path}: names a region {str(odd)!r} in region_num; give whole numbers.")
        table["region_num"] = numbers.astype("int64")
    return table


def read_lakes(path: Path) -> gpd.GeoDataFrame:
    """Lakes with ``image`` and ``region_num`` in EPSG:3857; says on stderr what was repaired or left out."""
    found = read_polygons(path, COLUMNS, layer=LAYER)
    tell_repairs(path, found)
    return found.table


def tell_repairs(path: Path, found: Polygons) -> None:
    """One line for invalid polygons, and one for those without area."""
    if found.repaired:
        print(f"note: {path}: {found.repaired} invalid polygons were repaired.", file=sys.stderr)
    if found.empty:
        print(f"note: {path}: {found.empty} rows without area were left out.", file=sys.stderr)


def read_regions(path: Path, crs: str = CRS) -> gpd.GeoDataFrame:
    """One row a region: ``region_num`` and geometry in ``crs``; parts of one number are joined.

    Raises as ``read_polygons``, and VectorError where a region is empty.
    """
    found = read_polygons(path, ("region_num",), crs)
    if found.empty or not len(found.table):
        raise VectorError(f"{path}: holds a region without area, or none; draw every region as a polygon.")
    tell_repairs(path, found)
    return found.table[["region_num", "geometry"]].dissolve("region_num").reset_index()


def check_regions(numbers: Collection[int], known: Collection[int], told: str) -> None:
    """Raise SettingError where ``told`` (a file or an option) names a region that is none."""
    unknown = sorted(set(numbers) - set(known))
    if unknown:
        listed = ", ".join(str(number) for number in sorted(known))
        raise SettingError(f"{told}: names the region {unknown[0]}, which is none; the regions are {listed}.")


def check_images(images: Collection[str], known: Collection[str], told: str) -> None:
    """Raise SettingError where ``told`` names an image of which there is no mosaic."""
    unknown = sorted(set(images) - set(known))
    if unknown:
        raise SettingError(
            f"{told}: names the image {unknown[0]}, of which there is no mosaic; there are {', '.join(sorted(known))}."
        )


def date_of(image: str) -> str:
    """The date in an image's name (2019-06-03), or the whole name where it has none."""
    found = DATE.search(image)
    return found.group() if found else image


def lakes_table(
    image: Sequence[str] | str, region_num: Sequence[int] | int, shapes: Sequence[shapely.Geometry]
) -> gpd.GeoDataFrame:
    """Polygons in EPSG:3857 as a table of lakes; ``image`` and ``region_num`` one for all, or one each."""
    columns = {"image": image, "region_num": region_num}
    table = gpd.GeoDataFrame(columns, geometry=list(shapes), crs=CRS, index=range(len(shapes)))
    return table.astype({"image": str, "region_num": "int64"})


def outer_rings(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """One row a polygon, holes filled: the outer rings of whatever polygons there are."""
    single = table.explode(index_parts=False, ignore_index=True)
    return single.set_geometry(shapely.polygons(shapely.get_exterior_ring(single.geometry.to_numpy())), crs=table.crs)


def write_lakes(table: gpd.GeoDataFrame, path: Path, more: Sequence[str] = ()) -> None:
    """A GeoPackage with the layer ``lakes``: ``image``, ``region_num``, polygons, and no other column but ``more``."""
    write_geopackage(table[[*COLUMNS, *more, "geometry"]], path, LAYER)
