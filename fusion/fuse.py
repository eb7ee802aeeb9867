"""U-Net probability and GBM score into one calibrated probability.

Stacked generalisation (Wolpert 1992, doi:10.1016/S0893-6080(05)80023-1) by logistic regression on log-odds:
a handful of weights, fitted on predictions for tiles that neither part had trained on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.windows import Boxes

LOGIT_LIMIT = 5.0
NEIGHBOURHOODS = (9, 41)  # pixels: a glacier's own surroundings at 0.3 and 1.2 km
EVIDENCE = (
    "U-Net",
    "GBM",
    *(f"{part}, mean of {window} px" for window in NEIGHBOURHOODS for part in ("U-Net", "GBM")),
)


@dataclass(frozen=True)
class Fusion:
    """Weights of the pieces of EVIDENCE, bias, and the probability above which a pixel is mapped.

    ``own_share`` and ``own_limit`` (log-odds): how far a scene moves that threshold towards its own, as
    ``fusion.scene_threshold`` says.
    """

    weights: tuple[float, ...]
    bias: float
    threshold: float
    own_share: float = 0.0
    own_limit: float = 0.0


def log_odds(probability: np.ndarray) -> np.ndarray:
    """Log-odds, limited to +-5 so that one overconfident part cannot outvote everything."""
    limit = 1 / (1 + np.exp(LOGIT_LIMIT))
    clipped = np.clip(probability, limit, 1 - limit)
    return np.asarray(np.log(clipped / (1 - clipped)), dtype=np.float32)


def evidence(unet: np.ndarray, gbm: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """What the fusion weighs, float32 (6, H, W): both log-odds and their means over the neighbourhoods.

    ``unet`` and ``gbm`` float (H, W) in 0..1, ``valid`` bool (H, W).
    """
    parts = [log_odds(unet), log_odds(gbm)]
    boxes = Boxes(valid.astype(np.float32))
    means = [boxes.mean(part, window) for window in NEIGHBOURHOODS for part in parts]
    return np.stack([*parts, *means])


def fused_probability(fusion: Fusion, unet: np.ndarray, gbm: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Calibrated glacier probability, float32 (H, W), 0 under nodata."""
    total = np.tensordot(np.asarray(fusion.weights, np.float32), evidence(unet, gbm, valid), axes=1) + np.float32(
        fusion.bias
    )
    return np.where(valid, 1 / (1 + np.exp(-total)), np.float32(0)).astype(np.float32)
