"""The networks side by side: trained on two folds, scored on the others, kept from run to run."""

from __future__ import annotations

import json
import sys
from functools import partial

import pytest

from baseline.settings import GbmConfig
from cnn.settings import TrainingConfig
from evaluation import compare_networks, network_rows
from evaluation.network_rows import places_of
from evaluation.networks_table import networks_block
from tests.examples import write_folder

pytestmark = pytest.mark.usefixtures("narrow_networks")


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Runs the command on tiny tiles, with a hybrid to match."""
    tiles = tuple(f"0{row}_0{column}" for row in (1, 2) for column in (1, 2, 3, 4))
    data, other = write_folder(tmp_path / "data", tiles), write_folder(tmp_path / "other", ("80_01",))
    small = partial(TrainingConfig, crop=32, batch=2, imagenet=False, simulated_share=0.0)
    monkeypatch.setattr(network_rows, "TrainingConfig", small)
    monkeypatch.setattr(network_rows, "GbmConfig", partial(GbmConfig, trees=5, rows_per_tile=200, smallest_leaf=5))
    words = ["--data", data, "--elsewhere", other, "--out", tmp_path / "out", "--patch", "16", "--device", "cpu"]

    def run(*more) -> int:
        monkeypatch.setattr(sys, "argv", ["compare", *map(str, [*words, *more])])
        return compare_networks.main()

    return run


def test_rows_are_scored_elsewhere_and_kept(call, tmp_path, capsys):
    words = ["--arch", "compact_unet", "--arch", "hybrid", "--minutes", "0.0005", "--jobs", "1"]
    assert call(*words) == 0
    shown = capsys.readouterr().out
    results = json.loads((tmp_path / "out" / "networks.json").read_text())
    assert results["trained_on"] == ["01_01", "01_02", "01_03"]
    assert results["validated_on"] == ["01_04"]
    for row in results["rows"].values():
        assert set(row["places"]) == {"next door", "other"}
        assert set(row["places"]["next door"]["tiles"]) == {"02_01", "02_02", "02_03", "02_04"}
        assert row["steps"] >= 1
    assert networks_block(results) in shown
    assert str(tmp_path) not in json.dumps(results)
    before = (tmp_path / "out" / "networks.json").read_text()
    assert call(*words) == 0
    assert (tmp_path / "out" / "networks.json").read_text() == before, "nothing is trained or timed again"


def test_no_tile_is_both_learnt_from_and_scored(call, tmp_path, monkeypatch):
    seen = {}
    monkeypatch.setattr(compare_networks, "run", lambda options: seen.update(places=places_of(options)))
    assert call() == 0
    places = seen["places"]
    learnt = {image.name for subset in places.subsets.values() for image in subset}
    assert len(learnt) == 4
    assert not learnt & {image.name for images in places.scored.values() for image in images}


def test_no_time_is_refused(call, capsys):
    assert call("--minutes", "0") == 2
    assert "--minutes 0" in capsys.readouterr().err


def test_the_table_has_a_line_for_each_network():
    place = {"mcc": 0.5, "iou": 0.4, "tiles": {}}
    row = {
        "parameters": 4_000_000,
        "steps": 7,
        "seconds_a_tile": 0.25,
        "places": {"next door": place, "snow_sites": place},
    }
    results = {"rows": {"unetpp": row, "hybrid": row}, "trained_on": ["a"], "minutes": 20, "threads": 2, "command": "x"}
    lines = networks_block(results).splitlines()
    assert lines[2].startswith("| network | MCC, next door | MCC, snow sites | parameters")
    assert lines[4].startswith("| unetpp | 0.500 | 0.500 | 4.0 M | 7 | 0.25 | MCC 0.762 on the challenge's hidden")
    assert len({line.count("|") for line in lines[2:6]}) == 1, "as many titles as values"
    assert lines[5] == "| hybrid | 0.500 | 0.500 | 4.0 M | 7 | 0.25 | ours |"
