"""Small synthetic products that the tests of several rooms share."""

from __future__ import annotations

import json
import math
import tarfile
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import rasterio
from rasterio.transform import Affine
from rasterio.warp import Resampling, calculate_default_transform, reproject

from scenes.metadata import groups_of_text
from scenes.products import open_scene
from tests.codings import Bands
from tests.examples import example_tile
from tiles.folder import LabelledTile
from tiles.tile import Tile

CRS = "EPSG:32643"
TRANSFORM = Affine(30, 0, 600_000, 0, -30, 3_750_000)
SUN = 40.0
PRODUCT = "LC08_L2SP_147036_20200826_20200906_02_T1"
NUMBERS = {"blue": 2, "green": 3, "red": 4, "swir1": 6}
K1, K2 = 774.8853, 1321.0789
TM_NUMBERS = {"blue": 1, "green": 2, "red": 3, "swir1": 5}
TM_THERMAL = {4: "6", 5: "6", 7: "6_VCID_1"}  # Level 1's; at Level 2 it is ST_B6
TM_K1, TM_K2 = 607.76, 1260.56
HLS = {"L30": "HLS.L30.T43SET.2020239T052601.v2.0", "S30": "HLS.S30.T43SET.2020239T052641.v2.0"}


def write_band(path: Path, numbers: np.ndarray, dtype: str = "uint16", **words: object) -> Path:
    """One band as a GeoTIFF; ``words`` replace its profile's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"driver": "GTiff", "crs": CRS, "transform": TRANSFORM, "count": 1, "dtype": dtype, **words}
    with rasterio.open(path, "w", height=numbers.shape[0], width=numbers.shape[1], **profile) as file:
        file.write(numbers.astype(dtype), 1)
    return path


def write_bands(path: Path, numbers: Bands, tag: float | None) -> Path:
    """Bands as one GeoTIFF, in their order; ``tag``: the number that it names as nodata."""
    height, width = next(iter(numbers.values())).shape
    profile = {"crs": CRS, "transform": TRANSFORM, "dtype": np.result_type(*numbers.values()), "nodata": tag}
    path.parent.mkdir(exist_ok=True)
    with rasterio.open(path, "w", driver="GTiff", height=height, width=width, count=len(numbers), **profile) as file:
        for place, band in enumerate(numbers, 1):
            file.write(numbers[band], place)
    return path


def blocky_tile(shape: tuple[int, int] = (150, 170)) -> LabelledTile:
    """A tile with two square glaciers, a gap of nodata at its left, and its truth."""
    tile, _ = example_tile(shape)
    truth = np.zeros(shape, bool)
    truth[20:80, 40:100] = True
    truth[100:130, 110:150] = True
    random = np.random.default_rng(3)
    levels = (
        ("blue", 0.8, 0.1),
        ("green", 0.75, 0.12),
        ("red", 0.7, 0.15),
        ("swir1", 0.05, 0.25),
        ("thermal", 260, 280),
    )
    bands = {
        band: np.where(tile.valid, np.where(truth, ice, rock) * (1 + 0.02 * random.normal(size=shape)), 0).astype(
            np.float32
        )
        for band, ice, rock in levels
    }
    return LabelledTile(Tile(tile.tile_id, bands, tile.valid), truth & tile.valid)


def landsat(
    folder: Path,
    tile: Tile,
    level: int = 2,
    as_json: bool = False,
    cloud: tuple[slice, slice] | None = None,
    satellite: int = 8,
) -> Path:
    """A Landsat product folder of Level 1 or 2 whose numbers mean the tile; 8 bits at Level 1 of 4, 5 and 7."""
    sensor, tm = {4: "LT", 5: "LT", 7: "LE"}.get(satellite, "LC"), satellite in TM_THERMAL
    product = PRODUCT.replace("L2SP", "L2SP" if level == 2 else "L1TP").replace("LC08", f"{sensor}{satellite:02d}")
    place = folder / product
    first_scale = (5e-3, -5e-3) if tm else (2e-5, -0.1)
    scale, offset = (2.75e-5, -0.2) if level == 2 else first_scale
    dtype = "uint8" if tm and level == 1 else "uint16"
    sun = 1.0 if level == 2 else math.sin(math.radians(SUN))
    entries: dict[str, dict[str, object]] = {
        "PRODUCT_CONTENTS": {"LANDSAT_PRODUCT_ID": place.name, "PROCESSING_LEVEL": place.name[5:9]},
        "IMAGE_ATTRIBUTES": {
            "SPACECRAFT_ID": f"LANDSAT_{satellite}",
            "DATE_ACQUIRED": "2020-08-26",
            "SUN_ELEVATION": SUN,
        },
    }
    group = "LEVEL2_SURFACE_REFLECTANCE_PARAMETERS" if level == 2 else "LEVEL1_RADIOMETRIC_RESCALING"
    rescaling: dict[str, object] = {}
    for band, number in (TM_NUMBERS if tm else NUMBERS).items():
        numbers = np.where(tile.valid, np.round((tile.bands[band] * sun - offset) / scale), 0)
        write_band(place / f"{place.name}_{'SR_' if level == 2 else ''}B{number}.TIF", numbers, dtype)
        rescaling[f"REFLECTANCE_MULT_BAND_{number}"], rescaling[f"REFLECTANCE_ADD_BAND_{number}"] = scale, offset
    kelvin = np.where(tile.valid, tile.bands["thermal"], 270)
    thermal = ("ST_B6" if level == 2 else f"B{TM_THERMAL[satellite]}") if tm else ("ST_B10" if level == 2 else "B10")
    if level == 2:
        numbers = np.round((kelvin - 149.0) / 0.00341802)
        entries["LEVEL2_SURFACE_TEMPERATURE_PARAMETERS"] = {
            f"TEMPERATURE_MULT_BAND_{thermal}": 0.00341802,
            f"TEMPERATURE_ADD_BAND_{thermal}": 149.0,
        }
        # the same names with other values, as real files have them
        entries["LEVEL1_RADIOMETRIC_RESCALING"] = dict.fromkeys(rescaling, 9.9)
    else:
        (first, second), (gain, bias) = ((TM_K1, TM_K2), (0.055375, 1.18243)) if tm else ((K1, K2), (3.342e-4, 0.1))
        numbers, band = np.round((first / (np.exp(second / kelvin) - 1) - bias) / gain), f"BAND_{thermal[1:]}"
        rescaling.update({f"RADIANCE_MULT_{band}": gain, f"RADIANCE_ADD_{band}": bias})
        entries["LEVEL1_THERMAL_CONSTANTS"] = {f"K1_CONSTANT_{band}": first, f"K2_CONSTANT_{band}": second}
        highest = dict.fromkeys((f"QUANTIZE_CAL_MAX_BAND_{number}" for number in range(1, 8)), 255 if tm else 65535)
        entries["LEVEL1_MIN_MAX_PIXEL_VALUE"] = dict(highest)
    write_band(place / f"{place.name}_{thermal}.TIF", np.where(tile.valid, numbers, 0), dtype)
    entries[group] = rescaling
    quality = np.where(tile.valid, 21824, 1)
    if cloud is not None:
        quality[cloud] |= 1 << 3
    write_band(place / f"{place.name}_QA_PIXEL.TIF", quality)
    if as_json:
        text = {name: {key: str(value) for key, value in group.items()} for name, group in entries.items()}
        (place / f"{place.name}_MTL.json").write_text(json.dumps({"LANDSAT_METADATA_FILE": text}))
    else:
        lines = ["GROUP = LANDSAT_METADATA_FILE"]
        for name, one in entries.items():
            lines += [f"  GROUP = {name}"]
            lines += [
                f'    {key} = "{value}"' if isinstance(value, str) else f"    {key} = {value}"
                for key, value in one.items()
            ]
            lines += [f"  END_GROUP = {name}"]
        (place / f"{place.name}_MTL.txt").write_text("\n".join([*lines, "END_GROUP = LANDSAT_METADATA_FILE", "END"]))
    return place


def as_xml(place: Path) -> Path:
    """The product folder with its MTL as .xml alone."""
    text = place / f"{place.name}_MTL.txt"
    root = ElementTree.Element("LANDSAT_METADATA_FILE")
    for group, entries in groups_of_text(text.read_text()).items():
        element = ElementTree.SubElement(root, group)
        for key, value in entries.items():
            ElementTree.SubElement(element, key).text = value
    ElementTree.ElementTree(root).write(text.with_suffix(".xml"), encoding="UTF-8", xml_declaration=True)
    text.unlink()
    return place


def as_tar(place: Path, packed: bool = False) -> Path:
    """The product folder as the .tar that the archive delivers, or as the .tar.gz that it delivered."""
    path = place.with_name(f"{place.name}.tar{'.gz' if packed else ''}")
    with tarfile.open(path, "w:gz" if packed else "w") as archive:
        for file in sorted(place.iterdir()):
            archive.add(file, arcname=file.name)
    return path


def as_zip(place: Path) -> Path:
    """The product folder, itself the only entry, as a .zip."""
    path = place.with_name(f"{place.name}.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(place.rglob("*")):
            archive.write(file, file.relative_to(place.parent))
    return path


def hls(folder: Path, tile: Tile, sensor: str = "L30", cloud: tuple[slice, slice] | None = None) -> Path:
    """A folder with an HLS product: a file a band, int16 with -9999 where there is nothing, and Fmask."""
    name = HLS[sensor]
    codes = {"blue": "B02", "green": "B03", "red": "B04", "swir1": "B06" if sensor == "L30" else "B11"}
    for band, code in codes.items():
        numbers = np.where(tile.valid, np.round(tile.bands[band] * 10_000), -9999)
        write_band(folder / name / f"{name}.{code}.tif", numbers, "int16", nodata=-9999)
    celsius = np.where(tile.valid, np.round((tile.bands["thermal"] - 273.15) * 100), -9999)
    write_band(folder / name / f"{name}.B10.tif", celsius, "int16", nodata=-9999)  # cirrus, in S30
    fmask = np.where(tile.valid, 1 << 4, 255)
    if cloud is not None:
        fmask[cloud] |= 1 << 1
    write_band(folder / name / f"{name}.Fmask.tif", fmask, "uint8", nodata=255)
    return folder / name


def sentinel(folder: Path, tile: Tile, level: int = 2, offset: int = -1000, driver: str = "GTiff") -> Path:
    """A SAFE folder: blue, green, red at 10 m, SWIR1 at 20 m, with the offset of baseline 04.00 and later."""
    place = (
        folder / f"S2A_MSIL{level}{'A' if level == 2 else 'C'}_20200721T103031_N0500_R108_T32TMS_20200721T130000.SAFE"
    )
    images = place / "GRANULE" / "L2A_T32TMS" / "IMG_DATA"
    grid20, grid10 = TRANSFORM * Affine.scale(2 / 3), TRANSFORM * Affine.scale(1 / 3)
    ending = "jp2" if driver == "JP2OpenJPEG" else "tif"
    lossless = {"quality": 100, "reversible": "YES"} if ending == "jp2" else {}
    for band, code, fine in (("blue", "B02", 2), ("green", "B03", 2), ("red", "B04", 2), ("swir1", "B11", 1)):
        numbers = np.where(tile.valid, np.round(tile.bands[band] * 10_000 - offset), 0)
        side = 10 if fine == 2 else 20
        sub = (
            images / f"R{side}m" / f"T32TMS_{code}_{side}m.{ending}"
            if level == 2
            else images / f"T32TMS_{code}.{ending}"
        )
        transform = grid10 if fine == 2 else grid20
        write_band(sub, numbers.repeat(fine, 0).repeat(fine, 1), driver=driver, transform=transform, **lossless)
    if level == 2:
        scl = np.where(tile.valid, 4, 0)
        write_band(images / "R20m" / "T32TMS_SCL_20m.tif", scl, "uint8", transform=grid20)
    name, prefix = ("BOA_ADD_OFFSET", "BOA_") if level == 2 else ("RADIO_ADD_OFFSET", "")
    offsets = "".join(f'<{name} band_id="{number}">{offset}</{name}>' for number in range(13))
    (place / f"MTD_MSIL{level}{'A' if level == 2 else 'C'}.xml").write_text(
        '<?xml version="1.0"?><n1:P xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/x.xsd"><Product_Info>'
        f"<PRODUCT_START_TIME>2020-07-21T10:30:31.024Z</PRODUCT_START_TIME></Product_Info>{offsets}"
        f"<{prefix}QUANTIFICATION_VALUE>10000</{prefix}QUANTIFICATION_VALUE></n1:P>"
    )
    return place


def five_bands(path: Path, tile: Tile, **words: object) -> Path:
    """A GeoTIFF of five bands, blue to thermal, as reflectance and kelvin."""
    profile = {"driver": "GTiff", "crs": CRS, "transform": TRANSFORM, "count": 5, "dtype": "float32", **words}
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(path, "w", height=tile.shape[0], width=tile.shape[1], **profile) as file:
        for number, band in enumerate(("blue", "green", "red", "swir1", "thermal"), 1):
            file.write(tile.bands[band], number)
    return path


EXPORTED = 30 / 111_319.49079327358  # degrees that web exporters give a pixel of 30 m


def in_degrees(path: Path, fill: float = 0, tag: float | None = 0, side: float = 0) -> Path:
    """A GeoTIFF reprojected to degrees where it lies, with a fill value.

    Its pixels have as many degrees as ``side``, as web exporters make them; else GDAL chooses them.
    """
    with rasterio.open(path) as source:
        numbers, crs, affine, bounds = source.read(), source.crs, source.transform, source.bounds
    ends = {"resolution": side} if side else {}
    moved, width, height = calculate_default_transform(crs, "EPSG:4326", *numbers.shape[:0:-1], *bounds, **ends)
    warped = np.full((len(numbers), height, width), fill, np.float32)
    ends = {"src_crs": crs, "src_transform": affine, "dst_crs": "EPSG:4326", "dst_transform": moved}
    reproject(numbers, warped, **ends, resampling=Resampling.nearest, src_nodata=0, dst_nodata=fill)
    profile = {"crs": "EPSG:4326", "transform": moved, "nodata": tag, "dtype": "float32", "count": len(numbers)}
    with rasterio.open(path, "w", driver="GTiff", height=height, width=width, **profile) as file:
        file.write(warped)
    return path


def placed(root: Path, side: int) -> Path:
    """The tiles of a folder, given coordinates by the row and column of their ids."""
    for path in [*root.glob("Band*/*.tif"), *root.glob("label/*.tif")]:
        row, column = (int(number) - 1 for number in path.stem.split("_")[-2:])
        with rasterio.open(path) as source:
            numbers = source.read(1)
        write_band(path, numbers, "float32", transform=TRANSFORM * TRANSFORM.translation(side * column, side * row))
    return root


FIVE_BANDS = "blue=1,green=2,red=3,swir1=4,thermal=5"


def read_whole(place: Path, bands: str | None = None) -> Tile:
    """A scene, opened as a user does, as one tile."""
    scene = open_scene(place, bands)
    return scene.read(0, 0, scene.grid.height, scene.grid.width)
