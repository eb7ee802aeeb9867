"""Codings: each is recognised from the numbers alone, stated, and gives the same physical values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from errors import CodingError
from tiles.coding import (
    EIGHT_BIT,
    KELVIN,
    LEVEL2_REFLECTANCE,
    LEVEL2_TEMPERATURE,
    TENTHOUSANDTHS,
    UNIT_REFLECTANCE,
    Coding,
    recognise_reflectance,
    recognise_temperature,
    to_physical,
)
from tiles.tile import OPTICAL_BANDS

REFLECTANCE_CODINGS = [LEVEL2_REFLECTANCE, UNIT_REFLECTANCE, TENTHOUSANDTHS, EIGHT_BIT]


def encode(values: np.ndarray, coding: Coding) -> np.ndarray:
    """The file's numbers of physical values: whole ones, except for reflectance 0..1 and kelvin."""
    numbers = (values - coding.offset) / coding.scale
    return (numbers if coding.scale == 1 else np.round(numbers)).astype(np.float32)


def recognised(bands: dict[str, np.ndarray], valid: np.ndarray) -> Coding | None:
    return recognise_reflectance([bands[band] for band in OPTICAL_BANDS], bands["swir1"], valid, "tile")


@given(
    seed=st.integers(0, 10_000),
    shape=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    swir_span=st.tuples(st.floats(0.01, 0.5), st.floats(0.01, 0.5)).map(sorted),
    brightest=st.floats(0.1, 1.0),
)
@example(seed=0, shape=(6, 5), swir_span=[0.05, 0.3], brightest=1.0)
def test_one_scene_in_every_coding(seed, shape, swir_span, brightest):
    """The same reflectances, written four ways, come back the same up to the rounding of each way."""
    random = np.random.default_rng(seed)
    scene = {band: random.uniform(0.0, brightest, shape) for band in OPTICAL_BANDS}
    scene["blue"].flat[0] = brightest
    scene["swir1"] = random.uniform(*swir_span, shape)
    valid = np.ones(shape, bool)
    for coding in REFLECTANCE_CODINGS:
        numbers = {band: encode(values, coding) for band, values in scene.items()}
        assert recognised(numbers, valid) is coding
        rounding = 1e-6 if coding is UNIT_REFLECTANCE else 0.51 * coding.scale
        for band, values in scene.items():
            np.testing.assert_allclose(to_physical(numbers[band], coding, valid), values, atol=rounding)


@pytest.mark.parametrize(
    ("reflectance", "temperature", "dtype", "stated"),
    [
        (LEVEL2_REFLECTANCE, LEVEL2_TEMPERATURE, "uint16", "Collection-2 Level-2 numbers"),
        (LEVEL2_REFLECTANCE, LEVEL2_TEMPERATURE, "float32", "Collection-2 Level-2 numbers"),
        (LEVEL2_REFLECTANCE, KELVIN, "float32", "Collection-2 Level-2 numbers; temperature in kelvin"),
        (UNIT_REFLECTANCE, KELVIN, "float32", "reflectance 0..1; temperature in kelvin"),
        (UNIT_REFLECTANCE, LEVEL2_TEMPERATURE, "float32",
         "reflectance 0..1; temperature in Collection-2 Level-2 numbers"),
        (TENTHOUSANDTHS, KELVIN, "int16", "reflectance times 10 000; temperature in kelvin"),
        (TENTHOUSANDTHS, LEVEL2_TEMPERATURE, "uint16",
         "reflectance times 10 000; temperature in Collection-2 Level-2 numbers"),
        (EIGHT_BIT, LEVEL2_TEMPERATURE, "uint16",
         "8-bit reflectance, 255 = 1; temperature in Collection-2 Level-2 numbers"),
    ],
)  # fmt: skip
def test_files_are_recognised_and_stated(read_only, physical, write_bands, reflectance, temperature, dtype, stated):
    scene = physical((9, 8))
    bands = {band: encode(scene[band], reflectance).astype(dtype) for band in OPTICAL_BANDS}
    bands["thermal"] = encode(scene["thermal"], temperature).astype(dtype)
    tile = read_only(write_bands(bands))
    assert tile.coding == stated
    for band in OPTICAL_BANDS:
        np.testing.assert_allclose(tile.bands[band], scene[band], atol=0.51 * min(reflectance.scale, 0.01))
    np.testing.assert_allclose(tile.bands["thermal"], scene["thermal"], atol=1.0 if dtype == "int16" else 2e-3)


def test_eight_bit_thermal_has_no_unit(read_only, physical, write_bands):
    scene = physical((9, 8))
    bands = {band: encode(scene[band], EIGHT_BIT).astype(np.uint8) for band in OPTICAL_BANDS}
    tile = read_only(write_bands({**bands, "thermal": np.full((9, 8), 128, np.uint8)}))
    assert tile.coding == EIGHT_BIT.name
    assert not tile.has_thermal
    assert any("8 bits" in note for note in tile.notes)


@pytest.mark.parametrize(("low", "high"), [(0, 65_536), (0, 1e9), (-20_001, 5_000), (-32_768, 10_000)])
def test_numbers_that_fit_no_coding(low, high, one_sentence):
    band = np.linspace(low, high, 20, dtype=np.float32).reshape(4, 5)
    with pytest.raises(CodingError, match="fit no known coding") as error:
        recognise_reflectance([band], band, np.ones((4, 5), bool), "folder/02_07")
    one_sentence(error.value, "folder/02_07")


def test_nothing_valid_has_no_coding():
    band = np.full((3, 3), np.nan, np.float32)
    assert recognise_reflectance([band], band, np.zeros((3, 3), bool), "tile") is None


@given(
    kelvin=st.floats(230.0, 330.0), spread=st.floats(0.0, 15.0), coding=st.sampled_from([KELVIN, LEVEL2_TEMPERATURE])
)
def test_temperature_is_recognised(kelvin, spread, coding):
    """Kelvin and Level-2 numbers of anything between polar ice and desert are told apart."""
    values = kelvin + np.random.default_rng(0).uniform(-spread, spread, (7, 6))
    measured = np.ones(values.shape, bool)
    numbers = encode(values, coding)
    assert recognise_temperature(numbers, measured, "B10.tif") is coding
    np.testing.assert_allclose(to_physical(numbers, coding, measured), values, atol=2e-3)


@pytest.mark.parametrize("value", [1.0, -10.0, 12.5, 149.0, 351.0, 1_500.0, 70_000.0])
def test_temperature_of_no_coding(value, one_sentence):
    """Radiance, or a temperature without any contrast: refused, not guessed."""
    with pytest.raises(CodingError) as error:
        recognise_temperature(np.full((2, 2), value, np.float32), np.ones((2, 2), bool), "Band5/img001.tif")
    one_sentence(error.value, "Band5/img001.tif")


def test_temperature_ignores_what_is_not_measured():
    thermal = np.array([[270.0, 0.0], [np.nan, 0.0]], np.float32)
    assert recognise_temperature(thermal, thermal > 0, "B10.tif") is KELVIN


@pytest.mark.parametrize("coding", [*REFLECTANCE_CODINGS, KELVIN, LEVEL2_TEMPERATURE], ids=lambda coding: coding.name)
def test_nodata_becomes_zero(coding):
    band = np.array([[0.0, np.nan], [np.inf, 200.0]], np.float32)
    physical = to_physical(band, coding, np.array([[False, False], [False, True]]))
    assert physical.dtype == np.float32
    assert physical.ravel()[:3].tolist() == [0, 0, 0]
    assert physical[1, 1] == pytest.approx(200.0 * coding.scale + coding.offset, rel=1e-6)
