"""Change between two extents: areas, matches, dates, uncertainty, what both have seen, files, and mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from mapping import change as command
from mapping.extent import Extent, common_plane, decimal_year, read_extent
from mapping.matching import area_uncertainty, changes, summed
from tests import products
from tests.mapping.test_inventory import box

PLANE = "EPSG:32643"


def outlines(path: Path, boxes: dict[str, shapely.Polygon], crs: str = PLANE, **columns: object) -> Path:
    table = gpd.GeoDataFrame({"rgi_id": list(boxes), **columns}, geometry=list(boxes.values()), crs=PLANE)
    table.to_crs(crs).to_file(path)
    return path


def mask(path: Path, ice: list[tuple[int, int, int, int]], nodata: tuple[slice, slice] | None = None) -> Path:
    numbers = np.zeros((120, 160), np.uint8)
    for top, left, bottom, right in ice:
        numbers[top:bottom, left:right] = 1
    if nodata:
        numbers[nodata] = 255
    return products.write_band(path, numbers, "uint8", nodata=255)


def table_of(
    old: Path, new: Path, dates: tuple[str | None, str | None] = (None, None)
) -> tuple[pd.DataFrame, list[str]]:
    """The table of a change and its notes, without files."""
    extents = [read_extent(path, when, 30.0, 0.01) for path, when in zip((old, new), dates)]
    plane = common_plane(extents)
    extents = [extent.to_crs(plane) for extent in extents]
    found = changes(*extents)
    return found.glaciers.set_index("old_ids"), command.notes_on(found, *extents)


def run(monkeypatch, *words: object) -> int:
    monkeypatch.setattr("sys.argv", ["change", *map(str, words)])
    return command.main()


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four glaciers of 1985 in longitude and latitude: one shrinks, one splits, two merge, one goes."""
    path = tmp_path_factory.mktemp("old") / "old.gpkg"
    boxes = {
        "A": box(10, 10, 40, 40),
        "B": box(10, 60, 30, 100),
        "C": box(60, 10, 80, 30),
        "D": box(60, 30, 80, 50),
        "E": box(60, 100, 70, 110),
    }
    names = ["Alpha", "", "", "", ""]
    return outlines(path, boxes, "EPSG:4326", BgnDate="19859999", EndDate=["19859999", *["-9999999"] * 4], Name=names)


NOW = [(10, 10, 35, 40), (10, 60, 30, 75), (10, 85, 30, 100), (60, 10, 80, 50), (100, 10, 110, 20)]


