"""GeoTIFFs in degrees, with bands, units and dates that are described, told or recognised; doubtful ones are noted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp

from errors import GlacierError, GridError
from scenes.degrees import metric_crs, metric_grid, on_native_grid
from scenes.grid import grid_of
from scenes.plausible import order_notes
from scenes.products import open_scene
from simulation.synthetic import synthetic_scene
from tests import products
from tiles.folder import band_folders, find_tiles, read_tile
from tiles.tile import BAND_NAMES, Tile


@pytest.fixture(scope="module")
def tile() -> Tile:
    return products.blocky_tile((60, 110))[0]


@pytest.fixture(scope="module")
def snowy() -> Tile:
    """A synthetic scene, in which bands are as alike as real ones are."""
    scene = synthetic_scene(2, (96, 112))
    return Tile("01_01", scene.bands, scene.valid)


@pytest.mark.parametrize(
    ("fill", "tag"), [(0, None), (0, 0), (-9999, -9999), (-9999, None), (np.nan, np.nan), (np.nan, None)]
)
def test_degrees_are_seen_on_the_grid_that_they_came_from(tile: Tile, fill: float, tag: float | None, tmp_path: Path):
    landsat = rasterio.Affine(30, 0, 600_015, 0, -30, 3_750_015)
    path = products.five_bands(tmp_path / "s.tif", tile, transform=landsat)
    original = grid_of(str(path))
    products.in_degrees(path, fill, tag)
    scene = open_scene(path, products.FIVE_BANDS)
    assert "reprojected to WGS 84 / UTM zone 43N" in scene.notes[0]
    assert "are 34.7 m high, so that 14% of the rows of 30.0 m repeat their neighbours" in scene.notes[1]
    assert scene.grid.pixel_side == 30
    left, top = ~scene.grid.affine * (original.affine.c, original.affine.f)
    assert top.is_integer() and left.is_integer()
    found = scene.read(int(top), int(left), *tile.shape)
    assert (found.valid != tile.valid).mean() < 0.01, "half a pixel at the edges"
    both = found.valid & tile.valid
    for band, values in tile.bands.items():
        low, high = values[tile.valid].min(), values[tile.valid].max()
        assert low - 1e-3 <= found.bands[band][both].min() <= found.bands[band][both].max() <= high + 1e-3
    ice = [one.bands["green"] > one.bands["swir1"] for one in (found, tile)]
    assert (ice[0] != ice[1])[both].mean() < 0.01


def test_pixels_as_high_as_the_sensors_lose_no_row(tile: Tile, tmp_path: Path):
    path = products.in_degrees(products.five_bands(tmp_path / "s.tif", tile), side=products.EXPORTED)
    assert not [note for note in open_scene(path, products.FIVE_BANDS).notes if "rows" in note]


@pytest.mark.parametrize(
    ("longitude", "latitude", "code"),
    [(77, 34, 32643), (-74, -47, 32718), (179.9, 5, 32660), (-180, 5, 32601), (286, -47, 32718), (10, 86, 3413)],
)
def test_the_projection_is_that_of_the_place(longitude: float, latitude: float, code: int):
    assert metric_crs(longitude, latitude).to_epsg() == code


@pytest.mark.parametrize(
    ("diagonal", "northward", "side", "edge"),
    [(29.9, 33.0, 30, 15), (24.9, 30.0, 30, 15), (22.0, 30.0, 30, 15), (9.2, 11.0, 10, 0), (70.0, 90.0, 70, None)],
)
def test_pixels_are_those_of_the_sensor_that_degrees_have_stretched(diagonal, northward, side, edge):
    affine, width, height = on_native_grid(
        rasterio.Affine(diagonal, 0, 600_007, 0, -diagonal, 3_750_004), 100, 80, northward
    )
    assert affine.a == -affine.e == side
    if edge is not None:
        assert affine.c % side == affine.f % side == edge
    assert affine.c <= 600_007 and affine.c + width * side >= 600_007 + 100 * diagonal - 1e-6
    assert affine.f >= 3_750_004 and affine.f - height * side <= 3_750_004 - 80 * diagonal + 1e-6


def test_what_no_zone_can_show_is_refused(tile: Tile, tmp_path: Path):
    wide = rasterio.Affine(1, 0, 0, 0, -0.1, 40)
    path = products.five_bands(tmp_path / "s.tif", tile, crs="EPSG:4326", transform=wide)
    with pytest.raises(GridError, match="too wide"):
        metric_grid(str(path))


UNITS = {"celsius": (1, -273.15), "kelvin": (1, 0), "kelvin*10": (10, 0)}


@pytest.mark.parametrize("told", [False, True], ids=["recognised", "told"])
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("dtype", ["float32", "int16"])
def test_units_of_temperature(tile: Tile, unit: str, told: bool, dtype: str, tmp_path: Path):
    """The optical bands are times 10 000 and the thermal one in its unit, as exporters write both into one file."""
    factor, offset = UNITS[unit]
    random = np.random.default_rng(0).normal(0, 3, tile.shape)
    kelvin = np.where(tile.valid, tile.bands["thermal"] + random, 0)
    thermal = np.where(tile.valid, (kelvin + offset) * factor, -9999)
    bands = {band: np.where(tile.valid, values * 10_000, -9999) for band, values in tile.bands.items()}
    coded = {band: values.astype(dtype) for band, values in {**bands, "thermal": thermal}.items()}
    path = products.write_bands(tmp_path / "s.tif", coded, -9999)
    scene = open_scene(path, products.FIVE_BANDS, thermal=unit if told else None)
    found = scene.read(0, 0, *tile.shape)
    np.testing.assert_allclose(found.bands["thermal"], kelvin, atol=1.01 if dtype == "int16" else 1e-3)


def test_a_thermal_band_without_temperatures_is_treated_as_missing(tile: Tile, tmp_path: Path):
    strange = {**tile.bands, "thermal": np.where(tile.valid, np.float32(7e4), 0)}
    path = products.five_bands(tmp_path / "s.tif", replace(tile, bands=strange))
    scene = open_scene(path, products.FIVE_BANDS)
    assert "treated as missing" in " ".join(scene.notes)
    assert "thermal" not in scene.read(0, 0, *tile.shape).bands


@pytest.mark.parametrize(("bands", "unit"), [(products.FIVE_BANDS, "celsius"), (products.FIVE_BANDS[:-10], "kelvin")])
def test_units_that_cannot_be_are_named(tile: Tile, bands: str, unit: str, tmp_path: Path):
    path = products.five_bands(tmp_path / "s.tif", tile)
    with pytest.raises(GlacierError, match="--thermal"):
        open_scene(path, bands, thermal=unit)
    with pytest.raises(GlacierError, match="--thermal"):
        open_scene(products.landsat(tmp_path, tile), thermal=unit)


def test_dates_are_tagged_or_told(tile: Tile, tmp_path: Path):
    path = products.five_bands(tmp_path / "s.tif", tile)
    assert open_scene(path, products.FIVE_BANDS).date == ""
    assert open_scene(path, products.FIVE_BANDS, date="2019-08-01").date == "2019-08-01"
    with rasterio.open(path, "r+") as file:
        file.update_tags(TIFFTAG_DATETIME="2018:07:31 10:20:30")
    assert open_scene(path, products.FIVE_BANDS).date == "2018-07-31"
    assert open_scene(path, products.FIVE_BANDS, date="2019-08-01").date == "2019-08-01"
    with rasterio.open(path, "r+") as file:
        file.update_tags(TIFFTAG_DATETIME="2018:13:45 10:20:30")
    assert open_scene(path, products.FIVE_BANDS).date == "", "there is no such day"
    with pytest.raises(GlacierError, match="is no date"):
        open_scene(path, products.FIVE_BANDS, date="2019-13-01")
    with pytest.raises(GlacierError, match="2020-08-26"):
        open_scene(products.landsat(tmp_path, tile), date="2019-08-01")


def described(path: Path, words: tuple[str, ...]) -> Path:
    with rasterio.open(path, "r+") as file:
        file.descriptions = words
    return path


@pytest.mark.parametrize(
    "words",
    [BAND_NAMES, ("Blue", "Green", "Red", "SWIR 1", "LWIR11"), ("SR_B2", "SR_B3", "SR_B4", "SR_B6", "ST_B10"),
     ("SR_B1", "SR_B2", "SR_B3", "SR_B5", "ST_B6")],
)  # fmt: skip
def test_described_bands_need_no_numbers(tile: Tile, words: tuple[str, ...], tmp_path: Path):
    path = described(products.five_bands(tmp_path / "s.tif", tile), words)
    assert "as it describes them" in open_scene(path).notes[0]
    np.testing.assert_allclose(products.read_whole(path).bands["red"], tile.bands["red"], atol=1e-6)
    assert open_scene(path, products.FIVE_BANDS).notes == ()
    with pytest.raises(GlacierError, match="describes"):
        open_scene(path, "blue=4,green=2,red=3,swir1=1")


def test_unclear_descriptions_are_not_taken(tile: Tile, tmp_path: Path):
    path = described(products.five_bands(tmp_path / "s.tif", tile), ("B2", "B3", "B4", "B6", "B10"))
    with pytest.raises(GlacierError, match="--bands"):
        open_scene(path)


@pytest.mark.parametrize(
    ("bands", "doubted"),
    [
        (products.FIVE_BANDS, None),
        ("blue=1,green=2,red=3,swir1=4", None),
        ("blue=4,green=2,red=3,swir1=1,thermal=5", "wrong order"),
        ("blue=4,green=2,red=3,swir1=1", "wrong order"),
        ("blue=1,green=4,red=3,swir1=2", "wrong order"),
        ("blue=5,green=2,red=3,swir1=4", "wrong order"),
        ("blue=5,green=2,red=3,swir1=4,thermal=1", "wrong order"),
    ],
)
def test_a_wrong_order_of_bands_is_told(snowy: Tile, bands: str, doubted: str | None, tmp_path: Path):
    """In Level-2 numbers, where any band can be any other."""
    numbers = {band: np.where(snowy.valid, (values + 0.2) / 2.75e-5, 0) for band, values in snowy.bands.items()}
    numbers["thermal"] = np.where(snowy.valid, (snowy.bands["thermal"] - 149) / 0.00341802, 0)
    coded = {band: values.astype(np.uint16) for band, values in numbers.items()}
    notes = open_scene(products.write_bands(tmp_path / "s.tif", coded, None), bands).sample(1).notes
    assert any(doubted in note for note in notes) if doubted else notes == ()


@pytest.mark.parametrize(
    "bands", ["blue=5,green=2,red=3,swir1=4,thermal=1", "blue=1,green=2,red=3,swir1=4,thermal=1", "blue=1,green=1"]
)
def test_temperature_among_reflectance_and_the_reverse_are_refused(tile: Tile, bands: str, tmp_path: Path):
    with pytest.raises(GlacierError):
        open_scene(products.five_bands(tmp_path / "s.tif", tile), bands)


def test_a_thermal_band_like_a_visible_one_is_told(snowy: Tile):
    doubtful = replace(snowy, bands={**snowy.bands, "thermal": 240 + 40 * snowy.bands["green"]})
    (note,) = order_notes(doubtful)
    assert "thermal band may be another" in note


@pytest.mark.parametrize(("side", "far"), [(5, True), (10, False), (30, False), (60, False), (515, True)])
def test_pixels_that_the_model_does_not_know_are_told(tile: Tile, side: int, far: bool, tmp_path: Path):
    affine = rasterio.Affine(side, 0, 600_000, 0, -side, 3_750_000)
    scene = open_scene(products.five_bands(tmp_path / "s.tif", tile, transform=affine), products.FIVE_BANDS)
    assert [f"pixels of {side}.0 m are far" in note for note in scene.notes] == [True] * far


def test_no_real_tile_is_doubted(real_tiles: Path):
    for files in find_tiles(band_folders(real_tiles))[::7]:
        assert order_notes(read_tile(files)) == []


def scaled(path: Path, tile: Tile, scale: float, offset: float) -> Path:
    """Optical bands as whole numbers, with their scale and offset as GDAL keeps them; 0 is nodata."""
    bands = ("blue", "green", "red", "swir1")
    numbers = [np.where(tile.valid, np.round((tile.bands[band] - offset) / scale), 0) for band in bands]
    profile = {"crs": products.CRS, "transform": products.TRANSFORM, "dtype": "uint16", "count": 4}
    with rasterio.open(path, "w", driver="GTiff", height=tile.shape[0], width=tile.shape[1], **profile) as file:
        file.write(np.stack(numbers).astype(np.uint16))
        file.scales, file.offsets = (scale,) * 4, (offset,) * 4
    return path


@pytest.mark.parametrize(("scale", "offset"), [(1e-4, -0.1), (2e-5, -0.2), (2.75e-5, -0.2), (1e-4, 0), (5e-5, 0)])
def test_scale_and_offset_of_the_file_are_used(scale: float, offset: float, tile: Tile, tmp_path: Path):
    scene = open_scene(scaled(tmp_path / "s.tif", tile, scale, offset), "blue=1,green=2,red=3,swir1=4")
    found = scene.read(0, 0, *tile.shape)
    np.testing.assert_array_equal(found.valid, tile.valid)
    for band in found.bands:
        np.testing.assert_allclose(found.bands[band], tile.bands[band], atol=scale)
    assert not [note for note in scene.notes if "scale" in note]


def test_scale_and_offset_that_make_no_reflectance_are_told(tile: Tile, tmp_path: Path):
    """As an export leaves them that has applied them already."""
    path = scaled(tmp_path / "s.tif", tile, 1e-4, 0)
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (2.75e-9,) * 4, (-0.2,) * 4
    scene = open_scene(path, "blue=1,green=2,red=3,swir1=4")
    assert scene.coding == "reflectance times 10 000"
    assert [note for note in scene.notes if "make no reflectance and are not used" in note]


@pytest.mark.parametrize("celsius", [False, True])
def test_the_temperature_has_a_scale_too(celsius: bool, tile: Tile, tmp_path: Path):
    path = products.five_bands(tmp_path / "s.tif", tile)
    scale, offset = 0.02, (-100.0 if celsius else 100.0)
    kelvin = tile.bands["thermal"] - (273.15 if celsius else 0)
    with rasterio.open(path, "r+") as file:
        file.write(np.where(tile.valid, np.round((kelvin - offset) / scale), 0), 5)
        file.scales, file.offsets = (1, 1, 1, 1, scale), (0, 0, 0, 0, offset)
    found = products.read_whole(path, products.FIVE_BANDS)
    np.testing.assert_allclose(found.bands["thermal"], tile.bands["thermal"], atol=0.02)


@pytest.mark.parametrize("kind", ["mask", "alpha", "degrees"])
def test_a_mask_band_says_what_is_nodata(kind: str, tile: Tile, tmp_path: Path):
    path = products.five_bands(tmp_path / "s.tif", tile)
    if kind == "degrees":
        products.in_degrees(path)
    before = products.read_whole(path, products.FIVE_BANDS).valid.sum()
    with rasterio.open(path) as file:
        numbers, profile = file.read(), {**file.profile, "nodata": None}
    hidden = np.zeros(numbers.shape[1:], bool)
    hidden[10:30, 20:70] = True
    measured = int((numbers[3] > 0)[hidden].sum())
    numbers[:, hidden] = 60_000
    if kind == "alpha":
        profile["count"] = 6
        numbers = np.concatenate([numbers, np.where(hidden, 0, 65_535)[None].astype(numbers.dtype)])
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "w", **profile) as file:
        if kind == "alpha":
            file.colorinterp = [ColorInterp.undefined] * 5 + [ColorInterp.alpha]
        else:
            file.write_mask(~hidden)
        file.write(numbers)
    found = products.read_whole(path, products.FIVE_BANDS)
    assert found.bands["green"].max() < 1.1
    if kind == "degrees":  # of which some rows are lost
        assert before - found.valid.sum() == pytest.approx(measured, rel=0.2)
    else:
        np.testing.assert_array_equal(found.valid, tile.valid & ~hidden)


def test_the_last_of_four_bands_is_no_alpha(tile: Tile, tmp_path: Path):
    """GDAL calls it so in a file of 8 bits, where SWIR1 is 0 in shadow."""
    numbers = np.stack([np.round(tile.bands[band].clip(0, 1) * 255) for band in ("blue", "green", "red", "swir1")])
    numbers[3, 20:40, 30:60] = 0
    profile = {"crs": products.CRS, "transform": products.TRANSFORM, "dtype": "uint8", "count": 4}
    height, width = tile.shape
    with rasterio.open(tmp_path / "s.tif", "w", driver="GTiff", height=height, width=width, **profile) as file:
        file.write(numbers.astype(np.uint8))
    with rasterio.open(tmp_path / "s.tif") as file:
        assert file.colorinterp[3] is ColorInterp.alpha
    found = products.read_whole(tmp_path / "s.tif", "blue=1,green=2,red=3,swir1=4")
    np.testing.assert_array_equal(found.valid, tile.valid)
