"""Glacier score of a tile from the LightGBM baseline, and its model as checked text."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from baseline.traversal import Forest, forest_of, forest_score
from baseline.trees import read_trees
from errors import ModelFileError, PackageError
from features.stack import FeatureStack, build_stack
from features.windows import Boxes
from tiles.coarse import coarse_tile
from tiles.tile import Tile

# Trees see the tile at half resolution: a quarter of the rows, and outlines at 30 m are no finer than that. Their
# scores are smoothed over this many pixels.
SMOOTHING = 3


@dataclass(frozen=True)
class GbmModel:
    """A LightGBM model in its own text format, and the channels it was trained on, in order."""

    text: str
    channel_names: tuple[str, ...]

    @cached_property
    def forest(self) -> Forest | None:
        """The trees as bit masks; None where nothing can run them."""
        return forest_of(read_trees(self.text, len(self.channel_names), "the GBM"))

    @cached_property
    def booster(self) -> Any:
        """LightGBM's own model; imported at need, for that takes longer than a tile.

        Raises PackageError where lightgbm is missing or lacks a library of the system.
        """
        try:
            import lightgbm
        except (ImportError, OSError) as problem:
            wanted = "run `pip install numba lightgbm`"
            raise PackageError(f"the GBM needs numba or lightgbm ({problem}); {wanted}.") from None

        return lightgbm.Booster(model_str=self.text)

    def predict(self, channels: np.ndarray, jobs: int = 0) -> np.ndarray:
        """Glacier score of each column of ``channels`` (float32 (C, N), NaN where missing), float64 (N,)."""
        if self.forest is not None:
            return forest_score(self.forest, np.ascontiguousarray(channels), jobs or os.cpu_count() or 1)
        return np.asarray(self.booster.predict(channels.T, num_threads=jobs))


def checksum(text: bytes) -> str:
    """SHA-256 of a model's text, hexadecimal."""
    return hashlib.sha256(text).hexdigest()


def load_gbm(text: bytes, expected: str, channel_names: Sequence[str], where: str) -> GbmModel:
    """The model from its text, which is read only if its SHA-256 is ``expected``, and every number of it checked.

    Raises ModelFileError naming ``where`` otherwise.
    """
    if checksum(text) != expected:
        raise ModelFileError(f"{where}: the GBM's text does not match its checksum; copy or download the model again.")
    decoded = text.decode("ascii", errors="replace")
    read_trees(decoded, len(channel_names), where)
    return GbmModel(decoded, tuple(channel_names))


def gbm_score(model: GbmModel, tile: Tile, jobs: int = 0) -> np.ndarray:
    """Glacier score in 0..1, float32 (H, W), 0 under nodata; ``jobs`` threads (0: all)."""
    return score_of_cells(model, cells_of(model, tile), tile.valid, jobs)


def cells_of(model: GbmModel, tile: Tile, scene: Mapping[str, np.ndarray] | None = None) -> FeatureStack:
    """The channels that the trees look at, float32 (C, h, w): of the tile at half resolution.

    ``scene``: quantiles of the scene that the tile is a part of, as for ``features.stack.build_stack``.
    """
    return build_stack(coarse_tile(tile), model.channel_names, scene)


def score_of_cells(model: GbmModel, cells: FeatureStack, valid: np.ndarray, jobs: int = 0) -> np.ndarray:
    """What the trees make of ``cells``, on the pixels of their tile: float32 (H, W), 0 under nodata."""
    score = np.zeros(cells.valid.shape, np.float32)
    places = np.flatnonzero(cells.valid)
    if len(places):
        chosen = cells.array.reshape(len(cells.array), -1).take(places, axis=1)  # much faster than a bool index
        np.put(score, places, model.predict(chosen, jobs))
    return on_pixels(score, valid)


def on_pixels(values: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Values of cells (h, w) smoothed on pixels, float32 (H, W), 0 under nodata."""
    rows, columns = valid.shape
    fine = values.repeat(2, axis=0).repeat(2, axis=1)[:rows, :columns]
    smooth = Boxes(valid.astype(np.float32)).mean(fine, SMOOTHING)
    return np.where(valid, smooth, np.float32(0))
