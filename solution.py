# pip install numpy scipy torch tifffile imagecodecs lightgbm numba tqdm
#
# Glacier mapping from five Landsat bands: LightGBM and a compact U-Net, fused.
# It cannot do without numpy, scipy, torch, tifffile, and numba or lightgbm (with numba the trees are ten times as
# fast); imagecodecs reads compressed TIFFs, tqdm draws the progress bar.
# Usage:
#   python solution.py --data DATA --masks MASKS --out OUT [--jobs N] [--seconds BUDGET] [--resume]
#   python solution.py --imagepath DATA --output OUT
#   python solution.py --help
#   import solution; masks = solution.maskgeration({"Band1": folder, ...}, "model.pth")
"""The submission: from band folders to glacier masks."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from linecache import getline
from pathlib import Path

try:
    for needed in ("numpy", "scipy", "tifffile", "torch"):
        import_module(needed)
    if not find_spec("numba") and not find_spec("lightgbm"):
        raise ImportError("No module named 'numba' or 'lightgbm'")
except ImportError as missing:
    sentence = f"{missing}; run `{getline(__file__, 1).strip('# ').rstrip()}`."
    if __name__ != "__main__":
        raise ImportError(sentence) from None
    print(f"error: {sentence}", file=sys.stderr)
    sys.exit(2)

import numpy as np
import torch

from cnn.device import choose_device
from errors import (
    RESUME,
    GlacierError,
    LayoutError,
    OutputError,
    PackageError,
    PartlyDoneError,
    SettingError,
    TilesFailedError,
    exit_code,
)
from fusion.hybrid import HybridModel
from fusion.model_file import load_model
from fusion.pipeline import TimeBudget, in_order, split_jobs
from fusion.windowed import predict
from tiles.folder import TileFiles, find_tiles, read_tile, write_mask
from tiles.raster import remove_leftovers

HERE = Path(__file__).resolve().parent
MODEL_NAME = "model.pth"
MODEL_SUFFIXES = (".pth", ".pt")
SETTINGS = {"jobs": "GLACIER_JOBS", "seconds": "GLACIER_SECONDS", "resume": "GLACIER_RESUME"}
OLD_ARGUMENTS = {"--imagepath": "--data", "--output": "--out"}


def maskgeration(imagepath: Mapping[str, str | Path], out_dir: str | Path) -> dict[str, np.ndarray] | None:
    """Map every tile of the band folders ``{"Band1": folder, ..., "Band5": folder}``.

    ``out_dir`` is either a folder, where masks are written as uint8 0/255 under the names of the Band1
    files, or the path of a model file: then nothing is written and the masks come back as
    ``{tile id: uint8 0/255 (H, W)}``.

    A relative path of a model file is looked for in the working folder, then beside this file.

    One bad tile does not lose the others. When writing, PartlyDoneError names the bad ones at the end (or
    TilesFailedError, where all are bad); when returning masks they are named on stderr and left out. Raises
    GlacierError for anything that concerns all tiles. The environment variables of SETTINGS set threads, a time
    budget and resuming.
    """
    target = Path(out_dir)
    returning = target.is_file() or target.suffix in MODEL_SUFFIXES
    files = find_tiles(imagepath)
    device = choose_device("auto")
    model = load_model(model_path(target) if returning else HERE / MODEL_NAME, device)
    if not returning:
        check_target(target, imagepath)
        remove_leftovers(target)
    total = len(files)
    if number_setting("resume") and not returning:
        files = [one for one in files if not (target / one.paths.get("blue", Path(" ")).name).is_file()]
    at_once, jobs = split_jobs(int(number_setting("jobs") or 0), len(files), device)
    budget = TimeBudget(number_setting("seconds"), len(files), at_once)
    masks: dict[str, np.ndarray] = {}
    codings: dict[str, int] = {}
    failures: list[str] = []

    def work(tile_files: TileFiles) -> Mapped:
        return map_tile(model, tile_files, device, budget, jobs, None if returning else target)

    results = in_order(work, files, at_once)
    for one in with_progress(results, len(files)):
        if one.failure:
            failures.append(one.failure)
            continue
        codings[one.coding] = codings.get(one.coding, 0) + 1
        for note in one.notes:
            print(f"note: {note}", file=sys.stderr)
        if returning:
            masks[one.tile_id] = one.mask
    state_codings(len(files) - len(failures), codings)
    if failures:
        problem = f"{len(failures)} of {total} tile(s) could not be mapped: {' '.join(failures)}"
        if not masks:
            raise PartlyDoneError(problem) if len(failures) < total else TilesFailedError(problem)
        print(f"error: {problem}", file=sys.stderr)
    return masks if returning else None


def check_target(target: Path, imagepath: Mapping[str, str | Path]) -> None:
    """Raise OutputError where masks would take the place of the bands that they are made from."""
    if any(Path(folder).resolve() == target.resolve() for folder in imagepath.values()):
        raise OutputError(f"{target}: is the folder of a band, which the masks would replace; choose another folder.")


def model_path(given: Path) -> Path:
    """Where a model file lies that was named from the working folder or, where it is not there, from this file's."""
    beside = HERE / given
    return beside if beside.is_file() and not given.is_file() else given


@dataclass(frozen=True)
class Mapped:
    """What became of a tile: its mask, uint8 0/255 (H, W), or why there is none."""

    tile_id: str
    mask: np.ndarray
    coding: str = ""
    notes: tuple[str, ...] = ()
    failure: str = ""


