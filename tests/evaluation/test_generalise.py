"""The whole pipeline on tiny tiles: four measures, then model.pth from the same checkpoints."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cnn.trainer import load_checkpoint
from evaluation import crossval, generalise, make_model
from evaluation.crossval import COLOURED, DRAWN
from evaluation.generalise import site
from evaluation.recipe import Network, Round
from evaluation.results import stage
from evaluation.shifts import chip_of
from evaluation.sites import HOME, SITES, SNOW_EAST, SWISS, Site
from evaluation.systems import CLASSIC, SYSTEMS
from fusion.hybrid import predict_tile
from fusion.model_file import load_model
from tests.examples import FAST, example_tile, write_folder
from tiles.chips import read_chips
from tiles.drawn import GROUND

pytestmark = pytest.mark.usefixtures("narrow_networks")

FOLDERS = {"transfer": "other", "snow": "snow", "weak": "weak", "unlabelled": "chips.npz", "drawn": "drawn"}
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Folders of tiny tiles, and what both commands made of them in ``out``."""
    root = tmp_path_factory.mktemp("pipeline")
    write_folder(root / "data", ("01_01", "01_02", "02_01", "02_02"), (64, 64))
    write_folder(root / "weak", ("81_01",))
    write_folder(root / "other", ("80_01", "80_04"))
    write_folder(root / "snow", ("83_01", "83_02"))
    tile, _ = example_tile((40, 30))
    numbers = [(tile.bands[band] + 0.2) / 2.75e-5 for band in ("blue", "green", "red", "swir1")]
    chip = np.stack([*numbers, (tile.bands["thermal"] - 149) / 0.00341802]) * tile.valid
    np.savez(root / "chips.npz", **{f"chip{number}": chip.clip(0, 65535).astype(np.uint16) for number in range(9)})
    (root / "drawn").mkdir()
    for name in ("chip0", "chip1", "chip2"):
        Image.fromarray(np.full(tile.shape, GROUND, np.uint8)).save(root / "drawn" / f"{name}.png")
    return root


def call(module, root: Path, *words: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["command", "--data", str(root / "data"), "--out", str(root / "out"), *words, *FAST])
        return module.main()


