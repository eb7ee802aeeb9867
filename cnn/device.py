"""Which processor the networks run on."""

from __future__ import annotations

import torch

from errors import TrainingError


def choose_device(name: str) -> torch.device:
    """``auto`` takes the GPU when there is one; raises TrainingError when cuda is asked for and absent."""
    if name == "cuda" and not torch.cuda.is_available():
        raise TrainingError("--device cuda: no CUDA device is available; use --device cpu.")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def fast_bfloat16(device: torch.device) -> bool:
    """Whether the device computes in bfloat16 itself; a processor that imitates it is slower than in float32."""
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # since torch 2.4
    return device.type == "cuda" or (supported is not None and bool(supported()))
