"""The relevance of the trees' channels that the fit of marks goes by."""

from __future__ import annotations

import numpy as np

from adapt.evidence import Pixels
from adapt.fit import spread_of
from adapt.relevance import relevance_of, shipped_relevance
from baseline.settings import GbmConfig


def test_the_shipped_model_has_a_relevance_for_every_channel():
    assert set(shipped_relevance()) == set(GbmConfig().channels)
    found = relevance_of(GbmConfig().channels)
    assert np.isfinite(found).all()
    assert (found > 0).all()


def test_channels_without_any_count_as_one():
    np.testing.assert_array_equal(relevance_of(["ndsi", "another"], {"ndsi": 2.0}), [2.0, 1.0])


def test_a_relevant_channel_counts_from_smaller_differences_on():
    channels = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    nothing = np.zeros(200, np.float32)
    pixels = Pixels(channels, np.zeros((200, 2), np.float32), nothing, nothing, nothing)
    (mean, plain), (same, scale) = (spread_of(pixels, np.array(one)) for one in ([1.0, 1.0], [1.0, 2.0]))
    np.testing.assert_array_equal(mean, same)
    np.testing.assert_allclose(scale, plain / [1, 2], rtol=1e-6)
