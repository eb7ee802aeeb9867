"""Training on listed patches from end to end, stopped and gone on, and one sentence for whatever is wrong."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cnn.network_model import load_model
from cnn.trainer import Trainer, load_checkpoint
from lakes import mobile_sam, prepare, train
from lakes.patch_list import read_list
from lakes.polygons import lakes_table, write_lakes
from lakes.recipes import recipe_for
from lakes.sam import SAM, SamOfPatches, build, read_sam
from tests.lakes.drawn import IMAGE, square
from tests.lakes.published_sam import published, small_config
from tests.lakes.small_sam import write_sam
from tests.lakes.test_prepare import write_region

CPU = torch.device("cpu")
FAST = ("--device", "cpu", "--batch", "2")
SAM_WORDS = ("--arch", "sam", "--learning-rate", "0.001", "--steps", "4")


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    """Two regions with a lake each, their patches listed in two folds, and a tiny SAM."""
    pytest.importorskip("transformers")
    root = tmp_path_factory.mktemp("listed")
    for number in (1, 2):
        write_region(root / "regions", IMAGE, number, seed=number)
    write_lakes(lakes_table(IMAGE, [1, 2], [square(4, 20, 20), square(30, 30, 24)]), root / "lakes.gpkg")
    words = (root / "regions", "--lakes", root / "lakes.gpkg", "--out", root / "patches", "--patch", 64, "--step", 32)
    assert prepare.main([*map(str, words)]) == 0
    write_sam(root / "sam")
    return root


def run(listed, out, *words):
    return train.main([str(listed / "patches"), "--out", str(out), *FAST, *map(str, words)])


@pytest.fixture(scope="module")
def trained(listed):
    """SAM's mask decoder after four steps."""
    assert run(listed, listed / "whole", *SAM_WORDS, "--weights", listed / "sam", "--cache", listed / "cache") == 0
    return listed


def test_sam_learns_in_its_mask_decoder_alone(trained):
    assert {path.name for path in (trained / "whole").iterdir()} == {"run.ckpt", "run.png", "model.pt"}
    model = load_model(trained / "whole" / "model.pt", CPU, build)
    assert model.card.training["recipe"]["epochs"] == 10
    assert model.card.classes == ("ground", "lake")
    before, after = SamOfPatches(read_sam(trained / "sam")).state_dict(), model.network.state_dict()
    changed = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert changed
    assert all(name.startswith("head.decoder.") for name in changed)


def test_mobile_sam_learns_from_its_published_file(listed, tmp_path, monkeypatch):
    """Its encoder stays, and the model is built again from its file."""
    monkeypatch.setattr(mobile_sam, "mobile_config", small_config)
    torch.save(published(), tmp_path / "mobile_sam.pt")
    words = ("--arch", "sam", "--learning-rate", "0.001", "--steps", "2", "--weights", tmp_path)
    assert run(listed, tmp_path / "out", *words) == 0
    model = load_model(tmp_path / "out" / "model.pt", CPU, build)
    before, after = SamOfPatches(read_sam(tmp_path)).state_dict(), model.network.state_dict()
    changed = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert changed
    assert all(name.startswith("head.decoder.") for name in changed)


def test_a_stopped_run_goes_on_to_the_same_model(trained, tmp_path, monkeypatch, capsys):
    words = (*SAM_WORDS, "--weights", trained / "sam", "--cache", trained / "cache")
    step = Trainer.train_step

    def stopping(self):
        if self.step == 2:
            raise KeyboardInterrupt
        return step(self)

    monkeypatch.setattr(Trainer, "train_step", stopping)
    assert run(trained, tmp_path, *words) == 130
    assert load_checkpoint(tmp_path / "run.ckpt")["step"] == 2
    monkeypatch.setattr(Trainer, "train_step", step)
    assert run(trained, tmp_path, *words) == 0
    assert "embeddings: 0 computed" in capsys.readouterr().out
    one, other = (load_model(folder / "model.pt", CPU, build) for folder in (trained / "whole", tmp_path))
    pixels = torch.rand(1, 3, 64, 64)
    assert torch.equal(one.shares(pixels), other.shares(pixels))


def test_any_architecture_is_trained(listed, tmp_path):
    assert run(listed, tmp_path, "--arch", "compact_unet", "--steps", 2, "--fold", -1) == 0
    model = load_model(tmp_path / "model.pt", CPU, build)
    assert model.card.architecture == "compact_unet"
    assert model.card.bands == ("red", "green", "blue")
    assert {area[0] for area in model.card.seen} == {"mosaic_2019-06-03_05/region_1", "mosaic_2019-06-03_05/region_2"}


def test_recipes_are_those_of_the_system():
    sam, deeplab = recipe_for(SAM), recipe_for("deeplabv3plus")
    assert (sam.optimiser, sam.learning_rate, sam.batch, sam.epochs, sam.loss) == ("adam", 5e-6, 8, 10, "ce_dice")
    assert (deeplab.optimiser, deeplab.learning_rate, deeplab.head_factor) == ("sgd", 5e-4, 10)
    assert (deeplab.schedule, deeplab.epochs, deeplab.batch, deeplab.loss) == ("poly", 14, 8, "ce_dice")
    assert sam.patch == deeplab.patch == recipe_for("unetpp").patch == 1024


def test_the_fold_is_held_out(listed):
    asked, rows = read_list(listed / "patches")
    chosen = train.chosen_of(asked, rows, 0)
    assert not {image.name for image in chosen.training} & {image.name for image in chosen.held_out}
    assert len(chosen.sampling.windows) == len(chosen.sampling.weights) == sum(row.fold != 0 for row in rows)
    assert len(train.chosen_of(asked, rows, -1).training) == 2
    patch = chosen.sampling.windows[0].patch(chosen.training)
    assert np.count_nonzero(patch.truth) == [row.lake for row in rows if row.fold != 0][0]


WRONG = {
    "no list": (("--arch", "sam"), "nothing", "prepare.json: no such file"),
    "no weights": (("--arch", "sam"), "patches", "needs --weights"),
    "no folder": (("--arch", "sam", "--weights", "nowhere"), "patches", "nowhere: holds no config.json"),
    "fold": (("--arch", "unetpp", "--fold", "7"), "patches", "--fold 7: is no fold"),
    "network": (("--arch", "unet9"), "patches", "--arch unet9"),
    "batch": (("--arch", "unetpp", "--batch", "0"), "patches", "--batch 0"),
    "rate": (("--arch", "unetpp", "--learning-rate", "-1"), "patches", "--learning-rate -1.0"),
    "moved": (("--arch", "unetpp", "--regions", "gone"), "patches", "gone: holds no"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_sentence(listed, tmp_path, capsys, case):
    words, folder, told = WRONG[case]
    assert train.main([str(listed / folder), "--out", str(tmp_path / "out"), "--device", "cpu", *words]) == 2
    shown = capsys.readouterr().err
    assert told in shown
    assert "Traceback" not in shown
    assert not (tmp_path / "out" / "model.pt").exists()
