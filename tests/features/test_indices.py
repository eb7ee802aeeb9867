"""The table of indices against spyndex, and against its formulas by hand."""

from __future__ import annotations

import numpy as np
import pytest
import spyndex
from hypothesis import given
from hypothesis import strategies as st

from features.indices import INDICES, REFLECTANCE_FLOOR, STRETCH, SYMBOLS, TABLE, compute_index
from tiles.tile import BAND_NAMES, OPTICAL_BANDS

SPYNDEX_NAMES = {"ndsi": "NDSI", "ndglai": "NDGlaI", "ndsaii": "NDSaII"}
BY_HAND = {
    "blue": lambda b, g, r, s, t: np.arcsinh(b / STRETCH),
    "green": lambda b, g, r, s, t: np.arcsinh(g / STRETCH),
    "red": lambda b, g, r, s, t: np.arcsinh(r / STRETCH),
    "swir1": lambda b, g, r, s, t: np.arcsinh(s / STRETCH),
    "brightness": lambda b, g, r, s, t: np.arcsinh((b + g + r) / 3 / STRETCH),
    "ndsi": lambda b, g, r, s, t: (g - s) / (g + s),
    "ndsaii": lambda b, g, r, s, t: (r - s) / (r + s),
    "red_swir_ratio": lambda b, g, r, s, t: np.log(r / s),
    "ndglai": lambda b, g, r, s, t: (g - r) / (g + r),
    "blue_red": lambda b, g, r, s, t: (b - r) / (b + r),
    "blue_green": lambda b, g, r, s, t: (b - g) / (b + g),
    "thermal": lambda b, g, r, s, t: t,
    "thermal_optical": lambda b, g, r, s, t: (g - t / 300) / (g + t / 300),
}
REFLECTANCE = st.floats(1.01 * REFLECTANCE_FLOOR, 1.6)
SCENE = st.fixed_dictionaries(
    {band: st.lists(REFLECTANCE, min_size=4, max_size=4) for band in OPTICAL_BANDS}
    | {"thermal": st.lists(st.floats(220, 320), min_size=4, max_size=4)}
)


def as_bands(scene: dict[str, list[float]]) -> dict[str, np.ndarray]:
    return {band: np.array(values, np.float32).reshape(2, 2) for band, values in scene.items()}


@pytest.mark.parametrize("name", SPYNDEX_NAMES)
@given(scene=SCENE)
def test_is_what_spyndex_computes(name, scene):
    bands = as_bands(scene)
    exact = {SYMBOLS[band]: bands[band].astype(float) for band in OPTICAL_BANDS}
    expected = spyndex.computeIndex(SPYNDEX_NAMES[name], exact)
    np.testing.assert_allclose(compute_index(name, bands), expected, atol=1e-6)


@pytest.mark.parametrize("name", INDICES)
@given(scene=SCENE)
def test_is_its_formula(name, scene):
    bands = as_bands(scene)
    found = compute_index(name, bands)
    exact = [bands[band].astype(float) for band in BAND_NAMES]
    assert found.dtype == np.float32
    assert found.shape == (2, 2)
    np.testing.assert_allclose(found, BY_HAND[name](*exact), atol=2e-6, rtol=2e-6)


@pytest.mark.parametrize("name", INDICES)
def test_any_reflectance_gives_a_finite_number(name):
    """Over-corrected shadow has reflectance below zero, clouds above one, and the two may meet in a pixel."""
    grid = np.meshgrid(*[np.array([-0.2, -0.005, 0, 0.005, 0.3, 1.6], np.float32)] * 4)
    bands = dict(zip(OPTICAL_BANDS, grid))
    bands["thermal"] = np.full_like(grid[0], 270)
    found = compute_index(name, bands)
    assert np.isfinite(found).all()
    if "nd" in name or name in ("blue_red", "blue_green", "thermal_optical"):
        assert np.abs(found).max() <= 1


@pytest.mark.parametrize("name", INDICES)
@pytest.mark.parametrize("absent", ["blue", "red", "swir1", "thermal"])
def test_missing_band_gives_nan(name, absent, make_tile):
    bands = {band: values for band, values in make_tile((3, 4)).bands.items() if band != absent}
    found = compute_index(name, bands)
    assert found.shape == (3, 4)
    assert found.dtype == np.float32
    assert np.isnan(found).all() if absent in INDICES[name].bands else np.isfinite(found).all()


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_row_names_exactly_the_bands_of_its_formula(row):
    symbols = {symbol: band for band, letter in SYMBOLS.items() for symbol in (letter, letter.lower())}
    symbols["T"] = "thermal"
    used = {symbols[name] for name in row.code.co_names if name in symbols}
    assert used == set(row.bands)
    assert set(row.code.co_names) <= set(symbols) | {"asinh", "log", "STRETCH"}
    assert row.reference
    assert row.family in ("brightness", "index", "thermal")


def test_names_are_unique():
    assert len(INDICES) == len(TABLE)
    assert set(BY_HAND) == set(INDICES), "a row was added: add it here by hand"
