"""The house keeps its order: one-way imports, short modules, nothing newer than Python 3.9, no pickles."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# A room imports from itself and from the rooms before it.
ROOMS = [
    "errors", "tiles", "command", "scenes", "scores", "figures", "features", "simulation", "patches", "baseline",
    "cnn", "fusion", "mapping", "adapt", "lakes", "solution", "evaluation", "glacier",
    "tools", "benchmarks", "examples", "tests",
]  # fmt: skip
LONGEST_MODULE = 320

MODULES = sorted(
    path for room in ROOMS for path in [*(ROOT / room).rglob("*.py"), ROOT / f"{room}.py"] if path.is_file()
)

ORGANISERS_MAIN = """\
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
"""


def tree_of(path: Path) -> ast.Module:
    """The module as Python 3.9 reads it: newer syntax is a SyntaxError."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path), feature_version=(3, 9))


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported_modules(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add("." * node.level + (node.module or ""))
    return found


def calls(tree: ast.Module) -> list[tuple[str, ast.Call]]:
    """Every call with what is called, as it is written: ``torch.load``."""
    return [(ast.unparse(node.func), node) for node in ast.walk(tree) if isinstance(node, ast.Call)]


def in_every_module(check):
    return pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())(check)


@in_every_module
def test_imports_go_one_way(path):
    """A room imports absolutely, and only from itself and the rooms before it."""
    own = room_of(path)
    for module in imported_modules(tree_of(path)):
        assert not module.startswith("."), f"relative import of {module}"
        room = module.split(".")[0]
        assert room not in ROOMS or ROOMS.index(room) <= ROOMS.index(own), f"{own} may not import {module}"


@in_every_module
def test_module_is_short(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST_MODULE, f"{lines} lines: would two modules be clearer?"


@in_every_module
def test_runs_on_python_39(path):
    """No newer syntax (the parser says so), annotations are not evaluated, and no newer arguments."""
    tree = tree_of(path)
    newer = {"zip": {"strict"}, "dataclass": {"slots", "kw_only"}}
    for called, node in calls(tree):
        used = {keyword.arg for keyword in node.keywords} & newer.get(called, set())
        assert not used, f"line {node.lineno}: {called}({used.pop()}=...) needs Python 3.10"
    if imported_modules(tree):
        assert "__future__" in imported_modules(tree), "write `from __future__ import annotations` first"


@in_every_module
def test_nothing_is_unpickled(path):
    """A model file from elsewhere must not be able to run code."""
    tree = tree_of(path)
    assert not imported_modules(tree) & {"pickle", "dill", "cloudpickle"}
    for called, node in calls(tree):
        assert called not in {"joblib.load", "np.load"} or not any(k.arg == "allow_pickle" for k in node.keywords)
        assert called != "joblib.load"
        if called == "torch.load":
            given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            assert given.get("weights_only") == "True", f"line {node.lineno}: torch.load without weights_only=True"


def test_every_room_is_installed():
    """The list of packages in pyproject.toml is the list of rooms that hold code of the project itself."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for room in ROOMS[: ROOMS.index("tools")]:
        assert f'"{room}*"' in text or f'"{room}"' in text, f"{room} is missing from [tool.setuptools]"


def test_organisers_main_is_word_for_word():
    assert ORGANISERS_MAIN in (ROOT / "solution.py").read_text(encoding="utf-8")


def test_solution_lists_its_packages_first():
    """The organisers install what a line as in their example names: no versions, for torch is there already."""
    first = (ROOT / "solution.py").read_text(encoding="utf-8").splitlines()[0]
    assert re.fullmatch(r"# pip install [a-z]+( [a-z]+)*", first)
    named = set(first.split()[3:])
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    needed = text.split("\ndependencies = [")[1].split("\n]")[0]
    assert named == {*re.findall(r'^ *"([a-z]+)>=', needed, flags=re.M), "numba"}


def test_solution_imports_nothing_unnamed():
    imported = {
        name.name.split(".")[0]
        for node in ast.walk(tree_of(ROOT / "solution.py"))
        if isinstance(node, ast.Import)
        for name in node.names
    }
    assert imported <= {"argparse", "os", "sys", "time", "numpy", "torch"}
