"""Figures of the generalisation report, drawn from results alone: no imagery is in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")  # no screen is needed to write a file
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.colors import ListedColormap  # noqa: E402
from matplotlib.patches import Patch  # noqa: E402

from evaluation.overview import COLOURS, NAMES, agreement  # noqa: E402
from evaluation.systems import Scored  # noqa: E402
from tiles.raster import atomic_output  # noqa: E402

FULL_BIN = 50  # a bin with fewer pixels says little and is left out


def save_classes(path: Path, scored: Scored) -> None:
    """Right and wrong pixels of a mask as a small PNG, one pixel a pixel."""
    colours = ListedColormap([COLOURS[kind] for kind in range(5)])
    with atomic_output(path) as temporary:
        classes = agreement(scored.mask, scored.truth, scored.valid)
        plt.imsave(temporary, classes, cmap=colours, vmin=-0.5, vmax=4.5, format="png")


def draw_agreement(paths: Sequence[Path], out: Path) -> None:
    """The classes of several tiles side by side, each under its tile's id."""
    figure, axes = plt.subplots(1, len(paths), figsize=(4.6 * len(paths), 5.2), layout="constrained", squeeze=False)
    for axis, path in zip(axes[0], paths):
        axis.imshow(plt.imread(path), interpolation="nearest")
        axis.set_title(f"tile {path.stem}", fontsize=10)
        axis.set_axis_off()
    patches = [Patch(color=COLOURS[kind], label=name) for kind, name in NAMES.items()]
    figure.legend(handles=patches, loc="outside lower center", ncols=len(patches), fontsize=8, frameon=False)
    save_figure(figure, out)


def draw_reliability(scores: Mapping[str, Any], out: Path) -> None:
    """What was predicted against what was there, and how often each was said, next door and out-of-fold."""
    figure, (above, below) = plt.subplots(2, 1, figsize=(5, 6), layout="constrained", height_ratios=(3, 1), sharex=True)
    above.plot([0, 1], [0, 1], color="#999999", linewidth=0.8)
    for system, one in scores.items():
        if "reliability" in one:
            counts, said, seen = one["reliability"]
            full = [number for number, count in enumerate(counts) if count >= FULL_BIN]
            name = f"{system} (expected calibration error {one['calibration_error']:.3f})"
            above.plot([said[n] for n in full], [seen[n] for n in full], marker="o", markersize=3, label=name)
            below.step([said[n] for n in full], [counts[n] / sum(counts) for n in full], where="mid")
    above.set_ylabel("share of glacier among those pixels")
    above.legend(fontsize=8, frameon=False)
    below.set_xlabel("predicted probability")
    below.set_ylabel("share of pixels")
    save_figure(figure, out)


def save_figure(figure: Any, out: Path) -> None:
    """Write a figure whole or not at all."""
    with atomic_output(out) as temporary:
        figure.savefig(temporary, dpi=110, format="png")
    plt.close(figure)
