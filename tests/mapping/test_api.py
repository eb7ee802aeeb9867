"""One call maps a scene, and what it gives is what the files hold."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest

from errors import GridError, ProductError
from fusion.model_file import save_model
from mapping.api import map_scene
from tests import products
from tests.examples import example_model
from tests.mapping.test_inventory import box


def test_one_call_gives_outlines_and_rasters(tmp_path: Path):
    tile, truth = products.blocky_tile()
    path = products.five_bands(tmp_path / "s.tif", tile)
    save_model(example_model(), tmp_path / "model.pth")
    inventory = gpd.GeoDataFrame({"RGIId": ["A"], "Name": ["Alpha"]}, geometry=[box(20, 40, 80, 100)], crs=products.CRS)
    inventory.to_file(tmp_path / "rgi.gpkg")
    words = {"model": tmp_path / "model.pth", "device": "cpu", "jobs": 1}
    mapped = map_scene(str(path), products.FIVE_BANDS, inventory=tmp_path / "rgi.gpkg", **words)
    assert isinstance(mapped.outlines, gpd.GeoDataFrame)
    assert mapped.outlines["name"].fillna("").tolist() == ["Alpha", ""]
    assert mapped.outlines.crs.to_epsg() == 32643
    assert ((mapped.mask == 1) == truth)[tile.valid].mean() > 0.99
    np.testing.assert_array_equal(np.isnan(mapped.probability), ~tile.valid)
    assert mapped.facts["outlines_km2"] == pytest.approx(mapped.outlines["area_km2"].sum(), abs=1e-4)
    assert (mapped.grid.height, mapped.grid.width) == mapped.mask.shape
    with pytest.raises(ProductError, match="which of its bands"):
        map_scene(path, **words)
    inventory.to_crs("EPSG:32642").set_crs(products.CRS, allow_override=True).to_file(tmp_path / "far.gpkg")
    with pytest.raises(GridError, match=r"far\.gpkg"):
        map_scene(path, products.FIVE_BANDS, inventory=tmp_path / "far.gpkg", **words)
