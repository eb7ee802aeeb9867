"""The demo runs from mosaics to F1, and the commands are a table."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import geopandas as gpd
import pytest

from evaluation.lakes_tables import lakes_block
from lakes.__main__ import COMMANDS, main


def test_the_whole_chain(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    small = "--side 192 --basins 12 --steps 2 --device cpu --jobs 1"
    words = [*small.split(), "--out", str(tmp_path)]
    assert main(["demo", *words]) == 0
    results = json.loads((tmp_path / "lakes.json").read_text())
    scores = results["scores"]
    assert list(scores) == ["first network", "second network", "colour rule", "NDWI for ice", "combination"]
    for one in scores.values():
        assert one["right"] + one["missed"] == results["lakes"]
    table = gpd.read_file(tmp_path / "lakes.gpkg")
    assert list(table.columns) == ["image", "region_num", "rule", "geometry"]
    for name in ("lakes.png", "report.html", "judged.gpkg"):
        assert (tmp_path / name).stat().st_size > 1000
    shown = capsys.readouterr().out
    for name in ("regions", "prepare", "train", "predict", "sinks", "colours", "combine", "report"):
        assert f"$ python -m lakes {name} " in shown
    block = lakes_block(results)
    assert all(f"| {name} | " in block for name in scores)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example(name: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit, match="0"):
        main([name, "--help"])
    assert f"example: python -m lakes {name} " in " ".join(capsys.readouterr().out.split())
    assert hasattr(importlib.import_module(COMMANDS[name][0]), "run")


def test_no_such_command(capsys: pytest.CaptureFixture[str]):
    assert main(["paint"]) == 2
    assert "is no command; give one of regions, " in capsys.readouterr().err
    assert main([]) == 2
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in COMMANDS)
