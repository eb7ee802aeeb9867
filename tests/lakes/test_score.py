"""The organisers' five steps, each with a worked example, and the command."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakes.__main__ import main
from lakes.polygons import write_lakes
from lakes.score import (
    AREA,
    NO_LAKE,
    OVERLAPS,
    TAKEN,
    Counts,
    best_of_lake,
    fits,
    judge,
    own_lakes,
    score,
    self_overlapping,
)
from tests.lakes.drawn import lakes, square

LAKE = square(10, 10, 10)  # 100 pixels


def shapes(*drawn: object) -> np.ndarray:
    return np.array(drawn, dtype=object)


def test_step_1_polygons_that_overlap_each_other_are_false():
    found = self_overlapping(shapes(square(0, 0, 4), square(3, 0, 4), square(7, 0, 4), square(50, 0, 4)))
    assert found.tolist() == [True, True, False, False], "a common edge is no overlap"


def test_step_2_the_lake_overlapped_most_is_its_own():
    own, common = own_lakes(shapes(square(0, 0, 10), square(80, 0, 3)), shapes(square(8, 0, 9), square(-5, 0, 9)))
    assert own.tolist() == [1, -1]
    assert common.tolist() == [4 * 9 * 1e4, 0]


@pytest.mark.parametrize(("share", "right"), [(0.49, False), (0.5, True), (1.0, True), (1.6, True), (1.61, False)])
def test_step_3_areas_of_50_to_160_percent_fit(share: float, right: bool):
    assert fits(np.array([100 * share]), np.array([100.0])).tolist() == [right]


def test_step_4_a_lake_is_found_once():
    own, common = np.array([0, 0, 1, 0]), np.array([3.0, 5.0, 1.0, 9.0])
    assert best_of_lake(own, common, np.array([True, True, True, False])).tolist() == [False, True, True, False]


def test_step_5_counts_of_all_images_and_regions_are_summed():
    truth = [lakes(LAKE, square(40, 10, 10)), lakes(LAKE, region_num=2), lakes(LAKE, image="b.tif")]
    found = [lakes(LAKE, square(70, 10, 10)), lakes(LAKE, region_num=3), lakes(LAKE, image="b.tif")]
    counts = score(*(gpd.pd.concat(tables, ignore_index=True) for tables in (found, truth)))
    assert counts == Counts(right=2, false=2, missed=2)
    assert counts.f1 == 2 * 2 / (2 * 2 + 2 + 2)


def test_every_reason_is_told():
    found = lakes(square(10, 10, 7, 8), square(17, 10, 3, 10).buffer(-1), square(90, 0, 3), square(40, 0, 5))
    twins = lakes(*found.geometry, square(60, 0, 5), square(62, 0, 5))
    whys, own = judge(twins, lakes(LAKE, square(40, 0, 12)))
    assert whys == ["", AREA, NO_LAKE, AREA, OVERLAPS, OVERLAPS]
    assert own.tolist() == [0, 0, -1, 1, -1, -1]
    assert judge(lakes(square(10, 10, 10, 5), square(10, 15, 10, 5)), lakes(LAKE))[0] == ["", TAKEN]


def test_nothing_found_and_nothing_there():
    assert score(lakes(), lakes(LAKE)) == Counts(0, 0, 1)
    assert score(lakes(LAKE), lakes()) == Counts(0, 1, 0)
    assert score(lakes(), lakes()).f1 == 0


@given(st.lists(st.tuples(*[st.integers(0, 12)] * 2, st.integers(1, 6)), max_size=12))
def test_counts_add_up(drawn):
    """Every polygon is right or false, every lake found or missed; the truth against itself is all right."""
    table, truth = lakes(*(square(*one) for one in drawn)), lakes(square(0, 0, 5), square(8, 8, 6))
    counts = score(table, truth)
    assert counts.right + counts.false == len(table)
    assert counts.right + counts.missed == len(truth)
    assert score(truth, truth) == Counts(2, 0, 0)


def test_the_command_writes_what_it_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_lakes(lakes(LAKE, square(70, 10, 10)), tmp_path / "s.gpkg")
    write_lakes(lakes(LAKE, square(40, 10, 10)), tmp_path / "t.gpkg")
    assert main(["score", str(tmp_path / "s.gpkg"), str(tmp_path / "t.gpkg"), "--out", str(tmp_path)]) == 0
    results = json.loads((tmp_path / "score.json").read_text())
    assert results["all"] == {"right": 1, "false": 1, "missed": 1, "f1": 0.5}
    assert results["false_because"] == {NO_LAKE: 1}
    table = gpd.read_file(tmp_path / "judged.gpkg")
    assert sorted(table["verdict"]) == ["false", "missed", "right"]
    assert "0.500" in capsys.readouterr().out


def test_a_submission_without_its_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    lakes(LAKE).drop(columns="region_num").to_file(tmp_path / "s.gpkg")
    assert main(["score", str(tmp_path / "s.gpkg"), str(tmp_path / "s.gpkg"), "--out", str(tmp_path / "out")]) == 2
    assert "lacks the column region_num" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
