"""Every architecture: shapes at any size, gradients, parameters, saving and loading; the submission has none."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from cnn.architectures import ARCHITECTURES, build_network
from cnn.architectures.resnet import resnet34
from cnn.pretrained import start_from
from cnn.trainer import as_list
from errors import ModelFileError, SettingError
from tools.assemble import assemble

ROOT = Path(__file__).resolve().parent.parent.parent
every_architecture = pytest.mark.parametrize("name", ARCHITECTURES)


@pytest.mark.parametrize(
    ("name", "channels", "classes", "parameters"),
    [
        ("attention_deeplab", 5, 1, 25_617_083),
        ("deeplabv3plus", 3, 2, 59_339_426),
        ("glavitu", 18, 2, 11_499_970),
        ("mlandsnet", 18, 2, 8_824_134),
        ("unetpp", 18, 2, 36_181_250),
        ("resnet50_unet", 10, 2, 85_763_266),
    ],
)
def test_parameters_are_as_published(name, channels, classes, parameters):
    with torch.device("meta"):
        assert sum(one.numel() for one in build_network(name, channels, classes).parameters()) == parameters


def test_glavitu_global_has_about_ten_million_parameters():
    with torch.device("meta"):
        assert sum(one.numel() for one in build_network("glavitu_global", 10, 2).parameters()) == pytest.approx(
            10e6, rel=0.02
        )


def test_deeplabv3plus_stays_at_a_sixteenth_with_a_multi_grid():
    with torch.device("meta"):
        encoder = build_network("deeplabv3plus", 3, 2).encoder
        sizes = [tuple(level.shape[1:]) for level in encoder(torch.zeros(1, 3, 64, 96))]
    assert sizes == [(64, 32, 48), (256, 16, 24), (512, 8, 12), (1024, 4, 6), (2048, 4, 6)]
    assert [block.conv2.dilation[0] for block in encoder.layer4] == [2, 4, 8]


@every_architecture
def test_any_size_comes_back(name):
    with torch.device("meta"):
        network = build_network(name, 3, 2)
    network = network.to_empty(device="cpu").eval()  # any weights will do, and drawing them takes longest
    with torch.inference_mode():
        for size in ((32, 32), (33, 50), (7, 5)):
            assert network(torch.rand(1, 3, *size)).shape == (1, 2, *size)


@every_architecture
def test_gradients_reach_every_parameter_and_weights_come_back(name):
    torch.manual_seed(0)
    network = build_network(name, 4, 1).train()
    logits = as_list(network(torch.rand(2, 4, 64, 64)))
    assert all(one.shape == (2, 1, 64, 64) for one in logits)
    sum((one * torch.rand_like(one)).sum() for one in logits).backward()
    unreached = [label for label, one in network.named_parameters() if one.grad is None or not one.grad.abs().max() > 0]
    assert unreached == []
    with torch.device("meta"):
        other = build_network(name, 4, 1).eval()
    other.load_state_dict(network.state_dict(), assign=True)
    picture = torch.rand(1, 4, 32, 32)
    with torch.inference_mode():
        assert torch.equal(other(picture), network.eval()(picture))


def test_an_unknown_network_is_named():
    with pytest.raises(SettingError, match="--arch unet9"):
        build_network("unet9", 3, 1)


def test_the_library_is_handed_the_names(monkeypatch):
    """As segmentation_models_pytorch 0.5 takes them; the library itself needs a torchvision that fits torch."""
    asked = {}

    def create_model(arch, **words):
        asked.update(words, arch=arch)
        return nn.Conv2d(words["in_channels"], words["classes"], 1)

    monkeypatch.setitem(sys.modules, "segmentation_models_pytorch", SimpleNamespace(create_model=create_model))
    assert build_network("smp:unetplusplus:resnet34", 6, 2)(torch.zeros(1, 6, 8, 9)).shape == (1, 2, 8, 9)
    assert asked == {
        "arch": "unetplusplus",
        "encoder_name": "resnet34",
        "encoder_weights": None,
        "in_channels": 6,
        "classes": 2,
    }
    with pytest.raises(SettingError, match="smp:NAME:ENCODER"):
        build_network("smp:unet", 6, 2)


def test_a_missing_library_is_named_with_what_to_run(monkeypatch):
    monkeypatch.setitem(sys.modules, "segmentation_models_pytorch", None)
    with pytest.raises(SettingError, match="pip install segmentation-models-pytorch"):
        build_network("smp:unet:resnet34", 3, 1)


def test_the_library_itself():
    try:
        import segmentation_models_pytorch  # noqa: F401
    except Exception as problem:  # a torchvision of another torch raises RuntimeError
        pytest.skip(f"segmentation_models_pytorch cannot be imported here: {problem}")
    assert build_network("smp:unet:resnet18", 4, 1).eval()(torch.zeros(1, 4, 50, 33)).shape == (1, 1, 50, 33)
    with pytest.raises(SettingError, match="smp:unet:nothing"):
        build_network("smp:unet:nothing", 4, 1)


def test_encoder_weights_come_from_a_file(tmp_path):
    theirs = resnet34(3)
    torch.save({**theirs.state_dict(), "fc.weight": torch.zeros(10, 512)}, tmp_path / "resnet34.pth")
    network = build_network("attention_deeplab", 4, 1)
    start_from(network, str(tmp_path / "resnet34.pth"), ("blue", "green", "red", "nir"))
    assert torch.equal(network.encoder.layer3[1].conv2.weight, theirs.layer3[1].conv2.weight)
    first = network.encoder.conv1.weight
    assert torch.allclose(first[:, 2], theirs.conv1.weight[:, 0] * 0.75)  # red is torchvision's first
    assert torch.allclose(first[:, 3], theirs.conv1.weight.mean(dim=1) * 0.75)


@pytest.mark.parametrize("damage", ["text", "other", "short", "shape"])
def test_weights_that_do_not_fit_are_named(tmp_path, damage, one_sentence):
    path, state = tmp_path / "weights.pth", resnet34(3).state_dict()
    if damage == "short":
        del state["layer1.0.conv1.weight"]
    if damage == "shape":
        state["layer1.0.conv1.weight"] = torch.zeros(1, 64, 3, 3)
    torch.save({"a": torch.zeros(1)} if damage == "other" else state, path)
    if damage == "text":
        path.write_text("weights")
    with pytest.raises(ModelFileError) as raised:
        start_from(build_network("attention_deeplab", 3, 1), str(path), ("red", "green", "blue"))
    one_sentence(raised.value, path)


def test_imagenet_is_for_the_compact_unet():
    with pytest.raises(SettingError, match="compact_unet"):
        start_from(build_network("unetpp", 3, 1), "imagenet", ("red", "green", "blue"))
    network = build_network("compact_unet", 3, 2)
    before = network.stem[0].weight.clone()
    start_from(network, "imagenet", ("red", "green", "blue"))
    assert not torch.equal(before, network.stem[0].weight)


def test_the_submission_holds_no_architecture():
    text = assemble(ROOT)
    assert "cnn/unet.py" in text
    for absent in ("cnn/architectures", "cnn/trainer", "AttentionDeepLab", "segmentation_models_pytorch"):
        assert absent not in text
