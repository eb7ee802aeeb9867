"""Nodata-aware box filters: running sums, so that the window's size costs nothing."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter


class Boxes:
    """Box filters over the pixels of weight 1; what depends on the weight alone is computed once for each window.

    ``weight``: float32 (H, W), 1 or 0. Beyond the border there is nodata. Windows are odd, in pixels.
    """

    def __init__(self, weight: np.ndarray) -> None:
        self.weight = weight
        self.divisors: dict[int, np.ndarray] = {}

    def share(self, window: int) -> np.ndarray:
        """Share of the box that has weight, float32; below half a pixel it is rounding and counts as none."""
        share = box_average(self.weight, window)
        share[share * np.float32(window * window) < 0.5] = 0
        return share

    def mean(self, values: np.ndarray, window: int) -> np.ndarray:
        """Mean of ``values`` (H, W) over the pixels of weight 1 of the box, float32; 0 where there are none."""
        if window not in self.divisors:
            share = self.share(window)
            self.divisors[window] = np.where(share > 0, share, np.float32(np.inf))
        return np.asarray(box_average(values * self.weight, window) / self.divisors[window])


def box_average(values: np.ndarray, window: int) -> np.ndarray:
    """Mean over a window x window box, float32 (H, W), with 0 beyond the border."""
    return np.asarray(uniform_filter(values, window, mode="constant", output=np.float32))


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
