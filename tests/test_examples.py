"""Every program in examples/ runs as it stands, on data of its own."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from fusion.model_file import save_model
from tests.examples import example_model

ROOT = Path(__file__).resolve().parents[1]
PRINTED = {
    "read_tile.py": ["valid", "swir1", "thermal"],
    "compute_features.py": ["ndsi", "green.std7", "texture"],
    "map_scene.py": ["ice patches", "area_uncertainty_km2"],
    "compare_with_inventory.py": ["mcc", "boundary_f1_30m", "in the inventory"],
}
WRITTEN = {
    "read_tile.py": ["sample/Band5"],
    "compute_features.py": [],
    "map_scene.py": ["mask.tif", "outlines.gpkg", "report.html"],
    "compare_with_inventory.py": ["inventory.gpkg", "scores.json"],
}


def test_the_notebook_runs_from_top_to_bottom():
    """Its code cells run in one namespace, as Jupyter runs them; outputs are not committed."""
    notebook = json.loads((ROOT / "examples" / "map_a_scene.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] for cell in cells)
    names: dict[str, Any] = {}
    for cell in cells:
        exec(compile("".join(cell["source"]), "map_a_scene.ipynb", "exec"), names)
    mapped = names["mapped"]
    assert mapped.probability.shape == mapped.mask.shape == (128, 128)
    assert mapped.outlines["area_km2"].sum() > 1
    assert (names["folder"] / "maps" / "report.html").exists()


def test_every_example_is_run():
    assert {path.name for path in (ROOT / "examples").glob("*.py")} == set(PRINTED)


@pytest.mark.parametrize("name", PRINTED)
def test_an_example_does_what_it_says(name: str, tmp_path: Path, monkeypatch, capsys):
    words = [] if name == "compute_features.py" else ["--out", str(tmp_path / "out")]
    if name == "map_scene.py":  # trees and network of a moment, for what is mapped does not matter here
        save_model(example_model(), tmp_path / "model.pth")
        words += ["--model", str(tmp_path / "model.pth"), "--device", "cpu"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [name, *words])
    with pytest.raises(SystemExit) as left:
        runpy.run_path(str(ROOT / "examples" / name), run_name="__main__")
    shown = capsys.readouterr()
    assert left.value.code == 0, shown.err
    assert all(word in shown.out for word in PRINTED[name]), shown.out
    assert all((tmp_path / "out" / path).exists() for path in WRITTEN[name])
