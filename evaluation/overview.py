"""One figure of what was mapped: false colour, probability, mask against truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # no screen is needed to write a file
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
from matplotlib.colors import ListedColormap  # noqa: E402
from matplotlib.patches import Patch  # noqa: E402

from tiles.raster import atomic_output  # noqa: E402
from tiles.tile import Tile  # noqa: E402

NODATA, CORRECT, FALSE_ALARM, MISSED, BACKGROUND = range(5)
COLOURS = {
    NODATA: "#c8c8c8",
    CORRECT: "#2c7fb8",
    FALSE_ALARM: "#d95f02",
    MISSED: "#e7298a",
    BACKGROUND: "#f7f7f7",
}
NAMES = {
    CORRECT: "glacier, mapped (TP)",
    FALSE_ALARM: "mapped, no glacier (FP)",
    MISSED: "glacier, missed (FN)",
    NODATA: "nodata",
}


@dataclass(frozen=True)
class TileView:
    """What is drawn of one tile under its title: ``probability`` float, ``mask`` and ``truth`` bool, all (H, W)."""

    title: str
    tile: Tile
    probability: np.ndarray
    mask: np.ndarray
    truth: np.ndarray
    mcc: float


def false_colour(tile: Tile) -> np.ndarray:
    """SWIR1, red, green as RGB in 0..1, each stretched over its 2nd to 98th percentile; grey under nodata."""
    layers = []
    for band in ("swir1", "red", "green"):
        values = tile.bands[band]
        low, high = np.percentile(values[tile.valid], (2, 98)) if tile.valid.any() else (0.0, 1.0)
        layers.append(np.clip((values - low) / max(high - low, 1e-6), 0, 1))
    return np.where(tile.valid[..., None], np.stack(layers, axis=-1) ** 0.7, 0.78)


def agreement(mask: np.ndarray, truth: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Class of each pixel: nodata, correct, false alarm, missed or background, int (H, W)."""
    classes = np.full(truth.shape, BACKGROUND)
    classes[~valid] = NODATA
    classes[truth & mask] = CORRECT
    classes[~truth & mask] = FALSE_ALARM
    classes[truth & ~mask] = MISSED
    return classes


def draw_overview(views: Sequence[TileView], path: Path) -> None:
    """Write the figure, one tile a row, as a PNG."""
    figure, axes = plt.subplots(len(views), 3, figsize=(10.5, 3.5 * len(views)), layout="constrained", squeeze=False)
    for row, view in zip(axes, views):
        row[0].imshow(false_colour(view.tile), interpolation="nearest")
        outline = view.mask.astype(float)
        if view.mask.any() and not view.mask.all():
            row[0].contour(outline, levels=[0.5], colors="#ffe800", linewidths=0.7)
        row[0].set_title(f"{view.title}\nSWIR1, red, green and the mapped outline", fontsize=9, loc="left")
        shown = row[1].imshow(
            np.where(view.tile.valid, view.probability, np.nan),
            vmin=0,
            vmax=1,
            cmap="viridis",
            interpolation="nearest",
        )
        row[1].set_facecolor(COLOURS[NODATA])
        row[1].set_title("glacier probability", fontsize=9, loc="left")
        figure.colorbar(shown, ax=row[1], shrink=0.8)
        row[2].imshow(
            agreement(view.mask, view.truth, view.tile.valid),
            cmap=ListedColormap([COLOURS[kind] for kind in range(5)]),
            vmin=-0.5,
            vmax=4.5,
            interpolation="nearest",
        )
        row[2].set_title(f"mask against truth, MCC {view.mcc:.2f}", fontsize=9, loc="left")
        for axis in row:
            axis.set(xticks=[], yticks=[])
    figure.legend(
        handles=[Patch(color=COLOURS[kind], label=name) for kind, name in NAMES.items()],
        loc="outside lower center",
        ncols=4,
        fontsize=9,
    )
    with atomic_output(path) as temporary:
        figure.savefig(temporary, dpi=85, format="png")
    plt.close(figure)
