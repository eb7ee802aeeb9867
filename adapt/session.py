"""A session: the marks on a scene, the re-fit on them, and the maps drawn where the user looks first, then everywhere.

Whoever needs a re-fit makes it, under a lock, and keeps it for all. Squares in view are drawn by the requests for them;
one thread in the background draws all others, looks at what nobody has seen, measures and suggests.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock, Thread
from typing import Any

import numpy as np

from adapt.blocks import Blocks
from adapt.canvas import Canvas
from adapt.pictures import Place
from adapt.refit import Refit, Refitter
from adapt.store import Store
from adapt.suggest import Place as Suggested
from adapt.suggest import suggest
from fusion.hybrid import HybridModel
from tiles.raster import one_line

SUGGESTED = 8  # places
WINDOWS = 9  # blocks among which they are chosen
QUIET = 1.0  # seconds without a change before places are suggested
RETRY = 2.0  # seconds until what failed is tried again
FARTHEST = -1  # zoom at which what is in view is drawn before it is shown


class Session:
    """The marks, re-fits and maps of one scene; all of its methods may be called by several threads."""

    def __init__(self, model: HybridModel, blocks: Blocks, store: Store) -> None:
        self.model, self.blocks, self.store = model, blocks, store
        self.canvas, self.refitter = Canvas(model, blocks), Refitter(model, blocks)
        self.fitting, self.counting = Lock(), Lock()
        self.last: tuple[object, Refit] | None = None
        self.wanted: dict[int, None] = {}  # blocks in view that nobody has seen, the last one last
        self.measured: tuple[object, tuple[float, float]] = (None, (math.nan, math.nan))
        self.suggested: tuple[object, list[Suggested]] = (None, [])
        self.requests, self.problem, self.changed = 0, "", 0.0
        self.wake, self.ended, self.paused = Event(), Event(), Event()
        self.thread = Thread(target=self.work, name="background", daemon=True)

    def start(self) -> None:
        """Begin to work in the background."""
        self.thread.start()

    def stop(self) -> None:
        """End the work in the background after the piece that is being done."""
        self.ended.set()
        self.wake.set()
        if self.thread.is_alive():
            self.thread.join()

    def change(self, added: list[Any], erased: list[str]) -> None:
        """Add and erase marks and edits."""
        self.store.change(added, erased)
        self.changed = time.monotonic()
        self.wake.set()

    def refit(self) -> Refit:
        """The re-fit on the marks as they are, made now where it is not there yet."""
        with self.fitting:
            content = self.store.content
            key = content.marks_revision, self.canvas.complete
            waited = self.last is not None and not self.blocks.known.isdisjoint(self.last[1].unseen)
            if self.last is None or self.last[0] != key or waited:
                number = self.last[1].number + 1 if self.last else 0
                self.last = key, self.refitter.refit(content.marks, self.canvas.base_counts(), number)
                self.wanted.update(dict.fromkeys(self.last[1].unseen))
            return self.last[1]

    def picture(self, layer: str, place: Place) -> np.ndarray:
        """A square of the map, uint8 (256, 256, 4); near enough to see pixels, it shows the newest re-fit."""
        with self.request():
            refit = self.refit()
            for row, column in self.canvas.squares_under(place) if place.zoom >= FARTHEST else ():
                block = self.canvas.block_of(row, column)
                if block in self.blocks.known:
                    self.canvas.draw(row, column, refit)
                else:
                    self.wanted.pop(block, None)
                    self.wanted[block] = None
            return self.canvas.picture(layer, place, refit.fitted.model, self.store.content.edits)

    @contextmanager
    def request(self) -> Iterator[None]:
        """While it lasts, the background waits."""
        with self.counting:
            self.requests += 1
        try:
            yield
        finally:
            with self.counting:
                self.requests -= 1
            self.wake.set()

    def work(self) -> None:
        """What the background does until it is stopped; what fails is told and tried again."""
        while not self.ended.is_set():
            try:
                busy = self.step()
                self.problem = ""
            except Exception as problem:  # of any library: the thread must outlive it, and the page tells it
                self.tell(one_line(problem))
                busy = False
            if not busy:
                self.wake.wait(RETRY)
                self.wake.clear()

    def tell(self, problem: str) -> None:
        """Say a problem on the screen, once, and keep it for the page."""
        if problem != self.problem:
            print(f"error: {problem}", file=sys.stderr)
        self.problem = problem

    def step(self) -> bool:
        """Do the most urgent piece of work; False where nothing is left to do."""
        if self.store.unsaved:
            self.store.save()
        if self.paused.is_set():
            return False
        if self.requests:
            time.sleep(0.02)
            return True
        refit = self.refit()
        return (
            self.look_at_wanted()
            or self.draw_one(refit)
            or self.look_at_next()
            or self.measure(refit)
            or self.think(refit)
        )

    def look_at_wanted(self) -> bool:
        """Look at the block that was asked for last."""
        for block in reversed(list(self.wanted)):
            del self.wanted[block]
            if block not in self.blocks.known:
                self.blocks.seen(block)
                return True
        return False

    def draw_one(self, refit: Refit) -> bool:
        """Draw one square that is behind."""
        for row, column in self.canvas.stale(refit.number)[:1]:
            self.canvas.draw(row, column, refit)
            return True
        return False

    def look_at_next(self) -> bool:
        """Look at the first block that nobody has seen."""
        for block in range(len(self.blocks)):
            if block not in self.blocks.known:
                self.blocks.seen(block)
                return True
        return False

    def measure(self, refit: Refit) -> bool:
        """Measure the areas where they have changed."""
        content = self.store.content
        key = refit.number, content.edits
        if self.measured[0] == key:
            return False
        self.measured = key, self.canvas.areas(refit.fitted.model, content.edits)
        return True

    def think(self, refit: Refit) -> bool:
        """Choose the places to mark next once the user pauses."""
        if self.suggested[0] == refit.number:
            return False
        if time.monotonic() - self.changed < QUIET:
            time.sleep(0.1)
            return True
        blocks = np.linspace(0, len(self.blocks) - 1, min(len(self.blocks), WINDOWS)).astype(int).tolist()
        windows = [(self.blocks.seen(block), self.blocks.grid(block)) for block in blocks]
        usable = [(seen, grid) for seen, grid in windows if seen.valid.any()]
        self.suggested = refit.number, suggest(refit.fitted.model, usable, SUGGESTED, refit.evidence)
        return True
