"""Two runs never share a folder, what other settings left is never mixed in, and failures are told at the end."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch

from errors import GlacierError, OutputError, PartlyDoneError, TilesFailedError, exit_code
from fusion.layout import Layout
from fusion.model_file import save_model
from mapping import __main__ as command
from mapping.failures import raise_failures
from mapping.finish import finish
from mapping.lock import LOCK_NAME, only_run
from mapping.run import Job, job_for, on_threads, prepare, work_on
from mapping.steps import Postprocess
from scenes.products import open_scene
from tests import products
from tests.examples import example_model

CPU = torch.device("cpu")
DEAD = 2**22 + 1  # beyond the largest number that Linux gives a process


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a GeoTIFF and two small models."""
    folder = tmp_path_factory.mktemp("guards")
    products.five_bands(folder / "scene.tif", products.blocky_tile()[0])
    save_model(example_model(), folder / "model.pth")
    save_model(replace(example_model(), provenance={"made": "otherwise"}), folder / "other.pth")
    return folder


def run(monkeypatch: pytest.MonkeyPatch, place: Path, *words: object) -> int:
    given = ["mapping", *words, "--bands", products.FIVE_BANDS, "--model", place / "model.pth", "--window", 128]
    monkeypatch.setattr("sys.argv", [str(word) for word in given])
    return command.main()


def job(place: Path, out: Path, **words: object) -> Job:
    given = {"scene": place / "scene.tif", "bands": products.FIVE_BANDS, "model": "model.pth", "window": 128, **words}
    scene = open_scene(Path(str(given["scene"])), str(given["bands"]))
    layout = Layout(scene.grid.height, scene.grid.width, int(str(given["window"])), group=1)
    return job_for(scene, layout, place / str(given["model"]), CPU, out)


@pytest.mark.parametrize("owner", [f"{socket.gethostname()} {os.getppid()}", "elsewhere 7"])
def test_a_folder_in_work_is_refused(place: Path, owner: str, tmp_path: Path, monkeypatch, capsys):
    (tmp_path / LOCK_NAME).write_text(owner)
    assert run(monkeypatch, place, place / "scene.tif", "--out", tmp_path) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert "another run" in line
    assert [path.name for path in tmp_path.iterdir()] == [LOCK_NAME], "it is the other run's"


@pytest.mark.parametrize("owner", ["", f"{socket.gethostname()} {DEAD}"])
def test_the_lock_of_a_dead_process_is_taken_over(owner: str, tmp_path: Path):
    (tmp_path / LOCK_NAME).write_text(owner)
    with only_run(tmp_path):
        assert (tmp_path / LOCK_NAME).read_text().endswith(f" {os.getpid()}")
    assert not tmp_path.exists(), "nothing was written"


def test_of_runs_that_find_a_dead_lock_at_one_moment_one_takes_it_over(tmp_path: Path):
    """All of them wait for the same word before they look at it."""
    (tmp_path / LOCK_NAME).write_text(f"{socket.gethostname()} {DEAD}")
    tell = (
        "import sys; from pathlib import Path; from mapping.lock import only_run; print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "with only_run(Path(sys.argv[1])): print('taken', flush=True); sys.stdin.readline()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    runs = [subprocess.Popen([sys.executable, "-c", tell, str(tmp_path)], text=True, **pipes) for _ in range(6)]
    assert [run.stdout.readline() for run in runs] == ["ready\n"] * 6
    for run in runs:
        run.stdin.write("\n")
        run.stdin.flush()
    assert sorted(run.stdout.readline() for run in runs) == [""] * 5 + ["taken\n"]
    for run in runs:
        run.communicate("\n")
    assert not tmp_path.exists(), "it is removed by the one that held it"


def test_a_lock_goes_after_an_error(tmp_path: Path):
    with pytest.raises(ZeroDivisionError), only_run(tmp_path / "out"):
        1 / 0  # noqa: B018
    with only_run(tmp_path / "out"):
        assert (tmp_path / "out").is_dir()
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError), only_run(tmp_path / "file"):
        pass


