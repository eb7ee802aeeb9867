"""The challenge's folder layout: Band1..Band5 (and label) with one file a tile in each."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from errors import LayoutError, ShapeError
from tiles.coding import Coding, recognise_reflectance, to_physical
from tiles.raster import read_band, read_raster, write_raster
from tiles.tile import OPTICAL_BANDS, THERMAL_BAND, Georeference, Tile
from tiles.validity import (
    Tags,
    doubts,
    lacks_unit,
    measured_temperature,
    plausible_pixels,
    temperature_coding,
    valid_pixels,
    without_gaps,
)

BAND_FOLDERS = {1: "blue", 2: "green", 3: "red", 4: "swir1", 5: "thermal"}
BAND_FOLDER_PATTERN = re.compile(r"^band[ _-]?([1-5])$", re.IGNORECASE)
TILE_ID_PATTERN = re.compile(r"(\d+(?:_\d+)*)$")
BAND_PREFIX_PATTERN = re.compile(r"^(?:B\d+_)+", re.IGNORECASE)
SUFFIXES = (".tif", ".tiff")
LABEL_FOLDER = "label"


class LabelledTile(NamedTuple):
    """A tile and its truth, bool (H, W): true on glaciers."""

    tile: Tile
    truth: np.ndarray


@dataclass(frozen=True)
class TileFiles:
    """Where the bands of one tile lie; ``problem`` says why it cannot be read, if it cannot."""

    tile_id: str
    paths: dict[str, Path]
    problem: str = ""


def tile_id_of(path: Path) -> str:
    """The tile's id: the number groups that end the file name (``02_07``, ``001``), else the whole stem.

    Band names that begin it (``B2_B2_``) do not count.
    """
    stem = BAND_PREFIX_PATTERN.sub("", path.stem) or path.stem
    found = TILE_ID_PATTERN.search(stem)
    return found.group(1) if found else stem


def band_folders(root: Path) -> dict[str, str]:
    """List the sub-folders of ``root`` by name, as the evaluator passes them."""
    if not root.is_dir():
        raise LayoutError(f"{root}: no such folder; give the folder that holds Band1 to Band5.")
    return {entry: str(root / entry) for entry in sorted(os.listdir(root)) if (root / entry).is_dir()}


def find_tiles(imagepath: Mapping[str, str | Path]) -> list[TileFiles]:
    """Match the files of Band1..Band5 by tile id; any other folder in ``imagepath`` is ignored.

    Sorted by tile id. A tile that lacks a band comes back with ``problem`` set. Raises LayoutError when
    a folder of the four optical bands is missing, or when there is no tile at all.
    """
    folders = {}
    for key, folder in imagepath.items():
        match = BAND_FOLDER_PATTERN.match(str(key))
        if match:
            folders[BAND_FOLDERS[int(match.group(1))]] = Path(folder)
    for number, band in BAND_FOLDERS.items():
        if band != THERMAL_BAND and band not in folders:
            raise LayoutError(
                f"Band{number} ({band}): the folder is missing among {sorted(map(str, imagepath))}; "
                "give Band1 (blue), Band2 (green), Band3 (red), Band4 (SWIR1) and, if there is one, Band5 (thermal)."
            )
    files = {band: files_by_id(folders[band]) for band in BAND_FOLDERS.values() if band in folders}
    if not files.get(THERMAL_BAND):
        files.pop(THERMAL_BAND, None)  # an empty folder is a missing thermal band
    ids = sorted(set().union(*files.values()))
    if not ids:
        raise LayoutError(
            f"{folders['blue']}: holds no .tif or .tiff file; give the folder with Band1 to Band5 of at least one tile."
        )
    return [match_bands(tile_id, files, folders) for tile_id in ids]


def files_by_id(folder: Path) -> dict[str, Path]:
    """List the TIFF files of one folder by tile id; raises LayoutError where two files have one id."""
    if not folder.is_dir():
        raise LayoutError(f"{folder}: no such folder; give the folder that holds this band's tiles.")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in SUFFIXES and not path.name.startswith("."):
            tile_id = tile_id_of(path)
            if tile_id in found:
                raise LayoutError(
                    f"{path}: has the same tile id {tile_id} as {found[tile_id].name}; rename one of them."
                )
            found[tile_id] = path
    return found


def match_bands(tile_id: str, files: Mapping[str, Mapping[str, Path]], folders: Mapping[str, Path]) -> TileFiles:
    """Gather the files of one tile and name what is missing."""
    paths = {band: files[band][tile_id] for band in files if tile_id in files[band]}
    missing = [str(folders[band]) for band in files if band not in paths]
    problem = (
        f"tile {tile_id}: has no file in {', '.join(missing)}; add it or remove the tile's other bands."
        if missing
        else ""
    )
    return TileFiles(tile_id, paths, problem)


def read_tile(files: TileFiles) -> Tile:
    """Read one tile into physical units.

    Raises LayoutError (a band is missing), RasterError, ShapeError or CodingError, each naming the file.
    """
    if files.problem:
        raise LayoutError(files.problem)
    numbers, tags, georeference = read_numbers(files)
    notes = [note for band, path in files.paths.items() for note in non_finite_note(numbers[band], path, tags[band])]
    where = str(files.paths["swir1"].parent.parent / files.tile_id)
    optical = [numbers[band] for band in OPTICAL_BANDS]
    coding = recognise_reflectance(optical, numbers["swir1"], plausible_pixels(numbers, tags), where)
    valid = np.zeros(optical[0].shape, bool) if coding is None else valid_pixels(numbers, coding, tags)
    if coding is not None:
        notes += doubts(numbers, coding, tags, np.ones(valid.shape, bool), f"tile {files.tile_id}")
    if coding is None or not valid.any():
        bands, stated = {band: np.zeros(valid.shape, np.float32) for band in OPTICAL_BANDS}, "none (no valid pixel)"
    else:
        bands, stated, missing = physical_bands(numbers, valid, coding, tags, files)
        notes += missing
    return Tile(files.tile_id, bands, valid, stated, georeference, files.paths["blue"].name, tuple(notes))


def physical_bands(
    numbers: Mapping[str, np.ndarray], valid: np.ndarray, coding: Coding, tags: Tags, files: TileFiles
) -> tuple[dict[str, np.ndarray], str, list[str]]:
    """Return the bands as reflectance and kelvin, float32 (H, W), their coding, and a note if thermal is missing."""
    bands = {band: to_physical(numbers[band], coding, valid) for band in OPTICAL_BANDS}
    thermal, found = read_thermal(numbers.get(THERMAL_BAND), valid, coding, tags, files)
    if thermal is None:
        return bands, coding.name, [f"tile {files.tile_id}: {found}"]
    stated = coding.name if found == coding.name else f"{coding.name}; temperature in {found}"
    return {**bands, THERMAL_BAND: thermal}, stated, []


def read_numbers(files: TileFiles) -> tuple[dict[str, np.ndarray], Tags, Georeference | None]:
    """Read the bands in the files' own numbers, (H, W) each, their nodata values, and the first georeference."""
    numbers: dict[str, np.ndarray] = {}
    tags: dict[str, tuple[float, ...]] = {}
    georeference: Georeference | None = None
    for band, path in files.paths.items():
        numbers[band], found, tags[band] = read_band(path)
        georeference = georeference or found
        if numbers[band].shape != numbers["blue"].shape:
            raise ShapeError(
                f"{path}: has {numbers[band].shape} pixels but {files.paths['blue'].name} has "
                f"{numbers['blue'].shape}; give all bands on one grid."
            )
    return numbers, tags, georeference


