"""docs/api.md names what there is, and the changelog and the version agree."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
NAMES = sorted(set(re.findall(r"`([a-z_]+(?:\.\w+)+)`", PAGE)) - {"model.pth"})


def found(name: str) -> object:
    """What a dotted name stands for; the module is as much of it as can be imported."""
    words = name.split(".")
    for count in range(len(words) - 1, 0, -1):
        try:
            one = importlib.import_module(".".join(words[:count]))
        except ModuleNotFoundError:
            continue
        for word in words[count:]:
            one = getattr(one, word)
        return one
    raise AssertionError(f"{name}: no such module")


@pytest.mark.parametrize("name", [name for name in NAMES if not name.endswith(".py")])
def test_every_name_exists_and_is_documented(name: str):
    one = found(name)
    if callable(one):
        assert one.__doc__ and not one.__doc__.startswith(f"{one.__name__}("), f"{name} has no docstring of its own"


def test_every_task_has_names():
    sections = PAGE.split("\n## ")[1:]
    assert len(sections) >= 8
    assert all("| `" in section for section in sections)


def test_linked_files_exist():
    links = re.findall(r"\]\(([^)#]+)\)", PAGE)
    assert links
    assert all((ROOT / "docs" / link).exists() for link in links)


def test_the_version_stands_in_one_place():
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    releases = re.findall(r"^## (\d\S*) - ", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert version and version.group(1) == releases[0]
    assert "\nversion:" not in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
