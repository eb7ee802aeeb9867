"""The importance report: the channel that decides comes first, and every file names every channel."""

from __future__ import annotations

import csv
from html.parser import HTMLParser
from pathlib import Path

import lightgbm
import numpy as np
import pytest

from baseline.gbm import GbmModel
from baseline.importance import FoldSample, Importance, channel_importance, family_importance, share, shuffled
from baseline.report import formula_of, write_report

NAMES = ("green.std7", "ndsi", "thermal.rank", "ndglai")
METRICS = {
    "pooled": {"mcc": 0.6, "iou": 0.5},
    "folds": [{"fold": 0, "tiles": ["01_01", "<b>"], "threshold": 0.4, "mcc": 0.6}],
}


@pytest.fixture(scope="module")
def samples() -> list[FoldSample]:
    random = np.random.default_rng(0)
    made = []
    for fold in range(2):
        rows = random.normal(size=(1500, len(NAMES))).astype(np.float32)
        truth = rows[:, 1] + 0.2 * rows[:, 0] > 0
        settings = {"objective": "binary", "verbosity": -1, "num_threads": 1, "deterministic": True, "seed": fold}
        booster = lightgbm.train(settings, lightgbm.Dataset(rows[:1000], truth[:1000].astype(np.float32)), 20)
        made.append(FoldSample(GbmModel(booster, NAMES), rows[1000:], truth[1000:], 0.5))
    return made


def test_the_deciding_channel_is_first(samples):
    rows = channel_importance(samples, 0)
    assert rows[0].name == "ndsi"
    for measure in ("gain", "permutation", "shap"):
        assert max(rows, key=lambda row: getattr(row, measure)).name == "ndsi"
    assert sum(row.gain for row in rows) == pytest.approx(1)
    assert sum(row.split for row in rows) == pytest.approx(1)


def test_families_add_up_their_channels(samples):
    channels, families = channel_importance(samples, 0), family_importance(samples, 0)
    assert {row.name for row in families} == {row.family for row in channels} == {"texture", "index", "scene-relative"}
    index = next(row for row in families if row.name == "index")
    assert index.gain == pytest.approx(sum(row.gain for row in channels if row.family == "index"))
    assert index.permutation > 0.3


def test_the_same_seed_gives_the_same_report(samples):
    assert channel_importance(samples, 3) == channel_importance(samples, 3)


def test_shuffling_moves_columns_together_and_leaves_the_rest():
    rows = np.arange(12, dtype=np.float32).reshape(4, 3)
    order = np.array([2, 3, 0, 1])
    moved = shuffled(rows, [0, 2], order)
    np.testing.assert_array_equal(moved[:, [0, 2]], rows[order][:, [0, 2]])
    np.testing.assert_array_equal(moved[:, 1], rows[:, 1])


def test_a_model_without_splits_has_no_shares():
    assert share(np.zeros(3), [0, 1]) == 0


class Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)


def test_every_file_names_every_channel(samples, tmp_path: Path):
    channels, families = channel_importance(samples, 0), family_importance(samples, 0)
    write_report(tmp_path, channels, families, METRICS)
    table = list(csv.DictReader((tmp_path / "importance.csv").open()))
    assert [row["channel"] for row in table] == [row.name for row in channels]
    assert float(table[0]["permutation"]) == pytest.approx(channels[0].permutation, abs=1e-6)
    assert len(list(csv.DictReader((tmp_path / "importance_by_family.csv").open()))) == 3
    parser = Text()
    parser.feed((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert set(NAMES) <= set(parser.words)
    assert "01_01, <b>" in parser.words, "what comes from file names is escaped"
    assert "b" not in parser.tags
    assert (tmp_path / "importance.png").stat().st_size > 10_000


def test_nothing_half_written_is_left(tmp_path: Path):
    row = Importance("ndsi", "index", 1.0, 1.0, 0.5, 2.0)
    with pytest.raises(KeyError):
        write_report(tmp_path, [row], [row], {})
    assert not (tmp_path / "report.html").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_formulas_say_what_a_channel_is():
    assert formula_of("ndsi") == "(G - S1) / (G + S1)"
    assert formula_of("green.std7") == "local standard deviation of asinh(g / STRETCH), 7 x 7 pixels"
