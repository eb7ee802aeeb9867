"""Normalisation: measured on the training patches alone, and kept with the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from command import hidden
from errors import TrainingError
from patches.image import Image
from patches.windows import Window

KINDS = ("measured", "bytes", "image")
MOST_PATCHES = 512  # that are looked at, evenly spaced
SMALLEST_SPREAD = 1e-6


@dataclass(frozen=True)
class Normalisation:
    """How numbers become what a network sees; ``first`` and ``second`` are of each band.

    ``measured``: less the mean (``first``), over the standard deviation (``second``). ``bytes``: from the smallest and
    largest number of the training patches to whole numbers of 0 to 255, which lose radiometry, then over 255.
    ``image``: from the smallest and largest number of the patch itself to 0..1, which loses all brightness. The
    originals use the last two.
    """

    kind: str
    first: tuple[float, ...]
    second: tuple[float, ...]

    def apply(self, array: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """(C, H, W) as float32, 0 where a number is missing or the pixel is not valid."""
        first, second = (np.asarray(values, np.float32).reshape(-1, 1, 1) for values in (self.first, self.second))
        if self.kind == "image":
            first, second = extremes(array, valid)
        if self.kind == "measured":
            scaled = (array - first) / second
        else:
            scaled = np.clip((array - first) / np.maximum(second - first, SMALLEST_SPREAD), 0, 1)
            scaled = np.round(scaled * 255) / 255 if self.kind == "bytes" else scaled
        return np.where(valid & np.isfinite(scaled), scaled, 0).astype(np.float32)


def extremes(array: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest known number of each band of a patch, float32 (C, 1, 1); 0 and 1 where there is none."""
    known = valid & np.isfinite(array)
    some = known.any(axis=(1, 2), keepdims=True)
    low = np.where(known, array, np.inf).min(axis=(1, 2), keepdims=True)
    high = np.where(known, array, -np.inf).max(axis=(1, 2), keepdims=True)
    return np.where(some, low, 0).astype(np.float32), np.where(some, high, 1).astype(np.float32)


def measure(images: Sequence[Image], windows: Sequence[Window], kind: str) -> Normalisation:
    """The normalisation of the training windows.

    Raises TrainingError where they hold no glacier, no valid pixel, or no number at all in a band.
    """
    chosen = windows[:: max(1, len(windows) // MOST_PATCHES)]
    count, total, squares = (np.zeros(len(images[0].bands)) for _ in range(3))
    low, high, glacier = np.full(len(count), np.inf), np.full(len(count), -np.inf), 0
    for window in tqdm(chosen, desc="statistics", unit="patch", disable=hidden()):
        patch = window.patch(images)
        numbers = patch.array[:, patch.valid].astype(np.float64)
        known = np.isfinite(numbers)
        glacier += int(np.count_nonzero(patch.truth[patch.valid]))
        count += known.sum(axis=1)
        total += np.where(known, numbers, 0).sum(axis=1)
        squares += np.where(known, numbers**2, 0).sum(axis=1)
        if numbers.size:
            low = np.minimum(low, np.where(known, numbers, np.inf).min(axis=1))
            high = np.maximum(high, np.where(known, numbers, -np.inf).max(axis=1))
    check_training(images, count, glacier, len(chosen))
    mean = total / count
    spread = np.sqrt(np.maximum(squares / count - mean**2, 0))
    spread = np.where(spread > SMALLEST_SPREAD * np.maximum(np.abs(mean), 1e-3), spread, 1)  # a band of one number
    pair = (mean, spread) if kind == "measured" else (low, high)
    return Normalisation(kind, *(tuple(float(value) for value in values) for values in pair))


def check_training(images: Sequence[Image], count: np.ndarray, glacier: int, patches: int) -> None:
    """Refuse training patches that nothing can be learnt from."""
    if not count.any():
        raise TrainingError(f"the training patches: hold no valid pixel in {patches} patches; give images with data.")
    if not count.all():
        band = images[0].bands[int(np.argmin(count))]
        raise TrainingError(f"the training patches: hold no number in the band {band}; leave it out with --bands.")
    if not glacier:
        raise TrainingError(f"the training patches: hold no glacier pixel in {patches} patches; give more labels.")
