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


def one_way(path: Path, tree: ast.Module) -> Iterator[str]:
    """A room imports absolutely, and only from itself and the rooms before it."""
    own = room_of(path)
    for module in imported_modules(tree):
        if module.startswith("."):
            yield f"relative import of {module}"
        room = module.split(".")[0]
        if room in ROOMS and ROOMS.index(room) > ROOMS.index(own):
            yield f"{own} may not import {module}"


def nothing_newer(tree: ast.Module) -> Iterator[str]:
    """Annotations are not evaluated, and no argument is newer than Python 3.9; of its syntax the parser says so."""
    newer = {"zip": {"strict"}, "dataclass": {"slots", "kw_only"}}
    for called, node in calls(tree):
        for used in {keyword.arg for keyword in node.keywords} & newer.get(called, set()):
            yield f"line {node.lineno}: {called}({used}=...) needs Python 3.10"
    if imported_modules(tree) and "__future__" not in imported_modules(tree):
        yield "write `from __future__ import annotations` first"


def nothing_unpickled(tree: ast.Module) -> Iterator[str]:
    """A model file from elsewhere must not be able to run code."""
    for module in imported_modules(tree) & {"pickle", "dill", "cloudpickle"}:
        yield f"imports {module}"
    for called, node in calls(tree):
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        if called == "joblib.load" or (called == "np.load" and "allow_pickle" in given):
            yield f"line {node.lineno}: {called} may unpickle"
        if called == "torch.load" and given.get("weights_only") != "True":
            yield f"line {node.lineno}: torch.load without weights_only=True"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_keeps_the_order(path):
    lines, tree = len(path.read_text(encoding="utf-8").splitlines()), tree_of(path)
    long = [f"{lines} lines: would two modules be clearer?"] if lines > LONGEST_MODULE else []
    assert not [*long, *one_way(path, tree), *nothing_newer(tree), *nothing_unpickled(tree)]


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
    tree = ast.parse(text)
    (found,) = [*one_way(ROOT / "tiles" / "new.py", tree), *nothing_newer(tree), *nothing_unpickled(tree)]
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
