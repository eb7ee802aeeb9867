"""The tables of the documents are those of the results files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from errors import OutputError
from evaluation import readme as readme_module
from evaluation.adaptation_tables import AWAY, summary_of
from evaluation.generalisation_tables import scores_block
from evaluation.markdown import table
from evaluation.readme import DOCUMENTS, markers, update_document, update_documents
from evaluation.speed_tables import departure
from tests.examples import example_results

ROOT = Path(__file__).resolve().parents[2]
INFERENCE = {
    "tiles": 2, "data": "synthetic", "threads": 2,
    "python": "3.11", "torch": "2.13", "start_up_s": 1.0, "steady_s_per_tile": 1.5,
    "yardstick_s": 3.0, "import_torch_s": 0.8, "median_s_per_tile_one_thread": {"read": 0.1}, "peak_memory_mib": 900.0,
    "growth": {
        "tiles": {"2": {"seconds": 4.0, "peak_memory_mib": 800.0}},
        "sides": {"1024": {"seconds": 3.0, "peak_memory_mib": 950.0}},
    },
}  # fmt: skip

LAKES = {
    "command": "for a test", "arch": "a network", "steps": 2, "lakes": 9, "seconds": 5.0, "dates": ["2019-06-03"],
    "scores": {"combination": {"right": 7, "false": 1, "missed": 2, "f1": 0.8235}},
}  # fmt: skip
LAKES_SPEED = {
    "command": "for a test", "threads": 2, "combine": {"polygons": 100, "seconds": 0.5, "lakes": 9},
    "regions": {"side": 2000, "seconds": 3.0, "ratio": 1.25, "rasterio_alone_s": 2.4, "peak_memory_mib": 300.0},
    "sinks": {"side": 1000, "seconds": 4.0, "peak_memory_mib": 400.0, "sinks": 12},
}  # fmt: skip
BANDS = {
    "architecture": "a network", "subset": "validation", "patches": 8, "trained": "4 steps", "command": "for a test",
    "models": [{"bands": [
        {"band": "red", "share_percent": 40.0, "low_percent": 30.0, "high_percent": 50.0, "permutation_mcc_drop": 0.2},
        {"band": "blue", "share_percent": 60.0, "low_percent": 50.0, "high_percent": 70.0, "permutation_mcc_drop": 0.1},
    ]}],
    "retrained": {"best": {"bands": ["blue"], "mcc": 0.5, "iou": 0.4, "f1": 0.6}},
}  # fmt: skip
NETWORKS = {
    "command": "for a test", "minutes": 1.0, "threads": 1, "trained_on": ["03_05"], "validated_on": ["03_06"],
    "rows": {"unetpp": {
        "parameters": 36_000_000, "steps": 5, "seconds_a_tile": 2.5,
        "places": {"next door": {"mcc": 0.612, "iou": 0.5}},
    }},
}  # fmt: skip
SITE = {"start": 0.5, "random": {"0": {"5": [0.5, 0.7]}}, "suggested": {"0.1": {"5": [0.4]}}}
MARKS = {
    "command": "for a test", "draws": 2, "seconds": 9.0,
    "summary": summary_of({"snow": {"83_01": SITE}, "elsewhere": {"80_01": SITE}}),
}  # fmt: skip

MARKING = {
    "command": "for a test",
    "threads": 2,
    "side": 512,
    "rows": [{"marks": 5, "answered_s": 0.1, "redrawn_s": 0.2, "slowest_redrawn_s": 0.3}],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "generalisation.json").write_text(json.dumps(example_results()))
    (tmp_path / "inference.json").write_text(json.dumps(INFERENCE))
    one = {part: {"mcc": 0.5} for part in ("GBM", "U-Net", "hybrid")}
    (tmp_path / "ablation.json").write_text(
        json.dumps({"the recipe": {"command": "for a test", "next_door": one, "elsewhere": one}})
    )
    scene = {"valid_pixels": 2e6, "seconds": 4.0, "predicted_by_tiles_s": 2.0, "peak_memory_mib": 900.0, "threads": 2}
    scene.update(parts_thread_seconds=6.0, overlap=0.5)
    (tmp_path / "scenes.json").write_text(json.dumps({"large": scene}))
    (tmp_path / "mosaic.json").write_text(json.dumps({"command": "for a test", "mcc": {"tile by tile": 0.75}}))
    (tmp_path / "tried.json").write_text(json.dumps({"command": "for a test", "rows": [{"what": "rain"}]}))
    (tmp_path / "lakes.json").write_text(json.dumps(LAKES))
    (tmp_path / "lakes_speed.json").write_text(json.dumps(LAKES_SPEED))
    (tmp_path / "bands.json").write_text(json.dumps(BANDS))
    (tmp_path / "networks.json").write_text(json.dumps(NETWORKS))
    (tmp_path / "adaptation.json").write_text(json.dumps(MARKS))
    (tmp_path / "adapt_serve.json").write_text(json.dumps(MARKING))
    for name, blocks in DOCUMENTS.items():
        stale = [f"{begin}\nstale\n{end}" for begin, end in map(markers, blocks)]
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("\n".join(["before", *stale, "after"]))
    return tmp_path


def test_departure_from_a_line():
    assert departure({1: 3.0, 10: 12.0, 100: 102.0}) == pytest.approx(0, abs=1e-9), "start-up is not growth"
    assert departure({1: 1.0, 10: 10.0, 100: 200.0}) > 0.2


def test_blocks_are_replaced_and_the_rest_is_kept(folder: Path):
    update_documents(folder, folder)
    texts = {name: (folder / name).read_text() for name in DOCUMENTS}
    for text in texts.values():
        assert text.startswith("before\n")
        assert text.endswith("\nafter")
        assert "stale" not in text
    assert scores_block(example_results()) in texts["README.md"]
    assert "1.50 s" in texts["README.md"]
    assert "2 tiles 2.000 s each (800 MiB)" in texts["README.md"]
    assert "1024 pixels a side 0.750 s (950 MiB)" in texts["README.md"]
    assert "| 2.00 |" in texts["docs/mapping.md"]
    assert "| 10 | 0.5 h |" in texts["docs/scale.md"], "2350 scenes of 6 s of parts and 1 s of the rest, on 10 workers"
    assert "| tile by tile | 0.7500 |" in texts["docs/mapping.md"]
    assert f"| {AWAY} (2 sites) | random | 0.500 | 0.600 (+0.100) |" in texts["README.md"]
    assert "10% wrong" not in texts["README.md"]
    assert "| 5 | 0.10 | 0.20 | 0.30 |" in texts["docs/adapt.md"]
    assert "| snow (1 sites) | suggested, 10% wrong | 0.500 | 0.400 (-0.100) |" in texts["docs/adapt.md"]
    assert "| blue | 60.0 % (50.0 to 70.0) | 0.100 |\n| red |" in texts["docs/networks.md"]
    assert "| blue | 0.500 | 0.400 | 0.600 |" in texts["docs/networks.md"]
    assert "| unetpp | 0.612 | 36.0 M | 5 | 2.50 |" in texts["README.md"]
    assert "| the recipe | 0.500 |" in texts["docs/generalisation.md"]
    update_documents(folder, folder)
    assert {name: (folder / name).read_text() for name in DOCUMENTS} == texts


@pytest.mark.parametrize("missing", ["README.md", "generalisation.json", "inference.json"])
def test_what_is_missing_is_one_sentence(missing: str, folder: Path, monkeypatch, capsys):
    if missing == "README.md":
        (folder / missing).write_text("nothing")
    else:
        (folder / missing).unlink()
    before = (folder / "README.md").read_text()
    monkeypatch.setattr("sys.argv", ["readme.py", "--data", str(folder), "--out", str(folder)])
    assert readme_module.main() == 2
    assert missing in capsys.readouterr().err
    assert (folder / "README.md").read_text() == before
    with pytest.raises(OutputError):
        update_documents(folder, folder)


@pytest.mark.parametrize("name", list(DOCUMENTS))
def test_the_projects_tables_are_up_to_date(name: str, tmp_path: Path):
    copy = Path(shutil.copy(ROOT / name, tmp_path))
    update_document(copy, DOCUMENTS[name], ROOT / "results")
    assert copy.read_text(encoding="utf-8") == (ROOT / name).read_text(encoding="utf-8")


def test_a_table_has_a_line_a_row():
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_tables_of_lakes(tmp_path: Path):
    (tmp_path / "lakes.json").write_text(json.dumps(LAKES))
    (tmp_path / "lakes_speed.json").write_text(json.dumps(LAKES_SPEED))
    document = tmp_path / "lakes.md"
    document.write_text("\n".join("\n".join(markers(block)) for block in ("lakes", "lakes_speed")))
    update_document(document, ("lakes", "lakes_speed"), tmp_path)
    assert "| combination | 7 | 1 | 2 | 0.824 |" in document.read_text()
    assert "3.0 s, 1.25 times rasterio alone" in document.read_text()
