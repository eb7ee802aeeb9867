"""RGB rasters of lakes: mosaics of any size and the regions cut from them.

``python -m lakes regions`` writes OUT/<image without its suffix>/region_<n>.tif, the layout that all other commands
read: uint8 RGB, in the mosaic's coordinate system and on its pixels, 0 outside the region's polygon and as nodata,
with the tags IMAGE (file name of the mosaic) and REGION_NUM.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rasterio.enums import ColorInterp

from errors import GridError, ProductError
from scenes.source import open_raster

RGB = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
TAGS = ("IMAGE", "REGION_NUM")


@dataclass(frozen=True)
class RegionFile:
    """A region of one image: ``image`` is the file name of the mosaic it was cut from."""

    path: Path
    image: str
    region_num: int


def region_path(folder: Path, image: str, region_num: int) -> Path:
    """Where a region of an image lies."""
    return folder / Path(image).stem / f"region_{region_num}.tif"


def find_regions(folder: Path) -> list[RegionFile]:
    """The regions in a folder, by image and number; raises ProductError where there is none or one has no tags."""
    found = [region_file(path) for path in folder.glob("*/region_*.tif")]
    if not found:
        raise ProductError(f"{folder}: holds no <image>/region_<n>.tif; cut them with python -m lakes regions.")
    return sorted(found, key=lambda one: (one.image, one.region_num))


def region_file(path: Path) -> RegionFile:
    """What the tags of one region's file say."""
    with open_raster(str(path)) as source:
        image, number = (source.tags().get(tag, "") for tag in TAGS)
    if not image or not number.isdigit():
        raise ProductError(f"{path}: lacks the tags {' and '.join(TAGS)}; cut it with python -m lakes regions.")
    return RegionFile(path, image, int(number))


def rgb_bands(source: Any, path: Path) -> list[int]:
    """Numbers of the red, green and blue band of an opened raster.

    Raises ProductError where they are missing or not 8-bit, GridError where the raster has no coordinate system.
    """
    if source.count < 3:
        raise ProductError(
            f"{path}: has {source.count} band(s), but red, green and blue are needed; give an RGB mosaic."
        )
    kinds = source.colorinterp
    numbers = [kinds.index(kind) + 1 for kind in RGB] if set(RGB) <= set(kinds) else [1, 2, 3]
    if any(source.dtypes[number - 1] != "uint8" for number in numbers):
        raise ProductError(
            f"{path}: holds {source.dtypes[numbers[0] - 1]} values, but the colours are of 0 to 255; scale it, for "
            "example with gdal_translate -ot Byte -scale."
        )
    if source.crs is None:
        raise GridError(
            f"{path}: has no coordinate system; assign one, for example with gdal_edit.py -a_srs EPSG:3857."
        )
    return numbers
