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


class VectorError(GlacierError):
    """A vector file cannot be read, or lacks a column or the polygons that are needed."""


class GridError(GlacierError):
    """Rasters do not lie on one grid, or on one that lengths and areas can be measured on."""


class PackageError(GlacierError):
    """A package that is needed is not installed, or cannot be loaded."""


class TilesFailedError(GlacierError):
    """Tiles or scenes failed."""


class PartlyDoneError(TilesFailedError):
    """Some tiles or scenes failed; the others were written."""


RESUME = "give the same command with --resume to go on"


def exit_code(work: Callable[[], object], go_on: str = "give the same command to begin again") -> int:
    """Run a command's work and return the exit code of its end; what went wrong is one sentence on stderr.

    0: all done. 2: a user's mistake. 3: partly done; the failures are named. 130: interrupted by Ctrl-C, where
    ``go_on`` says what to do (RESUME for commands that have the option).
    """
    try:
        work()
    except PartlyDoneError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 3
    except GlacierError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"error: interrupted; what was written is whole; {go_on}.", file=sys.stderr)
        return 130
    return 0
