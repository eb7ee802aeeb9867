"""Scenes on a Dask cluster whose workers share the output folder's file system: parts and finishing are its tasks."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch

from command import progress
from errors import SettingError
from fusion.layout import Part
from mapping.failures import Failures, noted
from mapping.run import Finish, Job, prepare, work_on
from tiles.raster import one_line

RETRIES = 5  # of a part, where the shared file system fails
TIMEOUT = "20s"  # for a scheduler to answer


def one_thread(job: Job, part: Part) -> float:
    """Work on a part with one thread, as one machine does, so that the result is the same to the byte."""
    torch.set_num_threads(1)
    return work_on(job, part)


def connected(address: str, jobs: int) -> AbstractContextManager[Any]:
    """Connect to the cluster at ``tcp://...``, or start one of processes on this machine for ``local``."""
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise SettingError("--dask: needs the package distributed; install glacier-hybrid[mapping].") from None
    try:
        if address == "local":
            cluster = LocalCluster(n_workers=jobs or None, threads_per_worker=1, dashboard_address=None)
            return Client(cluster)
        return Client(address, timeout=TIMEOUT)
    except (OSError, ValueError, TimeoutError) as problem:
        raise SettingError(f"--dask {address}: cannot be reached ({one_line(problem)}); start its scheduler.") from None


def on_cluster(
    client: Any, jobs: Sequence[Job], finish: Finish, resume: bool = False, failures: Failures | None = None
) -> Iterator[tuple[Job, dict[str, Any]]]:
    """Map all scenes at once and finish each on a worker when its parts are done; what a lost worker did is repeated.

    Yields each job, as it is finished, with what ``finish`` says of it. A scene that fails is noted in ``failures``,
    where these are given, and the others go on.
    """
    from distributed import as_completed

    parts, last = [], {}
    for job in jobs:
        here = [
            client.submit(one_thread, job, part, pure=False, retries=RETRIES, key=f"{job.out}/{part.name}")
            for part in prepare(job, resume)
        ]
        parts += here
        last[client.submit(finish, job, here, time.time(), pure=False, key=f"{job.out}/finish")] = job
    everything = [*parts, *last]
    for future in progress(as_completed(everything), len(everything), "parts", "part"):
        if future not in last:  # what a part raises, the scene's finishing raises too
            continue
        with noted(failures, last[future].scene.name):
            yield last[future], future.result()
