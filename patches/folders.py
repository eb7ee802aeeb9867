"""Folders of images and of masks, and folders of rasters with their truth beside them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from errors import LayoutError
from patches.image import Image
from patches.layout import SUBSETS, region_of, subset_of
from patches.rasters import PICTURES, TIFFS, open_raster

IMAGES, MASKS = "images", "masks"
MASK_ENDINGS = ("", "_mask", "_label")
OUTLINES = (".gpkg", ".shp", ".geojson")


def image_folders(root: Path) -> list[Path]:
    """``images`` in the folder or in its ``train``, ``test`` and so on."""
    candidates = [root, *(path for path in sorted(root.iterdir()) if path.name.lower() in SUBSETS)]
    return [path / IMAGES for path in candidates if (path / IMAGES).is_dir()]


def open_folders(root: Path, labels: str) -> list[Image]:
    """Every image of ``images/`` with the file of the same name in ``masks/``; a folder within is a region.

    Raises LayoutError for an image without a mask, and what ``open_raster`` raises.
    """
    found = []
    for folder in image_folders(root):
        masks = mask_files(folder.parent / MASKS)
        for path in rasters_of(folder):
            key = path.relative_to(folder).with_suffix("").as_posix()
            if key not in masks:
                raise LayoutError(f"{path}: has no mask in {folder.parent / MASKS}; add it or remove the image.")
            name = path.relative_to(root).as_posix()
            found.append(open_raster(path, name, masks[key], labels, region_of(path, folder), subset_of(path, root)))
    return found


def rasters_of(folder: Path) -> Iterator[Path]:
    """The images of a folder and those below it, by name."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in (*TIFFS, *PICTURES) and not path.name.startswith("."):
            yield path


def mask_files(folder: Path) -> dict[str, Path]:
    """Masks by the name of their image, with its region."""
    if not folder.is_dir():
        raise LayoutError(f"{folder}: no such folder; give the masks of the images beside it.")
    found = {}
    for path in rasters_of(folder):
        for ending in MASK_ENDINGS:
            if path.stem.endswith(ending):
                stem = path.stem[: len(path.stem) - len(ending)]
                found[path.relative_to(folder).with_name(stem).as_posix()] = path
    return found


def has_truth_beside(path: Path) -> Path | None:
    """The mask or the outlines of a raster in its own folder, or None."""
    endings = [ending for ending in MASK_ENDINGS if ending]
    candidates = [path.with_name(f"{path.stem}{ending}{path.suffix}") for ending in endings]
    candidates += [path.with_suffix(suffix) for suffix in OUTLINES]
    return next((one for one in candidates if one.exists()), None)


def is_mask(path: Path) -> bool:
    """Whether a raster's name says that it is the truth of another one."""
    return any(ending and path.stem.endswith(ending) for ending in MASK_ENDINGS)


def open_rasters(place: Path, truth: Path | None, labels: str) -> list[Image]:
    """A raster, or those of a folder, each with ``truth`` or what lies beside it; a folder within is a region.

    Raises LayoutError for a raster without truth, and what ``open_raster`` raises.
    """
    root = place if place.is_dir() else place.parent
    paths = [path for path in rasters_of(root) if not is_mask(path)] if place.is_dir() else [place]
    found = []
    for path in paths:
        own = truth or has_truth_beside(path)
        if own is None:
            raise LayoutError(
                f"{path}: has neither {path.stem}_mask{path.suffix} nor outlines beside it; add them, or give --truth."
            )
        name = path.relative_to(root).as_posix()
        found.append(open_raster(path, name, own, labels, region_of(path, root), subset_of(path, root)))
    return found
