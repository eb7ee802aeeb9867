"""Corrections: none changes nothing, one moves what is like its centres, and all roads give the same mask."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from baseline.gbm import cells_of
from errors import ModelFileError
from fusion.correction import Correction, correction_offset, scaled
from fusion.fuse import fused_probability
from fusion.hybrid import predict_tile
from fusion.layout import Layout
from fusion.model_file import content_digest, correction_content, load_model, read_correction, save_model
from fusion.windowed import levels_for, map_part, predict
from tests.examples import example_model, example_tile

CPU = torch.device("cpu")


def correction(weight: float = 20.0) -> Correction:
    """Moves what is as dark in NDSI as rock."""
    mean, scale = np.zeros(2, np.float32), np.full(2, 0.5, np.float32)
    return Correction(scaled(np.array([[-0.3, 0.0]]), mean, scale), np.array([weight], np.float32), mean, scale)


def test_no_offset_gives_the_same_bytes():
    random = np.random.default_rng(0)
    unet, gbm = random.random((2, 9, 7)).astype(np.float32)
    valid = random.random((9, 7)) > 0.2
    fusion = example_model().fusion
    without = fused_probability(fusion, unet, gbm, valid)
    np.testing.assert_array_equal(without, fused_probability(fusion, unet, gbm, valid, np.zeros((0, 9, 7), np.float32)))


def test_it_moves_what_is_like_its_centre_and_nothing_else():
    tile, truth = example_tile()
    model = replace(example_model(), corrections=(correction(),))
    before, after = predict_tile(example_model(), tile, CPU).mask, predict_tile(model, tile, CPU).mask
    assert after[~truth & tile.valid].mean() > 0.9
    np.testing.assert_array_equal(after[truth], before[truth])
    assert not after[~tile.valid].any()


def test_what_lacks_a_channel_has_an_offset_all_the_same():
    tile, _ = example_tile()
    cells = cells_of(example_model().gbm, tile)
    cells.array[1] = np.nan
    assert np.isfinite(correction_offset(correction(), cells, tile.valid)).all()


def test_it_comes_back_from_its_file(tmp_path: Path):
    tile, _ = example_tile()
    model = replace(example_model(), corrections=(correction(), correction(-3.0)))
    save_model(model, tmp_path / "model.pth")
    loaded = load_model(tmp_path / "model.pth", CPU)
    assert len(loaded.corrections) == 2
    np.testing.assert_array_equal(
        predict_tile(model, tile, CPU).probability, predict_tile(loaded, tile, CPU).probability
    )


def test_a_file_of_the_third_format_has_none(tmp_path: Path):
    save_model(example_model(), tmp_path / "model.pth")
    content = torch.load(tmp_path / "model.pth", weights_only=True)
    del content["corrections"], content["digest"]
    content["format"] = "glacier-hybrid 3"
    content["digest"] = content_digest(content)
    torch.save(content, tmp_path / "model.pth")
    assert load_model(tmp_path / "model.pth", CPU).corrections == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("weights", torch.tensor([float("nan")])),
        ("weights", torch.zeros(2)),
        ("scale", torch.zeros(2)),
        ("centres", torch.zeros((1, 3))),
        ("mean", torch.zeros(2, dtype=torch.float64)),
    ],
)
def test_a_damaged_one_is_named(name: str, value: torch.Tensor):
    content = {**correction_content(correction()), name: value}
    with pytest.raises(ModelFileError, match="damaged correction"):
        read_correction(content, 2, "model.pth")


def test_windows_give_what_the_whole_tile_gives(monkeypatch: pytest.MonkeyPatch):
    tile, _ = example_tile((160, 176))
    model = replace(example_model(), corrections=(correction(),))
    layout = Layout(*tile.shape, 128, 0.5, 1)
    levels = levels_for(model, tile)
    offset = np.zeros(tile.shape, np.float32)
    for part in layout.parts():
        _, _, piece = map_part(model, tile.around, layout, part, levels, CPU)
        row, column, rows, columns = layout.core(part)
        here = offset[row : row + rows, column : column + columns]
        here[:] = piece[: here.shape[0], : here.shape[1]]
    expected = correction_offset(model.corrections[0], cells_of(model.gbm, tile), tile.valid)
    np.testing.assert_allclose(np.where(tile.valid, offset, 0), expected, atol=1e-3)
    monkeypatch.setattr("fusion.windowed.LARGE", 100)
    large, whole = predict(model, tile, CPU), predict_tile(model, tile, CPU)
    assert (large.mask != whole.mask).mean() < 0.001
