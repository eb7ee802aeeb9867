"""Batches of patches: each depends on the seed and its step alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from patches.image import Image, Patch
from patches.normalise import Normalisation
from patches.windows import Window

TRIES = 8  # to find a patch that holds ground and glacier, where such are asked for


@dataclass(frozen=True)
class Changes:
    """How a patch may be changed; standard deviations are of normal draws, in units of the normalised numbers."""

    gain: float = 0.0  # log gain of all bands: contrast
    offset: float = 0.0  # added to all bands: brightness
    noise: float = 0.0  # added to every number
    mixed: bool = False  # patches of one class alone are passed over


@dataclass(frozen=True)
class PatchBatches:
    """Patches in a new order every epoch, turned and flipped at random.

    The sample ``j`` of step ``i`` depends on (seed, i, j), so that any number of processes sees the same batches.
    """

    images: Sequence[Image]
    windows: Sequence[Window]
    normalisation: Normalisation
    size: int
    seed: int
    changes: Changes = Changes()

    def batch(self, step: int, share: slice) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Channels float32 (N, C, H, W), truth int64 and valid bool (N, H, W) of the samples ``share``."""
        samples = [self.sample(step, place) for place in range(self.size)[share]]
        channels, truth, valid = (np.stack(part) for part in zip(*samples))
        return torch.from_numpy(channels), torch.from_numpy(truth), torch.from_numpy(valid)

    def sample(self, step: int, place: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One changed patch."""
        random = np.random.default_rng([self.seed, step, place])
        epoch, number = divmod(step * self.size + place, len(self.windows))
        patch = self.windows[order_of(self.seed, epoch, len(self.windows))[number]].patch(self.images)
        for _ in range(TRIES if self.changes.mixed else 0):
            if is_mixed(patch):
                break
            patch = self.windows[int(random.integers(len(self.windows)))].patch(self.images)
        channels = self.normalisation.apply(patch.array, patch.valid)
        known = channels != 0
        gain, offset = np.exp(random.normal(0, self.changes.gain)), random.normal(0, self.changes.offset)
        channels = np.where(known, channels * np.float32(gain) + np.float32(offset), channels)
        if self.changes.noise:
            channels = channels + known * random.normal(0, self.changes.noise, channels.shape).astype(np.float32)
        turn, flip = int(random.integers(4)), random.random() < 0.5
        stacked = (channels, patch.truth.astype(np.int64), patch.valid)
        return tuple(turned(one, turn, flip) for one in stacked)  # type: ignore[return-value]

    def state(self) -> str:
        """Nothing: a batch depends on its step alone."""
        return ""

    def restore(self, state: str) -> None:
        """Nothing to restore."""


@lru_cache(maxsize=4)
def order_of(seed: int, epoch: int, count: int) -> list[int]:
    """The order of an epoch's windows."""
    return [int(number) for number in np.random.default_rng([seed, epoch]).permutation(count)]


def is_mixed(patch: Patch) -> bool:
    """Whether there is more than one class among the valid pixels."""
    classes = patch.truth[patch.valid]
    return bool(classes.size) and bool((classes != classes[0]).any())


def turned(array: np.ndarray, turn: int, flip: bool) -> np.ndarray:
    """One of the eight flips and quarter turns of (..., H, W)."""
    rotated = np.rot90(array, turn, axes=(-2, -1))
    return np.ascontiguousarray(rotated[..., ::-1] if flip else rotated)