def test_tiles_become_results_and_a_model(root: Path, monkeypatch: pytest.MonkeyPatch):
    later = Round(2, COLOURED, DRAWN)
    two = (Network((Round(2, COLOURED), later), "lite2"), Network((Round(2), later)))
    monkeypatch.setattr(crossval, "SHIPPED", two)
    folders = [word for name in FOLDERS for word in (f"--{name}", str(root / FOLDERS[name]))]
    sites = ["--leave-out", "half of the snow", "Athabasca", HOME]
    assert call(generalise, root, *folders, *sites, "--train", "without_athabasca") == 0
    assert not (root / "out" / "generalisation.json").exists(), "it is only trained"
    trained = (root / "out" / "without_athabasca.ckpt").read_bytes()
    assert call(generalise, root, *folders, *sites) == 0
    assert (root / "out" / "without_athabasca.ckpt").read_bytes() == trained, "it is not trained again"
    trees = root / "out" / "fold0.gbm.json"
    fitted = trees.stat().st_mtime_ns
    results = json.loads((root / "out" / "generalisation.json").read_text())
    assert set(results["next_door"]) == set(results["elsewhere"]) == {CLASSIC, *SYSTEMS}
    assert results["next_door"]["NDSI"]["all_pixels"]["mcc"] > 0.95  # the example is that simple
    assert set(results["leave_one_site_out"]) == {"half of the snow", "Athabasca", HOME}
    assert len(results["shifted"]) == 8
    assert set(results["snow"]) == {CLASSIC, *SYSTEMS}
    assert set(results["groups"]) == {
        "next door", "elsewhere", "snow", "half of the snow left out", "worst shift", "mean",
    }  # fmt: skip
    for system, mean in results["groups"]["mean"].items():
        of_groups = [one[system] for group, one in results["groups"].items() if group != "mean"]
        assert mean == pytest.approx(np.mean(of_groups), abs=1e-3)
    assert {row["group"] for row in results["strata"]["next_door"]} == {"light", "distance", "size", "part"}
    assert str(root) not in json.dumps(results), "results name no path of this machine"
    for name in ("generalisation.csv", "shifts.csv", "strata.csv", "reliability.png", "maps.png"):
        assert (root / "out" / name).stat().st_size > 100

    fold = root / "out" / "fold0.ckpt"
    before = fold.read_bytes()
    assert call(make_model, root, *folders) == 0
    assert fold.read_bytes() == before, "the folds are not trained again"
    assert trees.stat().st_mtime_ns == fitted, "nor are their trees fitted again"
    assert (root / "out" / "without_swiss_alps.ckpt").is_file(), "the fusion is fitted on sites left out"
    model = load_model(root / "out" / "model.pth", CPU)
    assert model.provenance["tiles"] == ["01_01", "01_02", "02_01", "02_02"]
    assert model.provenance["extra_tiles"] == ["80_01", "80_04", "83_01", "83_02", "81_01"]
    assert model.provenance["drawn_chips"] == ["chip0"], "others are what tiles are scored in the colours of"
    assert set(model.provenance["cross_validation_mcc"]) == set(SYSTEMS)
    first, second = (network.state_dict()["head.weight"] for network in model.unet.networks)
    assert not torch.equal(first, second), "each has a seed of its own"
    names = ("whole", "whole.round2", "whole.1", "whole.1.round2", "fold0", "alone")
    *long, short = (load_checkpoint(root / "out" / f"{name}.ckpt") for name in names)
    ends = [one["averaged"]["head.weight"] for one in long[:2]]
    torch.testing.assert_close(first, torch.stack(ends).mean(dim=0))
    assert [one["step"] for one in long] == [2 * short["step"]] * 5, "what has seen other mountains takes twice as many"
    assert model.provenance["network_steps"] == [2 * long[0]["step"]] * 2
    told = [json.loads(one["settings"]) for one in long]
    assert [one["config"]["coloured"] for one in told] == [3, 3, 0, 3, 3]
    chips = read_chips(root / "chips.npz")
    scored_with = {chip_of(tile_id, chips).tile_id for tile_id in model.provenance["tiles"]}
    assert [one["drawn"] for one in told] == [[], ["chip0"], [], ["chip0"], []]
    for one in (told[0], told[-1]):
        assert set(one["chips"]) == {chip.tile_id for chip in chips} - scored_with
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


def test_pictures_without_their_chips_are_one_sentence(root: Path, capsys):
    assert call(make_model, root, "--drawn", str(root / "drawn")) == 2
    assert "is drawn on chips; give these with --unlabelled" in capsys.readouterr().err


def test_a_site_is_a_name_and_tiles():
    both = ("80_01", "80_02")
    assert site("Swiss Alps=80_01,80_02") == ("Swiss Alps", Site(both, both))
    with pytest.raises(Exception, match="NAME=ID,ID"):
        site("80_01")


def test_what_is_scored_is_left_out_with_all_that_shows_its_ground():
    for one in SITES.values():
        assert set(one.scored) <= set(one.held_out)
    assert set(SWISS) | set(SNOW_EAST) <= set(SITES["Swiss Alps"].held_out)


def test_an_unknown_network_is_one_sentence(root: Path, capsys):
    assert call(generalise, root, "--transfer", str(root / "other"), "--train", "fold9") == 2
    assert "there is no such training" in capsys.readouterr().err


def test_a_stage_is_done_once_for_the_same_key(tmp_path: Path):
    done = []
    for key in ("a", "a", "b"):
        assert stage(tmp_path / "one.json", key, lambda: done.append(1) or {"value": 0.5}) == {"value": 0.5}
    assert len(done) == 2
