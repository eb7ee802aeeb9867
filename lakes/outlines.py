"""Lakes as polygons from what a network found: joined across strips, without slivers, outer rings alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import shapely
from rasterio.features import shapes
from rasterio.transform import Affine

from lakes.regions import in_pixels


@dataclass(frozen=True)
class Shapes:
    """Which polygons are lakes.

    ``smallest``: pixels; 68.5 is the least lake of 100 000 m2. ``narrowest``: short over long side of the minimum
    rotated rectangle.
    """

    smallest: float = 68.5
    narrowest: float = 0.1


def outlines_of(found: Iterable[tuple[int, np.ndarray]], transform: Affine, asked: Shapes) -> np.ndarray:
    """Polygons of a raster's strips (first row, bool (rows, W)), in its coordinates.

    Areas that touch across strips are one lake; pixels that meet at a corner alone are two.
    """
    parts = [shape for row, mask in found for shape in pieces(mask, row)]
    whole = filled(shapely.get_parts(shapely.union_all(parts)))
    kept = whole[(shapely.area(whole) >= asked.smallest) & (widths(whole) >= asked.narrowest)]
    return np.asarray(in_pixels(kept, ~transform))  # the way back from pixels


def pieces(mask: np.ndarray, row: int) -> list[shapely.Geometry]:
    """Connected areas of a mask as polygons in columns and rows."""
    here = Affine.translation(0, row)
    return [
        shapely.geometry.shape(one) for one, _ in shapes(mask.astype(np.uint8), mask, connectivity=4, transform=here)
    ]


def filled(polygons: np.ndarray) -> np.ndarray:
    """Polygons without their holes; what lay within a hole is part of the polygon around it."""
    rings = shapely.polygons(shapely.get_exterior_ring(polygons))
    holed = shapely.get_num_interior_rings(polygons) > 0
    if not holed.any():
        return np.asarray(rings)
    outer = rings[holed]
    tree = shapely.STRtree(outer)
    inside, around = tree.query(rings, predicate="within")
    numbers = np.flatnonzero(holed)
    lost = np.unique(inside[numbers[around] != inside])
    return np.delete(rings, lost)


def widths(polygons: np.ndarray) -> np.ndarray:
    """Short over long side of the minimum rotated rectangle of each polygon, float64 (N,)."""
    frames = [shapely.get_coordinates(shapely.minimum_rotated_rectangle(one))[:3] for one in polygons]
    sides = np.array([np.linalg.norm(np.diff(frame, axis=0), axis=1) for frame in frames]).reshape(-1, 2)
    return sides.min(axis=1) / sides.max(axis=1)
