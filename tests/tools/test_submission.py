"""The two files of the submission give the masks that the project's own modules give, byte for byte."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tiles.raster import read_raster
from tools.assemble import write_submission
from tools.evaluator import lay_out

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def tiles(tmp_path_factory):
    """One tile of the synthetic sample, in the challenge's layout."""
    sample, tiles = tmp_path_factory.mktemp("sample"), tmp_path_factory.mktemp("tiles")
    subprocess.run([sys.executable, "-m", "tiles.synthetic", "--out", str(sample)], cwd=ROOT, check=True)
    lay_out(sample, tiles, "train", 1)
    return tiles


def masks_of(solution: Path, tiles: Path, out: Path) -> dict[str, bytes]:
    """Run a solution.py as the evaluator does, from another folder."""
    out.parent.mkdir(parents=True)
    command = [sys.executable, str(solution), "--imagepath", str(tiles), "--output", str(out)]
    subprocess.run(command, cwd=out.parent, check=True, capture_output=True)
    return {path.name: path.read_bytes() for path in sorted(out.iterdir())}


def test_one_file_gives_the_projects_masks(tiles, tmp_path):
    alone = write_submission(ROOT, ROOT / "model.pth", tmp_path / "submission")
    ours = masks_of(ROOT / "solution.py", tiles, tmp_path / "ours" / "masks")
    theirs = masks_of(alone, tiles, tmp_path / "theirs" / "masks")
    assert list(ours) == sorted(path.name for path in (tiles / "Band1").iterdir())
    assert theirs == ours
    mask, _ = read_raster(tmp_path / "ours" / "masks" / next(iter(ours)))
    assert set(np.unique(mask)) == {0, 255}, "a sample with glacier and without"


def test_one_file_has_no_undefined_names(tmp_path):
    alone = write_submission(ROOT, ROOT / "model.pth", tmp_path)
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F,E9", str(alone)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
