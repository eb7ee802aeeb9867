"""The palette, the stretch and the files that all figures share."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import imread

from figures import CLASS_COLOURS, PALETTE, class_picture, false_colour, stretched, write_figure
from tests.examples import example_tile

ROOT = Path(__file__).resolve().parents[1]


@given(gain=st.floats(0.1, 10), offset=st.floats(-1, 1))
def test_the_stretch_does_not_depend_on_gain_and_offset(gain: float, offset: float):
    band = np.random.default_rng(0).random((20, 30))
    valid = band > 0.1
    one, other = (stretched(values, valid) for values in (band, band * gain + offset))
    np.testing.assert_allclose(one, other, atol=1e-3)
    assert one[valid].min() == 0 and one[valid].max() == 1


def test_false_colour_is_a_picture_also_of_nothing():
    tile, _ = example_tile((8, 9))
    picture = false_colour(tile)
    assert picture.shape == (8, 9, 4)
    np.testing.assert_array_equal(picture[..., 3] > 0, tile.valid)
    empty = type(tile)(tile.tile_id, tile.bands, np.zeros_like(tile.valid))
    assert not false_colour(empty).any()


def test_every_class_has_its_colour():
    classes = np.array([list(CLASS_COLOURS)], np.uint8)
    expected = [np.round(np.multiply(to_rgb(colour), 255)) for colour in CLASS_COLOURS.values()]
    np.testing.assert_array_equal(class_picture(classes)[0], expected)
    assert len(set(CLASS_COLOURS.values())) == len(CLASS_COLOURS)
    assert len(set(PALETTE)) == len(PALETTE)


def test_a_figure_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch):
    write_figure(Figure(figsize=(1, 2)), tmp_path / "good.png", dpi=50)
    assert imread(tmp_path / "good.png").shape[:2] == (100, 50)
    monkeypatch.setattr(Figure, "savefig", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_figure(Figure(), tmp_path / "bad.png")
    assert [path.name for path in tmp_path.iterdir()] == ["good.png"]


def test_nothing_else_chooses_a_backend():
    """pyplot keeps figures open and ``matplotlib.use`` changes the user's own backend."""
    for path in [*ROOT.glob("*.py"), *ROOT.glob("[a-z]*/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            named += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            assert "matplotlib.pyplot" not in named, path
            assert not (isinstance(node, ast.Call) and ast.unparse(node.func) == "matplotlib.use"), path
