"""The training curves as a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # no screen is needed to write a file
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402

from tiles.raster import atomic_output  # noqa: E402

SMOOTHING = 25


def draw_curves(curves: Mapping[str, Sequence[float]], path: Path) -> None:
    """Loss per step (smoothed over 25) and held-out MCC where it was evaluated, as a PNG."""
    figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
    loss = np.asarray(curves["loss"])
    window = min(SMOOTHING, len(loss))
    axis.plot(
        np.arange(window - 1, len(loss)) + 1,
        np.convolve(loss, np.ones(window) / window, mode="valid"),
        color="tab:gray",
    )
    axis.set(xlabel="step", ylabel=f"training loss (mean of {window} steps)")
    if curves["mcc"]:
        right = axis.twinx()
        right.plot(curves["evaluated_at"], curves["mcc"], "o-", color="tab:blue")
        right.set_ylabel("held-out MCC", color="tab:blue")
    with atomic_output(path) as temporary:
        figure.savefig(temporary, dpi=120, format="png")
    plt.close(figure)
