"""Folds: every tile in one fold, blocks contiguous, sizes as equal as can be."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import TrainingError
from scores.folds import contiguous_folds


@given(tiles=st.integers(2, 60), folds=st.integers(2, 12), seed=st.integers(0, 99))
def test_laws_of_folds(tiles, folds, seed):
    ids = [f"{number // 9:02d}_{number % 9:02d}" for number in range(tiles)]
    shuffled = random.Random(seed).sample(ids, len(ids))
    if tiles < folds:
        with pytest.raises(TrainingError):
            contiguous_folds(shuffled, folds)
        return
    blocks = contiguous_folds(shuffled, folds)
    assert len(blocks) == folds
    assert [tile_id for block in blocks for tile_id in block] == ids, "in sorted order, each tile once"
    sizes = [len(block) for block in blocks]
    assert min(sizes) >= 1
    assert max(sizes) - min(sizes) <= 1
    assert contiguous_folds(ids, folds) == blocks, "the order given does not matter"


def test_twenty_tiles_make_four_folds_of_five():
    ids = [f"{number:03d}" for number in range(20)]
    assert contiguous_folds(ids) == [ids[0:5], ids[5:10], ids[10:15], ids[15:20]]


@pytest.mark.parametrize(("tiles", "folds"), [(0, 4), (3, 4), (5, 1), (5, 0), (5, -2)])
def test_folds_that_cannot_be(tiles, folds, one_sentence):
    with pytest.raises(TrainingError) as error:
        contiguous_folds([str(number) for number in range(tiles)], folds)
    one_sentence(error.value, f"{tiles} tile(s)")