def changed(place: Path, folder: Path) -> Path:
    """Another scene under the same name: brighter by a tenth."""
    path = folder / "scene.tif"
    shutil.copy(place / "scene.tif", path)
    with rasterio.open(path, "r+") as file:
        file.write(file.read(1) * np.float32(1.1), 1)
    return path


@pytest.mark.parametrize(
    "words",
    [
        {"bands": "blue=2,green=1,red=3,swir1=4,thermal=5"},
        {"bands": "blue=1,green=2,red=3,swir1=4"},
        {"model": "other.pth"},
        {"window": 64},
        {"scene": "changed"},
    ],
    ids=str,
)
def test_what_other_settings_left_is_never_mixed_in(place: Path, words, tmp_path: Path, monkeypatch, capsys):
    if "scene" in words:  # the same relative path from another folder
        monkeypatch.chdir(place)
        first = job(place, tmp_path / "out", scene="scene.tif")
        monkeypatch.chdir(changed(place, tmp_path).parent)
        second = job(place, tmp_path / "out", scene="scene.tif")
    else:
        first, second = job(place, tmp_path / "out"), job(place, tmp_path / "out", **words)
    parts = prepare(first, resume=True)
    first.folder.joinpath(f"{parts[0].name}.gbm.npy").write_bytes(b"")
    assert len(prepare(first, resume=True)) == len(parts) - 1, "the same settings go on"
    assert not capsys.readouterr().err
    assert prepare(second, resume=True) == second.layout.parts()
    assert "made anew" in capsys.readouterr().err
    assert [path.name for path in second.folder.iterdir()] == ["key.json"]


def test_a_failing_scene_does_not_stop_the_others(place: Path, tmp_path: Path, monkeypatch, capsys):
    (tmp_path / "bad.tif").write_text("no raster")
    words = [tmp_path / "bad.tif", place / "scene.tif", tmp_path / "none.tif", "--out", tmp_path / "out"]
    assert run(monkeypatch, place, *words) == 3
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert "2 of 3 scenes" in line
    assert "bad.tif" in line
    assert "none.tif" in line
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["scene"]
    assert (tmp_path / "out" / "scene" / "report.html").is_file()


def test_a_scene_that_fails_late_is_noted(place: Path, tmp_path: Path):
    jobs = [job(place, tmp_path / "a"), job(place, tmp_path / "b")]

    def fails(one: Job, *words: object) -> dict[str, object]:
        if one.out.endswith("a"):
            raise OutputError("a: is full; free space.")
        return finish(one, *words, steps=Postprocess())

    failures: dict[str, GlacierError] = {}
    done = [one.out for one, _ in on_threads(jobs, fails, 1, failures=failures)]
    assert done == [str(tmp_path / "b")]
    assert [str(problem) for problem in failures.values()] == ["a: is full; free space."]
    with pytest.raises(OutputError):
        list(on_threads(jobs, fails, 1))


def test_all_failures_are_one_error(capsys):
    one, two = OutputError("one: is bad; mend it."), OutputError("two: is bad; mend it.")
    raise_failures({}, 3)
    for failures, total, kind, code in (
        ({"one": one}, 1, OutputError, 2),
        ({"one": one, "two": two}, 2, TilesFailedError, 2),
        ({"one": one, "two": two}, 3, PartlyDoneError, 3),
    ):
        with pytest.raises(kind):
            raise_failures(failures, total)
        assert exit_code(partial(raise_failures, failures, total)) == code
        assert "one: is bad" in capsys.readouterr().err


def test_a_killed_part_is_done_again(place: Path, tmp_path: Path):
    """The second file of a part says that both are there: without it the part is left to do."""
    one = job(place, tmp_path / "out")
    part = prepare(one, resume=False)[0]
    work_on(one, part)
    assert part not in prepare(one, resume=True)
    one.folder.joinpath(f"{part.name}.gbm.npy").unlink()
    assert part in prepare(one, resume=True)
