"""Play the challenge's evaluator against a submission folder: solution.py and model.pth, alone.

Three ways of calling are in use, and each is played on the training tiles' names (B2_B2_masked_02_07.tif) and
on the test tiles' names (img001.tif in every band):

    text       solution.py --imagepath DATA --output OUT
    template   solution.py --data DATA --masks MASKS --out OUT
    platform   solution.maskgeration({band: folder}, path of model.pth) -> {tile id: mask}, nothing saved

A line `# pip install ...` among the first 15 of solution.py must name the packages to install. Every run is a
fresh process in an empty working folder with a read-only copy of the two files. It must write (or return) one 0/255
uint8 mask per tile, of the tile's shape and georeference, touch nothing else, and give the same masks as every other
run. Exit code 1 when one does not.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from errors import GlacierError
from scores.confusion import Confusion, confusion
from tiles.folder import BAND_FOLDERS, find_tiles, read_label, tile_id_of
from tiles.raster import read_raster

BANDS = [f"Band{number}" for number in sorted(BAND_FOLDERS)]
HEAD_LINES, PIP_LINE = 15, "# pip install "  # where the platform looks for the packages to install
MODEL_LIMIT_MB = 200  # the challenge's limit for an upload
CONTRACTS = ("text", "template", "platform")
SCHEMES = ("train", "img")

CALL_AS_MODULE = """
import json, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
import solution
masks = solution.maskgeration(json.loads(sys.argv[2]), sys.argv[3])
assert isinstance(masks, dict), f"maskgeration returned {type(masks).__name__}, not a dict"
np.savez(sys.argv[4], **masks)
"""


class ContractError(GlacierError):
    """The submission breaks one of the ways of calling it."""


@dataclass
class Result:
    """One run: its masks by tile number, wall seconds and peak memory."""

    masks: list[np.ndarray]
    seconds: float
    peak_mib: float


def lay_out(data: Path, into: Path, scheme: str, limit: int) -> None:
    """Copy the first ``limit`` tiles of ``data`` (0: all) and their labels under the names of ``scheme``."""
    tiles = find_tiles({band: data / band for band in BANDS})
    for number, tile in enumerate(tiles[: limit or None], 1):
        files = {path.parent.name: path for path in tile.paths.values()}
        labels = data / "label"
        if labels.is_dir():
            files["label"] = next(path for path in labels.iterdir() if tile_id_of(path) == tile.tile_id)
        for folder, path in files.items():
            (into / folder).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, into / folder / (path.name if scheme == "train" else f"img{number:03d}.tif"))


def play(contract: str, submission: Path, tiles: Path, python: str) -> Result:
    """Call the submission once; raises ContractError when it breaks the contract."""
    with tempfile.TemporaryDirectory() as name:
        box = Path(name)
        home, cwd, out = box / "home", box / "cwd", box / "out"
        for folder in (home, cwd, box / "masks"):
            folder.mkdir()
        for part in ("solution.py", "model.pth"):
            shutil.copyfile(submission / part, home / part)
        script = [python, str(home / "solution.py")]
        # in no order to rely on and with the labels among them, as os.listdir gives them
        bands = json.dumps({folder.name: str(folder) for folder in sorted(tiles.iterdir(), reverse=True)})
        call = [
            python,
            "-c",
            CALL_AS_MODULE,
            str(home),
            bands,
            str(home / "model.pth"),
            str(box / "returned.npz"),
        ]
        commands = {
            "text": [*script, "--imagepath", str(tiles), "--output", str(out)],
            "template": [*script, "--data", str(tiles), "--masks", str(box / "masks"), "--out", str(out)],
            "platform": call,
        }
        before = _listing(home, cwd, tiles, box / "masks")
        home.chmod(0o500)
        seconds, peak_mib = _run(commands[contract], cwd)
        home.chmod(0o700)
        if _listing(home, cwd, tiles, box / "masks") != before:
            raise ContractError("it wrote outside its output folder.")
        inputs = sorted((tiles / BANDS[0]).iterdir(), key=tile_id_of)
        if contract == "platform":
            masks = _returned_masks(box / "returned.npz", inputs, saved=out.exists())
        else:
            masks = _written_masks(out, inputs)
    return Result(masks, seconds, peak_mib)


def _run(command: list[str], cwd: Path) -> tuple[float, float]:
    """Run one process; return its wall seconds and its peak memory in MiB."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    start = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        if process.returncode:
            raise ContractError(f"exit code {process.returncode}: {output.read().strip()[-800:]}")
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes there, in KiB elsewhere
    return time.monotonic() - start, usage.ru_maxrss * unit / 2**20


def _listing(*folders: Path) -> dict[str, int]:
    """Every file below the folders, with its time of change; compiled code, which numba keeps as Python does, apart."""
    files = [path for top in folders for path in top.rglob("*") if path.is_file()]
    return {str(path): path.stat().st_mtime_ns for path in files if path.parent.name != "__pycache__"}


