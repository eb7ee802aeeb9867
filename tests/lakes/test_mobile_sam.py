"""MobileSAM from a file with the names of its publication, and one sentence for another file."""

from __future__ import annotations

import shutil

import pytest
import torch

from errors import ModelFileError
from lakes import mobile_sam
from lakes.sam import SamOfPatches, read_sam
from lakes.tiny_vit import TinyViT, bias_places, in_windows, out_of_windows
from tests.lakes.published_sam import CLASSIFIER, SIDE, Published, published, small_config


@pytest.fixture(scope="module")
def weights():
    return published()


@pytest.fixture(scope="module")
def file(tmp_path_factory, weights):
    pytest.importorskip("transformers")
    path = tmp_path_factory.mktemp("mobile") / "mobile_sam.pt"
    torch.save(weights, path)
    return path


@pytest.fixture
def network(file, monkeypatch):
    monkeypatch.setattr(mobile_sam, "mobile_config", small_config)
    return SamOfPatches(read_sam(file)).eval()


def test_it_is_as_large_as_the_published_file(weights, file):
    """The documentation of Ultralytics tells 10.1 M parameters and 40.7 MB of mobile_sam.pt."""
    learnt = {name: value.numel() for name, value in weights.items() if "running" not in name and "num_b" not in name}
    assert round(sum(learnt.values()) / 1e6, 1) == 10.1
    assert file.stat().st_size == pytest.approx(40.7e6, abs=5e4)
    encoder = sum(size for name, size in learnt.items() if name.startswith("image_encoder."))
    classifier = sum(learnt[f"image_encoder.{name}"] for name in CLASSIFIER)
    assert (encoder, classifier) == (6_065_532, 321_640)


@pytest.mark.parametrize("given", ["file", "folder"])
def test_the_published_size_is_built_from_a_file_or_its_folder(file, given):
    sam = read_sam(file if given == "file" else file.parent)
    assert SamOfPatches(sam).side == 1024
    assert sam.get_image_wide_positional_embeddings().shape == (1, 256, 64, 64)
    assert not sam.training


def test_every_weight_arrives(network, weights):
    own = network.vision.state_dict()
    expected = {f"image_encoder.{name}": value for name, value in own.items()}
    assert expected.keys() | {f"image_encoder.{name}" for name in CLASSIFIER} == {
        name for name in weights if name.startswith("image_encoder.")
    }
    assert all(torch.equal(value, weights[name]) for name, value in expected.items())


def test_the_mask_decoder_is_the_published_one(network, weights):
    """Computed from the names in the file, without transformers."""
    embedding = torch.randn(1, 256, SIDE // 16, SIDE // 16)
    with torch.inference_mode():
        expected = Published(weights).mask(embedding[0])
        found = network.head(embedding)[0, 0]
    assert expected.shape == (SIDE // 4, SIDE // 4)
    assert expected.std() > 0.01
    assert torch.allclose(found, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))


def test_the_mask_decoder_is_that_of_the_library(network, file):
    """As SamModel itself gives it for one box around the whole image."""
    sam, embeddings = read_sam(file), torch.randn(2, 256, SIDE // 16, SIDE // 16)
    box = torch.tensor([[[0.0, 0.0, SIDE, SIDE]]]).expand(2, 1, 4)
    with torch.inference_mode():
        expected = sam(image_embeddings=embeddings, input_boxes=box, multimask_output=False).pred_masks[:, 0]
        assert torch.allclose(network.head(embeddings), expected, atol=1e-4)


def test_it_maps_images_of_any_size_and_learns_in_its_decoder_alone(network):
    pixels = torch.randn(1, 3, 48, 80)
    logits = network(pixels)
    assert logits.shape == (1, 1, 48, 80)
    assert network.embed(pixels).shape == (1, 256, SIDE // 16, SIDE // 16)
    logits.sum().backward()
    assert all(one.grad is None for one in network.vision.parameters())
    assert network.head.decoder.upscale_conv1.weight.grad.abs().max() > 0


@pytest.mark.parametrize("shape", [(2, 3, 14, 21), (1, 2, 5, 9), (1, 1, 7, 7)])
def test_windows_hold_each_cell_once_and_zeros_beyond(shape):
    maps = torch.rand(shape) + 1
    tokens = in_windows(maps, 7)
    assert tokens.shape[1:] == (49, shape[1])
    assert (tokens > 0).sum() == maps.numel()
    assert torch.equal(tokens[0, 8], maps[0, :, 1, 1])
    assert torch.equal(out_of_windows(tokens, maps.shape, 7), maps)


def test_a_bias_depends_on_the_distance_in_rows_and_columns():
    places = bias_places(3)
    assert places[0].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert places[4].tolist() == [4, 3, 4, 1, 0, 1, 4, 3, 4]
    assert torch.equal(places, places.T)


def test_the_encoder_is_that_of_timm():
    """Which has TinyViT as a classifier: its last stage is half as fine there and its parts have other names."""
    timm = pytest.importorskip("timm")
    other = timm.create_model("tiny_vit_5m_224", pretrained=False).eval()
    other.stages[3].downsample.conv2.conv.stride = (1, 1)
    own = TinyViT().eval()
    theirs = {name: value for name, value in other.state_dict().items() if not name.startswith("head.")}
    for value in theirs.values():
        value += 0.1 * torch.randn(value.shape) if value.is_floating_point() else 0  # no bias stays at nought
    missing, unexpected = own.load_state_dict({own_name(name): value for name, value in theirs.items()}, strict=False)
    assert not unexpected
    assert all(name.startswith("neck.") for name in missing)
    pixels = torch.randn(1, 3, 128, 160)
    with torch.inference_mode():
        assert torch.allclose(own.layers(own.patch_embed(pixels)), other.forward_features(pixels), atol=1e-4)


def own_name(name):
    """A name of timm's TinyViT in the published one, where a stage ends, not begins, with the way to the next."""
    for old, new in (("patch_embed.conv1.", "patch_embed.seq.0."), ("patch_embed.conv2.", "patch_embed.seq.2.")):
        name = name.replace(old, new)
    for number in (1, 2, 3):
        name = name.replace(f"stages.{number}.downsample", f"stages.{number - 1}.downsample")
    return name.replace("stages.", "layers.").replace(".conv.", ".c.")


@pytest.mark.parametrize("damage", ["nothing", "text", "half", "another encoder", "another shape", "no tensors"])
def test_another_file_is_named(file, weights, tmp_path, damage, one_sentence):
    path, changed = tmp_path / "mobile_sam.pt", dict(weights)
    if damage == "text":
        path.write_text("weights")
    if damage == "half":
        shutil.copy(file, path)
        with open(path, "r+b") as opened:
            opened.truncate(10_000)
    if damage == "another encoder":
        changed = {name: value for name, value in weights.items() if not name.startswith("image_encoder.")}
        changed["image_encoder.pos_embed"] = torch.zeros(1, 64, 64, 8)
    if damage == "another shape":
        changed["mask_decoder.iou_token.weight"] = torch.zeros(1, 128)
    if damage == "no tensors":
        changed = {"model": "weights"}
    if not path.exists() and damage != "nothing":
        torch.save(changed, path)
    with pytest.raises(ModelFileError) as raised:
        read_sam(path)
    one_sentence(raised.value, path)
