"""Feed damaged files to the tile reader and the model loader: each must end in a result or in a named error.

    python tools/fuzz.py --cases 10000 --seed 0 --out out/fuzz

Every case changes a good file: bytes flipped, cut, inserted, copied or overwritten with large numbers, anywhere.
What ends otherwise, takes over two seconds or more than 1 GB is kept in ``--out``; the exit code is then 1.
"""

from __future__ import annotations

import io
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from tqdm import tqdm

from command import add_shared, hidden, new_parser
from errors import GlacierError
from tiles.raster import read_raster

MOST_SECONDS, MOST_MEMORY = 2.0, 2**30
BOUNDARIES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)


def damaged(good: bytes, random: np.random.Generator) -> bytes:
    """The file after one to four changes, half of them in its first and last 400 bytes, where the tags are."""
    raw = bytearray(good)
    for _ in range(random.integers(1, 5)):
        size = max(len(raw), 1)
        near = int(random.integers(0, min(400, size)))
        anywhere = int(random.integers(0, size))
        place = (near, size - 1 - near, anywhere, anywhere)[int(random.integers(4))]
        kind = random.integers(0, 6)
        if kind == 0 and raw:
            raw[place] ^= 1 << int(random.integers(0, 8))
        elif kind == 1:
            del raw[place:]
        elif kind == 2:
            raw[place:place] = random.bytes(int(random.integers(1, 40)))
        elif kind == 3:
            del raw[place : place + int(random.integers(1, 40))]
        elif kind == 4:
            width = int(random.choice([1, 2, 4]))
            raw[place : place + width] = (int(random.choice(BOUNDARIES)) % 256**width).to_bytes(width, "little")
        else:
            start = int(random.integers(0, size))
            raw[place : place + 12] = raw[start : start + 12]
    return bytes(raw)


def good_tiffs() -> list[bytes]:
    """Small tiles in several layouts and types."""
    image = np.random.default_rng(0).integers(7000, 20000, (40, 48))
    layouts: list[tuple[np.ndarray, dict[str, Any]]] = [
        (image.astype(np.float32), {}),
        (image.astype(np.uint16), {"compression": "zlib", "predictor": True}),
        (image.astype(np.float32), {"compression": "zlib", "tile": (16, 16)}),
        (image.astype(np.uint16), {"compression": "lzw", "rowsperstrip": 7, "bigtiff": True}),
        (image.astype(np.float32), {"compression": "lzw", "predictor": True}),
        (image.astype(np.uint16), {"compression": "packbits", "rowsperstrip": 9}),
        (image.astype(np.int16), {"compression": "zstd", "tile": (32, 16)}),
        (image.astype(np.float32), {"compression": "lzma", "predictor": True, "byteorder": ">"}),
    ]
    files = []
    for values, words in layouts:
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, values, **words)
        files.append(buffer.getvalue())
    return files


def run_case(work: Callable[[], object]) -> str:
    """How a case ended: "result", the name of our error, or what is wrong."""
    start = time.monotonic()
    try:
        work()
        ending = "result"
    except GlacierError as problem:
        ending = type(problem).__name__
    except Exception as problem:  # what must not happen
        return f"WRONG {type(problem).__name__}: {problem}"[:200]
    seconds = time.monotonic() - start
    return ending if seconds <= MOST_SECONDS else f"WRONG {ending} after {seconds:.1f} s"


def fuzz(cases: int, seed: int, out: Path, model: Path | None) -> Counter[str]:
    """Endings of all cases, counted."""
    random = np.random.default_rng(seed)
    out.mkdir(parents=True, exist_ok=True)
    tiffs = good_tiffs()
    targets: list[tuple[list[bytes], str, Callable[[Path], object]]] = [(tiffs, "case.tif", read_raster)]
    if model is not None:
        import torch  # with what needs it here, so that --help need not wait

        from fusion.model_file import load_model

        device = torch.device("cpu")
        targets.append(([model.read_bytes()], "case.pth", lambda path: load_model(path, device)))
    endings: Counter[str] = Counter()
    for number in tqdm(range(cases), disable=hidden()):
        files, name, read = targets[number % len(targets)]
        path = out / name
        path.write_bytes(damaged(files[int(random.integers(len(files)))], random))
        ending = run_case(lambda: read(path))  # noqa: B023  (run at once)
        endings[f"{name}: {ending}"] += 1
        if ending.startswith("WRONG"):
            path.rename(out / f"wrong_{number}_{name}")
    return endings


def main() -> int:
    """Command line: 1 where anything ended as it must not."""
    parser = new_parser("Feed damaged files to the readers.", "python tools/fuzz.py --cases 10000")
    parser.add_argument("--cases", type=int, default=10_000, help="damaged files (default: %(default)s)")
    add_shared(parser, "seed")
    parser.add_argument("--model", type=Path, help="a model file to damage as well")
    add_shared(parser, "out", default=Path("out/fuzz"))
    options = parser.parse_args()
    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    endings = fuzz(options.cases, options.seed, options.out, options.model)
    for ending, count in sorted(endings.items()):
        print(f"{count:7d}  {ending}")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - start
    print(f"memory grew by {grown / 2**20:.0f} MiB")
    return int(any("WRONG" in ending for ending in endings) or grown > MOST_MEMORY)


if __name__ == "__main__":
    sys.exit(main())
