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


class TilesFailedError(GlacierError):
    """Some tiles failed; the others were written."""


def exit_code(work: Callable[[], object]) -> int:
    """Run a command's work: 0, or 2 after a user's mistake, which is one sentence on stderr."""
    try:
        work()
    except GlacierError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    return 0
