"""The depth of water in an elevation model of any size, from its blocks."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from rasterio.windows import Window
from tqdm import tqdm

from command import hidden
from lakes.flood import OUTSIDE, Passes, border_count, flooded, levels_of, lowest, passes_within

BLOCK = 1024  # pixels a side, with 4 092 labels at most, which uint16 holds
Line = tuple[np.ndarray, np.ndarray]  # labels int64 and levels float32 of cells along an edge
Read = Callable[[Window], np.ndarray]


@dataclass(frozen=True)
class Edges:
    """The cells along the four edges of a block."""

    top: Line
    bottom: Line
    left: Line
    right: Line


def edges_of(label: np.ndarray, level: np.ndarray) -> Edges:
    """The edges of a block with labels of the whole model."""
    sides = (np.s_[0, :], np.s_[-1, :], np.s_[:, 0], np.s_[:, -1])
    return Edges(*((label[side].copy(), level[side].copy()) for side in sides))


def passes_between(one: Line, other: Line) -> Passes:
    """The lowest passes across the common border of two blocks, to the cells opposite and diagonally opposite."""
    count = len(one[0])
    ours, theirs = np.arange(count), np.arange(count)
    ours, theirs = np.concatenate([ours, ours[:-1], ours[1:]]), np.concatenate([theirs, theirs[1:], theirs[:-1]])
    return lowest(one[0][ours], other[0][theirs], np.maximum(one[1][ours], other[1][theirs]))


def corner(line: Line, place: int) -> Line:
    """One cell of an edge: its first (0) or last (-1)."""
    return line[0][[place]], line[1][[place]]


def out_of(line: Line) -> Passes:
    """The passes from an edge of the model to the outside."""
    return lowest(line[0], np.full(len(line[0]), OUTSIDE), line[1])


def joined(found: list[Passes]) -> Passes:
    """Passes of several places as one, the lowest where two labels meet at several."""
    return lowest(*(np.concatenate([getattr(one, name) for one in found]) for name in ("first", "second", "level")))


def passes_across(edges: dict[tuple[int, int], Edges], rows: int, columns: int) -> list[Passes]:
    """The passes between all blocks, by their row and column, and out of the model."""
    found = []
    for (row, column), here in edges.items():
        below, right = edges.get((row + 1, column)), edges.get((row, column + 1))
        found.append(passes_between(here.bottom, below.top) if below else out_of(here.bottom))
        found.append(passes_between(here.right, right.left) if right else out_of(here.right))
        if row == 0:
            found.append(out_of(here.top))
        if column == 0:
            found.append(out_of(here.left))
        for side, end in ((1, -1), (-1, 0)):
            if (row + 1, column + side) in edges:
                found.append(
                    passes_between(corner(here.bottom, end), corner(edges[row + 1, column + side].top, -1 - end))
                )
    return found


def filled_depths(read: Read, height: int, width: int, jobs: int = 1) -> np.ndarray:
    """Depth of the water in every cell, float32 (H, W): 0 where it runs off, NaN where there is no elevation.

    ``read``: gives the elevation of a window, float32 (h, w), NaN for nodata; it is called from ``jobs`` threads.
    Memory: six bytes a cell. Raises PackageError where numba is missing.
    """
    tops, lefts = range(0, height, BLOCK), range(0, width, BLOCK)
    places = [(row, column) for row in range(len(tops)) for column in range(len(lefts))]
    windows = {
        (row, column): Window(left, top, min(BLOCK, width - left), min(BLOCK, height - top))
        for row, top in enumerate(tops)
        for column, left in enumerate(lefts)
    }
    counts = np.array([border_count((windows[place].height, windows[place].width)) for place in places])
    base = dict(zip(places, np.cumsum(counts) - counts))  # added to a block's labels, from 1, makes them the model's
    level, labels = np.empty((height, width), np.float32), np.empty((height, width), np.uint16)

    def global_labels(place: tuple[int, int], label: np.ndarray) -> np.ndarray:
        return np.where(label == OUTSIDE, OUTSIDE, label.astype(np.int64) + base[place])

    def flood(place: tuple[int, int]) -> tuple[Passes, Edges]:
        here = windows[place].toslices()
        level[here], labels[here] = flooded(read(windows[place]))
        within = passes_within(level[here], labels[here])
        numbered = Passes(global_labels(place, within.first), global_labels(place, within.second), within.level)
        edges = edges_of(labels[here], level[here])
        lines = ((global_labels(place, label), heights) for label, heights in vars(edges).values())
        return numbered, Edges(*lines)

    def raise_level(place: tuple[int, int]) -> None:
        here = windows[place].toslices()
        lake = climbed[global_labels(place, labels[here])]
        level[here] = np.maximum(level[here], lake) - read(windows[place])

    with ThreadPoolExecutor(jobs) as pool:
        done = list(tqdm(pool.map(flood, places), total=len(places), desc="filling", unit="block", disable=hidden()))
        edges = dict(zip(places, (one for _, one in done)))
        passes = joined([*(within for within, _ in done), *passes_across(edges, len(tops), len(lefts))])
        climbed = levels_of(int(counts.sum()) + 1, passes)
        list(pool.map(raise_level, places))
    return level