def with_progress(results: Iterable[Mapped], total: int) -> Iterable[Mapped]:
    """The same results; a progress bar shows how many of ``total`` there are, where tqdm is installed."""
    try:
        from tqdm import tqdm
    except ImportError:
        return results
    return tqdm(results, total=total, desc="mapping", unit="tile", disable=None)


def map_tile(
    model: HybridModel, files: TileFiles, device: torch.device, budget: TimeBudget, jobs: int, target: Path | None
) -> Mapped:
    """Read a tile, map it, and write its mask where there is a folder for it.

    A bad tile is reported, not raised; raises PackageError, for what is not installed stops every tile.
    """
    start, views = time.monotonic(), budget.views(model.views)
    try:
        tile = read_tile(files)
        mask = predict(model, tile, device, views, jobs).mask
    except PackageError:
        raise
    except GlacierError as failure:
        return Mapped(files.tile_id, np.empty((0, 0), np.uint8), failure=str(failure))
    if target is not None:
        write_mask(target, tile, mask)
    if views == model.views:
        budget.took(time.monotonic() - start)
    return Mapped(tile.tile_id, np.where(mask, np.uint8(255), np.uint8(0)), tile.coding, tile.notes)


def number_setting(name: str) -> float | None:
    """A setting from the environment; None where it is not set. Raises SettingError for what is no number."""
    text = os.environ.get(SETTINGS[name], "")
    try:
        number = float(text) if text else None
    except ValueError:
        number = -1.0
    if number is not None and not 0 <= number < 1e9:
        raise SettingError(f"{SETTINGS[name]}={text}: is not a number of {name}; give a number from 0, or unset it.")
    return number


def state_codings(mapped: int, codings: Mapping[str, int]) -> None:
    """Say how many tiles were mapped and how their numbers were read."""
    read_as = "; ".join(f"{count} tile(s) read as {coding}" for coding, count in codings.items())
    print(f"Mapped {mapped} tile(s). {read_as}")


# Do not update this section
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True, help="Path to test images folder")
    parser.add_argument("--masks", required=True, help="Path to masks folder (unused)")
    parser.add_argument("--out", required=True, help="Path to output predictions")
    args = parser.parse_args()

    # Build band → folder map
    imagepath = {}
    for band in os.listdir(args.data):
        band_path = os.path.join(args.data, band)
        if os.path.isdir(band_path):
            imagepath[band] = band_path

    print(f"Processing bands: {list(imagepath.keys())}")

    # Run mask generation and save predictions
    maskgeration(imagepath, args.out)


def template_arguments(given: Sequence[str]) -> list[str]:
    """The template's arguments from those of the instructions' text (--imagepath, --output)."""
    translated = []
    for argument in given:
        name, equals, value = argument.partition("=")
        translated.append(OLD_ARGUMENTS.get(name, name) + equals + value)
    if translated != list(given) and not any(argument.startswith("--masks") for argument in given):
        translated += ["--masks", ""]  # the template requires it and uses it for nothing
    return translated


def own_parser() -> argparse.ArgumentParser:
    """The options that the template does not know; SETTINGS has the environment variable of each."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--jobs", metavar="N", help="processor threads (default: all)")
    parser.add_argument("--seconds", metavar="BUDGET", help="map the last tiles with one view when time runs short")
    parser.add_argument("--resume", action="store_const", const="1", help="leave out tiles whose mask is there")
    return parser


def help_text() -> str:
    """All options: the template's, those of the instructions' text, and our own."""
    parser = argparse.ArgumentParser(
        parents=[own_parser()],
        usage="solution.py --data DATA --masks MASKS --out OUT [--jobs N] [--seconds BUDGET] [--resume]",
        description="Map the glaciers of every tile; masks are uint8 0/255 under the names of the Band1 files.",
        epilog="example: python solution.py --imagepath tiles --output masks --jobs 2",
    )
    parser.add_argument("--data", "--imagepath", metavar="DATA", help="folder with Band1 to Band5")
    parser.add_argument("--masks", metavar="MASKS", help="folder of masks (unused; not needed with --imagepath)")
    parser.add_argument("--out", "--output", metavar="OUT", help="folder to write the masks into")
    return parser.format_help()


def own_arguments(given: Sequence[str]) -> list[str]:
    """Take our own options into the environment; the rest is left."""
    known, rest = own_parser().parse_known_args(list(given))
    for name, value in vars(known).items():
        if value is not None:
            os.environ[SETTINGS[name]] = value
    return rest


def run_main() -> None:
    """The organisers' ``main``, whose listing of a folder that cannot be listed becomes an error of ours.

    A model file, for which masks would be returned and lost, is no folder for them.
    """
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--out", type=Path)
    out = parser.parse_known_args()[0].out
    if out is not None and (out.is_file() or out.suffix in MODEL_SUFFIXES):
        raise OutputError(f"{out}: is a file, but the masks need a folder; give one with --out.")
    try:
        main()
    except (FileNotFoundError, NotADirectoryError, PermissionError) as problem:
        raise LayoutError(
            f"{problem.filename}: {problem.strerror}; give the folder that holds Band1 to Band5."
        ) from None


def command_line() -> int:
    """Run ``main``, or print the help; what goes wrong is one sentence on stderr (errors.exit_code)."""
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(help_text(), end="")
        return 0
    sys.argv[1:] = template_arguments(own_arguments(sys.argv[1:]))
    return exit_code(run_main, RESUME)


if __name__ == "__main__":
    sys.exit(command_line())
