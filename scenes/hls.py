"""Opens Harmonized Landsat and Sentinel-2 products (HLSL30, HLSS30), one file a band, 30 m.

NASA, HLS Product User Guide, version 2.0: reflectance times 10 000, temperature in hundredths of degrees Celsius, fill
value -9999; Fmask with cloud in bit 1, cloud shadow in bit 3 and 255 where there is nothing.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from errors import ProductError
from scenes.files import Files
from scenes.grid import common_grid
from scenes.scene import Band, Quality, Scene
from tiles.coding import CELSIUS, TENTHOUSANDTHS

NAME = re.compile(r"HLS\.(?P<sensor>[LS]30)\.T\w{5}\.(?P<year>\d{4})(?P<day>\d{3})T\d{6}\.v\d\.\d")
BANDS = {
    "L30": {"blue": "B02", "green": "B03", "red": "B04", "swir1": "B06"},
    "S30": {"blue": "B02", "green": "B03", "red": "B04", "swir1": "B11"},
}
THERMAL = ".B10.TIF"  # of L30; the B10 of S30 is cirrus
CLOUD, CLOUD_SHADOW, NOTHING = 1 << 1, 1 << 3, 255  # of Fmask
FILL = (-9999.0,)
HUNDREDTHS = 0.01  # degrees Celsius


def is_hls(files: Files) -> bool:
    """Whether files are named as HLS names them."""
    return bool(files.products(NAME))


def open_hls(files: Files, clouds: bool) -> Scene:
    """Open a product; with ``clouds``, pixels under clouds are valid too. Raises ProductError."""
    named = files.products(NAME)
    if len(named) > 1:
        raise ProductError(f"{files.place}: holds the products {named[0]} and {named[1]}; give a folder to each.")
    match = NAME.match(named[0])
    assert match
    files, sensor = files.of_product(named[0]), match["sensor"]
    bands = {
        band: Band(files.path_of(f".{code}.tif"), scale=TENTHOUSANDTHS.scale, nodata=FILL)
        for band, code in BANDS[sensor].items()
    }
    if sensor == "L30" and files.ending(THERMAL):
        path, lowest = files.path_of(THERMAL), CELSIUS.lowest / HUNDREDTHS
        bands["thermal"] = Band(path, scale=HUNDREDTHS, offset=CELSIUS.offset, nodata=FILL, lowest=lowest)
    quality = Quality(files.path_of(".Fmask.tif"), 0 if clouds else CLOUD | CLOUD_SHADOW, (NOTHING,))
    grid = common_grid([*(band.path for band in bands.values()), quality.path], bands["swir1"].path)
    day = date(int(match["year"]), 1, 1) + timedelta(int(match["day"]) - 1)
    coding = f"surface reflectance (HLS {sensor})"
    return Scene(named[0], bands, grid, coding, day.isoformat(), quality, TENTHOUSANDTHS)
