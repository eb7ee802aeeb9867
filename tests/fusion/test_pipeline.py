"""Tiles side by side: order, bounds, errors, and the time budget."""

from __future__ import annotations

import threading
import time

import pytest
import torch

from fusion.pipeline import TimeBudget, in_order, split_jobs


@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_results_come_in_order_and_few_are_in_work(at_once: int):
    begun, finished, most = [], [], 0
    lock = threading.Lock()

    def work(number: int) -> int:
        nonlocal most
        with lock:
            begun.append(number)
            most = max(most, len(begun) - len(finished))
        time.sleep(0.002 * (number % 3))
        with lock:
            finished.append(number)
        return number

    assert list(in_order(work, range(30), at_once)) == list(range(30))
    assert most <= at_once


def test_an_error_ends_the_run_without_starting_all():
    begun = []

    def work(number: int) -> None:
        begun.append(number)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        list(in_order(work, range(100), 2))
    assert len(begun) < 10


@pytest.mark.parametrize(
    ("jobs", "tiles", "device", "expected"),
    [
        (2, 20, "cpu", (2, 1)),
        (2, 1, "cpu", (1, 2)),
        (16, 20, "cpu", (4, 4)),
        (8, 20, "cuda", (1, 8)),
        (3, 0, "cpu", (1, 3)),
    ],
)
def test_threads_are_shared_out(jobs: int, tiles: int, device: str, expected: tuple[int, int]):
    assert split_jobs(jobs, tiles, torch.device(device)) == expected


def test_views_are_given_up_where_time_runs_out():
    now = [0.0]
    budget = TimeBudget(10.0, tiles=5, clock=lambda: now[0])
    views = []
    for _ in range(5):
        views.append(budget.views(4))
        now[0] += 3.0 if views[-1] == 4 else 1.0
        if views[-1] == 4:
            budget.took(3.0)
    assert views == [4, 1, 1, 1, 4], "the last fits in again: 3 s at most after 6 s"


def test_without_a_budget_all_views_are_used():
    assert TimeBudget(None, 3).views(4) == 4
    assert TimeBudget(0.0, 3).views(4) == 1
