"""What the room's tests share."""

from __future__ import annotations

from functools import partial

import pytest

from baseline.settings import GbmConfig


@pytest.fixture(autouse=True)
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recipe of ten trees: what is done with them does not depend on how many there are."""
    monkeypatch.setattr("evaluation.recipe.GbmConfig", partial(GbmConfig, trees=10))
