"""Outlines of the ice of a mask, each with its area and what the scene says of it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import shapely
from rasterio.errors import NotGeoreferencedWarning
from rasterio.features import rasterize
from rasterio.windows import Window

from features.indices import compute_index
from fusion.pipeline import in_order
from mapping.rasters import BEYOND, MASK_NODATA, mask_strip, sides_of
from scenes.grid import KM2, Grid
from scenes.scene import Scene
from scenes.vectors import areas_km2, polygons, write_vectors
from tiles.tile import THERMAL_BAND

STRIP_PIXELS = 2**21  # at a time, or 128 rows where these are more
# What a median is read off: bins of 0.01 in NDSI and half a kelvin
BINS = {"ndsi": np.linspace(-1, 1, 201), THERMAL_BAND: np.linspace(180, 340, 321)}
EDITED = "edited"  # by hand, as of mapping.edits
COLUMNS = {
    "glacier_id": "gid",
    "area_km2": "area_km2",
    "area_uncertainty_km2": "area_unc",
    "perimeter_km": "perim_km",
    "mean_probability": "mean_prob",
    "median_temperature_k": "temp_k",
    "median_ndsi": "ndsi",
    "date": "date",
    "touches_nodata": "at_nodata",
    "touches_edge": "at_edge",
    "kind": "kind",
    "inventory_id": "inv_id",
    "name": "name",
    "elevation_min_m": "zmin_m",
    "elevation_median_m": "zmed_m",
    "elevation_max_m": "zmax_m",
    "slope_deg": "slope_deg",
    "aspect_deg": "aspect_deg",
    "dem_share": "dem_share",
    "dates": "dates",
    EDITED: "edited",
}  # and the names of a shapefile, which has ten letters; from inventory_id on, those that were asked for
PATCH, GLACIER = "ice patch", "glacier"  # connected ice, and what an inventory calls one glacier


def ice_patches(mask: Path, minimum_area: float = 0.0) -> gpd.GeoDataFrame:
    """Outline the connected ice of a mask, but for pieces smaller than ``minimum_area`` km2; the largest first."""
    found = polygons(mask)
    return largest_first(found[areas_km2(found) >= minimum_area - 1e-9])


def largest_first(found: gpd.GeoSeries) -> gpd.GeoDataFrame:
    """Ice patches of polygons, in the order of their size."""
    order = np.argsort(-found.area.to_numpy(), kind="stable")
    return gpd.GeoDataFrame({"kind": PATCH}, index=range(len(found)), geometry=found.to_numpy()[order], crs=found.crs)


def outlines_of(
    found: gpd.GeoDataFrame, mask: Path, probability: Path, scene: Scene, threads: int = 1
) -> gpd.GeoDataFrame:
    """Measure outlines, and give them the first of COLUMNS; what else they have stays.

    ``area_uncertainty_km2`` is half the difference of the areas with the outline moved one pixel out and one in; the
    divide between two glaciers does not move. ``touches_nodata`` and ``touches_edge``: the outline ends where nodata
    or the scene's edge begins, and the ice may go on.
    """
    shapes = found.geometry.reset_index(drop=True)
    sizes = sizes_of(shapes)
    facts = statistics(shapes, mask, probability, scene, threads)
    edge = facts.pop("edge_pixels") * abs(scene.grid.affine.determinant) / KM2 / 2
    measured = {
        "glacier_id": np.arange(1, len(found) + 1),
        "area_km2": sizes["area_km2"],
        "area_uncertainty_km2": edge * stretch(shapes, sizes["area_km2"]),
        "perimeter_km": sizes["perimeter_km"],
        "date": scene.date,
        **facts,
    }
    kept = {name: found[name].to_numpy() for name in found.columns if name in COLUMNS and name not in measured}
    table = pd.DataFrame({**measured, **kept})
    table = table[[name for name in COLUMNS if name in table.columns]]
    return gpd.GeoDataFrame(table, geometry=shapes, crs=found.crs)


def sizes_of(shapes: gpd.GeoSeries) -> dict[str, np.ndarray]:
    """Area and perimeter on the ground of shapes on any plane, float64 (N,) each, by the names of their columns."""
    areas = areas_km2(shapes)
    return {
        "area_km2": areas,
        "perimeter_km": shapes.length.to_numpy() / 1000 * np.sqrt(stretch(shapes, areas)),
    }


def stretch(shapes: gpd.GeoSeries, areas: np.ndarray) -> np.ndarray:
    """How much larger shapes are on the ground (``areas``, km2) than on their plane, float64 (N,)."""
    return np.asarray(areas / np.maximum(shapes.area.to_numpy() / KM2, 1e-12))


def statistics(
    found: gpd.GeoSeries, mask: Path, probability: Path, scene: Scene, threads: int
) -> dict[str, np.ndarray]:
    """Measure mean probability, median temperature (kelvin) and median NDSI of each outline; look at its edge.

    It works strip by strip, so that memory does not depend on the scene's height.
    """
    count = len(found)
    sums, pixels, edges = np.zeros(count), np.zeros(count), np.zeros((3, count))
    histograms = {name: np.zeros((count, len(bins) - 1), np.int32) for name, bins in BINS.items()}
    bounds = found.bounds.to_numpy() if count else np.zeros((0, 4))
    strip_rows = max(1, STRIP_PIXELS // scene.grid.width // 128) * 128
    tops = range(0, scene.grid.height, strip_rows)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # rasterize silences its own, but not between threads
        work = partial(strip_of, found, bounds, mask, probability, scene, most_rows=strip_rows)
        for strip in in_order(work, tops, threads):
            sums[strip.here] += strip.sums
            pixels[strip.here] += strip.pixels
            edges += strip.edges
            for name, told in strip.histograms.items():
                histograms[name][strip.here] += told
    with np.errstate(invalid="ignore"):
        mean = sums / pixels
    return {
        "mean_probability": mean,
        "median_temperature_k": medians(histograms[THERMAL_BAND], BINS[THERMAL_BAND]),
        "median_ndsi": medians(histograms["ndsi"], BINS["ndsi"]),
        "edge_pixels": edges[0],
        "touches_nodata": edges[1] > 0,
        "touches_edge": edges[2] > 0,
    }


@dataclass(frozen=True)
class Strip:
    """What a strip adds to the statistics of the outlines numbered ``here`` (M,).

    ``sums`` of probability over ``pixels``, both (M,); ``histograms`` (M, bins) by name; ``edges`` (3, N): edge pixels
    of all outlines, as of ``edge_pixels``.
    """

    here: np.ndarray
    sums: np.ndarray
    pixels: np.ndarray
    histograms: dict[str, np.ndarray]
    edges: np.ndarray


def strip_of(
    found: gpd.GeoSeries, bounds: np.ndarray, mask: Path, probability: Path, scene: Scene, top: int, most_rows: int
) -> Strip:
    """Measure at most ``most_rows`` rows from ``top``; ``bounds`` as for ``owners``."""
    rows = min(most_rows, scene.grid.height - top)
    owner = owners(found, bounds, scene.grid, top, rows)
    edges = edge_pixels(owner, mask_strip(mask, top, rows), len(found))
    owner = owner[1 : rows + 1, 1:-1]
    inside = owner > 0
    here = np.flatnonzero(np.bincount(owner[inside], minlength=len(found) + 1)) - 1  # a strip holds few of many
    many = len(here)
    order = np.zeros(len(found), np.int64)
    order[here] = np.arange(many)
    rank = order[owner[inside] - 1]
    if not many:
        return Strip(here, np.zeros(0), np.zeros(0), {}, edges)
    with rasterio.open(probability) as source:
        said = source.read(1, window=Window(0, top, scene.grid.width, rows))[inside]
    known = np.isfinite(said)
    sums, pixels = np.bincount(rank[known], said[known], many), np.bincount(rank[known], minlength=many)
    tile = scene.read(top, 0, rows, scene.grid.width)
    measured = {"ndsi": compute_index("ndsi", tile.bands)[inside]}
    if tile.has_thermal:
        measured[THERMAL_BAND] = tile.bands[THERMAL_BAND][inside]
    usable = tile.valid[inside]
    histograms = {name: histogram(rank[usable], values[usable], BINS[name], many) for name, values in measured.items()}
    return Strip(here, sums, pixels, histograms, edges)


def histogram(owner: np.ndarray, values: np.ndarray, bins: np.ndarray, count: int) -> np.ndarray:
    """Count each owner's values in each bin, int (count, bins); the outermost bins take what lies beyond."""
    width = len(bins) - 1
    places = np.clip(((values - bins[0]) / (bins[1] - bins[0])).astype(np.int64), 0, width - 1)
    return np.bincount(owner * width + places, minlength=count * width).reshape(count, width).astype(np.int32)


