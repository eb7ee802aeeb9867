"""Opens a scene of any known kind; the path tells which."""

from __future__ import annotations

import datetime
import re
from dataclasses import replace
from pathlib import Path

from errors import ProductError, SettingError
from scenes.files import PACKED, Files, files_of, is_archive
from scenes.geotiff import open_geotiff
from scenes.hls import is_hls, open_hls
from scenes.landsat import is_landsat, open_landsat
from scenes.mosaic import open_mosaic
from scenes.plausible import grid_notes
from scenes.scene import Scene
from scenes.sentinel import is_safe, is_sentinel, open_sentinel
from scenes.stac import open_stac

KNOWN = (
    "a folder, .tar, .tar.gz or .zip of Landsat 4 to 9 Collection 2, Sentinel-2 SAFE or HLS, a STAC item beside its "
    "assets, a GeoTIFF with --bands, or a folder with Band1 to Band5"
)
RASTERS = (".tif", ".tiff", ".vrt")
ADDRESS = re.compile(r"(https?|ftp|s3|gs|az):/+", re.IGNORECASE)


def open_scene(
    place: Path, bands: str | None = None, clouds: bool = False, thermal: str | None = None, date: str | None = None
) -> Scene:
    """Open the scene that a path holds.

    ``bands`` names those of a GeoTIFF, ``thermal`` the unit of its thermal band (celsius, kelvin or kelvin*10). With
    ``clouds``, pixels flagged as cloud or cloud shadow are valid too. ``date`` (YYYY-MM-DD) is that of a scene that
    states none.

    Raises ProductError, GridError, RasterError, CodingError or SettingError, each naming what is wrong.
    """
    check_date(date)
    address = ADDRESS.match(str(place))
    if address:
        told = f"{address[1]}://{str(place)[address.end() :]}"  # a path knows no two slashes
        raise ProductError(f"{told}: is a web address; download the product and give the file or folder.")
    if not place.exists():
        raise ProductError(f"{place}: no such file or folder; give {KNOWN}.")
    scene = opened(place, bands, clouds, thermal, date or "")
    if date and scene.date not in ("", date):
        raise ProductError(f"{place}: was taken on {scene.date}, but --date says {date}; leave --date out.")
    notes = (*scene.notes, *grid_notes(scene.name, scene.grid))
    return replace(scene, date=scene.date or date or "", notes=notes)


def check_date(date: str | None) -> None:
    """Check that a date is one, as YYYY-MM-DD; raises SettingError."""
    try:
        datetime.datetime.strptime(date or "2000-01-01", "%Y-%m-%d")
    except ValueError:
        raise SettingError(f"--date {date}: is no date; write it as 2020-08-26.") from None


def opened(place: Path, bands: str | None, clouds: bool, thermal: str | None, date: str) -> Scene:
    """Open a scene by its kind; raises ProductError where there is none."""
    if place.is_file() and place.suffix.lower() in RASTERS:
        return open_geotiff(place, bands, thermal, date)
    if place.is_dir() and any(
        re.match(r"(?i)band[ _-]?[1-5]$", path.name) for path in place.iterdir() if path.is_dir()
    ):
        return open_mosaic(place, thermal)
    if thermal is not None:
        raise ProductError(f"{place}: says itself what its thermal band means; leave --thermal out.")
    if place.is_file() and place.suffix.lower() == ".json":
        return open_stac(place, clouds)
    if place.is_dir() or is_archive(place):
        scene = open_product(files_of(place), clouds)
        slow = (f"{place.name}: is packed as a whole and slow to read; unpack it where it is large",)
        return replace(scene, notes=scene.notes + (slow if place.name.lower().endswith(PACKED) else ()))
    raise ProductError(f"{place}: is no product that is known; give {KNOWN}.")


def open_product(files: Files, clouds: bool) -> Scene:
    """Open a product by its files' names; raises ProductError where they are no product's."""
    place = files.place
    if is_safe(place) or is_sentinel(files):
        return open_sentinel(files_of(place, deep=True) if place.is_dir() else files, clouds)
    if is_landsat(files):
        return open_landsat(files, clouds)
    if is_hls(files):
        return open_hls(files, clouds)
    raise ProductError(f"{place}: is no product that is known; give {KNOWN}.")
