"""*Finish*: marks, adapted model, and by that model mask, outlines and report, as ``python -m mapping`` makes them."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock, Thread

import torch

from adapt.adapted import facts_of, write_adapted
from adapt.refit import Refit
from adapt.session import Session
from adapt.store import EDITS, MARKS
from errors import OutputError
from fusion.pipeline import in_order, split_jobs
from mapping.finish import Beside, finish
from mapping.postprocess import Postprocess
from mapping.run import job_for, loaded, prepare, scene_layout, work_on
from scenes.scene import Scene
from tiles.raster import one_line

MODEL = "adapted.pth"
WRITTEN = (
    MARKS,
    EDITS,
    MODEL,
    "mask.tif",
    "probability.tif",
    "outlines.gpkg",
    "overview.png",
    "metrics.json",
    "report.html",
)


@dataclass(frozen=True)
class Progress:
    """How far it is: ``stage`` is idle, running, done or failed; ``said``: one sentence."""

    stage: str = "idle"
    done: int = 0
    of: int = 0
    said: str = ""


class Finishing:
    """Writes a session's results into ``out``, in a thread of its own; a session may be finished again and again."""

    def __init__(self, session: Session, out: Path, device: torch.device, jobs: int) -> None:
        self.session, self.out, self.device, self.jobs = session, out, device, jobs
        self.scene: Scene = session.blocks.scene
        self.progress, self.lock = Progress(), Lock()
        self.thread: Thread | None = None

    def begin(self) -> None:
        """Start, unless it is running."""
        with self.lock:
            if self.progress.stage == "running":
                return
            self.progress = Progress("running", said="The adapted model is being written.")
            self.thread = Thread(target=self.run, name="finish", daemon=True)
            self.thread.start()

    def wait(self) -> None:
        """Wait until what was started has ended."""
        if self.thread is not None:
            self.thread.join()

    def run(self) -> None:
        """Write everything while the background of the session rests; a problem is told and changes nothing else."""
        self.session.paused.set()
        try:
            self.progress = Progress("done", said=self.write())
        except Exception as problem:  # of any library: the page must learn of it
            self.progress = Progress("failed", said=f"Not finished: {one_line(problem)}")
            print(f"error: {problem}", file=sys.stderr)
        finally:
            self.session.paused.clear()
            self.session.wake.set()

    def write(self) -> str:
        """Write everything; returns what there is to say of it."""
        start = time.time()
        if not self.session.store.save(whole=True):
            raise OutputError(self.session.store.unsaved)
        refit = self.refit_of_all()
        facts = facts_of(refit.fitted, [self.scene.name], [Path(MARKS)])
        write_adapted(refit.fitted, self.out / MODEL, facts)
        seconds = self.map_parts()
        self.progress = replace(self.progress, said="Outlines and report are being written.")
        found = finish(self.job, seconds, start, Postprocess(), Beside(edits=self.out / EDITS), self.jobs)
        return f"{found['glaciers']} glaciers, {found['outlines_km2']:.2f} km2, written to {self.out}."

    def refit_of_all(self) -> Refit:
        """The re-fit on all marks, those on blocks that nobody has seen included."""
        refit = self.session.refit()
        while refit.unseen:
            self.session.blocks.seen(refit.unseen[0])
            refit = self.session.refit()
        return refit

    def map_parts(self) -> list[float]:
        """Map the scene by the adapted model, part by part."""
        loaded.cache_clear()  # which would know the model of an earlier finish by the same name
        layout = scene_layout(self.scene)
        self.job = job_for(self.scene, layout, self.out / MODEL, self.device, self.out)
        left = prepare(self.job, resume=False)
        at_once, _ = split_jobs(self.jobs, len(left), self.device)
        seconds: list[float] = []
        self.progress = Progress("running", 0, len(left), "The scene is being mapped.")
        for one in in_order(lambda part: work_on(self.job, part), left, at_once):
            seconds.append(one)
            self.progress = replace(self.progress, done=len(seconds))
        return seconds