def owners(found: gpd.GeoSeries, bounds: np.ndarray, grid: Grid, top: int, rows: int) -> np.ndarray:
    """Number each pixel by the outline that holds it (from 1; 0 for none), int32 (rows + 2, width + 2).

    The rows begin at ``top``; one more row or column lies on every side. ``bounds`` of the outlines: float64 (N, 4).
    """
    moved = grid.part(top - 1, -1, rows + 2, grid.width + 2).affine
    (west, one), (east, other) = moved * (0, 0), moved * (grid.width + 2, rows + 2)
    south, north = min(one, other), max(one, other)
    here = np.flatnonzero((bounds[:, 3] > south) & (bounds[:, 1] < north))
    pieces = shapely.clip_by_rect(found.to_numpy()[here], west, south, east, north)
    filled = [(piece, number + 1) for piece, number in zip(pieces, here) if not piece.is_empty]
    shape = (rows + 2, grid.width + 2)
    if not filled:
        return np.zeros(shape, np.int32)
    return np.asarray(rasterize(filled, out_shape=shape, transform=moved, dtype="int32"))


def edge_pixels(owner: np.ndarray, seen: np.ndarray, count: int) -> np.ndarray:
    """Count pixels at the edge of each outline, float64 (3, count).

    First those just inside and just outside the edge, then those inside beside nodata, and beside the scene's edge.
    ``owner`` as of ``owners``; ``seen``: the mask of the same pixels, as of ``mask_strip``.
    """
    inner, around, beside = owner[1:-1, 1:-1], sides_of(owner), sides_of(seen)
    outside = around.max(axis=0)[inner == 0]
    told = [
        np.bincount(inner[(inner > 0) & where.any(axis=0)], minlength=count + 1)
        for where in (around == 0, beside == MASK_NODATA, beside == BEYOND)
    ]
    told[0] = told[0] + np.bincount(outside[outside > 0], minlength=count + 1)
    return np.stack(told)[:, 1:].astype(float)


def medians(histograms: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Return the middle of the bin that holds each row's median; it is NaN where a row is empty."""
    totals = histograms.sum(axis=1)
    places = (np.cumsum(histograms, axis=1, dtype=np.int32) < (totals / 2)[:, None]).sum(axis=1)
    middles = (bins[:-1] + bins[1:]) / 2
    return np.where(totals > 0, middles[np.minimum(places, len(middles) - 1)], np.nan)


def write_outlines(outlines: gpd.GeoDataFrame, out: Path) -> None:
    """Write ``outlines.gpkg`` and ``outlines.shp`` with its companions, each whole or not at all."""
    rounded = outlines.round(dict.fromkeys(outlines.select_dtypes("floating").columns, 6))
    write_vectors(rounded, out / "outlines", COLUMNS)
