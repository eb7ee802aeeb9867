"""Time and memory of inference, against the classic U-Net on the same machine.

    python benchmarks/inference.py                               # 20 synthetic tiles of 512 x 512
    python benchmarks/inference.py --data tiles/ --growth        # real ones; with growing numbers and sizes of tiles

Whole runs are measured in fresh processes: start-up (interpreter, imports, model, first tile), then the steady state
of many tiles, as ``solution.py`` maps them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

if __package__ in (None, ""):  # run as a script: the rooms lie one folder up
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from command import Steps, add_shared, new_parser, write_json
from errors import exit_code
from simulation.synthetic import write_sample
from tiles.folder import BAND_FOLDERS, band_folders, find_tiles, read_tile

ROOT = Path(__file__).resolve().parents[1]
REPEATS = 4  # runs in one process; the first one also imports
PARTS = {  # of the benchmark, with the share of its time, about
    "one tile": 0.05, "all tiles": 0.2, "three times as many": 0.45, "classic U-Net": 0.1, "import torch": 0.05,
    "stages": 0.15,
}  # fmt: skip
COUNTS = (20, 200, 2000)
SIDES = (512, 1024, 2048, 4096, 8192)
# Maps a folder a few times in one process and tells how long each run took, and the peak memory.
WHOLE_RUN = """
import json, pathlib, re, resource, sys, time
start = time.perf_counter()
import solution
from tiles.folder import band_folders
seconds = []
for _ in range(int(sys.argv[3])):
    solution.maskgeration(band_folders(solution.Path(sys.argv[1])), sys.argv[2])
    seconds.append(time.perf_counter() - start)
    start = time.perf_counter()
status = pathlib.Path("/proc/self/status")  # getrusage counts the process that started this one as well
kib = re.search("VmHWM: *\\t* *([0-9]+)", status.read_text()).group(1) if status.exists() else 0
peak = (int(kib) or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1024
print(json.dumps({"seconds": seconds, "peak_memory_mib": peak}))
"""


def whole_run(data: Path, jobs: int, runs: int) -> dict[str, Any]:
    """What WHOLE_RUN tells of a folder of tiles."""
    with tempfile.TemporaryDirectory() as out:
        words = [sys.executable, "-c", WHOLE_RUN, str(data), out, str(runs)]
        done = subprocess.run(
            words, cwd=ROOT, check=True, capture_output=True, text=True, env={**os.environ, "GLACIER_JOBS": str(jobs)}
        )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def later(told: dict[str, Any]) -> float:
    """Median seconds of the runs after the first one."""
    return float(np.median(told["seconds"][1:]))


def import_torch_seconds() -> float:
    """Fastest of three fresh ``import torch``."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import torch"], check=True)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def first_tiles(data: Path, count: int, out: Path) -> Path:
    """A folder of ``count`` tiles: those of ``data`` as links, again and again under new numbers."""
    files = find_tiles(band_folders(data))
    numbers = {band: number for number, band in BAND_FOLDERS.items()}
    for copy in range(count):
        for band, path in files[copy % len(files)].paths.items():
            folder = out / f"Band{numbers[band]}"
            folder.mkdir(parents=True, exist_ok=True)
            os.symlink(path.resolve(), folder / f"tile_{copy:05d}{path.suffix}")
    return out


def growth(data: Path, jobs: int) -> dict[str, Any]:
    """Seconds a tile and peak memory as tiles become more, and seconds a megapixel as they become larger."""
    counts, sides = {}, {}
    for count in COUNTS:
        with tempfile.TemporaryDirectory() as folder:
            told = whole_run(first_tiles(data, count, Path(folder)), jobs, 1)
        counts[str(count)] = {"seconds": told["seconds"][0], "peak_memory_mib": told["peak_memory_mib"]}
        print(f"{count} tiles: {counts[str(count)]}", flush=True)
    for side in SIDES:
        with tempfile.TemporaryDirectory() as folder:
            write_sample(Path(folder), seed=0, tiles=1, shape=(side, side))
            told = whole_run(Path(folder), jobs, 2)
        sides[str(side)] = {"seconds": told["seconds"][1], "peak_memory_mib": told["peak_memory_mib"]}
        print(f"{side} x {side} pixels: {sides[str(side)]}", flush=True)
    return {"tiles": counts, "sides": sides}


def valid_pixels(data: Path) -> float:
    """Mean number of valid pixels of the tiles."""
    return float(np.mean([read_tile(files).valid.sum() for files in find_tiles(band_folders(data))]))


def measure(data: Path, jobs: int) -> dict[str, Any]:
    """All figures as plain numbers; ``jobs`` threads for whole runs and for the yardstick."""
    import torch  # with all that needs it here, so that --help need not wait

    from benchmarks.stages import stages
    from benchmarks.yardstick import yardstick_seconds

    torch.set_num_threads(jobs)
    told, tiles = Steps("benchmark", PARTS), len(find_tiles(band_folders(data)))
    told.begin("one tile")
    with tempfile.TemporaryDirectory() as folder:
        first = whole_run(first_tiles(data, 1, Path(folder)), jobs, 1)
    told.begin("all tiles")
    many = whole_run(data, jobs, REPEATS)
    told.begin("three times as many")
    with tempfile.TemporaryDirectory() as folder:
        thrice = whole_run(first_tiles(data, 3 * tiles, Path(folder)), jobs, REPEATS)
    told.begin("classic U-Net")
    yardstick = yardstick_seconds()
    told.begin("import torch")
    import_torch = import_torch_seconds()
    told.begin("stages")
    return {
        "tiles": tiles,
        "valid_pixels_per_tile": valid_pixels(data),
        "threads": jobs,
        "machine": platform.machine(),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "yardstick_s": yardstick,
        "import_torch_s": import_torch,
        "start_up_s": first["seconds"][0],
        "median_s_per_tile_one_thread": stages(data),
        "steady_s_per_tile": (later(thrice) - later(many)) / (2 * tiles),  # without loading the model
        "peak_memory_mib": many["peak_memory_mib"],
    }


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(
        "Time inference against the classic U-Net on the same machine.",
        "python benchmarks/inference.py --data tiles/ --out out/benchmark",
    )
    add_shared(parser, "data", help="folder with Band1..Band5 (default: 20 synthetic tiles)")
    add_shared(parser, "out", default=Path("out/benchmark"))
    add_shared(parser, "jobs")
    parser.add_argument("--growth", action="store_true", help="also with more and with larger tiles (takes long)")
    return parser.parse_args()


def run(options: argparse.Namespace, data: Path | None) -> None:
    """Measure, print and write inference.json."""
    if data is None:
        with tempfile.TemporaryDirectory() as sample:
            write_sample(Path(sample), seed=0, tiles=20)
            return run(options, Path(sample))
    jobs = options.jobs or os.cpu_count() or 1
    figures = {"data": options.data.name if options.data else "synthetic", **measure(data, jobs)}
    for name, seconds in figures["median_s_per_tile_one_thread"].items():
        print(f"{name:26s}{seconds:8.3f} s on one thread")
    for name in ("steady_s_per_tile", "yardstick_s", "start_up_s", "import_torch_s"):
        print(f"{name:26s}{figures[name]:8.3f} s")
    print(f"{'peak_memory_mib':26s}{figures['peak_memory_mib']:8.0f} MiB")
    if options.growth:
        figures["growth"] = growth(data, jobs)
    write_json(options.out / "inference.json", figures)
    return None


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""

    def work() -> None:
        options = arguments()
        run(options, options.data)

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
