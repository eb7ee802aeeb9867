"""Landsat of every sensor, level and delivery gives the same tile; what is missing or mixed up is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio

from errors import ProductError
from scenes.metadata import groups_of_xml
from scenes.products import open_scene
from tests import products
from tiles.tile import OPTICAL_BANDS, Tile

LANDSAT5 = products.PRODUCT.replace("LC08", "LT05")


@pytest.fixture(scope="module")
def tile() -> Tile:
    return products.blocky_tile((60, 110))[0]


def assert_same(place: Path, tile: Tile, atol: float = 3e-5, kelvin: float = 0.1) -> None:
    found = products.read_whole(place)
    np.testing.assert_array_equal(found.valid, tile.valid)
    for band, values in tile.bands.items():
        np.testing.assert_allclose(found.bands[band], values, atol=kelvin if band == "thermal" else atol)


@pytest.mark.parametrize("level", [1, 2])
@pytest.mark.parametrize("satellite", [4, 5, 7, 9])
def test_every_sensor_is_read(tile: Tile, satellite: int, level: int, tmp_path: Path):
    place = products.landsat(tmp_path, tile, level, satellite=satellite)
    coarse = satellite < 8 and level == 1  # 8 bits
    assert_same(place, tile, *((4.5e-3, 0.5) if coarse else ()))
    scene = open_scene(place)
    assert (scene.name, scene.date) == (place.name, "2020-08-26")
    assert scene.sample(1).notes == ()


def test_saturated_pixels_are_counted_by_the_quality_band(tile: Tile, tmp_path: Path):
    place = products.landsat(tmp_path, tile, satellite=5)
    numbers = np.zeros(tile.shape)
    numbers[20:30, 50:60] = 1 << 1  # green
    numbers[40:50, 50:60] = 1 << 4  # SWIR1, which is no visible band
    products.write_band(place / f"{place.name}_QA_RADSAT.TIF", numbers)
    (note,) = open_scene(place).sample(1).notes
    assert "100 of 6600 pixels (1.5%) are saturated" in note


def test_saturated_pixels_are_counted_by_the_highest_number(tile: Tile, tmp_path: Path):
    bright = np.zeros(tile.shape, bool)
    bright[20:30, 50:60] = True
    bands = {**tile.bands, "blue": np.where(bright, np.float32(1.97), tile.bands["blue"])}
    place = products.landsat(tmp_path, Tile("01_01", bands, tile.valid), 1, satellite=7)
    with rasterio.open(place / f"{place.name}_B1.TIF", "r+") as file:
        numbers = file.read(1)
        file.write(np.where(bright, 255, np.minimum(numbers, 254)).astype(np.uint8), 1)
    (note,) = open_scene(place).sample(1).notes
    assert "100 of 6600 pixels (1.5%) are saturated" in note


def test_stripes_of_landsat_7_are_nodata(tile: Tile, tmp_path: Path):
    """Bands end apart at the edges of a stripe: where one of them is 0, nothing is known."""
    place = products.landsat(tmp_path, tile, satellite=7)
    expected = tile.valid.copy()
    for number, rows in ((1, slice(10, 14)), (2, slice(11, 15)), (3, slice(10, 14)), (5, slice(11, 14))):
        with rasterio.open(place / f"{place.name}_SR_B{number}.TIF", "r+") as file:
            numbers = file.read(1)
            numbers[rows] = 0
            file.write(numbers, 1)
        expected[rows] = False
    text = place / f"{place.name}_MTL.txt"
    text.write_text(text.read_text().replace("DATE_ACQUIRED", 'SENSOR_MODE_SLC = "OFF"\n    DATE_ACQUIRED'))
    np.testing.assert_array_equal(products.read_whole(place).valid, expected)
    (note,) = open_scene(place).notes
    assert "stripes" in note


@pytest.mark.parametrize("satellite", [5, 8])
def test_level_2_needs_no_metadata_file(tile: Tile, satellite: int, tmp_path: Path):
    place = products.landsat(tmp_path, tile, satellite=satellite)
    (place / f"{place.name}_MTL.txt").unlink()
    place = place.rename(tmp_path / "downloads")
    assert_same(place, tile)
    scene = open_scene(place)
    assert scene.date == "2020-08-26"
    assert "no MTL" in scene.notes[0]


def test_clouds_need_their_band_unless_they_are_mapped(tile: Tile, tmp_path: Path):
    place = products.landsat(tmp_path, tile)
    (place / f"{place.name}_QA_PIXEL.TIF").unlink()
    with pytest.raises(ProductError, match="QA_PIXEL"):
        open_scene(place)
    scene = open_scene(place, clouds=True)
    np.testing.assert_array_equal(scene.read(0, 0, *tile.shape).valid, tile.valid)


@pytest.mark.parametrize("form", ["MTL.xml", ".tar.gz", ".zip", "STAC"])
def test_every_delivery_is_read(tile: Tile, form: str, tmp_path: Path):
    place = products.landsat(tmp_path, tile, satellite=5)
    if form == "MTL.xml":
        place = products.as_xml(place)
    elif form == "STAC":
        place = stac_item(place)
    else:
        place = products.as_zip(place) if form == ".zip" else products.as_tar(place, packed=True)
    assert_same(place, tile)


def stac_item(place: Path) -> Path:
    """The item that USGS publishes beside a product, but for what is not read."""
    files = {"blue": "SR_B1", "green": "SR_B2", "red": "SR_B3", "swir16": "SR_B5", "qa_pixel": "QA_PIXEL"}
    root = f"https://landsatlook.usgs.gov/data/collection02/level-2/standard/tm/2020/147/036/{place.name}"
    assets = {key: {"href": f"{root}/{place.name}_{name}.TIF"} for key, name in files.items()}
    item = {"type": "Feature", "stac_version": "1.0.0", "id": f"{place.name}_SR", "assets": assets}
    path = place / f"{place.name}_SR_stac.json"
    path.write_text(json.dumps(item))
    return path


def test_an_item_chooses_among_products(tile: Tile, tmp_path: Path):
    place = products.landsat(tmp_path, tile, satellite=5)
    item = stac_item(place)
    add_another(place, tile, tmp_path)
    assert open_scene(item).name == LANDSAT5


@pytest.mark.parametrize(
    ("text", "named"),
    [(None, "swir16"), ("{}", "assets"), ("[1", "STAC"), ('{"assets": {"B": {"href": "a.tif"}}}', "no STAC item of")],
)
def test_items_that_cannot_be_used_are_named(tile: Tile, text: str | None, named: str, one_sentence, tmp_path: Path):
    place = products.landsat(tmp_path, tile, satellite=5)
    item = stac_item(place)
    (place / f"{place.name}_SR_B5.TIF").unlink()
    if text is not None:
        item.write_text(text)
    with pytest.raises(ProductError, match=named) as problem:
        open_scene(item)
    one_sentence(problem.value, item)


def add_another(place: Path, tile: Tile, folder: Path) -> None:
    other = products.landsat(folder / "other", tile)
    for path in other.iterdir():
        shutil.copy(path, place / path.name.replace("20200826", "20190807"))


def drop(*endings: str):
    def change(place: Path) -> None:
        for ending in endings:
            next(place.glob(f"*{ending}")).unlink()

    return change


def rename(old: str, new: str, pattern: str = "*"):
    def change(place: Path) -> None:
        for path in place.glob(pattern):
            path.rename(path.with_name(path.name.replace(old, new)))

    return change


@pytest.mark.parametrize(
    ("level", "change", "named"),
    [
        (2, rename("20200826", "20190807", "*_SR_B3.TIF"), "20190807"),
        (1, drop("_MTL.txt"), "MTL"),
        (2, lambda place: (drop("_MTL.txt")(place), rename("_02_T1", "_01_T1")(place)), "Collection 01"),
        (2, lambda place: (drop("_MTL.txt")(place), rename("LT05_", "scene_")(place)), "MTL"),
        (2, lambda place: (drop("_MTL.txt")(place), rename("LT05_", "LM03_")(place)), "LANDSAT_3"),
        (2, drop("_SR_B5.TIF"), "_SR_B5.TIF"),
    ],
)
def test_what_is_mixed_up_or_missing_is_named(tile: Tile, level: int, change, named, one_sentence, tmp_path: Path):
    place = products.landsat(tmp_path, tile, level, satellite=5)
    change(place)
    with pytest.raises(ProductError, match=named) as problem:
        open_scene(place)
    one_sentence(problem.value, place)


def test_two_products_in_one_folder_are_both_named(tile: Tile, one_sentence, tmp_path: Path):
    place = products.landsat(tmp_path, tile, satellite=5)
    add_another(place, tile, tmp_path)
    for missing in ("nothing", f"{LANDSAT5}_SR_B2.TIF"):
        (place / missing).unlink(missing_ok=True)
        with pytest.raises(ProductError, match=LANDSAT5) as problem:
            open_scene(place)
        one_sentence(problem.value, products.PRODUCT.replace("20200826", "20190807"))


def test_real_metadata_say_sensor_date_and_factors(tile: Tile, real_products: Path, tmp_path: Path):
    """Every real MTL.xml, beside bands that are made up, gives the same tile; their STAC items find the same bands."""
    found = sorted((real_products / "metadata").glob("*_MTL.xml"))
    assert found
    for path in found:
        satellite = int(groups_of_xml(path.read_text())["IMAGE_ATTRIBUTES"]["SPACECRAFT_ID"][-1])
        made = products.landsat(tmp_path / path.stem, tile, satellite=satellite)
        (made / f"{made.name}_MTL.txt").unlink()
        name = path.name.replace("_MTL.xml", "")
        for file in made.iterdir():
            file.rename(made / file.name.replace(made.name, name))
        shutil.copy(path, made)
        expected = tile
        if "_L2SR_" in name:  # which has no surface temperature
            drop("_ST_B6.TIF")(made)
            expected = Tile("01_01", {band: tile.bands[band] for band in OPTICAL_BANDS}, tile.valid)
        scene = open_scene(made)
        assert scene.name == name
        assert scene.date.replace("-", "") == name.split("_")[3]
        assert_same(made, expected)
        item = path.with_name(f"{name}_SR_stac.json")
        if item.is_file():
            shutil.copy(item, made)
            assert open_scene(made / item.name).bands == scene.bands


def test_a_real_product_is_far_from_what_the_model_knows(real_products: Path):
    scene = open_scene(next(real_products.glob("LC08_L2SP_005009_*")))
    assert len(scene.notes) == 2
    assert "pixels of 516.0 m are far" in scene.notes[0]
    assert "not square (515.1 x 516.9 m)" in scene.notes[1]
    tile = scene.sample(8)
    assert tile.notes == scene.notes
    assert tile.valid.any()
