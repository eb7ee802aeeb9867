"""The evaluator accepts a small honest submission and names what a broken one does."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tifffile

from tools.evaluator import BANDS, CONTRACTS, SCHEMES, ContractError, evaluate, lay_out, packages_of, play

HONEST = """# pip install numpy tifffile
import os, re, sys
import numpy as np, tifffile

def maskgeration(imagepath, out_dir):
    masks = {}
    for name in sorted(os.listdir(imagepath["Band4"])):
        swir = tifffile.imread(os.path.join(imagepath["Band4"], name))
        masks[name] = np.where(swir > 12000, 255, 0).astype(np.uint8)
    if out_dir.endswith("model.pth"):
        return {re.search(r"(\\d+(_\\d+)?)\\.tif$", name).group(1): mask for name, mask in masks.items()}
    os.makedirs(out_dir)
    for name, mask in masks.items():
        tifffile.imwrite(os.path.join(out_dir, name.replace("B6_B6", "B2_B2")), mask)

if __name__ == "__main__":
    data = sys.argv[2]
    maskgeration({band: os.path.join(data, band) for band in os.listdir(data)}, sys.argv[-1])
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two small tiles with the training names, and labels."""
    root = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(0)
    for folder, code in zip([*BANDS, "label"], ["B2_B2", "B3_B3", "B4_B4", "B6_B6", "B10_B10", "Y"]):
        (root / folder).mkdir()
        for tile in ("02_07", "02_08"):
            image = random.uniform(8000, 16000, (8, 9)) if folder != "label" else random.integers(0, 2, (8, 9)) * 255
            tifffile.imwrite(root / folder / f"{code}_masked_{tile}.tif", image.astype(np.float32))
    return root


@pytest.fixture
def submission(tmp_path):
    def write(solution: str):
        (tmp_path / "solution.py").write_text(solution)
        (tmp_path / "model.pth").write_bytes(b"weights")
        return tmp_path

    return write


def test_honest_submission_passes_everywhere(submission, data, capsys):
    assert evaluate(submission(HONEST), data, sys.executable)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[2:]] == [[c, s] for s in SCHEMES for c in CONTRACTS]
    assert len({line.split()[3] for line in lines[2:]}) == 1, "one MCC in every run"


def test_a_head_that_names_no_packages_is_refused(submission, data):
    path = submission(HONEST) / "solution.py"
    assert packages_of(path) == ["numpy", "tifffile"]
    path.write_text("\n" * 15 + HONEST)
    with pytest.raises(ContractError, match="solution.py: none of the first 15 lines begins with '# pip install '"):
        evaluate(path.parent, data, sys.executable)


@pytest.mark.parametrize(
    ("right", "wrong", "contract", "message"),
    [
        ("np.uint8)", "np.float32)", "text", "the mask is float32"),
        ("255, 0)", "1, 0)", "text", "not 0/255 uint8"),
        ("swir > 12000", "swir[1:] > 12000", "text", r"\(7, 9\)"),
        ('name.replace("B6_B6", "B2_B2")', "name", "template", "not the names of the Band1 files"),
        ("masks = {}", "masks = {}; open('log', 'w')", "text", "outside its output folder"),
        ("masks = {}", "raise SystemExit('no band')", "template", "exit code 1: no band"),
        ('.group(1): mask', '.group(0): mask', "platform", "tile ids"),
        ('.endswith("model.pth")', '.endswith("nothing")', "platform", "exit code 1"),
    ],
)  # fmt: skip
def test_broken_submission_is_named(submission, data, tmp_path_factory, right, wrong, contract, message):
    assert right in HONEST
    tiles = tmp_path_factory.mktemp("tiles")
    lay_out(data, tiles, "train", 1)
    with pytest.raises(ContractError, match=message):
        play(contract, submission(HONEST.replace(right, wrong)), tiles, sys.executable)
