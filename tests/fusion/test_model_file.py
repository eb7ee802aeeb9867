"""model.pth: what is saved comes back; what is damaged or altered is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from baseline.gbm import checksum, load_gbm
from cnn.unet import CompactUNet
from errors import ModelFileError
from fusion.hybrid import predict_tile
from fusion.model_file import content_digest, load_model, save_model
from tests.examples import example_model, example_tile

pytestmark = pytest.mark.usefixtures("narrow_networks")

CPU = torch.device("cpu")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_model(example_model(), tmp_path / "model.pth")
    return tmp_path / "model.pth"


def altered(path: Path, digest: bool, **changes: object) -> Path:
    content = torch.load(path, weights_only=True)
    content.update(changes)
    if digest:
        del content["digest"]
        content["digest"] = content_digest(content)
    torch.save(content, path)
    return path


def test_a_model_comes_back_as_it_was(path: Path):
    tile, _ = example_tile()
    before, after = predict_tile(example_model(), tile, CPU), predict_tile(load_model(path, CPU), tile, CPU)
    for name in ("unet", "gbm", "probability", "mask"):
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name))
    assert load_model(path, CPU).provenance == {"made": "for tests"}


def test_a_model_of_one_network_of_an_earlier_version_is_read(path: Path):
    first = torch.load(path, weights_only=True)["unet_weights"][0]
    model = load_model(
        altered(path, digest=True, format="glacier-hybrid 4", unet_weights=first, unet_encoders=None), CPU
    )
    assert len(model.unet.networks) == 1
    assert torch.equal(model.unet.networks[0].state_dict()["head.bias"], first["head.bias"])


def test_a_model_of_networks_with_the_same_encoder_of_an_earlier_version_is_read(path: Path):
    content = torch.load(path, weights_only=True)
    del content["unet_encoders"]
    torch.save(content, path)
    before = load_model(altered(path, digest=True, format="glacier-hybrid 6", unet_encoder="lite0"), CPU)
    assert [network.encoder_name for network in before.unet.networks] == ["lite0", "lite0"]


def test_a_model_of_a_larger_encoder_comes_back_as_it_was(tmp_path: Path):
    model = example_model()
    networks = (CompactUNet(3, "lite2").eval(), *model.unet.networks[:1])
    larger = replace(model, unet=replace(model.unet, networks=networks))
    save_model(larger, tmp_path / "model.pth")
    found = load_model(tmp_path / "model.pth", CPU).unet.networks
    assert [network.encoder_name for network in found] == ["lite2", "lite0"]
    tile, _ = example_tile()
    before, after = predict_tile(larger, tile, CPU), predict_tile(load_model(tmp_path / "model.pth", CPU), tile, CPU)
    np.testing.assert_array_equal(before.unet, after.unet)


def test_a_model_of_an_unknown_encoder_is_one_sentence(path: Path):
    with pytest.raises(ModelFileError, match=r"model\.pth: has an encoder 'lite9'"):
        load_model(altered(path, digest=True, unet_encoders=["lite0", "lite9"]), CPU)


def test_it_holds_tensors_and_plain_types_only(path: Path):
    def kinds(value: object) -> set[type]:
        if isinstance(value, dict):
            return set().union(*(kinds(one) for one in value.values()))
        if isinstance(value, list):
            return set().union(*(kinds(one) for one in value))
        return {type(value)}

    assert kinds(torch.load(path, weights_only=True)) <= {torch.Tensor, str, int, float, bool}


@pytest.mark.parametrize("keep", [0, 1, 1000, -1], ids=["empty", "one byte", "start", "all but the last byte"])
def test_a_truncated_file_is_named(path: Path, keep: int):
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ModelFileError, match=r"model\.pth"):
        load_model(path, CPU)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(ModelFileError, match="no such model file"):
        load_model(tmp_path / "model.pth", CPU)


def test_flipped_bits_are_noticed(path: Path):
    raw = bytearray(path.read_bytes())
    for place in range(len(raw) // 3, len(raw) // 3 + 64):
        raw[place] ^= 0xFF
    path.write_bytes(bytes(raw))
    with pytest.raises(ModelFileError):
        load_model(path, CPU)


def test_an_altered_weight_is_noticed(path: Path):
    weights = torch.load(path, weights_only=True)["unet_weights"]
    weights[1]["head.bias"] = weights[1]["head.bias"] + 1
    with pytest.raises(ModelFileError, match="digest"):
        load_model(altered(path, digest=False, unet_weights=weights), CPU)


def test_the_gbm_text_is_checked_before_it_is_parsed(path: Path):
    text = torch.frombuffer(bytearray(b"tree\nversion=v4\nmax_feature_idx=-7"), dtype=torch.uint8)
    with pytest.raises(ModelFileError, match="checksum"):
        load_model(altered(path, digest=True, gbm_text=text), CPU)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "another 9"},
        {"unet_channels": ["green"]},
        {"unet_channels": ["green", "nonsense"]},
        {"fusion_weights": [1.0]},
        {"gbm_channels": ["ndsi"]},
        {"unet_weights": {}},
        {"unet_weights": [{}]},
        {"unet_weights": []},
        {"unet_weights": 3},
        {"unet_encoders": ["lite0"]},
        {"unet_encoders": ["lite0", "lite2"]},
        {"gbm_text": "text"},
    ],
    ids=str,
)
def test_what_does_not_fit_together_is_refused(path: Path, change: dict[str, object]):
    with pytest.raises(ModelFileError, match=r"model\.pth|channel"):
        load_model(altered(path, digest=True, **change), CPU)


def test_pickled_code_is_not_run(tmp_path: Path):
    class Hostile:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "touched",))

    torch.save({"format": Hostile()}, tmp_path / "model.pth")
    with pytest.raises(ModelFileError):
        load_model(tmp_path / "model.pth", CPU)
    assert not (tmp_path / "touched").exists()


def test_gbm_text_that_is_no_model_is_named():
    with pytest.raises(ModelFileError, match="here"):
        load_gbm(b"nonsense", checksum(b"nonsense"), ("ndsi",), "here")


def test_the_gbm_text_predicts_the_same():
    model = example_model().gbm
    text = model.text.encode("ascii")
    channels = np.random.default_rng(0).uniform(-1, 1, (2, 50)).astype(np.float32)
    again = load_gbm(text, checksum(text), model.channel_names, "here")
    np.testing.assert_array_equal(again.predict(channels), model.predict(channels))
