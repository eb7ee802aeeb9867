"""A LightGBM model's text read into arrays, every number checked before anything uses it.

LightGBM's own parser trusts what it reads: a child or a feature out of range is a read outside its memory.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from errors import ModelFileError

LARGEST_TREES, LARGEST_LEAVES = 10_000, 4_096
CATEGORICAL, DEFAULT_LEFT, MISSING_ZERO, MISSING_NAN = 1, 2, 4, 8  # bits of decision_type


@dataclass(frozen=True)
class Tree:
    """One tree: a row per inner node (``feature``, ``threshold``, ``left``, ``right``), and its leaves.

    A value goes left where it is not above the threshold. ``missing``: what NaN counts as, -inf (left), inf (right)
    or 0. Children below 0 are leaves: ``~child`` is the leaf's number.
    """

    feature: np.ndarray
    threshold: np.ndarray
    missing: np.ndarray
    left: np.ndarray
    right: np.ndarray
    leaf: np.ndarray

    def leaves_in_order(self) -> list[int]:
        """Numbers of the leaves from left to right."""
        order, waiting = [], [0 if len(self.feature) else ~0]
        while waiting:
            node = waiting.pop()
            if node < 0:
                order.append(~node)
            else:
                waiting += [int(self.right[node]), int(self.left[node])]
        return order


def read_trees(text: str, channels: int, where: str) -> list[Tree]:
    """The trees of a binary LightGBM model over ``channels`` channels.

    Raises ModelFileError naming ``where`` when any number is not what such a model can hold.
    """
    head, *blocks = text.split("\nend of trees")[0].split("\nTree=")
    header = entries(head)
    try:
        check(header["num_class"] == "1" and header["num_tree_per_iteration"] == "1", "has more than one class")
        check(header["objective"].split()[0] == "binary", "is not a binary classifier")
        check(header["objective"].split()[1:] in ([], ["sigmoid:1"]), "has an unusual sigmoid")
        check(int(header["max_feature_idx"]) + 1 == channels, f"does not take {channels} channels")
        check(0 < len(blocks) <= LARGEST_TREES, f"holds {len(blocks)} trees")
        return [read_tree(entries(block), channels) for block in blocks]
    except (KeyError, ValueError, IndexError, OverflowError) as problem:
        what = " ".join(str(problem).split())[:80]
        raise ModelFileError(
            f"{where}: the GBM's text is damaged ({what}); copy or download the model again."
        ) from None


def entries(block: str) -> dict[str, str]:
    """The ``name=value`` lines of a block."""
    return dict(line.split("=", 1) for line in block.splitlines() if "=" in line)


def check(holds: bool, problem: str) -> None:
    """ValueError with the problem unless it holds."""
    if not holds:
        raise ValueError(problem)


def read_tree(block: Mapping[str, str], channels: int) -> Tree:
    """One tree's block; raises KeyError or ValueError for what no tree can hold."""
    leaves = int(block["num_leaves"])
    check(1 <= leaves <= LARGEST_LEAVES, f"a tree of {leaves} leaves")
    check(int(block["num_cat"]) == 0, "a categorical split")
    check(int(block.get("is_linear", "0")) == 0, "a linear tree")
    inner = leaves - 1
    feature, left, right, decision = (
        numbers(block, name, inner, int) for name in ("split_feature", "left_child", "right_child", "decision_type")
    )
    threshold, leaf = numbers(block, "threshold", inner, float), numbers(block, "leaf_value", leaves, float)
    check(not np.isnan(threshold).any(), "a threshold that is no number")  # inf: only NaN goes right
    check(bool(np.isfinite(leaf).all()), "a leaf that is not finite")
    check(bool(((feature >= 0) & (feature < channels)).all()), "a channel out of range")
    check(bool(((decision & (CATEGORICAL | MISSING_ZERO)) == 0).all() and (decision < 16).all()), "an unknown split")
    children = sorted([*left.tolist(), *right.tolist()])
    check(children == [*range(-leaves, 0), *range(1, inner)] or inner == 0, "a child out of range or named twice")
    check(bool((np.where(left > 0, left, inner) > np.arange(inner)).all()), "a child before its parent")
    check(bool((np.where(right > 0, right, inner) > np.arange(inner)).all()), "a child before its parent")
    aside = np.where(decision & DEFAULT_LEFT, -math.inf, math.inf)
    missing = np.where(decision & MISSING_NAN, aside, 0.0)
    return Tree(feature, threshold, missing, left, right, leaf)


def numbers(block: Mapping[str, str], name: str, count: int, kind: type) -> np.ndarray:
    """``count`` numbers of a line, int64 or float64."""
    words = block.get(name, "").split() if count == 0 else block[name].split()
    check(len(words) == count, f"{len(words)} of {count} values of {name}")
    return np.array([kind(word) for word in words], dtype=np.int64 if kind is int else np.float64)
