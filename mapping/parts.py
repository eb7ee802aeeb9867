"""The results of parts, kept in files until all of them are there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fusion.layout import Part
from tiles.raster import atomic_output


def part_files(folder: Path, part: Part, corrections: int = 0) -> tuple[Path, ...]:
    """Name the files that keep a part's arrays: of the network, of the trees, and of each correction."""
    names = ("unet", "gbm", *(f"offset{number}" for number in range(corrections)))
    return tuple(folder / f"{part.name}.{name}.npy" for name in names)


def write_part(folder: Path, part: Part, arrays: Sequence[np.ndarray]) -> None:
    """Keep a part's arrays, each whole or not at all; the trees' presence says that all are there."""
    network, trees, *offsets = zip(part_files(folder, part, len(arrays) - 2), arrays)
    for path, array in (network, *offsets, trees):
        with atomic_output(path) as temporary, open(temporary, "wb") as file:
            np.save(file, array)
