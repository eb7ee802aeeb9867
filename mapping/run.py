"""One scene through all its parts: resumable, on threads or on a Dask cluster, to rasters."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import rasterio
import torch
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from tqdm import tqdm

from errors import OutputError
from fusion.hybrid import HybridModel
from fusion.layout import Layout, Part
from fusion.model_file import load_model
from fusion.pipeline import in_order, split_jobs
from fusion.windowed import map_part
from mapping.assemble import MASK_NODATA, cloud_optimised, write_rasters
from mapping.parts import part_files, write_part
from mapping.postprocess import Postprocess, tidy_mask
from mapping.scene import Grid, Scene
from tiles.raster import atomic_output, one_line

PARTS_FOLDER = ".parts"  # in the output folder while a scene is being mapped
KEY_NAME = "key.json"


def tidy_raster(path: Path, grid: Grid, steps: Postprocess) -> None:
    """Apply the raster steps that are on to ``mask.tif``, in memory."""
    if steps == Postprocess(simplify=steps.simplify, smooth=steps.smooth):
        return
    with rasterio.open(path) as source:
        mask, profile = source.read(1), source.profile
    tidied = tidy_mask(mask == 1, mask != MASK_NODATA, steps, grid.pixel_side)
    plain = path.with_name(f".{path.name}.plain")
    profile.update(driver="GTiff", tiled=True, blockxsize=256, blockysize=256)
    try:
        with rasterio.open(plain, "w", **profile) as file:
            file.write(np.where(mask == MASK_NODATA, MASK_NODATA, tidied).astype(np.uint8), 1)
        cloud_optimised(plain, path, Resampling.nearest)
    except (RasterioError, OSError) as problem:
        raise OutputError(f"{path}: cannot be written ({one_line(problem)}); free space.") from None
    finally:
        plain.unlink(missing_ok=True)


@dataclass(frozen=True)
class Job:
    """What a worker needs to map parts of a scene: it can be sent to another process."""

    scene: Scene
    layout: Layout
    model: str
    device: str
    folder: str

    def key(self) -> str:
        """What the parts' files depend on."""
        model = hashlib.sha256(Path(self.model).read_bytes()).hexdigest()
        return json.dumps({"scene": asdict(self.scene), "layout": asdict(self.layout), "model": model})


@lru_cache(maxsize=2)
def loaded(model: str, device: str) -> HybridModel:
    """The model, read once in each process."""
    return load_model(Path(model), torch.device(device))


def work_on(job: Job, part: Part) -> Part:
    """Map one part and keep its files."""
    folder = Path(job.folder)
    model = loaded(job.model, job.device)
    write_part(folder, part, map_part(model, job.scene.read, job.layout, part, torch.device(job.device)))
    return part


def prepare(job: Job, resume: bool) -> list[Part]:
    """The parts that are left to do; those of another scene, model or layout are removed."""
    folder = Path(job.folder)
    key_file = folder / KEY_NAME
    kept = resume and key_file.is_file() and key_file.read_text(encoding="utf-8") == job.key()
    if not kept and folder.exists():
        shutil.rmtree(folder)
    if not kept:
        with atomic_output(key_file) as temporary:
            temporary.write_text(job.key(), encoding="utf-8")
    return [part for part in job.layout.parts() if not part_files(folder, part)[1].is_file()]


def on_threads(job: Job, parts: Sequence[Part], jobs: int) -> None:
    """Map the parts on this machine, a few at once."""
    at_once, _ = split_jobs(jobs, len(parts), torch.device(job.device))
    loaded(job.model, job.device)
    done = in_order(lambda part: work_on(job, part), parts, at_once)
    for _ in tqdm(done, total=len(parts), desc=job.scene.name, unit="part", disable=None):
        pass


def map_scene(
    scene: Scene,
    out: Path,
    model: Path,
    layout: Layout,
    device: torch.device,
    jobs: int = 0,
    resume: bool = False,
    run_parts: Callable[[Job, Sequence[Part], int], None] = on_threads,
) -> float:
    """Write ``probability.tif`` and ``mask.tif`` of a scene into ``out``; returns the seconds that the parts took."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise OutputError(f"{out}: cannot be made ({problem.strerror}); choose another --out.") from None
    folder = out / PARTS_FOLDER
    job = Job(scene, layout, str(model.resolve()), str(device), str(folder.resolve()))
    fusion = load_model(model, device).fusion
    left = prepare(job, resume)
    start = time.monotonic()
    run_parts(job, left, jobs)
    seconds = time.monotonic() - start
    write_rasters(out, folder, layout, scene.grid, fusion, min(split_jobs(jobs, 4, device)[0], 2))
    shutil.rmtree(folder)
    return seconds
