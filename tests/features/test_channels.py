"""A channel's name says what it is computed from."""

from __future__ import annotations

import numpy as np
import pytest

from errors import ModelFileError
from features.channels import TRANSFORMS, Channel, parse_channel
from features.indices import INDICES
from features.stack import build_stack
from tests.examples import example_tile

CHANNELS = [
    *INDICES,
    *(
        Channel(row, name, 7 if transform.windowed else 0).name
        for row in INDICES
        for name, transform in TRANSFORMS.items()
    ),
]
FAMILIES = {"brightness", "index", "thermal", "scene-relative", "context", "texture"}


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("green", "brightness"),
        ("ndsi", "index"),
        ("thermal", "thermal"),
        ("thermal.rank", "scene-relative"),
        ("thermal.scene", "scene-relative"),
        ("green.mean7", "context"),
        ("green.meanscene61", "context"),
        ("green.diff21", "context"),
        ("green.share61", "context"),
        ("ndsi.std21", "texture"),
        ("green.contrast7", "texture"),
        ("green.correlation7", "texture"),
    ],
)
def test_family(name, family):
    assert parse_channel(name).family == family


def test_every_channel_has_a_family():
    assert {parse_channel(name).family for name in CHANNELS} == FAMILIES
    assert {transform.family for transform in TRANSFORMS.values()} <= FAMILIES
    assert all(transform.reference for transform in TRANSFORMS.values())


@pytest.mark.parametrize("name", CHANNELS)
def test_names_parse_back(name):
    assert parse_channel(name).name == name


@pytest.mark.parametrize(
    "name",
    [
        "", "ndvi", "NDSI", "green.", "green.median7", "green.std", "green.std0", "green.std8", "green.rank7",
        "green.7", "green7", ".std7", "green.std7.rank", "green.std-7", "green.std07", "green.std7\n", " green",
        "green.std٧", "__import__('os')",
    ],
)  # fmt: skip
def test_unknown_channel(make_tile, name, one_sentence):
    with pytest.raises(ModelFileError, match="unknown to this version") as error:
        build_stack(make_tile((2, 2)), ["green", name])
    one_sentence(error.value, repr(name))
    with pytest.raises(ModelFileError):
        parse_channel(name)


@pytest.mark.parametrize("name", ["green.std7", "thermal_optical.meanscene21", "ndsi.rank", "green.correlation9"])
def test_what_a_channel_depends_on(name: str):
    """Another scene changes relative channels; a pixel beyond the reach changes nothing but by the scene."""
    tile, _ = example_tile((60, 60))
    channel = parse_channel(name)
    assert channel.needs_thermal == ("thermal" in channel.bands)
    levels = {channel.row: np.linspace(-1, 1, 513, dtype=np.float32)}
    own, other = (build_stack(tile, [name], scene).array for scene in (None, levels))
    same = np.allclose(own, other, atol=1e-2, equal_nan=True)
    assert same == (not channel.relative)
    assert channel.needs_levels
    changed = {band: values.copy() for band, values in tile.bands.items()}
    changed["green"][30, 30] *= 1.5
    moved = build_stack(type(tile)(tile.tile_id, changed, tile.valid), [name], levels).array
    rows, columns = np.nonzero(~np.isclose(other[0], moved[0], atol=1e-5, equal_nan=True))
    beyond = max(np.abs(rows - 30).max(), np.abs(columns - 30).max())
    assert beyond <= channel.reach + 1  # texture looks at the neighbours of the pixels in its window
