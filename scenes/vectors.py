"""Reads outlines, makes them from a mask, measures them, and writes them as GeoPackage and Shapefile."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import rasterio
import shapely
from rasterio.features import shapes

from errors import GridError, RasterError
from scenes.grid import KM2
from tiles.raster import atomic_output, one_line

VECTORS = (".gpkg", ".shp", ".geojson", ".json", ".fgb")
EQUAL_AREA = "EPSG:6933"  # cylindrical equal-area on WGS 84, anywhere but at the poles


def is_vector(path: Path) -> bool:
    """Whether a file holds outlines rather than pixels."""
    return path.suffix.lower() in VECTORS


def read_outlines(path: Path, crs: str) -> gpd.GeoSeries:
    """Read the polygons of a vector file into a coordinate system; raises RasterError or GridError."""
    try:
        layers = [name for name, geometry in pyogrio.list_layers(path) if geometry]  # styles are layers, too
        found = gpd.read_file(path, engine="pyogrio", layer=layers[0] if layers else 0).geometry
    except Exception as problem:  # pyogrio raises many kinds on damaged files
        raise RasterError(f"{path}: cannot be read as outlines ({one_line(problem)}); copy the file again.") from None
    if found.crs is None:
        raise GridError(f"{path}: has no coordinate system; assign one, for example with ogr2ogr -a_srs.")
    found = found[~found.is_empty & found.notna()].to_crs(crs)
    return gpd.GeoSeries(shapely.make_valid(found.to_numpy()), crs=crs)


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
    """Measure the areas on an equal-area projection, float64 (N,)."""
    return np.asarray(outlines.to_crs(EQUAL_AREA).area / KM2)


def write_vectors(outlines: gpd.GeoDataFrame, stem: Path, short_names: Mapping[str, str]) -> None:
    """Write ``stem.gpkg`` and ``stem.shp`` with its companions, each whole or not at all.

    ``short_names`` names the columns in the Shapefile, where a name has at most ten letters.
    """
    write_geopackage(outlines, stem.with_name(f"{stem.name}.gpkg"))
    write_shapefile(outlines.rename(columns=dict(short_names)), stem.with_name(f"{stem.name}.shp"))


def write_geopackage(outlines: gpd.GeoDataFrame, path: Path, layer: str = "") -> None:
    """Write a GeoPackage (OGC 12-128) of one layer, which has the file's name where none is given."""
    with atomic_output(path) as temporary:
        named = temporary.with_name(f"{temporary.name}.gpkg")  # the driver insists on its suffix
        geometry = "Polygon" if not len(outlines) else None  # which the driver cannot tell from no outline
        outlines.to_file(named, driver="GPKG", layer=layer or path.stem, engine="pyogrio", geometry_type=geometry)
        named.replace(temporary)


def write_shapefile(outlines: gpd.GeoDataFrame, path: Path) -> None:
    """Write a Shapefile; its companions (.shx, .dbf, .prj, .cpg) are in place before the file itself is."""
    with atomic_output(path) as temporary:
        unfinished = temporary.with_name(f".{temporary.name}.shp")
        geometry = "Polygon" if not len(outlines) else None  # which the driver cannot tell from no outline
        outlines.to_file(unfinished, driver="ESRI Shapefile", engine="pyogrio", geometry_type=geometry)
        for companion in (".shx", ".dbf", ".prj", ".cpg"):
            if unfinished.with_suffix(companion).exists():
                unfinished.with_suffix(companion).replace(path.with_suffix(companion))
        unfinished.replace(temporary)
