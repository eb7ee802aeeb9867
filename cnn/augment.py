"""Training samples: random crops with the radiometry, geometry and missing bands of other scenes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from cnn.settings import Augmentation
from features.channels import Channel, parse_channel
from features.indices import compute_index
from features.stack import build_stack
from tiles.tile import BAND_NAMES, THERMAL_BAND, Tile


@dataclass(frozen=True)
class TrainingTile:
    """A labelled tile with the channels that depend on the whole scene computed once.

    ``bands``: float32 (5, H, W) in the order of BAND_NAMES, NaN where missing; ``context``: float16
    (C, H, W), the channels with a transform; ``truth`` and ``valid`` bool (H, W).
    """

    tile_id: str
    bands: np.ndarray
    context: np.ndarray
    truth: np.ndarray
    valid: np.ndarray


def prepare(tile: Tile, truth: np.ndarray, channel_names: Sequence[str]) -> TrainingTile:
    """A tile and its truth, ready to be cropped at random."""
    bands = np.stack([tile.bands.get(band, np.full(tile.shape, np.nan, np.float32)) for band in BAND_NAMES])
    context = build_stack(tile, [name for name in channel_names if parse_channel(name).transform])
    return TrainingTile(tile.tile_id, bands, context.array.astype(np.float16), truth, tile.valid)


class CropSampler:
    """Draws batches of crops; the same seed gives the same batches."""

    def __init__(
        self,
        tiles: Sequence[TrainingTile],
        weights: Sequence[float],
        channel_names: Sequence[str],
        crop: int,
        augmentation: Augmentation,
        mean: np.ndarray,
        std: np.ndarray,
        seed: int,
    ) -> None:
        self.tiles = list(tiles)
        self.share = np.asarray(weights, float) / np.sum(weights)
        self.named = tuple(map(parse_channel, channel_names))
        self.crop, self.change = crop, augmentation
        self.mean, self.std = mean.reshape(-1, 1, 1), std.reshape(-1, 1, 1)
        self.random = np.random.default_rng(seed)

    def batch(self, size: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Channels (N, C + 1, crop, crop) with the valid mask last, truth float and valid bool (N, crop, crop)."""
        samples = [self.sample() for _ in range(size)]
        channels, truth, valid = (torch.stack(part) for part in zip(*samples))
        return channels, truth, valid

    def sample(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """One augmented crop."""
        tile = self.tiles[self.random.choice(len(self.tiles), p=self.share)]
        side = self.crop
        if self.random.random() < self.change.scale:
            side = round(self.crop * np.exp(self.random.uniform(*np.log(self.change.scale_range))))
        rows, columns = self.window(tile, side)
        valid = tile.valid[rows, columns]
        channels = self.channels(tile.bands[:, rows, columns], tile.context[:, rows, columns], valid)
        stacked = np.concatenate([channels, valid[None], tile.truth[None, rows, columns]]).astype(np.float32)
        stacked = pad_to(flip_and_turn(stacked, self.random), side)
        sample = torch.from_numpy(stacked)
        if side != self.crop:
            smooth = functional.interpolate(
                sample[None, :-2], size=(self.crop, self.crop), mode="bilinear", align_corners=False
            )[0]
            sharp = functional.interpolate(sample[None, -2:], size=(self.crop, self.crop), mode="nearest")[0]
            sample = torch.cat([smooth * sharp[:1], sharp])
        return sample[:-1], sample[-1], sample[-2] > 0.5

    def window(self, tile: TrainingTile, side: int) -> tuple[slice, slice]:
        """A random window with some valid pixels in it, cut off where the tile is smaller."""
        height, width = tile.valid.shape
        for _ in range(5):
            top = self.random.integers(0, max(height - side, 0) + 1)
            left = self.random.integers(0, max(width - side, 0) + 1)
            rows, columns = slice(top, top + side), slice(left, left + side)
            if tile.valid[rows, columns].mean() > 0.2:
                break
        return rows, columns

    def channels(self, bands: np.ndarray, context: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """Normalised channels (C, h, w) of a crop after radiometric changes, 0 where nothing is known."""
        change, random = self.change, self.random
        named = dict(zip(BAND_NAMES, bands))
        gain = np.exp(random.normal(0, change.gain))
        haze = random.normal(0, change.haze)
        for band in BAND_NAMES[:-1]:
            factor = gain * np.exp(random.normal(0, change.band_gain))
            named[band] = named[band] * np.float32(factor) + np.float32(haze if band != "swir1" else haze / 3)
        named[THERMAL_BAND] = named[THERMAL_BAND] + np.float32(random.normal(0, change.thermal_shift))
        without_thermal, without_ranks = (
            random.random() < change.drop_thermal,
            random.random() < change.drop_ranks,
        )
        array = np.empty((len(self.named), *valid.shape), np.float32)
        row_of_context = 0
        for row, channel in enumerate(self.named):
            if channel.transform:
                array[row] = self.jitter(channel, context[row_of_context].astype(np.float32))
                row_of_context += 1
            else:
                array[row] = compute_index(channel.row, named)
            if (without_thermal and channel.needs_thermal) or (without_ranks and channel.transform == "rank"):
                array[row] = np.nan
        array = (array - self.mean) / self.std
        return np.where(valid & np.isfinite(array), array, np.float32(0))

    def jitter(self, channel: Channel, values: np.ndarray) -> np.ndarray:
        """A context channel as another scene might show it."""
        if channel.transform == "rank":
            return values ** np.float32(np.exp(self.random.normal(0, self.change.rank_gamma)))
        shift = self.random.normal(0, self.change.thermal_shift) if channel.name == "thermal.scene" else 0.0
        return values * np.float32(np.exp(self.random.normal(0, self.change.context_gain))) + np.float32(shift)


def flip_and_turn(stacked: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """One of the eight flips and rotations of (C, h, w)."""
    turned = np.rot90(stacked, int(random.integers(4)), axes=(1, 2))
    return np.ascontiguousarray(turned[:, :, ::-1] if random.random() < 0.5 else turned)


def pad_to(stacked: np.ndarray, side: int) -> np.ndarray:
    """Pad (C, h, w) with zeros, which is nodata, at the end of both axes."""
    short = [(0, 0), (0, max(side - stacked.shape[1], 0)), (0, max(side - stacked.shape[2], 0))]
    return np.pad(stacked, short) if any(after for _, after in short) else stacked
