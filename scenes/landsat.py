"""Opens products of Landsat 8 and 9, Collection 2, Level 1 and 2; their MTL file says what the numbers mean.

USGS, Landsat 8-9 Collection 2 Level 1 Data Format Control Book (LSDS-1822) and Level 2 Science Product Guide
(LSDS-1619).
"""

from __future__ import annotations

import json
import math
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from errors import ProductError
from scenes.grid import common_grid
from scenes.scene import Band, Quality, Scene
from tiles.raster import one_line

BAND_NUMBERS = {"blue": 2, "green": 3, "red": 4, "swir1": 6}
FILL, CLOUD, CLOUD_SHADOW = 1 << 0, 1 << 3, 1 << 4  # bits of QA_PIXEL
SATELLITES = ("LANDSAT_8", "LANDSAT_9")


def product_files(place: Path) -> dict[str, str]:
    """List the files of the folder or .tar: name to the path that rasterio opens."""
    if place.is_dir():
        return {path.name: str(path) for path in sorted(place.iterdir()) if path.is_file()}
    try:
        with tarfile.open(place, "r:") as archive:
            members = [member.name for member in archive.getmembers() if member.isfile()]
    except (tarfile.TarError, OSError) as problem:
        raise ProductError(f"{place}: cannot be read as a .tar ({one_line(problem)}); download it again.") from None
    return {Path(name).name: f"/vsitar/{place}/{name}" for name in members}


def is_landsat(files: Mapping[str, str]) -> bool:
    """Whether there is an MTL file or a band named as Landsat's."""
    return any("_MTL." in name or name.upper().endswith(("_SR_B3.TIF", "_QA_PIXEL.TIF")) for name in files)


def read_metadata(place: Path, files: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Read the groups of the MTL file; raises ProductError where it is missing or damaged."""
    name = next((name for ending in ("_MTL.json", "_MTL.txt") for name in files if name.endswith(ending)), None)
    if name is None:
        raise ProductError(f"{place}: lacks its MTL.txt or MTL.json, which say what the numbers mean; add it.")
    text = read_text(place, files[name])
    try:
        return groups_of_json(text) if name.endswith(".json") else groups_of_text(text)
    except (ValueError, AttributeError, KeyError) as problem:
        raise ProductError(f"{files[name]}: cannot be read ({one_line(problem)}); download it again.") from None


def read_text(place: Path, path: str) -> str:
    """Read a text file of the folder or .tar."""
    if place.is_dir():
        return Path(path).read_text(encoding="utf-8", errors="replace")
    with tarfile.open(place, "r:") as archive:
        member = archive.extractfile(path.split(f"{place}/", 1)[1])
        return member.read(1 << 22).decode("utf-8", errors="replace") if member else ""


def groups_of_json(text: str) -> dict[str, dict[str, str]]:
    """Group name to keys and values, all as text."""
    found: dict[str, Any] = json.loads(text)["LANDSAT_METADATA_FILE"]
    return {group: {key: str(value) for key, value in entries.items()} for group, entries in found.items()}


def groups_of_text(text: str) -> dict[str, dict[str, str]]:
    """Group name to keys and values, all as text."""
    groups: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for line in text.splitlines():
        key, equals, value = (word.strip() for word in line.partition("="))
        if key == "GROUP":
            current = groups.setdefault(value, {})
        elif equals and key != "END_GROUP":
            current[key] = value.strip('"')
    if "PRODUCT_CONTENTS" not in groups:
        raise ValueError("no group PRODUCT_CONTENTS")
    return groups


def open_landsat(place: Path, files: Mapping[str, str], clouds: bool) -> Scene:
    """Open a product; with ``clouds``, pixels under clouds are valid too. Raises ProductError."""
    groups = read_metadata(place, files)

    def value(group: str, key: str) -> str:
        try:
            return groups[group][key]
        except KeyError:
            raise ProductError(f"{place}: its MTL lacks {key} in {group}; download the product again.") from None

    def number(group: str, key: str) -> float:
        try:
            return float(value(group, key))
        except ValueError:
            raise ProductError(f"{place}: {key} of its MTL is no number; download the product again.") from None

    satellite = value("IMAGE_ATTRIBUTES", "SPACECRAFT_ID")
    if satellite not in SATELLITES:
        raise ProductError(f"{place}: is of {satellite}; give a product of Landsat 8 or 9.")
    level2 = value("PRODUCT_CONTENTS", "PROCESSING_LEVEL").startswith("L2")
    files_of = "SR_B" if level2 else "B"
    paths = {band: found(place, files, f"_{files_of}{band_number}.TIF") for band, band_number in BAND_NUMBERS.items()}
    quality = found(place, files, "_QA_PIXEL.TIF")
    grid = common_grid([*paths.values(), quality], paths["swir1"])
    thermal_name = "_ST_B10.TIF" if level2 else "_B10.TIF"
    group = "LEVEL2_SURFACE_REFLECTANCE_PARAMETERS" if level2 else "LEVEL1_RADIOMETRIC_RESCALING"
    # top-of-atmosphere reflectance is for a sun overhead until it is divided by the sine of the sun's elevation
    sun = 1.0 if level2 else math.sin(math.radians(number("IMAGE_ATTRIBUTES", "SUN_ELEVATION")))
    if sun <= 0.02:
        raise ProductError(f"{place}: the sun stands below the horizon; give a scene taken by day.")
    bands = {
        band: Band(
            paths[band],
            scale=number(group, f"REFLECTANCE_MULT_BAND_{band_number}") / sun,
            offset=number(group, f"REFLECTANCE_ADD_BAND_{band_number}") / sun,
        )
        for band, band_number in BAND_NUMBERS.items()
    }
    if any(name.upper().endswith(thermal_name) for name in files):
        path = found(place, files, thermal_name)
        common_grid([path], paths["swir1"])
        if level2:
            group = "LEVEL2_SURFACE_TEMPERATURE_PARAMETERS"
            bands["thermal"] = Band(
                path,
                scale=number(group, "TEMPERATURE_MULT_BAND_ST_B10"),
                offset=number(group, "TEMPERATURE_ADD_BAND_ST_B10"),
            )
        else:
            constants = "LEVEL1_THERMAL_CONSTANTS"
            bands["thermal"] = Band(
                path,
                scale=number(group, "RADIANCE_MULT_BAND_10"),
                offset=number(group, "RADIANCE_ADD_BAND_10"),
                planck=(number(constants, "K1_CONSTANT_BAND_10"), number(constants, "K2_CONSTANT_BAND_10")),
            )
    bits = FILL | (0 if clouds else CLOUD | CLOUD_SHADOW)
    coding = "surface reflectance and temperature (Level 2)" if level2 else "top-of-atmosphere reflectance (Level 1)"
    date = value("IMAGE_ATTRIBUTES", "DATE_ACQUIRED")
    name = groups["PRODUCT_CONTENTS"].get("LANDSAT_PRODUCT_ID", place.stem)
    return Scene(name, bands, grid, coding, date, Quality(quality, bits))


def found(place: Path, files: Mapping[str, str], ending: str) -> str:
    """Return the path of the file with that ending; raises ProductError where there is none."""
    for name, path in files.items():
        if name.upper().endswith(ending):
            return path
    raise ProductError(f"{place}: lacks the file *{ending}; download the product again, with all bands.")
