"""Tiles at half resolution: means over valid pixels, any shape."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiles.coarse import cell_mean, coarse_tile
from tiles.tile import Tile


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 99))
def test_cells_are_means_over_valid_pixels(rows: int, columns: int, seed: int):
    random = np.random.default_rng(seed)
    valid = random.random((rows, columns)) > 0.4
    band = np.where(valid, random.normal(size=(rows, columns)), 0).astype(np.float32)
    coarse = coarse_tile(Tile("1", {"green": band}, valid))
    assert coarse.shape == ((rows + 1) // 2, (columns + 1) // 2)
    for row, column in np.ndindex(*coarse.shape):
        cell = (slice(2 * row, 2 * row + 2), slice(2 * column, 2 * column + 2))
        assert coarse.valid[row, column] == valid[cell].any()
        expected = band[cell][valid[cell]].mean() if valid[cell].any() else 0
        assert coarse.bands["green"][row, column] == pytest.approx(expected, abs=1e-6)


def test_what_lies_beyond_the_border_counts_as_none():
    assert cell_mean(np.ones((3, 3), bool)).tolist() == [[1, 0.5], [0.5, 0.25]]
