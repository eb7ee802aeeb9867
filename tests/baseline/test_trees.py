"""A LightGBM text read into arrays, and the bit masks that do the same: equal to LightGBM, closed to tampering."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baseline import traversal
from baseline.traversal import fast_add_scores, forest_of, forest_score, rounded_down
from baseline.trees import read_trees
from errors import ModelFileError

CHANNELS = 5


def train(seed: int, leaves: int = 31, trees: int = 12, holes: float = 0.1) -> lightgbm.Booster:
    random = np.random.default_rng(seed)
    rows = random.normal(size=(1500, CHANNELS)).astype(np.float32)
    rows[random.random(rows.shape) < holes] = np.nan
    truth = np.nan_to_num(rows[:, 0]) * np.nan_to_num(rows[:, 1]) + np.isnan(rows[:, 2]) > 0.2
    wanted = {"objective": "binary", "verbosity": -1, "num_threads": 1, "num_leaves": leaves, "min_data_in_leaf": 5}
    return lightgbm.train(wanted, lightgbm.Dataset(rows, truth.astype(np.float32)), trees)


@pytest.fixture(scope="module")
def text() -> str:
    return train(0).model_to_string()


@pytest.mark.skipif(fast_add_scores is None, reason="numba is not installed")
@pytest.mark.parametrize("leaves", [2, 7, 31, 32])
@pytest.mark.parametrize("holes", [0.0, 0.3])
@pytest.mark.parametrize("jobs", [1, 3])
def test_equals_lightgbm(leaves: int, holes: float, jobs: int):
    """Also where values meet a split's threshold exactly, and where NaN comes without having been seen in training."""
    booster = train(leaves, leaves, holes=holes)
    trees = read_trees(booster.model_to_string(), CHANNELS, "here")
    random = np.random.default_rng(1)
    rows = random.normal(size=(997, CHANNELS)).astype(np.float32)
    splits = [(int(feature), limit) for tree in trees for feature, limit in zip(tree.feature, tree.threshold)]
    splits = [(feature, limit) for feature, limit in splits if np.isfinite(limit)]
    for row, (feature, limit) in zip(rows, splits):
        row[feature] = limit
    rows[random.random(rows.shape) < 0.2] = np.nan
    forest = forest_of(trees)
    assert forest is not None
    found = forest_score(forest, np.ascontiguousarray(rows.T), jobs)
    np.testing.assert_allclose(found, booster.predict(rows), atol=1e-6)


@pytest.mark.parametrize("with_lightgbm", [True, False])
def test_where_machine_code_cannot_be_kept_lightgbm_predicts_if_it_is_there(with_lightgbm: bool, monkeypatch):
    class Numba:
        """Has nowhere to keep what it compiles."""

        @staticmethod
        def njit(nogil: bool, cache: bool = False) -> object:
            if cache:
                raise RuntimeError("cannot cache function: no locator available")
            return lambda function: function

    monkeypatch.setattr(traversal, "numba", Numba)
    monkeypatch.setattr(traversal, "find_spec", lambda name: object() if with_lightgbm else None)
    assert traversal.compiled(print) is (None if with_lightgbm else print)
    monkeypatch.setattr(traversal, "numba", None)
    assert traversal.compiled(print) is None


def test_no_rows_are_no_scores(text: str):
    forest = forest_of(read_trees(text, CHANNELS, "here"))
    if forest is not None:
        assert forest_score(forest, np.empty((CHANNELS, 0), np.float32), 2).shape == (0,)


def test_larger_trees_are_left_to_lightgbm():
    assert forest_of(read_trees(train(0, 40).model_to_string(), CHANNELS, "here")) is None


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(width=32, allow_nan=False))
def test_thresholds_compare_alike_in_single_precision(threshold: float, value: float):
    assert (np.float32(value) > rounded_down(np.array([threshold]))[0]) == (value > threshold)


def changed(text: str, name: str, place: int, value: str) -> str:
    """The text with one number of the first line of that name changed."""
    lines = text.split("\n")
    row = next(number for number, line in enumerate(lines) if line.startswith(f"{name}="))
    words = lines[row].split("=", 1)[1].split()
    words[place] = value
    lines[row] = f"{name}={' '.join(words)}"
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        ("split_feature", 0, "5"),
        ("split_feature", 3, "-1"),
        ("left_child", 0, "0"),
        ("left_child", 0, "30"),
        ("left_child", 2, "99999"),
        ("right_child", 1, "-99"),
        ("threshold", 0, "nan"),
        ("leaf_value", 4, "nan"),
        ("leaf_value", 0, "many"),
        ("decision_type", 0, "1"),
        ("decision_type", 0, "4"),
        ("decision_type", 0, "-2"),
        ("num_leaves", 0, "1000000000"),
        ("num_leaves", 0, "30"),
        ("num_cat", 0, "1"),
        ("num_class", 0, "3"),
        ("objective", 0, "regression"),
        ("max_feature_idx", 0, "7"),
    ],
)
def test_numbers_out_of_range_are_refused(text: str, name: str, place: int, value: str):
    with pytest.raises(ModelFileError, match=r"^model\.pth: the GBM's text"):
        read_trees(changed(text, name, place, value), CHANNELS, "model.pth")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_damage_is_a_named_error_or_a_model_that_walks(data: st.DataObject):
    text = train(3, 7, 3).model_to_string()
    place = data.draw(st.integers(0, len(text) - 1))
    kind = data.draw(st.sampled_from(["cut", "replace", "insert", "remove"]))
    piece = data.draw(st.text(st.characters(max_codepoint=127), min_size=1, max_size=4))
    damaged = {
        "cut": text[:place],
        "replace": text[:place] + piece + text[place + len(piece) :],
        "insert": text[:place] + piece + text[place:],
        "remove": text[:place] + text[place + 1 :],
    }[kind]
    try:
        trees = read_trees(damaged, CHANNELS, "here")
    except ModelFileError as problem:
        assert str(problem).startswith("here: ")
        return
    for tree in trees:
        assert sorted(tree.leaves_in_order()) == list(range(len(tree.leaf)))
