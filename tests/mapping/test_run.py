"""A scene through the command: rasters, outlines, report; windows, resuming, cluster, and a user's mistakes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnn.unet import NETWORK_STRIDE
from fusion.hybrid import predict_tile
from fusion.layout import LARGE, Layout
from fusion.model_file import load_model, save_model
from mapping import __main__ as command
from mapping import run as run_module
from mapping.run import NODATA_KEPT, around_valid, scene_layout
from scenes.grid import Grid
from scenes.products import open_scene
from tests import products
from tests.examples import example_model
from tests.mapping.mapped import map_scene
from tiles.tile import Tile

CPU = torch.device("cpu")
OUTPUTS = {
    "probability.tif",
    "probability.qml",
    "mask.tif",
    "outlines.gpkg",
    "outlines.shp",
    "overview.png",
    "metrics.json",
    "report.html",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a Landsat product, its truth and a small model."""
    folder = tmp_path_factory.mktemp("scene")
    tile, truth = products.blocky_tile((300, 330))
    products.landsat(folder, tile)
    products.write_band(folder / "truth.tif", np.where(truth, 255, 0), "uint8")
    save_model(example_model(), folder / "model.pth")
    return folder


def run(monkeypatch: pytest.MonkeyPatch, place: Path, out: Path, *words: object, also: Sequence[Path] = ()) -> int:
    given = ["mapping", place / products.PRODUCT, *also, "--out", out, "--model", place / "model.pth"]
    given += ["--window", 128, *words]
    monkeypatch.setattr("sys.argv", [str(word) for word in given])
    return command.main()


def bands_of(out: Path) -> tuple[bytes, bytes]:
    found = []
    for name in ("probability.tif", "mask.tif"):
        with rasterio.open(out / name) as source:
            found.append(source.read(1).tobytes())
    return found[0], found[1]


