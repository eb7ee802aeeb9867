"""A scene mapped in one call of Python: outlines as a GeoDataFrame, and the rasters as arrays."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio

from cnn.device import choose_device
from mapping.finish import Beside, finish
from mapping.run import job_for, on_threads, scene_layout
from mapping.steps import MODEL, Postprocess
from scenes.grid import Grid
from scenes.products import open_scene


@dataclass(frozen=True)
class MappedScene:
    """A mapped scene of (H, W) pixels.

    ``outlines``: one row for each ice patch or glacier, with the columns of ``mapping.outlines.COLUMNS``, in the
    coordinate system of ``grid``. ``probability``: float32 (H, W), NaN under nodata. ``mask``: uint8 (H, W), 1 for ice,
    0 for none, 255 for nodata. ``facts``: what ``metrics.json`` holds.
    """

    outlines: gpd.GeoDataFrame
    probability: np.ndarray
    mask: np.ndarray
    grid: Grid
    facts: dict[str, Any]


def map_scene(
    path: str | Path,
    bands: str | None = None,
    *,
    out: str | Path | None = None,
    inventory: str | Path | None = None,
    dem: str | Path | None = None,
    edits: str | Path | None = None,
    clouds: bool = False,
    minimum_area: float = 0.01,
    model: str | Path | None = None,
    device: str = "auto",
    jobs: int = 0,
) -> MappedScene:
    """Map a scene as ``python -m mapping`` does.

    ``path`` and ``bands`` as of ``scenes.products.open_scene``: a product's folder or archive, or a GeoTIFF and
    ``"blue=1,green=2,red=3,swir1=4,thermal=5"``. ``out``: a folder that keeps the files; without it there are none.
    ``inventory`` divides and names the outlines; ``dem`` adds their elevation, slope and aspect; ``edits`` by hand, as
    of ``mapping.edits.read_edits``, go beyond what the model says. ``clouds``: map pixels flagged as cloud or its
    shadow too. ``minimum_area``: km2 of the outlines that are kept. ``model``: a model file, by default the shipped
    one. ``jobs``: threads, by default all.

    Raises a ``GlacierError`` that names the file, what is wrong and what to do.
    """
    scene = open_scene(Path(path), bands, clouds)
    beside = Beside(dem=as_path(dem), inventory=as_path(inventory), edits=as_path(edits))
    beside.check(scene.grid)
    steps = Postprocess(minimum_area=minimum_area)
    layout = scene_layout(scene)
    with TemporaryDirectory() if out is None else nullcontext(out) as folder:
        job = job_for(scene, layout, as_path(model) or MODEL, choose_device(device), Path(folder))
        finishing = partial(finish, steps=steps, beside=beside, threads=jobs)
        [(_, facts)] = on_threads([job], finishing, jobs)
        return read_mapped(Path(folder), scene.grid, facts)


def as_path(place: str | Path | None) -> Path | None:
    """A path, or None."""
    return None if place is None else Path(place)


def read_mapped(folder: Path, grid: Grid, facts: dict[str, Any]) -> MappedScene:
    """Read what a scene's map is from its folder."""
    rasters = []
    for name in ("probability.tif", "mask.tif"):
        with rasterio.open(folder / name) as source:
            rasters.append(source.read(1))
    outlines = gpd.read_file(folder / "outlines.gpkg", layer="outlines", engine="pyogrio")
    return MappedScene(outlines, rasters[0], rasters[1], grid, facts)
