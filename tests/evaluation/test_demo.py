"""The demo: masks through solution.py, scores side by side, one figure."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import matplotlib.image
import pytest
from matplotlib.figure import Figure

import solution
from evaluation import demo
from evaluation.demo import losses
from evaluation.overview import TileView, draw_overview
from evaluation.systems import SYSTEMS
from fusion.model_file import save_model
from simulation.synthetic import write_sample
from tests.examples import example_model, example_tile, write_folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    save_model(example_model(), folder / "model.pth")
    monkeypatch.setattr(solution, "HERE", folder)
    return folder


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr("sys.argv", ["demo.py", "--device", "cpu", *map(str, words)])
    return demo.main()


def test_it_maps_scores_and_draws(home: Path, tmp_path: Path, monkeypatch, capsys):
    data, out = write_folder(tmp_path / "data"), tmp_path / "out"
    assert run(monkeypatch, "--data", data, "--out", out) == 0
    scores = json.loads((out / "scores.json").read_text())
    assert scores["kinds"] == {}
    assert set(scores["scores"]) == set(SYSTEMS)
    assert set(scores["scores"]["hybrid"]) == {"01_01", "01_02", "pooled"}
    assert scores["scores"]["hybrid"]["pooled"]["mcc"] == 1
    assert matplotlib.image.imread(out / "overview.png").shape[0] > 300
    assert len(list((out / "masks").iterdir())) == 2
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("pooled", "mcc", "iou", "precision", *SYSTEMS))


def test_the_sample_shows_each_kind_and_every_tile_is_titled_with_its_own(
    home: Path, tmp_path: Path, monkeypatch, capsys
):
    drawn = []
    monkeypatch.setattr(
        "evaluation.overview.draw_overview", lambda views, path: drawn.extend(view.title for view in views)
    )
    monkeypatch.setattr("simulation.synthetic.write_sample", partial(write_sample, shape=(64, 64)))
    assert run(monkeypatch, "--out", tmp_path) == 0
    kinds = {"01_01": "winter", "01_02": "late summer", "01_03": "debris-covered"}
    assert drawn == [f"tile {tile_id}: {kind}" for tile_id, kind in kinds.items()]
    assert json.loads((tmp_path / "scores.json").read_text())["kinds"] == kinds
    printed = capsys.readouterr().out
    assert all(f"{tile_id} {kind} " in printed for tile_id, kind in kinds.items())


def test_where_the_hybrid_loses_is_said_in_words():
    rows = {system: {"01": {"mcc": 0.5}, "02": {"mcc": 0.5}, "pooled": {"mcc": 0.5}} for system in SYSTEMS}
    assert losses(rows, {"01": "winter", "02": "late summer"}) == [], "equal is not worse"
    rows["GBM"]["02"] = {"mcc": 0.61}
    rows["NDSI"]["pooled"] = {"mcc": 0.7}
    lost = ["On all tiles together the hybrid (MCC 0.500) loses to NDSI (0.700)."]
    assert losses(rows, {}) == lost
    of_tile = "On the late summer tile the hybrid (MCC 0.500) loses to GBM (0.610)."
    assert losses(rows, {"01": "winter", "02": "late summer"}) == [of_tile, *lost]


def test_titles_lie_inside_the_figure(tmp_path: Path, monkeypatch):
    tile, truth = example_tile((20, 24))
    outside = []

    def measure(figure: Figure, *args: object, **options: object) -> None:
        figure.draw_without_rendering()
        width = figure.bbox.width
        for title in (text for axis in figure.axes for text in (axis.title, axis._left_title, axis._right_title)):
            box = title.get_window_extent()
            outside.extend([title.get_text()] if box.x0 < 0 or box.x1 > width else [])
        save(figure, *args, **options)

    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", measure)
    view = TileView("tile 01_01: debris-covered", tile, truth.astype(float), truth, truth, 1.0)
    draw_overview([view] * 3, tmp_path / "overview.png")
    assert outside == []


def test_a_folder_without_labels_is_one_sentence(home: Path, tmp_path: Path, monkeypatch, capsys):
    data = write_folder(tmp_path / "data")
    for label in (data / "label").iterdir():
        label.unlink()
    assert run(monkeypatch, "--data", data, "--out", tmp_path / "out") == 2
    assert "label" in capsys.readouterr().err
