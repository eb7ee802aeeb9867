"""Each step does what its name says, in metres, and nothing where it is off."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mapping.postprocess import (
    chaikin,
    closing,
    fill_holes,
    merge_fragments,
    opening,
    remove_fragments,
    tidy_mask,
    tidy_outlines,
)
from mapping.steps import Postprocess

MASK = arrays(bool, st.tuples(st.integers(1, 25), st.integers(1, 25)))


def square(shape=(40, 40), rows=slice(10, 30), columns=slice(10, 30)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[rows, columns] = True
    return mask


@pytest.mark.parametrize("side", [10.0, 30.0])
def test_fragments_are_measured_in_square_kilometres(side: float):
    mask = square()
    mask[2:4, 2:5] = True
    area = 6 * side**2 / 1e6
    assert remove_fragments(mask, area, side**2)[2, 2]
    np.testing.assert_array_equal(remove_fragments(mask, area * 1.01, side**2), square())


def test_holes_are_filled_by_size_and_never_at_the_border():
    mask = square()
    mask[15:17, 15:17] = False
    mask[20, 20:29] = False
    filled = fill_holes(mask, 4 * 900 / 1e6, 900)
    assert filled[15:17, 15:17].all()
    assert not filled[20, 20:29].any()
    assert fill_holes(mask, 1.0, 900)[20, 25]
    assert not fill_holes(square(), 1e6, 900)[0, 0]


@pytest.mark.parametrize(("gap", "distance", "merged"), [(1, 30, True), (2, 30, False), (2, 60, True), (3, 60, False)])
def test_fragments_are_merged_across_gaps_up_to_the_distance(gap: int, distance: float, merged: bool):
    mask = np.zeros((20, 30), bool)
    mask[5:15, 5:10] = mask[5:15, 10 + gap : 20] = True
    found = merge_fragments(mask, distance, 30)
    assert found[10, 10] == merged
    assert (found | ~mask).all() or found[mask].all()
    alone = np.zeros_like(mask)
    alone[5:15, 5:10] = True
    np.testing.assert_array_equal(merge_fragments(alone, distance, 30), alone)


def test_opening_cuts_spurs_and_closing_fills_slits():
    mask = square()
    mask[20, 30:38] = True
    assert not opening(mask, 30, 30)[20, 34]
    assert opening(mask, 30, 30)[20, 20]
    slit = square()
    slit[20, 10:30] = False
    assert closing(slit, 30, 30)[20, 12:28].all()


@settings(max_examples=60, deadline=None)
@given(MASK, st.sampled_from([15.0, 30.0, 75.0]))
def test_opening_only_removes_and_closing_only_adds_and_both_are_idempotent(mask: np.ndarray, radius: float):
    small, large = opening(mask, radius, 30), closing(mask, radius, 30)
    assert not (small & ~mask).any()
    assert not (mask & ~large).any()
    np.testing.assert_array_equal(opening(small, radius, 30), small)
    np.testing.assert_array_equal(closing(large, radius, 30), large)


@settings(max_examples=40, deadline=None)
@given(MASK, MASK)
def test_without_steps_nothing_changes_and_nodata_stays_out(mask: np.ndarray, other: np.ndarray):
    everywhere = np.ones(mask.shape, bool)
    np.testing.assert_array_equal(tidy_mask(mask, everywhere, Postprocess(minimum_area=0.0), 30), mask)
    valid = np.resize(other, mask.shape)
    steps = Postprocess(0.002, 0.002, 40, 30, 30)
    assert not (tidy_mask(mask & valid, valid, steps, 30) & ~valid).any()


def test_smoothing_keeps_number_and_nearly_area():
    steps = [shapely.box(0, 0, 900, 900), shapely.box(900, 0, 1800, 900)]
    outlines = gpd.GeoDataFrame({"glacier_id": [1, 2]}, geometry=steps, crs="EPSG:32643")
    simple = tidy_outlines(outlines, Postprocess(simplify=20))
    assert simple.area.tolist() == pytest.approx(outlines.area.tolist())
    assert shapely.coverage_is_valid(simple.geometry.to_numpy()), "neighbours keep their common border"
    smooth = tidy_outlines(outlines, Postprocess(smooth=2))
    assert len(smooth) == 2
    assert smooth.is_valid.all()
    assert chaikin(steps[0], 1).area == pytest.approx(steps[0].area * 0.875)
