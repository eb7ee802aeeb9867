"""Channels relative to the scene: ranks and differences from the scene's median."""

from __future__ import annotations

import numpy as np

QUANTILES = np.linspace(0, 1, 513)


def scene_rank(values: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Rank of each pixel among the valid ones, 0 (lowest) to 1 (highest), float32 (H, W).

    Ties (saturated snow) share their middle rank. Read off 513 quantiles, so exact to 0.002.
    """
    if not valid.any():
        return np.zeros(values.shape, np.float32)
    levels = np.quantile(values[valid], QUANTILES)
    below = np.searchsorted(levels, values, side="left")
    upto = np.searchsorted(levels, values, side="right")
    return np.clip((below + upto - 1) / (2.0 * (len(levels) - 1)), 0, 1).astype(np.float32)


def scene_difference(values: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Difference from the median of the valid pixels, float32 (H, W)."""
    return values - np.float32(np.median(values[valid])) if valid.any() else np.zeros_like(values)
