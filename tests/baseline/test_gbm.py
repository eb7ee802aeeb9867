"""Scoring a tile with the trees: nodata, any shape, with and without numba."""

from __future__ import annotations

import builtins

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baseline.gbm import GbmModel, gbm_score, load_gbm
from errors import ModelFileError, PackageError
from tests.examples import example_model, example_tile


@pytest.fixture(scope="module")
def model() -> GbmModel:
    return example_model().gbm


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30))
def test_any_shape_is_scored_and_nodata_is_zero(model: GbmModel, rows: int, columns: int):
    tile, _ = example_tile((rows, columns))
    score = gbm_score(model, tile, 1)
    assert score.shape == (rows, columns)
    assert score.dtype == np.float32
    assert np.all(score[~tile.valid] == 0)
    assert np.all((score >= 0) & (score <= 1))


def test_bright_cold_ground_scores_higher(model: GbmModel):
    tile, truth = example_tile()
    score = gbm_score(model, tile, 1)
    assert score[truth].min() > 0.5 > score[~truth].max()


def test_text_with_another_checksum_is_not_parsed(model: GbmModel):
    with pytest.raises(ModelFileError, match=r"model\.pth.*checksum"):
        load_gbm(model.text.encode("ascii"), "0" * 64, model.channel_names, "model.pth")


@pytest.mark.parametrize("problem", [ImportError("No module named 'lightgbm'"), OSError("libgomp.so.1: cannot open")])
def test_without_numba_and_lightgbm_one_sentence_says_what_to_install(
    model: GbmModel, problem: Exception, monkeypatch: pytest.MonkeyPatch, one_sentence
):
    def refuse(name: str, *args: object) -> object:
        if name == "lightgbm":
            raise problem
        return importing(name, *args)

    importing = builtins.__import__
    monkeypatch.setattr("baseline.traversal.fast_add_scores", None)
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(PackageError) as caught:
        gbm_score(GbmModel(model.text, model.channel_names), example_tile()[0], 1)
    one_sentence(caught.value, "run `pip install numba lightgbm`")
    assert str(problem) in str(caught.value)


def test_lightgbm_predicts_where_nothing_runs_the_masks(model: GbmModel, monkeypatch: pytest.MonkeyPatch):
    tile, _ = example_tile()
    fast = gbm_score(model, tile)
    monkeypatch.setattr("baseline.traversal.fast_add_scores", None)
    plain = GbmModel(model.text, model.channel_names)
    assert plain.forest is None
    np.testing.assert_allclose(gbm_score(plain, tile, 1), fast, atol=1e-6)