@pytest.fixture(scope="module")
def compared(old: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("change")
    new = mask(folder / "new.tif", NOW)
    with pytest.MonkeyPatch.context() as patch:
        assert run(patch, old, new, "--dates", "1985-07-02", "2020-07-02", "--out", folder / "out") == 0
    return folder / "out"


def test_glaciers_are_matched_and_what_happened_is_named(compared: Path):
    table = pd.read_csv(compared / "change.csv").fillna("").set_index("old_ids")
    assert table.loc["A", ["name", "what"]].tolist() == ["Alpha", "matched"]
    assert table["what"].to_dict() == {"A": "matched", "B": "split", "C, D": "merged", "E": "gone", "": "new"}
    assert table.loc["A", "area_old_km2"] == pytest.approx(900 * 900 / 1e6, rel=2e-3)
    assert table.loc["A", "change_km2"] == pytest.approx(-150 * 900 / 1e6, rel=0.01)
    assert table.loc["A", "retreat_km2"] == pytest.approx(150 * 900 / 1e6, rel=0.01)
    assert table.loc["A", "km2_per_year"] == pytest.approx(-150 * 900 / 1e6 / 35, rel=0.01)
    assert table.loc["A", "percent_per_year"] == pytest.approx(-100 / 6 / 35, rel=0.01)
    assert table.loc["A", "uncertainty_old_km2"] == pytest.approx(4 * 900 * 30 / 1e6, rel=0.02)
    assert table.loc["", "advance_km2"] == pytest.approx(0.09, rel=0.01)


def test_all_files_are_written_and_agree(compared: Path):
    assert {path.name for path in compared.iterdir()} == {
        f"change.{end}" for end in ("csv", "gpkg", "png", "json", "html")
    }
    table = pd.read_csv(compared / "change.csv")
    layers = {name: gpd.read_file(compared / "change.gpkg", layer=name) for name in ("glaciers", "retreat", "advance")}
    assert len(layers["glaciers"]) == len(table) == 5
    assert layers["retreat"].crs.to_epsg() == 32643
    assert layers["retreat"]["area_km2"].sum() == pytest.approx(table["retreat_km2"].sum(), rel=1e-3)
    facts = json.loads((compared / "change.json").read_text())
    assert facts["total"]["change_km2"] == pytest.approx(table["change_km2"].sum(), rel=1e-3)
    assert facts["glaciers"] == {"matched": 1, "split": 1, "merged": 1, "gone": 1, "new": 1}
    page = (compared / "change.html").read_text(encoding="utf-8")
    assert "Alpha" in page
    assert page.count("<tr>") == 6
    assert 'src="http' not in page


def test_only_what_both_have_seen_is_compared(old: Path, tmp_path: Path):
    """Half of A, and all of C, D and E, lie under clouds: no retreat there."""
    ice = [(10, 10, 40, 40), (10, 60, 30, 100), (60, 10, 80, 50)]
    new = mask(tmp_path / "new.tif", ice, (slice(25, 120), slice(0, 160)))
    table, notes = table_of(old, new, ("1985", "2020"))
    assert set(table.index) == {"A", "B"}
    assert table.loc["A", "seen_share"] == pytest.approx(0.5, abs=0.01)
    assert table["change_km2"].abs().max() < 0.01
    assert any("3 outlines lie where" in note for note in notes)


def test_a_map_tells_its_date_and_pixel_size(old: Path, tmp_path: Path):
    (tmp_path / "metrics.json").write_text(json.dumps({"pixel_m": 10.0, "date": "2019-07-02"}))
    row = table_of(old, outlines(tmp_path / "outlines.gpkg", {"A": box(10, 10, 40, 40)}))[0].loc["A"]
    assert row["year_new"] == pytest.approx(2019.5, abs=0.01)
    assert row["uncertainty_new_km2"] == pytest.approx(row["uncertainty_old_km2"] / 3, rel=0.02)


def test_without_dates_there_are_areas_and_a_note(tmp_path: Path):
    table, notes = table_of(mask(tmp_path / "a.tif", NOW[:2]), mask(tmp_path / "b.tif", NOW[:2]))
    assert ["names no date" in note for note in notes] == [True, True]
    assert table["km2_per_year"].isna().all()
    assert (table["change_km2"].abs() < 1e-9).all()


def test_pixels_of_other_size_are_compared(tmp_path: Path):
    fine = products.TRANSFORM * products.TRANSFORM.scale(1 / 2)
    ice = np.zeros((240, 320), np.uint8)
    ice[20:80, 20:80] = 1
    new = products.write_band(tmp_path / "new.tif", ice, "uint8", nodata=255, transform=fine)
    table, _ = table_of(mask(tmp_path / "old.tif", [(10, 10, 40, 40)]), new, ("2000", "2010"))
    row = table.iloc[0]
    assert row["change_km2"] == pytest.approx(0, abs=1e-6)
    assert row["uncertainty_old_km2"] == pytest.approx(2 * row["uncertainty_new_km2"], rel=0.01)


CORNERS = st.lists(st.tuples(*[st.integers(0, 30)] * 4), min_size=1, max_size=4)


@settings(max_examples=10)
@given(CORNERS, CORNERS)
def test_retreat_and_advance_make_up_the_change(first, second):
    """Of outlines that do not overlap each other, old area and advance are new area and retreat."""

    def extent(corners) -> Extent:
        shapes = [box(min(a, c), min(b, d), max(a, c) + 1, max(b, d) + 1) for a, b, c, d in corners]
        parts = [part for part in shapely.get_parts(shapely.union_all(shapes)) if part.area]
        table = gpd.GeoDataFrame(
            {"id": [str(n) for n in range(len(parts))], "name": "", "year": np.nan}, geometry=parts
        )
        table["moved"] = 30.0
        seen = gpd.GeoSeries([box(-50, -50, 100, 100)], crs=PLANE)
        return Extent(Path("a"), table.set_crs(PLANE), seen)

    found = changes(extent(first), extent(second))
    total = summed(found.glaciers)
    assert total["change_km2"] == pytest.approx(
        found.glaciers["advance_km2"].sum() - found.glaciers["retreat_km2"].sum(), abs=1e-9
    )
    assert total["area_old_km2"] + found.advance["area_km2"].sum() == pytest.approx(
        total["area_new_km2"] + found.retreat["area_km2"].sum(), abs=1e-9
    )


def test_the_border_with_other_ice_is_not_uncertain():
    table = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 900, 900), shapely.box(900, 0, 1800, 900)])
    alone = area_uncertainty(table.geometry[0], table.iloc[:1], 30)
    assert alone == pytest.approx(4 * 900 * 30 / 1e6, rel=0.01)
    assert area_uncertainty(table.geometry[0], table, 30) == pytest.approx(alone * 3 / 4, rel=0.02)


