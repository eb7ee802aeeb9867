"""Scoring a tile with the trees: cells of 2x2 pixels, nodata, any shape."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baseline.gbm import GbmModel, coarse_any, coarse_rows, gbm_score, load_gbm, model_text
from errors import ModelFileError
from features.stack import FeatureStack, build_stack
from tests.examples import example_model, example_tile


@pytest.fixture(scope="module")
def model() -> GbmModel:
    return example_model().gbm


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 9))
def test_cells_are_means_over_known_pixels(rows: int, columns: int, seed: int):
    random = np.random.default_rng(seed)
    array = random.normal(size=(2, rows, columns)).astype(np.float32)
    valid = random.random((rows, columns)) > 0.3
    array[:, ~valid] = np.nan
    cells, known = coarse_rows(FeatureStack(array, ("a", "b"), valid))
    assert cells.shape == ((rows + 1) // 2, (columns + 1) // 2, 2)
    for row in range(cells.shape[0]):
        for column in range(cells.shape[1]):
            block = array[0, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            assert known[row, column] == bool(np.isfinite(block).any())
            if known[row, column]:
                assert cells[row, column, 0] == pytest.approx(np.nanmean(block), abs=1e-5)
            else:
                assert np.isnan(cells[row, column]).all()


def test_any_pixel_of_a_cell_counts():
    mask = np.zeros((3, 5), bool)
    mask[2, 4] = True
    np.testing.assert_array_equal(coarse_any(mask), [[False, False, False], [False, False, True]])


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30))
def test_any_shape_is_scored_and_nodata_is_zero(model: GbmModel, rows: int, columns: int):
    tile, _ = example_tile((rows, columns))
    score = gbm_score(model, build_stack(tile, model.channel_names), 1)
    assert score.shape == (rows, columns)
    assert score.dtype == np.float32
    assert np.all(score[~tile.valid] == 0)
    assert np.all((score >= 0) & (score <= 1))


def test_bright_cold_ground_scores_higher(model: GbmModel):
    tile, truth = example_tile()
    score = gbm_score(model, build_stack(tile, model.channel_names), 1)
    assert score[truth].min() > 0.5 > score[~truth].max()


def test_text_with_another_checksum_is_not_parsed(model: GbmModel):
    with pytest.raises(ModelFileError, match=r"model\.pth.*checksum"):
        load_gbm(model_text(model), "0" * 64, model.channel_names, "model.pth")
