"""What the tests of a served session share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adapt.serving import write_place


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a scene and a model, as of ``write_place``."""
    return write_place(tmp_path_factory.mktemp("place"))


@pytest.fixture(scope="module")
def few_candidates() -> Iterator[None]:
    """Places are chosen among few, which takes a hundredth of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("adapt.suggest.CANDIDATES", 150)
        yield
