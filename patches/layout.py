"""What folders' names say of the images in them."""

from __future__ import annotations

from pathlib import Path

SUBSETS = {
    "train": "training", "training": "training", "val": "validation", "valid": "validation", "validation": "validation",
    "dev": "validation", "test": "test",
}  # fmt: skip


def subset_of(path: Path, root: Path) -> str:
    """Training, validation or test where a folder between ``root`` and the file bears such a name, else empty."""
    folders = path.relative_to(root).parts[:-1]
    return next((SUBSETS[folder.lower()] for folder in folders if folder.lower() in SUBSETS), "")


def region_of(path: Path, root: Path) -> str:
    """The folder right above a file, where it lies below ``root``: the name of a region."""
    folders = path.relative_to(root).parts[:-1]
    return folders[-1] if folders else ""
