"""Regions are exactly the mosaic's pixels inside the polygon, whatever the file's layout and coordinate system."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from rasterio.enums import Compression
from rasterio.features import geometry_mask

import lakes.regions
from lakes.__main__ import main
from lakes.imagery import RegionFile, find_regions
from tests.lakes.drawn import IMAGE, TRANSFORM, square, write_mosaic, write_regions

RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(1, 256, (3, 150, 200), np.uint8)
CIRCLE = square(30.3, 20.4, 101).centroid.buffer(5030)
LAYOUTS = {"strips": {}, "tiles": {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "lzw"}}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lakes.regions, "BLOCK", 48)


def cut(tmp_path: Path, *words: str) -> int:
    return main(
        ["regions", str(tmp_path / IMAGE), "--regions", str(tmp_path / "r.gpkg"), "--out", str(tmp_path), *words]
    )


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("compress", ["deflate", "lzw"])
def test_it_is_the_mosaic_inside_the_polygon(layout: str, compress: str, tmp_path: Path):
    write_mosaic(tmp_path / IMAGE, PIXELS, **LAYOUTS[layout])
    write_regions(tmp_path / "r.gpkg", square(0, 0, 10), CIRCLE)
    assert cut(tmp_path, "--compress", compress) == 0
    one, other = find_regions(tmp_path)
    assert other == RegionFile(tmp_path / Path(IMAGE).stem / "region_2.tif", IMAGE, 2)
    with rasterio.open(other.path) as source:
        found, box = source.read(), source.window(*source.bounds)
        rows, columns = (slice(*np.round(side).astype(int)) for side in whole(source.transform, source.shape))
        assert source.compression == Compression(compress.upper() if compress == "lzw" else "DEFLATE")
        assert (source.nodata, source.crs.to_epsg(), box.height) == (0, 3857, source.height)
    expected = PIXELS * geometry_mask([CIRCLE], PIXELS.shape[1:], TRANSFORM, invert=True)
    np.testing.assert_array_equal(found, expected[:, rows, columns])
    assert found.any(axis=0).sum() == expected.any(axis=0).sum(), "the box holds all of the polygon"
    with rasterio.open(one.path) as source:
        np.testing.assert_array_equal(source.read(), PIXELS[:, :10, :10])


def whole(transform: rasterio.Affine, shape: tuple[int, int]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Rows and columns of a file in the mosaic, from and to."""
    column, row = ~TRANSFORM * (transform.c, transform.f)
    return (row, row + shape[0]), (column, column + shape[1])


@pytest.mark.parametrize("crs", ["EPSG:3413", "EPSG:4326"])
def test_regions_of_another_crs_are_reprojected(crs: str, tmp_path: Path):
    write_mosaic(tmp_path / IMAGE, PIXELS)
    write_regions(tmp_path / "r.gpkg", CIRCLE, crs=crs)
    assert cut(tmp_path) == 0
    with rasterio.open(find_regions(tmp_path)[0].path) as source:
        seen = source.read().any(axis=0).sum()
    assert seen == pytest.approx(CIRCLE.area / 1e4, rel=0.01)


def test_black_blocks_take_no_room(tmp_path: Path):
    black = np.zeros((3, 1500, 1500), np.uint8)
    black[:, :100, :100] = RANDOM.integers(1, 256, (3, 100, 100), np.uint8)
    write_mosaic(tmp_path / IMAGE, black)
    write_regions(tmp_path / "r.gpkg", square(0, 0, 1500))
    assert cut(tmp_path) == 0
    path = find_regions(tmp_path)[0].path
    with rasterio.open(path) as source:
        np.testing.assert_array_equal(source.read(), black)
    assert path.stat().st_size < 50_000


def test_only_the_region_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_mosaic(tmp_path / IMAGE, np.where(np.arange(200) < 100, PIXELS, 0).astype(np.uint8))
    write_regions(tmp_path / "r.gpkg", square(0, 0, 10), square(150, 0, 20), square(900, 0, 10))
    assert cut(tmp_path, "--region", "2", "3") == 0
    assert [one.region_num for one in find_regions(tmp_path)] == [2]
    told = capsys.readouterr().err
    assert "region 2 is black in" in told
    assert "region 3 lies outside" in told


BAD = {
    "two bands": (lambda path: write_mosaic(path, PIXELS[:2]), "red, green and blue are needed"),
    "16 bits": (lambda path: write_mosaic(path, PIXELS.astype(np.uint16)), "holds uint16 values"),
    "no coordinates": (lambda path: write_mosaic(path, PIXELS, crs=None), "has no coordinate system"),
    "no raster": (lambda path: path.write_bytes(b"no raster"), "cannot be read"),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_mosaic_is_one_sentence(bad: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    make, told = BAD[bad]
    make(tmp_path / IMAGE)
    write_regions(tmp_path / "r.gpkg", CIRCLE)
    assert cut(tmp_path) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert not list(tmp_path.glob("*/*"))


@pytest.mark.parametrize(
    ("shape", "words", "told"),
    [
        (square(900, 0, 10), [], "has no region on"),
        (CIRCLE, ["--region", "7"], "names the region 7, which is none; the regions are 1."),
        (shapely.Polygon(), [], "holds a region without area"),
    ],
    ids=["elsewhere", "unknown number", "empty"],
)
def test_bad_regions_are_one_sentence(
    shape: shapely.Polygon, words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    write_mosaic(tmp_path / IMAGE, PIXELS)
    write_regions(tmp_path / "r.gpkg", shape)
    assert cut(tmp_path, *words) == 2
    assert told in capsys.readouterr().err
    assert not list(tmp_path.glob("*/*"))


def test_a_damaged_mosaic_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = write_mosaic(tmp_path / IMAGE, PIXELS, compress="deflate")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    write_regions(tmp_path / "r.gpkg", CIRCLE)
    assert cut(tmp_path) == 2
    assert "cannot be read" in capsys.readouterr().err
    assert not list(tmp_path.glob("*/*"))
