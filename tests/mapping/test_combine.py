"""Several dates of one place: holes are filled, good dates count more, other grids are reprojected."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from rasterio.warp import calculate_default_transform

from fusion.fuse import log_odds
from fusion.model_file import save_model
from mapping import __main__ as command
from mapping.combine import Dated, combined_strips, footprint, weighed
from scenes.products import open_scene
from scenes.scene import Scene
from scores.confusion import confusion
from tests import products
from tests.examples import example_model
from tests.seasons import clear_place, season_of, thirds

SHAPE = (96, 102)
SNOW = {"july": 0.3, "august": 0.05}


def run(monkeypatch, out: Path, model: Path, *words: object) -> int:
    given = ["mapping", *words, "--bands", products.FIVE_BANDS, "--combine", "--out", out, "--model", model]
    monkeypatch.setattr("sys.argv", [str(word) for word in [*given, "--window", 128, "--jobs", 1]])
    return command.main()


@pytest.fixture(scope="module")
def combined(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two dates of one place, a third of the pixels clouded each, mapped and combined; and the truth."""
    folder = tmp_path_factory.mktemp("dates")
    place = clear_place(3, SHAPE)
    paths = []
    for number, ((name, snow), clouded) in enumerate(zip(SNOW.items(), thirds(SHAPE))):
        paths.append(products.five_bands(folder / f"{name}.tif", season_of(place, snow, clouded, number)))
    save_model(example_model(), folder / "model.pth")
    np.save(folder / "truth.npy", place.truth)
    with pytest.MonkeyPatch.context() as patch:
        assert run(patch, folder / "out", folder / "model.pth", *paths) == 0
    return folder


def read(path: Path) -> np.ndarray:
    with rasterio.open(path) as source:
        return source.read(1)


def test_holes_of_one_date_are_filled_by_the_other(combined: Path):
    counts, mask = read(combined / "out" / "dates.tif"), read(combined / "out" / "mask.tif")
    first, second = thirds(SHAPE)
    np.testing.assert_array_equal(counts, 2 - first.astype(int) - second)
    np.testing.assert_array_equal(mask == 255, counts == 0)
    assert first.mean() == pytest.approx(1 / 3, abs=0.01)
    assert second.mean() == pytest.approx(1 / 3, abs=0.01)
    assert (counts == 0).mean() <= 0.12


def test_the_combined_map_is_better_than_either_date(combined: Path):
    truth = np.load(combined / "truth.npy")
    mcc = {name: confusion(truth, read(combined / "out" / name / "mask.tif") == 1).mcc for name in (*SNOW, ".")}
    assert mcc["."] > max(mcc[name] for name in SNOW)


def test_metrics_and_outlines_say_what_was_used(combined: Path):
    facts = json.loads((combined / "out" / "metrics.json").read_text())
    weights = {one["scene"]: one["weight"] for one in facts["dates"]}
    assert weights["august"] > weights["july"] > 0
    assert [one["unseen"] for one in facts["dates"]] == pytest.approx([1 / 3, 1 / 3], abs=0.03)
    outlines = gpd.read_file(combined / "out" / "outlines.gpkg")
    assert set(outlines["dates"]) <= {"july", "august", "july, august"}
    assert (outlines["dates"] == "july, august").any()
    assert not list((combined / "out").glob(".*"))


def dated(folder: Path, scene: Scene, probability: np.ndarray, unseen: float = 0.0) -> Dated:
    folder.mkdir()
    with rasterio.open(
        folder / "probability.tif", "w", driver="GTiff", count=1, dtype="float32", nodata=np.nan, **scene.grid.profile
    ) as file:
        file.write(probability.astype(np.float32), 1)
    return Dated(scene, folder, 0.0, unseen)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    tile, _ = products.blocky_tile((60, 80))
    path = products.five_bands(tmp_path_factory.mktemp("one") / "one.tif", tile)
    return open_scene(path, products.FIVE_BANDS)


