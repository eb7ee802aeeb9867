"""Filling against a priority flood written here, against scikit-image, and on real elevation models."""

from __future__ import annotations

import heapq
import os
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import lakes.fill
from lakes.__main__ import main
from lakes.sinks import read_depths
from tests.lakes.drawn import square, write_mosaic, write_regions

DATA = Path(os.environ.get("GLACIER_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data") / "dem"
NUMBA = pytest.importorskip("numba")


def by_hand(elevation: np.ndarray) -> np.ndarray:
    """Depths by the plainest priority flood: one queue, from the edge and from nodata."""
    height, width = elevation.shape
    level = np.full(elevation.shape, np.nan)
    known = ~np.isnan(elevation)
    padded = np.pad(known, 1)
    around = [padded[1 + r : 1 + r + height, 1 + c : 1 + c + width] for r in (-1, 0, 1) for c in (-1, 0, 1)]
    starts = known & ~np.logical_and.reduce(around)
    queue = [(elevation[row, column], row, column) for row, column in zip(*np.nonzero(starts))]
    level[starts] = elevation[starts]
    heapq.heapify(queue)
    while queue:
        here, row, column = heapq.heappop(queue)
        for r in range(max(row - 1, 0), min(row + 2, height)):
            for c in range(max(column - 1, 0), min(column + 2, width)):
                if known[r, c] and np.isnan(level[r, c]):
                    level[r, c] = max(here, elevation[r, c])
                    heapq.heappush(queue, (level[r, c], r, c))
    return (level - elevation).astype(np.float32)


def depths(elevation: np.ndarray, jobs: int = 1) -> np.ndarray:
    return lakes.fill.filled_depths(lambda window: elevation[window.toslices()], *elevation.shape, jobs)


def rough(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    steps = random.normal(size=shape).cumsum(0) + random.normal(size=shape).cumsum(1)
    return (steps + random.normal(size=shape)).astype(np.float32)


@pytest.mark.parametrize("block", [7, 16, 41, 100])
@pytest.mark.parametrize("holes", [0.0, 0.02])
def test_blocks_do_not_matter(block: int, holes: float, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lakes.fill, "BLOCK", block)
    elevation = rough((60, 83))
    elevation[np.random.default_rng(1).random(elevation.shape) < holes] = np.nan
    found = depths(elevation, jobs=2)
    np.testing.assert_array_equal(found, by_hand(elevation))
    assert (found[5:-5, 5:-5] > 0).any()


def test_a_lake_across_blocks_has_one_level(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lakes.fill, "BLOCK", 8)
    rows, columns = np.mgrid[-20:21, -20:21]
    bowl = np.hypot(rows, columns).astype(np.float32)
    bowl[20, 33:] = 12  # the way out, 12 above the bottom
    np.testing.assert_allclose(depths(bowl), np.maximum(12 - bowl, 0) * (np.hypot(rows, columns) < 13), atol=1e-6)


@settings(max_examples=50, deadline=None)
@given(arrays(np.int8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 4)))
def test_any_small_model(numbers: np.ndarray):
    elevation = np.where(numbers == 4, np.nan, numbers).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lakes.fill, "BLOCK", 3)
        np.testing.assert_array_equal(depths(elevation), by_hand(elevation))


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no elevation models in {DATA}")
@pytest.mark.parametrize("name", ["exploradores_aster.tif", "srtm_oetztal.tif"])
def test_real_models_as_scikit_image_fills_them(name: str, monkeypatch: pytest.MonkeyPatch):
    """Degrees and metres, with nodata; the library fills from the edge alone, so nodata is put at the bottom for it."""
    reconstruction = pytest.importorskip("skimage.morphology").reconstruction
    monkeypatch.setattr(lakes.fill, "BLOCK", 150)
    found, _, _ = read_depths(DATA / name, jobs=1)
    with rasterio.open(DATA / name) as source:
        elevation = source.read(1, masked=True).astype(np.float32)
    solid = elevation.filled(-1e4)
    start = np.full(solid.shape, solid.max())
    start[[0, -1], :], start[:, [0, -1]] = solid[[0, -1], :], solid[:, [0, -1]]
    start[solid == -1e4] = -1e4
    expected = reconstruction(start, solid, method="erosion", footprint=np.ones((3, 3))) - solid
    known = ~np.ma.getmaskarray(elevation)
    np.testing.assert_allclose(found[known], expected[known], atol=1e-3)
    assert np.isnan(found[~known]).all()
    assert (found > 1).any()


def pit(path: Path, **words: object) -> Path:
    """A plain of 100 m with two pits, of 4 x 5 cells and 3 m, and of one cell and 1 m."""
    plain = np.full((1, 30, 40), 100.0, np.float32)
    plain[0, 5:9, 10:15], plain[0, 20, 30] = 97, 99
    return write_mosaic(path, plain, **words)


def test_the_command_writes_depth_volume_and_area(tmp_path: Path):
    dem, out = pit(tmp_path / "dem.tif"), tmp_path / "sinks.gpkg"
    assert main(["sinks", str(dem), "--out", str(out)]) == 0
    table = gpd.read_file(out)
    assert (len(table), table.crs.to_epsg()) == (2, 3857)
    first = table.iloc[0]
    assert first.geometry.equals(square(10, 5, 5, 4))
    assert (first.max_depth_m, first.mean_depth_m, first.area_3857_m2) == (3, 3, pytest.approx(20e4))
    assert first.area_m2 < first.area_3857_m2 / 4, "at 70 degrees north"
    assert first.volume_m3 == pytest.approx(3 * first.area_m2, rel=1e-6)
    assert main(["sinks", str(dem), "--out", str(out), "--shallowest", "1"]) == 0
    assert len(gpd.read_file(out)) == 1
    write_regions(tmp_path / "regions.gpkg", square(29, 19, 5))
    assert main(["sinks", str(dem), "--out", str(out), "--regions", str(tmp_path / "regions.gpkg")]) == 0
    assert gpd.read_file(out).max_depth_m.tolist() == [1]


def test_a_plain_without_a_sink(tmp_path: Path):
    dem = write_mosaic(tmp_path / "dem.tif", np.zeros((1, 9, 9), np.int16))
    assert main(["sinks", str(dem), "--out", str(tmp_path / "sinks.gpkg")]) == 0
    assert len(gpd.read_file(tmp_path / "sinks.gpkg")) == 0


@pytest.mark.parametrize(
    ("make", "words", "told"),
    [
        (lambda path: pit(path, crs=None), [], "has no coordinate system"),
        (lambda path: write_mosaic(path, np.zeros((3, 9, 9), np.uint8)), [], "has 3 bands"),
        (lambda path: path.write_text("no raster"), [], "cannot be read"),
        (pit, ["--regions", "regions.gpkg"], "does not overlap with regions.gpkg"),
        (pit, ["--shallowest", "-1"], "is below 0"),
    ],
    ids=["no coordinates", "bands", "no raster", "elsewhere", "negative"],
)
def test_bad_input_is_one_sentence(make, words, told, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "dem.tif")
    write_regions(tmp_path / "regions.gpkg", square(9000, 0, 5))
    assert main(["sinks", "dem.tif", *words, "--out", "out/sinks.gpkg"]) == 2
    assert told in capsys.readouterr().err
    assert not Path("out").exists()
