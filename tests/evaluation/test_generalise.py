"""The whole pipeline on tiny tiles: four measures, then model.pth from the same checkpoints."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from evaluation import generalise, make_model
from evaluation.generalise import HOME, site, stage
from evaluation.systems import CLASSIC, SYSTEMS
from fusion.hybrid import predict_tile
from fusion.model_file import load_model
from tests.examples import example_tile, write_folder

CPU = torch.device("cpu")
FAST = ["--folds", "2", "--steps", "2", "--batch", "2", "--crop", "32", "--scratch", "--device", "cpu", "--jobs", "1"]


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Folders of tiny tiles, and what both commands made of them in ``out``."""
    root = tmp_path_factory.mktemp("pipeline")
    write_folder(root / "data", ("01_01", "01_02", "02_01", "02_02"), (64, 64))
    write_folder(root / "weak", ("81_01",))
    write_folder(root / "other", ("80_01", "80_04"))
    tile, _ = example_tile((40, 30))
    numbers = [(tile.bands[band] + 0.2) / 2.75e-5 for band in ("blue", "green", "red", "swir1")]
    chip = np.stack([*numbers, (tile.bands["thermal"] - 149) / 0.00341802]) * tile.valid
    np.savez(root / "chips.npz", one=chip.clip(0, 65535).astype(np.uint16))
    return root


def call(module, root: Path, *words: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["command", "--data", str(root / "data"), "--out", str(root / "out"), *words, *FAST])
        return module.main()


def test_tiles_become_results_and_a_model(root: Path):
    folders = ["--transfer", str(root / "other"), "--weak", str(root / "weak"), "--unlabelled", str(root / "chips.npz")]
    assert call(generalise, root, *folders, "--site", "A=80_01", "--site", "B=80_04") == 0
    results = json.loads((root / "out" / "generalisation.json").read_text())
    assert set(results["next_door"]) == set(results["elsewhere"]) == {CLASSIC, *SYSTEMS}
    assert results["next_door"]["NDSI"]["all_pixels"]["mcc"] > 0.95  # the example is that simple
    assert set(results["leave_one_site_out"]) == {"A", "B", HOME}
    assert len(results["shifted"]) == 8
    assert {row["group"] for row in results["strata"]["next_door"]} == {"light", "distance", "size", "part"}
    assert str(root) not in json.dumps(results), "results name no path of this machine"
    for name in ("generalisation.csv", "shifts.csv", "strata.csv", "reliability.png", "maps.png"):
        assert (root / "out" / name).stat().st_size > 100

    before = (root / "out" / "fold0.ckpt").read_bytes()
    assert call(make_model, root, "--extra", str(root / "other"), "--extra", str(root / "weak")) == 0
    assert (root / "out" / "fold0.ckpt").read_bytes() == before, "the folds are not trained again"
    model = load_model(root / "out" / "model.pth", CPU)
    assert model.provenance["tiles"] == ["01_01", "01_02", "02_01", "02_02"]
    assert model.provenance["extra_tiles"] == ["80_01", "80_04", "81_01"]
    assert set(model.provenance["cross_validation_mcc"]) == set(SYSTEMS)
    tile, _ = example_tile()
    assert predict_tile(model, tile, CPU).mask.shape == tile.shape


@pytest.mark.parametrize("module", [make_model, generalise])
def test_a_mistake_is_one_sentence(module, tmp_path: Path, monkeypatch, capsys):
    write_folder(tmp_path / "data", ("01_01",))
    words = ["command", "--data", str(tmp_path / "data"), "--device", "cpu", "--out", str(tmp_path / "out")]
    words += ["--transfer", str(tmp_path / "data")] if module is generalise else []
    monkeypatch.setattr("sys.argv", words)
    assert module.main() == 2
    assert capsys.readouterr().err.startswith("error: 1 tile(s) cannot be split")


def test_a_site_is_a_name_and_tiles():
    assert site("Swiss Alps=80_01,80_02") == ("Swiss Alps", ("80_01", "80_02"))
    with pytest.raises(Exception, match="NAME=ID,ID"):
        site("80_01")


def test_a_stage_is_done_once_for_the_same_key(tmp_path: Path):
    done = []
    for key in ("a", "a", "b"):
        assert stage(tmp_path / "one.json", key, lambda: done.append(1) or {"value": 0.5}) == {"value": 0.5}
    assert len(done) == 2
