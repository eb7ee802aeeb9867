"""Which polygons touch or overlap which, by a spatial index."""

from __future__ import annotations

import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def touching(shapes: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs that have a point in common: positions in ``shapes`` (N,) and in ``others`` (M,), both int64 (P,)."""
    if not len(shapes) or not len(others):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    first, second = shapely.STRtree(others).query(shapes, predicate="intersects")
    return first, second


def overlapping(shapes: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs with an area in common, as ``touching``, and that area, float64 (P,); a common edge is no area."""
    first, second = touching(shapes, others)
    areas = shapely.area(shapely.intersection(shapes[first], others[second]))
    common = areas > 0
    return first[common], second[common], areas[common]


def area_in(shapes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Of each of ``shapes`` the area that lies in ``others``, which do not overlap each other; float64 (N,)."""
    first, _, areas = overlapping(shapes, others)
    return np.bincount(first, areas, len(shapes))


def any_touching(shapes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which of ``shapes`` touch any of ``others``, bool (N,)."""
    return np.bincount(touching(shapes, others)[0], minlength=len(shapes)) > 0


def merged(shapes: np.ndarray) -> np.ndarray:
    """Polygons that no longer overlap, without holes: those that overlapped, or lay in a hole, become one."""
    rings = shapely.get_exterior_ring(pieces_of(shapes))
    return pieces_of(shapely.polygons(rings))


def pieces_of(shapes: np.ndarray) -> np.ndarray:
    """The polygons of the union of all; what touches nothing else is not united with anything, which is slow."""
    first, second = touching(shapes, shapes)
    links = coo_array((np.ones(len(first), bool), (first, second)), shape=(len(shapes), len(shapes)))
    count, group = connected_components(links, directed=False)
    lone = np.bincount(group, minlength=count)[group] == 1
    order = np.argsort(group[~lone], kind="stable")
    starts = np.flatnonzero(np.diff(group[~lone][order], prepend=-1))
    united = [shapely.union_all(some) for some in np.split(shapes[~lone][order], starts[1:])]
    parts = shapely.get_parts(np.concatenate([shapes[lone], np.array(united, dtype=object)]))
    return np.asarray(parts[shapely.area(parts) > 0], dtype=object)
