"""Map satellite scenes to glacier outlines.

    python -m mapping LC08_L2SP_147036_20200826_02_T1 --out maps
    python -m mapping scene.tif --bands blue=1,green=2,red=3,swir1=4 --out maps
    python -m mapping july.tar august.tar --combine --inventory SGI2016.gpkg --dem dem.tif --out maps

For one scene the results lie in ``--out`` itself, for several in a folder each: probability.tif, mask.tif,
outlines.gpkg and .shp, overview.png, metrics.json and report.html. With ``--combine`` those of all dates together lie
in ``--out``, and dates.tif, which says how many of them have seen each pixel.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from command import add_fields, add_shared, check_names, from_zero, new_parser, with_options
from errors import RESUME, SettingError, exit_code
from mapping.failures import Failures, noted, raise_failures
from mapping.lock import check_folder, only_run
from mapping.steps import MODEL, Postprocess
from scenes.options import add_scene_options, opening

if TYPE_CHECKING:
    from mapping.run import Job
    from scenes.scene import Scene

STEPS = {  # of the post-processing
    "minimum_area": "km2 of outlines that are kept; mask.tif keeps all (default: %(default)s)",
    "largest_hole": "km2 of filled holes",
    "merge_distance": "m between fragments",
    "opening": "m, radius",
    "closing": "m, radius",
    "simplify": "m that an outline may move",
    "smooth": "times that corners are cut",
}


def run(options: argparse.Namespace) -> None:
    """Map every scene and print a line for each."""
    import torch  # with all that needs it here, so that --help need not wait

    from fusion.layout import Layout, check_overlap
    from fusion.model_file import load_model
    from fusion.windowed import reach
    from mapping.combine import check_places
    from scenes.area import area_of
    from scenes.products import open_scene

    check_overlap(options.overlap)  # of which a scene of one window makes no use
    check_folder(options.out)
    model = load_model(options.model, torch.device("cpu"))  # a bad model is told before anything is opened
    failures: Failures = {}
    scenes: list[Scene] = []
    for place in options.scene:
        with noted(failures, str(place)):
            scene = open_scene(place, **opening(options))
            margin = max(reach(model), (options.window or Layout.window) // 4)
            scenes.append(area_of(scene, options.aoi, margin) if options.aoi else scene)
    names = [scene.name for scene in scenes]
    check_names(names, "scenes")
    if options.combine and scenes:
        check_places(scenes)
    outs = [options.out] if len(options.scene) == 1 else [options.out / name for name in names]
    with ExitStack() as locks:
        for out in dict.fromkeys([*outs, options.out] if options.combine else outs):
            locks.enter_context(only_run(out))
        map_scenes(scenes, outs, options, failures)
    raise_failures(failures, len(options.scene))
    print(f"Wrote probability.tif, mask.tif, outlines.gpkg and report.html to {options.out}.")


def jobs_of(
    scenes: Sequence[Scene], outs: Sequence[Path], options: argparse.Namespace, failures: Failures
) -> list[Job]:
    """The jobs of scenes; a scene that has none is noted."""
    from cnn.device import choose_device
    from mapping.run import job_for, scene_layout

    device, jobs = choose_device(options.device), []
    for scene, out in zip(scenes, outs):
        with noted(failures, scene.name):
            layout = scene_layout(scene, options.window, options.overlap)
            jobs.append(job_for(scene, layout, options.model, device, out))
    return jobs


def map_scenes(scenes: Sequence[Scene], outs: Sequence[Path], options: argparse.Namespace, failures: Failures) -> None:
    """Map scenes, each into its folder, and print a line for each."""
    from mapping.cluster import connected, on_cluster
    from mapping.combine import combine
    from mapping.finish import Beside, finish
    from mapping.run import on_threads

    jobs = jobs_of(scenes, outs, options, failures)
    for note in (note for job in jobs for note in job.notes):
        print(f"note: {note}", file=sys.stderr)
    files = (options.truth, options.dem, options.inventory, options.edits)
    beside = Beside(*(path.resolve() if path else None for path in files))
    for scene in scenes:
        beside.check(scene.grid)
    threads = 1 if options.dask else options.jobs
    steps = with_options(Postprocess(), options)
    finishing = partial(finish, steps=steps, beside=beside, threads=threads)
    print(f"{'scene':42s}{'outlines':>9s}{'km2':>10s}{'seconds':>9s}")
    with connected(options.dask, options.jobs) if options.dask else nullcontext() as client:
        if client is None:
            done = on_threads(jobs, finishing, options.jobs, options.resume, failures)
        else:
            done = on_cluster(client, jobs, finishing, options.resume, failures)
        for job, facts in done:
            tell(job.scene.name, facts, len(job.notes))
    if options.combine and not failures:
        tell("all dates", combine(scenes, outs, options.out, jobs[0].model, steps, beside, threads))


def tell(name: str, facts: dict[str, Any], known: int = 0) -> None:
    """Print a line for a map, its scores, and its notes but for the first ``known``."""
    print(f"{name[:40]:42s}{facts['glaciers']:9d}{facts['outlines_km2']:10.2f}{facts['seconds']:9.1f}")
    for note in facts["notes"][known:]:
        print(f"note: {note}", file=sys.stderr)
    if "scores" in facts:
        told = ", ".join(f"{name} {facts['scores'][name]:.3f}" for name in ("mcc", "iou", "f1", "kappa"))
        print(f"{told} over the valid pixels that the truth knows")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "Map satellite scenes to glacier outlines.",
        "python -m mapping LC08_L2SP_147036_20200826_20200906_02_T1.tar --out maps",
        "python -m mapping",
    )
    parser.add_argument("scene", type=Path, nargs="+", help="Landsat product, SAFE folder, GeoTIFF or Band1..5 folders")
    add_shared(parser, "out", default=Path("out/maps"))
    add_scene_options(parser)
    parser.add_argument("--combine", action="store_true", help="the scenes are dates of one place: one map of all, too")
    parser.add_argument(
        "--aoi", type=Path, help="polygon file in any coordinate system: only what lies within is mapped"
    )
    parser.add_argument("--truth", type=Path, help="raster or outlines to score the mask with")
    parser.add_argument("--inventory", type=Path, help="glacier outlines with ids: divide the ice by them and name it")
    parser.add_argument(
        "--dem", type=Path, help="elevation model in metres, any CRS: elevation and slope of each outline"
    )
    parser.add_argument("--edits", type=Path, help="polygons with a column edited: deleted, kept or drawn by hand")
    parser.add_argument(
        "--model", type=Path, default=MODEL, help="model file (default: the one that comes with the project)"
    )
    parser.add_argument(
        "--window", type=int, help="side of the windows, pixels (default: one over a small scene, else 512)"
    )
    parser.add_argument(
        "--overlap",
        type=float,
        default=0.5,
        help="share of a window that the next one sees too, at most 0.5 (default: %(default)s)",
    )
    parser.add_argument("--resume", action="store_true", help="go on with what a stopped run has left")
    parser.add_argument("--dask", help="'local', or the address tcp://... of a scheduler")
    add_shared(parser, "device", "jobs")
    add_fields(parser, Postprocess(), STEPS)
    options = parser.parse_args(argv)
    if options.combine and len(options.scene) < 2:
        raise SettingError("--combine: needs several dates of one place; give two scenes or more.")
    if options.simplify and not can_simplify():
        raise SettingError("--simplify: needs shapely 2.1 or newer, and so Python 3.10; install it or use --smooth.")
    from_zero(options, *STEPS)
    return options


def can_simplify() -> bool:
    """Whether the installed shapely simplifies outlines together."""
    import shapely

    return hasattr(shapely, "coverage_simplify")


def main() -> int:
    """Command line: one sentence for what goes wrong, and the exit code that errors.exit_code gives it."""
    return exit_code(lambda: run(arguments()), RESUME)


if __name__ == "__main__":
    sys.exit(main())
