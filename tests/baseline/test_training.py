"""Fitting the baseline: spatial folds, honest thresholds, determinism, and its command."""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from baseline import train_gbm
from baseline.gbm import gbm_score
from baseline.settings import GBM_CHANNELS, GbmConfig
from baseline.training import Rows, cross_validate_gbm, fit_gbm, sample_all_rows, sample_rows
from errors import TrainingError
from features.channels import parse_channel
from scores.confusion import confusion
from tests.examples import example_tile, write_folder
from tiles.folder import LabelledTile, read_labelled

SMALL = GbmConfig(
    channels=("green", "ndsi", "thermal.rank", "green.std7"), trees=15, smallest_leaf=5, rows_per_tile=200, jobs=1
)


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory):
    return read_labelled(write_folder(tmp_path_factory.mktemp("data"), ("01_01", "01_02", "02_01", "02_02")))


def test_channels_are_known_and_of_every_family():
    assert {parse_channel(name).family for name in GBM_CHANNELS} >= {
        "brightness",
        "index",
        "scene-relative",
        "context",
        "texture",
    }
    assert len(set(GBM_CHANNELS)) == len(GBM_CHANNELS)


def test_scores_are_out_of_fold(tiles):
    folds, scores, rows = cross_validate_gbm(tiles, SMALL, 2)
    assert [fold.tile_ids for fold in folds] == [("01_01", "01_02"), ("02_01", "02_02")]
    assert set(rows.tiles) == set(rows.copies) == set(scores)
    by_id = {tile.tile_id: (tile, truth) for tile, truth in tiles}
    for fold in folds:
        for tile_id in fold.tile_ids:
            tile, truth = by_id[tile_id]
            expected = gbm_score(fold.model, tile, 1)
            np.testing.assert_array_equal(scores[tile_id], expected)
            assert confusion(truth, scores[tile_id] > fold.threshold).mcc > 0.9
    kept = [part[tile_id] for part in (rows.tiles, rows.copies) for tile_id in folds[1].tile_ids]
    assert fit_gbm(kept, SMALL).text == folds[0].model.text, "the held-out tiles were not trained on"


def test_extra_tiles_are_trained_on_and_not_scored(tiles):
    tile, truth = example_tile(seed=9, thermal=False)
    extra = [LabelledTile(replace(tile, tile_id="81_01"), truth)]
    folds, scores, rows = cross_validate_gbm(tiles, SMALL, 2, extra)
    assert sorted(scores) == ["01_01", "01_02", "02_01", "02_02"]
    assert set(rows.extra) == {extra[0][0].tile_id}
    assert len(rows.without()) == 9 and len(rows.without(rows.extra)) == 8
    plain, _, _ = cross_validate_gbm(tiles, SMALL, 2)
    assert folds[0].model.text != plain[0].model.text


def test_the_same_seed_gives_the_same_trees(tiles):
    one, two = (fit_gbm(sample_all_rows(tiles, SMALL).without(), SMALL).text for _ in range(2))
    other = fit_gbm(sample_all_rows(tiles, replace(SMALL, seed=1)).without(), replace(SMALL, seed=1)).text
    assert one == two
    assert one != other


def test_rows_are_valid_cells(tiles):
    rows = sample_rows(tiles[0], SMALL)
    assert rows.values.shape == (200, 4)
    assert np.isfinite(rows.values).all()
    assert 0.2 < rows.truth.mean() < 0.8


def test_one_class_cannot_be_learnt():
    rows = Rows(np.zeros((50, 4), np.float32), np.ones(50, bool))
    with pytest.raises(TrainingError, match="one class"):
        fit_gbm([rows], SMALL)


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr("sys.argv", ["train_gbm.py", *map(str, words)])
    return train_gbm.main()


def test_the_command_writes_all_it_promises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    data, out = write_folder(tmp_path / "data", ("01_01", "01_02"), (64, 64)), tmp_path / "out"
    assert run(monkeypatch, "--data", data, "--out", out, "--folds", 2, "--trees", 5, "--jobs", 1) == 0
    facts = json.loads((out / "gbm.json").read_text())
    assert facts["sha256"] == hashlib.sha256((out / "gbm.txt").read_bytes()).hexdigest()
    assert facts["channels"] == list(GBM_CHANNELS)
    metrics = json.loads((out / "metrics.json").read_text())
    assert set(metrics["pooled"]) == {"mcc", "iou", "f1", "precision", "recall"}
    assert [fold["tiles"] for fold in metrics["folds"]] == [["01_01"], ["01_02"]]
    assert {row["channel"] for row in csv.DictReader((out / "importance.csv").open())} == set(GBM_CHANNELS)
    assert len(list((out / "out_of_fold").iterdir())) == 2
    for name in ("importance_by_family.csv", "importance.png", "report.html"):
        assert (out / name).stat().st_size > 100


@pytest.mark.parametrize("folds", [1, 5])
def test_impossible_folds_are_one_sentence(folds: int, tmp_path: Path, monkeypatch, capsys):
    data = write_folder(tmp_path / "data")
    assert run(monkeypatch, "--data", data, "--out", tmp_path / "out", "--folds", folds) == 2
    assert capsys.readouterr().err.startswith("error: 2 tile(s) cannot be split")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("trees", [0, -1])
def test_no_trees_are_one_sentence(trees: int, tmp_path: Path, monkeypatch, capsys):
    assert run(monkeypatch, "--data", tmp_path, "--trees", trees) == 2
    assert capsys.readouterr().err.startswith(f"error: --trees {trees}: is below 1")
