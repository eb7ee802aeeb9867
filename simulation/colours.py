"""A labelled tile in the colours of another glacier: each band with the histogram of an unlabelled chip.

Other places differ in light, in rock, in how much of the scene is snow; matching histograms (Gonzalez and Woods 2018,
Digital Image Processing, 3.3) takes over what of it the values of single pixels show. It needs no label.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tiles.folder import LabelledTile
from tiles.tile import Tile

LEVELS = np.linspace(0, 1, 257)


def matched(tile: Tile, chip: Tile) -> Tile:
    """The tile with the histogram, over valid pixels, of the chip in each band that both have; 0 under nodata."""
    if not tile.valid.any():
        return tile
    return tile.with_bands(
        {
            name: np.interp(
                band, np.quantile(band[tile.valid], LEVELS), np.quantile(chip.bands[name][chip.valid], LEVELS)
            )
            for name, band in tile.bands.items()
            if name in chip.bands
        }
    )


def other_colours(labelled: LabelledTile, chips: Sequence[Tile], copies: int, seed: int) -> list[LabelledTile]:
    """Draw so many such copies of a tile, with its truth; they depend on its id, the chips and the seed alone."""
    tile, truth = labelled
    drawn = [
        int(np.random.default_rng([seed, 2, number, *tile.tile_id.encode()]).integers(len(chips)))
        for number in range(copies)
    ]
    return [LabelledTile(matched(tile, chips[number]), truth) for number in drawn]
