"""Marks in any coordinate system and any spelling; what cannot be understood is one sentence."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from adapt.marks import Mark, pixels_of, read_marks, write_marks
from adapt.store import Store
from errors import GridError, OutputError, VectorError
from scenes.grid import Grid

CRS = "EPSG:32643"
GRID = Grid(CRS, (30.0, 0.0, 600_000.0, 0.0, -30.0, 3_750_000.0), 40, 50)


def at(row: float, column: float) -> shapely.Point:
    return shapely.Point(600_000 + 30 * column, 3_750_000 - 30 * row)


def write(path: Path, values: list, crs: str | None = CRS, column: str = "glacier") -> Path:
    table = gpd.GeoDataFrame({column: values}, geometry=[at(5.5, 3.5 + number) for number in range(len(values))])
    table = table if crs is None else table.set_crs(CRS).to_crs(crs)
    table.to_file(path)
    return path


@pytest.mark.parametrize(
    "values",
    [[1, 0], [True, False], ["yes", "no"], ["Yes", "NO "], ["true", "False"], [1.0, 0.0], ["1", "0"], [1.0, 0.0, None]],
    ids=str,
)
def test_all_ways_to_say_it(tmp_path: Path, values: list):
    marks = read_marks(write(tmp_path / "marks.gpkg", values), CRS)
    assert [mark.glacier for mark in marks] == [True, False]
    assert [mark.mark_id for mark in marks] == ["1", "2"]


def test_another_coordinate_system_is_the_same_place(tmp_path: Path):
    (mark,) = read_marks(write(tmp_path / "marks.geojson", [1], "EPSG:4326"), CRS)
    np.testing.assert_array_equal(pixels_of(mark, GRID), [[5], [3]])


def test_what_is_written_is_read(tmp_path: Path):
    marks = [Mark(at(1, 2), True, "a"), Mark(shapely.box(600_000, 3_749_000, 600_100, 3_749_500), False, "b")]
    write_marks(tmp_path / "marks.gpkg", marks, CRS)
    assert read_marks(tmp_path / "marks.gpkg", CRS) == marks


@pytest.mark.parametrize(
    ("made", "problem", "words"),
    [
        (lambda path: write(path, [1], column="ice"), VectorError, "no column 'glacier'"),
        (lambda path: write(path, ["maybe"]), VectorError, "'maybe'"),
        (lambda path: write(path, [2]), VectorError, "holds"),
        (lambda path: write(path, [1], crs=None), GridError, "no coordinate system"),
        (lambda path: path.write_bytes(b"no vectors"), VectorError, "cannot be read as marks"),
    ],
    ids=["no column", "a word", "a number", "no CRS", "damaged"],
)
def test_what_cannot_be_understood_is_one_sentence(tmp_path: Path, one_sentence, made, problem, words: str):
    path = tmp_path / "marks.gpkg"
    made(path)
    with pytest.raises(problem, match=words) as raised:
        read_marks(path, CRS)
    one_sentence(raised.value, path)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, one_sentence):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError) as raised:
        write_marks(tmp_path / "file" / "marks.gpkg", [Mark(at(1, 1), True)], CRS)
    one_sentence(raised.value, "marks.gpkg")


def test_pixels_of_points_lines_and_polygons():
    assert pixels_of(Mark(at(5.2, 3.9), True), GRID).tolist() == [[5], [3]]
    line = pixels_of(Mark(shapely.LineString([at(5.5, 3.5), at(5.5, 8.5)]), True), GRID)
    assert set(map(tuple, line.T)) >= {(5, column) for column in range(3, 9)}
    square = shapely.box(at(10, 0).x, at(10, 0).y, at(3, 7).x, at(3, 7).y)
    assert pixels_of(Mark(square, True), GRID).shape == (2, 49)
    small = shapely.box(at(4.3, 0).x, at(4.3, 0).y, at(4.2, 0.1).x, at(4.2, 0.1).y)
    assert pixels_of(Mark(small, True), GRID).tolist() == [[4], [0]]
    assert pixels_of(Mark(at(4, 7), True), GRID).tolist() == [[4], [7]], (
        "a corner belongs to the pixel that begins there"
    )
    assert pixels_of(Mark(at(-3, 2), True), GRID).size == 0
    assert pixels_of(Mark(at(3, 90), True), GRID).size == 0


def test_every_mark_has_a_name_of_its_own(tmp_path: Path):
    """As when places are added in a GIS to a file that has names."""
    table = gpd.read_file(write(tmp_path / "marks.gpkg", [1, 1, 0, 0, 1]))
    table["id"] = ["1", None, "Mark 1", "a", "a"]
    table.to_file(tmp_path / "named.gpkg")
    assert [mark.mark_id for mark in read_marks(tmp_path / "named.gpkg", CRS)] == ["1", "row2", "row3", "row4", "row5"]
    table["id"] = [1, None, 3, 3, 5]
    table.to_file(tmp_path / "numbered.gpkg")
    names = [mark.mark_id for mark in read_marks(tmp_path / "numbered.gpkg", CRS)]
    assert names == ["1", "row2", "row3", "row4", "5"]


def test_two_files_that_number_their_marks_alike_are_both_kept(tmp_path: Path):
    marks = [Mark(at(row, 2), True, str(row)) for row in (1, 2)]
    others = [Mark(at(row, 9), False, str(row)) for row in (1, 2)]
    Store(tmp_path, CRS, marks)
    again = Store(tmp_path, CRS, [*others, *marks])
    assert [(mark.geometry, mark.glacier) for mark in again.content.marks] == [
        (mark.geometry, mark.glacier) for mark in (*marks, *others)
    ]
    assert again.change((), [again.content.marks[0].mark_id]).marks == again.content.marks
    assert len(read_marks(tmp_path / "marks.gpkg", CRS)) == 3
