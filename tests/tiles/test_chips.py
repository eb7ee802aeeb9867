"""Unlabelled chips: coding, nodata, and clear words about what is no such file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from errors import RasterError
from tiles.chips import read_chips


def write(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)
    return path


def numbers() -> np.ndarray:
    layers = np.full((5, 4, 6), 20_000, np.uint16)
    layers[4] = 36_000
    layers[:, 0, 0] = 0
    return layers


def test_numbers_become_reflectance_and_kelvin(tmp_path: Path):
    cold = numbers()
    cold[4] = 0
    with_thermal, without = read_chips(write(tmp_path / "chips.npz", a=numbers(), b=cold, c=cold * 0))
    assert with_thermal.bands["green"][1, 1] == pytest.approx(0.35)
    assert with_thermal.bands["thermal"][1, 1] == pytest.approx(272.05, abs=0.01)
    assert not with_thermal.valid[0, 0]
    assert with_thermal.bands["green"][0, 0] == 0
    assert not without.has_thermal


@pytest.mark.parametrize("kind", ["missing", "text", "shape", "pickled"])
def test_what_is_no_collection_is_named(tmp_path: Path, kind: str, one_sentence):
    path = tmp_path / "chips.npz"
    if kind == "text":
        path.write_text("no archive")
    elif kind == "shape":
        write(path, a=np.zeros((3, 4, 4), np.uint16))
    elif kind == "pickled":
        write(path, a=np.array([{"code": 1}], dtype=object))
    with pytest.raises(RasterError) as caught:
        read_chips(path)
    one_sentence(caught.value, path)
