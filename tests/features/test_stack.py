"""The stack of channels: names, nodata, missing bands, and symmetry under flips and turns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.channels import TRANSFORMS, parse_channel
from features.indices import INDICES
from features.stack import FeatureStack, build_stack
from tiles.tile import Tile

WINDOWS = (3, 7, 21)
TRANSFORMED = [
    f"{base}.{name}{window}"
    for base in ("green", "ndsi", "thermal")
    for name, transform in TRANSFORMS.items()
    for window in (WINDOWS if transform.windowed else ("",))
]
CHANNELS = [*INDICES, *TRANSFORMED]
SHAPE = st.tuples(st.integers(1, 15), st.integers(1, 15))
SEED = st.integers(0, 9999)
SYMMETRIES = {
    "upside down": lambda array: array[..., ::-1, :],
    "mirrored": lambda array: array[..., ::-1],
    "quarter turn": lambda array: np.rot90(array, 1, (-2, -1)),
    "half turn": lambda array: np.rot90(array, 2, (-2, -1)),
    "three quarters": lambda array: np.rot90(array, 3, (-2, -1)),
    "transposed": lambda array: np.swapaxes(array, -2, -1),
}
# A variance is a difference of means of squares: in float32 good to about 1e-6 of the mean square, which is
# 7e4 K^2 for kelvin. Other channels differ by rounding alone.
VARIANCE_TOLERANCE = {"green": 1e-4, "ndsi": 1e-4, "thermal": 0.1}


def changed(tile: Tile, change) -> Tile:
    bands = {band: np.ascontiguousarray(change(values)) for band, values in tile.bands.items()}
    return replace(tile, bands=bands, valid=np.ascontiguousarray(change(tile.valid)))


def assert_close(found: np.ndarray, expected: np.ndarray) -> None:
    """Two arrays of CHANNELS are the same up to rounding."""
    for name, one, other in zip(CHANNELS, found, expected):
        channel = parse_channel(name)
        base, transform, window = channel.row, channel.transform, channel.window
        tolerance = 1e-3 if base == "thermal" else 1e-4
        if transform == "std":  # compared as a variance
            one, other, tolerance = one**2, other**2, VARIANCE_TOLERANCE[base]
        if transform == "correlation":  # a quotient by the variance, compared where there is one
            variance = expected[CHANNELS.index(f"{base}.std{window}")] ** 2
            varied = variance > 100 * VARIANCE_TOLERANCE[base]
            one, other, tolerance = one[varied], other[varied], 0.02
        np.testing.assert_allclose(one, other, atol=tolerance, rtol=1e-4, err_msg=name)


@pytest.mark.parametrize("symmetry", SYMMETRIES)
@settings(max_examples=12)
@given(shape=SHAPE, seed=SEED, nodata=st.sampled_from([0.0, 0.1]))
def test_flips_and_turns_go_through(make_tile, symmetry, shape, seed, nodata):
    """The channels of the turned tile are the turned channels: no direction is special, no pixel is off by one."""
    turn, tile = SYMMETRIES[symmetry], make_tile(shape, seed, nodata)
    assert_close(build_stack(changed(tile, turn), CHANNELS).array, turn(build_stack(tile, CHANNELS).array))


@settings(max_examples=12)
@given(shape=SHAPE, seed=SEED, margins=st.tuples(*[st.integers(0, 6)] * 4))
def test_a_margin_of_nodata_changes_nothing(make_tile, shape, seed, margins):
    """Beyond the border there is nodata: a tile in a wider frame has the same channels."""
    up, down, left, right = margins
    tile = make_tile(shape, seed)
    framed = changed(tile, lambda array: np.pad(array, ((up, down), (left, right))))
    inside = np.s_[:, up : up + shape[0], left : left + shape[1]]
    assert_close(build_stack(framed, CHANNELS).array[inside], build_stack(tile, CHANNELS).array)


@settings(max_examples=15)
@given(shape=SHAPE, seed=SEED, rubbish=st.sampled_from([1.0, -1e4, 1e30, np.inf, np.nan]))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_lies_under_nodata_has_no_influence(make_tile, shape, seed, rubbish):
    tile = make_tile(shape, seed, 0.4)
    bands = {band: np.where(tile.valid, values, np.float32(rubbish)) for band, values in tile.bands.items()}
    expected = build_stack(tile, CHANNELS).array
    np.testing.assert_array_equal(build_stack(replace(tile, bands=bands), CHANNELS).array, expected)


@settings(max_examples=15)
@given(shape=SHAPE, seed=SEED, thermal=st.booleans())
def test_nan_stands_exactly_where_nothing_is_known(make_tile, shape, seed, thermal):
    tile = make_tile(shape, seed, 0.3, thermal)
    stack = build_stack(tile, CHANNELS)
    assert isinstance(stack, FeatureStack)
    assert stack.array.dtype == np.float32
    assert stack.array.shape == (len(CHANNELS), *shape)
    assert stack.names == tuple(CHANNELS)
    assert stack.valid is tile.valid
    for name, values in zip(stack.names, stack.array):
        absent = not thermal and name.startswith("thermal")
        np.testing.assert_array_equal(np.isnan(values), ~tile.valid | absent, err_msg=name)
        assert np.isfinite(values[tile.valid]).all() or absent, name


def test_tile_without_a_valid_pixel(make_tile):
    tile = make_tile((4, 5))
    tile = replace(tile, valid=np.zeros((4, 5), bool))
    assert np.isnan(build_stack(tile, CHANNELS).array).all()


def test_order_and_company_do_not_matter(make_tile):
    """A channel is the same alone, among others (intermediates are shared) and in any place."""
    tile = make_tile((12, 9))
    together = dict(zip(CHANNELS, build_stack(tile, CHANNELS).array))
    backwards = dict(zip(CHANNELS[::-1], build_stack(tile, CHANNELS[::-1]).array))
    for name in CHANNELS:
        np.testing.assert_array_equal(backwards[name], together[name], err_msg=name)
        np.testing.assert_array_equal(build_stack(tile, [name]).array[0], together[name], err_msg=name)


def test_no_channel_is_a_stack_too(make_tile):
    assert build_stack(make_tile((4, 5)), []).array.shape == (0, 4, 5)


def test_context_channels_are_differences_of_one_another(make_tile):
    names = ["green", "green.mean7", "green.diff7", "green.scene", "green.meanscene7"]
    tile = make_tile((14, 11))
    base, mean, diff, scene, meanscene = build_stack(tile, names).array[:, tile.valid]
    median = np.median(base)
    np.testing.assert_allclose(diff, base - mean, atol=1e-5)
    np.testing.assert_allclose(scene, base - median, atol=1e-5)
    np.testing.assert_allclose(meanscene, mean - median, atol=1e-5)
