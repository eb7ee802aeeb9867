"""How much each of the trees' channels counts in the distance between two pixels of a scene."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

RELEVANCE = "relevance.json"
Relevance = Mapping[str, float]  # by channel; 1 is what every channel has where nothing was learnt


@lru_cache(maxsize=1)
def shipped_relevance() -> Relevance:
    """What ``evaluation.relevance`` has learnt from labelled scenes of all kinds."""
    learnt: Relevance = json.loads(Path(__file__).with_name(RELEVANCE).read_text(encoding="utf-8"))["relevance"]
    return learnt


def relevance_of(channels: Sequence[str], relevance: Relevance | None = None) -> np.ndarray:
    """The relevance of channels, float64 (C,); the shipped one where none is given, and 1 for a channel without any."""
    known = shipped_relevance() if relevance is None else relevance
    return np.array([known.get(name, 1.0) for name in channels])
