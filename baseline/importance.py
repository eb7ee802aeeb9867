"""Which channels carry the baseline: gain and split of its trees, permutation and SHAP on held-out cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from baseline.gbm import GbmModel
from command import hidden
from errors import TrainingError
from features.channels import parse_channel
from scores.confusion import confusion

PERMUTATION_ROWS = 4000
SHAP_ROWS = 1000


@dataclass(frozen=True)
class FoldSample:
    """One fold's model with 2x2-pixel cells it has not seen.

    ``rows``: float32 (N, C), NaN where missing; ``truth``: bool (N,); ``threshold``: chosen on other folds.
    N is 0 where the fold's tiles are all nodata.
    """

    model: GbmModel
    rows: np.ndarray
    truth: np.ndarray
    threshold: float


@dataclass(frozen=True)
class Importance:
    """Of one channel, or of one family of channels taken together, averaged over the folds.

    ``gain`` and ``split``: shares of the trees' total. ``permutation``: drop of MCC when the values are
    shuffled between held-out cells (Breiman 2001, doi:10.1023/A:1010933404324). ``shap``: mean absolute SHAP
    value in log-odds (Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9).
    """

    name: str
    family: str
    gain: float
    split: float
    permutation: float
    shap: float


def channel_importance(samples: Sequence[FoldSample], seed: int) -> list[Importance]:
    """One row a channel, the most important (by permutation, then gain) first.

    Raises TrainingError when no fold holds a valid cell.
    """
    names = samples[0].model.channel_names
    groups = {name: [column] for column, name in enumerate(names)}
    return ranked(samples, groups, {name: parse_channel(name).family for name in names}, seed)


def family_importance(samples: Sequence[FoldSample], seed: int) -> list[Importance]:
    """One row a feature family, whose channels are shuffled together and whose SHAP values are added first.

    Raises TrainingError when no fold holds a valid cell.
    """
    groups: dict[str, list[int]] = {}
    for column, name in enumerate(samples[0].model.channel_names):
        groups.setdefault(parse_channel(name).family, []).append(column)
    return ranked(samples, groups, {family: family for family in groups}, seed)


def ranked(
    samples: Sequence[FoldSample], groups: dict[str, list[int]], families: dict[str, str], seed: int
) -> list[Importance]:
    """The four measures of each group of columns, averaged over the folds that hold any cell, and sorted.

    Raises TrainingError when none does.
    """
    measured = [
        measure(sample, groups, np.random.default_rng([seed, fold]))
        for fold, sample in enumerate(samples)
        if len(sample.rows)
    ]
    if not measured:
        raise TrainingError("the held-out tiles: hold no valid pixel; give tiles that are not all nodata.")
    mean = np.mean(measured, axis=0)
    rows = [Importance(name, families[name], *map(float, values)) for name, values in zip(groups, mean)]
    return sorted(rows, key=lambda row: (-row.permutation, -row.gain))


def measure(sample: FoldSample, groups: dict[str, list[int]], random: np.random.Generator) -> np.ndarray:
    """Gain, split, permutation and SHAP of each group in one fold, float (groups, 4)."""
    booster = sample.model.booster
    gain, split = (booster.feature_importance(kind).astype(float) for kind in ("gain", "split"))
    chosen = random.permutation(len(sample.rows))[:PERMUTATION_ROWS]
    rows, truth = sample.rows[chosen], sample.truth[chosen]
    contributions = np.asarray(booster.predict(rows[:SHAP_ROWS], pred_contrib=True))

    def mcc(values: np.ndarray) -> float:
        return confusion(truth, sample.model.predict(values.T) > sample.threshold).mcc

    whole = mcc(rows)
    result = []
    for columns in tqdm(groups.values(), desc="importance", unit="group", disable=hidden()):
        shap = np.abs(contributions[:, columns].sum(axis=1)).mean()
        drop = whole - mcc(shuffled(rows, columns, random.permutation(len(rows))))
        result.append([share(gain, columns), share(split, columns), drop, shap])
    return np.asarray(result)


def shuffled(rows: np.ndarray, columns: Sequence[int], order: np.ndarray) -> np.ndarray:
    """A copy of ``rows`` with some columns taken from other rows, all from the same one."""
    copy = rows.copy()
    copy[:, columns] = rows[np.ix_(order, np.asarray(columns))]
    return copy


def share(values: np.ndarray, columns: Sequence[int]) -> float:
    """The columns' part of the total."""
    return float(values[columns].sum() / max(values.sum(), 1e-12))


MEASURES: dict[str, Callable[[Importance], float]] = {
    "gain": lambda row: row.gain,
    "split": lambda row: row.split,
    "permutation": lambda row: row.permutation,
    "shap": lambda row: row.shap,
}
