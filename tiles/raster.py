"""Single-band rasters on disk: checked reading, atomic writing, georeference kept."""

from __future__ import annotations

import logging
import math
import os
import tempfile
import time
from contextlib import suppress
from itertools import islice
from pathlib import Path

import numpy as np
import tifffile

from errors import OutputError, RasterError
from tiles.lzw import lzw_problem
from tiles.tile import Georeference

# A whole Landsat scene has 6e7 pixels; anything far beyond is a damaged header or an attack.
MAX_PIXELS = 2**29
FREE_BYTES, LARGEST_RATIO = 2**26, 300  # a larger image may be at most so many times its file
MAX_PAGES = 64  # that are looked at: an image and its overviews
GEO_TAGS = (33550, 33922, 34264, 34735, 34736, 34737)
ASCII_TAG = 34737
NODATA_TAG = 42113  # GDAL_NODATA: a number as text
READABLE_KINDS = "uif"
LZW = 5
# None, LZW, deflate (two numbers), PackBits, LZMA, Zstandard: what bands come in. The forty others that tifffile
# knows are lossy or for pictures of other kinds, and each of their decoders is one more that a bad file can crash.
COMPRESSIONS = (1, LZW, 8, 32946, 32773, 34925, 50000)
PARTIAL = ".partial"  # ends the name of what a run that was killed left behind, so that nobody takes it for a mask
OLD_SECONDS = 3600  # after which such a file is removed
logging.getLogger("tifffile").addHandler(logging.NullHandler())  # it is RasterError that speaks on stderr


def read_raster(path: Path) -> tuple[np.ndarray, Georeference | None]:
    """Read a single-band TIFF's (H, W) array and its georeference, as ``read_band`` does."""
    return read_band(path)[:2]


def read_band(path: Path) -> tuple[np.ndarray, Georeference | None, tuple[float, ...]]:
    """Read a single-band TIFF of any strip, tile or compression layout.

    Returns the (H, W) array in the file's own dtype, its georeference, or None where it has none, and the values
    that it names as nodata (GDAL_NODATA), of which there is one at most.
    Raises RasterError when the file is missing, truncated, no TIFF, too large or not a single 2-D band.
    """
    try:
        with tifffile.TiffFile(path) as tif:
            page = tif.pages.first
            pages = [other for other in islice(tif.pages, MAX_PAGES) if isinstance(other, tifffile.TiffPage)]
            images = sum(not (other.is_reduced or other.is_mask) for other in pages)  # overviews do not count
            if page.samplesperpixel != 1 or page.imagedepth != 1 or images != 1:
                raise RasterError(
                    f"{path}: holds an image of shape {page.shape} on {images} page(s); "
                    "give one file with one band each."
                )
            if page.imagelength * page.imagewidth > MAX_PIXELS:
                raise RasterError(
                    f"{path}: claims {page.imagelength} x {page.imagewidth} pixels, more than "
                    f"the {MAX_PIXELS} that are read; cut it into smaller tiles."
                )
            if page.dtype is None or page.dtype.kind not in READABLE_KINDS:
                raise RasterError(f"{path}: holds {page.dtype} values; give integers or floating-point numbers.")
            check_coding(path, page)
            check_size(path, page)
            check_strips(path, page)
            image = page.asarray().reshape(page.imagelength, page.imagewidth)
            return image, read_georeference(page), read_nodata(page)
    except RasterError:
        raise
    except FileNotFoundError:
        raise RasterError(f"{path}: no such file; check the folder.") from None
    except Exception as problem:  # tifffile raises many kinds on damaged files; each means the same to a user
        if isinstance(problem, ImportError) or "imagecodecs" in str(problem):
            raise RasterError(
                f"{path}: is compressed, which needs the package imagecodecs; run `pip install imagecodecs`."
            ) from None
        raise RasterError(
            f"{path}: cannot be read as a TIFF ({one_line(problem)}); copy or download the file again."
        ) from None


def check_size(path: Path, page: tifffile.TiffPage) -> None:
    """Refuse a small file that claims to unpack into a huge image: no picture of the ground is that even."""
    size, claimed = os.path.getsize(path), page.imagelength * page.imagewidth * np.dtype(page.dtype).itemsize
    if claimed > FREE_BYTES and claimed > size * LARGEST_RATIO:
        raise RasterError(
            f"{path}: claims {claimed} bytes of image in a file of {size}; copy or download the file again."
        )


