"""What the model sees under the marks, computed in windows around them alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from adapt.marks import Mark
from fusion.hybrid import HybridModel, Prediction
from scenes.grid import Grid
from scenes.scene import Scene
from tiles.tile import Tile


@dataclass(frozen=True)
class Seen:
    """All that re-fitting and redrawing a window needs of its tile, so that no network has to run again.

    ``features``: the decoder's, float16 (views, 48, h, w) at half resolution, turned back; ``trees``: the GBM's score,
    float32 (H, W) in 0..1; ``valid``: bool (H, W). They do not depend on what marks have changed in a model, so that
    what one model has seen serves all that are adapted from it.
    """

    features: np.ndarray
    trees: np.ndarray
    valid: np.ndarray


@dataclass(frozen=True)
class Evidence:
    """A few pixels of every mark: what the model sees there (a row each) and what the user says.

    ``features``: float32 (N, 48); ``network`` and ``trees``: log-odds, float32 (N,); ``glacier``: bool (N,);
    ``mark``: number of the pixel's mark, int (N,); ``notes``: what was left out and why, a sentence each.
    ``background``: float32 (M, 48), features of pixels all over the windows, from which the features' scale is taken.
    """

    features: np.ndarray
    network: np.ndarray
    trees: np.ndarray
    glacier: np.ndarray
    mark: np.ndarray
    background: np.ndarray
    notes: tuple[str, ...] = ()


def look(
    model: HybridModel, tile: Tile, device: torch.device, jobs: int = 1, levels: Mapping[str, np.ndarray] | None = None
) -> Seen:
    """Run network and trees over a tile (a window in view: 512 x 512 pixels take seconds) and keep what they see.

    ``levels``: quantiles of the scene that the tile is a part of, as of ``fusion.windowed.levels_for``.
    """
    raise NotImplementedError


def predict_seen(model: HybridModel, seen: Seen) -> Prediction:
    """What a model, adapted or not, makes of a window that has been seen already: under 0.2 s for 512 x 512 pixels."""
    raise NotImplementedError


def evidence_in(model: HybridModel, seen: Seen, grid: Grid, marks: Sequence[Mark]) -> Evidence:
    """The evidence of marks on one window whose pixels lie on ``grid``; ``notes`` count those that lie elsewhere."""
    raise NotImplementedError


def joined(evidence: Sequence[Evidence]) -> Evidence:
    """The evidence of several windows or scenes as one; their marks are others each."""
    raise NotImplementedError


def gather(model: HybridModel, scene: Scene, marks: Sequence[Mark], device: torch.device, jobs: int = 0) -> Evidence:
    """The evidence of marks on a scene of any size, of which only windows around the marks are read."""
    raise NotImplementedError
