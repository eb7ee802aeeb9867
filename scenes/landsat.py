"""Opens products of Landsat 4, 5, 7, 8 and 9, Collection 2, Level 1 and 2.

The MTL file says what the numbers mean; without it, the files' names say so for Level 2. USGS, Landsat Collection 2
Level 1 Data Format Control Books (LSDS-1414, LSDS-1822) and Level 2 Science Product Guides (LSDS-1618, LSDS-1619).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from errors import ProductError
from scenes.files import Files
from scenes.grid import common_grid
from scenes.metadata import Groups, Metadata, read_mtl
from scenes.scene import Band, Quality, Saturation, Scene
from tiles.coding import LEVEL2_REFLECTANCE, LEVEL2_TEMPERATURE

FILL, CLOUD, CLOUD_SHADOW = 1 << 0, 1 << 3, 1 << 4  # bits of QA_PIXEL
CONTENTS, ATTRIBUTES = "PRODUCT_CONTENTS", "IMAGE_ATTRIBUTES"  # groups of the MTL
REFLECTANCE = {1: "LEVEL1_RADIOMETRIC_RESCALING", 2: "LEVEL2_SURFACE_REFLECTANCE_PARAMETERS"}
HIGHEST = {1: "LEVEL1_MIN_MAX_PIXEL_VALUE", 2: "LEVEL2_SURFACE_REFLECTANCE_PARAMETERS"}
TEMPERATURE, CONSTANTS = "LEVEL2_SURFACE_TEMPERATURE_PARAMETERS", "LEVEL1_THERMAL_CONSTANTS"
CODINGS = {1: "top-of-atmosphere reflectance (Level 1)", 2: "surface reflectance and temperature (Level 2)"}
NAME = re.compile(
    r"L[A-Z](?P<satellite>\d\d)_(?P<level>L[12]\w\w)_\d{6}_(?P<date>\d{8})_\d{8}_(?P<collection>\d\d)_(?:RT|T1|T2)"
)


@dataclass(frozen=True)
class Sensor:
    """The numbers of a sensor's bands, and the names of its thermal one: at Level 1 the first that is there."""

    bands: dict[str, int]
    thermal: tuple[str, ...]
    surface: str


TM_BANDS = {"blue": 1, "green": 2, "red": 3, "swir1": 5}
TM = Sensor(TM_BANDS, ("6",), "ST_B6")
ETM = Sensor(TM_BANDS, ("6_VCID_1", "6_VCID_2"), "ST_B6")  # of low gain first, for which no ice is too cold
OLI = Sensor({"blue": 2, "green": 3, "red": 4, "swir1": 6}, ("10",), "ST_B10")
SENSORS = {"LANDSAT_4": TM, "LANDSAT_5": TM, "LANDSAT_7": ETM, "LANDSAT_8": OLI, "LANDSAT_9": OLI}


def is_landsat(files: Files) -> bool:
    """Whether there is an MTL file or a file named as Landsat's."""
    return any("_MTL." in name for name in files.paths) or bool(
        files.products(NAME) or files.ending("_SR_B3.TIF", "_QA_PIXEL.TIF")
    )


def open_landsat(files: Files, clouds: bool) -> Scene:
    """Open a product; with ``clouds``, pixels under clouds are valid too. Raises ProductError."""
    metadata, notes = read_metadata(files)
    satellite = metadata.text(ATTRIBUTES, "SPACECRAFT_ID")
    if satellite not in SENSORS:
        raise ProductError(f"{files.place}: is of {satellite}; give a product of Landsat 4, 5, 7, 8 or 9.")
    sensor, level = SENSORS[satellite], 2 if metadata.text(CONTENTS, "PROCESSING_LEVEL").startswith("L2") else 1
    bands = optical_bands(files, metadata, sensor, level) | thermal_band(files, metadata, sensor, level)
    quality = quality_of(files, clouds)
    paths = [one.path for one in (*bands.values(), quality) if one]
    product = metadata.groups[CONTENTS].get("LANDSAT_PRODUCT_ID", "")
    return Scene(
        product if NAME.fullmatch(product) else files.place.stem,  # it names a folder
        bands,
        common_grid(paths, bands["swir1"].path),
        CODINGS[level],
        metadata.text(ATTRIBUTES, "DATE_ACQUIRED"),
        quality,
        gaps=sensor is ETM,
        saturation=saturation_of(files, metadata, sensor, level),
        notes=tuple(notes),
    )


def read_metadata(files: Files) -> tuple[Metadata, list[str]]:
    """Read what the MTL or the files' names say, and notes; raises ProductError unless both are of one product."""
    named, notes = files.products(NAME), []
    if len(named) > 1:
        raise ProductError(f"{files.place}: holds the products {named[0]} and {named[1]}; give a folder to each.")
    metadata = read_mtl(files)
    if metadata is None:
        notes.append(f"{files.place.name}: has no MTL file; the constant factors of Collection 2 Level 2 are taken")
        return implied_metadata(files, named), notes
    product = metadata.groups[CONTENTS].get("LANDSAT_PRODUCT_ID", "")
    if named and NAME.match(product) and product != named[0]:
        raise ProductError(f"{files.place}: its MTL is of {product}, but its bands are of {named[0]}; part them.")
    if metadata.groups.get(ATTRIBUTES, {}).get("SENSOR_MODE_SLC") == "OFF":
        notes.append(f"{product}: its scan-line corrector was off; the stripes without data are nodata")
    return metadata, notes


