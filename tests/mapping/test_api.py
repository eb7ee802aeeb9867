"""One call maps a scene; two scenes of one place, divided by an inventory, are compared glacier by glacier."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from errors import GridError, ProductError
from fusion.model_file import save_model
from mapping import change
from mapping.api import MappedScene, map_scene
from tests import products
from tests.examples import example_model
from tests.mapping.test_inventory import box
from tiles.tile import Tile


@dataclass(frozen=True)
class ThenAndNow:
    """A Landsat-5 product of then and a Landsat-8 product of now, whose glaciers have lost ten rows; both mapped."""

    folder: Path
    then: MappedScene
    now: MappedScene


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> ThenAndNow:
    folder = tmp_path_factory.mktemp("then_and_now")
    tile, _ = products.blocky_tile()
    bands = {name: band.copy() for name, band in tile.bands.items()}
    for band in bands.values():
        band[70:80, 40:100] = band[85:95, 40:100]
    halves = [box(20, 40, 80, 70), box(20, 70, 80, 100)]
    inventory = gpd.GeoDataFrame({"RGIId": ["A", "B"], "Name": ["Alpha", None]}, geometry=halves, crs=products.CRS)
    inventory.to_crs("EPSG:4326").to_file(folder / "rgi.gpkg")
    save_model(example_model(), folder / "model.pth")
    words = {"model": folder / "model.pth", "device": "cpu", "jobs": 1, "inventory": folder / "rgi.gpkg"}
    products.five_bands(folder / "then.tif", tile)
    old = products.landsat(folder, tile, satellite=5)
    new = products.landsat(folder, Tile(tile.tile_id, bands, tile.valid))
    then = map_scene(str(old), out=folder / "1985", **words)
    return ThenAndNow(folder, then, map_scene(new, out=folder / "2020", **words))


def test_one_call_gives_outlines_and_rasters(mapped: ThenAndNow):
    tile, truth = products.blocky_tile()
    then = mapped.then
    assert isinstance(then.outlines, gpd.GeoDataFrame)
    assert sorted(then.outlines["inventory_id"].fillna("")) == ["", "A", "B"]
    assert then.outlines.crs.to_epsg() == 32643
    assert ((then.mask == 1) == truth)[tile.valid].mean() > 0.99
    np.testing.assert_array_equal(np.isnan(then.probability), ~tile.valid)
    assert then.facts["outlines_km2"] == pytest.approx(then.outlines["area_km2"].sum(), abs=1e-4)
    assert then.facts["glaciers_of_inventory"] == 2
    assert "Glaciers of LT05" in (mapped.folder / "1985" / "report.html").read_text(encoding="utf-8")
    assert (then.grid.height, then.grid.width) == then.mask.shape


def test_then_and_now_are_compared_glacier_by_glacier(mapped: ThenAndNow, monkeypatch):
    folder = mapped.folder
    words = [folder / "1985" / "outlines.gpkg", folder / "2020" / "outlines.gpkg", "--out", folder / "change"]
    monkeypatch.setattr("sys.argv", [str(word) for word in ["change", *words, "--dates", "1985-08-26", "2020-08-26"]])
    assert change.main() == 0
    table = pd.read_csv(folder / "change" / "change.csv").set_index("old_ids")
    assert table.loc[["A", "B"], "change_km2"].tolist() == pytest.approx([-0.27, -0.27], rel=0.02)
    assert table.loc["A", "percent_per_year"] == pytest.approx(-100 / 6 / 35, rel=0.02)
    assert table.loc["A", "name"] == "Alpha"
    assert (table["what"] == "matched").all()
    assert len(gpd.read_file(folder / "change" / "change.gpkg", layer="retreat")) >= 2
    assert "Alpha" in (folder / "change" / "change.html").read_text(encoding="utf-8")


def test_mistakes_are_named_before_anything_is_mapped(mapped: ThenAndNow, tmp_path: Path):
    with pytest.raises(ProductError, match="which of its bands"):
        map_scene(mapped.folder / "then.tif")
    far = gpd.GeoDataFrame({"id": ["A"]}, geometry=[box(9000, 0, 9010, 10)], crs=products.CRS)
    far.to_file(tmp_path / "far.gpkg")
    with pytest.raises(GridError, match=r"far\.gpkg"):
        map_scene(mapped.folder / "then.tif", products.FIVE_BANDS, inventory=tmp_path / "far.gpkg", out=tmp_path / "o")
    assert not (tmp_path / "o").exists()
