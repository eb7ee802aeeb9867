"""What is said of each outline: how large it must be, where it is cut off, and its terrain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from rasterio.transform import from_origin

from errors import GridError
from mapping.finish import Beside, mapped_facts, terrain_notes
from mapping.steps import Postprocess
from mapping.terrain import TERRAIN, check_dem, terrain_of
from tests import products
from tests.mapping.drawn import Drawn, draw


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """From the left: ice at the scene's edge, ice beside nodata, ice alone, and one pixel of it."""
    mask = np.zeros((60, 80), np.uint8)
    mask[10:30, 0:20] = 1
    mask[30:50, 25:35] = 1
    mask[30:50, 35:45] = 255
    mask[5:15, 50:60] = 1
    mask[50, 70] = 1
    return draw(tmp_path_factory.mktemp("drawn"), mask)


def test_outlines_say_where_they_are_cut_off(drawn: Drawn):
    found = drawn.outlines()
    assert found["area_km2"].tolist() == pytest.approx([0.36, 0.18, 0.09, 0.0009], rel=2e-3)
    assert found["touches_edge"].tolist() == [True, False, False, False]
    assert found["touches_nodata"].tolist() == [False, True, False, False]
    assert set(found["kind"]) == {"ice patch"}


def test_small_outlines_are_left_out_as_inventories_do(drawn: Drawn):
    assert len(drawn.outlines(minimum_area=Postprocess().minimum_area)) == 3


def test_metrics_count_the_edge_at_nodata(drawn: Drawn):
    facts = mapped_facts(drawn.scene, drawn.folder)
    assert facts["edge_pixels_at_nodata"] == 20
    assert facts["edge_pixels"] == (2 * 20 + 2 * 18) + (2 * 20 + 2 * 8) + (2 * 10 + 2 * 8) + 1


def write_dem(path: Path, crs: str, slope: tuple[float, float], void: bool = False) -> Path:
    """A plane through 2000 m at the scene's middle that rises by ``slope`` a metre to the east and to the north."""
    centre = products.TRANSFORM * (40, 30)
    side = 40.0
    transform = from_origin(centre[0] - 3000, centre[1] + 3000, side, side)
    rows, columns = np.mgrid[0:150, 0:150]
    east, north = transform * (columns + 0.5, rows + 0.5)
    heights = 2000 + slope[0] * (east - centre[0]) + slope[1] * (north - centre[1])
    if void:
        heights[:] = -9999
    products.write_band(path, heights, "float32", transform=transform, nodata=-9999)
    if crs == products.CRS:
        return path
    place, width, height = rasterio.warp.calculate_default_transform(
        products.CRS, crs, 150, 150, *rasterio.transform.array_bounds(150, 150, transform)
    )
    warped = np.full((height, width), -9999, np.float32)
    rasterio.warp.reproject(
        heights.astype(np.float32), warped, src_transform=transform, src_crs=products.CRS, src_nodata=-9999,
        dst_transform=place, dst_crs=crs, dst_nodata=-9999, resampling=rasterio.warp.Resampling.bilinear,
    )  # fmt: skip
    return products.write_band(path, warped, "float32", transform=place, crs=crs, nodata=-9999)


@pytest.mark.parametrize(
    ("crs", "slope", "aspect"),
    [(products.CRS, (0.0, 0.5), 180), (products.CRS, (-0.3, 0.0), 90), ("EPSG:4326", (0.2, -0.2), 315)],
)
def test_terrain_of_a_plane(drawn: Drawn, crs: str, slope: tuple[float, float], aspect: float, tmp_path: Path):
    dem = write_dem(tmp_path / "dem.tif", crs, slope)
    outline = drawn.outlines().geometry.iloc[2:3]
    terrain = terrain_of(outline, dem, drawn.scene.grid).iloc[0]
    west, south, east, north = outline.iloc[0].bounds
    x, y = products.TRANSFORM * (40, 30)
    corners = [2000 + slope[0] * (one - x) + slope[1] * (other - y) for one in (west, east) for other in (south, north)]
    half = 15 * (abs(slope[0]) + abs(slope[1]))  # from a pixel's middle to its corner
    assert terrain["elevation_min_m"] == pytest.approx(min(corners) + half, abs=1.5)
    assert terrain["elevation_max_m"] == pytest.approx(max(corners) - half, abs=1.5)
    assert terrain["elevation_median_m"] == pytest.approx(np.mean(corners), abs=3)
    assert terrain["slope_deg"] == pytest.approx(np.degrees(np.arctan(np.hypot(*slope))), abs=0.3)
    assert terrain["aspect_deg"] == pytest.approx(aspect, abs=1.5)
    assert terrain["dem_share"] == 1


