"""The comparison of maps: rasters and outlines, aligned, folders, and mistakes."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely

from evaluation import compare
from tests import products


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A mask, its truth as raster, as finer raster and as outlines, on one grid."""
    _, truth = products.blocky_tile()
    mask = np.roll(truth, 2, axis=1)
    products.write_band(tmp_path / "mask.tif", np.where(mask, 1, 0), "uint8", nodata=255)
    products.write_band(tmp_path / "truth.tif", np.where(truth, 255, 0), "uint8", nodata=0)
    fine = products.TRANSFORM * products.TRANSFORM.scale(1 / 3)
    products.write_band(tmp_path / "fine.tif", np.where(truth, 1, 0).repeat(3, 0).repeat(3, 1), "uint8", transform=fine)
    squares = [shapely.box(*corners(products.TRANSFORM, *box)) for box in ((20, 40, 80, 100), (100, 110, 130, 150))]
    gpd.GeoDataFrame(geometry=squares, crs=products.CRS).to_crs("EPSG:4326").to_file(tmp_path / "truth.gpkg")
    return tmp_path


def corners(transform, top: int, left: int, bottom: int, right: int) -> tuple[float, float, float, float]:
    (west, north), (east, south) = transform * (left, top), transform * (right, bottom)
    return west, south, east, north


def run(monkeypatch, *words: object) -> int:
    monkeypatch.setattr("sys.argv", ["compare", *map(str, words)])
    return compare.main()


@pytest.mark.parametrize("truth", ["truth.tif", "fine.tif", "truth.gpkg"])
def test_the_same_truth_in_any_form_gives_the_same_scores(place: Path, truth: str, monkeypatch):
    assert run(monkeypatch, place / "mask.tif", place / truth, "--out", place / "out") == 0
    found = json.loads((place / "out" / "metrics.json").read_text())["pooled"]
    _, expected = products.blocky_tile()
    assert found["tp"] + found["fn"] == pytest.approx(expected.sum(), rel=0.01)
    shifted = np.roll(expected, 2, axis=1)
    assert found["tp"] == pytest.approx((shifted & expected).sum(), rel=0.01)
    assert found["area_error"] == pytest.approx(0, abs=0.01)
    assert 0.8 < found["mcc"] < 1
    for name in ("mask_overlay.png", "mask_worst.png", "mask_agreement.tif", "metrics.csv"):
        assert (place / "out" / name).stat().st_size > 0
    with rasterio.open(place / "out" / "mask_agreement.tif") as source:
        assert source.crs.to_epsg() == 32643
        classes = source.read(1)
    assert (classes == 1).sum() == found["tp"]
    assert (classes == 3).sum() == found["fn"]


def test_outlines_against_a_raster(place: Path, monkeypatch):
    assert run(monkeypatch, place / "truth.gpkg", place / "truth.tif", "--out", place / "out") == 0
    assert json.loads((place / "out" / "metrics.json").read_text())["pooled"]["iou"] > 0.98


def test_folders_are_matched_by_tile_and_pooled(place: Path, monkeypatch, capsys):
    for number in (1, 2, 3):
        for kind in ("mask", "truth"):
            (place / f"{kind}s").mkdir(exist_ok=True)
            (place / f"{kind}s" / f"{kind}_0{number}.tif").write_bytes((place / f"{kind}.tif").read_bytes())
    (place / "truths" / "truth_03.tif").unlink()
    assert run(monkeypatch, place / "masks", place / "truths", "--out", place / "out") == 0
    assert "note: 1 of 3 rasters have no truth and do not count: mask_03\n" in capsys.readouterr().err
    with open(place / "out" / "metrics.csv", newline="") as file:
        rows = {row["region"]: row for row in csv.DictReader(file)}
    assert set(rows) == {"mask_01", "mask_02", "pooled"}
    assert int(rows["pooled"]["tp"]) == 2 * int(rows["mask_01"]["tp"])


def test_two_files_of_outlines_are_compared_on_one_grid(place: Path, monkeypatch, capsys):
    """Of two squares in another coordinate system, one is mapped a third too long, and of one no more than a corner."""
    squares = [shapely.box(*corners(products.TRANSFORM, *one)) for one in ((20, 40, 80, 120), (128, 148, 130, 150))]
    gpd.GeoDataFrame(geometry=squares, crs=products.CRS).to_file(place / "mapped.gpkg")
    words = (place / "mapped.gpkg", place / "truth.gpkg", "--out", place / "out", "--pixel")
    assert run(monkeypatch, *words, 30) == 0
    found = json.loads((place / "out" / "metrics.json").read_text())["pooled"]
    assert found["tp"] == pytest.approx(60 * 60 + 4, rel=0.01)
    assert found["fp"] == pytest.approx(60 * 20, rel=0.02)
    assert found["fn"] == pytest.approx(30 * 40 - 4, rel=0.02)
    assert "not counted" not in capsys.readouterr().err
    gpd.GeoDataFrame(geometry=squares[:1], crs=products.CRS).to_file(place / "mapped.gpkg")
    assert run(monkeypatch, *words, 60) == 0
    assert "% of the ice of truth lies more than 1000 m beyond mapped" in capsys.readouterr().err
    assert run(monkeypatch, *words, 0) == 2


@pytest.mark.parametrize("kind", ["far", "no crs", "missing", "broken", "far outlines", "no outlines"])
def test_mistakes_are_one_sentence(place: Path, kind: str, monkeypatch, capsys):
    far = products.TRANSFORM * products.TRANSFORM.translation(90_000, 0)
    products.write_band(place / "far.tif", np.ones((5, 5)), "uint8", transform=far)
    products.write_band(place / "plain.tif", np.ones((5, 5)), "uint8", crs=None)
    (place / "broken.gpkg").write_text("nothing")
    away = gpd.GeoDataFrame(geometry=[shapely.box(7.0, 46.0, 7.1, 46.1)], crs="EPSG:4326")
    away.to_file(place / "outlines_far.gpkg")
    away.iloc[:0].to_file(place / "outlines_none.gpkg")
    words = {
        "far": ("mask.tif", "far.tif"),
        "no crs": ("mask.tif", "plain.tif"),
        "missing": ("mask.tif", "nowhere.tif"),
        "broken": ("mask.tif", "broken.gpkg"),
        "far outlines": ("truth.gpkg", "outlines_far.gpkg"),
        "no outlines": ("outlines_none.gpkg", "outlines_none.gpkg"),
    }[kind]
    assert run(monkeypatch, *(place / word for word in words), "--out", place / "out") == 2
    assert words[1].split(".")[0] in capsys.readouterr().err
    assert not (place / "out").exists()


@pytest.mark.parametrize(("kind", "named"), [("probability", "holds fractions"), ("scene", "holds 5 bands")])
def test_what_is_no_mask_is_one_sentence(kind: str, named: str, place: Path, monkeypatch, capsys):
    tile, truth = products.blocky_tile()
    wrong = products.write_band(place / "wrong.tif", np.where(truth, 0.75, 0.25), "float32")
    if kind == "scene":
        products.five_bands(wrong, tile)
    for words in ((wrong, place / "truth.tif"), (place / "mask.tif", wrong)):
        assert run(monkeypatch, *words, "--out", place / "out") == 2
        assert f"wrong.tif: {named}" in capsys.readouterr().err
    assert not (place / "out").exists()


def test_that_outlines_know_no_nodata_is_told(place: Path, monkeypatch, capsys):
    assert run(monkeypatch, place / "truth.gpkg", place / "truth.tif", "--out", place / "out") == 0
    assert "truth.gpkg: outlines know no nodata" in capsys.readouterr().err
