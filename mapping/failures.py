"""Scenes that fail do not stop the others; they are named at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from errors import GlacierError, PartlyDoneError, TilesFailedError

Failures = dict[str, GlacierError]  # by the scene's name or path


@contextmanager
def noted(failures: Failures | None, name: str) -> Iterator[None]:
    """Note an error under a name instead of raising it; without ``failures`` it is raised."""
    try:
        yield
    except GlacierError as problem:
        if failures is None:
            raise
        failures[name] = problem


def raise_failures(failures: Failures, total: int) -> None:
    """Raise what stands for all failures of ``total`` scenes: PartlyDoneError unless every one of them failed."""
    if not failures:
        return
    if total == 1:
        raise next(iter(failures.values()))
    told = f"{len(failures)} of {total} scenes could not be mapped: {' '.join(map(str, failures.values()))}"
    raise PartlyDoneError(told) if len(failures) < total else TilesFailedError(told)
