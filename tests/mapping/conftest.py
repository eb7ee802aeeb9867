"""What several modules map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fusion.model_file import save_model
from tests import products
from tests.examples import example_model


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a Landsat product, its truth and a small model."""
    folder = tmp_path_factory.mktemp("scene")
    tile, truth = products.blocky_tile((300, 330))
    products.landsat(folder, tile)
    products.write_band(folder / "truth.tif", np.where(truth, 255, 0), "uint8")
    save_model(example_model(), folder / "model.pth")
    return folder
