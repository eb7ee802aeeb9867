"""The files of a product, in a folder or in an archive, which is read where it lies and is not trusted."""

from __future__ import annotations

import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from errors import ProductError
from tiles.raster import FREE_BYTES, LARGEST_RATIO, one_line

PACKED = (".tar.gz", ".tgz")  # as a whole
ARCHIVES = (".tar", ".zip", *PACKED)
LARGEST_MEMBER = 2**32  # bytes: a band of the most pixels that are read, in 64 bits
MOST_MEMBERS = 10_000
LARGEST_TEXT = 2**24  # bytes of a metadata file that are read
DAMAGED = (tarfile.TarError, zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, NotImplementedError)


@dataclass(frozen=True)
class Files:
    """Where the files of a folder or archive lie.

    ``paths``: a file's name in ``place``, folders divided by ``/``, to the path that rasterio opens.
    """

    place: Path
    paths: dict[str, str]

    def text(self, name: str) -> str:
        """Read a text file; raises ProductError where that fails."""
        try:
            return self._bytes(name).decode("utf-8", errors="replace")
        except DAMAGED as problem:
            raise ProductError(
                f"{self.place}: {name} cannot be read ({one_line(problem)}); download it again."
            ) from None

    def _bytes(self, name: str) -> bytes:
        if self.place.is_dir():
            with open(self.paths[name], "rb") as file:
                return file.read(LARGEST_TEXT)
        if is_zip(self.place):
            with zipfile.ZipFile(self.place) as archive, archive.open(name) as packed:
                return packed.read(LARGEST_TEXT)
        with tarfile.open(self.place) as tar:
            member = tar.extractfile(name)
            return member.read(LARGEST_TEXT) if member else b""

    def ending(self, *endings: str) -> list[str]:
        """List the names with one of the endings, which are in capitals; letters count alike, large or small."""
        return [name for name in self.paths if name.upper().endswith(endings)]

    def path_of(self, ending: str) -> str:
        """Return the path of the file with that ending; raises ProductError unless there is one, and only one."""
        names = self.ending(ending.upper())
        if len(names) > 1:
            raise ProductError(f"{self.place}: holds both {names[0]} and {names[1]}; leave one product in it.")
        if not names:
            raise ProductError(f"{self.place}: lacks the file *{ending}; download the product again, with all bands.")
        return self.paths[names[0]]

    def products(self, pattern: re.Pattern[str]) -> list[str]:
        """List the products that the files' names begin with, sorted, each once."""
        found = (pattern.match(PurePosixPath(name).name) for name in self.paths)
        return sorted({match.group() for match in found if match})

    def of_product(self, product: str) -> Files:
        """Keep the files whose names begin with a product's."""
        kept = {name: path for name, path in self.paths.items() if PurePosixPath(name).name.startswith(product)}
        return Files(self.place, kept)


def is_archive(place: Path) -> bool:
    """Whether a file is named as an archive that is read."""
    return place.name.lower().endswith(ARCHIVES)


def is_zip(place: Path) -> bool:
    """Whether a file is named as a .zip."""
    return place.suffix.lower() == ".zip"


def files_of(place: Path, deep: bool = False) -> Files:
    """List the files of a folder, with ``deep`` those of its folders too, or of an archive.

    Raises ProductError where an archive is damaged, has paths that lead outside it, or would unpack into too much.
    """
    if place.is_dir():
        found = sorted(path for path in place.glob("**/*" if deep else "*") if path.is_file())
        return Files(place, {path.relative_to(place).as_posix(): str(path) for path in found})
    root = f"/{'vsizip' if is_zip(place) else 'vsitar'}/{place}"
    try:
        names = checked(place, members(place))  # GDAL knows those that begin with ./ without it
        return Files(place, {name: f"{root}/{name.removeprefix('./')}" for name in names})
    except DAMAGED as problem:
        raise ProductError(f"{place}: cannot be read as an archive ({one_line(problem)}); download it again.") from None


def members(place: Path) -> Iterator[tuple[str, int]]:
    """Yield name and unpacked size of each file of an archive, before it is unpacked; links are left out."""
    if is_zip(place):
        with zipfile.ZipFile(place) as archive:
            yield from ((one.filename, one.file_size) for one in archive.infolist() if not one.is_dir())
    else:
        with tarfile.open(place, "r:" if place.suffix.lower() == ".tar" else "r:gz") as archive:
            yield from ((one.name, one.size) for one in archive if one.isfile())


def checked(place: Path, found: Iterable[tuple[str, int]]) -> list[str]:
    """List the members' names; raises ProductError at the first one that no product has."""
    most = max(FREE_BYTES, LARGEST_RATIO * place.stat().st_size)
    names: list[str] = []
    total = 0
    for name, size in found:
        total += size
        if name.startswith("/") or ".." in re.split(r"[/\\]", name):
            raise ProductError(f"{place}: holds {name!r}, which leads outside it; download it from its publisher.")
        if size > LARGEST_MEMBER or total > most or len(names) == MOST_MEMBERS:
            raise ProductError(
                f"{place}: would unpack into far more than a product holds; download it from its publisher."
            )
        names.append(name)
    return names