def _written_masks(out: Path, inputs: list[Path]) -> list[np.ndarray]:
    """The masks in ``out``, in the order of the inputs, checked against them."""
    written = sorted(path.name for path in out.iterdir()) if out.is_dir() else []
    if written != sorted(path.name for path in inputs):
        raise ContractError(f"it wrote {written[:3]} ..., not the names of the Band1 files.")
    masks = []
    for path in inputs:
        mask, georeference = read_raster(out / path.name)
        if georeference != read_raster(path)[1]:
            raise ContractError(f"{path.name}: the mask has another georeference than the tile.")
        masks.append(_checked(mask, path))
    return masks


def _returned_masks(archive: Path, inputs: list[Path], saved: bool) -> list[np.ndarray]:
    """The masks that the module call returned, in the order of the inputs, checked against them."""
    if saved:
        raise ContractError("it saved masks, though called as a module.")
    with np.load(archive) as returned:
        if set(returned.files) != {tile_id_of(path) for path in inputs}:
            raise ContractError(f"it returned the tile ids {sorted(returned.files)[:3]} ...")
        return [_checked(returned[tile_id_of(path)], path) for path in inputs]


def _checked(mask: np.ndarray, path: Path) -> np.ndarray:
    """The mask, if it is uint8 0/255 of the tile's shape."""
    shape = read_raster(path)[0].shape
    if mask.shape != shape or mask.dtype != np.uint8 or not np.isin(mask, (0, 255)).all():
        raise ContractError(f"{path.name}: the mask is {mask.dtype} {mask.shape}, not 0/255 uint8 {shape}.")
    return mask


def pooled_mcc(tiles: Path, masks: list[np.ndarray]) -> float:
    """MCC over all pixels of all tiles."""
    inputs = sorted((tiles / BANDS[0]).iterdir(), key=tile_id_of)
    counts = (confusion(read_label(tiles, tile_id_of(path)), mask > 0) for path, mask in zip(inputs, masks))
    return sum(counts, Confusion(0, 0, 0, 0)).mcc


def packages_of(solution: Path) -> list[str]:
    """The words after ``# pip install`` in the first 15 lines; raises ContractError where there is no such line."""
    for line in solution.read_text(encoding="utf-8").splitlines()[:HEAD_LINES]:
        if line.startswith(PIP_LINE):
            return line[len(PIP_LINE) :].split()
    raise ContractError(f"{solution}: none of the first {HEAD_LINES} lines begins with '{PIP_LINE}'.")


def evaluate(submission: Path, data: Path, python: str, limit: int = 0) -> bool:
    """Play every contract on every naming scheme and print a line for each; return whether all held.

    Raises ContractError where solution.py does not name its packages.
    """
    print(f"pip install {' '.join(packages_of(submission / 'solution.py'))}")
    size = (submission / "model.pth").stat().st_size / 1e6
    passed = size <= MODEL_LIMIT_MB
    print(f"model.pth {size:.1f} MB (limit {MODEL_LIMIT_MB})", flush=True)
    reference: list[np.ndarray] = []
    with tempfile.TemporaryDirectory() as name:
        for scheme in SCHEMES:
            tiles = Path(name) / scheme
            lay_out(data, tiles, scheme, limit)
            for contract in CONTRACTS:
                label = f"{contract:9s} {scheme:6s}"
                try:
                    result = play(contract, submission, tiles, python)
                    reference = reference or result.masks
                    if any(not np.array_equal(a, b) for a, b in zip(reference, result.masks)):
                        raise ContractError("the masks differ from those of the first run.")
                except GlacierError as problem:
                    passed = False
                    print(f"{label} FAILED: {problem}", flush=True)
                    continue
                mcc = f"{pooled_mcc(tiles, result.masks):.4f}" if (tiles / "label").is_dir() else "no labels"
                print(
                    f"{label} MCC {mcc}  {result.seconds:5.1f} s for {len(result.masks)} tiles"
                    f"  {result.peak_mib:5.0f} MiB",
                    flush=True,
                )
    return passed


def main() -> int:
    """Command line: evaluate a submission folder."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: python tools/evaluator.py dist/submission DATA --python .venv39/bin/python",
    )
    parser.add_argument("submission", type=Path, help="folder with solution.py and model.pth")
    parser.add_argument("data", type=Path, help="folder with Band1 .. Band5 and, for the scores, label")
    parser.add_argument("--python", default=sys.executable, help="interpreter to run the submission with")
    parser.add_argument("--tiles", type=int, default=0, help="use the first TILES tiles only (default: all)")
    args = parser.parse_args()
    missing = [str(p) for p in (args.submission / "solution.py", args.submission / "model.pth") if not p.is_file()]
    if missing:
        print(f"error: {missing[0]}: no such file; make it with `make submission`.", file=sys.stderr)
        return 2
    try:
        return 0 if evaluate(args.submission.resolve(), args.data.resolve(), args.python, args.tiles) else 1
    except GlacierError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
