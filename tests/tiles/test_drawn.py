"""Pictures of glaciers on chips: shades become truth and nodata, and what does not fit is one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from errors import RasterError
from tests.examples import example_tile
from tiles.drawn import GLACIER, GROUND, UNKNOWN, drawn_chips


def drawn(folder: Path, name: str, shades: np.ndarray) -> Path:
    Image.fromarray(shades.astype(np.uint8)).save(folder / f"{name}.png")
    return folder / f"{name}.png"


def test_shades_are_glacier_ground_and_nodata(tmp_path: Path):
    chip, truth = example_tile()
    shades = np.where(truth, GLACIER, GROUND)
    shades[:, -5:] = UNKNOWN
    drawn(tmp_path, chip.tile_id, shades)
    ((tile, found),) = drawn_chips([chip], tmp_path)
    np.testing.assert_array_equal(tile.valid, chip.valid & (shades != UNKNOWN))
    np.testing.assert_array_equal(found, truth & tile.valid)
    for band, values in tile.bands.items():
        np.testing.assert_array_equal(values, np.where(tile.valid, chip.bands[band], 0))


def test_a_chip_without_a_picture_is_left_out(tmp_path: Path):
    first, _ = example_tile()
    other, _ = example_tile((30, 20))
    drawn(tmp_path, first.tile_id, np.zeros(first.shape))
    (only,) = drawn_chips([first, type(other)("another", other.bands, other.valid)], tmp_path)
    assert only.tile.tile_id == first.tile_id


@pytest.mark.parametrize("kind", ["none", "text", "half", "larger", "shades"])
def test_what_does_not_fit_is_named(tmp_path: Path, kind: str, one_sentence):
    chip, truth = example_tile()
    path = tmp_path
    if kind != "none":
        larger = np.zeros((chip.shape[0] + 1, chip.shape[1]))
        path = drawn(tmp_path, chip.tile_id, {"larger": larger, "shades": truth * 3}.get(kind, truth * GLACIER))
    if kind in ("text", "half"):
        path.write_bytes(b"no picture" if kind == "text" else path.read_bytes()[:60])
    with pytest.raises(RasterError) as caught:
        drawn_chips([chip], tmp_path)
    one_sentence(caught.value, path)
