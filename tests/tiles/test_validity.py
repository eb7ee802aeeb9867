"""One rule says what is measured: any coding of a tile gives the same valid mask, shadow below 0 included."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.codings import CODINGS, HIGHEST, Bands, to_reflectance, write_tile
from tiles.coding import DIGITAL, EIGHT_BIT, LEVEL2_REFLECTANCE, TENTHOUSANDTHS, UNIT_REFLECTANCE, recognise_reflectance
from tiles.tile import OPTICAL_BANDS
from tiles.validity import doubts, measured_temperature, plausible_pixels, valid_pixels, without_gaps

SHAPE = (12, 14)


def shadowed(seed: int, dark: float = 0.4, nodata: float = 0.2) -> tuple[Bands, np.ndarray]:
    """Level-2 numbers of a scene whose ``dark`` share has SWIR1 below a reflectance of 0 and now and then a visible
    band at 0, and the pixels with data."""
    random = np.random.default_rng(seed)
    shade = random.random(SHAPE) < dark
    numbers = {band: np.where(shade, random.integers(3_000, 9_000, SHAPE), random.integers(9_000, HIGHEST, SHAPE))
               for band in ("blue", "green", "red")}  # fmt: skip
    numbers["swir1"] = np.where(shade, random.integers(5_100, 7_273, SHAPE), random.integers(7_274, 20_000, SHAPE))
    for band in ("blue", "green", "red"):
        numbers[band][shade & (random.random(SHAPE) < 0.1)] = 0
    numbers["thermal"] = random.integers(28_000, 36_000, SHAPE)
    valid = random.random(SHAPE) >= nodata
    lit = random.integers(SHAPE[0]), random.integers(SHAPE[1])
    valid[lit], numbers["swir1"][lit], numbers["green"][lit] = True, 9_000, 30_000
    return numbers, valid


def recognised(numbers: Bands, tag: float | None):
    tags = {} if tag is None else dict.fromkeys(numbers, (tag,))
    coding = recognise_reflectance(
        [numbers[band] for band in OPTICAL_BANDS], numbers["swir1"], plausible_pixels(numbers, tags), "tile"
    )
    return coding, tags


@pytest.mark.parametrize("name", CODINGS)
@given(seed=st.integers(0, 10_000), dark=st.floats(0, 1), nodata=st.floats(0, 0.95))
def test_any_coding_has_the_same_valid_mask(name: str, seed: int, dark: float, nodata: float):
    numbers, valid = shadowed(seed, dark, nodata)
    code, tag = CODINGS[name]
    coded = code(numbers, valid)
    coding, tags = recognised(coded, tag)
    assert coding is not None
    np.testing.assert_array_equal(valid_pixels(coded, coding, tags), valid)


@pytest.mark.parametrize("name", CODINGS)
def test_any_coding_is_read_as_the_same_tile(name: str, read_only, tmp_path: Path):
    numbers, valid = shadowed(3)
    code, tag = CODINGS[name]
    tile = read_only(write_tile(tmp_path, code(numbers, valid), tag))
    np.testing.assert_array_equal(tile.valid, valid)
    for band, values in to_reflectance(numbers).items():
        np.testing.assert_allclose(tile.bands[band][valid], values[valid], rtol=1e-6, atol=6e-5)
        assert (tile.bands[band][~valid] == 0).all()
    assert (tile.bands["swir1"][valid] < 0).mean() > 0.2, "the shadow is kept as it is"
    assert all("NaN" in note for note in tile.notes)


def scene(**values: list[float]) -> Bands:
    return {band: np.array([values.get(band, [0.3, 0.3, 0.3, 0.3])], np.float64) for band in OPTICAL_BANDS}


def in_coding(numbers: Bands, coding) -> Bands:
    return {band: np.round((values - coding.offset) / coding.scale, 9) for band, values in numbers.items()}


@pytest.mark.parametrize("coding", [UNIT_REFLECTANCE, TENTHOUSANDTHS, EIGHT_BIT], ids=lambda coding: coding.name)
def test_reflectance_is_nodata_where_no_band_can_be_measured(coding):
    bands = in_coding(scene(blue=[0, 0.1, 0, -0.95], green=[0, 0.1, -0.05, 0.1], red=[0, 0.1, 0, 0.1],
                            swir1=[0, 0, -0.1, 0.1]), coding)  # fmt: skip
    assert valid_pixels(bands, coding, {}).tolist() == [[False, True, True, False]]


@pytest.mark.parametrize("coding", [DIGITAL, LEVEL2_REFLECTANCE], ids=lambda coding: coding.name)
def test_digital_numbers_are_nodata_where_swir1_is_not_above_zero(coding):
    bands = {band: np.full((1, 4), 9_000.0) for band in OPTICAL_BANDS}
    bands["blue"][0] = [0, 9_000, 9_000, -9_999]
    bands["swir1"][0] = [1, 0, -9_999, 9_000]
    assert valid_pixels(bands, coding, {}).tolist() == [[True, False, False, False]]


@pytest.mark.parametrize(
    ("coding", "tag", "alone", "together"),
    [
        (LEVEL2_REFLECTANCE, 0.0, True, False),
        (LEVEL2_REFLECTANCE, 65_535.0, False, False),
        (UNIT_REFLECTANCE, 0.0, True, False),
        (UNIT_REFLECTANCE, 1.0, True, False),
        (UNIT_REFLECTANCE, -0.99, False, False),
        (UNIT_REFLECTANCE, 4.0, False, False),
        (TENTHOUSANDTHS, 0.0, True, False),
        (TENTHOUSANDTHS, 32_767.0, False, False),
        (TENTHOUSANDTHS, -9_999.0, False, False),
        (EIGHT_BIT, 255.0, True, False),
        (UNIT_REFLECTANCE, np.nan, False, False),
    ],
)
def test_a_tag_that_may_be_measured_counts_only_in_all_bands(coding, tag, alone, together):
    """Snow is 255 in one band of 8 bits, and shadow 0; -9999 in one band leaves nothing to map."""
    bands = in_coding(scene(), coding)
    bands["green"][0, 1] = tag
    for values in bands.values():
        values[0, 2] = tag
    found = valid_pixels(bands, coding, dict.fromkeys(OPTICAL_BANDS, (tag,)))
    assert found.tolist() == [[True, alone, together, True]]


def test_tags_of_the_bands_are_their_own(read_only, tmp_path: Path):
    numbers, _ = shadowed(5, nodata=0)
    bands = {band: values.astype(np.float32) for band, values in to_reflectance(numbers).items()}
    for band, fill in zip(OPTICAL_BANDS, (7_777.0, -9_999.0, 7_777.0, 4_444.0)):
        bands[band][0, :3] = fill
        folders = write_tile(tmp_path, {band: bands[band]}, fill)
    folders = {**folders, **write_tile(tmp_path, {"thermal": bands["thermal"]}, None)}
    tile = read_only(folders)
    assert np.argwhere(~tile.valid).tolist() == [[0, 0], [0, 1], [0, 2]]


@pytest.mark.parametrize("text", ["no number", "", "1.#QNAN"])
def test_a_tag_that_is_no_number_is_ignored(read_only, tmp_path: Path, text: str, monkeypatch):
    numbers, valid = shadowed(6)
    monkeypatch.setattr("tests.codings.repr", lambda _: text, raising=False)
    tile = read_only(write_tile(tmp_path, CODINGS["level 2, uint16"][0](numbers, valid), 0.0))
    np.testing.assert_array_equal(tile.valid, valid)


def test_clipped_shadow_is_told(read_only, tmp_path: Path):
    """8 bits know no reflectance below 0: how many pixels may be shadow or nodata is said."""
    numbers, valid = shadowed(7)
    eight = {
        band: np.where(valid, np.clip(np.round(values * 255), 0, 255), 0).astype(np.uint8)
        for band, values in to_reflectance(numbers).items()
        if band != "thermal"
    }
    tile = read_only(write_tile(tmp_path, eight, 0.0))
    assert tile.coding == EIGHT_BIT.name
    stack = np.stack([eight[band] for band in OPTICAL_BANDS])
    np.testing.assert_array_equal(tile.valid, stack.any(0))
    alone, none = int((tile.valid & (stack[3] == 0)).sum()), int((~tile.valid).sum())
    (note,) = [one for one in tile.notes if "SWIR1" in one]
    assert f"{alone} of {valid.size} pixels" in note
    assert f"{none} of {valid.size} pixels" in note


@pytest.mark.parametrize("count", [8, 9])
def test_few_doubtful_pixels_are_not_told(count: int):
    numbers, _ = shadowed(8, dark=0, nodata=0)
    bands = to_reflectance(numbers)
    bands["swir1"].flat[:count] = 0  # of 168: 5 % are 8.4
    notes = doubts(bands, UNIT_REFLECTANCE, {}, np.ones(SHAPE, bool), "tile 01_01")
    assert len(notes) == (count == 9)
    assert all(note.startswith("tile 01_01: 9 of 168 pixels (5.4%)") for note in notes)
    numbers["swir1"].flat[:count] = 0
    notes = doubts(numbers, LEVEL2_REFLECTANCE, {}, np.ones(SHAPE, bool), "tile")
    assert [note.endswith("are treated as nodata") for note in notes] == [True] * (count == 9)
    hidden = np.ones(SHAPE, bool)
    hidden.flat[:count] = False
    assert not doubts(numbers, LEVEL2_REFLECTANCE, {}, hidden, "tile"), "a quality band has decided"


def test_unusual_fill_values_are_told():
    """-999 in a file that does not name it fits no reflectance, but is left out only with a word."""
    bands = to_reflectance(shadowed(9, nodata=0)[0])
    bands["red"][:2] = -999
    coding, tags = recognised(bands, None)
    assert coding is UNIT_REFLECTANCE
    assert np.argwhere(~valid_pixels(bands, coding, tags)).max(0)[0] == 1
    (note,) = doubts(bands, coding, tags, np.ones(SHAPE, bool), "tile")
    assert f"{2 * SHAPE[1]} of {bands['red'].size} pixels" in note
    assert not doubts(bands, coding, {"red": (-999.0,)}, np.ones(SHAPE, bool), "tile")


@pytest.mark.parametrize("reflectance", [0.001, 0.02])
def test_numbers_below_zero_are_not_of_8_bits(reflectance: float):
    """A tile all in shadow, times 10 000, holds no number above 255."""
    random = np.random.default_rng(0)
    bands = {band: np.round(random.uniform(-300, reflectance * 1e4, SHAPE)) for band in OPTICAL_BANDS}
    assert recognised(bands, -9999.0)[0] is TENTHOUSANDTHS


@pytest.mark.parametrize(("level", "coding"), [(20_000, LEVEL2_REFLECTANCE), (900, TENTHOUSANDTHS)])
def test_without_any_swir1_above_zero_the_other_bands_tell(level: int, coding):
    bands = {band: np.full(SHAPE, level + place) for place, band in enumerate(OPTICAL_BANDS)}
    bands["swir1"] = np.zeros(SHAPE)
    assert recognised(bands, None)[0] is coding


def test_temperature_is_measured_where_it_is_no_fill_value():
    thermal = np.array([[270.0, np.nan, 0.0, -9_999.0, 70_000.0, np.inf, 255.0, 260.0]], np.float32)
    valid = np.array([[True] * 7 + [False]])
    measured = measured_temperature(thermal, valid, (255.0,))
    assert measured.tolist() == [[True] + [False] * 7]
    assert without_gaps(thermal, valid, measured)[0, :7].tolist() == [270.0] * 7
