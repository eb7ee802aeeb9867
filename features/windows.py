"""Nodata-aware box filters: running sums, so that the window's size costs nothing."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter


def box_mean(values: np.ndarray, weight: np.ndarray, window: int) -> np.ndarray:
    """Mean of ``values`` (H, W) over the pixels of weight 1 in a window x window box (odd), float32.

    Beyond the border there is nodata. 0 where the box holds no weight.
    """
    total = uniform_filter(values * weight, window, mode="constant", output=np.float32)
    share = box_share(weight, window)
    return np.where(share > 0, total / np.maximum(share, np.float32(1e-9)), np.float32(0))


def box_share(weight: np.ndarray, window: int) -> np.ndarray:
    """Share of the box that has weight; below half a pixel it is rounding and counts as none."""
    share = uniform_filter(weight, window, mode="constant", output=np.float32)
    return np.where(share * window * window < 0.5, np.float32(0), share)


def neighbour_contrast(values: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum of squared differences to the eight neighbours, and how many of them count; both float32 (H, W)."""
    total = np.zeros(values.shape, np.float32)
    count = np.zeros(values.shape, np.float32)
    rows, columns = values.shape
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        here = (slice(0, max(rows - down, 0)), slice(max(-right, 0), columns - max(right, 0)))
        there = (slice(min(down, rows), rows), slice(max(right, 0), columns - max(-right, 0)))
        pair = weight[here] * weight[there]
        squared = (values[here] - values[there]) ** 2 * pair
        for side in (here, there):
            total[side] += squared
            count[side] += pair
    return total, count


def gradient_energy(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Squared length of the gradient from central differences, float32 (H, W); a side without weight adds nothing."""
    total = np.zeros(values.shape, np.float32)
    for axis in (0, 1):
        padded = np.pad(values, [(1, 1) if axis == side else (0, 0) for side in (0, 1)])
        known = np.pad(weight, [(1, 1) if axis == side else (0, 0) for side in (0, 1)])
        before, after = (np.take(padded, np.arange(start, start + values.shape[axis]), axis) for start in (0, 2))
        both = np.take(known, np.arange(values.shape[axis]), axis) * np.take(
            known, np.arange(2, values.shape[axis] + 2), axis
        )
        total += ((after - before) / 2) ** 2 * both
    return total
