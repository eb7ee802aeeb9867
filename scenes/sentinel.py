"""Sentinel-2 Level 2A and Level 1C as SAFE folders, on the 20 m grid of SWIR1; there is no thermal band.

ESA, Sentinel-2 Products Specification Document (S2-PDGS-TAS-DI-PSD); from processing baseline 04.00 on, numbers
carry an offset, which the metadata file states.
"""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from errors import ProductError
from scenes.grid import common_grid
from scenes.scene import Band, Quality, Scene
from tiles.raster import one_line

BANDS = {"blue": "B02", "green": "B03", "red": "B04", "swir1": "B11"}
BAND_IDS = {"blue": "1", "green": "2", "red": "3", "swir1": "11"}
NO_DATA, DEFECTIVE, SHADOW, CLOUDS = 0, 1, 3, (8, 9, 10)  # of the scene classification
METADATA = {"MTD_MSIL2A.xml": True, "MTD_MSIL1C.xml": False}
LARGEST_METADATA = 1 << 24


def is_sentinel(place: Path) -> bool:
    """Whether the folder holds the metadata file of a SAFE product or is named as one."""
    return place.is_dir() and (place.suffix == ".SAFE" or any((place / name).exists() for name in METADATA))


def open_sentinel(place: Path, clouds: bool) -> Scene:
    """Open a SAFE folder; with ``clouds``, pixels under clouds are valid too. Raises ProductError."""
    name = next((name for name in METADATA if (place / name).is_file()), None)
    if name is None:
        raise ProductError(f"{place}: lacks MTD_MSIL2A.xml or MTD_MSIL1C.xml; download the product again.")
    level2 = METADATA[name]
    texts = metadata_texts(place / name)
    quantification = one_number(place, texts, "BOA_QUANTIFICATION_VALUE" if level2 else "QUANTIFICATION_VALUE")
    offset_name = "BOA_ADD_OFFSET" if level2 else "RADIO_ADD_OFFSET"
    offsets = {key[1]: float(value) for key, value in texts.items() if key[0] == offset_name}
    paths = {band: band_file(place, code, level2) for band, code in BANDS.items()}
    grid = common_grid(list(paths.values()), paths["swir1"])
    bands = {
        band: Band(paths[band], scale=1 / quantification, offset=offsets.get(BAND_IDS[band], 0.0) / quantification)
        for band in BANDS
    }
    quality = None
    if level2:
        classes = (NO_DATA, DEFECTIVE) + (() if clouds else (SHADOW, *CLOUDS))
        path = band_file(place, "SCL", level2)
        common_grid([path], paths["swir1"])
        quality = Quality(path, classes=classes)
    date = texts.get(("PRODUCT_START_TIME", ""), "")[:10]
    coding = "surface reflectance (Sentinel-2 Level 2A)" if level2 else "top-of-atmosphere reflectance (Level 1C)"
    return Scene(place.stem, bands, grid, coding, date, quality)


def metadata_texts(path: Path) -> dict[tuple[str, str], str]:
    """Read the text of every element by its name and band_id; a file that declares entities is refused."""
    try:
        text = path.read_bytes()[:LARGEST_METADATA]
        if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
            raise ElementTree.ParseError("it declares entities")
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, OSError) as problem:
        raise ProductError(f"{path}: cannot be read ({one_line(problem)}); download the product again.") from None
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


def band_file(place: Path, code: str, level2: bool) -> str:
    """Find the file of a band: at 20 m where there is one, else at its own resolution."""
    pattern = re.compile(rf"_{code}(_(?P<side>\d+)m)?\.(jp2|tif)$", re.IGNORECASE)
    matches = [(path, pattern.search(path.name)) for path in sorted(place.glob("GRANULE/*/IMG_DATA/**/*"))]
    files = {int(match.group("side") or 0): path for path, match in matches if match}
    if not files:
        raise ProductError(f"{place}: lacks the band {code}; download the product again, with all bands.")
    return str(files.get(20, files[min(files)]))
