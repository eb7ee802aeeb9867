"""The choice of a device."""

from __future__ import annotations

import pytest
import torch

from cnn.device import choose_device
from errors import TrainingError


@pytest.fixture
def broken_gpu(monkeypatch):
    """A GPU that is there and cannot be computed on."""

    def refuse(*_, **__):
        raise RuntimeError("CUDA error: no kernel image is available\nCompile with TORCH_USE_CUDA_DSA")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "ones", refuse)


def test_the_processor_is_always_there():
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_cuda_that_is_not_there_is_refused():
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(TrainingError, match="--device cuda: no CUDA device is available; use --device cpu"):
        choose_device("cuda")


def test_the_processor_takes_over_from_a_gpu_of_no_use(broken_gpu, capsys):
    assert choose_device("auto") == torch.device("cpu")
    assert "note: the GPU is left alone (CUDA error: no kernel image" in capsys.readouterr().err


def test_a_gpu_of_no_use_that_is_asked_for_is_one_sentence(broken_gpu, one_sentence):
    with pytest.raises(TrainingError) as raised:
        choose_device("cuda")
    one_sentence(raised.value, "--device cuda")
