"""What command lines share: arguments that mean the same everywhere, settings, and results as JSON."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from command import QUIET, SHARED, Steps, add_fields, add_shared, hidden, new_parser, progress, with_options, write_json
from errors import SettingError
from glacier import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
# Imports commands one after the other, as --help does, and tells what makes an import slow.
IMPORTING = """
import importlib, sys
for module in sys.argv[1:]:
    importlib.import_module(module)
    slow = {"torch", "matplotlib", "sklearn", "numba", "lightgbm", "transformers"} & sys.modules.keys()
    assert not slow, f"{module} imports {slow}"
"""
# The organisers' own, a program that is there to be read, and one whose package is installed by hand
MAY_BE_SLOW = {"solution", "examples.map_scene", "tools.fuzz_guided"}
OWN = {"solution.py"}  # the organisers' main(), which stays as it is


@dataclass(frozen=True)
class Settings:
    steps: int = 3
    learning_rate: float = 0.1
    name: str = "a"


def test_fields_become_options_and_come_back():
    parser = new_parser("Does it.", "python -m does --steps 4")
    add_fields(parser, Settings(), {"steps": "how many", "learning_rate": "how fast"})
    assert with_options(Settings(), parser.parse_args([])) == Settings()
    given = parser.parse_args(["--steps", "4", "--learning-rate", "1e-3"])
    assert with_options(Settings(name="b"), given) == Settings(4, 0.001, "b")


def test_help_has_every_argument_and_an_example():
    parser = new_parser("Does it.", "python -m does --out there", "python -m does")
    add_shared(parser, "data", required=True)
    add_shared(parser, "out", default=Path("out/does"))
    add_shared(parser, "seed", "device", "jobs")
    told = parser.format_help()
    assert all(f"--{name}" in told for name in SHARED)
    assert "example: python -m does --out there" in told
    assert "out/does" in told
    options = parser.parse_args(["--data", "tiles"])
    assert (options.data, options.out, options.seed, options.device, options.jobs) == (
        Path("tiles"), Path("out/does"), 0, "auto", 0,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["seed", "jobs"])
def test_a_shared_number_below_0_is_one_sentence(name: str, capsys):
    parser = new_parser("Does it.", "python -m does")
    add_shared(parser, "seed", "jobs")
    with pytest.raises(SettingError, match=f"--{name} -1: is below 0"):
        parser.parse_args([f"--{name}", "-1"])
    with pytest.raises(SystemExit):
        parser.parse_args([f"--{name}", "x"])
    assert f"argument --{name}: invalid int value: 'x'" in capsys.readouterr().err


def test_what_is_no_number_becomes_null(tmp_path: Path):
    write_json(tmp_path / "a.json", {"mcc": float("nan"), "folds": [1.5, float("inf")], "none": {"x": (float("nan"),)}})
    assert json.loads((tmp_path / "a.json").read_text()) == {"mcc": None, "folds": [1.5, None], "none": {"x": [None]}}


def test_what_is_no_json_leaves_nothing(tmp_path: Path):
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"path": object()})
    assert not list(tmp_path.iterdir())


def test_no_command_repeats_a_shared_argument_or_lacks_help():
    """``--seed``, ``--device`` and ``--jobs`` are added by command.py alone, and every option is explained."""
    for path in [*ROOT.glob("*.py"), *ROOT.glob("[a-z]*/**/*.py")]:
        place = path.relative_to(ROOT).as_posix()
        if place in OWN or place.startswith(("tests/", "out/", "dist/", "build/")):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("add_argument") and node.args:
                first = ast.literal_eval(node.args[0]) if isinstance(node.args[0], ast.Constant) else ""
                assert first not in ("--seed", "--device", "--jobs"), f"{place}: use command.add_shared"
                told = any(keyword.arg in ("help", None) for keyword in node.keywords)
                assert told, f"{place}: {first} has no help"


def test_every_command_tells_its_version(capsys):
    with pytest.raises(SystemExit) as ended:
        new_parser("Does it.", "python -m does").parse_args(["--version"])
    assert ended.value.code == 0
    stated = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert stated
    assert capsys.readouterr().out == f"glacier-hybrid {stated.group(1)}\n"


def test_quiet_hides_tables_and_progress_but_no_errors(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdout", sys.stdout)  # both are put back after the test
    monkeypatch.setenv(QUIET, "")
    assert hidden() is None
    new_parser("Does it.", "python -m does").parse_args(["--quiet"])
    assert os.environ[QUIET]
    print("a table")
    assert list(progress(range(3), every=0)) == [0, 1, 2]
    Steps("work", {"first": 1.0}).begin("first")
    print("error: told", file=sys.stderr)
    sys.stdout.close()
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "error: told\n")


def test_progress_is_a_line_each_without_a_terminal(monkeypatch, capsys):
    monkeypatch.delenv(QUIET, raising=False)
    assert list(progress(iter("ab"), 2, "search", "tile", every=0)) == ["a", "b"]
    first, last = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"search: +1 of 2 tiles, 00:00 gone, 00:0\d left", first)
    assert last.startswith("search: 2 of 2 tiles")
    assert list(progress([1, 2])) == [1, 2]
    assert not capsys.readouterr().err, "it took no ten seconds"


def test_steps_tell_the_time_left_by_the_steps_before(monkeypatch, capsys):
    monkeypatch.delenv(QUIET, raising=False)
    now = iter([0.0, 0.0, 30.0])
    monkeypatch.setattr("command.time.monotonic", lambda: next(now))
    steps = Steps("scene", {"rasters": 3.0, "report": 1.0})
    steps.begin("rasters")
    steps.begin("report")
    assert capsys.readouterr().err.splitlines() == [
        "scene: rasters (1 of 2)",
        "scene: report (2 of 2), about 10 s left",
    ]


def commands() -> list[str]:
    """Every module that can be run."""
    paths = [*ROOT.glob("*.py"), *ROOT.glob("[a-z]*/*.py")]
    found = [path for path in paths if "\ndef main(" in path.read_text(encoding="utf-8")]
    return sorted(".".join(path.relative_to(ROOT).with_suffix("").parts) for path in found)


def test_help_need_not_wait_for_torch():
    found = set(commands())
    assert {module for module, _ in COMMANDS.values()} | MAY_BE_SLOW <= found
    words = [sys.executable, "-c", IMPORTING, *sorted(found - MAY_BE_SLOW)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert not done.returncode, done.stderr
