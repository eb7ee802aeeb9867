"""How much a network's output depends on each band: input gradients, and permutation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy.stats import rankdata
from tqdm import tqdm

from cnn.blend import class_map
from cnn.losses import log_shares
from cnn.network_model import NetworkModel
from command import hidden
from errors import TrainingError
from patches.image import Image
from patches.windows import training_windows
from scores.classes import ClassConfusion, class_confusion

RESAMPLED = 1000  # times


class Sample(NamedTuple):
    """A patch as the network sees it: float32 (C, H, W), classes uint8 and valid bool (H, W)."""

    channels: np.ndarray
    truth: np.ndarray
    valid: np.ndarray


def samples_of(model: NetworkModel, images: Sequence[Image], most: int) -> list[Sample]:
    """At most so many patches, evenly spaced, that do not overlap and hold valid pixels."""
    windows = training_windows(images, model.card.patch, 0.0)
    patches = (window.patch(images) for window in windows[:: max(1, -(-len(windows) // most))])
    normalise = model.card.normalisation.apply
    found = [Sample(normalise(one.array, one.valid), one.truth, one.valid) for one in patches if one.valid.any()]
    if not found:
        raise TrainingError("the patches to look at: hold no valid pixel; choose another --subset.")
    return found


def gradient_contributions(model: NetworkModel, samples: Sequence[Sample]) -> np.ndarray:
    """Of each sample the share in % of each band, float64 (N, C).

    s_b is the sum over the pixels of |d m / d x_b|, where m is the mean probability of glacier (of all classes but
    ground) over the valid pixels, and x_b the normalised band.
    """
    found = []
    for sample in tqdm(samples, desc="gradients", unit="patch", disable=hidden()):
        channels = torch.from_numpy(sample.channels)[None].to(model.device).requires_grad_()
        shares = log_shares(model.network(channels)).exp()[0, 1:].sum(dim=0)
        glacier = shares[torch.from_numpy(sample.valid).to(model.device)].mean()
        (gradient,) = torch.autograd.grad(glacier, channels)
        sums = gradient[0].abs().sum(dim=(1, 2)).double().cpu().numpy()
        found.append(100 * sums / sums.sum() if sums.sum() else np.full(len(sums), 100 / len(sums)))
    return np.array(found)


def interval(each: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean over the samples (N, C) and its 95 % interval from resampled samples (bootstrap), each (C,)."""
    drawn = random.integers(len(each), size=(RESAMPLED, len(each)))
    means = each[drawn].mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5), axis=0)
    return each.mean(axis=0), low, high


def permutation_drops(
    model: NetworkModel, samples: Sequence[Sample], groups: Sequence[Sequence[int]], random: np.random.Generator
) -> list[float]:
    """How much MCC over all valid pixels falls when the bands of a group are shuffled between a patch's pixels."""
    before = mcc_of_samples(model, samples)
    shown = tqdm(groups, desc="permutation", unit="group", disable=hidden())
    return [before - mcc_of_samples(model, [shuffled(one, group, random) for one in samples]) for group in shown]


def shuffled(sample: Sample, bands: Sequence[int], random: np.random.Generator) -> Sample:
    """The sample with its valid pixels' numbers in these bands in another order, the same one for all of them."""
    channels = sample.channels.copy()
    order = random.permutation(int(sample.valid.sum()))
    for band in bands:
        channels[band, sample.valid] = channels[band, sample.valid][order]
    return sample._replace(channels=channels)


def mcc_of_samples(model: NetworkModel, samples: Sequence[Sample]) -> float:
    """MCC over the valid pixels of all samples."""
    classes = len(model.card.classes)
    counts = ClassConfusion(np.zeros((classes, classes), np.int64))
    for sample in samples:
        mapped = class_map(model.shares(torch.from_numpy(sample.channels)[None])[0].numpy())
        counts = counts + class_confusion(sample.truth[sample.valid], mapped[sample.valid], classes)
    return counts.mcc


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's; NaN-free: 0 where one of them has no order."""
    ranks = np.stack([rankdata(one), rankdata(other)])
    return float(np.corrcoef(ranks)[0, 1]) if (ranks.std(axis=1) > 0).all() else 0.0
