"""Shifts: each changes what it says and nothing else, and keeps nodata."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evaluation.shifts import MORE_CLOUD, chip_of, chips_to_train_on, shifts
from tests.examples import example_tile
from tiles.folder import LabelledTile
from tiles.tile import OPTICAL_BANDS

CHIPS = [example_tile((30, 40), seed=5)[0]]
NAMES = list(shifts(CHIPS))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(40, 48), (31, 17)])
def test_a_shift_gives_a_sound_tile(name: str, shape: tuple[int, int]):
    tile, truth = example_tile(shape)
    changed, outline = shifts(CHIPS)[name](tile, truth)
    again, _ = shifts(CHIPS)[name](tile, truth)
    assert changed.shape == outline.shape
    assert not outline[~changed.valid].any()
    for band, values in changed.bands.items():
        assert values.dtype == np.float32
        assert np.all(values[~changed.valid] == 0)
        np.testing.assert_array_equal(values, again.bands[band])


def test_each_changes_what_it_says():
    tile, truth = example_tile((64, 64))
    made = {name: shift(tile, truth) for name, shift in shifts(CHIPS).items()}
    valid = tile.valid
    np.testing.assert_allclose((made["10 K warmer"][0].bands["thermal"] - tile.bands["thermal"])[valid], 10, atol=1e-3)
    for name in OPTICAL_BANDS:
        np.testing.assert_allclose(made["reflectance x 0.8"][0].bands[name], 0.8 * tile.bands[name], rtol=1e-5)
        np.testing.assert_array_equal(made["10 K colder"][0].bands[name], tile.bands[name])
        matched, chip = made["histograms of other glaciers"][0].bands[name][valid], CHIPS[0]
        assert np.median(matched) == pytest.approx(np.median(chip.bands[name][chip.valid]), abs=0.02)
    assert not made["no thermal band"][0].has_thermal
    assert made["20 % more masked"][0].valid.sum() == pytest.approx((1 - MORE_CLOUD) * valid.sum(), rel=0.1)
    assert made["half resolution"][0].shape == (32, 32)
    assert made["half resolution"][1].mean() == pytest.approx(truth.mean(), abs=0.05)


def test_what_a_tile_is_scored_with_is_not_trained_on():
    chips = [replace(CHIPS[0], tile_id=str(number)) for number in range(9)]
    tile, truth = example_tile()
    tiles = [LabelledTile(replace(tile, tile_id=name), truth) for name in ("01_01", "01_02")]
    kept = chips_to_train_on(chips, tiles)
    taken = {chip_of(name, chips).tile_id for name in ("01_01", "01_02")}
    assert {chip.tile_id for chip in chips} == {chip.tile_id for chip in kept} | taken
    assert not taken & {chip.tile_id for chip in kept}
    assert chips_to_train_on([], tiles) == []


def test_without_chips_there_is_no_matching():
    assert len(shifts([])) == len(NAMES) - 1
