"""The training curves as a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from figures import BLUE, GREY, write_figure

SMOOTHING = 25


def draw_curves(curves: Mapping[str, Sequence[float]], path: Path) -> None:
    """Loss per step (smoothed over 25) and held-out MCC where it was evaluated, as a PNG."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axis = figure.subplots()
    loss = np.asarray(curves["loss"])
    window = min(SMOOTHING, len(loss))
    axis.plot(
        np.arange(window - 1, len(loss)) + 1,
        np.convolve(loss, np.ones(window) / window, mode="valid"),
        color=GREY,
    )
    axis.set(xlabel="step", ylabel=f"training loss (mean of {window} steps)")
    if curves["mcc"]:
        right = axis.twinx()
        right.plot(curves["evaluated_at"], curves["mcc"], "o-", color=BLUE)
        right.set_ylabel("held-out MCC", color=BLUE)
    write_figure(figure, path)
