"""What the rooms' tests share: quick hypothesis settings, tiny scenes, tile folders in ``tmp_path``, real tiles."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

# before numpy and torch are there: two workers whose threads share two processors wait for each other
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, settings

from tiles.folder import find_tiles, read_tile
from tiles.tile import BAND_NAMES, OPTICAL_BANDS, Tile

# derandomize: a change is judged on the same examples everywhere; no deadline: CI machines are busy
settings.register_profile(
    "quick",
    deadline=None,
    max_examples=40,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("quick")

Bands = dict[str, np.ndarray]
# Landsat 8-9 band numbers, as the challenge's file names have them
LANDSAT_NUMBERS = {"blue": 2, "green": 3, "red": 4, "swir1": 6, "thermal": 10}
# code, TIFF type, count (0: as long as the text), value, written once; UTM zone 43N at 30 m
GEO_TAGS: list[tuple[int, int, int, Any, bool]] = [
    (33550, 12, 3, (30.0, 30.0, 0.0), True),
    (33922, 12, 6, (0.0, 0.0, 0.0, 567945.0, 3771855.0, 0.0), True),
    (34735, 3, 12, (1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 32643), True),
    (34737, 2, 0, "WGS 84 / UTM zone 43N|WGS 84|", True),
]


@pytest.fixture(scope="session")
def physical() -> Callable[..., Bands]:
    """Makes a plausible scene: float64 reflectance and kelvin by band name, bright and dark, cold and warm."""

    def make(shape: tuple[int, int] = (9, 7), seed: int = 0) -> Bands:
        random = np.random.default_rng(seed)
        light = random.uniform(0.05, 1.0, shape)
        share_of_light = {"blue": (0.5, 1.0), "green": (0.5, 1.0), "red": (0.4, 1.0), "swir1": (0.05, 0.4)}
        bands = {band: light * random.uniform(*span, shape) for band, span in share_of_light.items()}
        return {**bands, "thermal": random.uniform(255.0, 285.0, shape)}

    return make


@pytest.fixture(scope="session")
def level2(physical) -> Callable[..., Bands]:
    """Makes the same scene in Collection-2 Level-2 numbers, float32 as the challenge has them."""

    def make(shape: tuple[int, int] = (9, 7), seed: int = 0) -> Bands:
        scene = physical(shape, seed)
        numbers = {band: np.round((scene[band] + 0.2) / 2.75e-5) for band in OPTICAL_BANDS}
        numbers["thermal"] = np.round((scene["thermal"] - 149.0) / 0.00341802)
        return {band: values.astype(np.float32) for band, values in numbers.items()}

    return make


@pytest.fixture(scope="session")
def make_tile(physical) -> Callable[..., Tile]:
    """Makes a ``Tile`` with about ``nodata`` of its pixels (never all) without data."""

    def make(shape: tuple[int, int] = (9, 7), seed: int = 0, nodata: float = 0.2, thermal: bool = True) -> Tile:
        random = np.random.default_rng(seed + 1)
        valid = random.random(shape) >= nodata
        valid[random.integers(shape[0]), random.integers(shape[1])] = True
        scene = physical(shape, seed)
        bands = {
            band: np.where(valid, scene[band], 0).astype(np.float32)
            for band in (BAND_NAMES if thermal else OPTICAL_BANDS)
        }
        return Tile("01_01", bands, valid)

    return make


@pytest.fixture
def write_bands(tmp_path) -> Callable[..., dict[str, str]]:
    """Writes one tile under ``tmp_path`` in the challenge's layout; gives the dictionary of band folders.

    ``name`` is a file name with ``{n}`` for the Landsat band number and ``{id}`` for the tile id.
    """

    def write(
        bands: Mapping[str, np.ndarray],
        tile_id: str = "02_07",
        name: str = "B{n}_B{n}_masked_{id}.tif",
        root: Path = tmp_path,
        **options: Any,
    ) -> dict[str, str]:
        for band, values in bands.items():
            folder = root / f"Band{BAND_NAMES.index(band) + 1}"
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / name.format(n=LANDSAT_NUMBERS[band], id=tile_id)
            tifffile.imwrite(path, values, metadata=None, extratags=GEO_TAGS, **options)
        return {entry.name: str(entry) for entry in sorted(root.iterdir()) if entry.is_dir()}

    return write


@pytest.fixture(scope="session")
def read_only() -> Callable[[Mapping[str, str]], Tile]:
    """Reads the one tile of a dictionary of band folders."""

    def read(folders: Mapping[str, str]) -> Tile:
        (files,) = find_tiles(folders)
        return read_tile(files)

    return read


@pytest.fixture(scope="module")
def narrow_networks() -> Iterator[None]:
    """Compact U-Nets of a quarter of the width, for what tests something else than the network, in this process."""
    from cnn import unet

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unet, "ENCODERS", {"lite0": (0.25, 0.5), "lite2": (0.3, 0.6)})
        patch.setattr(unet, "DECODER_WIDTHS", (32, 24, 16, 16))
        yield


@pytest.fixture(scope="session")
def one_sentence() -> Callable[[object, object], None]:
    """Checks an error's words: one line, one sentence with an end, naming the culprit."""

    def check(message: object, culprit: object) -> None:
        text = str(message)
        assert str(culprit) in text
        assert "\n" not in text
        assert text.endswith(".")
        assert not re.search(r"[.!?] +[A-Z]", text.replace(str(culprit), "it")), f"two sentences: {text}"

    return check


@pytest.fixture(scope="session")
def real_tiles() -> Path:
    """The folder of the challenge's 20 real tiles; skips where there is none."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    data = Path(os.environ.get("GLACIER_DATA") or default)
    for folder in (data / "glacierhack", data):
        if (folder / "Band1").is_dir() and (folder / "label").is_dir():
            return folder
    pytest.skip(f"no real tiles in {data}; set GLACIER_DATA to the folder that holds glacierhack/")


@pytest.fixture(scope="session")
def real_products() -> Path:
    """The folder of a real product and real metadata; skips where there is none."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    data = Path(os.environ.get("GLACIER_DATA") or default)
    if (data / "products" / "metadata").is_dir():
        return data / "products"
    pytest.skip(f"no real products in {data}; set GLACIER_DATA to the folder that holds products/")
