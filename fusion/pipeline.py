"""Many tiles at once: reading, features, network and writing of different tiles overlap, and memory is bounded."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")
MOST_TILES = 4  # in work at once, whatever the number of threads: each takes up to 150 MB


def split_jobs(jobs: int, tiles: int, device: torch.device) -> tuple[int, int]:
    """How many tiles are in work at once, and the threads of each, from the number of threads (0: all)."""
    threads = jobs or os.cpu_count() or 1
    at_once = 1 if device.type == "cuda" else max(1, min(threads, tiles, MOST_TILES))
    return at_once, max(1, threads // at_once)


def in_order(work: Callable[[Item], Result], items: Sequence[Item], at_once: int) -> Iterator[Result]:
    """``work`` of every item, ``at_once`` of them side by side; results come in the order of the items.

    torch itself keeps to one thread in each, so that a result does not depend on what is worked on beside it.
    """
    pool = ThreadPoolExecutor(at_once, initializer=torch.set_num_threads, initargs=(1,))
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > at_once:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@dataclass
class TimeBudget:
    """Decides for each tile whether there is time for all its views; without a limit there always is.

    ``seconds`` for ``tiles`` tiles, ``at_once`` of them side by side.
    """

    seconds: float | None
    tiles: int
    at_once: int = 1
    clock: Callable[[], float] = time.monotonic
    begun: int = 0
    longest: float = 0.0
    lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.start = self.clock()

    def views(self, wanted: int) -> int:
        """``wanted`` where that many views of all tiles left fit in, by the slowest so far; else 1."""
        with self.lock:
            left = self.tiles - self.begun
            self.begun += 1
            if self.seconds is None:
                return wanted
            needed = self.longest * left / self.at_once
            return wanted if self.clock() - self.start + needed < self.seconds else 1

    def took(self, seconds: float) -> None:
        """Note how long a tile with all its views took."""
        with self.lock:
            self.longest = max(self.longest, seconds)
