"""Every coding of a scene gives the same glacier mask, as a tile and as a GeoTIFF; doubtful pixels are told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from fusion.hybrid import HybridModel
from fusion.model_file import load_model, save_model
from fusion.windowed import predict
from mapping import __main__ as command
from tests import products
from tests.codings import CODINGS, Bands, physical_tile, synthetic_numbers, write_tile
from tests.examples import example_model

ROOT = Path(__file__).resolve().parents[2]
MAPPED = ("level 2, float32, tag 0", "0..1, NaN", "0..1, -9999", "0..1, zeros", "times 10 000, -9999")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model() -> HybridModel:
    return load_model(ROOT / "model.pth", CPU)


@pytest.fixture(scope="module")
def synthetic() -> tuple[Bands, np.ndarray]:
    return synthetic_numbers()


@pytest.fixture(scope="module")
def expected(model: HybridModel, synthetic: tuple[Bands, np.ndarray]) -> np.ndarray:
    """The glaciers of the scene in the challenge's own numbers, bool (H, W)."""
    tile = physical_tile(*synthetic)
    assert (tile.bands["swir1"][tile.valid] < 0).mean() > 0.2
    mask = predict(model, tile, CPU, 1, 1).mask
    assert 0.1 < mask.mean() < 0.8
    return mask


@pytest.mark.parametrize("way", ["tile", "GeoTIFF"])
@pytest.mark.parametrize("name", MAPPED)
def test_any_coding_has_the_same_glaciers(name: str, way: str, model, synthetic, expected, read_only, tmp_path: Path):
    code, tag = CODINGS[name]
    coded = code(*synthetic)
    if way == "tile":
        tile = read_only(write_tile(tmp_path, coded, tag))
    else:
        tile = products.read_whole(products.write_bands(tmp_path / "s.tif", coded, tag), products.FIVE_BANDS)
    found = predict(model, tile, CPU, 1, 1).mask
    assert (found != expected).mean() <= (0.01 if "10 000" in name else 0.001)


def test_the_command_tells_doubtful_pixels(synthetic, tmp_path: Path, monkeypatch, capsys):
    """Reflectance that was clipped at 0 is mapped, with a note on screen and in metrics.json."""
    numbers, valid = synthetic
    coded = {band: np.maximum(values, 0) for band, values in CODINGS["0..1, zeros"][0](numbers, valid).items()}
    path = products.write_bands(tmp_path / "s.tif", coded, None)
    save_model(example_model(), tmp_path / "model.pth")
    words = [
        "mapping",
        path,
        "--bands",
        products.FIVE_BANDS,
        "--model",
        tmp_path / "model.pth",
        "--out",
        tmp_path / "o",
    ]
    monkeypatch.setattr("sys.argv", [str(word) for word in words])
    assert command.main() == 0
    note, unsure, edge = [line for line in capsys.readouterr().err.splitlines() if line.startswith("note: ")]
    alone = (coded["swir1"] == 0) & np.any([coded[band] != 0 for band in ("blue", "green", "red")], axis=0)
    assert f"note: s: {alone.sum()} of {valid.size} pixels" in note
    assert "certain of few pixels" in unsure
    assert "of the edge pixels of its ice border nodata" in edge
    told = json.loads((tmp_path / "o" / "metrics.json").read_text())["notes"]
    assert told == [line.removeprefix("note: ") for line in (note, unsure, edge)]
