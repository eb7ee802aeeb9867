"""SAM with a tiny encoder: frozen but for its mask decoder, embedded once, and the same network when it is loaded."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from cnn.network_model import load_model
from errors import ModelFileError, PackageError, TrainingError
from lakes import embeddings
from lakes.embeddings import EmbeddingBatches, embed_patches, packed, read_embedding, weights_key
from lakes.imagery import find_regions
from lakes.labelled import open_region
from lakes.sam import NORMALISATION, SamOfPatches, build, read_sam
from patches.windows import Window
from tests.lakes.drawn import square
from tests.lakes.small_sam import SIDE, write_sam
from tests.lakes.test_prepare import write_region

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    pytest.importorskip("transformers")
    return write_sam(tmp_path_factory.mktemp("sam"))


@pytest.fixture
def network(folder):
    return SamOfPatches(read_sam(folder)).eval()


@pytest.fixture
def image(tmp_path):
    write_region(tmp_path / "regions")
    return open_region(find_regions(tmp_path / "regions")[0], [square(4, 20, 20)])


def test_logits_are_those_of_the_library(folder, network):
    """As SamModel itself gives them for one box around the whole image."""
    sam = read_sam(folder)
    pixels = torch.rand(2, 3, SIDE, SIDE)
    box = torch.tensor([[[0.0, 0.0, SIDE, SIDE]]]).expand(2, 1, 4)
    with torch.inference_mode():
        expected = sam(pixel_values=pixels, input_boxes=box, multimask_output=False).pred_masks[:, 0]
        assert torch.allclose(network.head(network.embed(pixels)), expected, atol=1e-5)
        assert expected.shape == (2, 1, SIDE // 4, SIDE // 4)
        for size in ((SIDE, SIDE), (48, 80)):
            assert network(torch.rand(1, 3, *size)).shape == (1, 1, *size)


def test_only_the_mask_decoder_learns(network):
    network(torch.rand(2, 3, SIDE, SIDE)).sum().backward()
    assert all(one.grad is None for one in network.vision.parameters())
    learnt = {
        name for name, one in network.head.named_parameters() if one.grad is not None and one.grad.abs().max() > 0
    }
    assert any("upscale_conv1" in name for name in learnt)
    assert not any("iou_prediction_head" in name for name in learnt)


def test_embeddings_are_computed_once_and_by_content(network, image, tmp_path, monkeypatch):
    windows = [Window(0, 0, 0, 32), Window(0, 16, 16, 32), Window(0, 0, 0, 32)]
    samples, computed = embed_patches(network, [image], windows, tmp_path / "cache", CPU)
    assert computed == 2
    assert samples[0].path == samples[2].path != samples[1].path
    monkeypatch.setattr(embeddings, "write_embeddings", lambda network, waiting, device: assert_none(waiting))
    again, computed = embed_patches(network, [image], windows, tmp_path / "cache", CPU)
    assert computed == 0
    assert [one.path for one in again] == [one.path for one in samples]
    patch = windows[1].patch([image])
    with torch.inference_mode():
        expected = network.embed(torch.from_numpy(NORMALISATION.apply(patch.array, patch.valid))[None])[0]
    assert np.allclose(read_embedding(samples[1].path), expected, atol=2e-3)


def assert_none(waiting):
    assert not waiting


def test_another_patch_or_another_encoder_is_another_embedding(network, image, tmp_path):
    embed_patches(network, [image], [Window(0, 16, 0, 32)], tmp_path / "cache", CPU)
    write_region(tmp_path / "other", seed=1)
    other = open_region(find_regions(tmp_path / "other")[0])
    assert embed_patches(network, [other], [Window(0, 16, 0, 32)], tmp_path / "cache", CPU)[1] == 1
    before = weights_key(network.vision)
    next(network.vision.parameters()).data += 1
    assert weights_key(network.vision) != before
    assert embed_patches(network, [image], [Window(0, 16, 0, 32)], tmp_path / "cache", CPU)[1] == 1


def test_batches_hold_the_masks_at_the_size_of_the_logits(network, image, tmp_path):
    samples, _ = embed_patches(network, [image], [Window(0, 0, 0, 64), Window(0, 16, 16, 64)], tmp_path, CPU)
    batches = EmbeddingBatches(samples, SIDE // 4, 6, 3, (1.0, 0.0))
    channels, truth, valid = batches.batch(5, slice(None))
    assert channels.shape[:2] == (6, network.head.places.shape[1])
    assert truth.shape == valid.shape == (6, SIDE // 4, SIDE // 4)
    assert truth[0].sum() == (20 // 4) ** 2, "the weights draw the first sample alone"
    assert not valid[0, :4].any()
    assert valid[0, 4:].all()
    halves = [batches.batch(5, slice(rank, None, 2))[1] for rank in (0, 1)]
    assert torch.equal(truth[0::2], halves[0])
    assert torch.equal(truth[1::2], halves[1])


def test_half_of_a_coarse_pixel_is_a_lake():
    mask = np.zeros((8, 8), bool)
    mask[:, :2] = True
    mask[0, 4] = True
    assert np.unpackbits(packed(mask, 2), count=4).tolist() == [1, 0, 1, 0]


def test_a_damaged_embedding_is_named(tmp_path, one_sentence):
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(TrainingError) as raised:
        read_embedding(tmp_path / "a.npy")
    one_sentence(raised.value, tmp_path / "a.npy")


@pytest.mark.parametrize("damage", ["nothing", "no weights", "text", "half", "other"])
def test_a_folder_without_sam_is_named(folder, tmp_path, damage, one_sentence):
    if damage != "nothing":
        (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
        (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    if damage == "no weights":
        (tmp_path / "model.safetensors").unlink()
    if damage == "text":
        (tmp_path / "model.safetensors").write_text("weights")
    if damage == "half":
        safetensors = pytest.importorskip("safetensors.torch")
        state = safetensors.load_file(tmp_path / "model.safetensors")
        kept = {name: value for name, value in state.items() if not name.startswith("vision_encoder.neck")}
        safetensors.save_file(kept, tmp_path / "model.safetensors", {"format": "pt"})
    if damage == "other":
        write_sam(tmp_path, hidden_size=24)
        (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    with pytest.raises(ModelFileError) as raised:
        read_sam(tmp_path)
    one_sentence(raised.value, tmp_path)


def test_a_missing_package_is_named_with_what_to_run(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(PackageError, match="pip install transformers"):
        read_sam(tmp_path)


def test_a_model_that_is_no_sam_is_built_by_its_name(tmp_path):
    with pytest.raises(ModelFileError, match="no such file"):
        load_model(tmp_path / "model.pt", CPU, build)
