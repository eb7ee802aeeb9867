"""Each rule on drawn polygons, all of them together, and the command."""

from __future__ import annotations

import time
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakes.__main__ import main
from lakes.overlap import overlapping
from lakes.polygons import LAYER, write_lakes
from lakes.rules import NONE, Evidence, Rules, added, best_of_sinks, combine, of_similar_area, on_ice, with_evidence
from tests.lakes.drawn import IMAGE, lakes, square, write_regions


def shapes(*drawn: object) -> np.ndarray:
    return np.array(drawn, dtype=object)


LEFT, RIGHT, FAR = square(0, 0, 10), square(12, 0, 10), square(90, 0, 10)
SINK = square(8, 0, 8)  # touches both


def test_rule_i_the_best_of_a_sink_stays():
    blue = shapes(square(12, 0, 5))
    assert best_of_sinks(shapes(LEFT, RIGHT, FAR), shapes(SINK), blue).tolist() == [False, True, True]
    assert best_of_sinks(shapes(LEFT, square(12, 0, 3)), shapes(SINK), NONE).tolist() == [True, False], "the larger"
    own = shapes(SINK, square(-5, 0, 6))
    assert best_of_sinks(shapes(LEFT, RIGHT), own, blue).tolist() == [True, True], "the only one of another sink"


def test_rule_ii_without_sink_or_colour_it_goes():
    found = with_evidence(shapes(LEFT, RIGHT, FAR), shapes(square(-5, 0, 5)), shapes(square(90, 10, 2)))
    assert found.tolist() == [True, False, True], "a common edge is enough"


@pytest.mark.parametrize(("width", "back"), [(7.0, False), (7.1, True), (13.9, True), (14.0, False)])
def test_rule_iii_of_the_area_of_its_colour_it_comes_back(width: float, back: bool):
    assert of_similar_area(shapes(square(0, 0, width, 10)), shapes(LEFT), Rules()).tolist() == [back]


def test_rule_iii_asks_for_an_overlap():
    assert of_similar_area(shapes(RIGHT), shapes(LEFT), Rules()).tolist() == [False]


def test_rule_iv_adds_what_sam_has_not_seen():
    deeplab = shapes(LEFT, RIGHT, FAR, square(50, 0, 10))
    evidence = Evidence(sinks=shapes(square(0, 0, 10, 9), RIGHT), colours=shapes(square(90, 0, 10, 9)))
    assert added(deeplab, shapes(square(10, 0, 1)), evidence, Rules()).tolist() == [False, True, True, False]


def test_rule_v_what_lies_outside_the_ice_goes():
    found = on_ice(shapes(LEFT, square(3, 20, 10), square(6, 40, 10)), shapes(square(-50, 0, 60, 99)), Rules())
    assert found.tolist() == [True, True, False]


def test_all_rules_and_who_kept_what():
    evidence = Evidence(
        sinks=shapes(SINK, square(200, 0, 10)),
        colours=shapes(square(12, 0, 10), square(-2, 0, 11), square(30, 0, 4)),
        ice=shapes(square(-50, -50, 400, 400)),
    )
    sam = shapes(LEFT, RIGHT, FAR, square(31, 0, 10))
    found, rules = combine(sam, shapes(square(200, 0, 9), square(90, 2, 5)), evidence)
    assert dict(zip(rules, [one.bounds for one in found])) == {
        "iii": LEFT.bounds,  # overlaps less blue than its neighbour, but fits what it overlaps
        "i": RIGHT.bounds,
        "ii": square(31, 0, 10).bounds,
        "iv": square(200, 0, 9).bounds,
    }


def test_if_sam_found_nothing_deeplabs_stand_on_the_ice():
    evidence = Evidence(NONE, NONE, shapes(square(-50, 0, 70, 99)))
    found, rules = combine(NONE, shapes(LEFT, FAR), evidence)
    assert rules == ["DeepLab alone"]
    assert found[0].equals(LEFT)


