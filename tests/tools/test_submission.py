"""The two files of the submission give the masks that the project's own modules give, byte for byte."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from fusion.model_file import save_model
from simulation.synthetic import write_sample
from tests.examples import example_model, write_folder
from tiles.raster import read_raster
from tools.assemble import write_submission
from tools.evaluator import lay_out

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def tiles(tmp_path_factory):
    """One tile of the synthetic sample, in the challenge's layout."""
    sample, tiles = tmp_path_factory.mktemp("sample"), tmp_path_factory.mktemp("tiles")
    write_sample(sample, seed=0, tiles=1, shape=(256, 256))
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


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Path:
    """The assembled solution.py, beside the small model of the tests."""
    out = tmp_path_factory.mktemp("submission")
    save_model(example_model(), out / "small.pth")
    return write_submission(ROOT, out / "small.pth", out)


def run_without(packages: set[str], site: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """Run Python with what is installed here, but for some packages."""
    for entry in Path(np.__file__).parent.parent.iterdir():
        if re.split(r"[-.]", entry.name)[0] not in packages:
            (site / entry.name).symlink_to(entry)
    command = [sys.executable, "-S", *map(str, words)]  # -S: not the environment's own site-packages
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": str(site)}, capture_output=True, text=True)


OPTIONAL = {"tqdm", "imagecodecs", "_imagecodecs", "matplotlib", "pandas", "sklearn", "joblib", "skimage", "rasterio"}


@pytest.mark.parametrize("trees", [{"lightgbm"}, {"numba", "llvmlite"}], ids=["without lightgbm", "without numba"])
def test_it_runs_with_what_is_truly_needed(trees, alone, tmp_path, tmp_path_factory):
    words = alone, "--imagepath", write_folder(tmp_path / "tiles"), "--output", tmp_path / "masks"
    done = run_without(OPTIONAL | trees, tmp_path_factory.mktemp("site"), *words)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "no progress bar, no warning"
    assert len(list((tmp_path / "masks").iterdir())) == 2


@pytest.mark.parametrize(
    "missing, named",
    [
        ({"numpy"}, "'numpy'"),
        ({"scipy"}, "'scipy'"),
        ({"tifffile"}, "'tifffile'"),
        ({"torch"}, "'torch'"),
        ({"numba", "lightgbm"}, "'numba' or 'lightgbm'"),
    ],
)
@pytest.mark.parametrize("home", ["alone", "project"])
def test_what_is_missing_is_one_sentence(missing, named, home, alone, tmp_path):
    script = alone if home == "alone" else ROOT / "solution.py"
    done = run_without(missing, tmp_path, script, "--imagepath", "tiles", "--output", "masks")
    line = script.read_text(encoding="utf-8").splitlines()[0][2:]
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: No module named {named}; run `{line}`.\n"


def test_what_is_missing_is_said_to_who_imports_it(alone, tmp_path):
    done = run_without(
        {"torch"}, tmp_path, "-c", f"import sys; sys.path.insert(0, {str(alone.parent)!r}); import solution"
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: No module named 'torch'; run `pip install numpy")


def test_a_compressed_tile_without_imagecodecs_is_one_sentence(alone, tmp_path, tmp_path_factory):
    folder = write_folder(tmp_path / "tiles", ("01_01",))
    band = next((folder / "Band2").iterdir())
    tifffile.imwrite(band, read_raster(band)[0], compression="lzw")
    words = alone, "--imagepath", folder, "--output", tmp_path / "masks"
    done = run_without(OPTIONAL, tmp_path_factory.mktemp("site"), *words)
    assert done.returncode == 2
    (said,) = [line for line in done.stderr.splitlines() if line]
    assert said.endswith("is compressed, which needs the package imagecodecs; run `pip install imagecodecs`.")
    assert band.name in said


def test_one_file_has_no_undefined_names(tmp_path):
    alone = write_submission(ROOT, ROOT / "model.pth", tmp_path)
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F,E9", str(alone)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
