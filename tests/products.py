"""Small synthetic products that the tests of several rooms share."""

from __future__ import annotations

import json
import math
import tarfile
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import Affine

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
    folder: Path, tile: Tile, level: int = 2, as_json: bool = False, cloud: tuple[slice, slice] | None = None
) -> Path:
    """A Landsat 8 product folder of Level 1 or 2 whose numbers mean the tile."""
    place = folder / PRODUCT.replace("L2SP", "L2SP" if level == 2 else "L1TP")
    scale, offset = (2.75e-5, -0.2) if level == 2 else (2e-5, -0.1)
    sun = 1.0 if level == 2 else math.sin(math.radians(SUN))
    entries: dict[str, dict[str, object]] = {
        "PRODUCT_CONTENTS": {"LANDSAT_PRODUCT_ID": place.name, "PROCESSING_LEVEL": place.name[5:9]},
        "IMAGE_ATTRIBUTES": {"SPACECRAFT_ID": "LANDSAT_8", "DATE_ACQUIRED": "2020-08-26", "SUN_ELEVATION": SUN},
    }
    group = "LEVEL2_SURFACE_REFLECTANCE_PARAMETERS" if level == 2 else "LEVEL1_RADIOMETRIC_RESCALING"
    rescaling: dict[str, object] = {}
    for band, number in NUMBERS.items():
        numbers = np.where(tile.valid, np.round((tile.bands[band] * sun - offset) / scale), 0)
        write_band(place / f"{place.name}_{'SR_' if level == 2 else ''}B{number}.TIF", numbers)
        rescaling[f"REFLECTANCE_MULT_BAND_{number}"], rescaling[f"REFLECTANCE_ADD_BAND_{number}"] = scale, offset
    kelvin = np.where(tile.valid, tile.bands["thermal"], 270)
    if level == 2:
        numbers = np.round((kelvin - 149.0) / 0.00341802)
        entries["LEVEL2_SURFACE_TEMPERATURE_PARAMETERS"] = {
            "TEMPERATURE_MULT_BAND_ST_B10": 0.00341802,
            "TEMPERATURE_ADD_BAND_ST_B10": 149.0,
        }
        # the same names with other values, as real files have them
        entries["LEVEL1_RADIOMETRIC_RESCALING"] = dict.fromkeys(rescaling, 9.9)
    else:
        numbers = np.round((K1 / (np.exp(K2 / kelvin) - 1) - 0.1) / 3.342e-4)
        rescaling.update(RADIANCE_MULT_BAND_10=3.342e-4, RADIANCE_ADD_BAND_10=0.1)
        entries["LEVEL1_THERMAL_CONSTANTS"] = {"K1_CONSTANT_BAND_10": K1, "K2_CONSTANT_BAND_10": K2}
    write_band(place / f"{place.name}_{'ST_' if level == 2 else ''}B10.TIF", np.where(tile.valid, numbers, 0))
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


def as_tar(place: Path) -> Path:
    """The product folder as the .tar that the archive delivers."""
    path = place.with_suffix(".tar")
    with tarfile.open(path, "w") as archive:
        for file in sorted(place.iterdir()):
            archive.add(file, arcname=file.name)
    return path


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
