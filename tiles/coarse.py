"""A tile with pixels twice as large."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tiles.tile import Tile


def cell_mean(values: np.ndarray) -> np.ndarray:
    """Means over cells of 2x2 pixels of a (H, W) array, float32 (h, w), h and w rounded up; beyond the border is 0."""
    padded = np.pad(values, [(0, side % 2) for side in values.shape])
    halved = padded[::2].astype(np.float32) + padded[1::2]
    return np.asarray((halved[:, ::2] + halved[:, 1::2]) * np.float32(0.25))


def coarse_tile(tile: Tile) -> Tile:
    """Means over the valid pixels of each cell of 2x2; a cell is valid where one of its pixels is."""
    share = cell_mean(tile.valid)
    bands = {name: cell_mean(np.where(tile.valid, band, np.float32(0))) for name, band in tile.bands.items()}
    divisor = np.where(share > 0, share, np.float32(1))
    return replace(tile, bands={name: band / divisor for name, band in bands.items()}, valid=share > 0)
