"""Re-fits a model on marks: the model is the prior, and how much the marks say is chosen by leaving marks out.

Candidates are no change, other weights of both members with another threshold, and these with a Gaussian process over
the trees' channels (``fusion.correction``) of several strengths. They are averaged, each weighed by how well it says of
every mark what the others tell (pseudo-Bayesian model averaging: Yao et al. 2018, doi:10.1214/17-BA1091). Where the
model knows the scene, no change begins ahead of the others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

import numpy as np

from adapt.evidence import Evidence, Pixels
from adapt.process import left_out, logistic, loss_of, posterior
from adapt.relevance import Relevance, relevance_of
from fusion.correction import Correction, likeness, mean_and_deviation, scaled
from fusion.fuse import Fusion, agreement
from fusion.hybrid import HybridModel
from fusion.scene_threshold import fitted_level

STRENGTHS = (0.0, 1.0, 4.0, 16.0)  # variances of the process, squared log-odds; 0: fusion and threshold alone
USUAL = 4.0
LENGTH = 0.5  # of the process, standard deviations of a channel of relevance 1
MEMBER_SCALE = 3.0  # log-odds of a member that count as 1
WEIGHT_VARIANCE = 0.25  # of both members' weights, for MEMBER_SCALE
THRESHOLD_VARIANCE = (2.0, 0.5)  # of the threshold, on a scene that the model does not know at all, and on one it does
MISTAKEN = 0.1  # share of marks that may be wrong
KNOWN = 5.0  # logarithm of the odds of no change, before any mark, on a scene that the model knows
UNKNOWN = 2 / 3  # doubt from which on it does not know a scene at all
AGREEING = (0.6, 0.8)  # correlation of both members up to which it does not know a scene, and from which on it may
HELD_BACK = 0.9  # say of no change from which on it is told, if marks are on the wrong side of the threshold
SHARE_POWER = 0.7  # see ``class_weights``
ROUNDS, LEAST_SHARE = 3, 0.05  # in which the share of glacier settles, and what is left to either side


@dataclass(frozen=True)
class Fitted:
    """An adapted model and what was chosen.

    ``chosen``: how much of a say each candidate has, in words; ``glacier`` and ``ground``: marks of each kind;
    ``right_before`` and ``right``: share of the marks on the right side of the threshold by the model as it was, and by
    what was fitted without each of them; ``loss_before`` and ``loss``: the same as mean logistic loss; ``notes``: what
    is missing, a sentence each.
    """

    model: HybridModel
    chosen: str
    glacier: int
    ground: int
    right_before: float
    right: float
    loss_before: float
    loss: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Problem:
    """What the fit is given, in its own coordinates.

    ``places`` (N, C) and ``members`` (N, 3) of the marked pixels, ``glacier`` (N,), ``mark`` (N,), ``prior`` log-odds
    (N,), ``weight`` of each pixel, which add up to 1 in every mark; ``known``: how well the model knows the scenes,
    0..1; ``around``: the first two and the prior of the background.
    """

    places: np.ndarray
    members: np.ndarray
    glacier: np.ndarray
    mark: np.ndarray
    prior: np.ndarray
    weight: np.ndarray
    known: float
    around: tuple[np.ndarray, np.ndarray, np.ndarray]

    @property
    def variance(self) -> np.ndarray:
        """Of the threshold, which is freer the less the model knows the scenes, and of both members' weights, (3,)."""
        return np.array([np.interp(self.known, (0, 1), THRESHOLD_VARIANCE), WEIGHT_VARIANCE, WEIGHT_VARIANCE])


@dataclass(frozen=True)
class Average:
    """The average of all candidates.

    ``centres``: weights of the marked pixels (N,); ``members``: weights of the threshold and both members (3,);
    ``say``: of each candidate; ``left_out``: log-odds of every marked pixel by the marks but its own (N,).
    """

    centres: np.ndarray
    members: np.ndarray
    say: np.ndarray
    left_out: np.ndarray


