"""Quantiles of a tile or of a scene, for the channels that are relative to it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from features.channels import parse_channel
from features.indices import INDICES, compute_index
from features.relative import scene_levels
from tiles.tile import Tile

SAMPLE = 200_000  # pixels that quantiles are taken from


def tile_levels(tile: Tile, rows: Collection[str]) -> dict[str, np.ndarray]:
    """Compute the quantiles of rows of the index table, each float32 (513,), but of those whose bands the tile lacks.

    Where more than SAMPLE pixels are valid, every n-th of them is enough.
    """
    step = max(1, int(tile.valid.sum()) // SAMPLE)
    bands = {name: band[tile.valid][::step] for name, band in tile.bands.items()}
    known = [name for name in rows if all(band in bands for band in INDICES[name].bands)]
    return {name: scene_levels(compute_index(name, bands)) for name in known}


def relative_rows(names: Sequence[str]) -> list[str]:
    """List the rows of the index table whose quantiles the channels need, sorted."""
    return sorted({channel.row for channel in map(parse_channel, names) if channel.needs_levels})
