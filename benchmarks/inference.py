"""Time of inference, stage by stage, and its peak memory.

    python benchmarks/inference.py --data tiles/ --out out/benchmark      # real tiles
    python benchmarks/inference.py                                        # 20 synthetic tiles of 512 x 512

Start-up is measured in a fresh process: interpreter, imports and reading model.pth.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

if __package__ in (None, ""):  # run as a script: the rooms lie one folder up
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from baseline.gbm import gbm_score
from cnn.predict import unet_probability
from cnn.train_unet import choose_device
from errors import exit_code
from features.stack import build_stack
from fusion.fuse import fused_probability
from fusion.hybrid import HybridModel, choose
from fusion.model_file import load_model
from solution import HERE, MODEL_NAME
from tiles.folder import TileFiles, band_folders, find_tiles, read_tile, write_mask
from tiles.raster import atomic_output
from tiles.synthetic import write_sample

START_UP = "import torch, solution; solution.load_model(solution.HERE / solution.MODEL_NAME, torch.device('cpu'))"
STAGES = ("read", "features", "GBM", "U-Net", "fusion", "write")
Result = TypeVar("Result")


class Stopwatch:
    """Seconds of each stage, one number a tile."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {stage: [] for stage in STAGES}

    def time(self, stage: str, work: Callable[[], Result]) -> Result:
        """Run ``work`` and note how long it took."""
        start = time.perf_counter()
        result = work()
        self.seconds[stage].append(time.perf_counter() - start)
        return result


def time_tile(
    watch: Stopwatch, model: HybridModel, files: TileFiles, out: Path, device: torch.device, jobs: int
) -> None:
    """One tile through every stage, as ``fusion.hybrid.predict_tile`` does it."""
    tile = watch.time("read", lambda: read_tile(files))
    names = tuple(dict.fromkeys(model.gbm.channel_names + model.unet.channel_names))
    stack = watch.time("features", lambda: build_stack(tile, names))
    gbm = watch.time("GBM", lambda: gbm_score(model.gbm, choose(stack, model.gbm.channel_names), jobs))
    unet = watch.time(
        "U-Net",
        lambda: unet_probability([model.unet], [choose(stack, model.unet.channel_names)], device, model.flips),
    )
    probability = watch.time("fusion", lambda: fused_probability(model.fusion, unet, gbm, tile.valid))
    watch.time("write", lambda: write_mask(out, tile, probability > model.fusion.threshold))


def start_up_seconds(runs: int = 3) -> float:
    """Median seconds from starting the interpreter to a loaded model."""
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", START_UP], cwd=HERE, check=True)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def measure(data: Path, device: torch.device, jobs: int) -> dict[str, Any]:
    """All figures as plain numbers."""
    model = load_model(HERE / MODEL_NAME, device)
    files = find_tiles(band_folders(data))
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as out:
        time_tile(Stopwatch(), model, files[0], Path(out), device, jobs)  # the first tile warms caches up
        for tile_files in files:
            time_tile(watch, model, tile_files, Path(out), device, jobs)
    stages = {stage: float(np.median(seconds)) for stage, seconds in watch.seconds.items()}
    return {
        "tiles": len(files),
        "threads": torch.get_num_threads(),
        "device": str(device),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "start_up_s": start_up_seconds(),
        "median_s_per_tile": stages,
        "all_stages_s_per_tile": float(sum(map(sum, watch.seconds.values())) / len(files)),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description="Time inference stage by stage.",
        epilog="example: python benchmarks/inference.py --data tiles/ --out out/benchmark",
    )
    parser.add_argument("--data", type=Path, help="folder with Band1..Band5 (default: 20 synthetic tiles)")
    parser.add_argument("--out", type=Path, default=Path("out/benchmark"))
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="cpu")
    parser.add_argument("--jobs", type=int, default=0, help="processor threads (default: all)")
    return parser.parse_args()


def run(options: argparse.Namespace, data: Path | None) -> None:
    """Measure, print and write inference.json."""
    if options.jobs:
        torch.set_num_threads(options.jobs)
    if data is None:
        with tempfile.TemporaryDirectory() as sample:
            write_sample(Path(sample), seed=0, tiles=20)
            return run(options, Path(sample))
    figures = measure(data, choose_device(options.device), options.jobs)
    for stage, seconds in {
        "start-up": figures["start_up_s"],
        **figures["median_s_per_tile"],
        "all": figures["all_stages_s_per_tile"],
    }.items():
        print(f"{stage:10s}{seconds:8.3f} s")
    print(f"{'memory':10s}{figures['peak_memory_mib']:8.0f} MiB at the peak")
    with atomic_output(options.out / "inference.json") as temporary:
        temporary.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return None


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    options = arguments()
    return exit_code(lambda: run(options, options.data))


if __name__ == "__main__":
    sys.exit(main())
