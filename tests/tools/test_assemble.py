"""The assembler: on small made-up projects, and on this one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools.assemble import AssemblyError, assemble, write_submission

ROOT = Path(__file__).resolve().parent.parent.parent

ERRORS = '''\
"""Errors."""

from __future__ import annotations


class OwnError(Exception):
    """One."""
'''

FIRST = '''\
"""First: adds.

Over two lines.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from errors import OwnError

STEP = 2  # kept, with its comment


def add(number: int) -> int:
    """Add."""
    if number < 0:
        raise OwnError(os.sep)
    return number + STEP
'''

SECOND = '''\
"""Second."""

from __future__ import annotations

import os
import string as text
from collections.abc import (
    Callable,
    Iterator,
)

from rooms.first import (
    STEP,
    add,
)


def twice(number: int) -> int:
    import json

    return json.loads(str(add(add(number)) * STEP))
'''

SOLUTION = '''\
# pip install nothing
# and nothing else
"""What it does."""

from __future__ import annotations

import sys

from errors import OwnError
from rooms.second import twice


# Do not update this section
def main():
    print(twice(int(sys.argv[1])))


if __name__ == "__main__":
    try:
        main()
    except OwnError:
        sys.exit(2)
'''

PROJECT = {
    "errors.py": ERRORS,
    "rooms/__init__.py": "",
    "rooms/first.py": FIRST,
    "rooms/second.py": SECOND,
    "solution.py": SOLUTION,
}


@pytest.fixture
def project(tmp_path):
    """Write PROJECT, with some files changed, into a folder."""

    def write(**changes: str) -> Path:
        for name, text in {**PROJECT, **changes}.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return write


def run(path: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run([sys.executable, str(path), *words], capture_output=True, text=True, cwd=path.parent)
    return done.returncode, done.stdout + done.stderr


def test_one_file_does_what_the_modules_do(project, tmp_path_factory):
    root = project()
    alone = tmp_path_factory.mktemp("alone") / "solution.py"
    alone.write_text(assemble(root), encoding="utf-8")
    for words in ("3",), ("-1",):
        assert run(alone, *words) == run(root / "solution.py", *words)
    assert run(alone, "3") == (0, "14\n")
    assert run(alone, "-1") == (2, "")


def test_text_of_the_one_file(project):
    text = assemble(project())
    assert text.startswith('# pip install nothing\n# and nothing else\n"""What it does."""\n\nfrom __future__')
    assert text.count("from __future__") == 1
    assert "from errors" not in text and "from rooms" not in text
    assert text.count("import os\n") == 1
    assert "from collections.abc import Callable, Iterator\n" in text
    assert "import string as text\n" in text
    assert "    import json\n" in text, "an import inside a function stays there"
    assert "# rooms/first.py\n# First: adds.\n#\n# Over two lines.\n" in text
    assert "STEP = 2  # kept, with its comment\n" in text
    assert "# Do not update this section\ndef main():\n    print(" in text
    order = [text.index(f"# {name}\n") for name in ("errors.py", "rooms/first.py", "rooms/second.py", "solution.py")]
    assert order == sorted(order)


def test_a_check_of_what_is_installed_stays_above_the_imports(project):
    check = "try:\n    import absent\nexcept ImportError:\n    sys.exit('absent; ' + 'install it')\n"
    head, rest = SOLUTION.split("\nfrom errors")
    text = assemble(project(**{"solution.py": f"{head}\n{check}\nimport numpy\nfrom errors{rest}"}))
    order = ["from __future__", "import os\n", check, "\nimport numpy\n", "# errors.py\n", "# Do not update"]
    assert [text.count(piece) for piece in order] == [1] * len(order)
    assert [text.index(piece) for piece in order] == sorted(text.index(piece) for piece in order)


def test_assembling_is_repeatable(project):
    root = project()
    assert assemble(root) == assemble(root)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (SECOND + "OwnError = 1\n", "OwnError"),
        (SECOND.replace("import os\n", "import posixpath as os\n"), "os stands for something else"),
        (SECOND.replace("    add,\n", "    add as plus,\n"), "without `as`"),
        (SECOND.replace("import json", "from rooms.first import add"), "at the top"),
        (SECOND + "import rooms.first\n", "from room.module import name"),
        (SECOND + "from rooms.first import *\n", "from room.module import name"),
        (SECOND + "from .first import add\n", "from room.module import name"),
        (SECOND + "from rooms import first\n", "rooms.py: no such module"),
        (SECOND + "from rooms.third import add\n", "rooms/third.py: no such module"),
        (SECOND + "from solution import main\n", "break the cycle"),
        (SECOND.replace("STEP,\n", "MISSING,\n"), "does not define MISSING"),
        (SECOND.replace("STEP,\n", "OwnError,\n"), "does not define OwnError"),
        (SECOND + "HERE = __file__\n", "__file__ means another thing"),
        (SECOND + 'if __name__ == "__main__":\n    twice(1)\n', "__main__ means another thing"),
    ],
)
def test_what_one_file_cannot_express_is_refused(project, changed, message):
    with pytest.raises(AssemblyError, match=message) as caught:
        assemble(project(**{"rooms/second.py": changed}))
    assert str(caught.value).startswith("rooms"), "the message begins with the file"


def test_submission_is_two_files(project, tmp_path):
    root, out = project(), tmp_path / "dist" / "submission"
    (root / "model.pth").write_bytes(b"weights")
    assert write_submission(root, root / "model.pth", out) == out / "solution.py"
    assert sorted(path.name for path in out.iterdir()) == ["model.pth", "solution.py"]
    assert (out / "model.pth").read_bytes() == b"weights"


def test_missing_model_is_named(project, tmp_path):
    with pytest.raises(AssemblyError, match=r"none\.pth: no such model file"):
        write_submission(project(), tmp_path / "none.pth", tmp_path / "out")
    assert not (tmp_path / "out").exists()
