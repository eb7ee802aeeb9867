"""The whole pipeline on tiny tiles: cross-validation, transfer, model.pth, results."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from evaluation import make_model
from evaluation.systems import SYSTEMS
from fusion.hybrid import predict_tile
from fusion.model_file import load_model
from tests.examples import example_tile, write_folder

CPU = torch.device("cpu")


def command(root: Path, out: Path) -> list[str]:
    words = [
        "--folds",
        "2",
        "--steps",
        "2",
        "--batch",
        "2",
        "--crop",
        "32",
        "--scratch",
        "--device",
        "cpu",
        "--jobs",
        "1",
    ]
    folders = {"--data": root / "data", "--extra": root / "extra", "--transfer": root / "other", "--out": out}
    return ["make_model.py", *(word for pair in folders.items() for word in map(str, pair)), *words]


def test_tiles_become_a_model_and_results(tmp_path: Path, monkeypatch):
    write_folder(tmp_path / "data", ("01_01", "01_02", "02_01", "02_02"), (96, 96))
    write_folder(tmp_path / "extra", ("81_01",))
    write_folder(tmp_path / "other", ("80_01",))
    monkeypatch.setattr("sys.argv", command(tmp_path, tmp_path / "out"))
    assert make_model.main() == 0
    results = json.loads((tmp_path / "out" / "cross_validation.json").read_text())
    assert set(results["next_door"]) == set(SYSTEMS)
    assert set(results["elsewhere"]) == {"NDSI > 0.4", *SYSTEMS}
    assert results["next_door"]["NDSI"]["all_pixels"]["mcc"] > 0.95  # the example is that simple
    assert str(tmp_path) not in json.dumps(results), "results name no path of this machine"
    model = load_model(tmp_path / "out" / "model.pth", CPU)
    assert model.provenance["tiles"] == ["01_01", "01_02", "02_01", "02_02"]
    assert model.provenance["extra_tiles"] == ["81_01"]
    assert set(model.provenance["cross_validation_mcc"]) == set(SYSTEMS)
    tile, _ = example_tile()
    assert predict_tile(model, tile, CPU).mask.shape == tile.shape


def test_a_mistake_is_one_sentence(tmp_path: Path, monkeypatch, capsys):
    write_folder(tmp_path / "data", ("01_01",))
    monkeypatch.setattr("sys.argv", ["make_model.py", "--data", str(tmp_path / "data"), "--device", "cpu"])
    assert make_model.main() == 2
    assert capsys.readouterr().err.startswith("error: 1 tile(s) cannot be split")
