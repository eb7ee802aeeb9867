"""One figure of what was mapped: false colour, probability, mask against truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from figures import (
    CLASS_COLOURS,
    OUTLINE,
    PROBABILITY,
    class_patches,
    class_picture,
    false_colour,
    write_figure,
)
from scores.agreement import UNKNOWN, agreement
from tiles.tile import Tile


@dataclass(frozen=True)
class TileView:
    """What is drawn of one tile under its title: ``probability`` float, ``mask`` and ``truth`` bool, all (H, W)."""

    title: str
    tile: Tile
    probability: np.ndarray
    mask: np.ndarray
    truth: np.ndarray
    mcc: float


def draw_overview(views: Sequence[TileView], path: Path) -> None:
    """Write the figure, one tile a row, as a PNG."""
    figure = Figure(figsize=(10.5, 3.5 * len(views)), layout="constrained")
    for row, view in zip(figure.subplots(len(views), 3, squeeze=False), views):
        row[0].imshow(false_colour(view.tile), interpolation="nearest")
        row[0].set_facecolor(CLASS_COLOURS[UNKNOWN])
        outline = view.mask.astype(float)
        if view.mask.any() and not view.mask.all():
            row[0].contour(outline, levels=[0.5], colors=OUTLINE, linewidths=0.7)
        row[0].set_title(f"{view.title}\nSWIR1, red, green and the mapped outline", fontsize=9, loc="left")
        shown = row[1].imshow(
            np.where(view.tile.valid, view.probability, np.nan),
            vmin=0,
            vmax=1,
            cmap=PROBABILITY,
            interpolation="nearest",
        )
        row[1].set_facecolor(CLASS_COLOURS[UNKNOWN])
        row[1].set_title("glacier probability", fontsize=9, loc="left")
        figure.colorbar(shown, ax=row[1], shrink=0.8)
        row[2].imshow(class_picture(agreement(view.mask, view.truth, view.tile.valid)), interpolation="nearest")
        row[2].set_title(f"mask against truth, MCC {view.mcc:.2f}", fontsize=9, loc="left")
        for axis in row:
            axis.set(xticks=[], yticks=[])
    figure.legend(
        handles=class_patches(),
        loc="outside lower center",
        ncols=4,
        fontsize=9,
    )
    write_figure(figure, path, dpi=85)
