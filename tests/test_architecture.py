"""The house keeps its order: one-way imports, short modules, nothing newer than Python 3.9, no pickles."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
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

Calls = list[tuple[str, ast.Call]]  # every call with what is called, as it is written

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


def calls(tree: ast.Module) -> Calls:
    """Every call, ``torch.load`` for example."""
    return [(ast.unparse(node.func), node) for node in ast.walk(tree) if isinstance(node, ast.Call)]


def complaints(own: str, tree: ast.Module) -> list[str]:
    """What is out of order in a module of the room ``own``."""
    modules, made = imported_modules(tree), calls(tree)
    return [*one_way(own, modules), *nothing_newer(modules, made), *nothing_unpickled(modules, made)]


def one_way(own: str, modules: set[str]) -> Iterator[str]:
    """A room imports absolutely, and only from itself and the rooms before it."""
    for module in modules:
        if module.startswith("."):
            yield f"relative import of {module}"
        room = module.split(".")[0]
        if room in ROOMS and ROOMS.index(room) > ROOMS.index(own):
            yield f"{own} may not import {module}"


def nothing_newer(modules: set[str], made: Calls) -> Iterator[str]:
    """Annotations are not evaluated, and no argument is newer than Python 3.9; of its syntax the parser says so."""
    newer = {"zip": {"strict"}, "dataclass": {"slots", "kw_only"}}
    for called, node in made:
        for used in {keyword.arg for keyword in node.keywords} & newer.get(called, set()):
            yield f"line {node.lineno}: {called}({used}=...) needs Python 3.10"
    if modules and "__future__" not in modules:
        yield "write `from __future__ import annotations` first"


def nothing_unpickled(modules: set[str], made: Calls) -> Iterator[str]:
    """A model file from elsewhere must not be able to run code."""
    for module in modules & {"pickle", "dill", "cloudpickle"}:
        yield f"imports {module}"
    for called, node in made:
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        if called == "joblib.load" or (called == "np.load" and "allow_pickle" in given):
            yield f"line {node.lineno}: {called} may unpickle"
        if called == "torch.load" and ast.unparse(given.get("weights_only", ast.Constant(False))) != "True":
            yield f"line {node.lineno}: torch.load without weights_only=True"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_keeps_the_order(path):
    lines, tree = len(path.read_text(encoding="utf-8").splitlines()), tree_of(path)
    long = [f"{lines} lines: would two modules be clearer?"] if lines > LONGEST_MODULE else []
    assert not [*long, *complaints(room_of(path), tree)]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("from __future__ import annotations\nfrom . import errors", "relative import"),
        ("from __future__ import annotations\nimport evaluation.demo", "may not import"),
        ("from __future__ import annotations\nzip(a, b, strict=True)", "needs Python 3.10"),
        ("import os", "annotations"),
        ("from __future__ import annotations\nimport pickle", "imports pickle"),
        ("joblib.load(file)", "may unpickle"),
        ("np.load(file, allow_pickle=False)", "may unpickle"),
        ("torch.load(file)", "weights_only"),
        ("torch.load(file, weights_only=False)", "weights_only"),
    ],
)
def test_what_is_out_of_order_is_named(text, complaint):
    (found,) = complaints("tiles", ast.parse(text))
    assert complaint in found


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
