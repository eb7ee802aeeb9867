"""Maps scenes part by part on this machine's threads; each part keeps its result in a file, so a run can resume."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cnn.tile_probability import VIEWS
from cnn.unet import NETWORK_STRIDE
from command import progress
from features.levels import SAMPLE
from fusion.hybrid import HybridModel
from fusion.layout import LARGE, Layout, Part
from fusion.model_file import load_model
from fusion.pipeline import in_order, split_jobs
from fusion.windowed import levels_for, map_part
from mapping.failures import Failures, noted
from mapping.parts import part_files, write_part
from scenes.area import Area
from scenes.scene import Scene
from tiles.raster import atomic_output
from tiles.tile import Tile

PARTS_FOLDER = ".parts"  # in the output folder while a scene is being mapped
KEY_NAME = "key.json"
NODATA_KEPT = 4  # pixels between a window's edge and what is valid in it, at least


@dataclass(frozen=True)
class Job:
    """What is needed to map a scene into the folder ``out``: it can be sent to another process."""

    scene: Scene
    layout: Layout
    levels: dict[str, np.ndarray]  # the scene's quantiles, as of fusion.windowed.levels_for
    model: str
    device: str
    out: str
    notes: tuple[str, ...] = ()  # on doubtful pixels of the sample
    content: str = ""  # digest of the sample, by which another file under the same name is told

    @property
    def folder(self) -> Path:
        """Where the results of parts are kept."""
        return Path(self.out) / PARTS_FOLDER

    def key(self) -> str:
        """What the parts' files depend on."""
        model = hashlib.sha256(Path(self.model).read_bytes()).hexdigest()
        own = {"model": model, "device": self.device, "content": self.content}
        return json.dumps({"scene": asdict(self.scene), "layout": asdict(self.layout), **own})


def scene_layout(scene: Scene, window: int | None = None, overlap: float = Layout.overlap) -> Layout:
    """The windows of a scene: one over the whole of a small scene, seen in all turns, where ``window`` asks for none.

    Windows begin at the same places of the ground whatever is cut out of it: a window moved by one pixel changes 1 to
    3 % of the mask. Nodata around a scene neither moves nor widens its window.
    """
    grid = scene.grid
    if window is None and max(grid.height, grid.width) <= LARGE + 2 * NETWORK_STRIDE:
        (top, left), side = around_valid(scene.read(0, 0, grid.height, grid.width).valid, grid.origin)
        if side <= LARGE:
            return Layout(grid.height, grid.width, side, 0.0, views=len(VIEWS), origin=(-top, -left))
    return Layout(grid.height, grid.width, Layout.window if window is None else window, overlap, origin=grid.origin)


def around_valid(valid: np.ndarray, origin: tuple[int, int]) -> tuple[tuple[int, int], int]:
    """First row and column, and side, of the window of one scene with these valid pixels, bool (H, W).

    A few pixels of nodata remain around them, so that one pixel that is gained or lost at an edge seldom moves it.
    """
    starts, sides = [0, 0], [1, 1]
    for axis, place in enumerate(origin):
        known = np.flatnonzero(valid.any(axis=1 - axis)).tolist()
        if known:
            first, last = known[0] - NODATA_KEPT, known[-1] + NODATA_KEPT
            starts[axis] = first - (place + first) % NETWORK_STRIDE
            sides[axis] = last + 1 - starts[axis]
    step = 2 * NETWORK_STRIDE
    return (starts[0], starts[1]), math.ceil(max(sides) / step) * step


def job_for(scene: Scene, layout: Layout, model: Path, device: torch.device, out: Path) -> Job:
    """Make the job; a first pass over a sample of the scene gathers its quantiles."""
    sample = sample_of(scene)
    levels = levels_for(loaded(str(model.resolve()), str(device)), sample)
    places = str(model.resolve()), str(device), str(out.resolve())
    return Job(scene, layout, levels, *places, sample.notes, content_of(sample))


def content_of(tile: Tile) -> str:
    """SHA-256 of a tile's bands and of where they are valid, hexadecimal."""
    digest = hashlib.sha256(tile.valid.tobytes())
    for name in sorted(tile.bands):
        digest.update(name.encode() + tile.bands[name].tobytes())
    return digest.hexdigest()


def sample_of(scene: Scene) -> Tile:
    """Every n-th pixel of a scene, of an area the whole one, enough to take its quantiles from."""
    whole = scene.whole if isinstance(scene, Area) and scene.whole else scene
    return whole.sample(max(1, math.isqrt(whole.grid.height * whole.grid.width // SAMPLE)))


Finish = Callable[[Job, Sequence[float], float], dict[str, Any]]  # as mapping.finish.finish, all but its settings


@lru_cache(maxsize=2)
def loaded(model: str, device: str) -> HybridModel:
    """Load the model, once in each process."""
    return load_model(Path(model), torch.device(device))


def work_on(job: Job, part: Part) -> float:
    """Map one part and keep its files; returns the seconds it took."""
    start = time.monotonic()
    model = loaded(job.model, job.device)
    device = torch.device(job.device)
    area = job.scene if isinstance(job.scene, Area) else None
    if area and not area.inside(*job.layout.extent(part)).any():
        write_part(job.folder, part, (np.zeros((0, 0), np.float32),) * (2 + len(model.corrections)))
        return time.monotonic() - start
    unet, gbm, *offsets = map_part(model, job.scene.read, job.layout, part, job.levels, device)
    if area and gbm.size:
        gbm = np.where(area.inside(*job.layout.core(part)), gbm, np.float32(np.nan))
    write_part(job.folder, part, (unet, gbm, *offsets))
    return time.monotonic() - start


def prepare(job: Job, resume: bool) -> list[Part]:
    """List the parts that are left to do; results of another scene, model, layout or device are removed."""
    key_file = job.folder / KEY_NAME
    kept = resume and key_file.is_file() and key_file.read_text(encoding="utf-8") == job.key()
    if not kept and job.folder.exists():
        if resume:
            told = "what a stopped run has left is of other bands, another model or other settings, and is made anew"
            print(f"note: {job.out}: {told}", file=sys.stderr)
        shutil.rmtree(job.folder)
    if not kept:
        with atomic_output(key_file) as temporary:
            temporary.write_text(job.key(), encoding="utf-8")
    return [part for part in job.layout.parts() if not part_files(job.folder, part)[1].is_file()]


def on_threads(
    jobs: Sequence[Job], finish: Finish, threads: int = 0, resume: bool = False, failures: Failures | None = None
) -> Iterator[tuple[Job, dict[str, Any]]]:
    """Map scene after scene, a few parts at once, and finish each; gives each job with what ``finish`` says of it.

    A scene that fails is noted in ``failures``, where these are given, and the others go on.
    """
    for job in jobs:
        with noted(failures, job.scene.name):
            facts = map_and_finish(job, finish, threads, resume)
            yield job, facts


def map_and_finish(job: Job, finish: Finish, threads: int, resume: bool) -> dict[str, Any]:
    """Map one scene and finish it."""
    start = time.time()
    left = prepare(job, resume)
    at_once, _ = split_jobs(threads, len(left), torch.device(job.device))
    done = in_order(lambda part: work_on(job, part), left, at_once)
    seconds = list(progress(done, len(left), job.scene.name, "part"))
    return finish(job, seconds, start)
