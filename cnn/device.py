"""Which processor the networks run on."""

from __future__ import annotations

import sys

import torch
from torch.nn import functional

from errors import TrainingError
from tiles.raster import one_line


def choose_device(name: str) -> torch.device:
    """``auto`` takes the GPU where it can be computed on; raises TrainingError where cuda is asked for and cannot."""
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    problem = cuda_problem()
    if not problem:
        return torch.device("cuda")
    if name == "cuda":
        raise TrainingError(f"--device cuda: {problem}; use --device cpu.")
    print(f"note: the GPU is left alone ({problem}); the processor does its work", file=sys.stderr)
    return torch.device("cpu")


def cuda_problem() -> str:
    """Why networks cannot run on a GPU here, "" where they can.

    One may be there and of no use: this torch has no code for its kind, cuDNN is broken, others hold its memory.
    """
    if not torch.cuda.is_available():
        return "no CUDA device is available"
    try:
        image = torch.ones((1, 1, 8, 8), dtype=torch.float16, device="cuda")
        functional.conv2d(image, image[..., :3, :3]).sum().item()
    # AssertionError: from a torch that was built without CUDA
    except (RuntimeError, AssertionError, torch.cuda.DeferredCudaCallError) as problem:
        return one_line(problem)
    return ""


def fast_bfloat16(device: torch.device) -> bool:
    """Whether the device computes in bfloat16 itself; a processor that imitates it is slower than in float32."""
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # since torch 2.4
    return device.type == "cuda" or (supported is not None and bool(supported()))
