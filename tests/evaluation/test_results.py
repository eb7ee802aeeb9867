"""Results files and the README's table made from them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from errors import OutputError
from evaluation import results as results_module
from evaluation.results import BEGIN, COLUMNS, END, markdown, rounded, update_readme, write_results
from evaluation.systems import SYSTEMS, Scored, summary

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def results() -> dict[str, object]:
    truth = np.eye(4, dtype=bool)
    valid = np.ones((4, 4), bool)
    masks = [Scored("01", truth, truth, valid), Scored("02", ~truth, truth, valid)]
    scores = {system: summary(masks, [["01"], ["02"]]) for system in SYSTEMS}
    return {"command": "made for a test", "folds": [["01"], ["02"]], "extra_tiles": 0, "next_door": scores, "elsewhere": scores}


def test_files_hold_every_system(results, tmp_path: Path):
    write_results(tmp_path, results)
    read = json.loads((tmp_path / "cross_validation.json").read_text())
    assert set(read["next_door"]) == set(SYSTEMS)
    rows = list(csv.reader((tmp_path / "cross_validation.csv").open()))
    assert rows[0][2:] == list(COLUMNS)
    assert [(row[0], row[1]) for row in rows[1:]] == [(place, one) for place in ("next_door", "elsewhere") for one in SYSTEMS]


def test_the_readme_is_replaced_between_its_markers(results, tmp_path: Path):
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{BEGIN}\nstale\n{END}\nafter\n")
    update_readme(readme, results)
    text = readme.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "stale" not in text
    assert markdown(results) in text
    update_readme(readme, results)
    assert readme.read_text() == text


def test_a_readme_without_markers_is_left_alone(results, tmp_path: Path):
    (tmp_path / "README.md").write_text("nothing")
    with pytest.raises(OutputError, match="markers"):
        update_readme(tmp_path / "README.md", results)


def test_the_projects_table_is_the_one_of_its_results():
    shipped = json.loads((ROOT / "results" / "cross_validation.json").read_text(encoding="utf-8"))
    assert markdown(shipped) in (ROOT / "README.md").read_text(encoding="utf-8")


def test_missing_results_are_one_sentence(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["results.py", "--data", str(tmp_path / "none.json")])
    assert results_module.main() == 2
    assert "none.json" in capsys.readouterr().err


def test_rounding_keeps_structure():
    assert rounded({"a": [0.123456, "b"], "c": (1, 2.00001)}) == {"a": [0.1235, "b"], "c": [1, 2.0]}
