"""Assemble the submission: one solution.py made from the project's own modules, and model.pth beside it.

Starting at ``solution.py`` the imports of project modules are followed, and every module reached is written
into one file, each after those it imports. The text of the modules stays as it is; only project imports,
``from __future__`` and module docstrings leave it (the docstrings come back as section headings), and the
other imports are gathered at the top; what ``solution.py`` does above its first import of an installed package (its
check that they are there) stays above all of them. What one file cannot express is refused: two modules with the same
top-level name, imports under another name or inside functions, ``import room``, relative and star imports,
cycles.
"""

from __future__ import annotations

import argparse
import ast
import shutil
import symtable
import sys
from dataclasses import dataclass, field
from pathlib import Path

from command import add_shared
from errors import GlacierError, exit_code
from tiles.raster import atomic_output

ROOT = Path(__file__).resolve().parent.parent
RULE = "# " + "=" * 100
IMPORTS = (ast.Import, ast.ImportFrom)


class AssemblyError(GlacierError):
    """The project's modules cannot be put into one file as they are."""


@dataclass
class Module:
    """One module, taken apart: its header (what stands above all code), docstring, imports and the rest."""

    name: str
    place: str  # path from the root, for headings and messages
    tree: ast.Module
    header: str
    docstring: str  # as written, quotes included
    guard: str  # how the body begins: what stands above the first import that is not of the standard library
    body: str
    names: set[str]  # what it defines at its top level
    needs: dict[str, list[str]] = field(default_factory=dict)  # project module -> the names imported from it
    imports: list[ast.Import | ast.ImportFrom] = field(default_factory=list)  # of other packages


def assemble(root: Path, entry: str = "solution") -> str:
    """Return the text of one file that does what ``root/entry.py`` and the modules it imports do.

    Raises AssemblyError, naming the module and what to change, where one file cannot stand for them.
    """
    modules: dict[str, Module] = {}
    _collect(root, entry, modules, ())
    _refuse_clashes(modules)
    head = modules.pop(entry)
    sections = [f"{_heading(module)}\n\n{module.header}{module.body}" for module in modules.values()]
    rest = head.body[len(head.guard) :].lstrip("\n")
    sections.append(f"{RULE}\n# {head.place}\n{RULE}\n\n{rest}")
    standard, installed = _merged_imports([*modules.values(), head])
    top = [head.header + head.docstring, "from __future__ import annotations", standard, head.guard, installed]
    return "\n\n".join(part.strip("\n") for part in top if part) + "\n\n\n" + "\n\n".join(sections)


def _collect(root: Path, name: str, modules: dict[str, Module], users: tuple[str, ...]) -> None:
    """Add ``name`` to ``modules`` after everything it imports: depth first, in the order of its imports."""
    if name in users:
        raise AssemblyError(f"{users[-1]}: imports {name}, which imports it in turn: break the cycle")
    if name in modules:
        return
    module = read_module(root, name)
    words = {getattr(node, "id", getattr(node, "value", None)) for node in ast.walk(module.tree)}
    for word in words & {"__file__", "__main__"} if users else ():
        raise AssemblyError(f"{module.place}: {word} means another thing in one file: only {users[0]} may use it")
    for needed, names in module.needs.items():
        _collect(root, needed, modules, (*users, name))
        for missing in set(names) - modules[needed].names:
            raise AssemblyError(f"{module.place}: {needed} does not define {missing}: import it where it is defined")
    modules[name] = module