def fit(model: HybridModel, evidence: Evidence, relevance: Relevance | None = None) -> Fitted:
    """Adapt a model to marks; without any mark the model comes back unchanged.

    ``relevance``: of the trees' channels, in place of the shipped one. Takes a fraction of a second; the order of the
    marks does not matter.
    """
    if not len(evidence.mark):
        nothing = math.nan, math.nan, math.nan, math.nan
        return Fitted(model, "no mark: nothing changes", 0, 0, *nothing, evidence.notes)
    evidence = in_order_of_place(evidence)
    kinds = [len(np.unique(evidence.mark[evidence.glacier == kind])) for kind in (True, False)]
    mean, scale = spread_of(evidence.background, relevance_of(model.gbm.channel_names, relevance))
    problem = problem_of(evidence, mean, scale)
    average = averaged(problem, (0.0,) if 0 in kinds else STRENGTHS)
    centres = scaled(evidence.pixels.channels, mean, scale)
    correction = Correction(centres, average.centres.astype(np.float32), mean, scale)
    kept = (correction,) if average.centres.any() else ()
    fusion = adapted_fusion(model.fusion, average.members, evidence.pixels.level)
    adapted = replace(model, fusion=fusion, corrections=(*model.corrections, *kept))
    return described(adapted, problem, average, kinds, evidence.notes)


def in_order_of_place(evidence: Evidence) -> Evidence:
    """The evidence in an order that does not depend on that of the marks, so that the result does not, either."""
    pixels = evidence.pixels
    order = np.lexsort((*pixels.members.T, *np.nan_to_num(pixels.channels).T, evidence.glacier))
    rows = Pixels(*(getattr(pixels, one.name)[order] for one in fields(Pixels)))
    return replace(evidence, pixels=rows, glacier=evidence.glacier[order], mark=evidence.mark[order])


