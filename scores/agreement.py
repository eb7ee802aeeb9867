"""Scores of masks as the field of glacier mapping reports them: overall, by area, and near the outlines."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_erosion, distance_transform_edt

from scores.confusion import Confusion, confusion

BACKGROUND, CORRECT, FALSE_ALARM, MISSED, UNKNOWN = 0, 1, 2, 3, 255  # of a pixel, in the order of a GeoTIFF's legend


def agreement(mask: np.ndarray, truth: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Right and wrong pixels of a mask, uint8 (H, W), by the numbers above; all three bool (H, W).

    Where nothing is known a pixel is right, wrong or missed all the same if one of the two says glacier: what is
    scored there counts.
    """
    classes = np.where(known, BACKGROUND, UNKNOWN).astype(np.uint8)
    classes[truth & mask] = CORRECT
    classes[~truth & mask] = FALSE_ALARM
    classes[truth & ~mask] = MISSED
    return classes


def overall_accuracy(counts: Confusion) -> float:
    """Share of pixels that are right; 0 where there are none."""
    total = counts.tp + counts.fp + counts.fn + counts.tn
    return (counts.tp + counts.tn) / total if total else 0.0


def kappa(counts: Confusion) -> float:
    """Cohen's kappa (Cohen 1960, doi:10.1177/001316446002000104); 0 where chance alone explains all."""
    total = counts.tp + counts.fp + counts.fn + counts.tn
    if not total:
        return 0.0
    mapped, glacier = counts.tp + counts.fp, counts.tp + counts.fn
    chance = (mapped * glacier + (total - mapped) * (total - glacier)) / total**2
    return (overall_accuracy(counts) - chance) / (1 - chance) if chance < 1 else 0.0


def area_error(counts: Confusion) -> float:
    """Mapped area less true area, as a share of the true one; NaN where there is no glacier."""
    true = counts.tp + counts.fn
    return (counts.tp + counts.fp - true) / true if true else float("nan")


def all_scores(counts: Confusion) -> dict[str, float]:
    """Every score of a confusion matrix, with its four counts."""
    return {
        "overall_accuracy": overall_accuracy(counts),
        **counts.scores(),
        "kappa": kappa(counts),
        "area_error": area_error(counts),
        **{name: getattr(counts, name) for name in ("tp", "fp", "fn", "tn")},
    }


def distance_to_outline(mask: np.ndarray, pixel_side: float) -> np.ndarray:
    """Metres from each pixel's centre to the nearest edge between glacier and not, float64 (H, W); inf without any."""
    if mask.all() or not mask.any():
        return np.full(mask.shape, np.inf)
    inside, outside = distance_transform_edt(mask), distance_transform_edt(~mask)
    return np.asarray((np.maximum(inside, outside) - 0.5) * pixel_side)


def buffer_scores(
    truth: np.ndarray, mask: np.ndarray, known: np.ndarray, pixel_side: float, buffer: float
) -> dict[str, float]:
    """IoU within ``buffer`` metres of the true outline and beyond; NaN where no pixel's centre lies there."""
    near = distance_to_outline(truth, pixel_side) <= buffer
    found = {}
    for name, where in (("within", near & known), ("beyond", ~near & known)):
        counts = confusion(truth[where], mask[where])
        found[f"iou_{name}_{buffer:g}m"] = counts.iou if where.any() else float("nan")
    return found


def boundary_f1(truth: np.ndarray, mask: np.ndarray, pixel_side: float, tolerance: float) -> float:
    """F1 of the outlines' pixels at a tolerance in metres (Csurka et al. 2013, doi:10.5244/C.27.32)."""
    edges = [one & ~binary_erosion(one, border_value=1) for one in (mask, truth)]
    if not all(edge.any() for edge in edges):
        return float(not any(edge.any() for edge in edges))
    shares = [
        float((distance_transform_edt(~other)[edge] * pixel_side <= tolerance + 1e-9).mean())
        for edge, other in (edges, edges[::-1])
    ]
    return 2 * shares[0] * shares[1] / sum(shares) if sum(shares) else 0.0
