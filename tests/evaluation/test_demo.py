"""The demo: masks through solution.py, scores side by side, one figure."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

import solution
from evaluation import demo
from evaluation.overview import BACKGROUND, CORRECT, FALSE_ALARM, MISSED, NODATA, agreement, false_colour
from evaluation.systems import SYSTEMS
from fusion.model_file import save_model
from tests.examples import example_model, example_tile, write_folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    save_model(example_model(), folder / "model.pth")
    monkeypatch.setattr(solution, "HERE", folder)
    monkeypatch.setattr(demo, "HERE", folder)
    return folder


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr("sys.argv", ["demo.py", "--device", "cpu", *map(str, words)])
    return demo.main()


def test_it_maps_scores_and_draws(home: Path, tmp_path: Path, monkeypatch, capsys):
    data, out = write_folder(tmp_path / "data"), tmp_path / "out"
    assert run(monkeypatch, "--data", data, "--out", out) == 0
    scores = json.loads((out / "scores.json").read_text())
    assert set(scores) == set(SYSTEMS)
    assert set(scores["hybrid"]["tiles"]) == {"01_01", "01_02"}
    assert scores["hybrid"]["pooled"]["mcc"] == 1
    assert matplotlib.image.imread(out / "overview.png").shape[0] > 300
    assert len(list((out / "masks").iterdir())) == 2
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("pooled", "mcc", "iou", "precision", *SYSTEMS))


def test_a_folder_without_labels_is_one_sentence(home: Path, tmp_path: Path, monkeypatch, capsys):
    data = write_folder(tmp_path / "data")
    for label in (data / "label").iterdir():
        label.unlink()
    assert run(monkeypatch, "--data", data, "--out", tmp_path / "out") == 2
    assert "label" in capsys.readouterr().err


def test_every_pixel_has_one_class():
    tile, truth = example_tile((20, 24))
    mask = np.roll(truth, 3, axis=0) & tile.valid
    classes = agreement(mask, truth, tile.valid)
    assert np.all(classes[~tile.valid] == NODATA)
    assert np.count_nonzero(classes == CORRECT) == np.count_nonzero(truth & mask)
    assert np.count_nonzero(classes == FALSE_ALARM) == np.count_nonzero(~truth & mask)
    assert np.count_nonzero(classes == MISSED) == np.count_nonzero(truth & ~mask)
    assert np.all(classes[tile.valid & ~truth & ~mask] == BACKGROUND)


def test_false_colour_is_a_picture_also_of_nothing():
    tile, _ = example_tile((8, 9))
    picture = false_colour(tile)
    assert picture.shape == (8, 9, 3)
    assert (picture.min() >= 0) and (picture.max() <= 1)
    empty = type(tile)(tile.tile_id, tile.bands, np.zeros_like(tile.valid))
    assert np.all(false_colour(empty) == 0.78)
