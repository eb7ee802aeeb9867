"""Relevances of channels: the gradient is the fit's own, and what tells pixels apart comes to count more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from adapt.fit import USUAL, Problem, class_weights, settled_share
from adapt.process import posterior
from errors import TrainingError
from evaluation.adaptation import relevances
from evaluation.lessons import POOL, Lesson, learn, lesson_of, log_odds_after, soft_mcc, some_marks
from evaluation.simulated_user import site_of
from fusion.correction import likeness
from scores.confusion import confusion
from tests.examples import example_model, example_tile

TELLS, NOISE = 0, 1  # numbers of the two channels


def lesson(seed: int, marks: int = 40, others: int = 300) -> Lesson:
    """Two channels, of which one tells glacier from ground and the other nothing, under a model that knows nothing."""
    random = np.random.default_rng(seed)

    def pixels(count: int) -> tuple[np.ndarray, np.ndarray]:
        glacier = np.arange(count) % 2 == 0
        places = random.normal(0, 0.5, (count, 2))
        places[:, TELLS] += np.where(glacier, 0.4, -0.4)
        return places, glacier

    places, glacier = pixels(marks)
    around, truth = pixels(others)
    members = [np.concatenate([np.ones((count, 1)), np.zeros((count, 2))], axis=1) for count in (marks, others)]
    problem = Problem(
        places, members[0], glacier, np.arange(marks), np.zeros(marks), np.ones(marks), 0.0,
        (around, members[1], np.zeros(others)),
    )  # fmt: skip
    return Lesson(problem, truth)


def test_log_odds_are_those_of_the_fit():
    problem, relevance = lesson(0).problem, np.array([1.5, 0.7])
    around, members, prior = problem.around
    scaled = replace(problem, places=problem.places * relevance, around=(around * relevance, members, prior))
    weight = class_weights(scaled, np.ones(len(problem.mark)), settled_share(scaled))
    linear = np.diag(problem.variance) @ problem.members.T
    kernel = USUAL * likeness(scaled.places, scaled.places) + problem.members @ linear
    across = USUAL * likeness(scaled.around[0], scaled.places) + members @ linear
    expected = prior + across @ posterior(kernel, problem.glacier, weight, problem.prior)
    found = log_odds_after(problem, torch.from_numpy(relevance)).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("channel", [TELLS, NOISE])
def test_the_gradient_is_that_of_small_changes(channel: int):
    problem = lesson(1, 20, 50).problem
    relevance = torch.tensor([1.2, 0.9], dtype=torch.float64, requires_grad=True)
    log_odds_after(problem, relevance).sum().backward()
    step = torch.zeros(2, dtype=torch.float64)
    step[channel] = 1e-4
    above, below = (float(log_odds_after(problem, relevance.detach() + sign * step).sum()) for sign in (1, -1))
    assert relevance.grad is not None
    assert float(relevance.grad[channel]) == pytest.approx((above - below) / 2e-4, rel=0.01)


def test_what_tells_pixels_apart_counts_more():
    found = learn([[lesson(seed) for seed in range(4)], [lesson(9)]], 25, 0)
    assert found[TELLS] > 1.2 * found[NOISE]
    np.testing.assert_array_equal(found, learn([[lesson(seed) for seed in range(4)], [lesson(9)]], 25, 0))


def test_some_marks_are_half_of_each_kind():
    some = some_marks(lesson(2).problem, 10, np.random.default_rng(0))
    assert len(some.mark) == 10
    assert some.glacier.sum() == 5


def test_soft_mcc_of_certain_log_odds_is_that_of_the_mask():
    random = np.random.default_rng(3)
    truth, mask = random.random(500) > 0.4, random.random(500) > 0.5
    found = soft_mcc(torch.from_numpy(np.where(mask, 100.0, -100.0)), truth)
    assert float(found) == pytest.approx(confusion(truth, mask).mcc, abs=1e-9)


def test_the_lesson_of_a_site():
    site = site_of(example_model(), example_tile((96, 104)), torch.device("cpu"), 1)
    found = lesson_of(site)
    assert found is not None
    assert len(np.unique(found.problem.mark)) <= POOL
    assert len(found.truth) == len(found.problem.around[0])
    assert lesson_of(replace(site, truth=np.zeros_like(site.truth))) is None


def test_relevances_that_are_not_there(tmp_path: Path):
    with pytest.raises(TrainingError, match=r"relevance\.json: is not there; make it with"):
        relevances(tmp_path / "relevance.json")
