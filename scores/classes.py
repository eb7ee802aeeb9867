"""Scores of a map of several classes, from its confusion matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from scores.agreement import all_scores
from scores.confusion import Confusion


@dataclass(frozen=True)
class ClassConfusion:
    """Pixel counts, int64 (K, K): rows are the true class, columns the mapped one; they add up with ``+``."""

    matrix: np.ndarray

    def __add__(self, other: ClassConfusion) -> ClassConfusion:
        """The counts of both."""
        return ClassConfusion(self.matrix + other.matrix)

    @property
    def mcc(self) -> float:
        """Correlation of the two maps (Gorodkin 2004, doi:10.1016/j.compbiolchem.2004.09.006); 0 where undefined.

        With two classes it is Matthews' coefficient.
        """
        counts = self.matrix.astype(float)
        true, mapped, total = counts.sum(axis=1), counts.sum(axis=0), counts.sum()
        spread = (total**2 - (mapped**2).sum()) * (total**2 - (true**2).sum())
        return float((np.trace(counts) * total - true @ mapped) / np.sqrt(spread)) if spread > 0 else 0.0

    @property
    def overall_accuracy(self) -> float:
        """Share of pixels that are right; 0 where there are none."""
        total = self.matrix.sum()
        return float(np.trace(self.matrix) / total) if total else 0.0

    @property
    def kappa(self) -> float:
        """Cohen's kappa (Cohen 1960, doi:10.1177/001316446002000104); 0 where chance alone explains all."""
        total = float(self.matrix.sum())
        if not total:
            return 0.0
        chance = float(self.matrix.sum(axis=0) @ self.matrix.sum(axis=1)) / total**2
        return (self.overall_accuracy - chance) / (1 - chance) if chance < 1 else 0.0

    def of_class(self, number: int) -> Confusion:
        """One class against all others."""
        tp = int(self.matrix[number, number])
        fp, fn = int(self.matrix[:, number].sum()) - tp, int(self.matrix[number].sum()) - tp
        return Confusion(tp, fp, fn, int(self.matrix.sum()) - tp - fp - fn)

    def scores(self, names: tuple[str, ...]) -> dict[str, Any]:
        """MCC, overall accuracy and kappa; IoU, F1, precision and recall as means of the classes but the first, ground.

        Beside them each class's own, and the matrix.
        """
        classes = {name: all_scores(self.of_class(number)) for number, name in enumerate(names)}
        own = [classes[name] for name in names[1:]]
        means = {score: float(np.mean([one[score] for one in own])) for score in ("iou", "f1", "precision", "recall")}
        overall = {"mcc": self.mcc, "overall_accuracy": self.overall_accuracy, "kappa": self.kappa}
        return {**overall, **means, "classes": classes, "confusion": self.matrix.tolist()}


def class_confusion(truth: np.ndarray, mapped: np.ndarray, classes: int) -> ClassConfusion:
    """Count a map of class numbers against a truth of the same shape."""
    pairs = truth.ravel().astype(np.int64) * classes + mapped.ravel()
    return ClassConfusion(np.bincount(pairs, minlength=classes**2).reshape(classes, classes))
