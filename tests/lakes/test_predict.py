"""Probability and polygons of regions: joined across strips, without slivers and holes, where they belong."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import binary_fill_holes, label
from torch import nn

from cnn.network_model import Card, NetworkModel, save_model
from lakes import predict
from lakes.outlines import Shapes, outlines_of
from lakes.sam import NORMALISATION
from tests.lakes.drawn import CRS, IMAGE, PIXEL, TRANSFORM, square
from tests.lakes.test_prepare import OTHER, write_region

ALL = Shapes(0, 0)


def strips_of(mask, rows=5):
    return [(row, mask[row : row + rows]) for row in range(0, len(mask), rows)]


@given(st.integers(0, 2**32 - 1), st.sampled_from([3, 5, 30]))
def test_outlines_are_the_filled_areas_whatever_the_strips(seed, rows):
    """Law: as many pixels as scipy's filled components, no two polygons overlap, and no hole is left."""
    mask = np.random.default_rng(seed).random((20, 17)) < 0.55
    found = outlines_of(strips_of(mask, rows), TRANSFORM, ALL)
    areas = [binary_fill_holes(label(mask)[0] == number) for number in range(1, label(mask)[1] + 1)]
    outer = [one for one in areas if not any((one & other).sum() == one.sum() < other.sum() for other in areas)]
    assert sorted(np.round(shapely.area(found) / PIXEL**2).astype(int)) == sorted(int(one.sum()) for one in outer)
    assert not shapely.get_num_interior_rings(found).any()
    assert shapely.is_valid(found).all()
    assert shapely.area(shapely.union_all(found)) == pytest.approx(shapely.area(found).sum())


def test_small_and_narrow_ones_are_dropped():
    mask = np.zeros((120, 80), bool)
    mask[2:10, 2:10] = True  # 64 pixels
    mask[2:10, 20:29] = True  # 72 pixels
    mask[20:23, 2:42] = True  # 3 by 40
    mask[30:34, 2:42] = True  # 4 by 40, right at a tenth
    for number in range(60):  # a line at 45 degrees
        mask[50 + number, 10 + number : 12 + number] = True
    found = outlines_of(strips_of(mask), TRANSFORM, Shapes())
    assert sorted(np.round(shapely.area(found) / PIXEL**2).astype(int)) == [72, 160]
    assert found[np.argmin(shapely.area(found))].equals(square(20, 2, 9, 8))


def test_a_ring_is_filled_with_all_that_lies_in_it():
    mask = np.zeros((40, 40), bool)
    mask[5:35, 5:35] = True
    mask[10:30, 10:30] = False
    mask[15:25, 15:25] = True
    [found] = outlines_of(strips_of(mask), TRANSFORM, Shapes())
    assert found.equals(square(5, 5, 30))


def test_nothing_found_is_no_polygon():
    assert len(outlines_of(strips_of(np.zeros((9, 9), bool)), TRANSFORM, Shapes())) == 0


class Colourful(nn.Module):
    """Logits that are high where blue is above red."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(1.0))

    def forward(self, channels):
        return 20 * self.gain * (channels[:, 2:] - channels[:, :1] - 0.6)


@pytest.fixture
def mapped(tmp_path, monkeypatch):
    """Two regions with a blue lake across the seams of windows, and a model that sees blue."""
    for image, number in ((IMAGE, 1), (OTHER, 3)):
        path = write_region(tmp_path / "regions", image, number, 100, 90)
        with rasterio.open(path, "r+") as file:
            pixels = np.full((3, 100, 90), 200, "uint8")
            pixels[0, 30:60, 20:70] = 60
            pixels[:, :10] = 0
            file.write(pixels)
    card = Card("blue", ("red", "green", "blue"), "lakes", 1, 32, 1, "hann", NORMALISATION)
    model = NetworkModel(Colourful(), card, torch.device("cpu"))
    save_model(tmp_path / "model.pt", model)
    monkeypatch.setattr("lakes.sam.build", lambda card: Colourful())
    return tmp_path


def run(mapped, *words):
    paths = [str(mapped / "regions"), "--model", str(mapped / "model.pt"), "--out", str(mapped / "out")]
    return predict.main([*paths, "--device", "cpu", *words])


def test_regions_are_mapped_where_they_lie(mapped):
    assert run(mapped) == 0
    table = gpd.read_file(mapped / "out" / "lakes.gpkg")
    assert pyogrio.list_layers(mapped / "out" / "lakes.gpkg")[:, 0].tolist() == ["lakes"]
    assert list(table.columns) == ["image", "region_num", "geometry"]
    assert table.crs == CRS
    assert list(zip(table["image"], table["region_num"])) == [(IMAGE, 1), (OTHER, 3)]
    assert all(one.equals(square(20, 30, 50, 30)) for one in table.geometry)
    with rasterio.open(mapped / "out" / "mosaic_2019-06-03_05" / "region_1_probability.tif") as source:
        probability = source.read(1)
        assert source.transform == TRANSFORM
        assert source.crs == CRS
        assert source.descriptions == ("lake",)
    assert np.isnan(probability[:10]).all()
    assert probability[40, 40] > 0.9
    assert probability[80, 40] < 0.1
    assert not list((mapped / "out").rglob("*.partial"))


def test_one_region_and_another_threshold(mapped):
    assert run(mapped, "--region", "3", "--threshold", "0.001", "--smallest", "9000") == 0
    assert len(gpd.read_file(mapped / "out" / "lakes.gpkg")) == 0
    assert not (mapped / "out" / "mosaic_2019-06-03_05").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--region", "9"), "names the region 9"),
        (("--threshold", "2"), "--threshold 2.0"),
        (("--model", "nowhere.pt"), "nowhere.pt: no such file"),
    ],
)
def test_what_is_wrong_is_one_sentence(mapped, capsys, words, told):
    assert run(mapped, *words) == 2
    assert told in capsys.readouterr().err
    assert not (mapped / "out").exists()
