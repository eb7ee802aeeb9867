"""The kinds of synthetic scenes: covers that add up, near what real late-summer tiles measure, debris as it lies."""

from __future__ import annotations

import numpy as np
import pytest

from simulation.kinds import ALBEDO, MEASURED_SUMMER, SEASONS, debris_cover
from simulation.synthetic import synthetic_scene
from simulation.terrain import landscape
from tests.simulation.test_synthetic import pooled
from tiles.tile import BAND_NAMES


@pytest.fixture(scope="module")
def summers():
    return [synthetic_scene(seed, kind="late summer") for seed in range(2)]


@pytest.fixture(scope="module")
def covered():
    return [synthetic_scene(seed, kind="debris-covered") for seed in range(2)]


def parts(scenes):
    """Ice, debris and bare ground as MEASURED_SUMMER counts them, bool over all valid pixels."""
    green, swir1 = (np.maximum(pooled(scenes, name), 0.005) for name in ("green", "swir1"))
    snowy = (green - swir1) / (green + swir1) > 0.4
    truth = np.concatenate([scene.truth[scene.valid] for scene in scenes])
    return {"ice": truth & snowy, "debris": truth & ~snowy & (green > 0.08), "bare": ~truth & ~snowy & (green > 0.03)}


@pytest.mark.parametrize("what", [name for name in MEASURED_SUMMER if "share" not in name])
def test_late_summer_is_near_what_is_measured(summers, what):
    name, part = what.split(", ")
    bands = {band: pooled(summers, band)[parts(summers)[part]] for band in BAND_NAMES}
    values = bands["thermal"] if name == "thermal" else bands[name.split("/")[0]]
    found = np.median(values / bands["green"] if "/" in name else values)
    tolerance = {"thermal": 5.0, "green": 0.15, "swir1/green": 0.45}.get(name, 0.12)
    assert found == pytest.approx(MEASURED_SUMMER[what], abs=tolerance)


def test_late_summer_has_a_snow_line_and_debris_hides_the_tongues(summers, covered):
    """NDSI tells much in late summer and little of what debris covers; the rest of the scene stays the same."""
    shares = {}
    for kind, scenes in (("late summer", summers), ("debris-covered", covered)):
        truth = np.concatenate([scene.truth[scene.valid] for scene in scenes])
        green, swir1 = (np.maximum(pooled(scenes, name), 0.005) for name in ("green", "swir1"))
        snowy = (green - swir1) / (green + swir1) > 0.4
        shares[kind] = snowy[~truth].mean(), (~snowy[truth]).mean()
    assert shares["late summer"][0] == pytest.approx(MEASURED_SUMMER["snowy share"], abs=0.06)
    assert shares["late summer"][1] == pytest.approx(MEASURED_SUMMER["debris share"], abs=0.06)
    assert 0.25 < shares["debris-covered"][1] < 0.55
    assert shares["debris-covered"][0] == pytest.approx(shares["late summer"][0], abs=0.01)


def test_debris_is_grey_mixed_with_ice_and_cooler_than_the_ground(covered):
    part = parts(covered)
    bands = {name: pooled(covered, name) for name in BAND_NAMES}
    for name, low, high in (("blue", 0.75, 1.05), ("red", 0.95, 1.2), ("swir1", 0.4, 1.5)):
        assert low < np.median((bands[name] / bands["green"])[part["debris"]]) < high
    assert np.median(bands["thermal"][part["ice"]]) + 3 < np.median(bands["thermal"][part["debris"]])
    assert np.median(bands["thermal"][part["debris"]]) + 1 < np.median(bands["thermal"][part["bare"]])


@pytest.mark.parametrize("kind", sorted(SEASONS))
def test_covers_add_up_to_one(kind):
    random = np.random.default_rng(7)
    land = landscape(random, (256, 256), 0.4)
    cover = SEASONS[kind].cover(random, land, land.ice > 0, np.ones((256, 256), np.float32))
    assert set(cover) == set(ALBEDO)
    assert min(part.min() for part in cover.values()) >= 0
    np.testing.assert_allclose(sum(cover.values()), 1, atol=1e-5)
    assert (cover["debris"] > 0.25).any(), "debris on the tongues"


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_debris_covers_its_share_from_the_tongues_up(share):
    random = np.random.default_rng(3)
    land = landscape(random, (256, 256), 0.4)
    glacier = land.ice > 0
    hidden = debris_cover(random, land, glacier, share)
    assert not hidden[~glacier].any()
    assert (hidden[glacier] > 0.4).mean() == pytest.approx(share, abs=0.05)
    assert land.above_line[hidden > 0.4].mean() < land.above_line[glacier & (hidden < 0.1)].mean() - 100


def test_no_glacier_has_no_debris():
    land = landscape(np.random.default_rng(3), (64, 64), 0.4)
    assert not debris_cover(np.random.default_rng(0), land, np.zeros((64, 64), bool), 0.5).any()
