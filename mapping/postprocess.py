"""Steps from a raw mask to a tidy one, in metres and square kilometres whatever the pixel size.

Every step stands alone; ``tidy_mask`` and ``tidy_outlines`` run those whose parameter is not zero, in this order.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from scipy import ndimage

from mapping.steps import Postprocess
from scenes.grid import KM2

FOUR_CONNECTED = ndimage.generate_binary_structure(2, 1)


def remove_fragments(mask: np.ndarray, minimum_area: float, pixel_area: float) -> np.ndarray:
    """Remove connected pieces smaller than ``minimum_area`` km2; ``mask`` is bool (H, W), ``pixel_area`` in m2."""
    pieces, count = ndimage.label(mask, FOUR_CONNECTED)
    areas = np.bincount(pieces.ravel(), minlength=count + 1) * pixel_area / KM2
    kept = areas >= minimum_area - 1e-12
    kept[0] = False
    return np.asarray(kept[pieces])


def fill_holes(mask: np.ndarray, largest_hole: float, pixel_area: float) -> np.ndarray:
    """Fill holes of at most ``largest_hole`` km2; what touches the border is no hole."""
    pieces, count = ndimage.label(~mask, FOUR_CONNECTED)
    areas = np.bincount(pieces.ravel(), minlength=count + 1) * pixel_area / KM2
    filled = areas <= largest_hole + 1e-12
    edges = (pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1])
    filled[np.unique(np.concatenate(edges))] = False
    filled[0] = False
    return np.asarray(mask | filled[pieces])


def dilation(mask: np.ndarray, radius: float, pixel_side: float) -> np.ndarray:
    """Add every pixel whose centre lies within ``radius`` metres of one of the mask's."""
    if not mask.any():
        return mask
    return np.asarray(ndimage.distance_transform_edt(~mask) * pixel_side <= radius)


def closing(mask: np.ndarray, radius: float, pixel_side: float) -> np.ndarray:
    """Morphological closing by a disc of ``radius`` metres (Serra 1982); the border is treated as far away."""
    margin = int(np.ceil(radius / pixel_side)) + 1
    grown = dilation(np.pad(mask, margin), radius, pixel_side)
    shrunk = ~dilation(~grown, radius, pixel_side)
    return np.asarray(shrunk[margin:-margin, margin:-margin] | mask)


def opening(mask: np.ndarray, radius: float, pixel_side: float) -> np.ndarray:
    """Morphological opening by a disc of ``radius`` metres; what reaches the border is taken to go on beyond it."""
    margin = 2 * int(np.ceil(radius / pixel_side)) + 1
    padded = np.pad(mask, margin, constant_values=True)
    shrunk = ~dilation(~padded, radius, pixel_side)
    return np.asarray(dilation(shrunk, radius, pixel_side)[margin:-margin, margin:-margin] & mask)


def merge_fragments(mask: np.ndarray, distance: float, pixel_side: float) -> np.ndarray:
    """Join pieces whose edges lie within ``distance`` metres of each other by the pixels between them."""
    pieces, count = ndimage.label(mask, FOUR_CONNECTED)
    if count < 2:
        return mask
    # at half the pixel size, where a disc of half the distance closes a gap exactly up to that distance
    halves = closing(mask.repeat(2, 0).repeat(2, 1), distance / 2, pixel_side / 2)
    filled = halves[::2, ::2].astype(int) + halves[1::2, ::2] + halves[::2, 1::2] + halves[1::2, 1::2]
    bridge = (filled >= 2) & ~mask
    gaps, gap_count = ndimage.label(bridge, np.ones((3, 3)))
    joins = np.zeros(gap_count + 1, bool)
    near = ndimage.grey_dilation(pieces, size=3)
    lowest = ndimage.minimum_filter(np.where(pieces > 0, pieces, count + 1), size=3)
    if gap_count:
        numbers = np.arange(1, gap_count + 1)
        most, least = ndimage.maximum(near, gaps, numbers), ndimage.minimum(lowest, gaps, numbers)
        joins[1:] = np.asarray(most) != np.asarray(least)
    return np.asarray(mask | joins[gaps])


def tidy_mask(mask: np.ndarray, valid: np.ndarray, steps: Postprocess, pixel_side: float) -> np.ndarray:
    """Apply the raster steps, outside nodata; ``mask`` and ``valid`` bool (H, W), ``pixel_side`` in metres."""
    area = pixel_side**2
    tidied = mask
    if steps.opening:
        tidied = opening(tidied, steps.opening, pixel_side)
    if steps.closing:
        tidied = closing(tidied, steps.closing, pixel_side)
    if steps.merge_distance:
        tidied = merge_fragments(tidied, steps.merge_distance, pixel_side)
    if steps.largest_hole:
        tidied = fill_holes(tidied, steps.largest_hole, area)
    if steps.minimum_area:
        tidied = remove_fragments(tidied & valid, steps.minimum_area, area)
    return np.asarray(tidied & valid)


def tidy_outlines(outlines: gpd.GeoDataFrame, steps: Postprocess) -> gpd.GeoDataFrame:
    """Simplify and smooth outlines; they stay valid, and none is lost."""
    if not (steps.simplify or steps.smooth):
        return outlines
    shapes = outlines.geometry
    if steps.simplify and len(shapes):
        shapes = gpd.GeoSeries(shapely.coverage_simplify(shapes.to_numpy(), steps.simplify), crs=outlines.crs)
    if steps.smooth and len(shapes):
        shapes = gpd.GeoSeries([smoothed(shape, steps.smooth) for shape in shapes], crs=outlines.crs)
    return outlines.set_geometry(shapely.make_valid(shapes.to_numpy()))


def smoothed(shape: shapely.Geometry, times: int) -> shapely.Geometry:
    """Cut the corners of every part of an outline."""
    return shapely.union_all([shapely.make_valid(chaikin(part, times)) for part in shapely.get_parts(shape)])


def chaikin(shape: shapely.Polygon, times: int) -> shapely.Polygon:
    """Cut corners at a quarter and three quarters of every side (Chaikin 1974, doi:10.1016/0146-664X(74)90028-8)."""

    def cut(ring: shapely.LinearRing) -> np.ndarray:
        points = np.asarray(ring.coords)[:-1]
        for _ in range(times):
            following = np.roll(points, -1, axis=0)
            points = np.stack([0.75 * points + 0.25 * following, 0.25 * points + 0.75 * following], 1).reshape(-1, 2)
        return points

    return shapely.Polygon(cut(shape.exterior), [cut(hole) for hole in shape.interiors])
