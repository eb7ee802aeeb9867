"""Parts of a scene to network probabilities and tree scores, kept in files until all of them are there."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from fusion.layout import Part
from fusion.windowed import SAMPLE_PIXELS, tile_levels
from mapping.scene import Scene
from tiles.raster import atomic_output


def scene_statistics(scene: Scene) -> dict[str, np.ndarray]:
    """Quantiles of every row of the index table over a subsample of the whole scene, each float32 (513,)."""
    step = max(1, math.ceil(math.sqrt(scene.grid.height * scene.grid.width / SAMPLE_PIXELS)))
    return tile_levels(scene.sample(step))


def part_files(folder: Path, part: Part) -> tuple[Path, Path]:
    """Where a part's two arrays are kept."""
    return folder / f"{part.name}.unet.npy", folder / f"{part.name}.gbm.npy"


def write_part(folder: Path, part: Part, arrays: tuple[np.ndarray, np.ndarray]) -> None:
    """Keep a part's arrays, each whole or not at all; the second one's presence says that both are there."""
    for path, array in zip(part_files(folder, part), arrays):
        with atomic_output(path) as temporary, open(temporary, "wb") as file:
            np.save(file, array)
