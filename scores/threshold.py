"""The threshold that maximises MCC."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

THRESHOLD_STEPS = 1000


def best_threshold(
    truth: np.ndarray, score: np.ndarray, low: float = 0.0, high: float = 1.0, other_negatives: int = 0
) -> tuple[float, float]:
    """The threshold t in [low, high] whose mask ``score > t`` has the highest MCC, and that MCC.

    ``truth`` bool and ``score`` float, both flat; ``other_negatives`` counts pixels that are never mapped
    and never glacier (nodata), which MCC over all pixels includes. Scored on 1000 even steps, which is
    exact to a thousandth; where several steps tie, the middle one is taken, away from both edges.
    """
    step_of = np.clip(np.ceil((score - low) / (high - low) * THRESHOLD_STEPS), 0, THRESHOLD_STEPS + 1).astype(int)
    positives = np.bincount(step_of[truth], minlength=THRESHOLD_STEPS + 2).astype(float)
    negatives = np.bincount(step_of[~truth], minlength=THRESHOLD_STEPS + 2).astype(float)
    tp = (positives.sum() - np.cumsum(positives))[:-1]  # the last step holds the scores above ``high``
    fp = (negatives.sum() - np.cumsum(negatives))[:-1]
    fn = positives.sum() - tp
    tn = negatives.sum() - fp + other_negatives
    product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    mcc = np.where(product > 0, (tp * tn - fp * fn) / np.sqrt(np.maximum(product, 1.0)), 0.0)
    best = np.flatnonzero(mcc >= mcc.max() - 1e-12)
    step = int(best[len(best) // 2])
    return low + (high - low) * step / THRESHOLD_STEPS, float(mcc[step])


def pooled_threshold(
    scores: Mapping[str, np.ndarray],
    truths: Mapping[str, np.ndarray],
    valids: Mapping[str, np.ndarray],
    low: float = 0.0,
    high: float = 1.0,
) -> float:
    """The threshold with the highest MCC over all pixels of the tiles in ``scores``."""
    score = np.concatenate([scores[tile_id][valids[tile_id]] for tile_id in scores])
    truth = np.concatenate([truths[tile_id][valids[tile_id]] for tile_id in scores])
    nodata = sum(int((~valids[tile_id]).sum()) for tile_id in scores)
    return best_threshold(truth, score, low, high, nodata)[0]


def threshold_on_others(
    fold: Collection[str],
    scores: Mapping[str, np.ndarray],
    truths: Mapping[str, np.ndarray],
    valids: Mapping[str, np.ndarray],
    low: float = 0.0,
    high: float = 1.0,
) -> float:
    """The threshold with the highest MCC over all tiles but those of ``fold``, whose scores it never sees."""
    others = {tile_id: score for tile_id, score in scores.items() if tile_id not in fold}
    return pooled_threshold(others, truths, valids, low, high)
