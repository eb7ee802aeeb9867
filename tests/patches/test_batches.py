"""Batches are the same however they are shared out; the normalisation is that of the training patches."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from errors import TrainingError
from patches.batches import Changes, PatchBatches, turned
from patches.formats import open_images
from patches.normalise import Normalisation, measure
from patches.windows import starts, training_windows
from tests.examples import write_folder
from tests.pictures import write_slices


@pytest.fixture
def images(tmp_path):
    return open_images(write_folder(tmp_path))


def test_processes_share_the_batch_of_one(images):
    windows = training_windows(images, 16, 0.5)
    changes = Changes(gain=0.1, offset=0.1, noise=0.05, mixed=True)
    batches = PatchBatches(images, windows, measure(images, windows, "measured"), 6, 3, changes)
    for step in (0, 40):
        whole = batches.batch(step, slice(None))
        assert whole[0].shape == (6, 5, 16, 16)
        for part, first, second in zip(
            whole, batches.batch(step, slice(0, None, 2)), batches.batch(step, slice(1, None, 2))
        ):
            assert torch.equal(part[0::2], first)
            assert torch.equal(part[1::2], second)
    other = PatchBatches(images, windows, batches.normalisation, 6, 4, changes)
    assert not torch.equal(other.batch(0, slice(None))[0], batches.batch(0, slice(None))[0])


def test_an_epoch_sees_every_window_once(images):
    windows = training_windows(images, 16, 0.0)
    batches = PatchBatches(images, windows, measure(images, windows, "measured"), 1, 0)
    seen = [batches.batch(step, slice(None))[1].sum().item() for step in range(len(windows))]
    assert sorted(seen) == sorted(int(window.patch(images).truth.sum()) for window in windows)


def test_measured_patches_have_no_mean_and_unit_spread(images):
    windows = training_windows(images, 40, 0.0)
    normalisation = measure(images, windows, "measured")
    patches = [window.patch(images) for window in windows]
    numbers = np.concatenate([normalisation.apply(one.array, one.valid)[:, one.valid] for one in patches], axis=1)
    np.testing.assert_allclose(numbers.mean(axis=1), 0, atol=0.01)
    np.testing.assert_allclose(numbers.std(axis=1), 1, atol=0.01)
    assert not normalisation.apply(patches[0].array, patches[0].valid)[:, ~patches[0].valid].any()


def test_the_originals_scalings(images):
    windows = training_windows(images, 40, 0.0)
    patch = windows[0].patch(images)
    coarse = measure(images, windows, "bytes").apply(patch.array, patch.valid) * 255
    np.testing.assert_allclose(coarse, np.round(coarse), atol=1e-4)
    own = Normalisation("image", (0.0,) * 5, (1.0,) * 5).apply(patch.array, patch.valid)
    np.testing.assert_allclose(own[:, patch.valid].max(axis=1), 1)
    np.testing.assert_allclose(own[:, patch.valid].min(axis=1), 0)


def test_training_patches_without_glacier_or_numbers_are_refused(tmp_path, one_sentence):
    folder = write_slices(tmp_path, 1)
    mask = np.load(folder / "slice_0_mask_0.npy")
    array = np.load(folder / "slice_0_img_0.npy")

    def refused(culprit):
        images = open_images(folder)
        with pytest.raises(TrainingError) as raised:
            measure(images, training_windows(images, 48, 0.0), "measured")
        one_sentence(raised.value, culprit)

    np.save(folder / "slice_0_mask_0.npy", mask * 0)
    refused("no glacier pixel")
    array[..., 4] = np.nan
    np.save(folder / "slice_0_img_0.npy", array)
    refused("band swir1")
    np.save(folder / "slice_0_img_0.npy", array * np.nan)
    refused("no valid pixel")


@given(st.integers(1, 500), st.integers(1, 200), st.integers(1, 200))
def test_windows_cover_an_axis(length, side, stride):
    covered = np.zeros(length, bool)
    for start in starts(length, side, min(stride, side)):
        covered[start : start + side] = True
        assert start + side <= max(length, side)
    assert covered.all()


@given(st.integers(0, 3), st.booleans())
def test_turns_keep_bands_and_truth_together(turn, flip):
    square = np.arange(16).reshape(4, 4)
    np.testing.assert_array_equal(turned(np.stack([square, square]), turn, flip)[1], turned(square, turn, flip))
