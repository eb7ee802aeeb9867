"""What the network says of pixels alike, where it is in doubt: a scene that it does not know teaches it about itself.

On a scene unlike those of training the network's log-odds are noisy: they differ between pixels that the trees'
channels hardly tell apart. A ridge regression of the log-odds on these channels and random features of them (Rahimi &
Recht 2008, Weighted sums of random kitchen sinks), over cells of the scene itself and without any label, tells what it
says of such pixels on the whole; its log-odds are drawn towards that, the further the fewer of them are certain. On
scenes that it knows nothing changes. docs/generalisation.md has what it is worth.
"""

from __future__ import annotations

import numpy as np

from baseline.gbm import on_pixels
from features.stack import FeatureStack
from fusion.correction import CELLS_AT_ONCE, mean_and_deviation, scaled
from fusion.fuse import log_odds
from fusion.scene_threshold import doubt, log_odds_counts
from tiles.coarse import cell_mean

SURE = 3.3  # log-odds of the network alone to either side, from which on a pixel is certain: it is surer than both
FEWEST_CELLS = 256  # below it there is nothing to learn from
LEARNT_FROM = 8192  # cells, at most
UNITS = 128  # random features, beside the channels themselves
SPREAD_LIMIT = 4.0  # standard deviations of a channel beyond which it counts no further
RIDGE_SHARE = 0.025  # of the number of cells
KEPT_SCALE = 0.6  # of the pull, not 1: means vary less than what they are means of, and the fusion knows its scale


def pull_of(unet: np.ndarray, valid: np.ndarray) -> float:
    """How far the network's log-odds are drawn, 0..1: its doubt in the scene, from its own probability (H, W)."""
    return doubt(log_odds_counts(unet, valid), 0.0, SURE)


def drawn_to_alike(unet: np.ndarray, cells: FeatureStack, valid: np.ndarray) -> np.ndarray:
    """The network's probability drawn towards what it says of pixels alike, float32 (H, W) in 0..1, 0 under nodata.

    ``unet``: float32 (H, W) in 0..1; ``cells``: the trees' channels at half resolution; ``valid``: bool (H, W). The
    same array comes back where the network is in no doubt, or the scene is small.
    """
    places, pull = np.flatnonzero(cells.valid), pull_of(unet, valid)
    if not pull or len(places) < FEWEST_CELLS:
        return unet
    said = log_odds(unet)
    of_cells = cell_mean(np.where(valid, said, np.float32(0))) / np.maximum(cell_mean(valid), np.float32(0.25))
    alike = np.zeros(cells.valid.shape, np.float32)
    np.put(alike, places, said_of_alike(cells.array.reshape(len(cells.array), -1), of_cells.ravel(), places))
    total = (said + np.float32(pull) * on_pixels(alike, valid)) / np.float32(1 + KEPT_SCALE * pull)
    return np.where(valid, 1 / (1 + np.exp(-total)), np.float32(0)).astype(np.float32)


def said_of_alike(channels: np.ndarray, said: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The regression of ``said`` (P,) on ``channels`` (C, P), both by cell, at ``places`` (N,): float32 (N,)."""
    some = places[np.linspace(0, len(places) - 1, min(len(places), LEARNT_FROM)).astype(int)]
    mean, deviation = (one.astype(np.float32) for one in mean_and_deviation(channels[:, some].T))
    random = np.random.default_rng(0)
    mixing = (random.normal(size=(len(channels), UNITS)) / np.sqrt(len(channels))).astype(np.float32)
    shift = random.normal(size=UNITS).astype(np.float32)

    def features(where: np.ndarray) -> np.ndarray:
        """Channels in standard deviations and their random features, float32 (M, C + UNITS)."""
        values = scaled(channels[:, where].T, mean, deviation, SPREAD_LIMIT)
        return np.concatenate([values, np.maximum(values @ mixing + shift, 0)], axis=1)

    seen = features(some).astype(np.float64)
    middle, level = seen.mean(axis=0), float(said[some].mean())
    seen -= middle
    ridge = RIDGE_SHARE * len(some) * np.eye(seen.shape[1])
    weights = np.linalg.solve(seen.T @ seen + ridge, seen.T @ (said[some] - level)).astype(np.float32)
    start = np.float32(level - middle @ weights)
    pieces = (places[first : first + CELLS_AT_ONCE] for first in range(0, len(places), CELLS_AT_ONCE))
    return np.concatenate([features(piece) @ weights + start for piece in pieces])
