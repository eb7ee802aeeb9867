"""The README's tables are those of the results files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from errors import OutputError
from evaluation import readme as readme_module
from evaluation.readme import cross_validation_block, markers, table, update_readme
from tests.examples import example_results

ROOT = Path(__file__).resolve().parents[2]
INFERENCE = {
    "tiles": 2, "threads": 2, "python": "3.11", "torch": "2.13", "start_up_s": 1.0, "all_stages_s_per_tile": 1.5,
    "median_s_per_tile": {"read": 0.1, "write": 0.2}, "peak_memory_mib": 900.0,
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "cross_validation.json").write_text(json.dumps(example_results()))
    (tmp_path / "inference.json").write_text(json.dumps(INFERENCE))
    blocks = [f"{begin}\nstale\n{end}" for begin, end in map(markers, ("scores", "inference"))]
    (tmp_path / "README.md").write_text("\n".join(["before", *blocks, "after"]))
    return tmp_path


def test_blocks_are_replaced_and_the_rest_is_kept(folder: Path):
    update_readme(folder / "README.md", folder)
    text = (folder / "README.md").read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter")
    assert "stale" not in text
    assert cross_validation_block(example_results()) in text
    assert "1.50 s" in text
    update_readme(folder / "README.md", folder)
    assert (folder / "README.md").read_text() == text


@pytest.mark.parametrize("missing", ["README.md", "cross_validation.json", "inference.json"])
def test_what_is_missing_is_one_sentence(missing: str, folder: Path, monkeypatch, capsys):
    if missing == "README.md":
        (folder / missing).write_text("nothing")
    else:
        (folder / missing).unlink()
    before = (folder / "README.md").read_text()
    monkeypatch.setattr("sys.argv", ["readme.py", "--data", str(folder), "--out", str(folder / "README.md")])
    assert readme_module.main() == 2
    assert missing in capsys.readouterr().err
    assert (folder / "README.md").read_text() == before
    with pytest.raises(OutputError):
        update_readme(folder / "README.md", folder)


def test_the_projects_tables_are_up_to_date(tmp_path: Path):
    copy = Path(shutil.copy(ROOT / "README.md", tmp_path))
    update_readme(copy, ROOT / "results")
    assert copy.read_text(encoding="utf-8") == (ROOT / "README.md").read_text(encoding="utf-8")


def test_a_table_has_a_line_a_row():
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
