"""Fit the fusion and its threshold on predictions that neither part had trained for, every group of scenes alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from sklearn.linear_model import LogisticRegression

from fusion.fuse import Fusion, evidence, fused_probability
from fusion.scene_threshold import EDGES, log_odds_counts, scene_level

PIXEL_STEP = 7  # neighbours say the same: every seventh valid pixel is enough for a handful of weights
LEVELS = np.arange(-2.0, 2.01, 0.1)  # log-odds that are tried as the fixed threshold
SHARES = (0.0, 0.25, 0.5, 0.75)  # of the way to the scene's own
LIMIT = 1.5  # log-odds that a scene may move it


@dataclass(frozen=True)
class OutOfFold:
    """What both parts said of one tile that neither had trained on; all (H, W)."""

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


def mean_mcc(groups: Sequence[Sequence[LevelCounts]], level: float, share: float) -> float:
    """MCC over all pixels, pooled in each group, as the mean over the groups."""
    return float(np.mean([pooled_mcc(group, level, share) for group in groups]))


def pooled_mcc(tiles: Sequence[LevelCounts], level: float, share: float) -> float:
    """MCC of the masks above each tile's own threshold."""
    levels = [scene_level(tile.glacier + tile.ground, level, share, LIMIT) if share else level for tile in tiles]
    tp, fp, fn, tn = np.sum([tile.at(one) for tile, one in zip(tiles, levels)], axis=0)
    product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return float((tp * tn - fp * fn) / np.sqrt(product)) if product else 0.0


def fit_fusion(groups: Sequence[Group]) -> Fusion:
    """Weights by logistic regression in which every group weighs alike, then threshold and share for its MCC."""
    pixels = [[tile.valid.nonzero()[0][::PIXEL_STEP].size for tile in group] for group in groups]
    weights = [np.full(sum(of_group), 1 / max(sum(of_group), 1)) for of_group in pixels]
    tiles = [tile for group in groups for tile in group]
    samples = [evidence(tile.unet, tile.gbm, tile.valid)[:, tile.valid][:, ::PIXEL_STEP].T for tile in tiles]
    truths = np.concatenate([tile.truth[tile.valid][::PIXEL_STEP] for tile in tiles])
    weight = np.concatenate(weights)
    regression = LogisticRegression(C=1.0, max_iter=200).fit(
        np.concatenate(samples), truths, sample_weight=weight * len(weight) / weight.sum()
    )
    fusion = Fusion(tuple(float(weight) for weight in regression.coef_[0]), float(regression.intercept_[0]), 0.5)
    return with_threshold(fusion, groups)


def with_threshold(fusion: Fusion, groups: Sequence[Group]) -> Fusion:
    """The fusion with the threshold and the share of the scene's own that have the highest mean MCC."""
    counts = [
        [level_counts(fused_probability(fusion, tile.unet, tile.gbm, tile.valid), tile) for tile in group]
        for group in groups
    ]
    level, share = max(
        ((level, share) for share in SHARES for level in LEVELS), key=lambda pair: mean_mcc(counts, *pair)
    )
    return replace(fusion, threshold=probability_of(level), own_share=share, own_limit=LIMIT)


def fit_threshold(groups: Sequence[Group], part: str) -> float:
    """The fixed threshold of one part, ``unet`` or ``gbm``, with the highest mean MCC."""
    counts = [[level_counts(getattr(tile, part), tile) for tile in group] for group in groups]
    return probability_of(max(LEVELS, key=lambda level: mean_mcc(counts, level, 0.0)))


def probability_of(level: float) -> float:
    """The probability of some log-odds."""
    return float(1 / (1 + np.exp(-level)))
