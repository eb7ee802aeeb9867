"""Edited outlines come back: what was drawn is in the mask, measured and reported; mistakes are told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from fusion.model_file import save_model
from mapping import corrected as command
from mapping.finish import mapped_facts
from tests import products
from tests.examples import example_model
from tests.mapping.drawn import Drawn, draw
from tests.mapping.test_inventory import box

pytestmark = pytest.mark.usefixtures("narrow_networks")


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """A map of two ice patches beside nodata, as ``python -m mapping`` leaves it."""
    mask = np.zeros((60, 80), np.uint8)
    mask[10:30, 10:30] = 1
    mask[40:50, 50:60] = 1
    mask[:, 70:] = 255
    found = draw(tmp_path_factory.mktemp("maps"), mask)
    facts = {**mapped_facts(found.scene, found.folder), "threshold": 0.5}
    (found.folder / "metrics.json").write_text(json.dumps(facts))
    save_model(example_model(), found.folder / "model.pth")
    return found


def run(monkeypatch, maps: Drawn, edited: Path, *words: object) -> int:
    given = ["corrected", edited, "--of", maps.folder, "--scene", maps.folder / "scene.tif"]
    given += ["--bands", products.FIVE_BANDS, "--model", maps.folder / "model.pth", *words]
    monkeypatch.setattr("sys.argv", [str(word) for word in given])
    return command.main()


def test_edited_outlines_give_areas_rasters_and_report_anew(maps: Drawn, tmp_path: Path, monkeypatch, capsys):
    """One outline is halved and named, one is removed, and one is drawn that reaches into nodata."""
    edited = gpd.GeoDataFrame(
        {"glacier_id": [1, 7], "inventory_id": ["A1", None], "name": ["Alpha", None], "edited": ["kept", None]},
        geometry=[box(10, 10, 20, 30), box(35, 60, 55, 75)],
        crs=products.CRS,
    )
    edited.to_crs("EPSG:4326").to_file(tmp_path / "edited.gpkg")
    assert run(monkeypatch, maps, tmp_path / "edited.gpkg") == 0
    out = maps.folder / "corrected"
    expected = np.zeros((60, 80), np.uint8)
    expected[:, 70:] = 255
    expected[10:20, 10:30] = expected[35:55, 60:75] = 1
    with rasterio.open(out / "mask.tif") as source:
        np.testing.assert_array_equal(source.read(1), expected)
    table = gpd.read_file(out / "outlines.gpkg")
    assert table["area_km2"].tolist() == pytest.approx([0.27, 0.18], rel=2e-3)
    assert table["inventory_id"].fillna("").tolist() == ["", "A1"]
    assert table["kind"].tolist() == ["ice patch", "glacier"]
    assert table["edited"].fillna("").tolist() == ["", "kept"]
    assert table["touches_nodata"].tolist() == [True, False]
    facts = json.loads((out / "metrics.json").read_text())
    assert facts["threshold"] == 0.5
    assert facts["added_km2"] == pytest.approx(300 * 900 / 1e6)
    assert facts["removed_km2"] == pytest.approx(300 * 900 / 1e6)
    assert "corrected by hand" in (out / "report.html").read_text(encoding="utf-8")
    assert "0.27 km2 were added" in capsys.readouterr().out


def test_a_map_of_a_part_of_a_scene_is_corrected(maps: Drawn, tmp_path: Path, monkeypatch):
    """What --aoi maps is a rectangle of the scene, of which the whole is given."""
    gpd.GeoDataFrame(geometry=[box(12, 10, 30, 45)], crs=products.CRS).to_file(tmp_path / "edited.gpkg")
    assert run(monkeypatch, maps, tmp_path / "edited.gpkg", "--out", tmp_path / "alone") == 0
    tile, _ = products.blocky_tile((60, 80))
    wide = {name: np.pad(band, ((20, 5), (10, 15)), mode="edge") for name, band in tile.bands.items()}
    larger = replace(tile, bands=wide, valid=np.pad(tile.valid, ((20, 5), (10, 15))))
    moved = products.TRANSFORM * Affine.translation(-10, -20)
    place = products.five_bands(tmp_path / "scene.tif", larger, transform=moved)
    assert run(monkeypatch, maps, tmp_path / "edited.gpkg", "--scene", place, "--out", tmp_path / "part") == 0
    for name in ("mask.tif", "probability.tif"):
        assert (tmp_path / "part" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()
    one, other = (gpd.read_file(tmp_path / kind / "outlines.gpkg") for kind in ("alone", "part"))
    assert one.equals(other)


@pytest.mark.parametrize(
    "kind", ["far", "empty", "edits", "no map", "another scene", "half a pixel off", "the map itself"]
)
def test_mistakes_are_one_sentence(maps: Drawn, kind: str, tmp_path: Path, monkeypatch, capsys, one_sentence):
    edited = gpd.GeoDataFrame(geometry=[box(10, 10, 20, 30)], crs=products.CRS)
    if kind == "far":
        edited["geometry"] = edited.translate(1e5, 0)
    if kind == "edits":
        edited["edited"] = "deleted"
    edited.iloc[: 0 if kind == "empty" else 1].to_file(tmp_path / "edited.gpkg")
    words: list[object] = []
    if kind == "no map":
        words = ["--of", tmp_path]
    if kind == "another scene":
        tile, _ = products.blocky_tile((40, 40))
        words = ["--scene", products.five_bands(tmp_path / "other.tif", tile)]
    if kind == "half a pixel off":
        tile, _ = products.blocky_tile((60, 80))
        off = products.TRANSFORM * Affine.translation(0, 0.5)
        words = ["--scene", products.five_bands(tmp_path / "other.tif", tile, transform=off)]
    if kind == "the map itself":
        words = ["--out", maps.folder]
    assert run(monkeypatch, maps, tmp_path / "edited.gpkg", *words) == 2
    scenes = dict.fromkeys(("another scene", "half a pixel off"), "other.tif")
    culprit = {"no map": tmp_path, "the map itself": maps.folder, **scenes}
    message = capsys.readouterr().err.strip().removeprefix("error: ")
    one_sentence(message, culprit.get(kind, tmp_path / "edited.gpkg"))
