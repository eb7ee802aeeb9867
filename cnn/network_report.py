"""Figures and the page of a network's scores."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from baseline.report import SORTING, STYLE, html_table
from cnn.blend import blended_rows, class_map
from cnn.network_model import Card, NetworkModel
from cnn.scoring import region_of
from figures import BLUE, GREEN, ORANGE, PROBABILITY, stretched, write_figure
from patches.image import Image

SHOWN, LARGEST = 4, 512  # examples, and their pixels a side at most
SCORES = ("mcc", "iou", "f1", "precision", "recall", "overall_accuracy", "kappa")


def draw_scores(scores: Mapping[str, Any], classes: Sequence[str], path: Path) -> None:
    """The confusion matrix, as shares of the true class, and the MCC of each region."""
    regions = {"all": scores["pooled"], **scores["regions"]}
    figure = Figure(figsize=(10, max(3.5, 0.25 * len(regions) + 1)), layout="constrained")
    left, right = figure.subplots(1, 2)
    counts = np.array(scores["pooled"]["confusion"], float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    left.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(shares.shape):
        shade = "white" if shares[row, column] > 0.5 else "black"
        left.text(column, row, f"{shares[row, column]:.3f}", ha="center", va="center", color=shade)
    left.set_xticks(range(len(classes)), classes)
    left.set_yticks(range(len(classes)), classes)
    left.set(xlabel="mapped", ylabel="true", title="share of the true class")
    right.barh(list(regions), [one["mcc"] for one in regions.values()], color=BLUE)
    right.invert_yaxis()
    right.axvline(0, color="black", linewidth=0.8)
    right.set_title("MCC")
    write_figure(figure, path)


def draw_examples(model: NetworkModel, images: Sequence[Image], path: Path) -> None:
    """A few images with truth, map and errors."""
    chosen = images[:: max(1, len(images) // SHOWN)][:SHOWN]
    figure = Figure(figsize=(12, 3.2 * len(chosen)), layout="constrained")
    axes = figure.subplots(len(chosen), 4, squeeze=False)
    largest = len(model.card.classes) - 1
    for row, image in zip(axes, chosen):
        piece = image.cut(0, 0, min(image.height, LARGEST), min(image.width, LARGEST))
        patch = piece.patch(0, 0, piece.height, piece.width)
        mapped = class_map(np.concatenate([shares for _, shares in blended_rows(model, piece)], axis=1))
        mapped[~patch.valid] = 0
        wrong = np.where(mapped == patch.truth, mapped > 0, np.where(mapped > patch.truth, 2, 3)) * patch.valid
        row[0].imshow(picture(patch.array))
        row[1].imshow(patch.truth, vmin=0, vmax=largest, cmap=PROBABILITY)
        row[2].imshow(mapped, vmin=0, vmax=largest, cmap=PROBABILITY)
        colours = np.array([[1, 1, 1], *map(to_rgb, (GREEN, ORANGE, BLUE))])
        row[3].imshow(colours[wrong.astype(int)])
        for axis, title in zip(row, (region_of(image), "truth", "map", "right green, too high orange, too low blue")):
            axis.set_title(title, fontsize=9)
            axis.set_axis_off()
    write_figure(figure, path)


def picture(array: np.ndarray) -> np.ndarray:
    """The first three bands, or the first one, stretched: float32 (H, W, 3) in 0..1, black where not finite."""
    bands = array[:3] if len(array) >= 3 else array[[0, 0, 0]]
    return np.stack([stretched(np.nan_to_num(band), np.isfinite(band)) for band in bands], axis=-1)


def page(scores: Mapping[str, Any], card: Card, out: Path, trained: Path) -> str:
    """Everything as one self-contained HTML page."""
    rows = [
        [region, name, *(values[score] for score in SCORES)]
        for region, one in {"all": scores["pooled"], **scores["regions"]}.items()
        for name, values in {"all": one, **one["classes"]}.items()
    ]
    facts = {
        "architecture": card.architecture,
        "bands": ", ".join(card.bands),
        "labels": card.labels,
        "normalisation": card.normalisation.kind,
        "patch": card.patch,
        "trained by": str(card.training.get("command", "")),
        "scored": f"{scores['subset']} subset",
    }
    pictures = {"Scores": out / "scores.png", "Examples": out / "examples.png", "Training": trained / "run.png"}
    sections = [
        f'<h2>{title}</h2><img alt="{title}" src="data:image/png;base64,{encoded(path)}">'
        for title, path in pictures.items()
        if path.exists()
    ]
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f"<title>{escape(card.architecture)}</title><style>{STYLE}</style></head><body>",
            f"<h1>{escape(card.architecture)}</h1>",
            html_table(["", ""], list(facts.items())),
            html_table(["region", "class", *SCORES], rows),
            *sections,
            f"<script>{SORTING}</script></body></html>\n",
        ]
    )


def encoded(path: Path) -> str:
    """A file's bytes as text."""
    return base64.b64encode(path.read_bytes()).decode("ascii")
