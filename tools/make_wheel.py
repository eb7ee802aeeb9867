"""Make the installable package: one wheel with one import name, ``glacier_hybrid``, the rooms inside it and model.pth.

The modules keep their text but for four things: what they import from the project comes from ``glacier_hybrid``
(``from glacier_hybrid.tiles.raster import ...``), a string that is wholly the name of a module names it there,
``python -m mapping`` in help and advice is ``glacier map``, as the installed command is called, and what is to be
installed besides is an extra of the package instead of the repository's. The metadata are those
of pyproject.toml, and what the command ``glacier map`` needs are requirements of the package.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from command import add_shared, new_parser
from errors import GlacierError, PackageError, exit_code
from glacier import COMMANDS
from tiles.raster import atomic_output, one_line

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "glacier_hybrid"
NEEDED = ("fast", "mapping")  # extras without which the package does not do what it is installed for
OWN_FILES = ("LICENSE", "NOTICE", "README.md")
EXTRAS = "pip install -e '.[", "pip install 'glacier-hybrid["  # how advice begins here, and in the package
PRIVATE = "Private ::"  # keeps the repository, not its wheel, from being uploaded
BUILD = "import sys; from setuptools.build_meta import build_wheel; print(build_wheel(sys.argv[1]))"


class WheelError(GlacierError):
    """A module cannot be put into the package as it is, or the wheel cannot be built."""


def project_modules(root: Path, project: dict[str, Any]) -> dict[str, Path]:
    """Every module that pyproject.toml installs: its dotted name and its file; packages have that of ``__init__``."""
    tool = project["tool"]["setuptools"]
    files = [root / f"{name}.py" for name in tool["py-modules"]]
    for pattern in tool["packages"]["find"]["include"]:
        for folder in sorted(root.glob(pattern)):
            files += sorted(folder.rglob("*.py")) if (folder / "__init__.py").is_file() else []
    parts = {path: path.relative_to(root).with_suffix("").parts for path in files}
    return {".".join(one[:-1] if one[-1] == "__init__" else one): path for path, one in parts.items()}


def rewritten(text: str, modules: dict[str, Path], place: str) -> str:
    """The text of a module as it stands in the package; raises WheelError for an import that cannot be moved."""
    lines = [line.encode() for line in text.splitlines(keepends=True)]
    for line, column, length, new in sorted(changes(ast.parse(text), modules, place), reverse=True):
        lines[line] = lines[line][:column] + new.encode() + lines[line][column + length :]
    moved = b"".join(lines).decode().replace(*EXTRAS)
    return re.sub(r"python -m (\w+(?:\.\w+)*)", lambda found: shown(found, modules), moved)


def changes(tree: ast.Module, modules: dict[str, Path], place: str) -> Iterator[tuple[int, int, int, str]]:
    """What to change in a module: line and column (bytes) from 0, length (bytes) of what is replaced, new text."""
    rooms = {name.split(".")[0] for name in modules}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] in rooms and not node.level:
            yield node.lineno - 1, node.col_offset, len("from "), f"from {PACKAGE}."
        elif isinstance(node, ast.Import) and any(one.name.split(".")[0] in rooms for one in node.names):
            raise WheelError(f"{place}:{node.lineno}: cannot be moved; write `from room.module import name`.")
        elif isinstance(node, ast.Constant) and "." in str(node.value) and node.value in modules:
            yield node.lineno - 1, node.col_offset + 1, 0, f"{PACKAGE}."


def shown(found: re.Match[str], modules: dict[str, Path]) -> str:
    """How the installed package is called where the text says ``python -m MODULE``."""
    names = {module.replace(".__main__", ""): name for name, (module, _) in COMMANDS.items()}
    if found.group(1) in names:
        return f"glacier {names[found.group(1)]}"
    return f"python -m {PACKAGE}.{found.group(1)}" if found.group(1) in modules else found.group(0)


def lay_out(root: Path, project: dict[str, Any], model: Path, into: Path) -> None:
    """Write the package and its pyproject.toml into a folder, ready to be built."""
    modules = project_modules(root, project)
    for path in modules.values():
        place = path.relative_to(root)
        target = into / PACKAGE / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(rewritten(path.read_text(encoding="utf-8"), modules, place.as_posix()), encoding="utf-8")
    (into / PACKAGE / "__init__.py").write_text(f'"""{project["project"]["description"]}."""\n', encoding="utf-8")
    data = project["tool"]["setuptools"]["package-data"]
    for room, patterns in data.items():
        for path in (path for pattern in patterns for path in (root / room).glob(pattern) if path.is_file()):
            (into / PACKAGE / path.relative_to(root)).parent.mkdir(exist_ok=True)
            shutil.copyfile(path, into / PACKAGE / path.relative_to(root))
    if not model.is_file():
        raise WheelError(f"{model}: no such model file; give the model.pth that is to come with the package.")
    shutil.copyfile(model, into / PACKAGE / "model.pth")
    for name in OWN_FILES:
        shutil.copyfile(root / name, into / name)
    packages = sorted({".".join(path.parent.relative_to(into).parts) for path in (into / PACKAGE).rglob("*.py")})
    shipped = {PACKAGE: ["model.pth"], **{f"{PACKAGE}.{room}": patterns for room, patterns in data.items()}}
    (into / "pyproject.toml").write_text(metadata(project, packages, shipped), encoding="utf-8")


def metadata(project: dict[str, Any], packages: list[str], data: dict[str, list[str]]) -> str:
    """The package's pyproject.toml; JSON's texts and lists are TOML's as well."""
    stated = project["project"]
    extras = stated["optional-dependencies"]
    needed = sorted({*stated["dependencies"], *(one for extra in NEEDED for one in extras[extra])})
    plain = {name: stated[name] for name in ("name", "version", "description", "readme", "requires-python", "keywords")}
    plain["classifiers"] = [one for one in stated["classifiers"] if not one.startswith(PRIVATE)]
    tables = {
        "build-system": project["build-system"],
        "project": {**plain, "dependencies": needed},
        "project.license": stated["license"],
        "project.optional-dependencies": {
            name: extras[name] for name in extras if name not in (*NEEDED, "development")
        },
        "project.scripts": {"glacier": f"{PACKAGE}.glacier:main"},
        "tool.setuptools": {"packages": packages},
        "tool.setuptools.package-data": data,
    }
    return "\n".join(
        f"[{table}]\n" + "".join(f"{json.dumps(name)} = {json.dumps(value)}\n" for name, value in entries.items())
        for table, entries in tables.items()
    )


