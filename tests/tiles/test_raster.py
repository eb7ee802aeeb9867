"""Rasters: every layout reads the same, every damage is one clear sentence, writing is whole or not at all."""

from __future__ import annotations

import stat
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from errors import OutputError, RasterError
from tiles.raster import atomic_output, read_raster, write_raster

ROOT = Path(__file__).resolve().parents[2]
DTYPES = ["uint8", "uint16", "int16", "float32"]
LAYOUTS = {
    "one strip": {},
    "strips": {"rowsperstrip": 5},
    "tiles": {"tile": (16, 16)},
    "big-endian": {"byteorder": ">", "rowsperstrip": 5},
    "BigTIFF": {"bigtiff": True},
    "LZW strips": {"compression": "lzw", "rowsperstrip": 5},
    "LZW tiles": {"compression": "lzw", "tile": (16, 16)},
    "deflate strips": {"compression": "zlib", "rowsperstrip": 5},
    "deflate tiles": {"compression": "zlib", "tile": (16, 16)},
    "old deflate": {"compression": "deflate"},
    "PackBits": {"compression": "packbits", "rowsperstrip": 5},
    "LZMA": {"compression": "lzma"},
    "Zstandard": {"compression": "zstd"},
}
PREDICTED = {
    "LZW": {"compression": "lzw", "rowsperstrip": 5},
    "deflate": {"compression": "zlib", "rowsperstrip": 5},
    "deflate tiles": {"compression": "zlib", "tile": (16, 16)},
}


def numbers(dtype: str, shape: tuple[int, int] = (37, 23)) -> np.ndarray:
    """An image that uses the dtype's range, negative numbers and fractions included."""
    random = np.random.default_rng(0)
    if np.dtype(dtype).kind == "f":
        return random.normal(0, 1000, shape).astype(dtype)
    info = np.iinfo(dtype)
    return random.integers(info.min, info.max, shape, endpoint=True).astype(dtype)


def assert_reads_back(path: Path, image: np.ndarray) -> None:
    read, _ = read_raster(path)
    assert read.dtype.newbyteorder("=") == image.dtype
    np.testing.assert_array_equal(read, image)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_reads_every_layout(tmp_path, layout, dtype):
    image = numbers(dtype)
    tifffile.imwrite(tmp_path / "a.tif", image, **LAYOUTS[layout])
    assert_reads_back(tmp_path / "a.tif", image)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", PREDICTED)
def test_reads_predictors(tmp_path, layout, dtype):
    """Predictor 3 is for floating-point numbers, 2 for integers."""
    predictor = 3 if dtype == "float32" else 2
    image = numbers(dtype)
    tifffile.imwrite(tmp_path / "a.tif", image, predictor=predictor, **PREDICTED[layout])
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        assert tif.pages[0].predictor == predictor
    assert_reads_back(tmp_path / "a.tif", image)


@pytest.mark.parametrize("suffix", [".tif", ".TIF", ".tiff", ".TIFF"])
def test_reads_every_suffix(tmp_path, suffix):
    tifffile.imwrite(tmp_path / f"a{suffix}", numbers("uint16"))
    assert_reads_back(tmp_path / f"a{suffix}", numbers("uint16"))


@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    dtype=st.sampled_from(DTYPES),
    layout=st.sampled_from(sorted(LAYOUTS)),
)
def test_reads_any_shape(tmp_path, shape, dtype, layout):
    """Rows and columns stay what they are, also where one of them is 1."""
    image = numbers(dtype, shape)
    tifffile.imwrite(tmp_path / "a.tif", image, **LAYOUTS[layout])
    assert_reads_back(tmp_path / "a.tif", image)


def test_overviews_do_not_count(tmp_path):
    """Reduced copies on further pages, as GDAL adds them, are no further bands."""
    image = numbers("uint16")
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        tif.write(image, metadata=None)
        tif.write(image[::2, ::2], metadata=None, subfiletype=1)
    assert_reads_back(tmp_path / "a.tif", image)


def geo_tags(path: Path) -> dict[int, tuple]:
    """The GeoTIFF tags of a file as they stand in it."""
    with tifffile.TiffFile(path) as tif:
        tags = tif.pages[0].tags
        return {tag.code: (int(tag.dtype), tag.count, tag.value) for tag in tags if 33550 <= tag.code <= 34737}


