"""The four systems side by side: NDSI threshold, GBM, U-Net and hybrid, and how their masks are scored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.indices import compute_index
from fusion.fitting import Group, OutOfFold, fit_fusion, fit_threshold
from fusion.fuse import Fusion, fused_probability
from fusion.scene_threshold import glacier_mask
from scores.confusion import Confusion, confusion
from scores.threshold import pooled_threshold
from tiles.folder import LabelledTile
from tiles.tile import Tile

SYSTEMS = ("NDSI", "GBM", "U-Net", "hybrid")
CLASSIC = "NDSI > 0.4"  # Hall et al. 1995; needs no training at all
CLASSIC_THRESHOLD = 0.4


@dataclass(frozen=True)
class Scored:
    """One system's mask of one tile, with the tile's truth and valid pixels, all bool (H, W)."""

    tile_id: str
    mask: np.ndarray
    truth: np.ndarray
    valid: np.ndarray


@dataclass(frozen=True)
class Settings:
    """What turns scores into masks: a threshold for each member and the fusion with its own."""

    ndsi: float
    gbm: float
    unet: float
    fusion: Fusion


# Where no labelled tile of another place is left to fit them on: nothing is weighed, nothing tuned
UNFITTED = Settings(CLASSIC_THRESHOLD, 0.5, 0.5, Fusion((0.5, 0.5), 0.0, 0.5))


def ndsi_of(tile: Tile) -> np.ndarray:
    """NDSI, float32 (H, W), -1 under nodata."""
    return np.where(tile.valid, compute_index("ndsi", tile.bands), np.float32(-1))


def fit_settings(
    tiles: Sequence[LabelledTile], judged: Mapping[str, Sequence[OutOfFold]], away: Sequence[Group] = ()
) -> Settings:
    """Thresholds and fusion of the highest mean MCC over groups of scenes: tiles, their copies, and those far ``away``.

    ``judged``: by tile id, what both members said of the tile, first, and of its copies, none of which they had seen.
    The threshold of NDSI, which needs no training, is that of the tiles.
    """
    truths = {tile.tile_id: truth for tile, truth in tiles}
    valids = {tile.tile_id: tile.valid for tile, _ in tiles}
    copies = [copy for tile_id in truths for copy in judged[tile_id][1:]]
    groups = [[judged[tile_id][0] for tile_id in truths], *([copies] if copies else []), *away]
    return Settings(
        pooled_threshold({tile.tile_id: ndsi_of(tile) for tile, _ in tiles}, truths, valids, -1.0, 1.0),
        fit_threshold(groups, "gbm"),
        fit_threshold(groups, "unet"),
        fit_fusion(groups),
    )


def fused(judged: OutOfFold, settings: Settings) -> np.ndarray:
    """The hybrid's probability, float32 (H, W)."""
    return fused_probability(settings.fusion, judged.unet, judged.gbm, judged.valid)


def masks_of(tile: Tile, judged: OutOfFold, settings: Settings) -> dict[str, Scored]:
    """The mask of each system, and of NDSI > 0.4."""
    ndsi = ndsi_of(tile)
    masks = {
        CLASSIC: ndsi > CLASSIC_THRESHOLD,
        "NDSI": ndsi > settings.ndsi,
        "GBM": judged.gbm > settings.gbm,
        "U-Net": judged.unet > settings.unet,
        "hybrid": glacier_mask(settings.fusion, fused(judged, settings), judged.valid),
    }
    return {system: Scored(tile.tile_id, mask & tile.valid, judged.truth, tile.valid) for system, mask in masks.items()}


def by_system(scored: Sequence[Mapping[str, Scored]]) -> dict[str, list[Scored]]:
    """From the systems of each tile to the tiles of each system."""
    return {system: [one[system] for one in scored] for system in (scored[0] if scored else ())}


def pooled(scored: Sequence[Scored], chosen: Callable[[Scored], np.ndarray]) -> Confusion:
    """The counts of all tiles together over the pixels that ``chosen`` selects."""
    total = Confusion(0, 0, 0, 0)
    for one in scored:
        selected = chosen(one)
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
