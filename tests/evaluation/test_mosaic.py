"""The mosaic is scored tile by tile, each by the model of the fold that held it out."""

from __future__ import annotations

import json

import pytest

from evaluation import mosaic
from tests import products
from tests.examples import FAST, write_folder

pytestmark = pytest.mark.usefixtures("narrow_networks")


def call(*words: object) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["command", *map(str, words), *FAST])
        return mosaic.main()


def test_the_mosaic_and_its_tiles_are_scored_alike(tmp_path):
    root = products.placed(write_folder(tmp_path / "data", ("01_01", "01_02", "02_01", "02_02"), (64, 64)), 64)
    assert call("--data", root, "--out", tmp_path / "out") == 0
    told = json.loads((tmp_path / "out" / "mosaic.json").read_text())
    assert set(told["mcc"]) == {"tile by tile", "mosaic, overlap 0.5", "mosaic, overlap 0.25"}
    assert str(tmp_path) not in told["command"]
    for mcc in told["mcc"].values():
        assert mcc > 0.8, "brightness tells the example's halves apart wherever they lie"


def test_tiles_without_coordinates_are_one_sentence(tmp_path, capsys):
    root = write_folder(tmp_path / "data", ("01_01", "01_02"), (64, 64))
    assert call("--data", root, "--out", tmp_path / "out") == 2
    assert "has no coordinate system" in capsys.readouterr().err
