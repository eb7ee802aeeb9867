"""What all figures share: one palette, one stretch, and a file that is whole or not there.

Figures are drawn on matplotlib's ``Figure`` without pyplot: that needs no screen, leaves no figure open, and changes
nobody's backend.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from scores.agreement import BACKGROUND, CORRECT, FALSE_ALARM, MISSED, UNKNOWN
from tiles.raster import atomic_output
from tiles.tile import Tile

# Okabe & Ito 2008 (jfly.uni-koeln.de/color), distinct for the colour-blind
BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION, GREY = PALETTE = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#999999",
)
OUTLINE = "#FFE800"  # over imagery, where the palette's yellow is lost on rock
CLASS_COLOURS = {
    BACKGROUND: "#F7F7F7",
    CORRECT: BLUE,
    FALSE_ALARM: VERMILION,
    MISSED: PURPLE,
    UNKNOWN: "#C8C8C8",
}
CLASS_NAMES = {
    CORRECT: "glacier, mapped (TP)",
    FALSE_ALARM: "mapped, no glacier (FP)",
    MISSED: "glacier, missed (FN)",
    UNKNOWN: "nodata",
}
PROBABILITY = "viridis"  # the colour map, which also reads in grey
SHOWN = ("swir1", "red", "green")  # as red, green and blue: snow and ice cyan, rock brown
PERCENTILES = (2, 98)
GAMMA = 0.7  # opens the shadows
DPI = 100


def stretched(band: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """A band (H, W) from its 2nd to its 98th percentile, brightened: float32 in 0..1, 0 where nothing is valid."""
    if not valid.any():
        return np.zeros(band.shape, np.float32)
    low, high = np.percentile(band[valid], PERCENTILES)
    return np.asarray(np.clip((band - low) / max(high - low, 1e-6), 0, 1) ** GAMMA, np.float32)


def false_colour(tile: Tile) -> np.ndarray:
    """SWIR1, red and green as RGBA, uint8 (H, W, 4), transparent under nodata."""
    layers = [np.round(stretched(tile.bands[band], tile.valid) * 255) for band in SHOWN]
    return np.stack([*layers, np.where(tile.valid, 255, 0)], axis=-1).astype(np.uint8)


def class_picture(classes: np.ndarray) -> np.ndarray:
    """The colours of right and wrong pixels (H, W), as of ``scores.agreement``: uint8 (H, W, 3)."""
    kinds = np.searchsorted(list(CLASS_COLOURS), classes)
    colours = ListedColormap(list(CLASS_COLOURS.values()))
    return np.asarray(colours(kinds, bytes=True)[..., :3])


def class_patches() -> list[Patch]:
    """What a legend of right and wrong pixels shows."""
    return [Patch(color=CLASS_COLOURS[kind], label=name) for kind, name in CLASS_NAMES.items()]


def write_figure(figure: Figure, path: Path, dpi: int = DPI) -> None:
    """Write a figure as a PNG, whole or not at all."""
    with atomic_output(path) as temporary:
        figure.savefig(temporary, dpi=dpi, format="png")
