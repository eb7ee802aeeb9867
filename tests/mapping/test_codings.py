"""Every coding of a scene gives the same glacier mask, as a tile and as a GeoTIFF; doubtful pixels are told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch

from fusion.hybrid import HybridModel
from fusion.model_file import load_model, save_model
from fusion.windowed import predict
from mapping import __main__ as command
from mapping.products import open_scene
from tests.codings import CODINGS, Bands, write_tile
from tests.examples import example_model
from tests.mapping import scenes
from tiles.synthetic import synthetic_scene, to_numbers
from tiles.tile import BAND_NAMES, OPTICAL_BANDS, Tile

ROOT = Path(__file__).resolve().parents[2]
MAPPED = ("level 2, float32, tag 0", "0..1, NaN", "0..1, -9999", "0..1, zeros", "times 10 000, -9999")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model() -> HybridModel:
    return load_model(ROOT / "model.pth", CPU)


@pytest.fixture(scope="module")
def synthetic() -> tuple[Bands, np.ndarray]:
    """Level-2 numbers of a scene with much shadow, and its valid pixels."""
    scene = synthetic_scene(2, (96, 112))
    return {band: to_numbers(values, band) for band, values in scene.bands.items()}, scene.valid


@pytest.fixture(scope="module")
def expected(model: HybridModel, synthetic: tuple[Bands, np.ndarray]) -> tuple[Tile, np.ndarray]:
    """The scene as it is in the challenge's own numbers, and its glaciers."""
    numbers, valid = synthetic
    scale = {**dict.fromkeys(BAND_NAMES, (2.75e-5, -0.2)), "thermal": (0.00341802, 149.0)}
    bands = {
        band: np.where(valid, values * scale[band][0] + scale[band][1], 0).astype(np.float32)
        for band, values in numbers.items()
    }
    tile = Tile("01_01", bands, valid)
    assert (bands["swir1"][valid] < 0).mean() > 0.2
    mask = predict(model, tile, CPU, 1, 1).mask
    assert 0.1 < mask.mean() < 0.8
    return tile, mask


def write_stack(path: Path, numbers: Bands, tag: float | None) -> Path:
    height, width = next(iter(numbers.values())).shape
    dtype = np.result_type(*numbers.values())
    profile = {"crs": scenes.CRS, "transform": scenes.TRANSFORM, "dtype": dtype, "nodata": tag}
    path.parent.mkdir(exist_ok=True)
    with rasterio.open(path, "w", driver="GTiff", height=height, width=width, count=len(numbers), **profile) as file:
        for place, band in enumerate(numbers, 1):
            file.write(numbers[band], place)
    return path


def whole(place: Path, bands: str | None = None) -> Tile:
    scene = open_scene(place, bands)
    return scene.read(0, 0, scene.grid.height, scene.grid.width)


@pytest.mark.parametrize("way", ["GeoTIFF", "without thermal", "mosaic"])
@pytest.mark.parametrize("name", CODINGS)
def test_any_coding_is_the_same_scene(name: str, way: str, synthetic, expected, tmp_path: Path):
    code, tag = CODINGS[name]
    coded = code(*synthetic)
    if way == "mosaic":
        for place, band in enumerate(BAND_NAMES, 1):
            write_stack(tmp_path / f"Band{place}" / f"B{place}_01_01.tif", {band: coded[band]}, tag)
        tile = whole(tmp_path)
    elif way == "GeoTIFF":
        tile = whole(write_stack(tmp_path / "s.tif", coded, tag), scenes.STACK_BANDS)
    else:
        optical = {band: coded[band] for band in OPTICAL_BANDS}
        tile = whole(write_stack(tmp_path / "s.tif", optical, tag), "blue=1,green=2,red=3,swir1=4")
    correct, _ = expected
    np.testing.assert_array_equal(tile.valid, correct.valid)
    for band, values in tile.bands.items():
        np.testing.assert_allclose(values, correct.bands[band], rtol=1e-6, atol=6e-5)


