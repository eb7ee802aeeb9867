"""Glaciers drawn by hand on unlabelled chips: one picture a chip, which any paint program opens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from errors import RasterError
from tiles.folder import LabelledTile
from tiles.tile import Tile

GROUND, UNKNOWN, GLACIER = 0, 127, 255  # shades of a picture


def drawn_chips(chips: Sequence[Tile], folder: Path) -> list[LabelledTile]:
    """The chips that ``folder`` has a picture ``<id>.png`` of, as labelled tiles; what is unknown becomes nodata.

    Raises RasterError where there is no picture of any of them, or where one does not fit its chip.
    """
    found = []
    for chip in chips:
        path = folder / f"{chip.tile_id}.png"
        if path.exists():
            shades = read_shades(path, chip.shape)
            known = replace(chip, valid=chip.valid & (shades != UNKNOWN)).with_bands({})
            found.append(LabelledTile(known, (shades == GLACIER) & known.valid))
    if not found:
        raise RasterError(f"{folder}: has no picture of any of the chips; give a folder of <id>.png.")
    return found


def read_shades(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """A grey picture of this shape, uint8 (H, W), of the three shades; raises RasterError for any other."""
    try:
        with Image.open(path) as picture:
            if (picture.height, picture.width) != shape:  # known before it is decoded
                raise RasterError(
                    f"{path}: has {picture.height} x {picture.width} pixels, its chip {shape[0]} x {shape[1]}; "
                    "draw on the chip itself."
                )
            shades = np.asarray(picture.convert("L"))
    except (OSError, Image.DecompressionBombError) as problem:
        raise RasterError(f"{path}: cannot be read as a picture ({type(problem).__name__}); save it as PNG.") from None
    others = set(np.unique(shades).tolist()) - {GROUND, UNKNOWN, GLACIER}
    if others:
        raise RasterError(
            f"{path}: has the shade {min(others)}; draw with {GROUND} (ground), {UNKNOWN} (unknown) and "
            f"{GLACIER} (glacier) alone."
        )
    return shades
