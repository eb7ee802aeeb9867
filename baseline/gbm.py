"""Glacier score of a tile from the LightGBM baseline, and its model as checked text."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import lightgbm
import numpy as np

from errors import ModelFileError
from features.stack import FeatureStack
from features.windows import box_mean

# Trees see means over 2x2 pixels: a quarter of the rows, and outlines at 30 m are no finer than that.
GBM_STRIDE = 2


@dataclass(frozen=True)
class GbmModel:
    """A LightGBM booster and the channels it was trained on, in order."""

    booster: lightgbm.Booster
    channel_names: tuple[str, ...]


def model_text(model: GbmModel) -> bytes:
    """The booster in LightGBM's text format."""
    return bytes(model.booster.model_to_string(), "ascii")


def checksum(text: bytes) -> str:
    """SHA-256 of a model's text, hexadecimal."""
    return hashlib.sha256(text).hexdigest()


def load_gbm(text: bytes, expected: str, channel_names: Sequence[str], where: str) -> GbmModel:
    """The model from its text, which is parsed only if its SHA-256 is ``expected``.

    Raises ModelFileError naming ``where`` otherwise: LightGBM's parser trusts what it reads.
    """
    if checksum(text) != expected:
        raise ModelFileError(f"{where}: the GBM's text does not match its checksum; copy or download the model again.")
    try:
        booster = lightgbm.Booster(model_str=text.decode("ascii"))
    except (lightgbm.basic.LightGBMError, UnicodeDecodeError) as problem:
        raise ModelFileError(f"{where}: the GBM's text cannot be read ({problem}); train the model again.") from None
    if booster.num_feature() != len(channel_names):
        raise ModelFileError(
            f"{where}: the GBM takes {booster.num_feature()} channels but {len(channel_names)} are named; "
            "train the model again."
        )
    return GbmModel(booster, tuple(channel_names))


def coarse_rows(stack: FeatureStack) -> tuple[np.ndarray, np.ndarray]:
    """Means over the valid pixels of each 2x2 cell.

    Returns the cells' channels, float32 (h, w, C) with NaN where nothing is known, and bool (h, w), which
    cells hold a valid pixel; h, w are half the stack's sides, rounded up.
    """
    array = np.pad(
        stack.array,
        [(0, 0), (0, stack.valid.shape[0] % GBM_STRIDE), (0, stack.valid.shape[1] % GBM_STRIDE)],
        constant_values=np.nan,
    )
    corners = [
        array[:, row::GBM_STRIDE, column::GBM_STRIDE] for row in range(GBM_STRIDE) for column in range(GBM_STRIDE)
    ]
    total = sum(np.nan_to_num(corner) for corner in corners)
    count = sum(np.isfinite(corner).astype(np.float32) for corner in corners)
    cells = np.where(count > 0, total / np.maximum(count, 1), np.float32(np.nan)).astype(np.float32)
    return np.moveaxis(cells, 0, -1), coarse_any(stack.valid)


def coarse_any(mask: np.ndarray) -> np.ndarray:
    """Whether any pixel of each 2x2 cell is set, bool (h, w)."""
    padded = np.pad(mask, [(0, mask.shape[0] % GBM_STRIDE), (0, mask.shape[1] % GBM_STRIDE)])
    return np.logical_or.reduce(
        [padded[row::GBM_STRIDE, column::GBM_STRIDE] for row in range(GBM_STRIDE) for column in range(GBM_STRIDE)]
    )


def gbm_score(model: GbmModel, stack: FeatureStack, jobs: int = 0) -> np.ndarray:
    """Glacier score in 0..1, float32 (H, W), 0 under nodata; ``jobs`` threads (0: all)."""
    cells, known = coarse_rows(stack)
    coarse = np.zeros(known.shape, np.float32)
    if known.any():
        coarse[known] = model.booster.predict(cells[known], num_threads=jobs)
    rows, columns = stack.valid.shape
    fine = coarse.repeat(GBM_STRIDE, axis=0).repeat(GBM_STRIDE, axis=1)[:rows, :columns]
    smooth = box_mean(fine, stack.valid.astype(np.float32), GBM_STRIDE + 1)
    return np.where(stack.valid, smooth, np.float32(0))
