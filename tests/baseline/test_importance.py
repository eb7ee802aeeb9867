"""The four measures of importance: the channel that decides comes first, families act as one."""

from __future__ import annotations

from collections.abc import Sequence

import lightgbm
import numpy as np
import pytest

from baseline.gbm import GbmModel
from baseline.importance import (
    MEASURES,
    FoldSample,
    channel_importance,
    family_importance,
    share,
    shuffled,
)
from errors import TrainingError

NAMES = ("green.std7", "ndsi", "thermal.rank", "ndglai")


def fit(rows: np.ndarray, truth: np.ndarray, names: Sequence[str], trees: int = 20) -> GbmModel:
    settings = {"objective": "binary", "verbosity": -1, "num_threads": 1, "deterministic": True, "seed": 0}
    booster = lightgbm.train(settings, lightgbm.Dataset(rows, truth.astype(np.float32)), trees)
    return GbmModel(booster.model_to_string(), tuple(names))


def make_sample(seed: int) -> FoldSample:
    """NDSI decides in many steps (its splits outnumber the others'), and is missing here and there."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(2000, len(NAMES))).astype(np.float32)
    rows[:, [0, 2, 3]] = np.round(rows[:, [0, 2, 3]])
    truth = np.sin(4 * rows[:, 1]) + 0.1 * rows[:, 0] > 0
    rows[random.random(2000) < 0.05, 1] = np.nan
    return FoldSample(fit(rows[:1400], truth[:1400], NAMES), rows[1400:], truth[1400:], 0.5)


@pytest.fixture(scope="module")
def samples() -> list[FoldSample]:
    return [make_sample(0), make_sample(1)]


@pytest.mark.parametrize("measure", MEASURES)
def test_the_deciding_channel_is_first(samples, measure: str):
    rows = channel_importance(samples, 0)
    assert rows[0].name == "ndsi"
    assert max(rows, key=MEASURES[measure]).name == "ndsi"


def test_rows_are_sorted_and_shares_add_up(samples):
    for rows in (channel_importance(samples, 0), family_importance(samples, 0)):
        assert [row.permutation for row in rows] == sorted((row.permutation for row in rows), reverse=True)
        assert sum(row.gain for row in rows) == pytest.approx(1)
        assert sum(row.split for row in rows) == pytest.approx(1)


def test_families_add_up_their_channels(samples):
    channels, families = channel_importance(samples, 0), family_importance(samples, 0)
    assert {row.name for row in families} == {row.family for row in channels} == {"texture", "index", "scene-relative"}
    for family in families:
        members = [row for row in channels if row.family == family.name]
        assert family.family == family.name
        assert family.gain == pytest.approx(sum(row.gain for row in members))
        assert family.split == pytest.approx(sum(row.split for row in members))
        assert family.shap <= sum(row.shap for row in members) + 1e-9, "|a + b| is at most |a| + |b|"


def test_channels_that_stand_in_for_each_other_count_as_a_family():
    """Either copy is enough for half the trees; only the family shows what both carry."""
    random = np.random.default_rng(0)
    ndsi = random.normal(size=2000)
    copies = [ndsi, ndsi + random.normal(scale=0.01, size=2000), random.normal(size=2000)]
    rows, truth = np.stack(copies, axis=1).astype(np.float32), ndsi > 0
    booster = fit(rows[:1000], truth[:1000], ("ndsi", "ndsaii", "green"))
    sample = FoldSample(booster, rows[1000:], truth[1000:], 0.5)
    family = family_importance([sample], 0)[0]
    assert family.name == "index"
    assert family.permutation >= max(row.permutation for row in channel_importance([sample], 0)) - 0.05
    assert family.permutation > 0.9


def test_shap_is_the_mean_contribution_in_log_odds(samples):
    contributions = np.asarray(samples[0].model.booster.predict(samples[0].rows, pred_contrib=True))
    found = {row.name: row.shap for row in channel_importance(samples[:1], 0)}
    for column, name in enumerate(NAMES):
        assert found[name] == pytest.approx(np.abs(contributions[:, column]).mean())


def test_each_fold_counts_the_same(samples):
    both = {row.name: row.shap for row in channel_importance(samples, 0)}
    first, second = ({row.name: row.shap for row in channel_importance([sample], 0)} for sample in samples)
    assert both["ndsi"] == pytest.approx((first["ndsi"] + second["ndsi"]) / 2)


def test_the_same_seed_gives_the_same_report(samples):
    assert channel_importance(samples, 3) == channel_importance(samples, 3)


def test_a_fold_of_nodata_is_passed_over(samples):
    empty = FoldSample(samples[0].model, samples[0].rows[:0], samples[0].truth[:0], 0.5)
    assert channel_importance([samples[0], empty], 0) == channel_importance([samples[0]], 0)
    with pytest.raises(TrainingError, match="no valid pixel"):
        channel_importance([empty], 0)


def test_held_out_cells_stay_as_they_were(samples):
    before = samples[0].rows.copy()
    family_importance(samples, 0)
    np.testing.assert_array_equal(samples[0].rows, before)


def test_shuffling_moves_columns_together_and_leaves_the_rest():
    rows = np.arange(12, dtype=np.float32).reshape(4, 3)
    order = np.array([2, 3, 0, 1])
    moved = shuffled(rows, [0, 2], order)
    np.testing.assert_array_equal(moved[:, [0, 2]], rows[order][:, [0, 2]])
    np.testing.assert_array_equal(moved[:, 1], rows[:, 1])


def test_a_model_without_splits_has_no_shares():
    assert share(np.zeros(3), [0, 1]) == 0
