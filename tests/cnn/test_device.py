"""The choice of a device."""

from __future__ import annotations

import pytest
import torch

from cnn.device import choose_device
from errors import TrainingError


def test_the_processor_is_always_there():
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_cuda_that_is_not_there_is_refused():
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(TrainingError, match="cuda"):
        choose_device("cuda")
