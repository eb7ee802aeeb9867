# Glacier mapping from five Landsat bands: LightGBM and a compact U-Net, fused.
# pip packages:
#   numpy
#   scipy
#   lightgbm
#   torch
#   tifffile
#   imagecodecs      (only to read compressed TIFFs)
#   tqdm
# Usage:
#   python solution.py --data DATA --masks MASKS --out OUT
#   python solution.py --imagepath DATA --output OUT
#   import solution; masks = solution.maskgeration({"Band1": folder, ...}, "model.pth")
"""The submission: from band folders to glacier masks."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from errors import GlacierError, LayoutError, TilesFailedError, exit_code
from fusion.hybrid import predict_tile
from fusion.model_file import load_model
from tiles.folder import find_tiles, read_tile, write_mask

HERE = Path(__file__).resolve().parent
MODEL_NAME = "model.pth"
MODEL_SUFFIXES = (".pth", ".pt")
OLD_ARGUMENTS = {"--imagepath": "--data", "--output": "--out"}


def maskgeration(imagepath: Mapping[str, str | Path], out_dir: str | Path) -> dict[str, np.ndarray] | None:
    """Map every tile of the band folders ``{"Band1": folder, ..., "Band5": folder}``.

    ``out_dir`` is either a folder, where masks are written as uint8 0/255 under the names of the Band1
    files, or the path of a model file: then nothing is written and the masks come back as
    ``{tile id: uint8 0/255 (H, W)}``.

    One bad tile does not lose the others. When writing, TilesFailedError names the bad ones at the end;
    when returning masks they are named on stderr and left out. Raises GlacierError for anything that
    concerns all tiles.
    """
    target = Path(out_dir)
    returning = target.is_file() or target.suffix in MODEL_SUFFIXES
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    files = find_tiles(imagepath)
    model = load_model(target if returning else HERE / MODEL_NAME, device)
    masks: dict[str, np.ndarray] = {}
    codings: dict[str, int] = {}
    failures: list[str] = []
    for tile_files in tqdm(files, desc="mapping", unit="tile", disable=None):
        try:
            tile = read_tile(tile_files)
            mask = predict_tile(model, tile, device).mask
        except GlacierError as failure:
            failures.append(str(failure))
            continue
        codings[tile.coding] = codings.get(tile.coding, 0) + 1
        for note in tile.notes:
            print(f"note: {note}", file=sys.stderr)
        if returning:
            masks[tile.tile_id] = np.where(mask, np.uint8(255), np.uint8(0))
        else:
            write_mask(target, tile, mask)
    state_codings(len(files) - len(failures), codings)
    if failures:
        problem = TilesFailedError(f"{len(failures)} of {len(files)} tile(s) could not be mapped: {' '.join(failures)}")
        if not masks:
            raise problem
        print(f"error: {problem}", file=sys.stderr)
    return masks if returning else None


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


def run_main() -> None:
    """The organisers' ``main``, whose listing of a folder that is not there becomes an error of ours."""
    try:
        main()
    except (FileNotFoundError, NotADirectoryError) as problem:
        raise LayoutError(
            f"{problem.filename}: {problem.strerror}; give the folder that holds Band1 to Band5."
        ) from None


def command_line() -> int:
    """Run ``main``: a user's mistake is one sentence on stderr and exit code 2."""
    sys.argv[1:] = template_arguments(sys.argv[1:])
    return exit_code(run_main)


if __name__ == "__main__":
    sys.exit(command_line())
