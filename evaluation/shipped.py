"""The model that is shipped: both members, what is fitted on unseen tiles, and the facts that it states."""

from __future__ import annotations

import platform
from dataclasses import asdict
from typing import Any

import lightgbm
import numpy as np
import torch

from evaluation.crossval import Judged
from evaluation.recipe import VIEWS, Members, Recipe, TrainingSet
from evaluation.systems import SYSTEMS
from fusion.hybrid import HybridModel


def hybrid_of(judged: Judged, members: Members, provenance: dict[str, Any]) -> HybridModel:
    """The shipped hybrid: its fusion and thresholds come from predictions for unseen tiles only."""
    settings = judged.settings()
    return HybridModel(members.gbm, members.unet, settings.fusion, settings.gbm, settings.unet, VIEWS, provenance)


def provenance_of(recipe: Recipe, training: TrainingSet, scores: dict[str, Any], command: str) -> dict[str, Any]:
    """Plain facts stored in the model trained on ``training``; the scores are those of one network."""
    rounds = training.configs(recipe.unet)
    return {
        "tiles": [tile.tile_id for tile, _ in training.tiles],
        "extra_tiles": [tile.tile_id for tile, _ in training.extra],
        "drawn_chips": [tile.tile_id for tile, _ in training.drawn],
        "gbm_settings": {name: str(value) for name, value in asdict(recipe.gbm).items() if name != "channels"},
        "unet_settings": {name: str(value) for name, value in asdict(recipe.unet).items() if name != "channels"},
        "network_steps": [sum(config.steps for config in of_network) for of_network in rounds],
        "network_encoders": [of_network[0].encoder for of_network in rounds],
        "versions": {
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "lightgbm": str(lightgbm.__version__),
            "numpy": str(np.__version__),
        },
        "cross_validation_mcc": {system: float(scores[system]["all_pixels"]["mcc"]) for system in SYSTEMS},
        "command": command,
    }