def make_wheel(root: Path, model: Path, out: Path) -> Path:
    """Build the wheel and move it into ``out``, whole or not at all; returns its path."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lay_out(root, read_project(root), model, folder)
        done = subprocess.run([sys.executable, "-c", BUILD, name], cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise WheelError(f"{root}: its wheel cannot be built ({one_line(Exception(done.stderr[-100:]))}).")
        wheel = folder / done.stdout.split()[-1]
        with atomic_output(out / wheel.name) as temporary:
            shutil.copyfile(wheel, temporary)
    return out / wheel.name


def read_project(root: Path) -> dict[str, Any]:
    """The content of pyproject.toml."""
    try:
        import tomllib
    except ImportError:
        raise PackageError("make_wheel: needs Python 3.11 or newer, which reads TOML; use that of .venv.") from None
    found: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    return found


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser("Make the installable package.", "python tools/make_wheel.py --out dist")
    add_shared(parser, "out", default=ROOT / "dist", help="folder to write the wheel into")
    parser.add_argument("--model", type=Path, default=ROOT / "model.pth", help="model file that comes with it")
    return parser.parse_args()


def main() -> int:
    """Command line: write the wheel."""

    def work() -> None:
        options = arguments()
        wheel = make_wheel(ROOT, options.model, options.out)
        print(f"Wrote {wheel}; install it with `pip install {wheel}`, which gives the command `glacier`.")

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
