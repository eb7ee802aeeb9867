"""Channels of a window, taken relative to the window instead of to what it was cut from."""

from __future__ import annotations

import numpy as np
import pytest

from features.levels import relative_rows, tile_levels
from features.stack import build_stack
from fusion.windowed import to_own_levels

NAMES = ("green", "thermal.scene", "ndsi.rank", "swir1.scene")


@pytest.mark.parametrize("thermal", [True, False])
def test_a_window_gets_the_channels_that_it_has_on_its_own(make_tile, thermal: bool):
    tile = make_tile((60, 70), nodata=0.3, thermal=thermal)
    levels = tile_levels(tile, relative_rows(NAMES))
    window = tile.crop(8, 16, 32, 40)
    array = build_stack(tile, NAMES, levels).array[:, 8:40, 16:56].copy()
    to_own_levels(array, NAMES, window, levels)
    np.testing.assert_allclose(array, build_stack(window, NAMES).array, atol=1e-4)
