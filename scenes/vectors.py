"""Reads outlines, makes them from a mask, measures them, and writes them as GeoPackage and Shapefile."""

from __future__ import annotations

import glob
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyogrio
import pyproj
import rasterio
import shapely
from rasterio.features import shapes

from errors import GridError, OutputError, VectorError
from scenes.grid import KM2
from tiles.raster import atomic_output, one_line

VECTORS = (".gpkg", ".shp", ".geojson", ".json", ".fgb")
EQUAL_AREA, HALF_WAY = "EPSG:6933", 17_367_530.0  # cylindrical on WGS 84, and metres on it from 0 to 180 degrees
GEOGRAPHIC = "EPSG:4326"
ELLIPSOID = pyproj.Geod(ellps="WGS84")
POLYGONS = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)


def is_vector(path: Path) -> bool:
    """Whether a file holds outlines rather than pixels."""
    return path.suffix.lower() in VECTORS


def read_outlines(path: Path, crs: str) -> gpd.GeoSeries:
    """Read the polygons of a vector file into a coordinate system; raises VectorError or GridError."""
    table = read_table(path)
    need_crs(table, path)
    found = repair(table.to_crs(crs))[0].geometry
    return found[~found.is_empty]


def read_table(path: Path, layer: str | None = None) -> gpd.GeoDataFrame:
    """Read all rows of a vector file, as they are; ``layer``: the one to read where the file has it, else its first.

    Raises VectorError where the file cannot be read or has no geometry.
    """
    if not path.is_file():
        raise VectorError(f"{path}: no such file; check the name.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is wrong is said once, below
            names = [name for name, geometry in pyogrio.list_layers(path) if geometry]  # styles are layers, too
            table = gpd.read_file(path, engine="pyogrio", layer=layer if layer in names else (names or [0])[0])
    except Exception as problem:  # pyogrio raises many kinds on damaged files
        raise VectorError(f"{path}: cannot be read as polygons ({one_line(problem)}); copy the file again.") from None
    if not isinstance(table, gpd.GeoDataFrame):
        raise VectorError(f"{path}: has rows without geometry; give polygons, for example as a GeoPackage.")
    return table


def need_crs(table: Any, path: Path) -> None:
    """Raise GridError, naming the file, where its table has no coordinate system."""
    if getattr(table, "crs", None) is None:  # a table without geometry has not even the name
        raise GridError(f"{path}: has no coordinate system; assign one, for example with ogr2ogr -a_srs.")


def repair(table: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, int]:
    """Make invalid polygons valid and take off what is no polygon; gives how many were invalid, too."""
    shapes = table.geometry.to_numpy()
    shapes = np.where(shapely.is_missing(shapes), shapely.Polygon(), shapes)
    wrong = ~shapely.is_valid(shapes)
    shapes[wrong] = shapely.make_valid(shapes[wrong])
    other = ~np.isin(shapely.get_type_id(shapes), POLYGONS)
    shapes[other] = [polygonal(shape) for shape in shapes[other]]
    return table.set_geometry(gpd.GeoSeries(shapes, index=table.index, crs=table.crs)), int(wrong.sum())


def polygonal(shape: shapely.Geometry) -> shapely.Geometry:
    """Keep the polygons of a collection, an empty shape where it has none; repairing leaves lines and points, too."""
    return shapely.union_all([part for part in shapely.get_parts(shape) if shapely.area(part) > 0])


def polygons(mask: Path) -> gpd.GeoSeries:
    """Outline the connected glaciers of a mask, in its coordinate system; pixels do not connect at corners."""
    with rasterio.open(mask) as source:
        band = rasterio.band(source, 1)
        found = [
            shapely.geometry.shape(shape)
            for shape, value in shapes(band, mask=band, connectivity=4, transform=source.transform)  # 0 is masked
            if value == 1
        ]
        return gpd.GeoSeries(found, crs=source.crs)


def areas_km2(outlines: gpd.GeoSeries) -> np.ndarray:
    """Measure the areas on an equal-area projection, float64 (N,).

    Outlines across 180 degrees or around a pole, which it tears apart, are measured on the ellipsoid.
    """
    plane = outlines.to_crs(EQUAL_AREA)
    found = plane.area.to_numpy(copy=True)
    torn = (plane.bounds["maxx"] - plane.bounds["minx"]).to_numpy() > HALF_WAY
    found[torn] = [geodesic_area(shape) for shape in outlines[torn].to_crs(GEOGRAPHIC)]
    return found / KM2


def geodesic_area(shape: shapely.Geometry) -> float:
    """The area in square metres of polygons in degrees (Karney 2013, doi:10.1007/s00190-012-0578-z, as PROJ has it)."""
    area = 0.0
    for part in shapely.get_parts(shape):
        outer, *inner = (abs(ELLIPSOID.geometry_area_perimeter(ring)[0]) for ring in shapely.get_rings(part))
        area += outer - sum(inner)
    return area


def write_vectors(outlines: gpd.GeoDataFrame, stem: Path, short_names: Mapping[str, str]) -> None:
    """Write ``stem.gpkg`` and ``stem.shp`` with its companions, each whole or not at all.

    ``short_names`` names the columns in the Shapefile, where a name has at most ten letters.
    """
    write_geopackage(outlines, stem.with_name(f"{stem.name}.gpkg"))
    write_shapefile(outlines.rename(columns=dict(short_names)), stem.with_name(f"{stem.name}.shp"))


def write_geopackage(outlines: gpd.GeoDataFrame, path: Path, layer: str = "") -> None:
    """Write a GeoPackage (OGC 12-128) of one layer, which has the file's name where none is given."""
    with driver_output(path, ".gpkg") as temporary:
        geometry = "Polygon" if not len(outlines) else None  # which the driver cannot tell from no outline
        outlines.to_file(temporary, driver="GPKG", layer=layer or path.stem, engine="pyogrio", geometry_type=geometry)


def write_shapefile(outlines: gpd.GeoDataFrame, path: Path) -> None:
    """Write a Shapefile; its companions (.shx, .dbf, .prj, .cpg) are in place before the file itself is."""
    with driver_output(path, ".shp") as temporary:
        geometry = "Polygon" if not len(outlines) else None  # which the driver cannot tell from no outline
        outlines.to_file(temporary, driver="ESRI Shapefile", engine="pyogrio", geometry_type=geometry)
        for companion in (".shx", ".dbf", ".prj", ".cpg"):
            if temporary.with_suffix(companion).exists():
                temporary.with_suffix(companion).replace(path.with_suffix(companion))


@contextmanager
def driver_output(path: Path, suffix: str) -> Iterator[Path]:
    """A temporary path with the suffix that a driver of GDAL insists on; what is written there becomes ``path``.

    Raises OutputError where it cannot be written; whatever lies beside it under its name is removed.
    """
    with atomic_output(path) as temporary:
        named = temporary.with_name(f"{temporary.name}{suffix}")
        try:
            yield named
            named.replace(temporary)
        except RuntimeError as problem:  # what pyogrio makes of a full disk
            raise OutputError(
                f"{path}: cannot be written ({one_line(problem)}); free space or choose another output folder."
            ) from None
        finally:
            for left in named.parent.glob(f"{glob.escape(named.stem)}.*"):
                left.unlink(missing_ok=True)
