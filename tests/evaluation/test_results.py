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
    read = json.loads((tmp_path / "cross_validation.json").read_text())
    assert set(read["next_door"]) == set(SYSTEMS)
    rows = list(csv.reader((tmp_path / "cross_validation.csv").open()))
    assert rows[0][2:] == list(COLUMNS)
    assert [(row[0], row[1]) for row in rows[1:]] == [
        (place, one) for place in ("next_door", "elsewhere") for one in SYSTEMS
    ]


def test_rounding_keeps_structure():
    assert rounded({"a": [0.123456, "b"], "c": (1, 2.00001)}) == {"a": [0.1235, "b"], "c": [1, 2.0]}
