"""Scores of many rows at once from bit masks instead of walks through trees.

QuickScorer (Lucchese et al. 2015, doi:10.1145/2766462.2767733): a tree's leaves are bits of a word, numbered from
left to right. Each split that a row fails clears the leaves on its left side; the lowest bit left is the row's leaf.
No branch depends on the data, so that the compiler does 16 rows with each instruction. Needs numba, which is
optional: without it LightGBM's own predictor is used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from baseline.trees import Tree

try:
    import numba
except ImportError:  # then LightGBM predicts
    numba = None  # type: ignore[assignment]

WORD = 32  # leaves a tree may have
BLOCK = 64  # rows at once
DE_BRUIJN = 0x077CB531  # its product with a power of two has a different top five bits for each (Leiserson et al. 1998)


@dataclass(frozen=True)
class Forest:
    """All trees, T of them with at most L inner nodes.

    ``inputs`` int64 and ``missing`` float32 (K,): channel and reading of NaN of each kind of input. Of each node,
    (T, L): ``source`` int32 into the inputs, ``threshold`` float32, ``keep`` uint32, the leaves left when the row's
    value is above it. ``leaf`` float64 (T, 32): value by the top five bits of lowest bit times DE_BRUIJN.
    """

    inputs: np.ndarray
    missing: np.ndarray
    source: np.ndarray
    threshold: np.ndarray
    keep: np.ndarray
    leaf: np.ndarray


def forest_of(trees: Sequence[Tree]) -> Forest | None:
    """The trees as bit masks; None where nothing can run them or a tree has more than 32 leaves."""
    if fast_add_scores is None or any(len(tree.leaf) > WORD for tree in trees):
        return None
    pairs = sorted({pair for tree in trees for pair in zip(tree.feature.tolist(), tree.missing.tolist())}) or [(0, 0.0)]
    number = {pair: row for row, pair in enumerate(pairs)}
    nodes = max(1, *(len(tree.feature) for tree in trees))
    source = np.zeros((len(trees), nodes), np.int32)
    threshold = np.full((len(trees), nodes), np.inf, np.float32)  # nothing is above it: a node that is not there
    keep = np.full((len(trees), nodes), 0xFFFFFFFF, np.uint32)
    leaf = np.zeros((len(trees), WORD), np.float64)
    for row, tree in enumerate(trees):
        inner = len(tree.feature)
        source[row, :inner] = [number[pair] for pair in zip(tree.feature.tolist(), tree.missing.tolist())]
        threshold[row, :inner] = rounded_down(tree.threshold)
        order = tree.leaves_in_order()
        bits = {leaf_number: 1 << bit for bit, leaf_number in enumerate(order)}
        keep[row, :inner] = [0xFFFFFFFF & ~leaves_below(tree, int(child), bits) for child in tree.left]
        for leaf_number, bit in bits.items():
            leaf[row, (bit * DE_BRUIJN & 0xFFFFFFFF) >> 27] = tree.leaf[leaf_number]
    inputs, missing = zip(*pairs)
    return Forest(np.array(inputs), np.array(missing, np.float32), source, threshold, keep, leaf)


def rounded_down(threshold: np.ndarray) -> np.ndarray:
    """The largest float32 not above each float64: compares alike with every float32."""
    with np.errstate(over="ignore"):
        single = np.clip(threshold, np.finfo(np.float32).min, np.finfo(np.float32).max).astype(np.float32)
        return np.where(single > threshold, np.nextafter(single, np.float32(-np.inf)), single)


def leaves_below(tree: Tree, node: int, bits: dict[int, int]) -> int:
    """The bits of all leaves below a node."""
    if node < 0:
        return bits[~node]
    return leaves_below(tree, int(tree.left[node]), bits) | leaves_below(tree, int(tree.right[node]), bits)


def add_scores(
    channels: np.ndarray,
    forest: tuple[np.ndarray, ...],
    total: np.ndarray,
    begin: int,
    end: int,
) -> None:
    """Add the leaf of every tree to ``total`` (float64, N) for the rows from ``begin`` to ``end``."""
    inputs, missing, source, threshold, keep, leaf = forest
    values = np.zeros((len(inputs), BLOCK), np.float32)
    bits = np.zeros(BLOCK, np.uint32)
    for start in range(begin, end, BLOCK):
        count = min(BLOCK, end - start)
        for row in range(len(inputs)):
            for lane in range(count):
                value = channels[inputs[row], start + lane]
                values[row, lane] = missing[row] if value != value else value
        for tree in range(len(source)):
            bits[:] = np.uint32(0xFFFFFFFF)
            for node in range(source.shape[1]):
                row, limit, left = source[tree, node], threshold[tree, node], keep[tree, node]
                for lane in range(BLOCK):
                    bits[lane] &= left if values[row, lane] > limit else np.uint32(0xFFFFFFFF)
            for lane in range(count):
                lowest = np.uint32(bits[lane] & (~bits[lane] + np.uint32(1)))
                total[start + lane] += leaf[tree, np.uint32(lowest * np.uint32(DE_BRUIJN)) >> np.uint32(27)]


def compiled(function: Callable[..., None]) -> Callable[..., None] | None:
    """The function in machine code, kept beside the source or in the user's cache; None where LightGBM predicts."""
    try:
        made: Callable[..., None] | None = numba.njit(nogil=True, cache=True)(function) if numba else None
    except RuntimeError:  # nowhere to keep it: compiling at each start costs more than it gains over LightGBM
        made = None if find_spec("lightgbm") else numba.njit(nogil=True)(function)
    return made


fast_add_scores = compiled(add_scores)


def forest_score(forest: Forest, channels: np.ndarray, jobs: int) -> np.ndarray:
    """Probability of each row, float64 (N,); ``channels`` float32 (C, N), contiguous; on ``jobs`` threads."""
    rows = channels.shape[1]
    total = np.zeros(rows, np.float64)
    run = fast_add_scores or add_scores
    edges = np.linspace(0, math.ceil(rows / BLOCK), jobs + 1).astype(int) * BLOCK

    arrays = (forest.inputs, forest.missing, forest.source, forest.threshold, forest.keep, forest.leaf)

    def part(begin: int, end: int) -> None:
        run(channels, arrays, total, int(begin), int(min(end, rows)))

    if jobs == 1:
        part(0, rows)
    else:
        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(part, edges[:-1], edges[1:]))
    return np.asarray(1 / (1 + np.exp(-total)))
