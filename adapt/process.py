"""A Gaussian process for two classes whose prior mean is a model's log-odds.

Laplace's approximation (Rasmussen & Williams 2006, algorithm 3.1, doi:10.7551/mitpress/3206.001.0001) with a weight for
every observation, and what it would say of observations left out in groups, without fitting again (Vehtari et al. 2016,
jmlr.org/papers/v17/14-540.html).
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve

STEPS, SETTLED = 12, 1e-6  # of Newton's method, at most, and log-odds by which its last one moves nothing
LEAST_CURVATURE = 0.01  # of the loss of an observation: where the model is certain, its own tends to 0


def logistic(log_odds: np.ndarray) -> np.ndarray:
    """Probability of log-odds, float."""
    return np.asarray(1 / (1 + np.exp(-np.clip(log_odds, -30, 30))))


def loss_of(log_odds: np.ndarray, glacier: np.ndarray) -> np.ndarray:
    """Logistic loss of log-odds (N,) where ``glacier`` is bool (N,), float (N,)."""
    return np.asarray(np.logaddexp(0, np.where(glacier, -log_odds, log_odds)))


def curvature(log_odds: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Second derivative of the weighted loss, float (N,)."""
    probability = logistic(log_odds)
    return weight * np.maximum(probability * (1 - probability), LEAST_CURVATURE)


def posterior(kernel: np.ndarray, glacier: np.ndarray, weight: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """The weights a (N,) with which kernel @ a is the offset of highest posterior density.

    ``kernel``: float (N, N); ``weight``: of each observation, float (N,); ``prior``: log-odds by the model, float (N,).
    """
    offset, weights = np.zeros(len(prior)), np.zeros(len(prior))
    for _ in range(STEPS):
        curved = curvature(prior + offset, weight)
        slope = weight * (glacier - logistic(prior + offset))
        target, root = curved * offset + slope, np.sqrt(curved)
        inner = np.eye(len(prior)) + root[:, None] * kernel * root
        weights = target - root * cho_solve(cho_factor(inner), root * (kernel @ target))
        before, offset = offset, kernel @ weights
        if np.abs(offset - before).max(initial=0) < SETTLED:
            break
    return weights


def left_out(
    kernel: np.ndarray,
    weights: np.ndarray,
    glacier: np.ndarray,
    weight: np.ndarray,
    prior: np.ndarray,
    group: np.ndarray,
) -> np.ndarray:
    """Log-odds of each observation by all but those of its ``group`` (int (N,)), float (N,)."""
    offset = kernel @ weights
    curved = curvature(prior + offset, weight)
    target = offset + weight * (glacier - logistic(prior + offset)) / curved
    precision = np.linalg.inv(kernel + np.diag(1 / curved))
    smoothed, found = precision @ target, np.empty(len(prior))
    for number in np.unique(group):
        here = np.flatnonzero(group == number)
        found[here] = target[here] - np.linalg.solve(precision[np.ix_(here, here)], smoothed[here])
    return np.asarray(prior + found)
