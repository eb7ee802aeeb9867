"""Sentinel-2 Level 2A and Level 1C as SAFE folders, on the 20 m grid of SWIR1; there is no thermal band.

ESA, Sentinel-2 Products Specification Document (S2-PDGS-TAS-DI-PSD); from processing baseline 04.00 on, numbers
carry an offset, which the metadata file states.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

from errors import ProductError
from scenes.files import Files
from scenes.grid import common_grid
from scenes.metadata import finite_number, parse_xml
from scenes.scene import Band, Quality, Scene
from tiles.raster import one_line

BANDS = {"blue": "B02", "green": "B03", "red": "B04", "swir1": "B11"}
BAND_IDS = {"blue": "1", "green": "2", "red": "3", "swir1": "11"}
NO_DATA, DEFECTIVE, SHADOW, CLOUDS = 0, 1, 3, (8, 9, 10)  # of the scene classification
METADATA = {"MTD_MSIL2A.XML": True, "MTD_MSIL1C.XML": False}


def is_safe(place: Path) -> bool:
    """Whether a folder is named as a SAFE product."""
    return place.is_dir() and place.suffix == ".SAFE"


def is_sentinel(files: Files) -> bool:
    """Whether there is the metadata file of a SAFE product."""
    return bool(files.ending(*METADATA))


def open_sentinel(files: Files, clouds: bool) -> Scene:
    """Open a SAFE folder; with ``clouds``, pixels under clouds are valid too. Raises ProductError."""
    named = files.ending(*METADATA)
    if not named:
        raise ProductError(f"{files.place}: lacks MTD_MSIL2A.xml or MTD_MSIL1C.xml; download the product again.")
    if len(named) > 1:
        raise ProductError(f"{files.place}: holds two products, {named[0]} and {named[1]}; give a folder to each.")
    level2 = METADATA[PurePosixPath(named[0]).name.upper()]
    texts = metadata_texts(files, named[0])
    quantification = one_number(files.place, texts, "BOA_QUANTIFICATION_VALUE" if level2 else "QUANTIFICATION_VALUE")
    offset_name = "BOA_ADD_OFFSET" if level2 else "RADIO_ADD_OFFSET"
    offsets = {
        key[1]: finite_number(value, f"{files.place}: {offset_name} of its metadata")
        for key, value in texts.items()
        if key[0] == offset_name
    }
    paths = {band: band_file(files, code) for band, code in BANDS.items()}
    grid = common_grid(list(paths.values()), paths["swir1"])
    bands = {
        band: Band(paths[band], scale=1 / quantification, offset=offsets.get(BAND_IDS[band], 0.0) / quantification)
        for band in BANDS
    }
    quality = None
    if level2:
        classes = (NO_DATA, DEFECTIVE) + (() if clouds else (SHADOW, *CLOUDS))
        path = band_file(files, "SCL")
        common_grid([path], paths["swir1"])
        quality = Quality(path, classes=classes)
    date = texts.get(("PRODUCT_START_TIME", ""), "")[:10]
    coding = "surface reflectance (Sentinel-2 Level 2A)" if level2 else "top-of-atmosphere reflectance (Level 1C)"
    name = PurePosixPath(named[0]).parent.stem or files.place.stem  # in an archive, the product is a folder
    return Scene(name, bands, grid, coding, date, quality)


def metadata_texts(files: Files, name: str) -> dict[tuple[str, str], str]:
    """Read the text of every element by its name and band_id; a file that declares entities is refused."""
    try:
        root = parse_xml(files.text(name))
    except ElementTree.ParseError as problem:
        raise ProductError(
            f"{files.paths[name]}: cannot be read ({one_line(problem)}); download the product again."
        ) from None
    return {
        (element.tag.split("}")[-1], element.get("band_id", "")): (element.text or "").strip()
        for element in root.iter()
    }


def one_number(place: Path, texts: dict[tuple[str, str], str], name: str) -> float:
    """Read a positive number of the metadata; raises ProductError where there is none."""
    try:
        number = float(texts[(name, "")])
    except (KeyError, ValueError):
        number = 0.0
    if not number > 0:
        raise ProductError(f"{place}: its metadata lacks {name}; download the product again.")
    return number


def band_file(files: Files, code: str) -> str:
    """Find the file of a band: at 20 m where there is one, else at its own resolution."""
    pattern = re.compile(rf"(^|/)GRANULE/[^/]+/IMG_DATA/.*_{code}(_(?P<side>\d+)m)?\.(jp2|tif)$", re.IGNORECASE)
    matches = [(path, pattern.search(name)) for name, path in files.paths.items()]
    found = {int(match["side"] or 0): path for path, match in matches if match}
    if not found:
        raise ProductError(f"{files.place}: lacks the band {code}; download the product again, with all bands.")
    return found.get(20, found[min(found)])