def test_where_the_dem_has_nothing_there_is_no_elevation(drawn: Drawn, tmp_path: Path):
    dem = write_dem(tmp_path / "dem.tif", products.CRS, (0.1, 0.1))
    far = drawn.outlines().geometry.iloc[:1].set_axis([7])
    with rasterio.open(dem, "r+") as file:
        file.write(np.full((150, 150), -9999, np.float32), 1)
    terrain = terrain_of(far, dem, drawn.scene.grid)
    assert list(terrain.index) == [7]
    assert list(terrain.columns) == list(TERRAIN)
    assert terrain.pop("dem_share").tolist() == [0]
    assert terrain.isna().all(axis=None)


@pytest.mark.parametrize("kind", ["void", "no crs", "far"])
def test_a_dem_of_no_use_is_one_sentence(drawn: Drawn, kind: str, one_sentence, tmp_path: Path):
    dem = write_dem(tmp_path / "dem.tif", products.CRS, (0.0, 0.1), void=kind == "void")
    if kind == "no crs":
        products.write_band(dem, np.ones((5, 5)), "float32", crs=None)
    if kind == "far":
        products.write_band(dem, np.ones((5, 5)), "float32", transform=from_origin(0, 0, 30, 30))
    with pytest.raises(GridError) as raised:
        check_dem(dem, drawn.scene.grid)
    one_sentence(raised.value, dem)
    with pytest.raises(GridError):
        Beside(dem=dem).check(drawn.scene.grid)


def test_a_nan_hole_in_the_dem_does_not_spread(drawn: Drawn, tmp_path: Path):
    dem = write_dem(tmp_path / "dem.tif", products.CRS, (0.0, 0.5))
    with rasterio.open(dem, "r+") as file:
        heights = file.read(1)
        heights[70:72, 70:72] = -9999
        file.write(heights, 1)
    box = shapely.box(*(drawn.scene.grid.affine * (30, 40)), *(drawn.scene.grid.affine * (50, 20)))
    terrain = terrain_of(drawn.outlines().geometry.iloc[:1].set_axis([0]).apply(lambda _: box), dem, drawn.scene.grid)
    assert terrain["slope_deg"].iloc[0] == pytest.approx(26.57, abs=0.3)


def test_outlines_that_a_dem_covers_in_part_are_told(drawn: Drawn, tmp_path: Path):
    dem = write_dem(tmp_path / "dem.tif", products.CRS, (0.0, 0.5))
    outlines = drawn.outlines().geometry
    west, south, east, north = outlines.iloc[2].bounds
    with rasterio.open(dem, "r+") as file:
        heights = file.read(1)
        row, _ = file.index((west + east) / 2, (south + north) / 2)
        heights[row:] = -9999
        file.write(heights, 1)
    terrain = terrain_of(outlines.iloc[2:3], dem, drawn.scene.grid)
    assert terrain["dem_share"].iloc[0] == pytest.approx(0.5, abs=0.15)
    (note,) = terrain_notes(terrain["dem_share"], "scene: dem.tif")
    assert note.startswith("scene: dem.tif covers 1 outline(s) in part")
    assert not terrain_notes(pd.Series([0.0, 1.0]), "scene")
