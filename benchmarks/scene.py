"""Time and memory of mapping a whole scene, against what the tile benchmark predicts for its valid pixels.

    python benchmarks/scene.py --out out/benchmark                     # 7 700 x 7 800 pixels, as Landsat's
    python benchmarks/scene.py --height 16000 --width 16000

The scene is synthetic, with the tilted frame of fill that a Landsat scene has.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.windows import Window
from tqdm import tqdm

if __package__ in (None, ""):  # run as a script: the rooms lie one folder up
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from command import add_shared, hidden, new_parser, write_json
from errors import exit_code
from simulation.synthetic import write_sample
from tiles.folder import band_folders, find_tiles, read_tile

BLOCK = 1024
CODING = {"blue": (2.75e-5, -0.2), "thermal": (0.00341802, 149.0)}


def write_scene(path: Path, height: int, width: int) -> int:
    """A five-band GeoTIFF of repeated synthetic tiles in a tilted frame; returns its number of valid pixels."""
    with tempfile.TemporaryDirectory() as folder:
        write_sample(Path(folder), seed=0, tiles=4, shape=(BLOCK, BLOCK))
        tiles = [read_tile(files) for files in find_tiles(band_folders(Path(folder)))]
    profile = {"driver": "GTiff", "height": height, "width": width, "count": 5, "dtype": "uint16", "tiled": True}
    profile.update(crs="EPSG:32643", transform=rasterio.Affine(30, 0, 3e5, 0, -30, 4e6), compress="deflate")
    valid = 0
    with rasterio.open(path, "w", interleave="band", bigtiff="IF_SAFER", **profile) as file:
        for top in tqdm(range(0, height, BLOCK), desc="synthetic scene", disable=hidden()):
            for left in range(0, width, BLOCK):
                tile = tiles[(top // BLOCK * 3 + left // BLOCK) % 4]
                rows, columns = min(BLOCK, height - top), min(BLOCK, width - left)
                inside = frame(height, width, top, left, rows, columns) & tile.valid[:rows, :columns]
                valid += int(inside.sum())
                for number, band in enumerate(("blue", "green", "red", "swir1", "thermal"), 1):
                    scale, offset = CODING.get(band, CODING["blue"])
                    numbers = np.clip(np.round((tile.bands[band][:rows, :columns] - offset) / scale), 1, 65535)
                    where = Window(left, top, columns, rows)
                    file.write(np.where(inside, numbers, 0).astype(np.uint16), number, window=where)
    return valid


def frame(height: int, width: int, top: int, left: int, rows: int, columns: int) -> np.ndarray:
    """Which pixels of a block lie in the parallelogram that the satellite saw, bool (rows, columns)."""
    row, column = np.mgrid[top : top + rows, left : left + columns]
    down, across = row / height, column / width
    slanted = across + 0.2 * down
    return np.asarray((slanted > 0.2) & (slanted < 1.0) & (down > 0.05 * across) & (down < 0.95 + 0.05 * across))


def peak_memory(words: list[str]) -> float:
    """Run a command; the most memory it held, MiB. Told by Linux alone, and 0 elsewhere."""
    from solution import HERE

    peak = 0
    with subprocess.Popen(words, cwd=HERE, stdout=subprocess.DEVNULL) as process:
        status = Path(f"/proc/{process.pid}/status")
        while process.poll() is None:
            found = re.search(r"VmHWM:\s*(\d+)", status.read_text()) if status.exists() else None
            peak = max(peak, int(found.group(1)) if found else 0)
            time.sleep(0.05)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, words)
    return peak / 1024


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Seconds and peak memory of ``python -m mapping`` on a synthetic scene."""
    from solution import HERE

    valid = write_scene(folder / "scene.tif", options.height, options.width)
    words = [sys.executable, "-m", "mapping", str(folder / "scene.tif"), "--out", str(folder / "out")]
    words += ["--bands", "blue=1,green=2,red=3,swir1=4,thermal=5", "--jobs", str(options.jobs or os.cpu_count() or 1)]
    start = time.perf_counter()
    peak = peak_memory([*words, "--overlap", str(options.overlap)])
    seconds = time.perf_counter() - start
    metrics = json.loads((folder / "out" / "metrics.json").read_text(encoding="utf-8"))
    tiles = json.loads((HERE / "results" / "inference.json").read_text(encoding="utf-8"))
    return {
        "height": options.height,
        "width": options.width,
        "overlap": options.overlap,
        "threads": options.jobs or os.cpu_count() or 1,
        "valid_pixels": valid,
        "seconds": seconds,
        "parts_thread_seconds": metrics["parts_thread_seconds"],
        "predicted_by_tiles_s": valid / tiles["valid_pixels_per_tile"] * tiles["steady_s_per_tile"],
        "peak_memory_mib": peak,
    }


def run(options: argparse.Namespace) -> None:
    """Measure, print and add a line to scenes.json."""
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(options, Path(folder))
    for name, value in figures.items():
        print(f"{name:24s}{value:12.2f}")
    path = options.out / "scenes.json"
    lines = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    lines[f"{options.height} x {options.width}, overlap {options.overlap:g}"] = figures
    write_json(path, lines)


def main() -> int:
    """Command line: exit code 2 and one sentence for a user's mistake."""
    parser = new_parser(
        "Time the mapping of a whole scene.",
        "python benchmarks/scene.py --height 7700 --width 7800 --out out/benchmark",
    )
    parser.add_argument("--height", type=int, default=7700, help="rows of the scene (default: %(default)s)")
    parser.add_argument("--width", type=int, default=7800, help="columns of the scene (default: %(default)s)")
    parser.add_argument("--overlap", type=float, default=0.5, help="shared by windows (default: %(default)s)")
    add_shared(parser, "jobs")
    add_shared(parser, "out", default=Path("out/benchmark"))
    return exit_code(lambda: run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
