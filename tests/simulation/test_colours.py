"""Copies in the colours of chips: their histograms, the tile's own pattern, and nothing under nodata."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulation.colours import matched, other_colours
from tests.examples import example_tile
from tiles.folder import LabelledTile
from tiles.tile import THERMAL_BAND

CHIPS = [replace(example_tile((20, 30), seed=seed)[0], tile_id=f"chip{seed}") for seed in range(5)]


@given(seed=st.integers(0, 99), rows=st.integers(1, 30), columns=st.integers(1, 30))
def test_every_band_has_the_histogram_of_the_chip_and_the_order_of_the_tile(seed: int, rows: int, columns: int):
    tile, _ = example_tile((rows, columns), seed=seed)
    chip = CHIPS[seed % len(CHIPS)]
    changed = matched(tile, chip)
    np.testing.assert_array_equal(changed.valid, tile.valid)
    for name, band in changed.bands.items():
        assert band.dtype == np.float32
        assert np.all(band[~tile.valid] == 0)
        if tile.valid.any():
            theirs = chip.bands[name][chip.valid]
            assert band[tile.valid].min() >= theirs.min() - 1e-3
            assert band[tile.valid].max() <= theirs.max() + 1e-3
            order = np.argsort(tile.bands[name][tile.valid], kind="stable")
            assert np.all(np.diff(band[tile.valid][order]) >= 0)


def test_matching_its_own_histogram_changes_next_to_nothing():
    tile, _ = example_tile((40, 50))
    for name, band in matched(tile, tile).bands.items():
        np.testing.assert_allclose(band, tile.bands[name], atol=1e-3 if name != THERMAL_BAND else 0.1)


@pytest.mark.parametrize("thermal", [True, False])
def test_a_band_that_one_of_both_lacks_stays(thermal: bool):
    tile, _ = example_tile(thermal=thermal)
    chip = replace(CHIPS[0], bands={name: band for name, band in CHIPS[0].bands.items() if name != THERMAL_BAND})
    changed = matched(tile, chip)
    assert changed.has_thermal == thermal
    if thermal:
        np.testing.assert_array_equal(changed.bands[THERMAL_BAND], tile.bands[THERMAL_BAND])
    assert not np.array_equal(changed.bands["green"], tile.bands["green"])


def test_copies_are_drawn_by_id_and_seed():
    tile, truth = example_tile()

    def drawn(tile_id: str, seed: int) -> list[bytes]:
        labelled = LabelledTile(replace(tile, tile_id=tile_id), truth)
        copies = other_colours(labelled, CHIPS, 8, seed)
        assert all(outline is truth for _, outline in copies)
        return [copy.bands["green"].tobytes() for copy, _ in copies]

    assert drawn("01_01", 0) == drawn("01_01", 0)
    assert len({tuple(drawn(name, seed)) for name in ("01_01", "01_02") for seed in (0, 1)}) == 4
    assert len(set(drawn("01_01", 0))) > 1, "of several chips"


def test_a_tile_without_valid_pixels_stays_as_it_is():
    tile, _ = example_tile()
    empty = replace(tile, valid=np.zeros_like(tile.valid))
    assert matched(empty, CHIPS[0]) is empty
