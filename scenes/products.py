"""Opens a scene of any known kind; the path tells which."""

from __future__ import annotations

import re
from pathlib import Path

from errors import ProductError
from scenes.geotiff import open_geotiff, parse_bands
from scenes.landsat import is_landsat, open_landsat, product_files
from scenes.mosaic import open_mosaic
from scenes.scene import Scene
from scenes.sentinel import is_sentinel, open_sentinel

KNOWN = (
    "a Landsat 8/9 Collection-2 folder or .tar, a Sentinel-2 SAFE folder, a GeoTIFF with --bands, or a folder with "
    "Band1 to Band5"
)


def open_scene(place: Path, bands: str | None = None, clouds: bool = False) -> Scene:
    """Open the scene that a path holds.

    ``bands`` names those of a GeoTIFF. With ``clouds``, pixels flagged as cloud or cloud shadow are valid too.

    Raises ProductError, GridError, RasterError or CodingError, each naming the file.
    """
    if not place.exists():
        raise ProductError(f"{place}: no such file or folder; give {KNOWN}.")
    if place.is_file() and place.suffix.lower() in (".tif", ".tiff", ".vrt"):
        if bands is None:
            raise ProductError(
                f"{place}: which of its bands is which is not known; add --bands blue=1,green=2,red=3,swir1=4."
            )
        return open_geotiff(place, parse_bands(bands))
    if is_sentinel(place):
        return open_sentinel(place, clouds)
    if place.is_dir() and any(
        re.match(r"(?i)band[ _-]?[1-5]$", path.name) for path in place.iterdir() if path.is_dir()
    ):
        return open_mosaic(place)
    if place.is_dir() or place.suffix.lower() == ".tar":
        files = product_files(place)
        if is_landsat(files):
            return open_landsat(place, files, clouds)
    raise ProductError(f"{place}: is no product that is known; give {KNOWN}.")
