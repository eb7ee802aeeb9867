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
from features.stack import build_stack
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


def gbm_score(model: GbmModel, tile: Tile, jobs: int = 0, scene: Mapping[str, np.ndarray] | None = None) -> np.ndarray:
    """Glacier score in 0..1, float32 (H, W), 0 under nodata; ``jobs`` threads (0: all).

    ``scene``: quantiles of the scene that the tile is a part of, as for ``features.stack.build_stack``.
    """
    coarse = build_stack(coarse_tile(tile), model.channel_names, scene)
    score = np.zeros(coarse.valid.shape, np.float32)
    places = np.flatnonzero(coarse.valid)
    if len(places):
        cells = coarse.array.reshape(len(coarse.array), -1).take(places, axis=1)  # much faster than a bool index
        np.put(score, places, model.predict(cells, jobs))
    rows, columns = tile.shape
    fine = score.repeat(2, axis=0).repeat(2, axis=1)[:rows, :columns]
    smooth = Boxes(tile.valid.astype(np.float32)).mean(fine, SMOOTHING)
    return np.where(tile.valid, smooth, np.float32(0))
