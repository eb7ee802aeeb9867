"""Division by an inventory: the rule, the sum of the areas, real inventories, and inventories of no use."""

from __future__ import annotations

import os
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from errors import GlacierError
from fusion.model_file import save_model
from mapping import __main__ as command
from mapping.finish import Beside
from mapping.inventory import divided, read_inventory
from mapping.outlines import ice_patches
from scenes.grid import grid_of
from scenes.vectors import areas_km2
from tests import products
from tests.examples import example_model
from tests.mapping.drawn import Drawn, draw

OUTLINES = Path(os.environ.get("GLACIER_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data") / "outlines"


def box(top: int, left: int, bottom: int, right: int) -> shapely.Polygon:
    """A rectangle of pixels of the products' grid."""
    (west, north), (east, south) = products.TRANSFORM * (left, top), products.TRANSFORM * (right, bottom)
    return shapely.box(west, south, east, north)


def inventory_of(boxes: list[shapely.Polygon]) -> gpd.GeoDataFrame:
    ids = [f"G{number}" for number in range(len(boxes))]
    return gpd.GeoDataFrame({"inventory_id": ids, "name": ids}, geometry=boxes, crs=products.CRS)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """One patch over two glaciers, with ice beside them and far away; a patch that no inventory knows."""
    mask = np.zeros((120, 60), np.uint8)
    mask[5:115, 10:30] = 1
    mask[5:15, 40:50] = 1
    return draw(tmp_path_factory.mktemp("drawn"), mask)


def divide(drawn: Drawn, boxes: list[shapely.Polygon], minimum_area: float = 0.01) -> gpd.GeoDataFrame:
    patches = ice_patches(drawn.folder / "mask.tif", minimum_area)
    return divided(patches, inventory_of(boxes), drawn.scene.grid, minimum_area)


def test_connected_ice_is_divided_by_the_rule(drawn: Drawn):
    found = divide(drawn, [box(5, 10, 25, 30), box(25, 10, 45, 25)])
    by_id = found.set_index("inventory_id")
    pixels = {
        name: round(area / 900)
        for name, area in found.groupby("inventory_id")["geometry"].agg(lambda g: g.area.sum()).items()
    }
    reach = int(1000 / 30)
    beside = (20 + reach) * 20 - pixels["G1"]
    assert pixels["G0"] + pixels["G1"] == pytest.approx((40 + reach) * 20, abs=40)
    assert 0 <= beside < 100, "ice beside a glacier goes to the nearest one"
    assert by_id.loc["G0", "kind"] == "glacier"
    patches = found[found["kind"] == "ice patch"]
    assert len(patches) == 2, "the rest of the divided patch, and the one that no inventory knows"
    assert set(patches["inventory_id"]) == {""}
    assert found.is_valid.all()


def test_a_small_rest_goes_to_the_nearest_glacier(drawn: Drawn):
    known = [box(5, 10, 81, 30)]
    assert len(divide(drawn, known)) == 3
    assert len(divide(drawn, known, minimum_area=0.05)) == 2


def test_a_glacier_in_two_patches_is_one_outline(drawn: Drawn):
    found = divide(drawn, [box(0, 0, 120, 60)])
    assert len(found) == 1
    assert found.geometry.iloc[0].geom_type == "MultiPolygon"
    measured = drawn.outlines(found)
    assert measured["inventory_id"].tolist() == ["G0"]
    assert measured["area_km2"].iloc[0] == pytest.approx((110 * 20 + 100) * 900 / 1e6, rel=2e-3)
    assert measured["mean_probability"].iloc[0] == pytest.approx(0.9)


def test_the_divide_itself_is_not_uncertain(drawn: Drawn):
    whole = drawn.outlines()
    parts = drawn.outlines(divide(drawn, [box(5, 10, 60, 30), box(60, 10, 115, 30)]))
    assert parts["area_uncertainty_km2"].sum() == pytest.approx(whole["area_uncertainty_km2"].sum(), rel=0.01)


BOXES = st.lists(st.tuples(*[st.integers(0, 20)] * 4), max_size=4)


@settings(max_examples=15)
@given(arrays(bool, (20, 22), elements=st.booleans(), fill=st.just(True)), BOXES, st.sampled_from([0.0, 0.01]))
def test_areas_sum_to_the_undivided_area(tmp_path_factory, ice, corners, minimum_area: float):
    folder = tmp_path_factory.mktemp("law")
    mask = products.write_band(folder / "mask.tif", ice, "uint8", nodata=255)
    boxes = [box(min(a, c), min(b, d), max(a, c) + 1, max(b, d) + 1) for a, b, c, d in corners]
    patches = ice_patches(mask, minimum_area)
    found = divided(patches, inventory_of(boxes), grid_of(str(mask)), minimum_area)
    assert areas_km2(found.geometry).sum() == pytest.approx(areas_km2(patches.geometry).sum(), rel=1e-3)
    assert found.area.sum() == pytest.approx(patches.area.sum(), rel=1e-9)
    known = found[found["kind"] == "glacier"]
    assert known["inventory_id"].is_unique
    assert found.is_valid.all()


@pytest.mark.parametrize(
    ("name", "first", "called"),
    [("SGI2016.gpkg", "A50h-14", "Grosser Aletschgletscher"), ("exploradores_rgi60.gpkg", "RGI60-17.08409", "")],
)
def test_real_inventories_are_read(name: str, first: str, called: str):
    if not (OUTLINES / name).is_file():
        pytest.skip(f"no {name} in {OUTLINES}; set GLACIER_DATA to the folder that holds outlines/")
    found = read_inventory(OUTLINES / name, "EPSG:6933")
    assert first in set(found["inventory_id"])
    assert found["inventory_id"].is_unique
    assert any(called in one for one in found["name"])


def write_inventory(path: Path, kind: str) -> Path:
    table = inventory_of([box(0, 0, 30, 30)]).rename(columns={"inventory_id": "sgi-id"})
    if kind == "no id":
        table = table.drop(columns="sgi-id")
    if kind == "no geometry":
        table = table.drop(columns="geometry")
    if kind == "points":
        table["geometry"] = table.geometry.centroid
    if kind == "far":
        table["geometry"] = table.geometry.translate(1e5, 0)
    if kind == "broken":
        path.write_text("nothing")
    elif kind == "no geometry":
        import pyogrio

        pyogrio.write_dataframe(table, path, driver="GPKG")
    else:
        table.set_crs(products.CRS).to_file(path)
    return path


@pytest.mark.parametrize("kind", ["no id", "no geometry", "points", "far", "broken", "missing"])
def test_an_inventory_of_no_use_is_one_sentence(drawn: Drawn, kind: str, one_sentence, tmp_path: Path):
    path = tmp_path / "inventory.gpkg" if kind == "missing" else write_inventory(tmp_path / "inventory.gpkg", kind)
    with pytest.raises(GlacierError) as raised:
        Beside(inventory=path).check(drawn.scene.grid)
    one_sentence(raised.value, path)


def test_the_command_tells_before_anything_is_mapped(tmp_path: Path, monkeypatch, capsys):
    scene = products.five_bands(tmp_path / "s.tif", products.blocky_tile((60, 80))[0])
    save_model(example_model(), tmp_path / "model.pth")
    words = ["mapping", scene, "--bands", products.FIVE_BANDS, "--model", tmp_path / "model.pth"]
    words += ["--inventory", write_inventory(tmp_path / "no.gpkg", "no id"), "--out", tmp_path / "none"]
    monkeypatch.setattr("sys.argv", [str(word) for word in words])
    assert command.main() == 2
    assert "no.gpkg: has no column" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_glaciers_without_an_id_are_kept(tmp_path: Path):
    table = inventory_of([box(0, 0, 30, 30), box(40, 0, 70, 30), box(80, 0, 99, 30)])
    table["inventory_id"] = ["A", None, None]
    table.rename(columns={"inventory_id": "rgi_id"}).to_file(tmp_path / "inventory.gpkg")
    found = read_inventory(tmp_path / "inventory.gpkg", products.CRS)
    assert list(found["inventory_id"]) == ["A", "row 2", "row 3"]
