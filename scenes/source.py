"""Opens the rasters of a scene; errors name the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import rasterio
from rasterio.errors import RasterioError
from rasterio.transform import Affine

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


def nodata_of(source: Any, index: int = 1) -> tuple[float, ...]:
    """The number that an open file names as nodata in one of its bands, if it names one."""
    value = source.nodatavals[index - 1]
    return () if value is None else (float(value),)


def virtual_raster(shape: tuple[int, int], crs: str, affine: Affine, kind: str, content: str) -> str:
    """A raster of one band in GDAL's virtual format, as a text that opens like a file; nothing is copied.

    ``shape`` (H, W); ``crs`` as WKT; ``kind`` of its numbers, as GDAL calls it; ``content``: its sources, and what else
    the band has.
    """
    transform = ",".join(repr(value) for value in affine.to_gdal())
    return (
        f'<VRTDataset rasterXSize="{shape[1]}" rasterYSize="{shape[0]}"><SRS>{escape(crs)}</SRS>'
        f"<GeoTransform>{transform}</GeoTransform>"
        f'<VRTRasterBand dataType="{kind}" band="1">{content}</VRTRasterBand></VRTDataset>'
    )


def virtual_source(
    path: str, band: str, shape: tuple[int, int], place: tuple[int, int] = (0, 0), nodata: float | None = None
) -> str:
    """A whole file of a virtual raster, from row and column ``place``; its ``nodata`` hides nothing beneath it."""
    size, kind = f'xSize="{shape[1]}" ySize="{shape[0]}"', "SimpleSource" if nodata is None else "ComplexSource"
    return (
        f"<{kind}><SourceFilename>{escape(str(Path(path).resolve()))}</SourceFilename><SourceBand>{band}</SourceBand>"
        f'<SrcRect xOff="0" yOff="0" {size}/><DstRect xOff="{place[1]}" yOff="{place[0]}" {size}/>'
        f"{'' if nodata is None else f'<NODATA>{nodata!r}</NODATA>'}</{kind}>"
    )
