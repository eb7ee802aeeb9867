"""What a reader should be told of a scene: pixels that the model does not know, bands in a doubtful order.

Bands of neighbouring wavelengths see much the same. On 194 chips of glaciers from all over the world, in any season,
the visible bands correlate by 0.72 or more with each other, and always by 0.19 or more better than any of them does
with SWIR1, on which snow is dark; temperature correlates with them by 0.77 at most. A wrong order shows as the reverse.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from scenes.grid import Grid
from tiles.tile import THERMAL_BAND, Tile

VISIBLE = ("blue", "green", "red")
LEAST_ALIKE = 0.6  # correlation of two visible bands
MOST_ALIKE = 0.9  # of temperature with a visible band
FEWEST = 100  # valid pixels that are judged
PIXEL_SIDES = (8.0, 65.0)  # metres; the model was fitted on pixels of 20 and 30 m and copies of other sharpness
USUAL_KELVIN = (220.0, 330.0)  # that the median of a scene has


def grid_notes(name: str, grid: Grid) -> list[str]:
    """Sentences on pixels that are far from those the model knows, or not square."""
    notes = []
    width, height = abs(grid.affine.a), abs(grid.affine.e)
    lowest, highest = PIXEL_SIDES
    if not lowest <= grid.pixel_side <= highest:
        notes.append(
            f"{name}: its pixels of {grid.pixel_side:.1f} m are far from the 20 to 30 m that the model knows; "
            "do not trust the mask without a look at it"
        )
    if abs(width / height - 1) > 0.002:
        notes.append(f"{name}: its pixels are not square ({width:.1f} x {height:.1f} m); what is textured looks skewed")
    return notes


def order_notes(tile: Tile) -> list[str]:
    """Sentences on bands that look as if they had been taken for each other."""
    if np.count_nonzero(tile.valid) < FEWEST:
        return []
    notes = []
    bands = [name for name in (*VISIBLE, "swir1", THERMAL_BAND) if name in tile.bands]
    alike = correlations(tile, bands)
    least, pair = min((alike[pair], pair) for pair in combinations(VISIBLE, 2))
    most, other = max((alike[band, "swir1"], band) for band in VISIBLE)
    if least < LEAST_ALIKE or most > least:
        notes.append(
            f"{tile.tile_id}: its bands may be in a wrong order: {pair[0]} and {pair[1]} correlate by {least:.2f}, "
            f"{other} and swir1 by {most:.2f}, though visible bands look alike and SWIR1 does not; check --bands"
        )
    if THERMAL_BAND in tile.bands:
        most, other = max((alike[band, THERMAL_BAND], band) for band in VISIBLE)
        kelvin = float(np.median(tile.bands[THERMAL_BAND][tile.valid]))
        if most > MOST_ALIKE or not USUAL_KELVIN[0] <= kelvin <= USUAL_KELVIN[1]:
            notes.append(
                f"{tile.tile_id}: its thermal band may be another band: its median is {kelvin:.0f} K, and it "
                f"correlates by {most:.2f} with {other}; check --bands"
            )
    return notes


def correlations(tile: Tile, bands: list[str]) -> dict[tuple[str, str], float]:
    """Correlate the bands over the valid pixels, in pairs; a band without any contrast tells nothing (NaN)."""
    values = np.stack([tile.bands[name][tile.valid] for name in bands]).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.asarray(np.corrcoef(values))
    return {(one, other): float(found[i, k]) for i, one in enumerate(bands) for k, other in enumerate(bands)}