def read_thermal(
    numbers: np.ndarray | None, valid: np.ndarray, optical: Coding, tags: Tags, files: TileFiles
) -> tuple[np.ndarray | None, str]:
    """Return the temperature in kelvin (H, W) and the name of its coding, or None and why there is none.

    Single pixels without a measurement take the tile's median, which says nothing about them.
    """
    if numbers is None:
        return None, "has no thermal band; mapped without temperature"
    if lacks_unit(numbers, measured_temperature(numbers, valid, tags[THERMAL_BAND]), optical):
        return None, "its thermal band has 8 bits and no unit; treated as missing"
    coding = temperature_coding(numbers, valid, tags[THERMAL_BAND], str(files.paths[THERMAL_BAND]))
    if coding is None:
        return None, "its thermal band is all zero; treated as missing"
    measured = measured_temperature(numbers, valid, tags[THERMAL_BAND], coding.lowest)
    return without_gaps(to_physical(numbers, coding, measured), valid, measured), coding.name


def non_finite_note(band: np.ndarray, path: Path, tags: Sequence[float]) -> list[str]:
    """Note where a band holds NaN or infinity, which are treated as nodata, unless its file names NaN as nodata."""
    declared = np.isnan(tags).any()
    count = 0 if declared else int(band.size - np.count_nonzero(np.isfinite(band)))
    return [f"{path}: {count} NaN or infinite pixel(s) are treated as nodata"] if count else []


def read_label(root: Path, tile_id: str) -> np.ndarray:
    """Read the tile's truth as bool (H, W); labels are 0/255 in the challenge, and any value above 0 is glacier."""
    labels = files_by_id(root / LABEL_FOLDER)
    if tile_id not in labels:
        raise LayoutError(f"{root / LABEL_FOLDER}: has no label for tile {tile_id}; add it or leave the tile out.")
    label, _ = read_raster(labels[tile_id])
    return np.asarray(label > 0)


def read_labelled(root: Path) -> list[LabelledTile]:
    """Read every tile of a folder in the challenge's layout with its truth, sorted by tile id."""
    return [LabelledTile(read_tile(files), read_label(root, files.tile_id)) for files in find_tiles(band_folders(root))]


def write_mask(folder: Path, tile: Tile, mask: np.ndarray) -> Path:
    """Write a bool mask (H, W) as uint8 0/255 under the name of the tile's first band."""
    path = Path(folder) / tile.source
    write_raster(path, np.where(mask, np.uint8(255), np.uint8(0)), tile.georeference)
    return path
