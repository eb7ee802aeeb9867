"""U-Net probability and GBM score into one calibrated probability.

Stacked generalisation (Wolpert 1992, doi:10.1016/S0893-6080(05)80023-1) by logistic regression on log-odds: a weight
for each member and a bias, fitted on predictions for tiles that neither member had trained on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LOGIT_LIMIT = 5.0
EVIDENCE = ("U-Net", "GBM")


@dataclass(frozen=True)
class Fusion:
    """Weights of the pieces of EVIDENCE, bias, and the probability above which a pixel is mapped.

    ``tolerance``: log-odds by which a scene's own threshold may differ before the scene moves this one, as
    ``fusion.scene_threshold`` says; without limit, no scene does.
    """

    weights: tuple[float, ...]
    bias: float
    threshold: float
    tolerance: float = math.inf


def log_odds(probability: np.ndarray) -> np.ndarray:
    """Log-odds, limited to +-5 so that one overconfident member cannot outvote everything."""
    limit = 1 / (1 + np.exp(LOGIT_LIMIT))
    clipped = np.clip(probability, limit, 1 - limit)
    return np.asarray(np.log(clipped / (1 - clipped)), dtype=np.float32)


def agreement(members: np.ndarray) -> float:
    """Correlation of both members' log-odds, float (N, 2), -1..1; 0 where one of them says the same of all.

    U-Net and trees look at a scene in different ways, so that where they do not say the same one of them is wrong:
    without any label it tells more of how well a scene is mapped than how certain the model is (docs/adapt.md).
    """
    if not len(members) or not np.ptp(members, axis=0).all():
        return 0.0
    return float(np.asarray(np.corrcoef(members.T))[0, 1])


def fused_probability(
    fusion: Fusion, unet: np.ndarray, gbm: np.ndarray, valid: np.ndarray, offsets: Sequence[np.ndarray] = ()
) -> np.ndarray:
    """Calibrated glacier probability, float32 (H, W), 0 under nodata; ``unet`` and ``gbm`` float (H, W) in 0..1.

    ``offsets``: log-odds, float32 (H, W), that a model's corrections add.
    """
    of_unet, of_gbm = map(np.float32, fusion.weights)
    total = of_unet * log_odds(unet) + of_gbm * log_odds(gbm) + np.float32(fusion.bias)
    for offset in offsets:
        total = total + offset
    return np.where(valid, 1 / (1 + np.exp(-total)), np.float32(0)).astype(np.float32)
