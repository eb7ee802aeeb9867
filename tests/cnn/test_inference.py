"""The network as inference runs it gives what the trained one gives."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cnn import inference
from cnn.inference import InferenceNetwork, can_fuse
from cnn.unet import CompactUNet


def network_with_statistics() -> CompactUNet:
    """An untrained network whose normalisation layers have seen something."""
    torch.manual_seed(0)
    network = CompactUNet(3).train()
    with torch.no_grad():
        for _ in range(3):
            network(torch.randn(2, 3, 64, 64) + 1)
    return network.eval()


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize(("kind", "tolerance"), [(torch.float32, 1e-4), (torch.bfloat16, 0.01)])
def test_gives_what_the_network_gives(
    kind: torch.dtype, tolerance: float, fused: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(inference, "fastest_type", lambda device: kind)
    monkeypatch.setattr(inference, "can_fuse", lambda device: fused and can_fuse(device))
    network, channels = network_with_statistics(), torch.randn(1, 3, 96, 64)
    fast = InferenceNetwork(network)
    with torch.no_grad():
        expected, found = network(channels).sigmoid(), fast(channels).sigmoid()
    assert float((found - expected).abs().max()) < tolerance


def test_holds_no_normalisation_and_leaves_the_network_alone():
    network = network_with_statistics()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in InferenceNetwork(network).modules())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_types_by_device():
    assert inference.fastest_type(torch.device("cuda")) is torch.float16
    assert inference.fastest_type(torch.device("cpu")) in (torch.bfloat16, torch.float32)
