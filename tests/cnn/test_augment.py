"""Training samples: reproducible, normalised, nodata kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cnn.augment import CropSampler, flip_and_turn, pad_to, prepare
from cnn.settings import Augmentation
from features.channels import parse_channel
from features.stack import build_stack
from tests.examples import example_tile

NAMES = ("green", "ndsi", "thermal.rank", "green.diff21")
STILL = Augmentation(
    gain=0,
    band_gain=0,
    haze=0,
    thermal_shift=0,
    context_gain=0,
    rank_gamma=0,
    drop_thermal=0,
    drop_ranks=0,
    scale=0,
)


def sampler(
    change: Augmentation = STILL, seed: int = 0, shape: tuple[int, int] = (70, 60), crop: int = 32
) -> CropSampler:
    tile, truth = example_tile(shape)
    zeros, ones = np.zeros(len(NAMES), np.float32), np.ones(len(NAMES), np.float32)
    return CropSampler([prepare(tile, truth, NAMES)], [1.0], NAMES, crop, change, zeros, ones, seed)


@pytest.mark.parametrize(
    "name, context, thermal",
    [("green", False, False), ("thermal.rank", True, True), ("green.std7", True, False)],
)
def test_kinds_of_channels(name: str, context: bool, thermal: bool):
    channel = parse_channel(name)
    assert (bool(channel.transform), channel.needs_thermal) == (context, thermal)


def test_the_same_seed_gives_the_same_batches():
    one, two, other = (sampler(Augmentation(), seed).batch(3) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(one, two))
    assert not torch.equal(one[0], other[0])


@pytest.mark.parametrize("shape", [(70, 60), (20, 40)], ids=["larger than the crop", "smaller"])
def test_samples_are_finite_and_zero_under_nodata(shape: tuple[int, int]):
    channels, truth, valid = sampler(Augmentation(scale=1.0), shape=shape).batch(6)
    assert channels.shape == (6, len(NAMES) + 1, 32, 32)
    assert truth.shape == valid.shape == (6, 32, 32)
    assert torch.isfinite(channels).all()
    assert torch.all(channels.movedim(1, -1)[~valid] == 0)
    assert torch.all(truth[~valid] == 0)


def test_without_changes_a_whole_tile_is_its_feature_stack():
    tile, truth = example_tile((32, 32))
    source = sampler(shape=(32, 32))
    channels, _, _ = source.sample()
    expected = np.nan_to_num(build_stack(tile, NAMES).array)
    views = [np.rot90(view, turn, axes=(1, 2)) for turn in range(4) for view in (expected, expected[:, :, ::-1])]
    assert min(np.abs(channels[:-1].numpy() - view).max() for view in views) < 0.02  # context is kept in half precision


def test_dropped_temperature_is_unknown():
    channels, _, _ = sampler(replace(STILL, drop_thermal=1.0)).batch(2)
    assert torch.all(channels[:, NAMES.index("thermal.rank")] == 0)
    assert torch.any(channels[:, NAMES.index("green")] != 0)


def test_flip_and_turn_keeps_the_pixels():
    stacked = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4)
    turned = flip_and_turn(stacked, np.random.default_rng(3))
    assert sorted(turned[0].ravel()) == sorted(stacked[0].ravel())


def test_pad_to_adds_nodata_at_the_end():
    padded = pad_to(np.ones((1, 2, 3), np.float32), 4)
    assert padded.shape == (1, 4, 4)
    assert padded.sum() == 6
