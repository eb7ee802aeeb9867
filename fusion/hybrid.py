"""The hybrid: from a tile to its glacier mask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from baseline.gbm import GbmModel, cells_of, score_of_cells
from cnn.tile_probability import UNetModel, unet_probability
from features.stack import FeatureStack, build_stack
from fusion.alike import drawn_to_alike
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
    """U-Net probability, drawn to what it says of pixels alike, and GBM score of a tile, float32 (H, W).

    ``views``: flipped views of the tile that the network averages over; ``jobs``: threads.
    """
    cells = cells_of(gbm, tile)
    score = score_of_cells(gbm, cells, tile.valid, jobs)
    said = unet_probability(unet, build_stack(tile, unet.channel_names), device, views, jobs)
    return drawn_to_alike(said, cells, tile.valid), score


def tree_scores(model: HybridModel, cells: FeatureStack, valid: np.ndarray, jobs: int = 1) -> tuple[np.ndarray, ...]:
    """What comes from the trees' channels, each float32 (H, W): their score, and the offset of every correction."""
    score = score_of_cells(model.gbm, cells, valid, jobs)
    return (score, *(correction_offset(one, cells, valid) for one in model.corrections))


def predict_tile(
    model: HybridModel, tile: Tile, device: torch.device, views: int | None = None, jobs: int = 1
) -> Prediction:
    """Map one tile on ``jobs`` threads, with another number of views than the model's own if one is given."""
    cells = cells_of(model.gbm, tile)
    gbm, *offsets = tree_scores(model, cells, tile.valid, jobs)
    said = unet_probability(model.unet, build_stack(tile, model.unet.channel_names), device, views or model.views, jobs)
    unet = drawn_to_alike(said, cells, tile.valid)
    probability = fused_probability(model.fusion, unet, gbm, tile.valid, offsets)
    return Prediction(unet, gbm, probability, glacier_mask(model.fusion, probability, tile.valid))