def test_a_lake_in_the_hole_of_another_is_part_of_it():
    ring = square(0, 0, 20).difference(square(5, 5, 10))
    (found,), rules = combine(NONE, shapes(ring, square(8, 8, 2)), Evidence(NONE, NONE))
    assert found.equals(square(0, 0, 20))
    assert rules == ["DeepLab alone"]


@settings(max_examples=25)
@given(*[st.lists(st.tuples(*[st.integers(0, 30)] * 2, st.integers(1, 8)), max_size=15)] * 4)
def test_lakes_never_overlap(sam, deeplab, sinks, colours):
    drawn = [np.array([square(*one) for one in some], dtype=object) for some in (sam, deeplab, sinks, colours)]
    found, rules = combine(drawn[0], drawn[1], Evidence(drawn[2], drawn[3]))
    first, second, _ = overlapping(found, found)
    assert (first == second).all()
    assert len(rules) == len(found)


def test_ten_thousand_polygons_take_seconds():
    """2 500 of each kind, which no quadratic search would do in that time."""
    places = np.random.default_rng(0).uniform(0, 6000, (4, 2500, 2))
    drawn = [np.array([square(x, y, 20) for x, y in some], dtype=object) for some in places]
    start = time.process_time()
    found, _ = combine(drawn[0], drawn[1], Evidence(drawn[2], drawn[3]))
    assert time.process_time() - start < 5
    assert len(found) > 100


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    write_lakes(lakes(LEFT, FAR), tmp_path / "sam.gpkg")
    write_lakes(lakes(square(200, 0, 9)), tmp_path / "deeplab.gpkg")
    write_lakes(lakes(FAR, image="other_2019-07-31.tif"), tmp_path / "colours.gpkg")
    lakes(square(8, 0, 8), square(200, 0, 10)).to_file(tmp_path / "sinks.gpkg")
    lakes(square(-50, -50, 400, 400)).to_file(tmp_path / "ice.gpkg")
    write_regions(tmp_path / "regions.gpkg", square(-50, -50, 400, 400))
    words = [[f"--{name}", str(tmp_path / f"{name}.gpkg")] for name in ("sam", "deeplab", "sinks", "colours", "ice")]
    return [
        "combine",
        *sum(words, []),
        "--regions",
        str(tmp_path / "regions.gpkg"),
        "--out",
        str(tmp_path / "out.gpkg"),
    ]


@pytest.mark.parametrize("audit", [[], ["--audit"]])
def test_the_command_mixes_no_dates(
    files: list[str], audit: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main([*files, *audit]) == 0
    table = gpd.read_file(tmp_path / "out.gpkg", layer=LAYER)
    assert list(table.columns) == ["image", "region_num", *(["rule"] if audit else []), "geometry"]
    assert len(table) == 2, "the blue of another date proves nothing"
    assert set(table.geom_type) == {"Polygon"}
    assert f"has nothing of {IMAGE}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "drawn", "told"),
    [
        ("sinks", square(9000, 0, 5), "does not overlap with the lakes"),
        ("ice", square(9000, 0, 5), "has no ice in any region"),
        ("sam", None, "names the region 9, which is none"),
    ],
    ids=["sinks elsewhere", "ice elsewhere", "unknown region"],
)
def test_bad_input_is_one_sentence(
    name: str, drawn, told: str, files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    bad = lakes(drawn) if drawn else lakes(LEFT, region_num=9)
    write_lakes(bad, tmp_path / f"{name}.gpkg")
    assert main(files) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out.gpkg").exists()


@pytest.mark.parametrize("words", [[], ["--sam", "x.gpkg", "--smallest", "nan"]], ids=["no polygons", "nan"])
def test_bad_settings_are_one_sentence(words: list[str], capsys: pytest.CaptureFixture[str]):
    assert main(["combine", *words]) == 2
    assert capsys.readouterr().err.count("\n") == 1
