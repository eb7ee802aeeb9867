"""A threshold that looks at the scene: the fitted one, unless the scene's own lies far from it.

On scenes unlike those it was trained on, a network still ranks pixels well, but its log-odds are shifted. Otsu's method
(Otsu 1979, doi:10.1109/TSMC.1979.4310076) finds where the scene's own log-odds divide best, without any label. Near the
fitted threshold it is the less certain of both and is not heard; beyond a tolerance the threshold follows it, up to a
limit. That keeps most of its gain on shifted scenes and costs next to nothing on others. Where few of a scene's pixels
are certain the tolerance falls, the more of the scene would be mapped the sooner, as under snow that hides the edges of
glaciers. Where little of a scene is glacier, as of most whole Landsat scenes, Otsu's level lies within the ground,
whose variance is the larger one (Xu et al. 2011, doi:10.1016/j.patrec.2011.01.021), and is not heard.
"""

from __future__ import annotations

import math

import numpy as np

from fusion.fuse import LOGIT_LIMIT, Fusion, log_odds

STEPS = 200  # of the log-odds between both limits
EDGES = np.linspace(-LOGIT_LIMIT, LOGIT_LIMIT, STEPS + 1)
SHARPNESS = 50  # a level that divides 1 % worse than the best has 60 % of its say
LIMIT = 2.0  # log-odds that a scene may move the threshold
SMALLEST_SHARE = 0.02  # of the valid pixels on either side of the fitted threshold: below it there is one class
CERTAIN = 2.0  # log-odds to either side
MAPPED, ENOUGH = (0.5, 0.8), (0.4, 0.8)  # shares of a scene above the fitted threshold, and that must then be certain
TOO_FEW = 0.3  # of a scene less than enough: nothing is left of the tolerance
RARE = (0.05, 0.2)  # shares of a scene above the fitted threshold, up to which, and from which on, it moves down


def log_odds_counts(probability: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Pixels of ``among`` (bool (H, W)) between each two of EDGES, int64 (200,); counts of parts add up."""
    return np.histogram(log_odds(probability[among]), EDGES)[0]


def otsu_level(counts: np.ndarray) -> float:
    """The log-odds that divide the pixels into the two classes farthest apart, each weighed by its size.

    Levels that divide nearly as well have nearly as much of a say, so that no rounding of the scene's numbers makes the
    result jump from one of them to another.
    """
    middles = (EDGES[:-1] + EDGES[1:]) / 2
    below, total = np.cumsum(counts)[:-1], counts.sum()
    moments = np.cumsum(counts * middles)
    apart = (moments[-1] * below - moments[:-1] * total) ** 2 / np.maximum(below * (total - below), 1.0)
    say = (apart / max(apart.max(), 1.0)) ** SHARPNESS
    return float(EDGES[1:-1] @ say / say.sum()) if say.any() else 0.0


def scene_level(counts: np.ndarray, level: float, tolerance: float) -> float:
    """The threshold in log-odds: ``level`` where Otsu's is within ``tolerance`` of it, else moved by the rest.

    Where the scene is in ``doubt``, the tolerance is as much smaller; without limit, it stays so.
    """
    mapped = share_between(counts, EDGES[:-1] >= level)
    if not SMALLEST_SHARE <= mapped <= 1 - SMALLEST_SHARE or math.isinf(tolerance):
        return level
    apart = otsu_level(counts) - level
    beyond = abs(apart) - tolerance * (1 - doubt(counts, level))
    heard = float(np.interp(mapped, RARE, (0, 1))) if apart < 0 else 1.0
    return level + math.copysign(heard * min(max(beyond, 0.0), LIMIT), apart)


def doubt(counts: np.ndarray, level: float, sure: float = CERTAIN) -> float:
    """How doubtful it is that the model knows a scene, 0..1: few of its pixels are certain for what is above a level.

    A pixel is certain from log-odds of ``sure`` to either side on.
    Snow on everything is mapped nearly whole and seldom with certainty; so are ice fields, but with certainty.
    """
    mapped = share_between(counts, EDGES[:-1] >= level)
    certain = share_between(counts, (EDGES[1:] <= -sure) | (EDGES[:-1] >= sure))
    return float(np.clip((np.interp(mapped, MAPPED, ENOUGH) - certain) / TOO_FEW, 0, 1))


def share_between(counts: np.ndarray, among: np.ndarray) -> float:
    """Share of a scene's pixels that lie between those edges, bool (200,)."""
    return float(counts[among].sum() / max(counts.sum(), 1))


def fitted_level(fusion: Fusion) -> float:
    """The fitted threshold in log-odds."""
    return float(log_odds(np.array([fusion.threshold]))[0])


def scene_threshold(fusion: Fusion, counts: np.ndarray) -> float:
    """The probability above which pixels of a scene with these ``counts`` of log-odds are mapped."""
    return float(1 / (1 + np.exp(-scene_level(counts, fitted_level(fusion), fusion.tolerance))))


def scene_doubt(fusion: Fusion, counts: np.ndarray) -> float:
    """How doubtful it is that the model knows a scene with these ``counts`` of log-odds, 0..1."""
    return doubt(counts, fitted_level(fusion))


def glacier_mask(fusion: Fusion, probability: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """The mask, bool (H, W), of a tile that is its own scene, from its fused probability."""
    threshold = scene_threshold(fusion, log_odds_counts(probability, valid)) if valid.any() else fusion.threshold
    return np.asarray((probability > threshold) & valid)
