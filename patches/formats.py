"""The formats that labelled images come in, recognised by what lies in a folder."""

from __future__ import annotations

from pathlib import Path

from errors import LayoutError, SettingError
from patches import hkh
from patches.challenge import open_tiles
from patches.folders import image_folders, is_mask, open_folders, open_rasters, rasters_of
from patches.image import Image, pick_bands, same_bands
from tiles.folder import BAND_FOLDER_PATTERN

FORMATS = ("hkh", "folders", "raster", "challenge")
ORIGINAL = "original"  # bands of an HKH slice


def open_images(
    data: Path, kind: str = "auto", labels: str = "binary", truth: Path | None = None, bands: str = ""
) -> list[Image]:
    """The labelled images of a folder or file, all with the same bands.

    ``kind``: one of FORMATS, or ``auto``. ``bands``: names or numbers from 1, separated by commas; of HKH slices also
    ``original``, and where none are asked for the five of the challenge. Raises LayoutError, SettingError, RasterError,
    ShapeError, GridError or CodingError, each naming the file.
    """
    kind = recognised(data) if kind == "auto" else kind
    if kind == "hkh" and labels != "binary":
        raise SettingError(f"--labels {labels}: HKH slices have masks of their own; leave it out.")
    if truth is not None and kind != "raster":
        raise SettingError(f"--truth {truth}: is for rasters, but {data} holds the format {kind}; leave it out.")
    if kind == "hkh":
        images = hkh.open_slices(data)
        bands = hkh_bands(bands)
    elif kind == "folders":
        images = open_folders(data, labels)
    elif kind == "challenge":
        images = open_tiles(data, labels)
    else:
        images = open_rasters(data, truth, labels)
    if not images:
        raise LayoutError(f"{data}: holds no image in the format {kind}; give another folder or --format.")
    picked = pick_bands(images, [word.strip() for word in bands.split(",")] if bands else [])
    same_bands(picked)
    return picked


def hkh_bands(bands: str) -> str:
    """The bands of HKH slices that are meant where none are named, and by ``original``."""
    named = {"": hkh.DEFAULT_BANDS, ORIGINAL: hkh.ORIGINAL_BANDS}
    return ",".join(named[bands]) if bands in named else bands


def recognised(data: Path) -> str:
    """The format of a folder or file; raises LayoutError where it is none."""
    if not data.exists():
        raise LayoutError(f"{data}: no such file or folder; check the name.")
    if data.is_file():
        return "raster"
    if any(BAND_FOLDER_PATTERN.match(path.name) for path in data.iterdir() if path.is_dir()):
        return "challenge"
    if image_folders(data):
        return "folders"
    if hkh.find_slices(data):
        return "hkh"
    if any(not is_mask(path) for path in rasters_of(data)):
        return "raster"
    raise LayoutError(
        f"{data}: is in no format that is known; give slice_X_img_Y.npy files, images/ with masks/, rasters with "
        "NAME_mask.tif or outlines beside them, or Band1/ to Band5/ with label/."
    )
