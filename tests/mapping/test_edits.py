"""Edits by hand on a map: pixels, outlines of their own, the column ``edited``, the command, and a user's mistakes."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import GlacierError
from fusion.model_file import save_model
from mapping import __main__ as command
from mapping.edits import ACTIONS, Edit, check_edits, edited_mask, pieces_of, read_edits, write_edits
from mapping.finish import Beside, outlines_in
from mapping.steps import Postprocess
from tests import products
from tests.examples import example_model
from tests.mapping.drawn import Drawn, draw
from tests.mapping.test_inventory import box

pytestmark = pytest.mark.usefixtures("narrow_networks")

NOT_MAPPED = (110, 10, 130, 60)  # in the scene, where the model says ground


@pytest.fixture
def maps(tmp_path: Path) -> Drawn:
    """Two ice patches, one of which a third touches."""
    mask = np.zeros((60, 80), np.uint8)
    mask[10:30, 10:50] = 1
    mask[40:50, 60:70] = 1
    mask[:, 75:] = 255
    return draw(tmp_path, mask)


def outlined(maps: Drawn, edits: list[Edit], minimum_area: float = 0.0, **more: Path) -> gpd.GeoDataFrame:
    """The outlines of a map after edits, as a run leaves them."""
    write_edits(maps.folder / "edits.gpkg", edits, products.CRS)
    beside = Beside(edits=maps.folder / "edits.gpkg", **more)
    return outlines_in(maps.scene, maps.folder, Postprocess(minimum_area), beside, 1)


def told(outlines: gpd.GeoDataFrame) -> list[tuple[int, str]]:
    """Pixels and ``edited`` of every outline."""
    return [(round(shape.area / 900), word) for shape, word in zip(outlines.geometry, outlines["edited"])]


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ([], [(800, ""), (100, "")]),
        ([("kept", (10, 10, 30, 30))], [(400, "kept"), (400, ""), (100, "")]),
        ([("drawn", (10, 50, 30, 60))], [(1000, "drawn"), (100, "")]),
        ([("kept", (10, 10, 30, 50)), ("drawn", (10, 50, 30, 60))], [(800, "kept"), (200, "drawn"), (100, "")]),
        ([("deleted", (10, 40, 30, 60)), ("deleted", (40, 60, 50, 70))], [(600, "cut")]),
        ([("kept", (10, 10, 30, 50)), ("deleted", (10, 28, 30, 32))], [(360, "kept, cut")] * 2 + [(100, "")]),
        ([("deleted", (10, 10, 30, 50)), ("kept", (10, 10, 20, 50))], [(400, "kept, cut"), (100, "")]),
        ([("kept", (10, 10, 30, 30)), ("kept", (10, 30, 30, 50))], [(400, "kept"), (400, "kept"), (100, "")]),
        ([("kept", (10, 10, 30, 30)), ("kept", (10, 10, 30, 50))], [(800, "kept"), (100, "")]),
        ([("drawn", (50, 70, 55, 80))], [(800, ""), (100, ""), (25, "drawn")]),
    ],
    ids=["none", "kept beside what it touches", "drawn to what it touches", "drawn to a kept one", "deleted",
         "kept, then cut", "the last one counts", "two kept that touch", "kept again, larger", "drawn into nodata"],
)  # fmt: skip
def test_outlines_after_edits(maps: Drawn, edits: list, expected: list[tuple[int, str]]):
    found = outlined(maps, [Edit(box(*place), action) for action, place in edits])
    assert sorted(told(found), reverse=True) == sorted(expected, reverse=True)
    assert found["glacier_id"].tolist() == list(range(1, len(expected) + 1))


def test_what_was_drawn_or_kept_is_never_too_small(maps: Drawn):
    edits = [Edit(box(2, 2, 3, 4), "drawn"), Edit(box(45, 60, 46, 61), "kept"), Edit(box(47, 60, 48, 70), "deleted")]
    found = outlined(maps, edits, minimum_area=0.05)
    assert told(found) == [(800, ""), (69, "cut"), (2, "drawn"), (1, "kept")]


def test_an_inventory_divides_kept_ice_too(maps: Drawn):
    """Its outlines are its glaciers, so that every one has its name."""
    places = [box(10, 10, 30, 20), box(10, 20, 30, 50)]
    table = gpd.GeoDataFrame({"id": ["A", "B"]}, geometry=places, crs=products.CRS)
    table.to_file(maps.folder / "inventory.gpkg")
    found = outlined(maps, [Edit(box(10, 10, 30, 30), "kept")], inventory=maps.folder / "inventory.gpkg")
    assert found["inventory_id"].tolist() == ["B", "A", ""]
    assert told(found) == [(600, "kept"), (200, "kept"), (100, "")]


PLACE = st.tuples(*[st.integers(0, 8)] * 2, *[st.integers(1, 6)] * 2)  # first row and column, rows and columns


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    edits=st.lists(st.tuples(st.sampled_from(list(ACTIONS)), PLACE), max_size=5),
)
def test_pieces_are_the_edited_mask_and_kept_ones_are_as_they_were_kept(seed: int, edits: list):
    mask = np.random.default_rng(seed).choice(np.array([0, 1, 255], np.uint8), (12, 12), p=[0.4, 0.5, 0.1])
    given = [Edit(box(top, left, top + rows, left + columns), action) for action, (top, left, rows, columns) in edits]
    after = edited_mask(mask, given, products.TRANSFORM, 255)
    pieces = pieces_of(after == 1, given, products.TRANSFORM)
    assert ((pieces > 0) == (after == 1)).all()
    assert ((after == 255) == (mask == 255)).all()
    last = np.full(mask.shape, -1)
    for number, (_, (top, left, rows, columns)) in enumerate(edits):
        last[top : top + rows, left : left + columns] = number
    for number, (action, _) in enumerate(edits):
        here = (last == number) & (mask != 255)
        assert (after[here] == ACTIONS[action]).all()
        assert not here.any() or (action == "kept") == (set(pieces[here]) == {number + 2}), "one of its own"
    assert (after[last < 0] == mask[last < 0]).all()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a scene and a small model."""
    folder = tmp_path_factory.mktemp("edits")
    products.five_bands(folder / "scene.tif", products.blocky_tile()[0])
    save_model(example_model(), folder / "model.pth")
    return folder


