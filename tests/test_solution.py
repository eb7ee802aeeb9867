"""The submission's contracts and what it says to a user's mistakes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

import solution
from errors import LayoutError, ModelFileError, OutputError, PartlyDoneError
from fusion.model_file import save_model
from tests.examples import example_model, write_folder
from tiles.folder import band_folders, read_label

pytestmark = pytest.mark.usefixtures("narrow_networks")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that holds a small model.pth, as solution.py's own."""
    folder = tmp_path / "home"
    save_model(example_model(), folder / "model.pth")
    monkeypatch.setattr(solution, "HERE", folder)
    return folder


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr("sys.argv", ["solution.py", *map(str, words)])
    return solution.command_line()


@pytest.mark.parametrize(
    "words",
    [
        ("--data", "{data}", "--masks", "{masks}", "--out", "{out}"),
        ("--imagepath", "{data}", "--output", "{out}"),
        ("--imagepath={data}", "--output={out}"),
    ],
    ids=["template", "text", "text with ="],
)
def test_command_lines_write_masks(words: tuple[str, ...], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    data, out = write_folder(tmp_path / "data"), tmp_path / "out"
    assert run(monkeypatch, *[word.format(data=data, masks=tmp_path, out=out) for word in words]) == 0
    assert sorted(os.listdir(out)) == sorted(os.listdir(data / "Band1"))
    for name, tile_id in (("B2_B2_masked_01_01.tif", "01_01"), ("B2_B2_masked_01_02.tif", "01_02")):
        mask = tifffile.imread(out / name)
        assert mask.dtype == np.uint8
        np.testing.assert_array_equal(mask, np.where(read_label(data, tile_id), 255, 0))


@pytest.mark.parametrize("word", ["--help", "-h"])
def test_help_names_every_option(word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    assert run(monkeypatch, word, "--jobs", 2) == 0
    shown = capsys.readouterr().out
    options = ["--data", "--masks", "--out", "--imagepath", "--output", "--jobs", "--seconds", "--resume", "--help"]
    assert all(f"{option} " in shown or f"{option}\n" in shown for option in options)
    assert "example: python solution.py --imagepath" in shown


def test_the_platform_gets_a_dictionary_and_nothing_is_written(home: Path, tmp_path: Path):
    data = write_folder(tmp_path / "data")
    before = sorted(tmp_path.rglob("*"))
    masks = solution.maskgeration(band_folders(data), str(home / "model.pth"))
    assert masks is not None
    assert sorted(masks) == ["01_01", "01_02"]
    assert all(mask.dtype == np.uint8 and set(np.unique(mask)) <= {0, 255} for mask in masks.values())
    assert sorted(tmp_path.rglob("*")) == before


def test_test_set_names_give_their_number(home: Path, tmp_path: Path):
    data = write_folder(tmp_path / "data", ("01_01",))
    for number in range(1, 6):
        only = next((data / f"Band{number}").iterdir())
        only.rename(only.with_name("img001.tif"))
    masks = solution.maskgeration(band_folders(data), home / "model.pth")
    assert masks is not None
    assert list(masks) == ["001"]


def damage(data: Path, kind: str) -> str:
    """Damage tile 01_02 of a folder; returns what the message must name."""
    file = data / "Band3" / "B4_B4_masked_01_02.tif"
    if kind == "missing in one band":
        file.unlink()
        return "01_02"
    if kind == "other shape":
        tifffile.imwrite(file, np.ones((7, 7), np.float32))
    elif kind == "truncated":
        file.write_bytes(file.read_bytes()[:-400])
    elif kind == "zero bytes":
        file.write_bytes(b"")
    elif kind == "text":
        file.write_text("not an image")
    return file.name


@pytest.mark.parametrize("kind", ["missing in one band", "other shape", "truncated", "zero bytes", "text"])
def test_one_bad_tile_does_not_lose_the_others(
    kind: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    data, out = write_folder(tmp_path / "data"), tmp_path / "out"
    named = damage(data, kind)
    assert run(monkeypatch, "--data", data, "--masks", "", "--out", out) == 3
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert named in lines[0]
    assert os.listdir(out) == ["B2_B2_masked_01_01.tif"]
    masks = solution.maskgeration(band_folders(data), home / "model.pth")
    assert masks is not None
    assert list(masks) == ["01_01"]


def test_bad_tiles_raise_a_named_error_after_the_others_are_written(home: Path, tmp_path: Path):
    data = write_folder(tmp_path / "data")
    damage(data, "text")
    with pytest.raises(PartlyDoneError, match="1 of 2"):
        solution.maskgeration(band_folders(data), tmp_path / "out")
    assert os.listdir(tmp_path / "out") == ["B2_B2_masked_01_01.tif"]


def test_a_relative_model_is_found_beside_the_file(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    data = write_folder(tmp_path / "data", ("01_01",))
    monkeypatch.chdir(tmp_path)
    masks = solution.maskgeration(band_folders(data), "model.pth")
    assert masks is not None
    assert list(masks) == ["01_01"]
    with pytest.raises(ModelFileError, match="other.pth: no such model file"):
        solution.maskgeration(band_folders(data), "other.pth")


@pytest.mark.parametrize("folder", ["Band1", "Band2", "Band3", "Band4"])
def test_a_missing_band_folder_is_named(
    folder: str,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    data = write_folder(tmp_path / "data")
    shutil.rmtree(data / folder)
    assert run(monkeypatch, "--data", data, "--masks", "", "--out", tmp_path / "out") == 2
    assert folder in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    with pytest.raises(LayoutError, match=folder):
        solution.maskgeration(band_folders(data), tmp_path / "out")


def test_a_missing_thermal_folder_is_noted_and_mapped(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    data = write_folder(tmp_path / "data")
    shutil.rmtree(data / "Band5")
    assert run(monkeypatch, "--data", data, "--masks", "", "--out", tmp_path / "out") == 0
    assert "no thermal band" in capsys.readouterr().err
    assert len(os.listdir(tmp_path / "out")) == 2


@pytest.mark.parametrize(
    "make",
    [lambda path: None, lambda path: [(path / f"Band{n}").mkdir(parents=True) for n in range(1, 6)]],
    ids=["no such folder", "no tile"],
)
def test_nothing_to_map_is_an_error(
    make: object,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    make(tmp_path / "data")  # type: ignore[operator]
    assert run(monkeypatch, "--data", tmp_path / "data", "--masks", "", "--out", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert len(error.strip().splitlines()) == 1
    assert str(tmp_path / "data") in error


def test_all_nodata_is_no_error(home: Path, tmp_path: Path):
    data = write_folder(tmp_path / "data", ("01_01",))
    for file in data.glob("Band*/*.tif"):
        tifffile.imwrite(file, np.zeros((40, 48), np.float32))
    solution.maskgeration(band_folders(data), tmp_path / "out")
    assert not tifffile.imread(tmp_path / "out" / "B2_B2_masked_01_01.tif").any()


def test_one_pixel_is_mapped(home: Path, tmp_path: Path):
    data = write_folder(tmp_path / "data", ("01_01",), shape=(1, 1))
    solution.maskgeration(band_folders(data), tmp_path / "out")
    assert tifffile.imread(tmp_path / "out" / "B2_B2_masked_01_01.tif").shape == (1, 1)


@pytest.mark.parametrize(
    "damage_model",
    [lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes()[:5000])],
    ids=["missing", "truncated"],
)
def test_a_bad_model_is_named(
    damage_model: object,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    damage_model(home / "model.pth")  # type: ignore[operator]
    data = write_folder(tmp_path / "data")
    assert run(monkeypatch, "--data", data, "--masks", "", "--out", tmp_path / "out") == 2
    assert "model.pth" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    with pytest.raises(ModelFileError):
        solution.maskgeration(band_folders(data), str(home / "model.pth"))


def test_an_output_folder_that_cannot_be_made_is_named(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    data = write_folder(tmp_path / "data")
    (tmp_path / "file").write_text("in the way")
    assert run(monkeypatch, "--data", data, "--masks", "", "--out", tmp_path / "file" / "out") == 2
    assert str(tmp_path / "file") in capsys.readouterr().err
    with pytest.raises(OutputError):
        solution.maskgeration(band_folders(data), tmp_path / "file" / "out")


@pytest.mark.parametrize("name", ["model.pth", "other.pth", "text.txt"])
def test_masks_of_the_command_line_need_a_folder(name: str, home: Path, tmp_path: Path, monkeypatch, capsys):
    (home / "text.txt").write_text("text")
    assert run(monkeypatch, "--imagepath", write_folder(tmp_path / "data"), f"--output={home / name}") == 2
    assert f"{name}: is a file, but the masks need a folder" in capsys.readouterr().err
    assert not (home / "other.pth").exists()


def test_bands_are_not_replaced_by_masks(home: Path, tmp_path: Path, monkeypatch, capsys):
    data = write_folder(tmp_path / "data")
    before = {path: path.read_bytes() for path in data.glob("Band*/*.tif")}
    assert run(monkeypatch, "--data", data, "--masks", "", "--out", data / "Band1") == 2
    assert "Band1: is the folder of a band" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in data.glob("Band*/*.tif")} == before
