"""Channels relative to the scene: its quantiles, from which ranks and differences from the median are taken."""

from __future__ import annotations

import numpy as np

LEVELS = 513  # evenly spaced quantiles, so ranks are exact to 0.002
MEDIAN = LEVELS // 2
BINS = 32_768
OUTLIERS = 4  # levels at either end that bins do not reach


def scene_levels(values: np.ndarray) -> np.ndarray:
    """Compute the quantiles 0, 1/512 .. 1 of values (N,), float32 (513,); they are 0 where there are no values."""
    if not len(values):
        return np.zeros(LEVELS, np.float32)
    ordered = np.sort(values)
    places = np.linspace(0, len(values) - 1, LEVELS)
    lower = places.astype(int)
    upper = np.minimum(lower + 1, len(values) - 1)
    share = (places - lower).astype(np.float32)
    levels = ordered[lower] + (ordered[upper] - ordered[lower]) * share  # exact where both are the same
    return np.asarray(np.maximum.accumulate(levels), np.float32)


def scene_median(values: np.ndarray) -> np.ndarray:
    """Compute the median of values (N,), float32 (), 0 where there are none; three times as fast as all levels."""
    return np.asarray(np.median(values) if len(values) else 0, np.float32)


def scene_rank(values: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Rank each value in the scene with these levels: 0 (lowest) to 1 (highest), float32, shaped like ``values``.

    Ties (saturated snow) share their middle rank. Most values lie in a bin without a level, which tells their rank;
    only the others are looked up among the levels, which takes several times as long.
    """
    flat = values.ravel()
    ranks = rank_of_bins(levels)[bins_of(flat, levels)]
    unsure = np.flatnonzero(np.isnan(ranks))
    ranks[unsure] = rank_among(flat[unsure], levels)
    return ranks.reshape(values.shape)


def rank_among(values: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Rank of each value by binary search, float32."""
    below, upto = (np.searchsorted(levels, values, side=side) for side in ("left", "right"))
    return np.clip((below + upto - 1) / (2.0 * (LEVELS - 1)), 0, 1).astype(np.float32)


def bin_edges(levels: np.ndarray) -> tuple[float, float]:
    """Where the first of BINS bins begins and how wide each is: far wider than what float32 rounds by."""
    low, high = float(levels[OUTLIERS]), float(levels[-1 - OUTLIERS])
    return low, max((high - low) / BINS, 2e-6 * max(abs(low), abs(high)), 1e-30)


def bins_of(values: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """The bin of each value, int32: 1 to BINS, or the 0 before or BINS + 1 after them."""
    low, width = bin_edges(levels)
    place = (values - np.float32(low)) * np.float32(1 / width) + np.float32(1)
    return np.asarray(np.clip(place, 0, BINS + 1), np.int32)


def rank_of_bins(levels: np.ndarray) -> np.ndarray:
    """Rank of all values in each bin, float32 (BINS + 2,); NaN where a level lies in it or close to it."""
    low, width = bin_edges(levels)
    edges = low + width * np.arange(BINS + 1)
    below = np.searchsorted(levels, edges[:-1] - width / 8, side="left")
    upto = np.searchsorted(levels, edges[1:] + width / 8, side="right")
    ranks = np.full(BINS + 2, np.nan, np.float32)
    ranks[1:-1] = np.where(below == upto, np.clip((below + upto - 1) / (2.0 * (LEVELS - 1)), 0, 1), np.nan)
    return ranks