@pytest.fixture(scope="module")
def mapped(place: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        assert run(patch, place, place / "mapped", "--truth", place / "truth.tif") == 0
    return place / "mapped"


def test_everything_is_written_and_nothing_else(mapped: Path):
    names = {path.name for path in mapped.iterdir()}
    assert names >= OUTPUTS
    assert names - OUTPUTS <= {"outlines.dbf", "outlines.shx", "outlines.prj", "outlines.cpg"}


def test_rasters_are_cloud_optimised_on_the_scenes_grid(mapped: Path, place: Path):
    tile, truth = products.blocky_tile((300, 330))
    with rasterio.open(mapped / "mask.tif") as source:
        assert source.crs.to_epsg() == 32643
        assert source.transform == products.TRANSFORM
        assert source.nodata == 255
        assert source.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        mask = source.read(1)
    np.testing.assert_array_equal(mask == 255, ~tile.valid)
    assert ((mask == 1) == truth)[tile.valid].mean() > 0.999, "NDSI decides in the example, but for corners"
    with rasterio.open(mapped / "probability.tif") as source:
        probability = source.read(1)
    np.testing.assert_array_equal(np.isnan(probability), ~tile.valid)
    assert np.nanmin(probability) >= 0
    assert np.nanmax(probability) <= 1


def test_outlines_have_areas_and_what_the_scene_says(mapped: Path):
    _, truth = products.blocky_tile((300, 330))
    found = gpd.read_file(mapped / "outlines.gpkg")
    assert list(found["glacier_id"]) == [1, 2]
    assert found["area_km2"].sum() == pytest.approx(truth.sum() * 900 / 1e6, rel=2e-3)
    assert (found["area_uncertainty_km2"] > 0).all()
    assert (found["mean_probability"] > 0.5).all()
    assert found["median_temperature_k"].tolist() == pytest.approx([260, 260], abs=2)
    assert found["median_ndsi"].tolist() == pytest.approx([0.875, 0.875], abs=0.03)
    assert set(found["date"].astype(str)) == {"2020-08-26"}
    assert len(gpd.read_file(mapped / "outlines.shp")) == 2


def test_metrics_say_what_was_mapped_and_how_well(mapped: Path):
    facts = json.loads((mapped / "metrics.json").read_text())
    tile, truth = products.blocky_tile((300, 330))
    assert facts["valid_pixels"] == tile.valid.sum()
    assert facts["glacier_pixels"] == pytest.approx(truth.sum(), rel=0.005)
    assert facts["glaciers"] == 2
    assert facts["scores"]["mcc"] == pytest.approx(1, abs=0.005)


@pytest.mark.parametrize("words", [{}, {"window": 192, "overlap": 0.25}, {"window": 64, "overlap": 0.5, "group": 2}])
def test_any_windows_give_the_whole_image(place: Path, words: dict[str, object], tmp_path: Path):
    """The trees decide here and see the whole scene's ranks, so windows and parts must change nothing."""
    scene = open_scene(place / products.PRODUCT)
    layout = Layout(scene.grid.height, scene.grid.width, **{"window": 128, **words})
    map_scene(scene, layout, place / "model.pth", tmp_path / "out")
    with rasterio.open(tmp_path / "out" / "probability.tif") as source:
        found = source.read(1)
    tile = scene.read(0, 0, scene.grid.height, scene.grid.width)
    whole = predict_tile(load_model(place / "model.pth", CPU), tile, CPU).probability
    np.testing.assert_allclose(found[tile.valid], whole[tile.valid], atol=1e-3)  # written in steps of 1/1024


@pytest.mark.parametrize(("window", "more"), [(None, (5, 7)), (128, (5, 7)), (None, (41, 90))])
def test_more_nodata_around_a_scene_changes_nothing(
    place: Path, window: int | None, more: tuple[int, int], tmp_path: Path
):
    """Windows lie where the ground is, not where the file begins."""
    tile, _ = products.blocky_tile((300, 330))
    first = rasterio.Affine(30, 0, 600_000 + 30 * 20, 0, -30, 3_750_000 - 30 * 13)
    wider = tile.around(-more[0], -more[1], 340 + more[0], 350 + more[1])
    found = []
    for name, one, (row, column) in (("own", tile, (0, 0)), ("wider", wider, more)):
        affine = first * rasterio.Affine.translation(-column, -row)
        scene = open_scene(products.five_bands(tmp_path / f"{name}.tif", one, transform=affine), products.FIVE_BANDS)
        map_scene(scene, scene_layout(scene, window), place / "model.pth", tmp_path / name)
        with rasterio.open(tmp_path / name / "probability.tif") as source:
            found.append(source.read(1)[row : row + 300, column : column + 330])
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize(
    ("sides", "origin", "window", "expected"),
    [
        ((300, 500), (4, 4), None, (512, 0.0, 4)),
        ((300, 500), (33, 31), None, (576, 0.0, 4)),
        ((LARGE - 8, 100), (68, 4), None, (LARGE, 0.0, 4)),
        ((LARGE - 8, 100), (5, 4), None, (512, 0.5, 0)),
        ((LARGE + 65, 100), (4, 4), None, (512, 0.5, 0)),
        ((300, 500), (0, 0), 128, (128, 0.5, 0)),
    ],
)
def test_a_small_scene_is_one_window(sides, origin, window, expected):
    found = scene_layout(scene_of(np.ones(sides, bool), origin), window)
    assert (found.window, found.overlap, found.views) == expected
    assert len(found.parts()) == 1 or found.views == 0
    assert all(lead < found.stride for lead in found.lead)


@given(st.data())
def test_the_window_of_a_small_scene_lies_around_its_valid_pixels(data):
    """On the ground's own grid of the network's strides, whatever nodata is around them; with none, all is nodata."""
    height, width, row, column = (data.draw(st.integers(1, most)) for most in (300, 300, 70, 70))
    first = data.draw(st.tuples(st.integers(-99, 99), st.integers(-99, 99)))
    valid = np.pad(np.ones((height, width), bool), ((row, data.draw(st.integers(0, 70))), (column, 0)))
    (top, left), side = around_valid(valid, first)
    own, own_side = around_valid(np.ones((height, width), bool), (first[0] + row, first[1] + column))
    assert (top, left, side) == (own[0] + row, own[1] + column, own_side)
    for start, place, there, count in ((top, first[0], row, height), (left, first[1], column, width)):
        assert (start + place) % NETWORK_STRIDE == 0
        assert there - NODATA_KEPT - NETWORK_STRIDE < start <= there - NODATA_KEPT
        assert start + side >= there + count + NODATA_KEPT
    layout = scene_layout(scene_of(valid, first))
    assert layout.window == side
    assert (top, left) in {layout.start(down, across) for down in range(2) for across in range(2)}


def scene_of(valid: np.ndarray, origin: tuple[int, int]) -> Any:
    """What a layout needs of a scene with these valid pixels, whose first one has this row and column on the ground."""
    corner = rasterio.Affine(30, 0, 30 * origin[1], 0, -30, -30 * origin[0])
    return SimpleNamespace(grid=Grid("", tuple(corner)[:6], *valid.shape), read=lambda *_: Tile("scene", {}, valid))


def test_no_seam_at_window_edges(place: Path, tmp_path: Path):
    """With the network alone deciding, steps across window edges are no larger than elsewhere."""
    model = example_model()
    fusion = type(model.fusion)((1.0, 0.0), 0.0, 0.5)
    network = type(model)(model.gbm, model.unet, fusion, 0.5, 0.5)
    save_model(network, tmp_path / "model.pth")
    scene = open_scene(place / products.PRODUCT)
    map_scene(scene, Layout(300, 330, 128), tmp_path / "model.pth", tmp_path / "out")
    with rasterio.open(tmp_path / "out" / "probability.tif") as source:
        steps = np.abs(np.diff(source.read(1), axis=0))
    edges = np.array([row in (63, 64, 127, 128, 191, 192, 255, 256) for row in range(len(steps))])
    assert np.nanmean(steps[edges]) < 1.25 * np.nanmean(steps[~edges]) + 0.002


def test_a_stopped_run_is_completed_to_the_same_bytes(place: Path, mapped: Path, tmp_path: Path, monkeypatch, capsys):
    done = []
    real = run_module.write_part

    def stops(*words):
        if len(done) == 1:
            raise KeyboardInterrupt
        done.append(1)
        real(*words)

    monkeypatch.setattr(run_module, "write_part", stops)
    assert run(monkeypatch, place, tmp_path / "out", "--jobs", 1) == 130
    assert "--resume" in capsys.readouterr().err
    assert not (tmp_path / "out" / "mask.tif").exists()
    monkeypatch.setattr(run_module, "write_part", real)
    assert run(monkeypatch, place, tmp_path / "out", "--resume") == 0
    assert bands_of(tmp_path / "out") == bands_of(mapped)


def test_a_cluster_that_loses_a_worker_gives_the_same_bytes(place: Path, tmp_path: Path, monkeypatch):
    """Two scenes on two worker processes; one of these is killed while parts are being mapped."""
    from distributed import Client, LocalCluster

    other = products.five_bands(tmp_path / "other.tif", products.blocky_tile()[0])
    words = ["--bands", products.FIVE_BANDS, "--window", 64]
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        out = tmp_path / "out"
        pids = list(client.run(os.getpid).values())
        command_line = [sys.executable, "-m", "mapping", place / products.PRODUCT, other, *words, "--out", out]
        command_line += ["--model", place / "model.pth", "--dask", cluster.scheduler_address]
        process = subprocess.Popen([str(word) for word in command_line], cwd=Path(__file__).resolve().parents[2])
        while process.poll() is None and not list(out.glob("*/.parts/part_*.gbm.npy")):
            time.sleep(0.005)
        os.kill(pids[0], signal.SIGKILL)
        assert process.wait(timeout=120) == 0
    again = tmp_path / "again"
    assert run(monkeypatch, place, again, *words, also=[other]) == 0
    for name in (products.PRODUCT, "other"):
        assert bands_of(out / name) == bands_of(again / name)
        assert {path.name for path in (out / name).iterdir()} == {path.name for path in (again / name).iterdir()}


def test_what_goes_wrong_on_a_worker_is_one_sentence(place: Path, tmp_path: Path, monkeypatch, capsys):
    far = products.TRANSFORM * products.TRANSFORM.translation(90_000, 0)
    products.write_band(tmp_path / "far.tif", np.ones((50, 50)), "uint8", transform=far)
    words = ["--dask", "local", "--jobs", 1, "--truth", tmp_path / "far.tif"]
    assert run(monkeypatch, place, tmp_path / "out", *words) == 2
    assert [line for line in capsys.readouterr().err.splitlines() if "does not overlap" in line]
    assert run(monkeypatch, place, tmp_path / "out", "--resume") == 0, "the parts were kept"


def test_several_scenes_lie_in_folders_of_their_own(place: Path, tmp_path: Path, monkeypatch):
    tile, _ = products.blocky_tile()
    stack = products.five_bands(tmp_path / "other.tif", tile)
    assert run(monkeypatch, place, tmp_path / "out", "--bands", products.FIVE_BANDS, also=[stack]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {products.PRODUCT, "other"}


def test_a_scene_of_nodata_gives_empty_outlines(place: Path, tmp_path: Path, monkeypatch):
    tile, _ = products.blocky_tile()
    nothing = type(tile)(tile.tile_id, {name: band * 0 for name, band in tile.bands.items()}, tile.valid & False)
    stack = products.five_bands(tmp_path / "empty.tif", nothing)
    words = [
        "mapping",
        stack,
        "--bands",
        products.FIVE_BANDS,
        "--out",
        tmp_path / "out",
        "--model",
        place / "model.pth",
    ]
    monkeypatch.setattr("sys.argv", [str(word) for word in words])
    assert command.main() == 0
    assert len(gpd.read_file(tmp_path / "out" / "outlines.gpkg")) == 0


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--window", 100), "--window"),
        (("--overlap", 0.9), "--overlap"),
        (("--minimum-area", -1), "--minimum-area"),
        (("--truth", "{place}/nothing.tif"), "nothing.tif"),
        (("--truth", "{place}/far.tif"), "does not overlap"),
        (("--model", "{place}/no.pth"), "no.pth"),
        (("--dask", "tcp://127.0.0.1:9"), "--dask"),
        (("--model", "{place}/gbm.txt"), "trees alone"),
        (("--out", "{place}/model.pth/out"), "is a file"),
        (("--out", "{place}/model.pth", "--model", "no.pth"), "is a file"),
    ],
)
def test_mistakes_are_one_sentence(place: Path, words, named: str, tmp_path: Path, monkeypatch, capsys):
    far = products.TRANSFORM * products.TRANSFORM.translation(90_000, 0)
    products.write_band(place / "far.tif", np.ones((50, 50)), "uint8", transform=far)
    (place / "gbm.txt").write_text(example_model().gbm.text)
    monkeypatch.setattr("mapping.cluster.TIMEOUT", "1s")
    given = [str(word).format(place=place) for word in words]
    assert run(monkeypatch, place, tmp_path / "out", *given) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert named in lines[0]


def test_a_full_disk_is_one_sentence(place: Path, tmp_path: Path):
    import resource

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    words = [
        sys.executable,
        "-m",
        "mapping",
        place / products.PRODUCT,
        "--out",
        tmp_path / "out",
        "--model",
        place / "model.pth",
    ]
    done = subprocess.run(
        [str(word) for word in words],
        cwd=Path(__file__).resolve().parents[2],
        preexec_fn=limit,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert not [path for path in (tmp_path / "out").iterdir() if path.name[0] != "."]
