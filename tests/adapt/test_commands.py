"""``python -m adapt``: from a scene and marks to a model that maps it, and what goes wrong in one sentence."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import torch

from adapt.__main__ import COMMANDS, main
from adapt.evidence import gather
from adapt.marks import Mark, write_marks
from adapt.places import seen_windows
from adapt.suggest import square_at
from fusion.fuse import Fusion
from fusion.hybrid import predict_tile
from fusion.layout import Layout
from fusion.model_file import load_model, save_model
from scenes.grid import Grid
from scenes.products import open_scene
from tests import products
from tests.examples import example_model
from tests.mapping.mapped import map_scene

pytestmark = pytest.mark.usefixtures("narrow_networks")

CPU = torch.device("cpu")
GRID = Grid(products.CRS, tuple(products.TRANSFORM)[:6], 150, 170)
ICE, ROCK = ((30, 60), (60, 80), (115, 130), (40, 45)), ((90, 40), (10, 130), (140, 60), (100, 80))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene with two glaciers, a model that maps all of it, and marks."""
    root = tmp_path_factory.mktemp("adapt")
    products.five_bands(root / "scene.tif", products.blocky_tile()[0])
    save_model(replace(example_model(), fusion=Fusion((0.0, 0.3), 2.5, 0.5)), root / "bad.pth")
    marks = [Mark(square_at(GRID, *one), True, str(one)) for one in ICE]
    write_marks(root / "marks.gpkg", [*marks, *(Mark(square_at(GRID, *one), False) for one in ROCK)], products.CRS)
    return root


def words(folder: Path, command: str, *more: object) -> list[str]:
    given = [command, folder / "scene.tif", "--bands", products.FIVE_BANDS, "--model", folder / "bad.pth", "--jobs", 1]
    return [str(word) for word in (*given, *more)]


def test_a_bad_model_is_corrected(folder: Path, tmp_path: Path, capsys):
    out = tmp_path / "adapted.pth"
    assert main(words(folder, "fit", "--marks", folder / "marks.gpkg", "--out", out)) == 0
    assert "4 marks on glacier, 4 on ground" in capsys.readouterr().out
    tile, truth = products.blocky_tile()
    before, after = (predict_tile(load_model(path, CPU), tile, CPU).mask for path in (folder / "bad.pth", out))
    assert (before != truth)[tile.valid].mean() > 0.5
    assert (after != truth)[tile.valid].mean() < 0.05
    scene = open_scene(folder / "scene.tif", products.FIVE_BANDS)
    map_scene(scene, Layout(150, 170, 128), out, tmp_path / "maps")
    with rasterio.open(tmp_path / "maps" / "mask.tif") as source:
        mapped = source.read(1) == 1
    assert (mapped != after)[tile.valid].mean() < 0.02, "python -m mapping maps as solution.py does"
    (told,) = load_model(out, CPU).provenance["adapted"]
    assert told["scenes"] == ["scene.tif"]
    assert told["marks"] == ["marks.gpkg"]
    assert told["left_out_right"][1] > told["left_out_right"][0]


def test_places_are_suggested_and_can_be_filled_in(folder: Path, tmp_path: Path, capsys):
    out = tmp_path / "next.gpkg"
    given = ("--count", 5, "--out", out, "--marks", folder / "marks.gpkg")
    assert main(words(folder, "suggest", *given)) == 0
    found = gpd.read_file(out)
    assert len(found) == 5
    assert found["glacier"].isna().all()
    assert ((found["probability"] >= 0) & (found["probability"] <= 1)).all()
    np.testing.assert_allclose(found.area, 210**2)
    found["glacier"] = [1, 0, None, 0, 1]
    found.to_file(tmp_path / "filled.gpkg")
    assert main(words(folder, "fit", "--marks", tmp_path / "filled.gpkg", "--out", tmp_path / "adapted.pth")) == 0
    assert "filled.gpkg: 1 of 5 rows have an empty column 'glacier'" in capsys.readouterr().err


