"""One run at a time in an output folder: a file that holds the name of the machine and the number of the process."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from errors import OutputError

LOCK_NAME = ".lock"


def check_folder(out: Path) -> None:
    """Raise OutputError where ``out`` cannot be a folder, because it or a part of its path is a file."""
    for place in (out, *out.parents):
        if place.exists() and not place.is_dir():
            raise OutputError(f"{out}: cannot be a folder, for {place} is a file; choose another --out.")


@contextmanager
def only_run(out: Path) -> Iterator[None]:
    """Keep other runs out of a folder, which is made if need be; raises OutputError where one is at work in it.

    What a process that has ended left behind is taken over. Whether one on another machine has, nobody can tell.
    """
    path = out / LOCK_NAME
    own = f"{socket.gethostname()} {os.getpid()}"
    try:
        out.mkdir(parents=True, exist_ok=True)
        if not taken(path, own):
            raise OutputError(
                f"{out}: another run is at work in it; wait for its end, choose another --out, or remove {path} "
                "if there is none."
            )
    except FileNotFoundError:  # the other run ended between two of the steps
        raise OutputError(f"{out}: another run has just ended in it; give the command again.") from None
    except OSError as problem:
        raise OutputError(f"{out}: cannot be written to ({problem.strerror}); choose another --out.") from None
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        with suppress(OSError):  # it is not empty
            out.rmdir()


def taken(path: Path, own: str) -> bool:
    """Write the lock, unless a run that may still be at work has; returns whether it is written.

    Raises FileNotFoundError where it was removed meanwhile.
    """
    handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o644)
    with os.fdopen(handle, "r+", encoding="utf-8") as file:
        with suppress(ImportError, OSError):  # Windows or a file system without locks: not told apart at one moment
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)  # one process at a time looks and writes
        if not os.fstat(handle).st_nlink:
            raise FileNotFoundError(path)
        if at_work(file.read()):
            return False
        file.seek(0)
        file.truncate()
        file.write(own)
    return True


def at_work(owner: str) -> bool:
    """Whether the process that a lock names may still run."""
    host, _, number = owner.rpartition(" ")
    if host != socket.gethostname() or not number.isdigit():
        return bool(host)  # on another machine; a file without a name is of a run that was killed as it wrote it
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return int(number) != os.getpid()