def spread_of(background: Pixels, relevance: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Mean of every channel, and the difference that counts as 1 in the process's distance, float32 (C,).

    ``relevance``: float (C,), or one for all channels; the difference is as much smaller.
    """
    mean, deviation = mean_and_deviation(background.channels)
    return mean.astype(np.float32), (deviation * LENGTH * math.sqrt(len(mean)) / relevance).astype(np.float32)


def problem_of(evidence: Evidence, mean: np.ndarray, scale: np.ndarray) -> Problem:
    """Evidence in the fit's coordinates."""
    (places, members, prior), around = (
        (scaled(one.channels, mean, scale).astype(np.float64), with_one(one.members), one.above.astype(np.float64))
        for one in (evidence.pixels, evidence.background)
    )
    weight = 1 / np.bincount(evidence.mark)[evidence.mark]
    known = known_by(np.average(evidence.pixels.doubt, weights=weight), evidence.background.members)
    return Problem(places, members, evidence.glacier, evidence.mark, prior, weight, known, around)


def known_by(doubt: float, members: np.ndarray) -> float:
    """How well the model knows the scenes, 0..1, from its doubt and both members' log-odds (N, 2) all over them.

    A model may be certain and wrong; where it is, its members seldom agree.
    """
    return float(min(np.interp(doubt, (0, UNKNOWN), (1, 0)), np.interp(agreement(members), AGREEING, (0, 1))))


def with_one(members: np.ndarray) -> np.ndarray:
    """A constant and the log-odds of both members, float64 (N, 3)."""
    return np.concatenate([np.ones((len(members), 1)), members / MEMBER_SCALE], axis=1)


def averaged(problem: Problem, strengths: tuple[float, ...]) -> Average:
    """All candidates, weighed twice: the second time with marks that the others contradict trusted less."""
    trust = np.ones(len(problem.mark))
    share = settled_share(problem)
    average = weighed(problem, class_weights(problem, trust, share), strengths, 0.0)
    right = logistic(np.where(problem.glacier, average.left_out, -average.left_out))
    trusted = (1 - MISTAKEN) * right / ((1 - MISTAKEN) * right + MISTAKEN * (1 - right))
    trust = mean_of_marks(problem, trusted)[problem.mark]
    return weighed(problem, class_weights(problem, trust, share), strengths, KNOWN * problem.known)


def mean_of_marks(problem: Problem, values: np.ndarray) -> np.ndarray:
    """The mean of values (N,) over the pixels of every mark, by its number."""
    return np.bincount(problem.mark, problem.weight * values)


def class_weights(problem: Problem, trust: np.ndarray, share: float) -> np.ndarray:
    """Weight of every pixel, so that marked glacier and ground weigh as the scene has them, not as they were drawn.

    A scene that is nearly all glacier would else lose glacier to as many marks on ground (case-control sampling:
    Prentice & Pyke 1979, doi:10.1093/biomet/66.3.403). ``share`` of glacier is by the model itself, which may err, so
    that its log-odds count with SHARE_POWER.
    """
    weight = problem.weight * trust
    marked = weight[problem.glacier].sum() / weight.sum()
    if marked in (0.0, 1.0):
        return np.asarray(weight)
    odds = (share / (1 - share)) ** SHARE_POWER
    wanted = odds / (1 + odds)
    return np.asarray(weight * np.where(problem.glacier, wanted / marked, (1 - wanted) / (1 - marked)))


def settled_share(problem: Problem) -> float:
    """The share of glacier in the background by the usual candidate, which is weighed by that share itself.

    It begins with marks as they were drawn: a model that maps everything, or nothing, would keep to its own share.
    """
    places, members, prior = problem.around
    across = USUAL * likeness(places, problem.places) + covariance_of_members(problem, members)
    kernel, weight, share = kernel_of(problem, USUAL), problem.weight, 0.5
    for _ in range(ROUNDS):
        found = prior + across @ posterior(kernel, problem.glacier, weight, problem.prior)
        share = min(max(float((found > 0).mean()), LEAST_SHARE), 1 - LEAST_SHARE)
        weight = class_weights(problem, np.ones(len(problem.mark)), share)
    return share


def kernel_of(problem: Problem, strength: float) -> np.ndarray:
    """Covariance of the offsets of all marked pixels, float64 (N, N)."""
    linear = covariance_of_members(problem, problem.members)
    return np.asarray(strength * likeness(problem.places, problem.places) + linear)


def covariance_of_members(problem: Problem, members: np.ndarray) -> np.ndarray:
    """What threshold and both weights add to the covariance of pixels (M, 3) and the marked ones, float64 (M, N)."""
    return np.asarray(members @ np.diag(problem.variance) @ problem.members.T)


def weighed(problem: Problem, weight: np.ndarray, strengths: tuple[float, ...], ahead: float) -> Average:
    """The average of no change, whose loss is less by ``ahead``, and the candidates of these strengths."""
    found = [(np.zeros(len(problem.mark)), problem.prior)]
    for strength in strengths:
        kernel = kernel_of(problem, strength)
        weights = posterior(kernel, problem.glacier, weight, problem.prior)
        given = (problem.glacier, weight, problem.prior, problem.mark)
        found.append((weights, left_out(kernel, weights, *given)))
    losses = np.array([weight @ loss_of(said, problem.glacier) for _, said in found])
    losses[0] -= ahead
    say = np.exp(losses.min() - losses)
    say /= say.sum()
    each = np.array([weights for weights, _ in found])
    return Average(
        (say * np.array([0.0, *strengths])) @ each,
        np.diag(problem.variance) @ problem.members.T @ (say @ each),
        say,
        say @ np.array([said for _, said in found]),
    )


def adapted_fusion(fusion: Fusion, members: np.ndarray, level: np.ndarray) -> Fusion:
    """The fusion with other weights; what the scene's own threshold was beyond the fitted one is in the bias now."""
    moved = float(level.mean()) - fitted_level(fusion)
    weights = tuple(float(old + more / MEMBER_SCALE) for old, more in zip(fusion.weights, members[1:]))
    return Fusion(weights, float(fusion.bias + members[0] - moved), fusion.threshold)


def described(
    model: HybridModel, problem: Problem, average: Average, kinds: list[int], notes: tuple[str, ...]
) -> Fitted:
    """What was chosen and what it promises."""
    if 0 in kinds:
        missing = "glacier" if kinds[0] == 0 else "ground"
        notes = (*notes, f"no mark on {missing}: the threshold and the weights of both members are fitted alone.")
    if average.say[0] > HELD_BACK and ((problem.prior > 0) != problem.glacier).any():
        notes = (*notes, "the model seems to know this scene, so that its map changes little until more marks say so.")
    names = ("no change", "fusion and threshold alone", *(f"process of variance {one:g}" for one in STRENGTHS[1:]))
    chosen = ", ".join(f"{name} {say:.0%}" for name, say in zip(names, average.say))

    def mean(values: np.ndarray) -> float:
        """Over marks, each alike."""
        return float(problem.weight @ values / problem.weight.sum())

    right_before, right = (mean((said > 0) == problem.glacier) for said in (problem.prior, average.left_out))
    loss_before, loss = (mean(loss_of(said, problem.glacier)) for said in (problem.prior, average.left_out))
    return Fitted(model, chosen, kinds[0], kinds[1], right_before, right, loss_before, loss, notes)
