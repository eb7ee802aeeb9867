"""Several processes that train one network together, started by ``torchrun``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel


class Processes(NamedTuple):
    """This process's number, from 0, and how many there are."""

    rank: int
    size: int

    @property
    def share(self) -> slice:
        """This process's samples of a batch."""
        return slice(self.rank, None, self.size)


@contextmanager
def joined(device: torch.device) -> Iterator[torch.device]:
    """Within it the processes that torchrun started talk to each other; gives this one's device.

    They meet once: a second meeting finds what the first one left in their common store.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or distributed.is_initialized():
        yield device
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield device
    finally:
        distributed.destroy_process_group()


def this_process() -> Processes:
    """Which process this is; the only one where ``joined`` is not in force."""
    if distributed.is_available() and distributed.is_initialized():
        return Processes(distributed.get_rank(), distributed.get_world_size())
    return Processes(0, 1)


def shared(network: nn.Module, device: torch.device) -> nn.Module:
    """The network as it trains: with others' gradients averaged in, where there are other processes."""
    if this_process().size == 1:
        return network
    return DistributedDataParallel(network, device_ids=[device] if device.type == "cuda" else None)


def agreed(value: float, device: torch.device) -> float:
    """The first process's value, in all of them."""
    if this_process().size == 1:
        return value
    told = torch.tensor([value], dtype=torch.float64, device=device)
    distributed.broadcast(told, 0)
    return float(told)
