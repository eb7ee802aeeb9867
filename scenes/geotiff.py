"""A GeoTIFF of several bands as a scene; the user or the file's band descriptions say which band is which."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rasterio.enums import ColorInterp, MaskFlags

from errors import ProductError
from scenes.degrees import is_in_degrees, lost_rows, metric_grid, warped_band
from scenes.grid import grid_of
from scenes.recognised import recognised_scene
from scenes.scene import Band, Quality, Scene
from scenes.source import nodata_of, open_raster, virtual_raster, virtual_source
from tiles.tile import BAND_NAMES, OPTICAL_BANDS

EXAMPLE = "blue=1,green=2,red=3,swir1=4,thermal=5"
# what exporters call bands, in small letters without what divides words; SR_B6 exists for Landsat 8 and 9 alone
WORDS = {
    **dict(zip(BAND_NAMES, BAND_NAMES)),
    "swir": "swir1",
    "swir16": "swir1",
    "lwir": "thermal",
    "lwir11": "thermal",
    "temperature": "thermal",
}
OLI_CODES = {"srb2": "blue", "srb3": "green", "srb4": "red", "srb6": "swir1", "stb10": "thermal"}
TM_CODES = {"srb1": "blue", "srb2": "green", "srb3": "red", "srb5": "swir1", "stb6": "thermal"}


def parse_bands(text: str) -> dict[str, int]:
    """Read ``blue=1,green=2,...`` as band numbers by name; raises ProductError where it names no bands."""
    found: dict[str, int] = {}
    for word in text.split(","):
        name, _, number = (part.strip() for part in word.partition("="))
        if name not in BAND_NAMES or not number.isdecimal() or int(number) < 1 or name in found:
            raise ProductError(f"--bands {text}: {word!r} is not understood; write {EXAMPLE}.")
        if int(number) in found.values():
            raise ProductError(f"--bands {text}: names band {number} twice; write {EXAMPLE}.")
        found[name] = int(number)
    missing = [name for name in OPTICAL_BANDS if name not in found]
    if missing:
        raise ProductError(f"--bands {text}: lacks {', '.join(missing)}; write {EXAMPLE}.")
    return found


def open_geotiff(path: Path, text: str | None, unit: str | None = None, date: str = "") -> Scene:
    """Open a multi-band GeoTIFF; raises ProductError, GridError or CodingError.

    ``text`` gives its bands as ``parse_bands`` reads them, else its descriptions do; ``unit`` that of the thermal band;
    ``date`` that it was taken on, else its tag TIFFTAG_DATETIME says so. Coordinates in degrees become metres.
    """
    numbers, notes = numbers_of(path, text)
    bands = {name: band_of(str(path), number) for name, number in numbers.items()}
    quality = mask_of(str(path), list(numbers.values()))
    if is_in_degrees(str(path)):
        grid = metric_grid(str(path))
        bands = {name: warped_band(band, grid) for name, band in bands.items()}
        if quality:
            quality = replace(quality, path=warped_band(Band(quality.path, nodata=(0.0,)), grid).path)
        side = grid.pixel_side
        notes.append(f"{path.stem}: its degrees are reprojected to {grid.name} with pixels of {side:.1f} m (nearest)")
        notes += lost_rows(str(path), grid)
    else:
        grid = grid_of(str(path))
    scene = recognised_scene(path.stem, bands, grid, str(path), unit, notes, quality)
    return replace(scene, date=date or tagged_date(path))


def band_of(path: str, number: int) -> Band:
    """A band with the scale, the offset and the nodata that the file names."""
    with open_raster(path) as source:
        scale, offset = source.scales[number - 1], source.offsets[number - 1]
        return Band(path, number, float(scale), float(offset), nodata=nodata_of(source, number))


def mask_of(path: str, taken: Sequence[int]) -> Quality | None:
    """The file's mask or alpha band as a band of its own, 0 where nothing is to be used; None where it has neither.

    A band that is ``taken`` for what it measures is no alpha, though GDAL calls the last one of four of 8 bits so.
    """
    with open_raster(path) as source:
        alphas = [number for number, one in enumerate(source.colorinterp, 1) if one is ColorInterp.alpha]
        if MaskFlags.per_dataset not in source.mask_flag_enums[0] or set(alphas) & set(taken):
            return None
        crs, affine, shape = source.crs.to_wkt() if source.crs else "", source.transform, source.shape
    return Quality(virtual_raster(shape, crs, affine, "Byte", virtual_source(path, "mask,1", shape)), classes=(0,))


def numbers_of(path: Path, text: str | None) -> tuple[dict[str, int], list[str]]:
    """Return the bands' numbers by name and notes; raises ProductError where they are unknown or contradicted."""
    with open_raster(str(path)) as source:
        count, descriptions = (
            source.count,
            [re.sub(r"[^a-z0-9]", "", (one or "").lower()) for one in source.descriptions],
        )
    described = described_bands(descriptions)
    if text is None:
        if not set(OPTICAL_BANDS) <= described.keys():
            raise ProductError(f"{path}: which of its bands is which is not known; add --bands {EXAMPLE}.")
        taken = ",".join(f"{name}={described[name]}" for name in BAND_NAMES if name in described)
        return described, [f"{path.stem}: its bands are taken as it describes them: {taken}"]
    numbers = parse_bands(text)
    for name, number in numbers.items():
        if number > count:
            raise ProductError(f"{path}: has {count} bands, but --bands takes {name} from band {number}; correct it.")
    for name, number in described.items():
        if numbers.get(name, number) != number:
            raise ProductError(
                f"{path}: describes its band {number} as {name}, but --bands says {name}={numbers[name]}; correct it, "
                "or leave --bands out."
            )
    return numbers, []


def described_bands(descriptions: list[str]) -> dict[str, int]:
    """Return the bands that descriptions name beyond doubt: number, from 1, by name."""
    tables: list[Mapping[str, str]] = [WORDS]
    if "srb6" in descriptions:
        tables.append(OLI_CODES)
    elif "stb6" in descriptions:
        tables.append(TM_CODES)
    found: dict[str, int] = {}
    for table in tables:
        for number, word in enumerate(descriptions, 1):
            if word in table and descriptions.count(word) == 1:
                found.setdefault(table[word], number)
    return found


def tagged_date(path: Path) -> str:
    """Read the day of TIFFTAG_DATETIME (``2020:08:26 05:12:33``) as YYYY-MM-DD, or nothing."""
    with open_raster(str(path)) as source:
        told = source.tags().get("TIFFTAG_DATETIME", "")[:10].replace(":", "-")
    try:
        return datetime.datetime.strptime(told, "%Y-%m-%d").strftime("%Y-%m-%d")
    except ValueError:
        return ""
