"""Lessons in marking: a site's marks drawn again and again, and the channels' relevances that learn from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from tqdm import tqdm

from adapt.evidence import BACKGROUND, evidence_in, spread
from adapt.fit import USUAL, Problem, class_weights, covariance_of_members, problem_of, settled_share, spread_of
from adapt.process import curvature, logistic, posterior
from command import hidden
from evaluation.simulated_user import Site, random_marks

POOL = 200  # marks of a site of which every lesson draws a few
COUNTS = (10, 20, 40)  # marks in a lesson
BATCH = 4  # lessons in a step, each of a group drawn at random
LEARNING_RATE = 0.03
TOWARDS_ONE = 0.02  # of the mean square of the logarithms, which holds relevances near 1
SHARPNESS = 1.5  # of the probabilities in the MCC: its masks are nearly hard


@dataclass(frozen=True)
class Lesson:
    """A site as its fit sees it, every channel of relevance 1: POOL marks, and ``problem.around``, other pixels.

    ``truth``: of those, bool (M,).
    """

    problem: Problem
    truth: np.ndarray


def lesson_of(site: Site) -> Lesson | None:
    """The lesson of a site; None where it has marks of one kind alone."""
    evidence = evidence_in(site.model, site.seen, site.grid, random_marks(site, POOL, 0))
    if not evidence.glacier.any() or evidence.glacier.all():
        return None
    mean, scale = spread_of(evidence.background, 1.0)
    row, column = spread(np.stack(np.nonzero(site.seen.valid)), BACKGROUND)
    return Lesson(problem_of(evidence, mean, scale), site.truth[row, column])


def some_marks(problem: Problem, count: int, random: np.random.Generator) -> Problem:
    """The problem with so many of its marks, drawn at random, half of each kind."""
    kinds = (np.unique(problem.mark[problem.glacier == kind]) for kind in (True, False))
    chosen = np.concatenate([random.permutation(kind)[: count // 2] for kind in kinds])
    kept = np.isin(problem.mark, chosen)
    names = ("places", "members", "glacier", "mark", "prior", "weight")
    return replace(problem, **{name: getattr(problem, name)[kept] for name in names})


def learn(groups: Sequence[Sequence[Lesson]], steps: int, seed: int) -> np.ndarray:
    """The relevance of every channel, float64 (C,), from lessons in groups that all count alike."""
    random = np.random.default_rng(seed)
    relevance = torch.zeros(groups[0][0].problem.places.shape[1], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([relevance], LEARNING_RATE, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in tqdm(range(steps), desc="relevance", disable=hidden()):
        loss = TOWARDS_ONE * relevance.square().mean()
        for _ in range(BATCH):
            group = groups[int(random.integers(len(groups)))]
            lesson = group[int(random.integers(len(group)))]
            marked = some_marks(lesson.problem, int(random.choice(COUNTS)), random)
            loss = loss - soft_mcc(log_odds_after(marked, relevance.exp()), lesson.truth) / BATCH
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return np.asarray(relevance.detach().exp().numpy())


def log_odds_after(problem: Problem, relevance: torch.Tensor) -> torch.Tensor:
    """Log-odds of the other pixels (M,) once the marks are fitted, with a gradient for the relevance (C,).

    The fit is ``adapt.process.posterior``. Its gradient needs one step of Newton's method from there: the step does not
    move what has settled, and carries the derivative of the implicit function.
    """
    known = relevance.detach().numpy()
    around, members, prior = problem.around
    scaled = replace(problem, places=problem.places * known, around=(around * known, members, prior))
    weight = class_weights(scaled, np.ones(len(problem.mark)), settled_share(scaled))
    places, others = (torch.from_numpy(one) * relevance for one in (problem.places, around))
    kernel, across = (
        USUAL * torch.exp(-torch.cdist(one, places).square() / 2)
        + torch.from_numpy(covariance_of_members(problem, linear))
        for one, linear in ((places, problem.members), (others, members))
    )
    settled = kernel.detach().numpy()
    offset = settled @ posterior(settled, problem.glacier, weight, problem.prior)
    curved = curvature(problem.prior + offset, weight)
    slope = weight * (problem.glacier - logistic(problem.prior + offset))
    target, root = torch.from_numpy(curved * offset + slope), torch.from_numpy(np.sqrt(curved))
    inner = torch.eye(len(offset), dtype=torch.float64) + root[:, None] * kernel * root
    weights = target - root * torch.linalg.solve(inner, root * (kernel @ target))
    return torch.from_numpy(prior) + across @ weights


def soft_mcc(log_odds: torch.Tensor, truth: np.ndarray) -> torch.Tensor:
    """MCC with probabilities in place of a mask, a scalar."""
    probability, wanted = torch.sigmoid(SHARPNESS * log_odds), torch.from_numpy(truth.astype(np.float64))
    both, mapped, there, count = (probability * wanted).sum(), probability.sum(), wanted.sum(), len(truth)
    spread_out = (mapped * (count - mapped) * there * (count - there)).clamp(min=1.0)
    return (both * count - mapped * there) / spread_out.sqrt()
