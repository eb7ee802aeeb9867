"""A scene in degrees gives the mask of the same scene in metres."""

from __future__ import annotations

from pathlib import Path

import pytest
import rasterio

from mapping.api import map_scene
from scenes.grid import place_in
from simulation.synthetic import synthetic_scene
from tests import products
from tiles.tile import Tile

LANDSAT = rasterio.Affine(30, 0, 600_015, 0, -30, 3_750_015)  # its pixels' edges lie at odd multiples of 15 m


@pytest.mark.parametrize(
    ("kind", "side", "east"),
    [
        ("winter", products.EXPORTED, 7),
        ("late summer", products.EXPORTED, 0),
        ("debris-covered", 0.0, 0),
    ],
)
def test_degrees_give_the_mask_of_the_same_scene_in_metres(kind: str, side: float, east: int, tmp_path: Path):
    """An exporter's pixels are as high as Landsat's, so that each of these is met again; GDAL's lack some rows."""
    shown = synthetic_scene(1, (256, 256), kind=kind)
    moved = LANDSAT * rasterio.Affine.translation(east, 0)
    path = products.five_bands(tmp_path / "s.tif", Tile("s", shown.bands, shown.valid), transform=moved)
    metres = map_scene(path, products.FIVE_BANDS, device="cpu", jobs=1)
    degrees = map_scene(products.in_degrees(path, side=side), products.FIVE_BANDS, device="cpu", jobs=1)
    top, left = place_in(degrees.grid, metres.grid)
    found = degrees.mask[top : top + metres.grid.height, left : left + metres.grid.width]
    assert 0.02 < (metres.mask == 1).mean() < 0.9
    assert any("its degrees are reprojected" in note for note in degrees.facts["notes"])
    assert (found != metres.mask).mean() <= 0.01
