"""Small labelled images in every format, made up: what is bright is glacier."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from rasterio.features import shapes
from rasterio.transform import from_origin

CRS = "EPSG:32643"


def scene(shape: tuple[int, int], bands: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Bands float32 (C, H, W), of which every second one tells glacier from ground, and truth bool (H, W)."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    truth = np.sin(rows / 9 + seed) + np.cos(columns / 7) > 0.2
    levels = np.where(np.arange(bands) % 2 == 0, 90.0, 0.0)
    return (random.normal(60, 12, (bands, *shape)) + truth * levels[:, None, None]).astype(np.float32), truth


def write_slices(folder: Path, count: int = 6, side: int = 48, channels: int = 15) -> Path:
    """HKH slices of three Landsat images, with their masks."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        array, truth = scene((side, side), channels, number)
        name = f"slice_{number}_{{}}_{number % 3}.npy"
        mask = np.zeros((side, side, 3), np.float32)
        mask[:, : side // 2, 0], mask[:, side // 2 :, 1] = truth[:, : side // 2], truth[:, side // 2 :]
        mask[..., 2] = 1
        np.save(folder / name.format("img"), np.moveaxis(array, 0, 2))
        np.save(folder / name.format("mask"), mask)
    return folder


def write_raster(path: Path, array: np.ndarray, located: bool = True, **profile: object) -> Path:
    """A raster (C, H, W) or (H, W); ``located``: with a coordinate system."""
    bands = array[None] if array.ndim == 2 else array
    count, height, width = bands.shape
    where = {"crs": CRS, "transform": from_origin(500000, 3800000, 10, 10)} if located else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    driver = {".png": "PNG", ".jpg": "JPEG"}.get(path.suffix, "GTiff")
    options = {**where, **profile}
    with rasterio.open(
        path, "w", driver=driver, count=count, height=height, width=width, dtype=bands.dtype, **options
    ) as file:
        file.write(bands)
    return path


def write_pictures(root: Path, count: int = 5, side: int = 40) -> Path:
    """RGB pictures with masks 0/255, in train and test."""
    for number in range(count):
        array, truth = scene((side, side + 8), 3, number)
        folder = root / ("test" if number == count - 1 else "train")
        write_raster(folder / "images" / f"g{number}.png", np.clip(array, 0, 255).astype(np.uint8), located=False)
        write_raster(folder / "masks" / f"g{number}.png", (truth * 255).astype(np.uint8), located=False)
    return root


def write_stack(folder: Path, shape: tuple[int, int] = (160, 60), bands: int = 18, outlines: bool = False) -> Path:
    """One raster of many bands with a mask raster of 0/1, or with outlines."""
    array, truth = scene(shape, bands)
    path = write_raster(folder / "scene.tif", array)
    if outlines:
        found = shapes(truth.astype(np.uint8), mask=truth, transform=from_origin(500000, 3800000, 10, 10))
        found = gpd.GeoSeries([shapely.geometry.shape(one) for one, _ in found], crs=CRS).to_crs("EPSG:4326")
        found.to_file(folder / "scene.gpkg", engine="pyogrio")
    else:
        write_raster(folder / "scene_mask.tif", truth.astype(np.uint8))
    return path
