"""A scene through the command: rasters, outlines, report; resuming, cluster, and a user's mistakes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Thread

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import torch
from rasterio.crs import CRS

from fusion.correction import Correction
from fusion.fuse import Fusion
from fusion.model_file import save_model
from mapping import __main__ as command
from mapping import run as run_module
from mapping.finish import doubt_notes
from scenes.vectors import areas_km2
from tests import products
from tests.examples import example_model

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


def test_a_scene_is_told_of_where_the_model_is_certain_of_little(mapped: Path, tmp_path: Path, monkeypatch, capsys):
    tile, _ = products.blocky_tile((150, 170))
    products.landsat(tmp_path, tile)
    unsure = Fusion((0.1, 0.1), 0.0, 0.5)  # log-odds within 1 of 0
    save_model(replace(example_model(), fusion=unsure), tmp_path / "model.pth")
    assert run(monkeypatch, tmp_path, tmp_path / "out") == 0
    found, known = (json.loads((folder / "metrics.json").read_text()) for folder in (tmp_path / "out", mapped))
    assert (found["doubt"], known["doubt"]) == (1.0, 0.0)
    assert -1 <= known["agreement"] <= 1
    said = "the model is certain of few pixels"
    assert [said in " ".join(facts["notes"]) for facts in (found, known)] == [True, False]
    assert said in "".join(capsys.readouterr())


def test_a_scene_in_doubt_is_told_to_take_marks_and_after_some_more_of_them():
    nothing = np.zeros((1, 1), np.float32)
    marked = replace(example_model(), corrections=(Correction(nothing, nothing[0], nothing[0], nothing[0] + 1),))
    notes = [doubt_notes({"doubt": 1.0, "agreement": None}, "s", model) for model in (example_model(), marked)]
    assert ["A few marks correct it" in notes[0][0], "A few more marks correct it" in notes[1][0]] == [True, True]
    apart = [doubt_notes({"doubt": 0.0, "agreement": 0.3}, "s", model) for model in (example_model(), marked)]
    assert "U-Net and trees seldom say the same (correlation 0.30)" in apart[0][0]
    assert apart[1] == [], "marks have overruled both"


@pytest.mark.parametrize("words", [("--smooth", 2), ("--simplify", 90)])
def test_what_is_said_of_an_outline_is_of_the_outline_that_is_written(place: Path, tmp_path: Path, monkeypatch, words):
    assert run(monkeypatch, place, tmp_path / "out", *words) == 0
    found = gpd.read_file(tmp_path / "out" / "outlines.gpkg")
    np.testing.assert_allclose(found["area_km2"], areas_km2(found.geometry), atol=1e-6)
    np.testing.assert_allclose(found["perimeter_km"], found.length / 1000, rtol=1e-3)


def test_a_plane_that_stretches_changes_no_size(mapped: Path, place: Path, tmp_path: Path, monkeypatch):
    with rasterio.open(next((place / products.PRODUCT).glob("*_SR_B4.TIF"))) as source:
        affine = source.transform
    scale = 1.7  # as Web Mercator has it at 54 degrees
    stretched = CRS.from_string(
        f"+proj=tmerc +lat_0=0 +lon_0=75 +k={scale * 0.9996} +x_0={500_000 * scale} +y_0=0 +datum=WGS84 +units=m"
    )
    moved = rasterio.Affine.scale(scale) * affine
    shutil.copytree(place / products.PRODUCT, tmp_path / products.PRODUCT)
    for path in (tmp_path / products.PRODUCT).glob("*.TIF"):
        with rasterio.open(path) as source:
            numbers, profile = source.read(), source.profile
        with rasterio.open(path, "w", **{**profile, "crs": stretched, "transform": moved}) as file:
            file.write(numbers)
    given = ["mapping", tmp_path / products.PRODUCT, "--out", tmp_path / "out", "--model", place / "model.pth"]
    monkeypatch.setattr("sys.argv", [str(word) for word in [*given, "--window", 128]])
    assert command.main() == 0
    facts, expected = (json.loads((out / "metrics.json").read_text()) for out in (tmp_path / "out", mapped))
    assert facts["pixel_m"] == pytest.approx(30, rel=2e-3)
    assert facts["glacier_km2_of_pixels"] == pytest.approx(expected["glacier_km2_of_pixels"], rel=5e-3)
    found, before = (gpd.read_file(out / "outlines.gpkg") for out in (tmp_path / "out", mapped))
    for name in ("area_km2", "perimeter_km", "area_uncertainty_km2"):
        np.testing.assert_allclose(found[name], before[name], rtol=5e-3)


def test_metrics_say_what_was_mapped_and_how_well(mapped: Path):
    facts = json.loads((mapped / "metrics.json").read_text())
    tile, truth = products.blocky_tile((300, 330))
    assert facts["valid_pixels"] == tile.valid.sum()
    assert facts["glacier_pixels"] == pytest.approx(truth.sum(), rel=0.005)
    assert facts["glaciers"] == 2
    assert facts["scores"]["mcc"] == pytest.approx(1, abs=0.005)


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
    out, again = tmp_path / "out", tmp_path / "again"

    def kill(worker: int) -> None:
        while not list(out.glob("*/.parts/part_*.gbm.npy")):
            time.sleep(0.005)
        os.kill(worker, signal.SIGKILL)

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        killer = Thread(target=kill, args=[min(client.run(os.getpid).values())], daemon=True)
        killer.start()
        there = ["--dask", cluster.scheduler_address]
        assert run(monkeypatch, place, out, *words, *there, also=[other]) == 0
        killer.join(timeout=0)
        assert not killer.is_alive(), "a worker was killed"
    assert run(monkeypatch, place, again, *words, also=[other]) == 0
    for name in (products.PRODUCT, "other"):
        assert bands_of(out / name) == bands_of(again / name)
        assert {path.name for path in (out / name).iterdir()} == {path.name for path in (again / name).iterdir()}


def test_what_goes_wrong_on_a_worker_is_one_sentence(place: Path, tmp_path: Path, monkeypatch, capsys):
    products.write_band(tmp_path / "unknown.tif", np.ones((50, 50)), "uint8", nodata=1)
    words = ["--dask", "local", "--jobs", 1, "--truth", tmp_path / "unknown.tif"]
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
        (("--overlap", "nan"), "--overlap"),
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
    assert not list(tmp_path.glob("out/*.tif")), "before anything is mapped"


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