SCALE_AND_TIEPOINT = [
    (33550, 12, 3, (30.0, 30.0, 0.0), True),
    (33922, 12, 6, (0.0, 0.0, 0.0, 567945.0, 3771855.0, 0.0), True),
    (34735, 3, 8, (1, 1, 0, 1, 1026, 34737, 22, 0), True),
    (34737, 2, 0, "WGS 84 / UTM zone 43N|", True),
]
AFFINE_AND_PARAMETERS = [
    (34264, 12, 16, tuple(float(number) for number in range(16)), True),
    (34735, 3, 8, (1, 1, 0, 1, 2057, 34736, 1, 0), True),
    (34736, 12, 1, (6378137.0,), True),
]


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("tags", [SCALE_AND_TIEPOINT, AFFINE_AND_PARAMETERS], ids=["utm", "affine"])
def test_georeference_is_written_as_it_was_read(tmp_path, tags, byteorder):
    tifffile.imwrite(tmp_path / "in.tif", numbers("float32"), extratags=tags, byteorder=byteorder)
    assert len(geo_tags(tmp_path / "in.tif")) == len(tags)
    _, georeference = read_raster(tmp_path / "in.tif")
    write_raster(tmp_path / "out.tif", numbers("uint8"), georeference)
    assert geo_tags(tmp_path / "out.tif") == geo_tags(tmp_path / "in.tif")
    _, again = read_raster(tmp_path / "out.tif")
    assert again == georeference


def test_no_georeference_stays_none(tmp_path):
    write_raster(tmp_path / "a.tif", numbers("uint8"))
    assert geo_tags(tmp_path / "a.tif") == {}
    assert read_raster(tmp_path / "a.tif")[1] is None


@given(shape=st.tuples(st.integers(1, 30), st.integers(1, 30)), dtype=st.sampled_from(DTYPES))
def test_write_and_read_back(tmp_path, shape, dtype):
    image = numbers(dtype, shape)
    write_raster(tmp_path / "a.tif", image)
    assert_reads_back(tmp_path / "a.tif", image)


def test_write_makes_the_folder_and_replaces(tmp_path):
    path = tmp_path / "new" / "folder" / "a.tif"
    for dtype in ("uint8", "uint16"):
        write_raster(path, numbers(dtype))
        assert_reads_back(path, numbers(dtype))
    assert [entry.name for entry in path.parent.iterdir()] == ["a.tif"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644, "readable by others, unlike other temporary files"


@pytest.mark.parametrize("below", ["a.tif", "masks/a.tif"])
def test_folder_that_cannot_be_written(tmp_path, below, one_sentence):
    """The folder is a file: fails for every user, root included."""
    (tmp_path / "taken").write_text("kept")
    path = tmp_path / "taken" / below
    with pytest.raises(OutputError, match="cannot be written") as error:
        write_raster(path, numbers("uint8"))
    one_sentence(error.value, path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["taken"]
    assert (tmp_path / "taken").read_text() == "kept"


def test_target_that_is_a_folder(tmp_path, one_sentence):
    (tmp_path / "a.tif").mkdir()
    with pytest.raises(OutputError) as error:
        write_raster(tmp_path / "a.tif", numbers("uint8"))
    one_sentence(error.value, tmp_path / "a.tif")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.tif"]


@pytest.mark.parametrize(
    ("failure", "raised"),
    [
        (OSError(28, "No space left on device"), OutputError),
        (ValueError("bug"), ValueError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
    ids=["full disk", "bug", "interrupt"],
)
@pytest.mark.parametrize("before", [None, b"the old mask"], ids=["new", "replacing"])
def test_failing_write_leaves_what_was_there(tmp_path, failure, raised, before):
    path = tmp_path / "a.tif"
    if before is not None:
        path.write_bytes(before)
    with pytest.raises(raised), atomic_output(path) as temporary:
        temporary.write_bytes(b"half a ma")
        raise failure
    assert [entry.read_bytes() for entry in tmp_path.iterdir()] == ([] if before is None else [before])


@pytest.mark.parametrize("broken", [False, True], ids=["missing", "half installed"])
def test_a_compressed_file_without_imagecodecs_says_what_to_install(broken, tmp_path, monkeypatch, one_sentence):
    """tifffile says so itself, or a part of imagecodecs fails when it is imported."""
    path = tmp_path / "compressed.tif"
    tifffile.imwrite(path, numbers("uint16"), compression="lzw")

    def refuse(page: object) -> None:
        if broken:
            raise ImportError("libtiff.so: cannot open shared object file")
        raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")

    monkeypatch.setattr(tifffile.TiffPage, "asarray", refuse)
    with pytest.raises(RasterError) as caught:
        read_raster(path)
    one_sentence(caught.value, path)
    assert "run `pip install imagecodecs`" in str(caught.value)
