"""Results files."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from evaluation.results import COLUMNS, rounded, write_results
from evaluation.systems import SYSTEMS
from tests.examples import example_results


def test_files_hold_every_system(tmp_path: Path):
    results = example_results()
    write_results(tmp_path, results)
    read = json.loads((tmp_path / "generalisation.json").read_text())
    assert set(read["next_door"]) == set(SYSTEMS)
    rows = list(csv.reader((tmp_path / "generalisation.csv").open()))
    assert rows[0][3:] == list(COLUMNS)
    places = ["next door", "elsewhere", "snow", "leave one site out"]
    assert [(row[0], row[2]) for row in rows[1:]] == [(place, one) for place in places for one in SYSTEMS]
    shifts = list(csv.reader((tmp_path / "shifts.csv").open()))
    assert shifts[1] == ["no thermal band", "NDSI", "-0.1000", "-0.1000"]  # two opposite masks have MCC 0 together
    groups = list(csv.reader((tmp_path / "groups.csv").open()))
    assert groups[-1] == ["mean", SYSTEMS[-1], "0.5000"]
    strata = list(csv.reader((tmp_path / "strata.csv").open()))
    assert len(strata) == 3
    assert len(strata[0]) == len(strata[1]) == 8


def test_rounding_keeps_structure():
    assert rounded({"a": [0.123456, "b"], "c": (1, 2.00001)}) == {"a": [0.1235, "b"], "c": [1, 2.0]}