def optical_bands(files: Files, metadata: Metadata, sensor: Sensor, level: int) -> dict[str, Band]:
    """Find the optical bands, each with its factors."""
    # top-of-atmosphere reflectance is for a sun overhead until it is divided by the sine of the sun's elevation
    sun = 1.0 if level == 2 else math.sin(math.radians(metadata.number(ATTRIBUTES, "SUN_ELEVATION")))
    if sun <= 0.02:
        raise ProductError(f"{files.place}: the sun stands below the horizon; give a scene taken by day.")
    return {
        band: Band(
            files.path_of(f"_{'SR_' if level == 2 else ''}B{number}.TIF"),
            scale=metadata.number(REFLECTANCE[level], f"REFLECTANCE_MULT_BAND_{number}") / sun,
            offset=metadata.number(REFLECTANCE[level], f"REFLECTANCE_ADD_BAND_{number}") / sun,
        )
        for band, number in sensor.bands.items()
    }


def thermal_band(files: Files, metadata: Metadata, sensor: Sensor, level: int) -> dict[str, Band]:
    """Find the thermal band with its factors, if there is one."""
    if level == 2:
        if not files.ending(f"_{sensor.surface}.TIF"):
            return {}
        scale = metadata.number(TEMPERATURE, f"TEMPERATURE_MULT_BAND_{sensor.surface}")
        offset = metadata.number(TEMPERATURE, f"TEMPERATURE_ADD_BAND_{sensor.surface}")
        return {"thermal": Band(files.path_of(f"_{sensor.surface}.TIF"), scale=scale, offset=offset)}
    name = next((name for name in sensor.thermal if files.ending(f"_B{name}.TIF")), None)
    if name is None:
        return {}
    scale = metadata.number(REFLECTANCE[1], f"RADIANCE_MULT_BAND_{name}")
    offset = metadata.number(REFLECTANCE[1], f"RADIANCE_ADD_BAND_{name}")
    first, second = (metadata.number(CONSTANTS, f"K{which}_CONSTANT_BAND_{name}") for which in (1, 2))
    return {"thermal": Band(files.path_of(f"_B{name}.TIF"), scale=scale, offset=offset, planck=(first, second))}


def quality_of(files: Files, clouds: bool) -> Quality | None:
    """Find the band that tells of clouds; without ``clouds`` there has to be one."""
    if clouds and not files.ending("_QA_PIXEL.TIF"):
        return None
    return Quality(files.path_of("_QA_PIXEL.TIF"), FILL | (0 if clouds else CLOUD | CLOUD_SHADOW))


def saturation_of(files: Files, metadata: Metadata, sensor: Sensor, level: int) -> Saturation:
    """Say what tells that a visible band is saturated: QA_RADSAT, whose bit 0 is band 1, else the highest number."""
    numbers = [sensor.bands[band] for band in ("blue", "green", "red")]
    if files.ending("_QA_RADSAT.TIF"):
        return Saturation(files.path_of("_QA_RADSAT.TIF"), sum(1 << (number - 1) for number in numbers))
    highest = metadata.groups.get(HIGHEST[level], {}).get(f"QUANTIZE_CAL_MAX_BAND_{numbers[0]}", "65535")
    return Saturation(highest=float(highest) if highest.isdecimal() else 65_535.0)


def implied_metadata(files: Files, named: list[str]) -> Metadata:
    """Write down what the name of a Collection-2 Level-2 product implies, as its MTL would; raises ProductError."""
    match = NAME.match(named[0]) if named else None
    if match is None or not match["level"].startswith("L2"):
        raise ProductError(
            f"{files.place}: lacks its MTL.txt, MTL.json or MTL.xml, which say what the numbers mean; add it, or "
            "leave the bands of Level 2 the names that they were published under."
        )
    if match["collection"] != "02":
        raise ProductError(f"{files.place}: is of Collection {match['collection']}; download Collection 2.")
    satellite, day = f"LANDSAT_{int(match['satellite'])}", match["date"]
    groups: Groups = {
        CONTENTS: {"LANDSAT_PRODUCT_ID": named[0], "PROCESSING_LEVEL": match["level"]},
        ATTRIBUTES: {"SPACECRAFT_ID": satellite, "DATE_ACQUIRED": f"{day[:4]}-{day[4:6]}-{day[6:]}"},
        REFLECTANCE[2]: {},
        TEMPERATURE: {},
    }
    for factor, value in (("MULT", "scale"), ("ADD", "offset")):
        for number in range(1, 8):
            groups[REFLECTANCE[2]][f"REFLECTANCE_{factor}_BAND_{number}"] = str(getattr(LEVEL2_REFLECTANCE, value))
        for thermal in ("ST_B6", "ST_B10"):
            groups[TEMPERATURE][f"TEMPERATURE_{factor}_BAND_{thermal}"] = str(getattr(LEVEL2_TEMPERATURE, value))
    return Metadata(files.place, groups)
