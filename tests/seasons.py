"""One place in several seasons, each with clouds of its own."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt

from simulation.season import Seasons, other_season
from simulation.synthetic import synthetic_scene
from tiles.folder import LabelledTile
from tiles.tile import Tile


def clear_place(seed: int, shape: tuple[int, int]) -> LabelledTile:
    """A winter scene without a gap: what was not seen looks like the nearest pixel that was."""
    scene = synthetic_scene(seed, shape)
    place = tuple(distance_transform_edt(~scene.valid, return_distances=False, return_indices=True))
    bands = {name: band[place] for name, band in scene.bands.items()}
    return LabelledTile(Tile("place", bands, np.ones(shape, bool)), scene.truth[place])


def season_of(place: LabelledTile, snow: float, clouded: np.ndarray, seed: int) -> Tile:
    """The place with ``snow`` on that share of its ground, and nodata where it is ``clouded`` (bool (H, W))."""
    seasons = Seasons(cut_out=0, snow_left=(snow, snow), early=0, debris_covered=0, lakes=0, clouds=0, thermal=1)
    tile, _ = other_season(place.tile, place.truth, seasons, np.random.default_rng(seed))
    bands = {name: np.where(clouded, 0, band).astype(np.float32) for name, band in tile.bands.items()}
    return Tile(tile.tile_id, bands, ~clouded)


def thirds(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Clouds over a third of the rows, and over a third of the columns."""
    rows, columns = np.indices(shape)
    return rows // (shape[0] // 6) % 3 == 1, columns // (shape[1] // 6) % 3 == 1