def check_coding(path: Path, page: tifffile.TiffPage) -> None:
    """Refuse compressions and sample sizes that no band comes in."""
    if page.compression not in COMPRESSIONS:
        name = getattr(page.compression, "name", page.compression)
        raise RasterError(f"{path}: is compressed as {name}; save it uncompressed or with LZW or deflate.")
    if page.dtype is not None and page.bitspersample != 8 * page.dtype.itemsize:
        raise RasterError(f"{path}: packs values of {page.bitspersample} bits; save it with 8, 16, 32 or 64.")
    if page.fillorder != 1:
        raise RasterError(f"{path}: stores the bits of its bytes in reverse; save it again as a plain GeoTIFF.")


def check_strips(path: Path, page: tifffile.TiffPage) -> None:
    """Refuse a file that lacks strips, as tifffile would fill in zeros, or has some that its decoder cannot stand."""
    listed, needed = min(len(page.dataoffsets), len(page.databytecounts)), math.prod(page.chunked)
    if listed < needed:
        raise RasterError(f"{path}: is damaged (lists {listed} of {needed} strips); copy or download the file again.")
    strips = list(zip(page.dataoffsets, page.databytecounts))
    size, end = os.path.getsize(path), max((offset + count for offset, count in strips), default=0)
    if end > size:
        raise RasterError(f"{path}: is truncated ({size} bytes of at least {end}); copy or download the file again.")
    if any(offset and not count for offset, count in strips):
        raise RasterError(f"{path}: is damaged (holds strips without data); copy or download the file again.")
    if page.compression == LZW:
        for offset, count in strips:
            page.parent.filehandle.seek(offset)
            problem = lzw_problem(page.parent.filehandle.read(count))
            if problem:
                raise RasterError(f"{path}: holds {problem}; copy or download the file again.")


def read_georeference(page: tifffile.TiffPage) -> Georeference | None:
    """Read the GeoTIFF tags of a page; None where it has none."""
    tags = []
    for code in GEO_TAGS:
        tag = page.tags.get(code)
        if tag is not None:
            count = 0 if code == ASCII_TAG else tag.count
            tags.append((code, int(tag.dtype), count, tag.value))
    return Georeference(tuple(tags)) if tags else None


def read_nodata(page: tifffile.TiffPage) -> tuple[float, ...]:
    """Read the value that the page's GDAL_NODATA names, if any; GDAL, too, ignores what is no number."""
    tag = page.tags.get(NODATA_TAG)
    try:
        return () if tag is None else (float(tag.value),)
    except (TypeError, ValueError):
        return ()


def write_raster(path: Path, image: np.ndarray, georeference: Georeference | None = None) -> None:
    """Write a (H, W) array as a deflate-compressed TIFF, whole or not at all.

    Raises OutputError when the folder cannot be written to.
    """
    tags = [
        (code, dtype, count, value, True) for code, dtype, count, value in (georeference.tags if georeference else ())
    ]
    with atomic_output(path) as temporary:
        tifffile.imwrite(
            temporary,
            image,
            compression="zlib",
            photometric="minisblack",
            extratags=tags,
            metadata=None,
            software=False,
        )


class atomic_output:  # noqa: N801  (reads as a verb in a with statement)
    """Context manager: gives a temporary path beside ``path`` and moves it there on success."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    def __enter__(self) -> Path:
        """Create the folder and the temporary file; OutputError when that is not possible."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f".{self.path.name}.", suffix=PARTIAL, dir=self.path.parent)
        except OSError as problem:
            raise OutputError(
                f"{self.path}: cannot be written ({problem.strerror or problem}); choose another output folder."
            ) from None
        os.close(handle)
        self.temporary = Path(name)
        return self.temporary

    def __exit__(self, kind: object, problem: object, trace: object) -> None:
        """Move the finished file into place, or remove what was begun."""
        if problem is None:
            try:
                os.chmod(self.temporary, 0o644)  # mkstemp makes private files
                os.replace(self.temporary, self.path)
                return
            except OSError as failure:
                problem = failure
        self.temporary.unlink(missing_ok=True)
        if isinstance(problem, OSError):
            raise OutputError(
                f"{self.path}: cannot be written ({problem.strerror or problem}); "
                "free space or choose another output folder."
            ) from None


def remove_leftovers(folder: Path) -> None:
    """Remove what killed runs left in a folder, if it is too old to belong to a run that is still at work."""
    for path in folder.glob(f".*{PARTIAL}*"):  # some drivers insist on a suffix of their own
        with suppress(OSError):  # another run may have removed it, or the folder is not ours
            if time.time() - path.stat().st_mtime > OLD_SECONDS:
                path.unlink()


def one_line(problem: BaseException) -> str:
    """An exception's own words on one line, short enough to read."""
    return (" ".join(str(problem).split()) or type(problem).__name__)[:120]
