"""Opens the rasters of a scene; errors name the file."""

from __future__ import annotations

from typing import Any

import rasterio
from rasterio.errors import RasterioError

from errors import RasterError
from tiles.raster import one_line


def open_raster(path: str, threads: int = 1) -> Any:
    """Open a raster for reading; ``threads`` decode it. Raises RasterError, naming the file, where that fails."""
    try:
        return rasterio.open(path, num_threads=threads) if threads > 1 else rasterio.open(path)
    except RasterioError as problem:
        raise unreadable(path, problem) from None


def is_virtual(path: str) -> bool:
    """Whether it is no path but a text in GDAL's virtual format, which opens like a file."""
    return path.startswith("<VRTDataset")


def unreadable(path: str, problem: Exception) -> RasterError:
    """Make the error that tells of a missing or damaged file."""
    name = "a file of the scene" if is_virtual(path) else path
    return RasterError(f"{name}: cannot be read ({one_line(problem)}); copy or download the file again.")


def nodata_of(path: str, index: int = 1) -> tuple[float, ...]:
    """Read the number that a file names as nodata in one of its bands, if it names one."""
    with open_raster(path) as source:
        value = source.nodatavals[index - 1]
    return () if value is None else (float(value),)
