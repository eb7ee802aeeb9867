"""Filling the depressions of an elevation model, block by block and exactly.

Priority flood (Barnes, Lehman and Mulla 2014, doi:10.1016/j.cageo.2013.04.024) of each block from its border, every
border cell with a label of its own; the lowest passes between labels, within blocks and across their borders, are a
graph on which the level of each label is the lowest that water must climb to leave the model (Barnes 2016,
doi:10.1016/j.cageo.2016.07.001). One level is therefore the same whether there is one block or a thousand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

from errors import PackageError

OUTSIDE = 0  # the label of what drains out of the model, or into nodata


@dataclass(frozen=True)
class Passes:
    """Lowest levels at which water goes from one label to another: ``first``, ``second`` int64, ``level`` float32."""

    first: np.ndarray
    second: np.ndarray
    level: np.ndarray


@lru_cache(maxsize=1)
def kernel() -> Callable[[np.ndarray, np.ndarray, np.ndarray], None]:
    """The compiled flood: a block's elevation (H, W), float32; its level and labels, filled in.

    Cells whose label is not -1 on entry are where it starts. Raises PackageError where numba is missing.
    """
    try:
        from numba import njit
    except ImportError:
        raise PackageError("the package numba is missing; run `pip install numba`.") from None

    @njit(nogil=True, cache=True)
    def push(keys: Any, cells: Any, size: int, key: float, cell: int) -> int:
        place = size
        while place > 0:
            parent = (place - 1) >> 1
            if keys[parent] <= key:
                break
            keys[place], cells[place] = keys[parent], cells[parent]
            place = parent
        keys[place], cells[place] = key, cell
        return size + 1

    @njit(nogil=True, cache=True)
    def sink_down(keys: Any, cells: Any, size: int) -> None:
        """Put the last entry at the top, whose own has been taken, and let it sink to its place."""
        key, cell, place = keys[size], cells[size], 0
        while 2 * place + 1 < size:
            child = 2 * place + 1
            if child + 1 < size and keys[child + 1] < keys[child]:
                child += 1
            if keys[child] >= key:
                break
            keys[place], cells[place] = keys[child], cells[child]
            place = child
        keys[place], cells[place] = key, cell

    @njit(nogil=True, cache=True)
    def flood(elevation: Any, level: Any, label: Any) -> None:
        height, width = elevation.shape
        keys, cells = np.empty(height * width, np.float32), np.empty(height * width, np.int32)
        flat, size, count = np.empty(height * width, np.int32), 0, 0
        for row in range(height):
            for column in range(width):
                if label[row, column] >= 0:
                    size = push(keys, cells, size, level[row, column], row * width + column)
        while size > 0 or count > 0:
            if count > 0:  # cells of a depression being filled need no order
                count -= 1
                cell = flat[count]
            else:
                cell = cells[0]
                size -= 1
                sink_down(keys, cells, size)
            row, column = cell // width, cell % width
            here = level[row, column]
            for down in range(max(row - 1, 0), min(row + 2, height)):
                for right in range(max(column - 1, 0), min(column + 2, width)):
                    if label[down, right] < 0:
                        label[down, right] = label[row, column]
                        if elevation[down, right] <= here:
                            level[down, right] = here
                            flat[count] = down * width + right
                            count += 1
                        else:
                            level[down, right] = elevation[down, right]
                            size = push(keys, cells, size, elevation[down, right], down * width + right)

    return flood


def border(shape: tuple[int, int]) -> np.ndarray:
    """The cells on a block's border, bool (H, W)."""
    edge = np.zeros(shape, bool)
    edge[[0, -1], :] = edge[:, [0, -1]] = True
    return edge


def border_count(shape: tuple[int, int]) -> int:
    """How many cells lie on a block's border."""
    height, width = shape
    return height * width - max(height - 2, 0) * max(width - 2, 0)


def flooded(elevation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A block filled from its border: level float32 and label int32, both (H, W).

    ``elevation``: float32 (H, W), NaN for nodata, which is OUTSIDE at level -inf; border cells have labels from 1, row
    by row.
    """
    known = ~np.isnan(elevation)
    level = np.where(known, elevation, -np.inf).astype(np.float32)
    label = np.where(known, -1, OUTSIDE).astype(np.int32)
    edge = border(elevation.shape)
    label[edge] = np.where(known[edge], np.arange(1, edge.sum() + 1), OUTSIDE)
    kernel()(level.copy(), level, label)
    return level, label


def lowest(first: np.ndarray, second: np.ndarray, level: np.ndarray) -> Passes:
    """The lowest pass between every two different labels."""
    low, high = np.minimum(first, second).astype(np.int64), np.maximum(first, second).astype(np.int64)
    differ = low != high
    low, high, level = low[differ], high[differ], level[differ]
    order = np.lexsort((level, high, low))
    low, high, level = low[order], high[order], level[order]
    new = np.ones(len(low), bool)
    new[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    return Passes(low[new], high[new], level[new])


def passes_within(level: np.ndarray, label: np.ndarray) -> Passes:
    """The lowest passes between the labels of one block: where neighbours, of eight, differ."""
    height, width = level.shape
    here, there = [], []
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        left = max(-right, 0)
        one = (slice(0, height - down), slice(left, width - max(right, 0)))
        other = (slice(down, height), slice(left + right, width - max(right, 0) + right))
        where = label[one] != label[other]
        here.append((label[one][where], level[one][where]))
        there.append((label[other][where], level[other][where]))
    (first, low), (second, high) = (tuple(map(np.concatenate, zip(*side))) for side in (here, there))
    return lowest(first, second, np.maximum(low, high))


def levels_of(count: int, passes: Passes) -> np.ndarray:
    """The level that water of each label (0 .. count - 1) climbs to on its way OUTSIDE, float32; -inf for OUTSIDE.

    It is the highest pass on the way in the minimum spanning tree, which no other way undercuts.
    """
    if not len(passes.level):
        return np.full(count, -np.inf, np.float32)
    values, rank = np.unique(passes.level, return_inverse=True)
    graph = coo_matrix((rank + 1.0, (passes.first, passes.second)), shape=(count, count)).tocsr()
    tree = minimum_spanning_tree(graph)
    order, before = breadth_first_order(tree, OUTSIDE, directed=False)
    both = (tree + tree.T).tocsr()
    climbed = np.zeros(count, np.int64)
    steps = np.zeros(count, np.int64)
    steps[order[1:]] = np.asarray(both[order[1:], before[order[1:]]]).ravel().astype(np.int64)
    for label in order[1:]:
        climbed[label] = max(climbed[before[label]], steps[label])
    return np.concatenate([[-np.inf], values]).astype(np.float32)[climbed]
