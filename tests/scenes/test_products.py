"""Every kind of product is read into the same reflectances and kelvin; what is wrong with one is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from errors import GlacierError, ProductError
from scenes.products import open_scene
from tests import products
from tests.examples import write_folder
from tiles.tile import Tile


@pytest.fixture(scope="module")
def tile() -> Tile:
    return products.blocky_tile()[0]


def whole(scene) -> Tile:
    return scene.read(0, 0, scene.grid.height, scene.grid.width)


def assert_same(found: Tile, tile: Tile, thermal: bool = True, atol: float = 6e-5) -> None:
    np.testing.assert_array_equal(found.valid, tile.valid)
    for band in ("blue", "green", "red", "swir1"):
        np.testing.assert_allclose(found.bands[band], tile.bands[band], atol=atol)
    assert found.has_thermal == thermal
    if thermal:
        np.testing.assert_allclose(found.bands["thermal"], tile.bands["thermal"], atol=0.1)


@pytest.mark.parametrize("level", [1, 2])
@pytest.mark.parametrize("as_json", [False, True], ids=["MTL.txt", "MTL.json"])
@pytest.mark.parametrize("archive", [False, True], ids=["folder", "tar"])
def test_landsat(tile: Tile, level: int, as_json: bool, archive: bool, tmp_path: Path):
    place = products.landsat(tmp_path, tile, level, as_json)
    scene = open_scene(products.as_tar(place) if archive else place)
    assert scene.name == place.name
    assert scene.date == "2020-08-26"
    assert scene.grid.pixel_side == 30
    assert_same(whole(scene), tile)


def test_clouds_of_the_quality_band_are_left_out_unless_asked_for(tile: Tile, tmp_path: Path):
    cloud = (slice(50, 60), slice(60, 90))
    place = products.landsat(tmp_path, tile, cloud=cloud)
    assert not whole(open_scene(place)).valid[cloud].any()
    np.testing.assert_array_equal(whole(open_scene(place, clouds=True)).valid, tile.valid)


@pytest.mark.parametrize("level", [1, 2])
@pytest.mark.parametrize("offset", [0, -1000], ids=["old baseline", "baseline 04.00"])
def test_sentinel(tile: Tile, level: int, offset: int, tmp_path: Path):
    scene = open_scene(products.sentinel(tmp_path, tile, level, offset))
    assert scene.date == "2020-07-21"
    assert scene.grid.pixel_side == pytest.approx(20)
    assert_same(whole(scene), tile, thermal=False, atol=1e-4)


def test_fine_pixels_beyond_the_swath_are_not_averaged(tile: Tile, tmp_path: Path):
    place = products.sentinel(tmp_path, tile, level=1)
    row, column = (int(first) for first in np.argwhere(tile.valid)[len(np.argwhere(tile.valid)) // 2])
    for code in ("B02", "B03", "B04"):
        (path,) = place.rglob(f"*_{code}.tif")
        with rasterio.open(path, "r+") as file:
            numbers = file.read(1)
            numbers[2 * row + 1, 2 * column : 2 * column + 2] = 0
            file.write(numbers, 1)
    assert not tile.valid.all(), "a pixel of the box is nodata, as at the edge of a swath"
    assert_same(whole(open_scene(place)), tile, thermal=False, atol=1e-4)


def test_sentinel_as_jpeg_2000(tile: Tile, tmp_path: Path):
    found = whole(open_scene(products.sentinel(tmp_path, tile, driver="JP2OpenJPEG")))
    np.testing.assert_array_equal(found.valid, tile.valid)
    for band in ("blue", "green", "red", "swir1"):  # the driver's compression is lossy at edges
        assert np.abs(found.bands[band] - tile.bands[band])[tile.valid].mean() < 0.01


def test_a_geotiff_of_named_bands(tile: Tile, tmp_path: Path):
    assert_same(whole(open_scene(products.five_bands(tmp_path / "s.tif", tile), products.FIVE_BANDS)), tile)


def test_tiles_of_the_challenge_as_a_mosaic(tile: Tile, tmp_path: Path):
    """Two tiles beside each other, with a gap where a third would be."""
    root = products.placed(write_folder(tmp_path / "tiles", ("01_01", "01_03"), (32, 32)), 32)
    found = whole(open_scene(root))
    assert found.shape == (32, 96)
    assert not found.valid[:, 32:64].any()
    assert found.valid[:, 40 - 32 + 0 : 32].any()
    assert found.valid[:, 70:].all()


@pytest.mark.parametrize("box", [(10, 20, 40, 50), (-7, -9, 30, 30), (140, 160, 64, 64), (-50, 0, 20, 20)])
def test_any_rectangle_is_read_and_beyond_the_scene_is_nodata(
    tile: Tile, box: tuple[int, int, int, int], tmp_path: Path
):
    scene = open_scene(products.landsat(tmp_path, tile))
    expected = tile.around(*box)
    assert_same(scene.read(*box), expected, thermal=bool(expected.valid.any()))


def remove(pattern: str):
    def change(place: Path) -> None:
        next(place.glob(pattern)).unlink()

    return change


def rewrite(pattern: str, **words: object):
    def change(place: Path) -> None:
        path = next(place.glob(pattern))
        with rasterio.open(path) as source:
            numbers = source.read(1)
        shape = words.pop("shape", None)
        products.write_band(path, numbers[: shape[0], : shape[1]] if shape else numbers, **words)

    return change


def edit(old: str, new: str):
    def change(place: Path) -> None:
        path = next(place.glob("*_MTL.txt"))
        path.write_text(path.read_text().replace(old, new))

    return change


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (remove("*_SR_B6.TIF"), "_SR_B6.TIF"),
        (remove("*_QA_PIXEL.TIF"), "_QA_PIXEL.TIF"),
        (rewrite("*_SR_B3.TIF", shape=(100, 100)), "grid"),
        (rewrite("*_SR_B3.TIF", transform=products.TRANSFORM * products.TRANSFORM.translation(0, 1)), "another grid"),
        (rewrite("*_SR_B3.TIF", transform=products.TRANSFORM * products.TRANSFORM.scale(1.001)), "another grid"),
        (rewrite("*_SR_B3.TIF", crs="EPSG:32644"), "coordinate system"),
        (rewrite("*_SR_B6.TIF", crs=None), "no coordinate system"),
        (rewrite("*_SR_B6.TIF", crs="EPSG:4326"), "degrees"),
        (edit("LANDSAT_8", "LANDSAT_3"), "LANDSAT_3"),
        (edit("20200826_20200906", "20210826_20210906"), "part them"),
        (edit("REFLECTANCE_MULT_BAND_3", "NOTHING"), "REFLECTANCE_MULT_BAND_3"),
        (edit("GROUP", "SOUP"), "PRODUCT_CONTENTS"),
        (edit("REFLECTANCE_MULT_BAND_6 = ", "REFLECTANCE_MULT_BAND_6 = nan "), "no number"),
        (edit("REFLECTANCE_MULT_BAND_6 = 2.75e-05", "REFLECTANCE_MULT_BAND_6 = nan"), "no number"),
        (lambda place: next(place.glob("*_SR_B2.TIF")).write_bytes(b"no image"), "_SR_B2.TIF"),
    ],
)
def test_what_is_wrong_with_a_product_is_named(tile: Tile, change, named: str, tmp_path: Path):
    place = products.landsat(tmp_path, tile)
    change(place)
    with pytest.raises(GlacierError, match=named) as problem:
        open_scene(place)
    assert "\n" not in str(problem.value)


def test_unknown_places_are_named(tile: Tile, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("hello")
    for place in (tmp_path / "empty", tmp_path / "text.txt", tmp_path / "nothing"):
        with pytest.raises(ProductError, match=place.name):
            open_scene(place)


@pytest.mark.parametrize(
    "bands", [None, "blue=1", "blue=1,green=2,red=3,swir1=x", "blue=1,green=2,red=3,swir1=9", "ice=1"]
)
def test_bands_that_are_not_understood_are_named(tile: Tile, bands: str | None, tmp_path: Path):
    with pytest.raises(ProductError, match="bands"):
        open_scene(products.five_bands(tmp_path / "s.tif", tile), bands)


def test_entities_in_metadata_are_refused(tile: Tile, tmp_path: Path):
    place = products.sentinel(tmp_path, tile)
    path = place / "MTD_MSIL2A.xml"
    path.write_text(path.read_text().replace("?>", '?><!DOCTYPE a [<!ENTITY b "c">]>', 1))
    with pytest.raises(ProductError, match="entities"):
        open_scene(place)


@pytest.mark.parametrize("value", ["", "none", "nan"])
def test_an_offset_that_is_no_number_is_named(value: str, tile: Tile, tmp_path: Path):
    place = products.sentinel(tmp_path, tile)
    path = place / "MTD_MSIL2A.xml"
    path.write_text(path.read_text().replace("-1000", value))
    with pytest.raises(ProductError, match="BOA_ADD_OFFSET of its metadata is no number"):
        open_scene(place)


def test_metadata_nested_without_end_are_named(tile: Tile, tmp_path: Path):
    place = products.landsat(tmp_path, tile)
    (path,) = place.glob("*_MTL.txt")
    path.with_suffix(".json").write_text('{"a":' * 100_000)
    with pytest.raises(ProductError, match="MTL.json: cannot be read"):
        open_scene(place)


@pytest.mark.parametrize("name", ["../../elsewhere", "/elsewhere", ".."])
def test_a_products_name_leads_nowhere(name: str, tile: Tile, tmp_path: Path):
    """It names the folder of a scene among several."""
    place = products.landsat(tmp_path, tile)
    edit(f'LANDSAT_PRODUCT_ID = "{place.name}"', f'LANDSAT_PRODUCT_ID = "{name}"')(place)
    assert open_scene(place).name == place.name


def test_where_tiles_overlap_data_is_not_hidden_by_nodata(tmp_path: Path):
    root = products.placed(write_folder(tmp_path / "tiles", ("01_01", "01_02"), (32, 32)), 20)
    for path in root.glob("Band*/*01_02.tif"):
        with rasterio.open(path, "r+") as file:
            numbers = file.read(1)
            numbers[:, :12] = 0
            file.write(numbers, 1)
    alone = write_folder(tmp_path / "alone", ("01_01",), (32, 32))
    expected = whole(open_scene(products.placed(alone, 20)))
    found = whole(open_scene(root))
    np.testing.assert_array_equal(found.valid[:, 20:32], expected.valid[:, 20:32])
    assert found.valid[:, 20:32].any()
    np.testing.assert_array_equal(found.bands["green"][:, 20:32], expected.bands["green"][:, 20:32])


TURNED = rasterio.Affine(0, 30, 600_000, -30, 0, 3_750_000)  # a square tile's frame, seen with rows for columns


@pytest.mark.parametrize(
    ("pattern", "words", "named"),
    [
        ("Band4/*01_02.tif", {"transform": products.TRANSFORM}, "where the tile's blue band does"),
        ("Band4/*01_02.tif", {"shape": (16, 16)}, "where the tile's blue band does"),
        ("Band4/*01_01.tif", {"crs": "EPSG:32644"}, "where the tile's blue band does"),
        ("Band4/*01_01.tif", {"transform": TURNED}, "where the tile's blue band does"),
        ("Band*/*01_02.tif", {"transform": products.TRANSFORM * products.TRANSFORM.translation(9**6, 9**6)}, "span"),
    ],
)
def test_tiles_that_do_not_fit_together_are_named(pattern: str, words: dict, named: str, tmp_path: Path):
    root = products.placed(write_folder(tmp_path / "tiles", ("01_01", "01_02"), (32, 32)), 32)
    for path in root.glob(pattern):
        products.write_band(path, np.full(words.get("shape", (32, 32)), 9000.0), "float32", **words)
    with pytest.raises(GlacierError, match=named):
        open_scene(root)


def test_a_tile_of_several_bands_is_named(tile: Tile, tmp_path: Path):
    root = products.placed(write_folder(tmp_path / "tiles", ("01_01", "01_02"), (32, 32)), 32)
    (path,) = root.glob("Band2/*01_01.tif")
    with rasterio.open(path) as file:
        profile, numbers = file.profile, file.read(1)
    with rasterio.open(path, "w", **{**profile, "count": 3}) as file:
        file.write(np.stack([numbers] * 3))
    with pytest.raises(GlacierError, match="holds 3 bands"):
        open_scene(root)
