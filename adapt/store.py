"""Marks and edits of a session: in memory, and in its folder after every change.

Every mark and edit has an id that the page has made, so that adding one twice adds one, two pages change different
ones, and nobody's list replaces another's.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import RLock
from typing import Any, Union

from adapt.marks import Mark, read_marks, write_marks
from errors import OutputError, SettingError
from mapping.edits import Edit, read_edits, write_edits

MARKS, EDITS = "marks.gpkg", "edits.gpkg"
MOST = 5000  # marks and edits of a session
Item = Union[Mark, Edit]


def id_of(item: Item) -> str:
    """What tells a mark or an edit from all others."""
    return item.mark_id if isinstance(item, Mark) else item.edit_id


def named(mark: Mark) -> Mark:
    """The same mark under a name that its place and kind make, for two files may number their marks alike."""
    return replace(mark, mark_id=hashlib.sha256(mark.geometry.wkb + bytes([mark.glacier])).hexdigest()[:16])


@dataclass(frozen=True)
class Content:
    """All marks and edits in the order in which they were made.

    ``revision`` counts all changes; ``marks_revision`` those that a re-fit depends on.
    """

    marks: tuple[Mark, ...] = ()
    edits: tuple[Edit, ...] = ()
    revision: int = 0
    marks_revision: int = 0


class Store:
    """The marks and edits of a folder, which threads may change at the same time.

    Where they cannot be saved, they stay in memory, ``unsaved`` says why, and the next change or ``save`` tries again.
    """

    def __init__(self, folder: Path, crs: str, begin_with: Sequence[Mark] = ()) -> None:
        self.folder, self.crs = folder, crs
        self.lock = RLock()
        self.unsaved = ""
        marks, edits = self.folder / MARKS, self.folder / EDITS
        self.content = Content(
            tuple(read_marks(marks, crs)) if marks.is_file() else (),
            tuple(read_edits(edits, crs)) if edits.is_file() else (),
        )
        self.saved = self.content
        known = {(mark.geometry, mark.glacier) for mark in self.content.marks}
        self.change([named(mark) for mark in begin_with if (mark.geometry, mark.glacier) not in known], ())

    def change(self, added: Sequence[Item], erased: Sequence[str]) -> Content:
        """Add and erase marks and edits, by their ids, and save; what is there or gone already changes nothing."""
        with self.lock:
            old = self.content
            items: list[Item] = [*old.marks, *old.edits]
            known, gone = {id_of(item) for item in items}, set(erased)
            items += {id_of(item): item for item in added if id_of(item) not in known}.values()
            left = [item for item in items if id_of(item) not in gone]
            marks = tuple(item for item in left if isinstance(item, Mark))
            edits = tuple(item for item in left if isinstance(item, Edit))
            if len(marks) + len(edits) > MOST:
                raise SettingError(f"{len(marks) + len(edits)} marks and edits are more than {MOST}; erase some.")
            other_marks, other_edits = marks != old.marks, edits != old.edits
            if other_marks or other_edits:
                self.content = Content(marks, edits, old.revision + 1, old.marks_revision + (1 if other_marks else 0))
            self.save()
            return self.content

    def save(self, whole: bool = False) -> bool:
        """Write what is not yet written; False, with ``unsaved`` saying why, where that fails.

        ``whole``: both files, even where there is nothing to write into one.
        """
        with self.lock:
            try:
                if whole or self.saved.marks != self.content.marks:
                    write_marks(self.folder / MARKS, self.content.marks, self.crs)
                if whole or self.saved.edits != self.content.edits:
                    write_edits(self.folder / EDITS, self.content.edits, self.crs)
            except OutputError as problem:
                if not self.unsaved:
                    print(f"error: {problem}", file=sys.stderr)
                self.unsaved = str(problem)
                return False
            self.saved, self.unsaved = self.content, ""
            return True


def as_items(marks: Sequence[Mark], edits: Sequence[Edit]) -> list[tuple[str, str, Any]]:
    """Id, kind and geometry of every mark and edit."""
    kinds = {True: "glacier", False: "ground"}
    found = [(mark.mark_id, kinds[mark.glacier], mark.geometry) for mark in marks]
    return found + [(edit.edit_id, edit.action, edit.geometry) for edit in edits]
