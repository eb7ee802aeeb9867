"""The results of parts, kept in files until all of them are there."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fusion.layout import Part
from tiles.raster import atomic_output


def part_files(folder: Path, part: Part) -> tuple[Path, Path]:
    """Name the two files that keep a part's arrays."""
    return folder / f"{part.name}.unet.npy", folder / f"{part.name}.gbm.npy"


def write_part(folder: Path, part: Part, arrays: tuple[np.ndarray, np.ndarray]) -> None:
    """Keep a part's arrays, each whole or not at all; the second one's presence says that both are there."""
    for path, array in zip(part_files(folder, part), arrays):
        with atomic_output(path) as temporary, open(temporary, "wb") as file:
            np.save(file, array)