def test_of_a_large_scene_only_windows_around_marks_are_read(folder: Path, monkeypatch: pytest.MonkeyPatch):
    scene = open_scene(folder / "scene.tif", products.FIVE_BANDS)
    model = load_model(folder / "bad.pth", CPU)
    marks = [Mark(square_at(GRID, 30, 60), True, "1"), Mark(square_at(GRID, 30, 28), False, "2")]
    whole = gather(model, scene, marks, CPU, 1)
    monkeypatch.setattr("adapt.evidence.LARGE", 100)
    monkeypatch.setattr("adapt.evidence.Layout", partial(Layout, window=128))
    reads: list[tuple[int, ...]] = []
    read = type(scene).read
    monkeypatch.setattr(type(scene), "read", lambda self, *box: reads.append(box) or read(self, *box))
    windows = gather(model, scene, marks, CPU, 1)
    assert len(reads) == 1, "one window holds both marks"
    order = [np.lexsort(one.pixels.channels.T) for one in (whole, windows)]
    np.testing.assert_array_equal(whole.glacier[order[0]], windows.glacier[order[1]])
    np.testing.assert_allclose(whole.pixels.channels[order[0]], windows.pixels.channels[order[1]], atol=1e-3)
    assert 1 < len(seen_windows(model, scene, CPU, 1)) <= 16


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (("--marks", "{0}/no.gpkg"), "no.gpkg"),
        (("--marks", "{0}/marks.gpkg", "{0}/marks.gpkg"), "--marks"),
        (("--marks", "{0}/far.gpkg"), "none of its 1 mark(s)"),
        (("--marks", "{0}/marks.gpkg", "--out", "{0}/scene.tif/adapted.pth"), "adapted.pth"),
        (("--marks", "{0}/marks.gpkg", "--model", "{0}/scene.tif"), "scene.tif"),
    ],
)
def test_mistakes_are_one_sentence(folder: Path, tmp_path: Path, capsys, more, named: str):
    write_marks(folder / "far.gpkg", [Mark(square_at(GRID, 900, 900), True)], products.CRS)
    given = words(folder, "fit", "--out", tmp_path / "adapted.pth", *(word.format(folder) for word in more))
    assert main(given) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert named in line
    assert not list(tmp_path.iterdir())


def test_an_unknown_command_and_help(capsys):
    assert main(["paint"]) == 2
    assert "paint" in capsys.readouterr().err
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(f"  {name} " in told for name in COMMANDS)
    with pytest.raises(SystemExit) as left:
        main(["suggest", "--help"])
    assert left.value.code == 0


def test_no_places_are_asked_for(folder: Path, capsys):
    assert main(words(folder, "suggest", "--count", 0)) == 2
    assert "--count 0" in capsys.readouterr().err


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    """It is imported when the command is run, for ``--help`` does without."""
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["serve", "scene.tif", "--out", str(tmp_path / "out")]) == 2
    assert "lacks the package uvicorn; pip install -e '.[mapping,adapt]'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["fit", "suggest"])
def test_threads_below_none_are_one_sentence(command: str, folder: Path, tmp_path: Path, capsys):
    marks = ["--marks", folder / "marks.gpkg"]
    assert main(words(folder, command, *marks, "--out", tmp_path / "out", "--jobs", -1)) == 2
    assert "--jobs -1: is below 0" in capsys.readouterr().err


def test_marks_that_cannot_be_used_are_told_why(folder: Path, tmp_path: Path, capsys):
    place = square_at(GRID, *ICE[0])
    write_marks(tmp_path / "both.gpkg", [Mark(place, True, "1"), Mark(place, False, "2")], products.CRS)
    assert main(words(folder, "fit", "--marks", tmp_path / "both.gpkg", "--out", tmp_path / "adapted.pth")) == 2
    assert "are marked as glacier and as ground" in capsys.readouterr().err
    assert main(words(folder, "fit", "--marks", tmp_path / "none.gpkg", "--out", tmp_path / "adapted.pth")) == 2
    assert "none.gpkg: no such file" in capsys.readouterr().err


def test_places_go_into_a_geopackage(folder: Path, tmp_path: Path, capsys):
    assert main(words(folder, "suggest", "--out", tmp_path / "next.csv")) == 2
    assert "next.csv: is no GeoPackage" in capsys.readouterr().err
