"""Damaged files end in a result or in a named error; a short run of tools/fuzz.py."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import GlacierError, RasterError
from fusion.model_file import save_model
from tests.examples import example_model
from tiles.raster import read_raster
from tools.fuzz import fuzz, good_tiffs, run_case

pytestmark = pytest.mark.usefixtures("narrow_networks")


def test_no_case_ends_otherwise(tmp_path):
    save_model(example_model(), tmp_path / "model.pth")
    endings = fuzz(300, 7, tmp_path / "out", tmp_path / "model.pth")
    assert sum(endings.values()) == 300
    assert not [ending for ending in endings if "WRONG" in ending]
    assert any("RasterError" in ending for ending in endings)
    assert any("ModelFileError" in ending for ending in endings)


def test_what_must_not_happen_is_noticed():
    assert run_case(lambda: 1 / 0).startswith("WRONG ZeroDivisionError")
    assert run_case(lambda: None) == "result"


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 7), st.integers(0, 10_000), st.binary(min_size=1, max_size=8))
def test_bytes_overwritten_anywhere_in_a_tiff(tmp_path_factory, number: int, place: int, piece: bytes):
    raw = bytearray(good_tiffs()[number])
    place %= len(raw)
    raw[place : place + len(piece)] = piece
    path = tmp_path_factory.getbasetemp() / "fuzzed.tif"
    path.write_bytes(bytes(raw))
    try:
        image, _ = read_raster(path)
    except GlacierError as problem:
        assert "fuzzed.tif" in str(problem)
    else:
        assert image.ndim == 2


def test_a_small_file_that_claims_a_huge_image_is_refused(tmp_path):
    path = tmp_path / "bomb.tif"
    tifffile.imwrite(path, np.zeros((8192, 8192), np.float32), compression="zlib", tile=(4096, 4096))
    with pytest.raises(RasterError, match=r"bomb\.tif: claims 268435456 bytes"):
        read_raster(path)


def test_a_chain_of_many_pages_is_not_followed(tmp_path):
    path = tmp_path / "many.tif"
    with tifffile.TiffWriter(path) as writer:
        for _ in range(200):
            writer.write(np.zeros((4, 4), np.uint8), contiguous=False)
    with pytest.raises(RasterError, match=r"many\.tif: holds an image"):
        read_raster(path)
