"""A GeoTIFF of several bands as a scene; the user says which band is which."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from errors import ProductError
from scenes.grid import grid_of
from scenes.recognised import recognised_scene
from scenes.scene import Band, Scene
from scenes.source import nodata_of, open_raster
from tiles.tile import OPTICAL_BANDS, THERMAL_BAND


def parse_bands(text: str) -> dict[str, int]:
    """Read ``blue=1,green=2,...`` as band numbers by name; raises ProductError where it names no bands."""
    found: dict[str, int] = {}
    for word in text.split(","):
        name, _, number = (part.strip() for part in word.partition("="))
        if name not in (*OPTICAL_BANDS, THERMAL_BAND) or not number.isdigit() or int(number) < 1 or name in found:
            raise ProductError(
                f"--bands {text}: {word!r} is not understood; write blue=1,green=2,red=3,swir1=4,thermal=5."
            )
        found[name] = int(number)
    missing = [name for name in OPTICAL_BANDS if name not in found]
    if missing:
        raise ProductError(f"--bands {text}: lacks {', '.join(missing)}; write blue=1,green=2,red=3,swir1=4,thermal=5.")
    return found


def open_geotiff(path: Path, numbers: Mapping[str, int]) -> Scene:
    """Open a multi-band GeoTIFF; ``numbers`` gives its bands by name, from 1. Raises ProductError or GridError."""
    grid = grid_of(str(path))
    with open_raster(str(path)) as source:
        count = source.count
    for name, number in numbers.items():
        if number > count:
            raise ProductError(f"{path}: has {count} bands, but --bands takes {name} from band {number}; correct it.")
    bands = {name: Band(str(path), number, nodata=nodata_of(str(path), number)) for name, number in numbers.items()}
    return recognised_scene(path.stem, bands, grid, str(path))
