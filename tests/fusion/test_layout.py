"""Windows cover every pixel, their weights add up to one, and parts share the scene out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import SettingError
from fusion.layout import Layout

LAYOUT = st.builds(
    Layout,
    height=st.integers(1, 900),
    width=st.integers(1, 900),
    window=st.sampled_from([64, 128, 192]),
    overlap=st.sampled_from([0.0, 0.1, 0.25, 0.33, 0.5]),
    group=st.integers(0, 5),
    origin=st.tuples(*[st.integers(0, 150).map(lambda one: 2 * one)] * 2),
)
BEFORE = 192  # rows and columns that windows may begin before a scene


def counted(layout: Layout, dtype: type) -> np.ndarray:
    """Zeros for a scene and all that its windows may reach beyond it."""
    return np.zeros((layout.height + 4 * BEFORE, layout.width + 4 * BEFORE), dtype)


def box_of(row: int, column: int, rows: int, columns: int) -> tuple[slice, slice]:
    """A rectangle of the scene in such an array."""
    return slice(BEFORE + row, BEFORE + row + rows), slice(BEFORE + column, BEFORE + column + columns)


@settings(max_examples=40, deadline=None)
@given(LAYOUT)
def test_weights_of_all_windows_add_up_to_one(layout: Layout):
    total = counted(layout, np.float32)
    for part in layout.parts():
        row, column, _, _ = layout.extent(part)
        for top, left, weight, views in layout.windows(part):
            total[box_of(row + top, column + left, layout.window, layout.window)] += weight
            assert len(views) == 1
    np.testing.assert_allclose(total[box_of(0, 0, layout.height, layout.width)], 1, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(LAYOUT)
def test_every_pixel_is_in_one_core(layout: Layout):
    total = counted(layout, int)
    for part in layout.parts():
        row, column, rows, columns = layout.core(part)
        assert (row, column) == layout.extent(part)[:2]
        assert rows <= layout.extent(part)[2]
        assert columns <= layout.extent(part)[3]
        total[box_of(row, column, rows, columns)] += 1
        assert row % 2 == column % 2 == 0, "the trees' cells of 2x2 pixels are the same in every part"
    assert (total[box_of(0, 0, layout.height, layout.width)] == 1).all()


def test_four_windows_over_a_pixel_see_four_views():
    layout = Layout(1024, 1024, 256, 0.5)
    views = {}
    for part in layout.parts():
        row, column, _, _ = layout.extent(part)
        for top, left, _, seen in layout.windows(part):
            views[(row + top) // layout.stride, (column + left) // layout.stride] = tuple(seen)
    for row, column in views:
        around = {views.get((row + down, column + right)) for down in (0, 1) for right in (0, 1)} - {None}
        if row < layout.counts[0] - 1 and column < layout.counts[1] - 1:
            assert len(around) == 4
        for beside in {(row + 1, column), (row, column + 1)} & views.keys():
            assert views[beside][0] % 2 != views[row, column][0] % 2, "another network sees it"


@pytest.mark.parametrize(("window", "overlap", "side"), [(512, 0.5, 4), (512, 0.25, 3), (1024, 0.5, 1), (64, 0.5, 4)])
def test_parts_are_bounded_in_windows_and_pixels(window: int, overlap: float, side: int):
    assert Layout(100, 100, window, overlap).side == side


@pytest.mark.parametrize(
    ("window", "overlap"), [(100, 0.5), (32, 0.5), (0, 0.5), (512, 0.6), (512, -0.1), (512, float("nan"))]
)
def test_windows_that_cannot_be_are_named(window: int, overlap: float):
    with pytest.raises(SettingError, match="--window|--overlap"):
        Layout(100, 100, window, overlap)


@settings(max_examples=40, deadline=None)
@given(LAYOUT, st.tuples(st.integers(0, 200), st.integers(0, 200)))
def test_a_scene_cut_off_has_the_same_windows(layout: Layout, cut: tuple[int, int]):
    """What is cut off at the top and left changes neither where windows begin on the ground nor what they show."""
    rest = Layout(
        layout.height, layout.width, layout.window, layout.overlap, layout.group, 0,
        (layout.origin[0] + cut[0], layout.origin[1] + cut[1]),
    )  # fmt: skip

    def on_the_ground(one: Layout) -> dict[tuple[int, int], tuple[int, ...]]:
        found = {}
        for part in one.parts():
            row, column, _, _ = one.extent(part)
            for top, left, _, views in one.windows(part):
                found[one.origin[0] + row + top, one.origin[1] + column + left] = tuple(views)
        return found

    whole, less = on_the_ground(layout), on_the_ground(rest)
    assert {place: whole[place] for place in whole.keys() & less.keys()} == {
        place: less[place] for place in whole.keys() & less.keys()
    }
    assert all(row % layout.stride == column % layout.stride == 0 for row, column in {**whole, **less})
