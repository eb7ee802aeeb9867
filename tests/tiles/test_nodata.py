"""Nodata, holes and missing temperature: what is not known is masked or left out, and said."""

from __future__ import annotations

import numpy as np
import pytest

from errors import CodingError
from tiles.tile import BAND_NAMES, OPTICAL_BANDS


def test_valid_means_swir_above_zero(read_only, level2, write_bands):
    """A visible band at zero is deep shadow (and often glacier), not nodata."""
    bands = level2((4, 5))
    bands["swir1"][0, 0] = 0
    bands["swir1"][0, 1] = -9999
    bands["blue"][1, 1] = bands["green"][1, 2] = bands["red"][1, 3] = 0
    tile = read_only(write_bands(bands))
    assert np.argwhere(~tile.valid).tolist() == [[0, 0], [0, 1]]
    assert all((values[~tile.valid] == 0).all() for values in tile.bands.values())
    assert tile.notes == ()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("band", OPTICAL_BANDS)
def test_non_finite_pixels_are_nodata(read_only, level2, write_bands, band, value):
    bands = level2((4, 5))
    bands[band][2, 3] = bands[band][3, 0] = value
    folders = write_bands(bands)
    tile = read_only(folders)
    assert np.argwhere(~tile.valid).tolist() == [[2, 3], [3, 0]]
    assert all(np.isfinite(values).all() for values in tile.bands.values())
    (note,) = tile.notes
    assert note.startswith(folders[f"Band{BAND_NAMES.index(band) + 1}"])
    assert "2 NaN or infinite pixel(s)" in note


@pytest.mark.filterwarnings("error")
def test_float64_fill_value_is_nodata(read_only, level2, write_bands):
    """A fill value beyond float32 is cut out before anything is computed with it."""
    bands = {band: values.astype(np.float64) for band, values in level2((4, 5)).items()}
    for values in bands.values():
        values[0, 0] = -1.7976931348623157e308
    tile = read_only(write_bands(bands))
    assert np.argwhere(~tile.valid).tolist() == [[0, 0]]
    assert all(np.isfinite(values).all() for values in tile.bands.values())


@pytest.mark.parametrize("fill", [0, np.nan])
@pytest.mark.parametrize("shape", [(1, 1), (5, 4)])
def test_tile_without_a_valid_pixel_is_no_error(read_only, write_bands, shape, fill):
    tile = read_only(write_bands({band: np.full(shape, fill, np.float32) for band in BAND_NAMES}))
    assert tile.shape == shape
    assert not tile.valid.any()
    assert not tile.has_thermal
    assert "no valid pixel" in tile.coding
    assert set(tile.bands) == set(OPTICAL_BANDS)
    assert all((values == 0).all() for values in tile.bands.values())


@pytest.mark.parametrize(
    "kind", ["no folder", "empty folder", "zeros", "zeros in integers", "NaN", "only where nodata"]
)
def test_missing_thermal_is_missing_not_cold(read_only, level2, write_bands, tmp_path, kind):
    bands = level2((4, 5))
    bands["swir1"][0, 0] = 0
    if kind in ("no folder", "empty folder"):
        del bands["thermal"]
        if kind == "empty folder":
            (tmp_path / "Band5").mkdir()
    elif kind == "only where nodata":
        bands["thermal"][bands["swir1"] > 0] = 0
    else:
        value, dtype = {"zeros": (0, np.float32), "zeros in integers": (0, np.uint16), "NaN": (np.nan, np.float32)}[
            kind
        ]
        bands["thermal"] = np.full((4, 5), value, dtype)
    tile = read_only(write_bands(bands))
    assert not tile.has_thermal
    assert "thermal" not in tile.bands
    assert any("tile 02_07" in note and "thermal" in note for note in tile.notes)
    assert np.count_nonzero(tile.valid) == 19


@pytest.mark.parametrize("hole", [0, np.nan, np.inf])
def test_thermal_gaps_take_the_median(read_only, physical, level2, write_bands, hole):
    bands = level2((6, 5))
    bands["thermal"][1, 1] = bands["thermal"][4, 2] = hole
    tile = read_only(write_bands(bands))
    assert tile.valid.all(), "a pixel without temperature can still be mapped"
    known = np.ones((6, 5), bool)
    known[1, 1] = known[4, 2] = False
    np.testing.assert_allclose(tile.bands["thermal"][known], physical((6, 5))["thermal"][known], atol=2e-3)
    assert (tile.bands["thermal"][~known] == np.median(tile.bands["thermal"][known])).all()


def test_unknown_thermal_names_its_file(read_only, level2, write_bands, tmp_path, one_sentence):
    folders = write_bands({**level2(), "thermal": np.full((9, 7), 12.5, np.float32)}, "001", "img{id}.tif")
    with pytest.raises(CodingError, match="kelvin") as error:
        read_only(folders)
    one_sentence(error.value, tmp_path / "Band5" / "img001.tif")
