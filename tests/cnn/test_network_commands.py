"""Training, scoring and mapping from end to end in every format, and one sentence for whatever is wrong."""

from __future__ import annotations

import json
import sys

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import torch

from cnn import evaluate, predict, train
from cnn.network_model import load_model
from tests.examples import write_folder
from tests.pictures import CRS, scene, write_pictures, write_raster, write_slices, write_stack

pytestmark = pytest.mark.usefixtures("narrow_networks")

FAST = ["--patch", "16", "--batch", "4", "--steps", "2", "--device", "cpu", "--views", "1"]
NOTHING_APART = ["--validation", "0", "--test", "0"]
RESULTS = {"run.ckpt", "run.png", "model.pt", "scores.json", "scores.csv", "scores.png", "examples.png", "report.html"}


@pytest.fixture
def command(monkeypatch):
    """Runs a command in this process and gives its exit code."""

    def call(module, *words) -> int:
        monkeypatch.setattr(sys, "argv", [module.__name__, *map(str, words)])
        return module.main()

    return call


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder of 18-band rasters and the compact U-Net trained on three of the bands."""
    root = tmp_path_factory.mktemp("trained")
    write_stack(root / "data")
    with pytest.MonkeyPatch.context() as patch:
        words = [
            "--arch",
            "compact_unet",
            "--data",
            root / "data",
            "--out",
            root / "out",
            "--bands",
            "3,2,band5",
            *FAST,
        ]
        patch.setattr(sys, "argv", ["cnn.train", *map(str, words)])
        assert train.main() == 0
    return root


def test_eighteen_bands_from_end_to_end(trained, command, tmp_path):
    assert {path.name for path in (trained / "out").iterdir()} == RESULTS
    model = load_model(trained / "out" / "model.pt", torch.device("cpu"))
    assert model.card.bands == ("band3", "band2", "band5")
    assert model.card.seen == (("scene.tif", 0, 0, 104, 60),)
    assert (
        command(evaluate, "--model", trained / "out" / "model.pt", "--data", trained / "data", "--out", tmp_path) == 0
    )
    first, again = (json.loads((folder / "scores.json").read_text()) for folder in (trained / "out", tmp_path))
    assert first == again, "the test subset of the images that were trained on"
    assert first["subset"] == "test"
    assert sum(map(sum, first["pooled"]["confusion"])) == 32 * 60
    page = (tmp_path / "report.html").read_text()
    assert page.count("data:image/png") == 3, "scores, examples and training curves"
    assert "band3, band2, band5" in page


def test_a_raster_is_mapped_with_its_georeference(trained, command, tmp_path):
    words = ["--model", trained / "out" / "model.pt", "--image_path", trained / "data" / "scene.tif", "--out", tmp_path]
    assert command(predict, *words) == 0
    with rasterio.open(tmp_path / "scene_mask.tif") as mask, rasterio.open(tmp_path / "scene_probability.tif") as said:
        assert (mask.crs, mask.transform.a, mask.shape) == (rasterio.CRS.from_string(CRS), 10, (160, 60))
        numbers, shares = mask.read(1), said.read(1)
        assert said.descriptions == ("glacier",)
    np.testing.assert_array_equal(numbers, shares > 0.5)
    outlines = gpd.read_file(tmp_path / "scene_outlines.gpkg")
    assert set(outlines["class"]) <= {"glacier"}
    assert outlines.area.sum() == pytest.approx(100 * numbers.sum())
    assert len(gpd.read_file(tmp_path / "scene_outlines.shp")) == len(outlines)


def test_pictures_and_their_test_folder(command, tmp_path):
    data = write_pictures(tmp_path / "data")
    out = tmp_path / "out"
    assert command(train, "--arch", "compact_unet", "--data", data, "--out", out, *FAST) == 0
    assert list(json.loads((out / "scores.json").read_text())["regions"]) == ["test/images/g4.png"]
    picture = data / "test" / "images" / "g4.png"
    assert command(predict, "--model", out / "model.pt", "--image_path", picture, "--out", tmp_path / "map") == 0
    assert {path.name for path in (tmp_path / "map").iterdir()} == {"g4_mask.tif", "g4_probability.tif"}


def test_slices_by_the_recipe_of_their_authors(command, tmp_path):
    data, out = write_slices(tmp_path / "data", 3, 32), tmp_path / "out"
    words = [
        "--arch",
        "attention_deeplab",
        "--recipe",
        "theirs",
        "--data",
        data,
        "--out",
        out,
        *FAST[:2],
        "--batch",
        "2",
        "--device",
        "cpu",
    ]
    assert command(train, *words, "--patch", "32", "--steps", "2") == 0
    assert list(json.loads((out / "scores.json").read_text())["regions"]) == ["image 2"]
    card = load_model(out / "model.pt", torch.device("cpu")).card
    assert (card.architecture, card.views, card.bands[-1]) == ("attention_deeplab", 4, "thermal_low")
    assert command(predict, "--model", out / "model.pt", "--image_path", data / "slice_0_img_0.npy", "--out", out) == 0
    assert (out / "slice_0_img_0_mask.tif").exists()


def test_four_classes_in_the_challenges_folders(command, tmp_path):
    data = write_folder(tmp_path / "data", ("01_01", "01_02", "01_03"))
    for path in (data / "label").iterdir():
        with rasterio.open(path) as source:
            glacier = source.read(1) > 0
        write_raster(path, np.where(glacier, np.where(np.arange(48) % 2, 85, 170), 0).astype(np.uint8), located=False)
    words = ["--arch", "compact_unet", "--data", data, "--out", tmp_path / "out", "--labels", "four", *FAST]
    assert command(train, *words, "--validation", "0.3", "--test", "0.3") == 0
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert list(scores["pooled"]["classes"]) == ["ground", "ice", "debris", "lake"]
    assert (
        command(
            evaluate, "--model", tmp_path / "out" / "model.pt", "--data", data, "--subset", "all", "--out", tmp_path
        )
        == 0
    )


def test_the_same_seed_gives_the_same_network(command, tmp_path):
    data, states = write_stack(tmp_path / "data", (32, 32), 3).parent, []
    for name in ("one", "two"):
        assert (
            command(train, "--arch", "compact_unet", "--data", data, "--out", tmp_path / name, *FAST, *NOTHING_APART)
            == 0
        )
        states.append(load_model(tmp_path / name / "model.pt", torch.device("cpu")).network.state_dict())
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_minutes_decide_the_number_of_steps(command, tmp_path):
    data, out = write_stack(tmp_path / "data", (32, 32), 3).parent, tmp_path / "out"
    words = ["--arch", "compact_unet", "--data", data, "--out", out, *FAST[:4], *NOTHING_APART, "--minutes", "0.001"]
    assert command(train, *words) == 0
    steps = torch.load(out / "run.ckpt", weights_only=True)["step"]
    assert steps >= 1
    assert command(train, *words) == 0, "a run that was finished is not timed anew"
    assert torch.load(out / "run.ckpt", weights_only=True)["step"] == steps


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--arch", "nothing"], "--arch nothing"),
        (["--recipe", "theirs"], "compact_unet has no recipe"),
        (["--steps", "-1"], "--steps -1"),
        (["--minutes", "nan"], "--minutes nan"),
        (["--seed", "-1"], "--seed -1"),
        (["--jobs", "-1"], "--jobs -1"),
        (["--patch", "15"], "--patch 15"),
        (["--batch", "1"], "--batch 1"),
        (["--learning-rate", "0"], "--learning-rate 0"),
        (["--overlap", "1"], "--overlap 1"),
        (["--bands", "9"], "has no band 9"),
        (["--loss", "hinge"], "--loss hinge"),
        (["--split", "random"], "--split random"),
        (["--weights", "none.pth"], "none.pth"),
        (["--arch", "mlandsnet", "--recipe", "theirs", "--validation", "0"], "early stopping"),
        (["--validation", "0.9"], "--validation 0.9"),
    ],
)
def test_settings_that_mean_nothing_are_one_sentence(command, tmp_path, capsys, one_sentence, words, told):
    data = write_stack(tmp_path / "data", (120, 16), 3).parent
    base = ["--arch", "compact_unet", "--data", data, "--out", tmp_path / "out", *FAST]
    assert command(train, *base, *words) == 2
    message = capsys.readouterr().err.strip()
    one_sentence(message, told)
    assert not (tmp_path / "out" / "model.pt").exists()


def test_images_of_one_name_are_not_written_over_each_other(trained, command, tmp_path, capsys):
    images = [write_stack(tmp_path / name, (32, 32), 18) for name in ("a", "b")]
    assert command(predict, "--model", trained / "out" / "model.pt", "--image_path", *images, "--out", tmp_path) == 2
    assert "two images have one name" in capsys.readouterr().err


def test_a_gpu_that_is_not_there_is_one_sentence(command, tmp_path, capsys):
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    assert command(train, "--arch", "unetpp", "--data", tmp_path, "--device", "cuda") == 2
    assert "--device cuda" in capsys.readouterr().err


def test_models_that_do_not_fit_are_one_sentence(trained, command, tmp_path, capsys, one_sentence):
    good = trained / "out" / "model.pt"
    other = write_pictures(tmp_path / "pictures")

    def refused(culprit, module, *words):
        assert command(module, *words, "--out", tmp_path / "out") == 2
        one_sentence(capsys.readouterr().err.strip(), culprit)
        assert not list((tmp_path / "out").glob("*")) if (tmp_path / "out").exists() else True

    refused("has no band band3", evaluate, "--model", good, "--data", other)
    raster = write_raster(tmp_path / "two.tif", scene((20, 20), 2)[0])
    refused("two.tif", predict, "--model", good, "--image_path", raster)
    refused("model.pt", predict, "--model", good, "--image_path", raster, "--bands", "1,2")
    refused("none.tif", predict, "--model", good, "--image_path", tmp_path / "none.tif")
    state = torch.load(good, weights_only=True)
    changed = tmp_path / "changed.pt"
    torch.save({**state, "card": state["card"].replace("compact_unet", "unetpp")}, changed)
    refused(changed, predict, "--model", changed, "--image_path", raster)
    torch.save({"weights": state["weights"]}, changed)
    refused(changed, predict, "--model", changed, "--image_path", raster)
    changed.write_text("model")
    refused(changed, predict, "--model", changed, "--image_path", raster)
    refused("none.pt", evaluate, "--model", tmp_path / "none.pt", "--data", other)


def test_a_run_of_other_settings_is_not_gone_on_with(trained, command, capsys):
    words = ["--arch", "compact_unet", "--data", trained / "data", "--out", trained / "out", "--bands", "1,2,3", *FAST]
    assert command(train, *words) == 2
    assert "run.ckpt: was trained with other settings or data" in capsys.readouterr().err
