"""Fit the fusion on out-of-fold predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from sklearn.linear_model import LogisticRegression

from fusion.fuse import Fusion, evidence, fused_probability
from scores.threshold import best_threshold

PIXEL_STEP = 7  # neighbours say the same: every seventh valid pixel is enough for a handful of weights


@dataclass(frozen=True)
class OutOfFold:
    """What both parts said of one tile that neither had trained on; all (H, W)."""

    unet: np.ndarray
    gbm: np.ndarray
    truth: np.ndarray
    valid: np.ndarray


def fit_fusion(tiles: Sequence[OutOfFold]) -> Fusion:
    """Weights by logistic regression, and the threshold of the highest MCC over all pixels of the same tiles."""
    samples = [evidence(tile.unet, tile.gbm, tile.valid)[:, tile.valid][:, ::PIXEL_STEP].T for tile in tiles]
    truths = [tile.truth[tile.valid][::PIXEL_STEP] for tile in tiles]
    regression = LogisticRegression(C=1.0, max_iter=200).fit(np.concatenate(samples), np.concatenate(truths))
    fusion = Fusion(tuple(float(weight) for weight in regression.coef_[0]), float(regression.intercept_[0]), 0.5)
    fused = [fused_probability(fusion, tile.unet, tile.gbm, tile.valid)[tile.valid] for tile in tiles]
    threshold, _ = best_threshold(
        np.concatenate([tile.truth[tile.valid] for tile in tiles]),
        np.concatenate(fused),
        other_negatives=sum(int((~tile.valid).sum()) for tile in tiles),
    )
    return replace(fusion, threshold=threshold)
