"""Figures of the generalisation report, drawn from results alone: no imagery is in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.image import imread, imsave

from evaluation.systems import Scored
from figures import GREY, PALETTE, class_patches, class_picture, write_figure
from scores.agreement import agreement
from tiles.raster import atomic_output

FULL_BIN = 50  # a bin with fewer pixels says little and is left out


def save_classes(path: Path, scored: Scored) -> None:
    """Right and wrong pixels of a mask as a small PNG, one pixel a pixel."""
    with atomic_output(path) as temporary:
        imsave(temporary, class_picture(agreement(scored.mask, scored.truth, scored.valid)), format="png")


def draw_agreement(paths: Sequence[Path], out: Path) -> None:
    """The classes of several tiles side by side, each under its tile's id."""
    figure = Figure(figsize=(4.6 * len(paths), 5.2), layout="constrained")
    for axis, path in zip(figure.subplots(1, len(paths), squeeze=False)[0], paths):
        axis.imshow(imread(path), interpolation="nearest")
        axis.set_title(f"tile {path.stem}", fontsize=10)
        axis.set_axis_off()
    patches = class_patches()
    figure.legend(handles=patches, loc="outside lower center", ncols=len(patches), fontsize=8, frameon=False)
    write_figure(figure, out)


def draw_reliability(scores: Mapping[str, Any], out: Path) -> None:
    """What was predicted against what was there, and how often each was said, next door and out-of-fold."""
    figure = Figure(figsize=(5, 6), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=(3, 1), sharex=True)
    for axes in (above, below):
        axes.set_prop_cycle(color=PALETTE)
    above.plot([0, 1], [0, 1], color=GREY, linewidth=0.8)
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
    write_figure(figure, out)
