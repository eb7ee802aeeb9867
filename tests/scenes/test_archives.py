"""Archives and HLS are read where they lie; what leads outside an archive, or unpacks into too much, is refused."""

from __future__ import annotations

import io
import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from errors import ProductError
from scenes import files as files_module
from scenes.products import open_scene
from tests import products
from tiles.tile import OPTICAL_BANDS, Tile


@pytest.fixture(scope="module")
def tile() -> Tile:
    return products.blocky_tile((60, 110))[0]


def test_a_zip_of_sentinel_2_is_the_folder(tile: Tile, tmp_path: Path):
    place = products.sentinel(tmp_path, tile)
    scene = open_scene(products.as_zip(place))
    assert (scene.name, scene.date) == (place.stem, "2020-07-21")
    found = scene.read(0, 0, *tile.shape)
    np.testing.assert_array_equal(found.valid, tile.valid)
    for band in OPTICAL_BANDS:
        np.testing.assert_allclose(found.bands[band], tile.bands[band], atol=1e-4)


@pytest.mark.parametrize("sensor", ["L30", "S30"])
@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_hls(tile: Tile, sensor: str, packed: bool, tmp_path: Path):
    place = products.hls(tmp_path, tile, sensor)
    scene = open_scene(products.as_zip(place) if packed else place)
    assert (scene.name, scene.date) == (products.HLS[sensor], "2020-08-26")
    found = scene.read(-3, -4, tile.shape[0] + 6, tile.shape[1] + 8)
    expected = tile.around(-3, -4, *found.shape)
    np.testing.assert_array_equal(found.valid, expected.valid)
    assert found.has_thermal == (sensor == "L30")
    for band, values in found.bands.items():  # most temperatures are below 0 degrees Celsius
        np.testing.assert_allclose(values, expected.bands[band], atol=6e-3 if band == "thermal" else 6e-5)


def test_clouds_of_fmask_are_left_out_unless_asked_for(tile: Tile, tmp_path: Path):
    cloud = (slice(30, 40), slice(60, 90))
    place = products.hls(tmp_path, tile, cloud=cloud)
    assert not products.read_whole(place).valid[cloud].any()
    np.testing.assert_array_equal(open_scene(place, clouds=True).read(0, 0, *tile.shape).valid, tile.valid)


def test_two_products_are_both_named(tile: Tile, tmp_path: Path):
    place = products.hls(tmp_path, tile)
    for path in products.hls(tmp_path, tile, "S30").iterdir():
        shutil.copy(path, place)
    with pytest.raises(ProductError, match=rf"{products.HLS['L30']} and {products.HLS['S30']}"):
        open_scene(place)


def as_archive(path: Path, name: str, size: int) -> Path:
    """An archive with one file of zeros."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, bytes(size))
    else:
        with tarfile.open(path, "w:gz") as archive:
            member = tarfile.TarInfo(name)
            member.size = size
            archive.addfile(member, io.BytesIO(bytes(size)))
    return path


@pytest.mark.parametrize("name", ["../LC08_SR_B2.TIF", "/etc/LC08_SR_B2.TIF", "a/../../b_SR_B2.TIF", "..\\b_SR_B2.TIF"])
@pytest.mark.parametrize("ending", [".zip", ".tar.gz"])
def test_paths_that_lead_outside_are_refused(name: str, ending: str, one_sentence, tmp_path: Path):
    path = as_archive(tmp_path / f"scene{ending}", name, 10)
    with pytest.raises(ProductError, match="outside") as problem:
        open_scene(path)
    one_sentence(problem.value, path)


@pytest.mark.parametrize("ending", [".zip", ".tar.gz"])
def test_bombs_are_refused_before_they_unpack(ending: str, one_sentence, monkeypatch, tmp_path: Path):
    path = as_archive(tmp_path / f"scene{ending}", "LC08_SR_B2.TIF", 2**20)
    with pytest.raises(ProductError, match="no product"):
        open_scene(path)
    monkeypatch.setattr(files_module, "FREE_BYTES", 2**16)
    with pytest.raises(ProductError, match="unpack") as problem:
        open_scene(path)
    one_sentence(problem.value, path)


def test_a_header_alone_that_claims_too_much_is_refused(tmp_path: Path):
    member = tarfile.TarInfo("LC08_SR_B2.TIF")
    member.size = 2**40
    with tarfile.open(tmp_path / "scene.tar.gz", "w:gz") as archive:
        archive.addfile(member)
    with pytest.raises(ProductError, match="unpack"):
        open_scene(tmp_path / "scene.tar.gz")


@pytest.mark.parametrize("ending", [".zip", ".tar", ".tar.gz", ".tgz"])
def test_damaged_archives_are_named(ending: str, one_sentence, tmp_path: Path):
    path = tmp_path / f"scene{ending}"
    path.write_bytes(b"no archive")
    with pytest.raises(ProductError, match="archive") as problem:
        open_scene(path)
    one_sentence(problem.value, path)


@pytest.mark.parametrize("address", ["https://example.com/scene.tif", "http://a.b", "s3://usgs-landsat/collection02"])
def test_a_web_address_is_answered(address: str, one_sentence):
    with pytest.raises(ProductError, match="web address") as problem:
        open_scene(Path(address))
    one_sentence(problem.value, address)