def test_log_odds_are_averaged_by_weight_where_dates_see(scene: Scene, tmp_path: Path):
    random = np.random.default_rng(0)
    said = random.uniform(0.02, 0.98, (2, 60, 80)).astype(np.float32)
    said[0, :20] = said[1, :, :10] = np.nan
    dates = [dated(tmp_path / str(number), scene, said[number], unseen) for number, unseen in enumerate((0.0, 0.75))]
    ((top, probability, valid),) = combined_strips(dates, scene.grid)
    assert top == 0
    np.testing.assert_array_equal(valid, np.isfinite(said).any(axis=0))
    both = np.isfinite(said).all(axis=0)
    expected = (log_odds(said[0][both]) * 1.0 + log_odds(said[1][both]) * 0.25) / 1.25
    np.testing.assert_allclose(log_odds(probability[both]), expected, atol=1e-4)
    alone = np.isfinite(said[1]) & ~np.isfinite(said[0])
    np.testing.assert_allclose(probability[alone], said[1][alone], atol=1e-5)


def test_a_date_on_another_grid_is_reprojected(scene: Scene, tmp_path: Path):
    """The second date lies in another zone, on pixels of another size, over the left half alone."""
    glacier = np.zeros((60, 80), np.float32) + 0.1
    glacier[20:40, 10:30] = 0.9
    bounds = rasterio.transform.array_bounds(60, 40, products.TRANSFORM)
    place, width, height = calculate_default_transform(products.CRS, "EPSG:32644", 40, 60, *bounds, resolution=20.0)
    warped = np.full((height, width), np.nan, np.float32)
    rasterio.warp.reproject(
        glacier[:, :40].copy(), warped, src_transform=products.TRANSFORM, src_crs=products.CRS, dst_transform=place,
        dst_crs="EPSG:32644", src_nodata=np.nan, dst_nodata=np.nan,
    )  # fmt: skip
    other = rasterio.crs.CRS.from_epsg(32644).to_wkt()
    there = replace(scene, grid=replace(scene.grid, crs=other, transform=tuple(place)[:6], height=height, width=width))
    blank = np.full((60, 80), np.nan, np.float32)
    blank[:, 70:] = 0.1
    dates = [dated(tmp_path / "a", scene, blank), dated(tmp_path / "b", there, warped)]
    ((_, probability, valid),) = combined_strips(dates, scene.grid)
    assert valid[:, :39].all()
    assert valid[:, 70:].all()
    assert not valid[:, 42:70].any()
    assert ((probability > 0.5) == (glacier > 0.5))[:, :38].mean() > 0.97


def test_a_footprint_is_what_a_date_has_looked_at():
    valid = np.zeros((20, 30), bool)
    valid[2:18, 3:27] = True
    valid[8:12, 8:20] = False
    expected = np.zeros_like(valid)
    expected[2:18, 3:27] = True
    np.testing.assert_array_equal(footprint(valid), expected)
    assert not footprint(np.zeros((4, 4), bool)).any()


def test_a_date_that_sees_nothing_has_the_least_weight(scene: Scene, tmp_path: Path):
    said = np.full((60, 80), np.nan, np.float32)
    one, other = dated(tmp_path / "a", scene, said), dated(tmp_path / "b", scene, np.full((60, 80), 0.1))
    weights = [date.weight for date in weighed([scene, scene], [one.folder, other.folder])]
    assert weights[0] < weights[1]


def test_scenes_that_do_not_open_are_all_named(combined: Path, tmp_path: Path, monkeypatch, capsys):
    assert run(monkeypatch, tmp_path / "out", combined / "model.pth", tmp_path / "no.tif", tmp_path / "nor.tif") == 2
    message = capsys.readouterr().err
    assert "no.tif: no such file" in message
    assert "nor.tif: no such file" in message


@pytest.mark.parametrize("kind", ["one scene", "far"])
def test_mistakes_are_one_sentence(kind: str, combined: Path, tmp_path: Path, monkeypatch, capsys, one_sentence):
    tile, _ = products.blocky_tile((60, 80))
    away = products.TRANSFORM * products.TRANSFORM.translation(90_000, 0)
    paths = [combined / "july.tif"]
    if kind == "far":
        paths.append(products.five_bands(tmp_path / "far.tif", tile, transform=away))
    assert run(monkeypatch, tmp_path / "out", combined / "model.pth", *paths) == 2
    message = capsys.readouterr().err.strip().removeprefix("error: ")
    one_sentence(message, "far: does not overlap with july" if kind == "far" else "--combine")
    assert not (tmp_path / "out").exists()
