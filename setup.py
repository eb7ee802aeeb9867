"""Keeps the rooms from being installed under their own general names; the rest is in pyproject.toml."""

from __future__ import annotations

import sys

from setuptools import setup
from setuptools.command.build_py import build_py


class EditableAlone(build_py):
    """Builds for ``pip install -e .`` alone."""

    def run(self) -> None:
        """Build, or say what to use instead."""
        if not self.editable_mode:
            sys.exit(
                "error: run `make wheel` and install dist/glacier_hybrid-*.whl, or `pip install -e .` to work here."
            )
        super().run()


setup(cmdclass={"build_py": EditableAlone})
