"""Where the errors are: by light, distance to the outline, size of the glacier, and part of the glacier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy.ndimage import distance_transform_edt, label

from evaluation.systems import Scored
from features.windows import Boxes
from scores.confusion import Confusion, confusion
from tiles.tile import THERMAL_BAND, Tile

DARK, SATURATED = 0.05, 0.9  # green reflectance: terrain shadow below, saturated snow above
PIXEL_KM2 = 0.0009  # 30 m pixels
LIGHT = ("terrain shadow (green < 0.05)", "between", "saturated snow (green > 0.9)")
DISTANCE = {"within 1 pixel of the outline": 1.5, "2 or 3 pixels": 3.5, "4 to 10 pixels": 10.5, "farther": np.inf}
SIZE_KM2 = {"glacier below 0.1 km2": 0.1, "0.1 to 1 km2": 1.0, "1 to 10 km2": 10.0, "larger": np.inf}
PART = ("warmer third of the glacier area (tongues)", "middle third", "colder third (accumulation area)")


def strata_of(tile: Tile, truth: np.ndarray) -> Iterator[tuple[str, str, np.ndarray]]:
    """Group, name and pixels, bool (H, W), of each stratum of the valid pixels.

    Size and part are of glacier pixels alone, so that only misses can lie there.
    """
    green, valid = tile.bands["green"], tile.valid
    for name, lit in zip(LIGHT, (green < DARK, (green >= DARK) & (green <= SATURATED), green > SATURATED)):
        yield "light", name, lit & valid
    if truth.any() and (valid & ~truth).any():
        yield from within("distance", DISTANCE, outline_distance(truth, valid), valid)
    glaciers, _ = label(truth, structure=np.ones((3, 3)))
    area = np.bincount(glaciers.ravel())[glaciers] * PIXEL_KM2
    yield from within("size", SIZE_KM2, area, truth & valid)
    if tile.has_thermal and (truth & valid).any():
        weight = (truth & valid).astype(np.float32)
        kelvin = Boxes(weight).mean(tile.bands[THERMAL_BAND], 15)
        colder, warmer = np.quantile(kelvin[weight > 0], (1 / 3, 2 / 3))
        parts = (kelvin > warmer, (kelvin >= colder) & (kelvin <= warmer), kelvin < colder)
        for name, part in zip(PART, parts):
            yield "part", name, part & truth & valid


def outline_distance(truth: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Distance of each pixel to the nearest valid one on the other side of the outline, in pixels, float (H, W)."""
    to_ground, to_glacier = distance_transform_edt(~(valid & ~truth)), distance_transform_edt(~truth)
    return np.asarray(np.where(truth, to_ground, to_glacier))


def within(
    group: str, upper: dict[str, float], values: np.ndarray, among: np.ndarray
) -> Iterator[tuple[str, str, np.ndarray]]:
    """Strata of rising upper limits."""
    lower = -np.inf
    for name, limit in upper.items():
        yield group, name, (values > lower) & (values <= limit) & among
        lower = limit


def error_strata(tiles: Sequence[Tile], scored: Sequence[Scored]) -> list[dict[str, Any]]:
    """One row a stratum: its share of the valid pixels, of all misses and of all false alarms, and its MCC."""
    counts: dict[tuple[str, str], Confusion] = {}
    total = Confusion(0, 0, 0, 0)
    for tile, one in zip(tiles, scored):
        total = total + confusion(one.truth[one.valid], one.mask[one.valid])
        for group, name, pixels in strata_of(tile, one.truth):
            here = confusion(one.truth[pixels], one.mask[pixels])
            counts[group, name] = counts.get((group, name), Confusion(0, 0, 0, 0)) + here
    return [
        {
            "group": group,
            "stratum": name,
            "share of valid pixels": (one.tp + one.fp + one.fn + one.tn) / (total.tp + total.fp + total.fn + total.tn),
            "share of misses": one.fn / max(total.fn, 1),
            "share of false alarms": one.fp / max(total.fp, 1),
            "recall": one.recall,
            "mcc": one.mcc,
        }
        for (group, name), one in counts.items()
    ]
