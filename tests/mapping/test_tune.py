"""The search for post-processing: helps where it must, says so, and scores on other tiles."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from mapping import tune
from tiles.raster import write_raster


def speckled(folder: Path, tiles: int, specks: float) -> None:
    random = np.random.default_rng(0)
    for number in range(tiles):
        truth = np.zeros((60, 60), bool)
        truth[15:45, 15:45] = True
        mask = truth ^ (random.random(truth.shape) < specks)
        for kind, array in (("masks", mask), ("truth", truth)):
            write_raster(folder / kind / f"tile_{number:02d}.tif", np.where(array, 255, 0).astype(np.uint8))


def run(monkeypatch, folder: Path) -> dict[str, object]:
    words = ["tune", folder / "masks", "--truth", folder / "truth", "--out", folder / "out", "--jobs", "1"]
    monkeypatch.setattr("sys.argv", [str(word) for word in words])
    assert tune.main() == 0
    return json.loads((folder / "out" / "tune.json").read_text())


def test_specks_are_worth_removing(tmp_path: Path, monkeypatch):
    speckled(tmp_path, 4, 0.03)
    found = run(monkeypatch, tmp_path)
    assert found["worth having"]
    assert found["gain"] > 0.03


def test_a_perfect_mask_is_left_alone(tmp_path: Path, monkeypatch):
    speckled(tmp_path, 3, 0.0)
    found = run(monkeypatch, tmp_path)
    assert not found["worth having"]
    assert found["with"] == found["without"] == 1


def test_masks_without_truth_are_named(tmp_path: Path, monkeypatch, capsys):
    speckled(tmp_path, 1, 0.0)
    words = ["tune", tmp_path / "masks", "--truth", tmp_path / "truth"]
    monkeypatch.setattr("sys.argv", [str(word) for word in words])
    assert tune.main() == 2
    assert "in common" in capsys.readouterr().err