@pytest.mark.parametrize(
    ("text", "year"),
    [("2020", 2020.5), ("20209999", 2020.5), ("2020-08", 2020.62), ("20200101", 2020.0), ("2020-08-26 00:00", 2020.65)],
)
def test_dates_are_read_as_inventories_write_them(text: str, year: float):
    assert decimal_year(text, Path("a")) == pytest.approx(year, abs=0.005)
    assert np.isnan(decimal_year(f"x{text}", Path("a")))


@pytest.mark.parametrize(
    "kind", ["swapped", "no date", "month 13", "far", "missing", "broken", "nodata", "points", "below 0"]
)
def test_mistakes_are_one_sentence(old: Path, kind: str, tmp_path: Path, monkeypatch, capsys, one_sentence):
    new = mask(tmp_path / "new.tif", NOW)
    words: list[object] = ["--dates", "1985", "2020"]
    if kind == "swapped":
        words = ["--dates", "2020", "1985"]
    if kind == "no date":
        words = ["--dates", "1985", "soon"]
    if kind == "month 13":
        words = ["--dates", "1985", "2020-13"]
    if kind == "far":
        products.write_band(new, np.ones((5, 5)), "uint8", crs="EPSG:32632")
    if kind == "missing":
        new = tmp_path / "nowhere.gpkg"
    if kind == "broken":
        new.write_text("nothing")
    if kind == "nodata":
        products.write_band(new, np.full((5, 5), 255), "uint8", nodata=255)
    if kind == "points":
        new = outlines(tmp_path / "points.gpkg", {"A": shapely.Point(600_000, 3_750_000)})
    if kind == "below 0":
        words += ["--uncertainty", "-1"]
    assert run(monkeypatch, old, new, *words, "--out", tmp_path / "out") == 2
    message = capsys.readouterr().err.strip().removeprefix("error: ")
    culprit = {"no date": "--dates soon", "below 0": "--uncertainty -1"}.get(kind, new)
    one_sentence(message, culprit)
    assert not (tmp_path / "out").exists()


def test_patches_of_a_mask_are_numbered_by_size(tmp_path: Path):
    mask = np.zeros((60, 60), np.uint8)
    mask[2:8, 2:8], mask[20:50, 20:50] = 1, 1
    found = read_extent(products.write_band(tmp_path / "mask.tif", mask, "uint8"), "2020", 30.0, 0.01).outlines
    assert list(found["id"]) == ["patch 1", "patch 2"]
    assert found.area.iloc[0] > found.area.iloc[1]


def test_two_extents_across_180_degrees_have_a_plane_there():
    seen = [shapely.box(20_000 + shift, 0, 80_000 + shift, 60_000) for shift in (0, 5_000)]
    aside = "+proj=tmerc +lat_0=66 +lon_0=179 +datum=WGS84"
    extents = [
        Extent(Path("a"), gpd.GeoDataFrame(geometry=[one], crs=aside), gpd.GeoSeries([one], crs=aside)) for one in seen
    ]
    longitudes = shapely.get_coordinates(extents[0].seen.to_crs("EPSG:4326").to_numpy())[:, 0]
    assert longitudes.max() - longitudes.min() > 350, "it crosses"
    placed = extents[0].to_crs(common_plane(extents)).seen
    assert np.abs(placed.total_bounds).max() < 100_000
    assert placed.area.iloc[0] == pytest.approx(60_000**2, rel=0.01)
