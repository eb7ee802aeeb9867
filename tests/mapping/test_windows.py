"""The windows of a scene: where they lie, and that where they lie does not show."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import rasterio
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnn.unet import NETWORK_STRIDE
from fusion.hybrid import predict_tile
from fusion.layout import LARGE, Layout
from fusion.model_file import load_model, save_model
from mapping.run import NODATA_KEPT, around_valid, scene_layout
from scenes.grid import Grid
from scenes.products import open_scene
from tests import products
from tests.examples import example_model
from tests.mapping.mapped import map_scene
from tiles.tile import Tile

pytestmark = pytest.mark.usefixtures("narrow_networks")

CPU = torch.device("cpu")


@pytest.mark.parametrize("words", [{}, {"window": 192, "overlap": 0.25}, {"window": 64, "overlap": 0.5, "group": 2}])
def test_any_windows_give_the_whole_image(place: Path, words: dict[str, object], tmp_path: Path):
    """The trees decide here and see the whole scene's ranks, so windows and parts must change nothing."""
    scene = open_scene(place / products.PRODUCT)
    layout = Layout(scene.grid.height, scene.grid.width, **{"window": 128, **words})
    map_scene(scene, layout, place / "model.pth", tmp_path / "out")
    with rasterio.open(tmp_path / "out" / "probability.tif") as source:
        found = source.read(1)
    tile = scene.read(0, 0, scene.grid.height, scene.grid.width)
    whole = predict_tile(load_model(place / "model.pth", CPU), tile, CPU).probability
    np.testing.assert_allclose(found[tile.valid], whole[tile.valid], atol=1e-3)  # written in steps of 1/1024


@pytest.mark.parametrize(("window", "more"), [(128, (5, 7)), (None, (41, 90))])
def test_more_nodata_around_a_scene_changes_nothing(
    place: Path, window: int | None, more: tuple[int, int], tmp_path: Path
):
    """Windows lie where the ground is, not where the file begins."""
    tile, _ = products.blocky_tile((300, 330))
    first = rasterio.Affine(30, 0, 600_000 + 30 * 20, 0, -30, 3_750_000 - 30 * 13)
    wider = tile.around(-more[0], -more[1], 340 + more[0], 350 + more[1])
    found = []
    for name, one, (row, column) in (("own", tile, (0, 0)), ("wider", wider, more)):
        affine = first * rasterio.Affine.translation(-column, -row)
        scene = open_scene(products.five_bands(tmp_path / f"{name}.tif", one, transform=affine), products.FIVE_BANDS)
        map_scene(scene, scene_layout(scene, window), place / "model.pth", tmp_path / name)
        with rasterio.open(tmp_path / name / "probability.tif") as source:
            found.append(source.read(1)[row : row + 300, column : column + 330])
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize(
    ("sides", "origin", "window", "expected"),
    [
        ((300, 500), (4, 4), None, (512, 0.0, 4)),
        ((300, 500), (33, 31), None, (576, 0.0, 4)),
        ((LARGE - 8, 100), (68, 4), None, (LARGE, 0.0, 4)),
        ((LARGE - 8, 100), (5, 4), None, (512, 0.5, 0)),
        ((LARGE + 65, 100), (4, 4), None, (512, 0.5, 0)),
        ((300, 500), (0, 0), 128, (128, 0.5, 0)),
    ],
)
def test_a_small_scene_is_one_window(sides, origin, window, expected):
    found = scene_layout(scene_of(np.ones(sides, bool), origin), window)
    assert (found.window, found.overlap, found.views) == expected
    assert len(found.parts()) == 1 or found.views == 0
    assert all(lead < found.stride for lead in found.lead)


@given(st.data())
def test_the_window_of_a_small_scene_lies_around_its_valid_pixels(data):
    """On the ground's own grid of the network's strides, whatever nodata is around them."""
    height, width, row, column = (data.draw(st.integers(1, most)) for most in (300, 300, 70, 70))
    first = data.draw(st.tuples(st.integers(-99, 99), st.integers(-99, 99)))
    valid = np.pad(np.ones((height, width), bool), ((row, data.draw(st.integers(0, 70))), (column, 0)))
    (top, left), side = around_valid(valid, first)
    own, own_side = around_valid(np.ones((height, width), bool), (first[0] + row, first[1] + column))
    assert (top, left, side) == (own[0] + row, own[1] + column, own_side)
    for start, place, there, count in ((top, first[0], row, height), (left, first[1], column, width)):
        assert (start + place) % NETWORK_STRIDE == 0
        assert there - NODATA_KEPT - NETWORK_STRIDE < start <= there - NODATA_KEPT
        assert start + side >= there + count + NODATA_KEPT
    layout = scene_layout(scene_of(valid, first))
    assert layout.window == side
    assert (top, left) in {layout.start(down, across) for down in range(2) for across in range(2)}


def test_a_small_scene_without_a_valid_pixel_is_covered_all_the_same():
    layout = scene_layout(scene_of(np.zeros((100, 130), bool), (7, 7)))
    assert (layout.window, layout.counts) == (2 * NETWORK_STRIDE, (2, 3))


def scene_of(valid: np.ndarray, origin: tuple[int, int]) -> Any:
    """What a layout needs of a scene with these valid pixels, whose first one has this row and column on the ground."""
    corner = rasterio.Affine(30, 0, 30 * origin[1], 0, -30, -30 * origin[0])
    return SimpleNamespace(grid=Grid("", tuple(corner)[:6], *valid.shape), read=lambda *_: Tile("scene", {}, valid))


def test_no_seam_at_window_edges(place: Path, tmp_path: Path):
    """With the network alone deciding, steps across window edges are no larger than elsewhere."""
    model = example_model()
    fusion = type(model.fusion)((1.0, 0.0), 0.0, 0.5)
    network = type(model)(model.gbm, model.unet, fusion, 0.5, 0.5)
    save_model(network, tmp_path / "model.pth")
    scene = open_scene(place / products.PRODUCT)
    map_scene(scene, Layout(300, 330, 128), tmp_path / "model.pth", tmp_path / "out")
    with rasterio.open(tmp_path / "out" / "probability.tif") as source:
        steps = np.abs(np.diff(source.read(1), axis=0))
    edges = np.array([row in (63, 64, 127, 128, 191, 192, 255, 256) for row in range(len(steps))])
    assert np.nanmean(steps[edges]) < 1.25 * np.nanmean(steps[~edges]) + 0.002