def run(monkeypatch: pytest.MonkeyPatch, place: Path, out: Path, edits: Path) -> int:
    words = ["mapping", place / "scene.tif", "--bands", products.FIVE_BANDS, "--model", place / "model.pth"]
    monkeypatch.setattr("sys.argv", [str(word) for word in (*words, "--window", 128, "--out", out, "--edits", edits)])
    return command.main()


def test_a_map_made_anew_has_the_edits_that_a_gis_drew(place: Path, tmp_path: Path, monkeypatch, capsys):
    table = gpd.GeoDataFrame(
        {"Edited": ["Drawn", "deleted "], "note": [None, "a lake"]},
        geometry=[box(*NOT_MAPPED), box(20, 40, 80, 100)],
        crs=products.CRS,
    )
    table.to_crs("EPSG:4326").to_file(tmp_path / "edits.geojson")
    assert run(monkeypatch, place, tmp_path / "out", tmp_path / "edits.geojson") == 0
    with rasterio.open(tmp_path / "out" / "mask.tif") as source:
        mask = source.read(1)
    top, left, bottom, right = NOT_MAPPED
    assert (mask[top:bottom, left:right][mask[top:bottom, left:right] != 255] == 1).all()
    assert not (mask[20:80, 40:100] == 1).any()
    for name in ("outlines.gpkg", "outlines.shp"):
        words = gpd.read_file(tmp_path / "out" / name)["edited"].fillna("")
        assert "drawn" in set(words)
    assert "2 edit(s) by hand" in capsys.readouterr().err
    assert "2 edit(s) by hand" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_a_bad_file_ends_the_command_before_anything_is_mapped(place: Path, tmp_path: Path, monkeypatch, capsys):
    assert run(monkeypatch, place, tmp_path / "out", place / "scene.tif") == 2
    assert "scene.tif: cannot be read as polygons" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


BAD = ["missing", "damaged", "no column", "another word", "nothing said", "points", "empty", "far", "no crs"]


@pytest.mark.parametrize("kind", BAD)
def test_bad_files_are_one_sentence(maps: Drawn, kind: str, tmp_path: Path, one_sentence):
    path = tmp_path / "edits.gpkg"
    words = {"another word": ["removed"], "nothing said": [None]}.get(kind, ["kept"])
    shape = shapely.Point(600_100, 3_749_900) if kind == "points" else box(10, 10, 20, 20)
    table = gpd.GeoDataFrame(
        {"other" if kind == "no column" else "edited": words},
        geometry=[shape],
        crs=None if kind == "no crs" else products.CRS,
    )
    if kind == "far":
        table["geometry"] = table.translate(1e5, 0)
    if kind == "empty":
        write_edits(path, [], products.CRS)
    elif kind == "damaged":
        path.write_bytes(b"no geopackage")
    elif kind != "missing":
        table.to_file(path)
    with pytest.raises(GlacierError) as raised:
        check_edits(path, maps.scene.grid)
    one_sentence(raised.value, path)


def test_edits_come_back_as_they_were_written(tmp_path: Path):
    written = [Edit(box(1, 2, 9, 8), action, f"e{action}") for action in ACTIONS]
    write_edits(tmp_path / "edits.gpkg", written, products.CRS)
    assert read_edits(tmp_path / "edits.gpkg", products.CRS) == written
