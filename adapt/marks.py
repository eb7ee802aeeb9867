"""Marks: places on a scene of which a user says whether they are glacier, as files that any GIS draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Mark:
    """A point, line or polygon in a scene's coordinate system, ``glacier`` or ground; ``mark_id`` tells it apart."""

    geometry: Any
    glacier: bool
    mark_id: str = ""


def read_marks(path: Path, crs: str) -> list[Mark]:
    """Read the marks of a vector file in any coordinate system into ``crs`` (WKT or EPSG:n).

    The column ``glacier`` says 1/0, true/false or yes/no; a column ``id``, where there is one, names the marks, else
    their number in the file does. Raises VectorError or GridError, naming the file, where it cannot be read, has no
    coordinate system, no such column, or another value in it.
    """
    raise NotImplementedError


def write_marks(path: Path, marks: Sequence[Mark], crs: str) -> None:
    """Write marks as a GeoPackage with the columns ``id`` and ``glacier`` (1/0), whole or not at all."""
    raise NotImplementedError
