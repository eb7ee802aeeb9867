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


def predict_tile(model: HybridModel, tile: Tile, device: torch.device, jobs: int = 0) -> Prediction:
    """Map one tile; channels that both parts use are computed once. ``jobs``: threads of the GBM (0: all)."""
    names = tuple(dict.fromkeys(model.gbm.channel_names + model.unet.channel_names))
    stack = build_stack(tile, names)
    gbm = gbm_score(model.gbm, choose(stack, model.gbm.channel_names), jobs)
    unet = unet_probability([model.unet], [choose(stack, model.unet.channel_names)], device, model.flips)
    probability = fused_probability(model.fusion, unet, gbm, tile.valid)
    return Prediction(unet, gbm, probability, (probability > model.fusion.threshold) & tile.valid)
