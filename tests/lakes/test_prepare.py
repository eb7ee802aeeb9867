"""The list of patches: kinds, folds, colourfulness, and one sentence for whatever is wrong."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given
from hypothesis import strategies as st

from errors import LayoutError
from lakes import prepare
from lakes.imagery import find_regions, region_path
from lakes.labelled import labelled_regions, open_region
from lakes.patch_list import HARD, NEGATIVE, POSITIVE, Listed, read_list, weights_of
from lakes.polygons import lakes_table, write_lakes
from tests.lakes.drawn import IMAGE, square, write_mosaic

OTHER = "mosaic_2019-07-31_25.tif"
SMALL = ("--patch", "32", "--step", "16")


def write_region(folder, image=IMAGE, region_num=1, height=64, width=80, seed=0, **words):
    """A region of grey ice with a little noise, colourful in its last 32 columns, black in its first 16 rows."""
    pixels = 200 + np.random.default_rng(seed).integers(0, 2, (3, height, width)).astype("uint8")
    pixels[:, :, width - 32 :] -= np.array([120, 60, 20], "uint8")[:, None, None] * (np.arange(32) % 8 < 4)
    pixels[:, :16] = 0
    path = region_path(folder, image, region_num)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_mosaic(path, pixels, nodata=0, photometric="RGB", **words)
    with rasterio.open(path, "r+") as file:
        file.update_tags(IMAGE=image, REGION_NUM=region_num)
    return path


@pytest.fixture
def places(tmp_path):
    """Regions 1 and 2 of two dates, and a file of lakes: a triangle in three of them, none in the last one."""
    lakes = []
    for image in (IMAGE, OTHER):
        for number in (1, 2):
            write_region(tmp_path / "regions", image, number)
            lakes.append((image, number))
    triangle = shapely.Polygon([*square(4, 20, 10).exterior.coords][:3])
    table = lakes_table(*zip(*lakes[:3]), [triangle] * 3)
    write_lakes(table, tmp_path / "lakes.gpkg")
    return tmp_path


def run(places, *words):
    return prepare.main(
        [str(places / "regions"), "--lakes", str(places / "lakes.gpkg"), "--out", str(places / "out"), *words]
    )


def test_kinds_and_places(places, capsys):
    assert run(places, *SMALL) == 0
    asked, rows = read_list(places / "out")
    assert (asked.patch, asked.step) == (32, 16)
    assert {(row.row, row.column) for row in rows} == {
        (row, column) for row in (0, 16, 32) for column in (0, 16, 32, 48)
    }
    assert len(rows) == 3 * 3 * 4, "the region without lakes is left out"
    kinds = {(row.row, row.column): row.kind for row in rows if row.fold == 0}
    assert kinds[0, 0] == kinds[16, 0] == POSITIVE, "three vertices are a lake as well"
    assert kinds[32, 0] == kinds[32, 16] == NEGATIVE
    assert kinds[32, 48] == HARD
    assert {row.black for row in rows if row.row == 0} == {0.5}
    assert "region_2" in capsys.readouterr().err


def test_no_fold_shares_a_date_and_region(places):
    assert run(places, *SMALL, "--with-empty", "--folds", "3") == 0
    _, rows = read_list(places / "out")
    assert {row.fold for row in rows} == {0, 1, 2}
    assert len({(row.group, row.fold) for row in rows}) == len({row.group for row in rows}) == 4
    counts = json.loads((places / "out" / "prepare.json").read_text())["counts"]
    assert [one[POSITIVE] for one in counts] == [2 * 1] * 3
    assert sum(len(one["places"]) for one in counts) == 4


def test_sums_of_squares_are_those_of_the_patch(places):
    """What is added up over squares is what numpy says of a patch cut out, zero beyond the image."""
    region = find_regions(places / "regions")[0]
    image = open_region(region, [square(4, 20, 10)])
    with rasterio.open(region.path) as source:
        pixels = np.pad(source.read().astype(float), ((0, 0), (0, 64), (0, 64)))
    asked = prepare.Preparation("", "", patch=48, step=16, black=1.0)
    rows = prepare.patches_of(region, image, 0, asked)
    assert len(rows) == 2 * 3
    for row in rows:
        red, green, blue = pixels[:, row.row : row.row + 48, row.column : row.column + 48]
        rg, yb = np.abs(red - green), np.abs((red + green) / 2 - blue)
        expected = np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())
        assert row.colourfulness == pytest.approx(expected, abs=1e-4)
        assert row.lake == image.patch(row.row, row.column, 48, 48).truth.sum()


def test_black_patches_are_dropped(places):
    assert run(places, "--patch", "16", "--step", "16") == 0
    assert min(row.row for row in read_list(places / "out")[1]) == 16


def test_masks_come_from_pixel_polygons_of_any_window(places):
    region = find_regions(places / "regions")[0]
    image = open_region(region, [square(30, 30, 8, 6), square(76, 60, 20)])
    whole = image.patch(0, 0, 64, 80).truth
    assert whole.sum() == 8 * 6 + 4 * 4
    assert whole[30:36, 30:38].all()
    assert np.array_equal(image.patch(28, 33, 20, 20).truth, whole[28:48, 33:53])
    assert not image.patch(0, 0, 64, 80).valid[:16].any()


@pytest.mark.parametrize("crs", ["EPSG:3413", "EPSG:4326"])
def test_lakes_of_another_system_are_reprojected(places, crs):
    table = lakes_table(IMAGE, 1, [square(4, 20, 10)])
    table.to_crs(crs).to_file(places / "lakes.gpkg", driver="GPKG", layer="lakes")
    [(_, image)], _ = labelled_regions(places / "regions", places / "lakes.gpkg", False)
    assert image.patch(0, 0, 64, 80).truth.sum() == pytest.approx(100, abs=12)


@given(st.dictionaries(st.tuples(st.sampled_from("abcd"), st.integers(1, 6)), st.integers(0, 50), min_size=1))
def test_folds_are_even_and_all_are_used(groups):
    found = prepare.folds_of(groups, 4)
    loads = [sum(max(groups[one], 1) for one in found if found[one] == fold) for fold in set(found.values())]
    assert set(found) == set(groups)
    assert len(loads) == min(4, len(groups))
    assert max(loads) - min(loads) <= max(max(groups.values()), 1)


@pytest.mark.parametrize(
    ("kinds", "shares"),
    [
        ((POSITIVE, NEGATIVE, NEGATIVE, HARD), {POSITIVE: 0.5, NEGATIVE: 0.25, HARD: 0.25}),
        ((POSITIVE, POSITIVE, NEGATIVE), {POSITIVE: 0.5, NEGATIVE: 0.5}),
        ((POSITIVE, HARD, HARD), {POSITIVE: 0.5, HARD: 0.5}),
    ],
)
def test_half_of_what_is_drawn_is_positive(kinds, shares):
    rows = [Listed(IMAGE, 1, 0, 0, 0, kind, 0, 0.0, 0.0) for kind in kinds]
    weights = weights_of(rows)
    for kind, share in shares.items():
        assert sum(weight for row, weight in zip(rows, weights) if row.kind == kind) == pytest.approx(share)


WRONG = {
    "no regions": ({"regions": "nothing"}, (), "holds no <image>/region_<n>.tif"),
    "another date": ({"image": "mosaic_2019-08-01.tif"}, (), "there is no mosaic"),
    "no region": ({"region_num": 9}, (), "names the region 9"),
    "16 bits": ({"dtype": "uint16"}, (), "holds uint16 values"),
    "two bands": ({"bands": 2}, (), "red, green and blue are needed"),
    "elsewhere": ({"shift": 5000}, (), "no patch with a lake"),
    "no lake": ({"lakes": 0}, (), "holds no lake"),
    "step": ({}, ("--patch", "40", "--step", "16"), "no multiple of --step 16"),
    "share": ({}, (*SMALL, "--black", "99"), "--black 99.0: is no share"),
    "folds": ({}, (*SMALL, "--folds", "0"), "--folds 0"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_sentence(case, tmp_path, capsys):
    how, words, told = WRONG[case]
    path = write_region(tmp_path / "regions")
    if "dtype" in how or "bands" in how:
        pixels = np.ones((how.get("bands", 3), 64, 80), how.get("dtype", "uint8"))
        write_mosaic(path, pixels)
        with rasterio.open(path, "r+") as file:
            file.update_tags(IMAGE=IMAGE, REGION_NUM=1)
    shapes = [square(4 + how.get("shift", 0), 20, 10)] * how.get("lakes", 1)
    table = lakes_table(how.get("image", IMAGE), how.get("region_num", 1), shapes)
    table.to_file(tmp_path / "lakes.gpkg", driver="GPKG", layer="lakes", geometry_type="Polygon")
    regions = tmp_path / how.get("regions", "regions")
    out = tmp_path / "out"
    code = prepare.main([str(regions), "--lakes", str(tmp_path / "lakes.gpkg"), "--out", str(out), *(words or SMALL)])
    shown = capsys.readouterr().err
    assert code == 2
    assert told in shown
    assert "Traceback" not in shown
    assert not out.exists()


def test_a_list_that_is_missing_or_damaged_is_named(places, one_sentence):
    with pytest.raises(LayoutError, match="no such file"):
        read_list(places / "out")
    assert run(places, *SMALL) == 0
    (places / "out" / "patches.csv").write_text("image,row\nx,1\n")
    with pytest.raises(LayoutError) as raised:
        read_list(places / "out")
    one_sentence(raised.value, places / "out")
