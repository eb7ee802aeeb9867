"""The pixels of a larger scene around a labelled tile, for channels that are relative to the scene.

A tile of 15 km in the mountains is a small part of a satellite scene, which also holds their foreland: ground without
ice, lower and therefore warmer. The larger scene is drawn from the tile's own ground outside its glaciers, warmer by
the standard atmosphere's lapse rate (ISO 2533:1975); only its quantiles are used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tiles.folder import LabelledTile
from tiles.tile import THERMAL_BAND, Tile

LAPSE_RATE = 6.5  # kelvin per kilometre


@dataclass(frozen=True)
class Extents:
    """How many larger scenes are drawn around each tile, and how; ranges are of uniform draws."""

    copies: int = 1
    foreland: tuple[float, float] = (0.0, 0.85)  # share of the scene that is ground below the tile
    drop: tuple[float, float] = (0.0, 2.5)  # kilometres by which that ground lies lower


def larger_extent(labelled: LabelledTile, extents: Extents, random: np.random.Generator) -> Tile:
    """The valid pixels of a larger scene around a tile, as a tile of one row; the tile's own where it is all ice."""
    tile, truth = labelled
    own, ground = np.flatnonzero(tile.valid), np.flatnonzero(tile.valid & ~truth)
    foreland, drop = random.uniform(*extents.foreland), random.uniform(*extents.drop)
    count = round(len(own) * foreland / (1 - foreland)) if len(ground) else 0
    below = random.choice(ground, count) if count else ground[:0]
    bands = {}
    for name, band in tile.bands.items():
        lower = band.ravel()[below] + np.float32(LAPSE_RATE * drop if name == THERMAL_BAND else 0)
        bands[name] = np.concatenate([band.ravel()[own], lower])[None]
    return Tile(tile.tile_id, bands, np.ones((1, len(own) + count), bool))
