"""What marks on a scene add to a model's log-odds: a smooth function of the channels that the trees look at.

The mean of a Gaussian process whose prior mean is the model itself (Rasmussen & Williams 2006, ch. 3,
doi:10.7551/mitpress/3206.001.0001): near the channels of a marked pixel the log-odds move, and where a pixel looks like
none that was marked the model stays what it was. ``adapt.fit`` makes it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from baseline.gbm import on_pixels
from features.stack import FeatureStack

FARTHEST = 1.15  # of a channel from its mean, in units of scale; beyond it counts no further
CELLS_AT_ONCE = 8192  # their distances to all centres are in memory together


@dataclass(frozen=True)
class Correction:
    """An offset in log-odds: the sum over ``centres`` of weight * exp(-d^2 / 2), d the distance of a pixel's channels.

    ``centres``: float32 (N, C), scaled channels of marked pixels; ``weights``: float32 (N,), log-odds; ``mean`` and
    ``scale``: float32 (C,): a channel less its mean and divided by its scale is one coordinate of the distance.
    """

    centres: np.ndarray
    weights: np.ndarray
    mean: np.ndarray
    scale: np.ndarray


def mean_and_deviation(channels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of every channel of (N, C) over its finite values, float64 (C,); 0 and 1 where it has none."""
    channels = np.where(np.isfinite(channels), channels, np.nan).astype(np.float64)
    known = np.asarray(np.isfinite(channels).any(axis=0), bool)
    mean, deviation = np.zeros(len(known)), np.ones(len(known))
    mean[known] = np.nanmean(channels[:, known], axis=0)
    deviation[known] = np.nanstd(channels[:, known], axis=0) + 1e-6
    return mean, deviation


def scaled(channels: np.ndarray, mean: np.ndarray, scale: np.ndarray, farthest: float = FARTHEST) -> np.ndarray:
    """Channels (N, C) as coordinates of the distance, float32, up to ``farthest``; 0 where a channel is NaN."""
    coordinates = np.clip((channels - mean) / scale, -farthest, farthest)
    return np.where(np.isfinite(coordinates), coordinates, 0).astype(np.float32)


def likeness(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """exp(-d^2 / 2) between the rows of (N, C) and of (M, C), float (N, M)."""
    squares = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1) - 2 * first @ second.T
    return np.asarray(np.exp(-np.maximum(squares, 0) / 2))


def correction_offset(correction: Correction, cells: FeatureStack, valid: np.ndarray) -> np.ndarray:
    """Offset in log-odds, float32 (H, W), 0 under nodata; ``cells``: the trees' channels at half resolution."""
    offset = np.zeros(cells.valid.shape, np.float32)
    places = np.flatnonzero(cells.valid)
    channels = cells.array.reshape(len(cells.array), -1)
    for start in range(0, len(places), CELLS_AT_ONCE):
        some = places[start : start + CELLS_AT_ONCE]
        coordinates = scaled(channels.take(some, axis=1).T, correction.mean, correction.scale)
        np.put(offset, some, likeness(coordinates, correction.centres) @ correction.weights)
    return on_pixels(offset, valid)
