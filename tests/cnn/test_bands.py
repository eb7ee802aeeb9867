"""The bands that a network looks at are found by gradients and by permutation."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
import torch
from torch import nn

from cnn import bands, train
from cnn.contribution import Sample, gradient_contributions, interval, permutation_drops, rank_correlation
from cnn.network_model import Card, NetworkModel
from patches.normalise import Normalisation
from tests.pictures import write_stack

pytestmark = pytest.mark.usefixtures("narrow_networks")


@pytest.fixture
def model():
    """Three quarters of its logit come from the first band, a quarter from the third, nothing from the second."""
    network = nn.Conv2d(3, 1, 1)
    network.weight.data = torch.tensor([3.0, 0.0, -1.0]).view(1, 3, 1, 1)
    network.bias.data.zero_()
    scaling = Normalisation("measured", (0.0,) * 3, (1.0,) * 3)
    return NetworkModel(
        network, Card("test", ("a", "b", "c"), "binary", 1, 16, 1, "hann", scaling), torch.device("cpu")
    )


@pytest.fixture
def samples():
    random = np.random.default_rng(0)
    found = []
    for _ in range(4):
        channels = random.normal(size=(3, 12, 12)).astype(np.float32)
        truth = (3 * channels[0] - channels[2] > 0).astype(np.uint8)
        found.append(Sample(channels, truth, random.random((12, 12)) > 0.2))
    return found


def test_gradients_of_a_linear_network_are_its_weights(model, samples):
    np.testing.assert_allclose(gradient_contributions(model, samples), [[75, 0, 25]] * 4, atol=1e-4)


def test_permuting_what_is_not_seen_costs_nothing(model, samples):
    drops = permutation_drops(model, samples, [[0], [1], [2], [0, 1, 2]], np.random.default_rng(1))
    assert drops[1] == 0
    assert drops[0] > drops[2] > 0.05
    assert drops[3] == pytest.approx(1, abs=0.2), "all bands together move whole pixels"


def test_the_interval_holds_the_mean_and_narrows():
    random = np.random.default_rng(0)
    few, many = random.normal(5, 1, (10, 2)), random.normal(5, 1, (400, 2))
    widths = []
    for each in (few, many):
        mean, low, high = interval(each, random)
        assert ((low < mean) & (mean < high)).all()
        widths.append((high - low).mean())
    assert widths[1] < widths[0] / 3


def test_rank_correlation():
    assert rank_correlation(np.array([1, 5, 2]), np.array([10, 30, 20])) == pytest.approx(1)
    assert rank_correlation(np.array([1, 5, 2]), np.array([3, 1, 2])) == pytest.approx(-1)
    assert rank_correlation(np.array([1, 1, 1]), np.array([3, 1, 2])) == 0


def test_the_command_ranks_and_trains_again(tmp_path, monkeypatch, capsys):
    data, out = write_stack(tmp_path / "data", (120, 32), 4).parent, tmp_path / "out"

    def call(module, *words):
        monkeypatch.setattr(sys, "argv", [module.__name__, *map(str, words)])
        return module.main()

    words = ["--arch", "compact_unet", "--data", data, "--out", out, "--patch", "16", "--batch", "4", "--steps", "2"]
    assert call(train, *words, "--device", "cpu", "--views", "1") == 0
    base = [
        "--model",
        out / "model.pt",
        out / "model.pt",
        "--data",
        data,
        "--out",
        tmp_path / "bands",
        "--device",
        "cpu",
    ]
    assert call(bands, *base, "--top", "2", "--retrain") == 0
    found = json.loads((tmp_path / "bands" / "bands.json").read_text())
    assert sum(row["share_percent"] for row in found["models"][0]["bands"]) == pytest.approx(100)
    assert found["between_models"] == [pytest.approx(1)]
    assert {name: len(one["bands"]) for name, one in found["retrained"].items()} == {"all": 4, "best": 2, "random": 2}
    assert (tmp_path / "bands" / "bands.png").stat().st_size > 1000
    assert (tmp_path / "bands" / "bands.csv").read_text().count("\n") == 5
    capsys.readouterr()
    assert call(bands, *base, "--top", "5") == 2
    assert "--top 5" in capsys.readouterr().err
