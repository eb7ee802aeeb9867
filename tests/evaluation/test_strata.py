"""Strata of errors: each group covers its pixels once, and the shares are those counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.strata import error_strata, outline_distance, strata_of
from evaluation.systems import Scored
from tests.examples import example_tile


@pytest.mark.parametrize("thermal", [True, False])
def test_every_group_covers_its_pixels_once(thermal: bool):
    tile, truth = example_tile(thermal=thermal)
    covered: dict[str, np.ndarray] = {}
    for group, _, pixels in strata_of(tile, truth):
        covered[group] = covered.get(group, np.zeros(truth.shape, int)) + pixels
    assert set(covered) == {"light", "distance", "size", *(["part"] if thermal else [])}
    for group in ("light", "distance"):
        np.testing.assert_array_equal(covered[group], tile.valid.astype(int))
    for group in set(covered) - {"light", "distance"}:
        np.testing.assert_array_equal(covered[group], truth.astype(int))


def test_shares_are_those_counted_by_hand():
    tile, truth = example_tile()
    mask = truth.copy()
    mask[0] = False  # misses far from the outline
    rows = {row["stratum"]: row for row in error_strata([tile], [Scored("01", mask, truth, tile.valid)])}
    assert rows["farther"]["share of misses"] == 1.0
    assert rows["within 1 pixel of the outline"]["share of misses"] == 0.0
    assert rows["within 1 pixel of the outline"]["mcc"] == 1.0
    assert all(row["share of false alarms"] == 0 for row in rows.values())
    light = [row["share of valid pixels"] for row in rows.values() if row["group"] == "light"]
    assert sum(light) == pytest.approx(1)


def test_distance_to_the_outline_is_one_beside_it():
    truth = np.zeros((5, 8), bool)
    truth[:, :4] = True
    valid = np.ones_like(truth)
    assert outline_distance(truth, valid)[2].tolist() == [4, 3, 2, 1, 1, 2, 3, 4]
    valid[:, 4] = False  # what lies under the cloud is not known to be ground
    assert outline_distance(truth, valid)[2, :4].tolist() == [5, 4, 3, 2]


def test_all_or_no_glacier_has_no_outline():
    tile, truth = example_tile()
    assert not {group for group, _, _ in strata_of(tile, truth & False)} & {"distance", "part"}
