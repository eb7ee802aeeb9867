"""The hybrid: from a tile to its glacier mask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from baseline.gbm import GbmModel, cells_of, gbm_score, on_pixels, score_of_cells
from cnn.tile_probability import UNetModel, unet_probability
from features.stack import build_stack
from fusion.correction import Correction, correction_offset
from fusion.fuse import Fusion, fused_probability
from fusion.scene_threshold import glacier_mask
from tiles.tile import Tile


@dataclass(frozen=True)
class HybridModel:
    """All that inference needs.

    ``views``: how many flipped views the network averages over. ``provenance``: plain facts of the training.
    ``corrections``: what marks have added; the model that was trained has none.
    """

    gbm: GbmModel
    unet: UNetModel
    fusion: Fusion
    gbm_threshold: float
    unet_threshold: float
    views: int = 1
    provenance: Mapping[str, Any] = field(default_factory=dict)
    corrections: tuple[Correction, ...] = ()


@dataclass(frozen=True)
class Prediction:
    """Of one tile, all (H, W): ``unet`` and ``gbm`` scores and fused ``probability`` float32 in 0..1, ``mask`` bool."""

    unet: np.ndarray
    gbm: np.ndarray
    probability: np.ndarray
    mask: np.ndarray


def member_scores(
    gbm: GbmModel, unet: UNetModel, tile: Tile, device: torch.device, views: int = 1, jobs: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """U-Net probability and GBM score of a tile, float32 (H, W).

    ``views``: flipped views of the tile that the network averages over; ``jobs``: threads.
    """
    score = gbm_score(gbm, tile, jobs)
    return unet_probability(unet, build_stack(tile, unet.channel_names), device, views, jobs), score


def tree_scores(
    model: HybridModel, tile: Tile, jobs: int = 1, scene: Mapping[str, np.ndarray] | None = None
) -> tuple[np.ndarray, ...]:
    """What comes from the trees' channels, each float32 (H, W): their score, and the offset of every correction.

    ``scene``: as for ``baseline.gbm.gbm_score``.
    """
    cells = cells_of(model.gbm, tile, scene)
    score = on_pixels(score_of_cells(model.gbm, cells, jobs), tile.valid)
    return (score, *(correction_offset(one, cells, tile.valid) for one in model.corrections))


def predict_tile(
    model: HybridModel, tile: Tile, device: torch.device, views: int | None = None, jobs: int = 1
) -> Prediction:
    """Map one tile on ``jobs`` threads, with another number of views than the model's own if one is given."""
    gbm, *offsets = tree_scores(model, tile, jobs)
    unet = unet_probability(model.unet, build_stack(tile, model.unet.channel_names), device, views or model.views, jobs)
    probability = fused_probability(model.fusion, unet, gbm, tile.valid, offsets)
    return Prediction(unet, gbm, probability, glacier_mask(model.fusion, probability, tile.valid))
