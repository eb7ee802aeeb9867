"""The scored tiles changed as other scenes are: what a model loses by it, it would lose elsewhere.

Each shift is fixed, not drawn from the ranges that training draws from, and the truth changes only where the
pixels do (half resolution, more cloud).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from simulation.colours import matched
from simulation.terrain import fractal
from tiles.folder import LabelledTile
from tiles.tile import OPTICAL_BANDS, THERMAL_BAND, Tile

Shift = Callable[[Tile, np.ndarray], LabelledTile]
MORE_CLOUD = 0.2  # of the tile


def warmer(kelvin: float) -> Shift:
    """Surface temperature changed by ``kelvin``."""

    def shift(tile: Tile, truth: np.ndarray) -> LabelledTile:
        return LabelledTile(tile.with_bands({THERMAL_BAND: tile.bands[THERMAL_BAND] + np.float32(kelvin)}), truth)

    return shift


def brighter(gain: float) -> Shift:
    """All reflectances times ``gain``."""

    def shift(tile: Tile, truth: np.ndarray) -> LabelledTile:
        return LabelledTile(
            tile.with_bands({name: tile.bands[name] * np.float32(gain) for name in OPTICAL_BANDS}), truth
        )

    return shift


def without_thermal(tile: Tile, truth: np.ndarray) -> LabelledTile:
    """No thermal band."""
    return LabelledTile(
        replace(tile, bands={name: band for name, band in tile.bands.items() if name != THERMAL_BAND}), truth
    )


def more_cloud(tile: Tile, truth: np.ndarray) -> LabelledTile:
    """Another 20 % of the tile masked, in patches up to a kilometre or three."""
    clouds = fractal(np.random.default_rng([7, *tile.tile_id.encode()]), tile.shape, 1.2, 200, 6)
    clear = clouds < np.quantile(clouds, 1 - MORE_CLOUD)
    masked = replace(tile, valid=tile.valid & clear)
    return LabelledTile(masked.with_bands({}), truth & masked.valid)


def half_resolution(tile: Tile, truth: np.ndarray) -> LabelledTile:
    """Pixels twice as large: means over the valid ones of each 2x2, the truth by majority."""
    weight = blocks(tile.valid.astype(np.float32))
    valid = weight >= 0.5
    bands = {
        name: np.where(valid, blocks(band * tile.valid) / np.maximum(weight, 0.25), 0).astype(np.float32)
        for name, band in tile.bands.items()
    }
    return LabelledTile(replace(tile, bands=bands, valid=valid), (blocks(truth.astype(np.float32)) >= 0.5) & valid)


def blocks(values: np.ndarray) -> np.ndarray:
    """Means over 2x2 pixels, an odd last row or column left out."""
    rows, columns = values.shape[0] // 2, values.shape[1] // 2
    return np.asarray(values[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2).mean(axis=(1, 3)))


def chip_of(tile_id: str, chips: Sequence[Tile]) -> Tile:
    """The one of the chips that a tile of this id is scored in the colours of."""
    return chips[int(np.random.default_rng([11, *tile_id.encode()]).integers(len(chips)))]


def chips_to_train_on(chips: Sequence[Tile], scored: Sequence[LabelledTile]) -> list[Tile]:
    """The chips that none of the tiles is scored in the colours of."""
    taken = {chip_of(tile.tile_id, chips).tile_id for tile, _ in scored} if chips else set()
    return [chip for chip in chips if chip.tile_id not in taken]


def coloured_like(chips: Sequence[Tile]) -> Shift:
    """Each band's histogram matched to that of one of the chips, which the tile's id chooses."""

    def shift(tile: Tile, truth: np.ndarray) -> LabelledTile:
        return LabelledTile(matched(tile, chip_of(tile.tile_id, chips)), truth)

    return shift


def shifts(chips: Sequence[Tile]) -> dict[str, Shift]:
    """Every shift by name; the matching of histograms needs ``chips`` and is left out without any."""
    made: dict[str, Shift] = {
        "10 K warmer": warmer(10.0),
        "10 K colder": warmer(-10.0),
        "reflectance x 0.8": brighter(0.8),
        "reflectance x 1.2": brighter(1.2),
        "no thermal band": without_thermal,
        "20 % more masked": more_cloud,
        "half resolution": half_resolution,
    }
    return {**made, "histograms of other glaciers": coloured_like(chips)} if chips else made
