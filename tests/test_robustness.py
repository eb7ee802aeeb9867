"""Whole runs under bad conditions: killed, interrupted, out of space, two at once; what masks must not depend on."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

import solution
from fusion.model_file import save_model
from fusion.windowed import predict
from tests.examples import example_model, example_tile, write_folder
from tiles.folder import band_folders
from tiles.raster import PARTIAL, remove_leftovers

ROOT = Path(__file__).resolve().parents[1]
IDS = tuple(f"01_{number:02d}" for number in range(1, 9))
RUN = """
import sys, solution
solution.HERE = solution.Path(sys.argv[1])
sys.argv[1:] = sys.argv[2:]
sys.exit(solution.command_line())
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small model and eight tiles."""
    folder = tmp_path_factory.mktemp("place")
    save_model(example_model(), folder / "model.pth")
    write_folder(folder / "data", IDS)
    return folder


@pytest.fixture(scope="module")
def expected(place: Path) -> dict[str, bytes]:
    """The masks of an undisturbed run, byte by byte."""
    assert start(place, place / "whole").wait() == 0
    return masks_in(place / "whole")


def start(place: Path, out: Path, *words: str, **options: object) -> subprocess.Popen[str]:
    """solution.py in a process of its own."""
    command = [sys.executable, "-c", RUN, str(place), "--data", str(place / "data"), "--masks", "", "--out", str(out)]
    return subprocess.Popen([*command, *words], cwd=ROOT, stderr=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload]


def masks_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("[!.]*"))} if folder.exists() else {}


def test_a_killed_run_leaves_whole_masks_and_resume_completes_them(place: Path, expected, tmp_path: Path):
    out, wanted = tmp_path / "out", 3
    run = start(place, out, "--jobs", "1")
    while run.poll() is None and len(masks_in(out)) < wanted:
        time.sleep(0.001)
    run.kill()
    run.wait()
    left = masks_in(out)
    assert len(left) >= wanted
    assert all(expected[name] == content for name, content in left.items())
    before = {name: (out / name).stat().st_mtime_ns for name in left}
    assert start(place, out, "--resume").wait() == 0
    assert masks_in(out) == expected
    assert all((out / name).stat().st_mtime_ns == when for name, when in before.items())


def test_an_interrupt_is_one_sentence(place: Path, expected, tmp_path: Path):
    run = start(place, tmp_path / "out", "--jobs", "1")
    while run.poll() is None and not masks_in(tmp_path / "out"):
        time.sleep(0.001)
    run.send_signal(signal.SIGINT)
    _, error = run.communicate()
    if run.returncode != 0:  # else it had ended
        assert run.returncode == 130
        assert "Traceback" not in error
        assert "error: interrupted" in error
        assert "--resume" in error
    assert all(expected[name] == content for name, content in masks_in(tmp_path / "out").items())


def test_a_full_disk_is_one_sentence_and_leaves_nothing_half(place: Path, tmp_path: Path):
    """A limit on file sizes stands for a disk that fills while a mask is written."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    run = start(place, tmp_path / "out", preexec_fn=limit)
    _, error = run.communicate()
    assert run.returncode == 2
    assert "cannot be written" in error
    assert len(error.strip().splitlines()) == 1
    assert list((tmp_path / "out").iterdir()) == []


def test_two_runs_into_one_folder_lose_nothing(place: Path, expected, tmp_path: Path):
    runs = [start(place, tmp_path / "out") for _ in range(2)]
    assert [run.wait() for run in runs] == [0, 0]
    assert masks_in(tmp_path / "out") == expected


def test_a_home_that_cannot_be_written_to_is_fine(place: Path, expected, tmp_path: Path):
    environment = {**os.environ, "HOME": "/nonexistent", "XDG_CACHE_HOME": "/nonexistent"}
    assert start(place, tmp_path / "out", env=environment).wait() == 0
    assert masks_in(tmp_path / "out") == expected


@pytest.mark.parametrize("jobs", ["1", "2", "5"])
def test_masks_do_not_depend_on_threads_or_neighbours(place: Path, jobs: str, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(solution, "HERE", place)
    monkeypatch.setenv("GLACIER_JOBS", jobs)
    every = solution.maskgeration(band_folders(place / "data"), place / "model.pth")
    shutil.copytree(place / "data", tmp_path / "one")
    for path in (tmp_path / "one").glob("*/*.tif"):
        if not path.stem.endswith("01_07"):
            path.unlink()
    alone = solution.maskgeration(band_folders(tmp_path / "one"), place / "model.pth")
    assert every is not None
    assert alone is not None
    assert list(every) == list(IDS)
    np.testing.assert_array_equal(alone["01_07"], every["01_07"])


@pytest.mark.parametrize("name", ["GLACIER_JOBS", "GLACIER_SECONDS", "GLACIER_RESUME"])
@pytest.mark.parametrize("value", ["many", "-3", "nan", "inf"])
def test_a_setting_that_is_no_number_is_named(place: Path, name: str, value: str, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setattr(solution, "HERE", place)
    monkeypatch.setenv(name, value)
    words = ["solution.py", "--data", str(place / "data"), "--masks", "", "--out", str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", words)
    assert solution.command_line() == 2
    assert name in capsys.readouterr().err


def test_a_budget_of_nothing_still_maps_everything(place: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(solution, "HERE", place)
    monkeypatch.setenv("GLACIER_SECONDS", "0")
    solution.maskgeration(band_folders(place / "data"), tmp_path / "out")
    assert len(masks_in(tmp_path / "out")) == len(IDS)


@pytest.mark.parametrize("shape", [(1600, 40), (40, 1700)])
def test_large_tiles_are_mapped_by_windows(shape: tuple[int, int]):
    """NDSI decides in the example, so the mask is known."""
    tile, truth = example_tile(shape)
    found = predict(example_model(), tile, torch.device("cpu"), jobs=2)
    np.testing.assert_array_equal(found.mask, truth)
    assert not found.probability[~tile.valid].any()


def test_masks_carry_the_georeference_of_their_tile(place: Path, expected):
    assert all(tifffile.imread(place / "whole" / name).dtype == np.uint8 for name in expected)


def test_leftovers_of_killed_runs_are_removed_once_they_are_old(tmp_path: Path):
    old, new, mask = tmp_path / f".a.tif.x{PARTIAL}", tmp_path / f".b.tif.y{PARTIAL}", tmp_path / "a.tif"
    for path in (old, new, mask):
        path.write_bytes(b"half")
    for path in (old, mask):
        os.utime(path, (0, 0))
    remove_leftovers(tmp_path)
    remove_leftovers(tmp_path / "no such folder")
    assert sorted(tmp_path.iterdir()) == [new, mask]
