"""What a command imports, through all of the project's modules, is what its extra installs."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# The extras that a room's commands need besides the dependencies, and the commands that need others
EXTRAS = {
    "baseline": {"training"},
    "cnn": {"training"},
    "mapping": {"mapping"},
    "adapt": {"mapping"},
    "lakes": {"training", "mapping", "lakes"},
    "evaluation": {"training"},
}
NETWORKS = ("cnn.train", "cnn.evaluate", "cnn.predict", "cnn.bands", "evaluation.compare_networks")
OTHERS = {
    **dict.fromkeys(NETWORKS, {"training", "mapping"}),
    "adapt.serve": {"mapping", "adapt"},
    "evaluation.adaptation": {"training", "mapping"},
    "evaluation.relevance": {"training", "mapping"},
    "evaluation.compare": {"mapping"},
    "evaluation.mosaic": {"training", "mapping"},
    "benchmarks.adapt_serve": {"mapping"},
    "benchmarks.scene": {"mapping"},
    "benchmarks.lakes_speed": {"mapping", "lakes"},
    "simulation.greenland": {"mapping"},
    "examples.map_scene": {"mapping"},
    "examples.compare_with_inventory": {"mapping"},
}
DISTRIBUTIONS = {"sklearn": "scikit-learn", "PIL": "pillow"}  # that are not named as what is imported
BY_HAND = {"tools.fuzz_guided": {"atheris"}}  # has wheels for few systems; the command says how to install it
STATED = re.compile(r'"([a-z0-9-]+)[><=]')


def stated(extra: str) -> set[str]:
    """The distributions in a list of pyproject.toml, which Python 3.9 and 3.10 cannot parse."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.search(rf"^{extra} = \[(.*?)\]( *#.*)?$", text, re.MULTILINE | re.DOTALL)
    assert listed, f"pyproject.toml has no {extra}"
    return set(STATED.findall(listed.group(1)))


def file_of(module: str) -> Path | None:
    """The file of one of the project's own modules."""
    place = ROOT.joinpath(*module.split("."))
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)


def needed(node: ast.AST) -> Iterator[str]:
    """The modules whose absence stops what a node does; a ``try`` that handles ImportError can do without."""
    if isinstance(node, ast.Try) and any("ImportError" in ast.unparse(one.type or node) for one in node.handlers):
        return
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield str(node.module)
        yield from (f"{node.module}.{alias.name}" for alias in node.names if file_of(f"{node.module}.{alias.name}"))
    for child in ast.iter_child_nodes(node):
        yield from needed(child)


@cache
def imports_of(path: Path) -> tuple[str, ...]:
    return tuple(needed(ast.parse(path.read_text(encoding="utf-8"))))


def followed(command: str) -> dict[str, str]:
    """Every package from elsewhere that a command needs, with the module that imports it."""
    found: dict[str, str] = {}
    seen, left = set(), [command]
    while left:
        module = left.pop()
        path = file_of(module)
        if module in seen or path is None:
            continue
        seen.add(module)
        left += [module.rpartition(".")[0]] if "." in module else []
        for name in imports_of(path):
            if file_of(name):
                left.append(name)
            elif (package := name.split(".")[0]) not in sys.stdlib_module_names and file_of(package) is None:
                found.setdefault(package, module)
    return found


COMMANDS = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in [*ROOT.glob("*.py"), *ROOT.glob("[a-z]*/**/*.py")]
    if path.relative_to(ROOT).parts[0] not in ("tests", "out", "dist", "build")
    and 'if __name__ == "__main__":' in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_needs_what_its_extra_installs(command: str):
    """``python -m mapping`` runs where glacier-hybrid[mapping] is all that is installed; and so on."""
    extras = OTHERS.get(command, EXTRAS.get(command.split(".")[0], set()))
    allowed = stated("dependencies").union(*map(stated, extras)) | BY_HAND.get(command, set())
    for package, module in followed(command).items():
        name = DISTRIBUTIONS.get(package, package.replace("_", "-"))
        assert name in allowed, f"{module} imports {package}, which {sorted(extras) or 'a plain install'} lacks"


def test_extras_are_read_as_they_are_written():
    assert {"numpy", "torch", "tqdm"} <= stated("dependencies")
    assert stated("fast") == {"numba"}
    assert {"rasterio", "geopandas"} <= stated("mapping")


def test_imports_are_followed_through_modules_and_functions():
    found = followed("mapping.__main__")
    assert found["distributed"] == "mapping.cluster"
    assert "numba" not in found  # the trees do without it
    assert "sklearn" not in found
    assert "solution" in COMMANDS
    assert "mapping.__main__" in COMMANDS
