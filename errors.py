"""All named errors of the project; each message is one sentence: which file, what is wrong, what to do."""

from __future__ import annotations

import sys
from collections.abc import Callable


class GlacierError(Exception):
    """Base of every error a user can cause; command lines print it and exit with code 2."""


class LayoutError(GlacierError):
    """The folders do not hold tiles in the challenge's layout (a band folder or a tile is missing)."""


class RasterError(GlacierError):
    """A file cannot be read as a single-band raster."""


class ShapeError(GlacierError):
    """The bands of one tile have different shapes."""


class CodingError(GlacierError):
    """The numbers of a tile fit no known coding."""


class ModelFileError(GlacierError):
    """A model file is missing, truncated, tampered with or of another version."""


class OutputError(GlacierError):
    """A result cannot be written."""


class TrainingError(GlacierError):
    """The data or settings given do not allow a model to be trained or scored."""


class SettingError(GlacierError):
    """An option or environment variable has a value that means nothing."""


class ProductError(GlacierError):
    """A satellite product is unknown, or lacks a band or its metadata."""


class GridError(GlacierError):
    """Rasters do not lie on one grid, or on one that lengths and areas can be measured on."""


class PackageError(GlacierError):
    """A package that is needed is not installed, or cannot be loaded."""


class TilesFailedError(GlacierError):
    """Some tiles failed; the others were written."""


def exit_code(work: Callable[[], object]) -> int:
    """Run a command's work: 0, or 2 after a user's mistake, which is one sentence on stderr, or 130."""
    try:
        work()
    except GlacierError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("error: interrupted; what was written is whole.", file=sys.stderr)
        return 130
    return 0
