"""The four systems side by side, out-of-fold: NDSI threshold, GBM, U-Net and hybrid."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.indices import compute_index
from scores.confusion import Confusion, calibration_error, confusion
from scores.threshold import threshold_on_others
from tiles.tile import Tile

SYSTEMS = ("NDSI", "GBM", "U-Net", "hybrid")
NDSI_RANGE = (-1.0, 1.0)


@dataclass(frozen=True)
class Scored:
    """One system's mask of one tile, with the tile's truth and valid pixels, all bool (H, W)."""

    tile_id: str
    mask: np.ndarray
    truth: np.ndarray
    valid: np.ndarray


def ndsi_of(tile: Tile) -> np.ndarray:
    """NDSI, float32 (H, W), -1 under nodata."""
    return np.where(tile.valid, compute_index("ndsi", tile.bands), np.float32(-1))


def masks_at_thresholds_of_others(
    scores: Mapping[str, np.ndarray],
    truths: Mapping[str, np.ndarray],
    valids: Mapping[str, np.ndarray],
    folds: Sequence[Sequence[str]],
    low: float = 0.0,
    high: float = 1.0,
) -> dict[str, Scored]:
    """Each fold's masks at the threshold that is best for MCC on the other folds."""
    scored = {}
    for fold in folds:
        threshold = threshold_on_others(fold, scores, truths, valids, low, high)
        for tile_id in fold:
            mask = (scores[tile_id] > threshold) & valids[tile_id]
            scored[tile_id] = Scored(tile_id, mask, truths[tile_id], valids[tile_id])
    return scored


def pooled(scored: Sequence[Scored], part: Callable[[Scored], np.ndarray]) -> Confusion:
    """The counts of all tiles together over the pixels that ``part`` selects."""
    total = Confusion(0, 0, 0, 0)
    for one in scored:
        selected = part(one)
        total = total + confusion(one.truth[selected], one.mask[selected])
    return total


def summary(scored: Sequence[Scored], folds: Sequence[Sequence[str]] = ()) -> dict[str, Any]:
    """Scores over all pixels, over valid pixels, as the mean over tiles, per fold and per tile."""
    everywhere: Callable[[Scored], np.ndarray] = lambda one: np.ones(one.valid.shape, bool)  # noqa: E731
    per_tile = {one.tile_id: pooled([one], everywhere).scores() for one in scored}
    result: dict[str, Any] = {
        "all_pixels": pooled(scored, everywhere).scores(),
        "valid_pixels": pooled(scored, lambda one: one.valid).scores(),
        "tile_mean_mcc": float(np.mean([scores["mcc"] for scores in per_tile.values()])),
        "tiles": per_tile,
    }
    if folds:
        result["fold_mcc"] = [pooled([one for one in scored if one.tile_id in fold], everywhere).mcc for fold in folds]
    return result


def calibration(
    probabilities: Mapping[str, np.ndarray],
    truths: Mapping[str, np.ndarray],
    valids: Mapping[str, np.ndarray],
) -> float:
    """Expected calibration error over the valid pixels of all tiles."""
    return calibration_error(
        np.concatenate([truths[tile_id][valids[tile_id]] for tile_id in probabilities]),
        np.concatenate([probabilities[tile_id][valids[tile_id]] for tile_id in probabilities]),
    )
