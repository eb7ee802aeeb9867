"""The hybrid: from a tile to its glacier mask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from baseline.gbm import GbmModel, gbm_score
from cnn.predict import UNetModel, unet_probability
from features.stack import FeatureStack, build_stack
from fusion.fuse import Fusion, fused_probability
from tiles.tile import Tile


@dataclass(frozen=True)
class HybridModel:
    """All that inference needs; ``provenance`` holds plain facts of the training (data, versions, scores)."""

    gbm: GbmModel
    unet: UNetModel
    fusion: Fusion
    gbm_threshold: float
    unet_threshold: float
    flips: bool = False
    provenance: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Prediction:
    """Of one tile, all (H, W): ``unet`` and ``gbm`` scores and fused ``probability`` float32 in 0..1, ``mask`` bool."""

    unet: np.ndarray
    gbm: np.ndarray
    probability: np.ndarray
    mask: np.ndarray


def choose(stack: FeatureStack, names: tuple[str, ...]) -> FeatureStack:
    """The named channels of a larger stack."""
    rows = [stack.names.index(name) for name in names]
    return FeatureStack(stack.array[rows], names, stack.valid)


def part_scores(
    gbm: GbmModel, unet: UNetModel, tile: Tile, device: torch.device, flips: bool = False, jobs: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """U-Net probability and GBM score of a tile, float32 (H, W); channels that both use are computed once.

    ``jobs``: threads of the GBM (0: all).
    """
    stack = build_stack(tile, tuple(dict.fromkeys(gbm.channel_names + unet.channel_names)))
    score = gbm_score(gbm, choose(stack, gbm.channel_names), jobs)
    return unet_probability([unet], [choose(stack, unet.channel_names)], device, flips), score


def predict_tile(model: HybridModel, tile: Tile, device: torch.device, jobs: int = 0) -> Prediction:
    """Map one tile. ``jobs``: threads of the GBM (0: all)."""
    unet, gbm = part_scores(model.gbm, model.unet, tile, device, model.flips, jobs)
    probability = fused_probability(model.fusion, unet, gbm, tile.valid)
    return Prediction(unet, gbm, probability, (probability > model.fusion.threshold) & tile.valid)
