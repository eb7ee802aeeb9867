"""Figures of the reports on generalisation and adaptation, drawn from results alone: no imagery is in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import imread, imsave

from evaluation.adaptation_tables import RANDOM, SUGGESTED
from evaluation.systems import Scored
from figures import BLUE, GREY, ORANGE, PALETTE, VERMILION, class_patches, class_picture, write_figure
from scores.agreement import agreement
from tiles.raster import atomic_output

MARKED = {(RANDOM, 0.0): ("-", BLUE), (SUGGESTED, 0.0): ("--", ORANGE), (RANDOM, 0.1): (":", VERMILION)}
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


def draw_adaptation(summary: Sequence[Mapping[str, Any]], out: Path) -> None:
    """MCC against the number of marks, one panel a group, of a summary as ``evaluation.adaptation_tables`` has it."""
    names = list(dict.fromkeys(line["group"] for line in summary))
    figure = Figure(figsize=(3.4 * len(names), 3.6), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names):
        for (way, wrong), (style, colour) in MARKED.items():
            lines = [one for one in summary if (one["group"], one["way"], one["wrong"]) == (name, way, wrong)]
            points = [(0, one["start"]) for one in lines[:1] if not wrong]
            points += [(one["marks"], one["mcc"]) for one in lines]
            across, up = np.array(points).reshape(-1, 2).T
            told = f"{way}, {wrong:.0%} wrong" if wrong else way
            axes.plot(across, up, style, color=colour, marker="o", markersize=3, label=told)
        axes.set_title(name, fontsize=9)
        axes.set_xlabel("marks in all")
    figure.axes[0].set_ylabel("MCC, valid pixels, mean over sites")
    figure.axes[0].legend(fontsize=8, frameon=False)
    write_figure(figure, out)
