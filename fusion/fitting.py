"""Fit the fusion and its threshold on predictions that neither member had trained for, every group of scenes alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from sklearn.linear_model import LogisticRegression

from fusion.fuse import Fusion, fused_probability, log_odds
from fusion.scene_threshold import EDGES, log_odds_counts, scene_level

PIXEL_STEP = 7  # neighbours say the same: every seventh valid pixel is enough for a handful of weights
LEVELS = np.arange(-2.0, 2.01, 0.1)  # log-odds that are tried as the threshold
TOLERANCE = 1.0  # log-odds; docs/generalisation.md has what other values and rules are worth


@dataclass(frozen=True)
class OutOfFold:
    """What both members said of one tile that neither had trained on; all (H, W)."""

    unet: np.ndarray
    gbm: np.ndarray
    truth: np.ndarray
    valid: np.ndarray


Group = Sequence[OutOfFold]  # scenes of one kind: they are pooled, and every group counts alike


@dataclass(frozen=True)
class LevelCounts:
    """Pixels of one tile between each two of EDGES: ``glacier`` and ``ground``; ``nodata`` pixels are never mapped."""

    glacier: np.ndarray
    ground: np.ndarray
    nodata: int

    def at(self, level: float) -> np.ndarray:
        """tp, fp, fn and tn of the mask above a level, float (4,)."""
        edge = int(np.searchsorted(EDGES, level - 1e-9))
        tp, fp = self.glacier[edge:].sum(), self.ground[edge:].sum()
        return np.array([tp, fp, self.glacier.sum() - tp, self.ground.sum() - fp + self.nodata], float)


def level_counts(score: np.ndarray, tile: OutOfFold) -> LevelCounts:
    """The counts of a tile's score, float (H, W) in 0..1."""
    glacier, ground = (log_odds_counts(score, tile.valid & where) for where in (tile.truth, ~tile.truth))
    return LevelCounts(glacier, ground, int((~tile.valid).sum()))


def mean_mcc(groups: Sequence[Sequence[LevelCounts]], level: float, tolerance: float) -> float:
    """MCC over all pixels, pooled in each group, as the mean over the groups."""
    return float(np.mean([pooled_mcc(group, level, tolerance) for group in groups]))


def pooled_mcc(tiles: Sequence[LevelCounts], level: float, tolerance: float) -> float:
    """MCC of the masks above each tile's own threshold."""
    own = [scene_level(tile.glacier + tile.ground, level, tolerance) for tile in tiles]
    tp, fp, fn, tn = np.sum([tile.at(one) for tile, one in zip(tiles, own)], axis=0)
    product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return float((tp * tn - fp * fn) / np.sqrt(product)) if product else 0.0


def fit_fusion(groups: Sequence[Group]) -> Fusion:
    """Weights by logistic regression in which every group weighs alike, then the threshold of the highest mean MCC."""
    samples, truths, weights = [], [], []
    for group in groups:
        of_group = [log_odds_of(tile) for tile in group]
        samples += of_group
        truths += [tile.truth[tile.valid][::PIXEL_STEP] for tile in group]
        count = sum(map(len, of_group))
        weights.append(np.full(count, 1 / max(count, 1)))
    weight = np.concatenate(weights)
    regression = LogisticRegression(C=1.0, max_iter=200).fit(
        np.concatenate(samples), np.concatenate(truths), sample_weight=weight * len(weight) / weight.sum()
    )
    fusion = Fusion(tuple(float(one) for one in regression.coef_[0]), float(regression.intercept_[0]), 0.5, TOLERANCE)
    counts = [
        [level_counts(fused_probability(fusion, tile.unet, tile.gbm, tile.valid), tile) for tile in group]
        for group in groups
    ]
    level = max(LEVELS, key=lambda level: mean_mcc(counts, level, TOLERANCE))
    return replace(fusion, threshold=probability_of(level))


def log_odds_of(tile: OutOfFold) -> np.ndarray:
    """Log-odds of both members for every few of a tile's valid pixels, float32 (N, 2)."""
    return np.stack([log_odds(member[tile.valid][::PIXEL_STEP]) for member in (tile.unet, tile.gbm)], axis=1)


def fit_threshold(groups: Sequence[Group], member: str) -> float:
    """The fixed threshold of one member, ``unet`` or ``gbm``, with the highest mean MCC."""
    counts = [[level_counts(getattr(tile, member), tile) for tile in group] for group in groups]
    return probability_of(max(LEVELS, key=lambda level: mean_mcc(counts, level, math.inf)))


def probability_of(level: float) -> float:
    """The probability of some log-odds."""
    return float(1 / (1 + np.exp(-level)))
