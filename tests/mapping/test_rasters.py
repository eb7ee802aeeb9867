"""What both members say of a scene, gathered from the files of its parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fusion.fuse import agreement, log_odds
from fusion.layout import Layout
from mapping.parts import write_part
from mapping.rasters import LEAST_STEP, agreement_in

LAYOUT = Layout(300, 170, 64, 0.0, 1)


def kept(folder: Path, unet: np.ndarray, gbm: np.ndarray) -> float | None:
    """The agreement of scores (300, 170) that lie in the files of parts, of which the last one saw nothing."""
    *parts, empty = LAYOUT.parts()
    for part in parts:
        row, column, rows, columns = LAYOUT.core(part)
        beyond = [(0, rows), (0, columns)]
        write_part(folder, part, [np.pad(one, beyond)[row:, column:][:rows, :columns] for one in (unet, gbm)])
    write_part(folder, empty, [np.zeros((0, 0), np.float32)] * 2)
    return agreement_in(folder, LAYOUT)


def scores(loudness: float, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Those of two members that agree but for noise of some loudness, float32 (300, 170) each."""
    random = np.random.default_rng(0)
    gbm, noise = random.normal(size=(2, LAYOUT.height, LAYOUT.width)).astype(np.float32)
    unet, gbm = (1 / (1 + np.exp(-np.clip(one + shift, -4, 4))) for one in (gbm + loudness * noise, gbm))
    return unet, gbm


@pytest.mark.parametrize("loudness", [0.1, 1.0, 10.0])
def test_how_far_both_members_agree_is_told_from_all_parts(tmp_path: Path, loudness: float):
    unet, gbm = scores(loudness)
    found, seen = kept(tmp_path, unet, gbm), np.ones(unet.shape, bool)
    row, column, *_ = LAYOUT.core(LAYOUT.parts()[-1])
    seen[row:, column:] = False
    rows = np.flatnonzero(np.arange(LAYOUT.height) % LEAST_STEP == 0)
    said = [log_odds(one)[rows][seen[rows]] for one in (unet, gbm)]
    assert found == pytest.approx(agreement(np.stack(said, axis=1)), abs=1e-5)
    assert found == pytest.approx((1 + loudness**2) ** -0.5, abs=0.03), "as of the whole"


def test_where_neither_finds_a_glacier_there_is_nothing_to_agree_on(tmp_path: Path):
    assert kept(tmp_path, *scores(1.0, shift=-9.0)) is None
