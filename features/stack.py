"""From a tile to a stack of named channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from features.channels import parse_channel
from features.tile_channels import TileChannels
from tiles.tile import Tile


@dataclass(frozen=True)
class FeatureStack:
    """Channels of one tile.

    ``array``: float32 (C, H, W), NaN under nodata and where a band is missing. ``names``: the C channel
    names. ``valid``: bool (H, W), the tile's own.
    """

    array: np.ndarray
    names: tuple[str, ...]
    valid: np.ndarray

    def crop(self, row: int, column: int, rows: int, columns: int) -> FeatureStack:
        """The rectangle of so many rows and columns, which lies within."""
        box = (slice(row, row + rows), slice(column, column + columns))
        return FeatureStack(self.array[(slice(None), *box)], self.names, self.valid[box])


def build_stack(tile: Tile, names: Sequence[str], scene: Mapping[str, np.ndarray] | None = None) -> FeatureStack:
    """Compute the named channels of a tile, in the order given; ``scene`` as for TileChannels.

    Raises ModelFileError for an unknown name.
    """
    channels = TileChannels(tile, scene)
    array = np.empty((len(names), *tile.shape), np.float32)
    for row, name in enumerate(names):
        array[row] = parse_channel(name).compute(channels)
        array[row][~tile.valid] = np.nan
    return FeatureStack(array, tuple(names), tile.valid)