@pytest.mark.parametrize("way", ["tile", "GeoTIFF"])
@pytest.mark.parametrize("name", MAPPED)
def test_any_coding_has_the_same_glaciers(name: str, way: str, model, synthetic, expected, read_only, tmp_path: Path):
    code, tag = CODINGS[name]
    coded = code(*synthetic)
    if way == "tile":
        tile = read_only(write_tile(tmp_path, coded, tag))
    else:
        tile = whole(write_stack(tmp_path / "s.tif", coded, tag), scenes.STACK_BANDS)
    found = predict(model, tile, CPU, 1, 1).mask
    assert (found != expected[1]).mean() <= (0.01 if "10 000" in name else 0.001)


def test_gaps_of_a_mosaic_and_what_lies_beyond_are_nodata(synthetic, tmp_path: Path):
    code, tag = CODINGS["0..1, -9999"]
    numbers, valid = synthetic
    coded = code(numbers, valid)
    for place, band in enumerate(BAND_NAMES, 1):
        for number, column in ((1, 0), (3, 2)):
            shift = scenes.TRANSFORM.translation(valid.shape[1] * column, 0)
            path = tmp_path / f"Band{place}" / f"B{place}_01_0{number}.tif"
            scenes.write_band(path, coded[band], "float32", nodata=tag, transform=scenes.TRANSFORM @ shift)
    scene = open_scene(tmp_path)
    found = scene.read(-5, -7, scene.grid.height + 10, scene.grid.width + 14)
    mosaic = np.hstack([valid, np.zeros_like(valid), valid])
    np.testing.assert_array_equal(found.valid, np.pad(mosaic, ((5, 5), (7, 7))))


def test_sentinel_below_zero_is_valid(tmp_path: Path):
    """The offset of today's processing baselines leaves room for reflectance below 0."""
    tile, _ = scenes.blocky_tile((60, 60))
    dark = tile.valid & (np.indices(tile.shape)[0] > 40)
    bands = {
        band: np.where(dark, np.float32(-0.02), values) for band, values in tile.bands.items() if band != "thermal"
    }
    found = whole(scenes.sentinel(tmp_path, Tile("01_01", bands, tile.valid)))
    np.testing.assert_array_equal(found.valid, tile.valid)
    np.testing.assert_allclose(found.bands["swir1"][dark], -0.02, atol=1e-6)


@pytest.mark.parametrize("level", [1, 2])
def test_landsat_below_zero_is_valid(level: int, tmp_path: Path):
    tile, _ = scenes.blocky_tile((60, 60))
    dark = tile.valid & (np.indices(tile.shape)[0] > 40)
    bands = {band: np.where(dark & (band != "thermal"), np.float32(-0.02), v) for band, v in tile.bands.items()}
    found = whole(scenes.landsat(tmp_path, Tile("01_01", bands, tile.valid), level))
    np.testing.assert_array_equal(found.valid, tile.valid)
    np.testing.assert_allclose(found.bands["swir1"][dark], -0.02, atol=3e-5)


def test_the_command_tells_doubtful_pixels(synthetic, tmp_path: Path, monkeypatch, capsys):
    """Reflectance that was clipped at 0 is mapped, with a note on screen and in metrics.json."""
    numbers, valid = synthetic
    coded = {band: np.maximum(values, 0) for band, values in CODINGS["0..1, zeros"][0](numbers, valid).items()}
    path = write_stack(tmp_path / "s.tif", coded, None)
    save_model(example_model(), tmp_path / "model.pth")
    words = ["mapping", path, "--bands", scenes.STACK_BANDS, "--model", tmp_path / "model.pth", "--out", tmp_path / "o"]
    monkeypatch.setattr("sys.argv", [str(word) for word in words])
    assert command.main() == 0
    (note,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("note: ")]
    alone = (coded["swir1"] == 0) & np.any([coded[band] != 0 for band in ("blue", "green", "red")], axis=0)
    assert f"note: s: {alone.sum()} of {valid.size} pixels" in note
    assert json.loads((tmp_path / "o" / "metrics.json").read_text())["notes"] == [note.removeprefix("note: ")]
