"""Scores of a binary mask against the truth, from its confusion matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Confusion:
    """Pixel counts of a mask against the truth; they add up, so tiles can be pooled with ``+``."""

    tp: int
    fp: int
    fn: int
    tn: int

    def __add__(self, other: Confusion) -> Confusion:
        """The counts of both."""
        return Confusion(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn)

    @property
    def mcc(self) -> float:
        """Matthews correlation coefficient (Matthews 1975, doi:10.1016/0005-2795(75)90109-9); 0 where undefined."""
        product = (
            float(self.tp + self.fp) * float(self.tp + self.fn) * float(self.tn + self.fp) * float(self.tn + self.fn)
        )
        return float((float(self.tp) * self.tn - float(self.fp) * self.fn) / product**0.5) if product else 0.0

    @property
    def precision(self) -> float:
        """tp / (tp + fp); 0 where nothing was mapped."""
        return self.tp / (self.tp + self.fp) if self.tp + self.fp else 0.0

    @property
    def recall(self) -> float:
        """tp / (tp + fn); 0 where there is no glacier."""
        return self.tp / (self.tp + self.fn) if self.tp + self.fn else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall (Dice)."""
        return 2 * self.tp / (2 * self.tp + self.fp + self.fn) if self.tp + self.fp + self.fn else 0.0

    @property
    def iou(self) -> float:
        """Intersection over union (Jaccard)."""
        return self.tp / (self.tp + self.fp + self.fn) if self.tp + self.fp + self.fn else 0.0

    def scores(self) -> dict[str, float]:
        """MCC, IoU, F1, precision and recall by name."""
        return {name: getattr(self, name) for name in ("mcc", "iou", "f1", "precision", "recall")}


def confusion(truth: np.ndarray, mask: np.ndarray) -> Confusion:
    """Count a bool mask against a bool truth of the same shape."""
    tp = int(np.count_nonzero(truth & mask))
    fp = int(np.count_nonzero(mask)) - tp
    fn = int(np.count_nonzero(truth)) - tp
    return Confusion(tp, fp, fn, int(truth.size) - tp - fp - fn)


def reliability(truth: np.ndarray, probability: np.ndarray, bins: int = 15) -> tuple[np.ndarray, ...]:
    """Per equal-width bin of probability: number of pixels, mean probability and share of glacier, float (bins,)."""
    bin_of = np.minimum((probability * bins).astype(int), bins - 1)
    counts = np.bincount(bin_of, minlength=bins).astype(float)
    filled = np.maximum(counts, 1)
    return counts, np.bincount(bin_of, probability, bins) / filled, np.bincount(bin_of, truth, bins) / filled


def calibration_error(truth: np.ndarray, probability: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error over equal-width bins (Guo et al. 2017, arXiv:1706.04599)."""
    counts, said, seen = reliability(truth, probability, bins)
    return float((counts * np.abs(said - seen)).sum() / counts.sum()) if counts.sum() else 0.0