def read_module(root: Path, name: str) -> Module:
    """Read ``root/a/b.py`` for ``a.b`` and take it apart."""
    path = root.joinpath(*name.split(".")).with_suffix(".py")
    place = path.relative_to(root).as_posix()
    if not path.is_file():
        raise AssemblyError(f"{place}: no such module: import from the module itself, not from its package")
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source, filename=place)
    lines = source.split("\n")
    dropped: list[ast.stmt] = [node for node in tree.body if isinstance(node, IMPORTS)]
    first = tree.body[0]
    header = "".join(f"{line}\n" for line in lines[: first.lineno - 1])
    docstring = ""
    if ast.get_docstring(tree) is not None:
        docstring = "\n".join(lines[first.lineno - 1 : first.end_lineno]) + "\n"
        dropped.append(first)
    gone = {number for node in dropped for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    kept = [(number, line) for number, line in enumerate(lines, 1) if number >= first.lineno and number not in gone]
    outside = [node.lineno for node in tree.body if isinstance(node, IMPORTS) and not _is_standard(node)]
    guard = "\n".join(line for number, line in kept if number < min(outside, default=0)).strip("\n")
    body = "\n".join(line for _, line in kept).strip("\n") + "\n"
    symbols = symtable.symtable(source, place, "exec").get_symbols()
    names = {symbol.get_name() for symbol in symbols if symbol.is_assigned()}
    module = Module(name, place, tree, header, docstring, guard, body, names)
    _note_imports(root, module)
    return module


def _note_imports(root: Path, module: Module) -> None:
    """Note what a module imports at its top; other packages imported inside functions stay there."""
    for node in ast.walk(module.tree):
        if not isinstance(node, IMPORTS) or getattr(node, "module", "") == "__future__":
            continue
        at_top = node in module.tree.body
        if not _is_project(root, node):
            module.imports.extend([node] if at_top else [])
            continue
        renamed = any(alias.asname or alias.name == "*" for alias in node.names)
        if not at_top or isinstance(node, ast.Import) or node.level or renamed:
            wanted = "`from room.module import name` at the top of the module, without `as`"
            raise AssemblyError(f"{module.place}:{node.lineno}: one file has no modules: write {wanted}")
        module.needs.setdefault(str(node.module), []).extend(alias.name for alias in node.names)


def _is_standard(node: ast.Import | ast.ImportFrom) -> bool:
    """Whether an import is of the standard library alone."""
    return all(name in sys.stdlib_module_names for name in _packages(node))


def _packages(node: ast.Import | ast.ImportFrom) -> list[str]:
    """The packages that an import names: ``os`` for ``import os.path``."""
    names = [str(node.module)] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
    return [name.split(".")[0] for name in names]


def _is_project(root: Path, node: ast.Import | ast.ImportFrom) -> bool:
    """Whether an import is relative, or names a module or a folder of modules under ``root``."""
    tops = _packages(node)
    local = any((root / f"{top}.py").is_file() or any((root / top).glob("*.py")) for top in tops)
    return local or getattr(node, "level", 0) > 0


def _refuse_clashes(modules: dict[str, Module]) -> None:
    """Refuse a top-level name to which two modules give different meanings, by definition or by import."""
    known: dict[str, tuple[str, str]] = {}  # name -> what it means, and the first file that says so
    for module in modules.values():
        meanings = {name: f"{module.name}.{name}" for name in module.names}
        for node in module.imports:
            for alias in node.names:
                bound = alias.asname or alias.name.split(".")[0]
                whole = alias.name if alias.asname else bound  # `import os.path` binds os
                meanings[bound] = whole if isinstance(node, ast.Import) else f"{node.module}:{alias.name}"
        for name, meaning in meanings.items():
            first, place = known.setdefault(name, (meaning, module.place))
            if meaning != first:
                raise AssemblyError(
                    f"{module.place}: {name} stands for something else in {place}: rename one of the two"
                )


def _merged_imports(modules: list[Module]) -> tuple[str, str]:
    """The imports of other packages, each once: those of the standard library, and the installed ones."""
    plain: set[str] = set()
    taken: dict[str, set[str]] = {}
    for node in (node for module in modules for node in module.imports):
        names = {f"{alias.name} as {alias.asname}" if alias.asname else alias.name for alias in node.names}
        target = taken.setdefault(str(node.module), set()) if isinstance(node, ast.ImportFrom) else plain
        target |= names
    lines = [f"import {name}" for name in sorted(plain)]
    lines += [f"from {source} import {', '.join(sorted(names))}" for source, names in sorted(taken.items())]
    own = [line for line in lines if line.split()[1].split(".")[0] in sys.stdlib_module_names]
    return "\n".join(own), "\n".join(line for line in lines if line not in own)


def _heading(module: Module) -> str:
    """A comment block that says which file the next lines come from, with its docstring."""
    text = ast.get_docstring(module.tree) or ""
    return "\n".join([RULE, f"# {module.place}", *(f"# {line}".rstrip() for line in text.splitlines()), RULE])


def write_submission(root: Path, model: Path, out: Path) -> Path:
    """Write ``out/solution.py`` and ``out/model.pth``, each atomically; return the path of solution.py."""
    if not model.is_file():
        raise AssemblyError(f"{model}: no such model file: train one with `make model DATA=...`")
    text = assemble(root)
    with atomic_output(out / "solution.py") as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    with atomic_output(out / "model.pth") as unfinished:
        shutil.copyfile(model, unfinished)
    return out / "solution.py"


def main() -> int:
    """Command line: write the two files of the submission."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: python tools/assemble.py --out dist/submission --model model.pth",
    )
    add_shared(parser, "out", default=ROOT / "dist" / "submission", help="folder to write into")
    parser.add_argument("--model", type=Path, default=ROOT / "model.pth", help="model file to copy")
    args = parser.parse_args()

    def work() -> None:
        written = write_submission(ROOT, args.model, args.out)
        print(f"{written} and {written.with_name('model.pth')} written")

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
