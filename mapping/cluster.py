"""The parts of a scene on a Dask cluster, whose workers share the output folder's file system."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from tqdm import tqdm

from errors import SettingError
from fusion.layout import Part
from mapping.run import Job, work_on
from tiles.raster import one_line

RETRIES = 5  # of a part whose worker was lost
TIMEOUT = "20s"  # for a scheduler to answer


def one_thread(job: Job, part: Part) -> Part:
    """``work_on`` as the threads of one machine do it, so that the result is the same to the byte."""
    torch.set_num_threads(1)
    return work_on(job, part)


def connected(address: str, jobs: int) -> AbstractContextManager[Any]:
    """A client of the cluster at ``tcp://...``, or of one of this machine's processes for ``local``."""
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


def on_cluster(client: Any) -> Callable[[Job, Sequence[Part], int], None]:
    """A way to run parts on the client's cluster; a lost worker's parts are done again by another."""

    def run_parts(job: Job, parts: Sequence[Part], jobs: int) -> None:
        from distributed import as_completed

        futures = [client.submit(one_thread, job, part, pure=False, retries=RETRIES) for part in parts]
        for future in tqdm(as_completed(futures), total=len(futures), desc=job.scene.name, unit="part", disable=None):
            future.result()

    return run_parts
