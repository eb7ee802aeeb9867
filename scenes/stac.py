"""Opens a STAC item whose assets were downloaded beside it (https://stacspec.org, version 1): Landsat and HLS."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from urllib.parse import urlparse

from errors import ProductError
from scenes import hls, landsat
from scenes.files import LARGEST_TEXT, files_of
from scenes.scene import Scene
from tiles.raster import one_line

# keys of the assets without which there is no scene, as USGS and NASA name them
LANDSAT_ASSETS = ("blue", "green", "red", "swir16", "qa_pixel")
HLS_ASSETS = ("B02", "B03", "B04", "B06", "B11", "Fmask")


def open_stac(item: Path, clouds: bool) -> Scene:
    """Open the product that an item describes; raises ProductError where an asset is missing or unknown."""
    names = asset_names(item)
    product = only_product(names, landsat.NAME)
    if product:
        require(item, names, LANDSAT_ASSETS)
        return landsat.open_landsat(files_of(item.parent).of_product(product), clouds)
    product = only_product(names, hls.NAME)
    if product:
        require(item, names, HLS_ASSETS)
        return hls.open_hls(files_of(item.parent).of_product(product), clouds)
    raise ProductError(f"{item}: is no STAC item of Landsat Collection 2 or HLS; give the folder of its product.")


def asset_names(item: Path) -> dict[str, str]:
    """Read the file name of each asset; raises ProductError where the file is no STAC item."""
    try:
        with open(item, "rb") as file:
            assets = json.loads(file.read(LARGEST_TEXT))["assets"]
        return {str(key): PurePosixPath(urlparse(asset["href"]).path).name for key, asset in assets.items()}
    except (ValueError, KeyError, TypeError, AttributeError, OSError, RecursionError) as problem:
        raise ProductError(f"{item}: cannot be read as a STAC item ({one_line(problem)}); download it again.") from None


def only_product(names: Mapping[str, str], pattern: re.Pattern[str]) -> str:
    """Return the product that the assets are named after, or nothing unless there is exactly one."""
    products = {match.group() for match in map(pattern.match, names.values()) if match}
    return products.pop() if len(products) == 1 else ""


def require(item: Path, names: Mapping[str, str], needed: tuple[str, ...]) -> None:
    """Check that the assets that a scene needs lie beside the item; raises ProductError."""
    for key in needed:
        if key in names and not (item.parent / names[key]).is_file():
            raise ProductError(f"{item}: its asset {key} ({names[key]}) does not lie beside it; download it, too.")
