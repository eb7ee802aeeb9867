"""Rasters that cannot be read: every damage is one clear sentence, said before anything is decoded."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from errors import RasterError
from tests.tiles.test_raster import LAYOUTS, numbers
from tiles.raster import read_raster

ROOT = Path(__file__).resolve().parents[2]


def write_header(path: Path, rows: int, columns: int) -> None:
    """A TIFF of 130 bytes that claims rows x columns uint8 pixels in one strip."""
    entries = [
        (256, 4, 1, columns),
        (257, 4, 1, rows),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, 122),
        (277, 3, 1, 1),
        (278, 4, 1, rows),
        (279, 4, 1, 8),
    ]
    directory = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    path.write_bytes(struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + directory + struct.pack("<I", 0) + bytes(8))


def write_truncated(path: Path) -> None:
    tifffile.imwrite(path, numbers("float32"), compression="zlib", rowsperstrip=5)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def write_few_strips(path: Path) -> None:
    """A header that lists 3 of 8 strips."""
    tifffile.imwrite(path, numbers("float32"), compression="zlib", rowsperstrip=5, metadata=None)
    with tifffile.TiffFile(path) as tif:
        counts = [tif.pages[0].tags[code].offset + 4 for code in (273, 279)]
    damaged = bytearray(path.read_bytes())
    for place in counts:
        damaged[place : place + 4] = struct.pack("<I", 3)
    path.write_bytes(damaged)


def write_patched(path: Path, code: int, number: int) -> None:
    """Another number in one tag of an LZW image."""
    tifffile.imwrite(path, numbers("uint16"), compression="lzw", metadata=None)
    with tifffile.TiffFile(path) as tif:
        tag = tif.pages[0].tags[code]
    damaged = bytearray(path.read_bytes())
    damaged[tag.valueoffset : tag.valueoffset + 2] = struct.pack("<H", number)
    path.write_bytes(damaged)


def write_crashing(path: Path) -> None:
    """LZW data whose first code after the clear code is no byte; imagecodecs dies of it."""
    tifffile.imwrite(path, numbers("uint16"), compression="lzw", metadata=None)
    with tifffile.TiffFile(path) as tif:
        (offset,) = tif.pages[0].dataoffsets
    damaged = bytearray(path.read_bytes())
    damaged[offset : offset + 3] = 0b100000000_111111111_000000.to_bytes(3, "big")
    path.write_bytes(damaged)


def write_scrambled(path: Path) -> None:
    """Compressed strips overwritten with rubbish."""
    tifffile.imwrite(path, numbers("float32"), compression="zlib", metadata=None)
    with tifffile.TiffFile(path) as tif:
        (offset,), (count,) = tif.pages[0].dataoffsets, tif.pages[0].databytecounts
    damaged = bytearray(path.read_bytes())
    damaged[offset : offset + count] = b"\xaa" * count
    path.write_bytes(damaged)


BAD_FILES = {
    "missing": (lambda path: None, "no such file"),
    "folder": (Path.mkdir, "cannot be read"),
    "zero bytes": (lambda path: path.write_bytes(b""), "not a TIFF"),
    "text": (lambda path: path.write_text("band,value\n1,2\n"), "not a TIFF"),
    "PNG": (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99)), "not a TIFF"),
    "no page": (lambda path: path.write_bytes(b"II*\0" + bytes(4)), "cannot be read"),
    "truncated": (write_truncated, "is truncated"),
    "few strips": (write_few_strips, "lists 3 of 8 strips"),
    "scrambled": (write_scrambled, "cannot be read"),
    "crashing LZW": (write_crashing, "a corrupt LZW strip"),
    "no data in a strip": (lambda path: write_patched(path, 279, 0), "strips without data"),
    "JPEG": (lambda path: write_patched(path, 259, 7), "is compressed as JPEG"),
    "unknown compression": (lambda path: write_patched(path, 259, 4242), "is compressed as"),
    "twelve bits": (lambda path: write_patched(path, 258, 12), "packs values of 12 bits"),
    "colour": (
        lambda path: tifffile.imwrite(path, np.zeros((8, 9, 3), np.uint8), photometric="rgb"),
        "one band",
    ),
    "colour row": (
        lambda path: tifffile.imwrite(path, np.zeros((1, 9, 3), np.uint8), photometric="rgb"),
        "one band",
    ),
    "two pages": (
        lambda path: tifffile.imwrite(path, np.zeros((2, 8, 9), np.uint8), photometric="minisblack"),
        "one band",
    ),
    "complex": (lambda path: tifffile.imwrite(path, np.zeros((8, 9), np.complex64)), "complex64"),
    "oversize": (lambda path: write_header(path, 100_000, 100_000), "claims 100000 x 100000 pixels"),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_bad_file_is_one_sentence(tmp_path, kind, one_sentence):
    make, words = BAD_FILES[kind]
    path = tmp_path / "img001.tif"
    make(path)
    with pytest.raises(RasterError, match=words) as error:
        read_raster(path)
    one_sentence(error.value, path)


def test_oversize_is_refused_before_decoding(tmp_path, monkeypatch):
    write_header(tmp_path / "small.tif", 2, 4)
    assert read_raster(tmp_path / "small.tif")[0].shape == (2, 4), "the crafted header is a sound one"
    monkeypatch.setattr(tifffile.TiffPage, "asarray", lambda *_, **__: pytest.fail("was decoded"))
    write_header(tmp_path / "big.tif", 100_000, 100_000)
    with pytest.raises(RasterError, match="claims"):
        read_raster(tmp_path / "big.tif")


@pytest.mark.parametrize("layout", ["strips", "tiles", "LZW strips", "deflate tiles"])
def test_truncation_anywhere_is_noticed(tmp_path, layout):
    tifffile.imwrite(tmp_path / "a.tif", numbers("uint16", (20, 18)), metadata=None, **LAYOUTS[layout])
    whole = (tmp_path / "a.tif").read_bytes()
    for length in [*range(0, len(whole), 11), len(whole) - 1]:
        (tmp_path / "cut.tif").write_bytes(whole[:length])
        with pytest.raises(RasterError, match="cut.tif"):
            read_raster(tmp_path / "cut.tif")


def test_damage_prints_nothing(tmp_path):
    """What is wrong stands in the exception; tifffile's own complaints do not mix with it on stderr."""
    (tmp_path / "a.tif").write_bytes(b"II*\0\x08\0\0\0")
    code = (
        "import sys; from pathlib import Path; from errors import RasterError; from tiles.raster import read_raster\n"
        "try: read_raster(Path(sys.argv[1]))\n"
        "except RasterError: print('named')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.tif")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert (done.stdout.strip(), done.stderr) == ("named", "")
