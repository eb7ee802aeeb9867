"""The challenge's folders: bands matched by tile id, in any order, with what is wrong named."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from errors import LayoutError, OutputError, RasterError, ShapeError
from tiles.folder import (
    band_folders,
    find_tiles,
    read_label,
    read_labelled,
    read_tile,
    tile_id_of,
    write_mask,
)
from tiles.raster import read_raster
from tiles.tile import BAND_NAMES, OPTICAL_BANDS, Tile

CHALLENGE = "B{n}_B{n}_masked_{id}.tif"
PLATFORM = "img{id}.tif"


def assert_same_tile(tile: Tile, other: Tile) -> None:
    assert (tile.tile_id, tile.coding, tile.source) == (other.tile_id, other.coding, other.source)
    assert list(tile.bands) == list(other.bands)
    np.testing.assert_array_equal(tile.valid, other.valid)
    for band in tile.bands:
        np.testing.assert_array_equal(tile.bands[band], other.bands[band])


@pytest.mark.parametrize(
    ("name", "tile_id"),
    [
        ("B2_B2_masked_02_07.tif", "02_07"),
        ("B10_B10_masked_12_13.tif", "12_13"),
        ("Y_output_resized_02_07.tif", "02_07"),
        ("img001.tif", "001"),
        ("img001.TIFF", "001"),
        ("glacier.tif", "glacier"),
    ],
)
def test_tile_id(name, tile_id):
    assert tile_id_of(Path("Band1") / name) == tile_id


@pytest.mark.parametrize("suffix", [".tif", ".TIF", ".tiff"])
@pytest.mark.parametrize(("name", "ids"), [(CHALLENGE, ["02_07", "02_08", "10_01"]), (PLATFORM, ["001", "002", "010"])])
def test_naming_schemes(level2, write_bands, name, ids, suffix):
    name = name.replace(".tif", suffix)
    for seed, tile_id in enumerate(reversed(ids)):
        folders = write_bands(level2(seed=seed), tile_id, name)
    tiles = [read_tile(files) for files in find_tiles(folders)]
    assert [tile.tile_id for tile in tiles] == ids, "sorted by id"
    assert [tile.source for tile in tiles] == [name.format(n=2, id=tile_id) for tile_id in ids]


def test_bands_are_the_scene(read_only, physical, level2, write_bands):
    """Each folder's numbers arrive as the quantity that the band measures."""
    scene, tile = physical((6, 5)), read_only(write_bands(level2((6, 5))))
    assert tuple(tile.bands) == BAND_NAMES
    assert tile.valid.all()
    for band in OPTICAL_BANDS:
        np.testing.assert_allclose(tile.bands[band], scene[band], atol=2e-5)
    np.testing.assert_allclose(tile.bands["thermal"], scene["thermal"], atol=2e-3)
    assert all(values.dtype == np.float32 for values in tile.bands.values())


@pytest.mark.parametrize("dtype", ["uint16", "float32", "float64"])
def test_every_dtype_gives_the_same_tile(read_only, level2, write_bands, tmp_path, dtype):
    as_float = read_only(write_bands(level2(), root=tmp_path / "a"))
    bands = {band: values.astype(dtype) for band, values in level2().items()}
    assert_same_tile(read_only(write_bands(bands, root=tmp_path / "b", compression="lzw")), as_float)


def test_folders_come_in_any_order(read_only, level2, write_bands):
    """``os.listdir`` promises no order, and the evaluator passes on what it gives."""
    folders = write_bands(level2())
    expected = read_only(folders)
    for order in itertools.permutations(folders):
        assert_same_tile(read_only({key: folders[key] for key in order}), expected)


@pytest.mark.parametrize("spelling", ["band{}", "BAND{}", "Band_{}", "band {}"])
def test_band_folder_spellings(read_only, level2, write_bands, spelling):
    folders = write_bands(level2())
    renamed = {spelling.format(key[-1]): Path(folder) for key, folder in folders.items()}
    assert_same_tile(read_only(renamed), read_only(folders))


def test_other_folders_are_ignored(read_only, level2, write_bands, tmp_path):
    """Labels above all: they are never opened."""
    expected = read_only(write_bands(level2()))
    for name in ("label", "Band6", "Band10", "Band1_backup", "old Band1", "notes"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "B2_B2_masked_02_07.tif").write_text("not for reading")
    (tmp_path / "Band1" / "readme.txt").write_text("not a tile")
    (tmp_path / "Band1" / ".hidden_02_07.tif").write_text("not a tile")
    assert_same_tile(read_only(band_folders(tmp_path)), expected)
    assert_same_tile(read_only({**band_folders(tmp_path), "label": "/no/such/folder"}), expected)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_missing_band_folder(level2, write_bands, number, one_sentence):
    folders = write_bands(level2())
    del folders[f"Band{number}"]
    with pytest.raises(LayoutError, match="folder is missing") as error:
        find_tiles(folders)
    one_sentence(error.value, f"Band{number}")


@pytest.mark.parametrize("number", [1, 4, 5])
def test_band_folder_that_does_not_exist(level2, write_bands, tmp_path, number, one_sentence):
    folders = {**write_bands(level2()), f"Band{number}": str(tmp_path / "nowhere")}
    with pytest.raises(LayoutError, match="no such folder") as error:
        find_tiles(folders)
    one_sentence(error.value, tmp_path / "nowhere")


def test_root_that_does_not_exist(tmp_path, one_sentence):
    with pytest.raises(LayoutError) as error:
        band_folders(tmp_path / "nowhere")
    one_sentence(error.value, tmp_path / "nowhere")


def test_no_tile_at_all(tmp_path, one_sentence):
    for number in range(1, 6):
        (tmp_path / f"Band{number}").mkdir()
    with pytest.raises(LayoutError, match="no .tif") as error:
        find_tiles(band_folders(tmp_path))
    one_sentence(error.value, tmp_path / "Band1")


def test_two_files_of_one_tile(level2, write_bands, tmp_path, one_sentence):
    folders = write_bands(level2())
    (tmp_path / "Band3" / "copy_02_07.TIF").write_bytes(b"")
    with pytest.raises(LayoutError, match="same tile id 02_07") as error:
        find_tiles(folders)
    one_sentence(error.value, "copy_02_07.TIF")


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_tile_missing_in_one_band_loses_no_other(level2, write_bands, tmp_path, number, one_sentence):
    write_bands(level2(), "001", PLATFORM)
    folders = write_bands(level2(), "002", PLATFORM)
    (tmp_path / f"Band{number}" / "img001.tif").unlink()
    broken, whole = find_tiles(folders)
    assert read_tile(whole).tile_id == "002"
    with pytest.raises(LayoutError, match="tile 001: has no file") as error:
        read_tile(broken)
    one_sentence(error.value, tmp_path / f"Band{number}")


@pytest.mark.parametrize("band", BAND_NAMES[1:])
@pytest.mark.parametrize("shape", [(9, 8), (7, 9), (1, 63)])
def test_bands_of_different_shapes(read_only, level2, write_bands, band, shape, one_sentence):
    folders = write_bands({**level2((9, 7)), band: level2(shape)[band]})
    with pytest.raises(ShapeError) as error:
        read_only(folders)
    one_sentence(
        error.value, Path(folders[f"Band{BAND_NAMES.index(band) + 1}"]) / Path(find_tiles(folders)[0].paths[band]).name
    )


@pytest.mark.parametrize("content", [b"", b"not a raster\n", None], ids=["zero bytes", "text", "truncated"])
@pytest.mark.parametrize("number", [1, 4, 5])
def test_damaged_band(read_only, level2, write_bands, tmp_path, number, content, one_sentence):
    folders = write_bands(level2(), "001", PLATFORM)
    path = tmp_path / f"Band{number}" / "img001.tif"
    path.write_bytes(path.read_bytes()[:-9] if content is None else content)
    with pytest.raises(RasterError) as error:
        read_only(folders)
    one_sentence(error.value, path)


@given(shape=st.tuples(st.integers(1, 24), st.integers(1, 24)))
def test_any_shape(read_only, level2, write_bands, shape):
    tile = read_only(write_bands(level2(shape)))
    assert tile.shape == shape
    assert {values.shape for values in tile.bands.values()} == {shape}


def test_label_is_above_zero(tmp_path, level2, write_bands):
    write_bands(level2((2, 3)))
    (tmp_path / "label").mkdir()
    label = np.array([[0, 255, 0], [1, 0, np.nan]], np.float32)
    tifffile.imwrite(tmp_path / "label" / "Y_output_resized_02_07.tif", label)
    expected = [[False, True, False], [True, False, False]]
    assert read_label(tmp_path, "02_07").tolist() == expected
    ((tile, truth),) = read_labelled(tmp_path)
    assert (tile.tile_id, truth.dtype, truth.tolist()) == ("02_07", np.dtype(bool), expected)


def test_missing_label(tmp_path, level2, write_bands, one_sentence):
    write_bands(level2())
    with pytest.raises(LayoutError, match="no such folder"):
        read_labelled(tmp_path)
    (tmp_path / "label").mkdir()
    with pytest.raises(LayoutError, match="no label for tile 02_07") as error:
        read_labelled(tmp_path)
    one_sentence(error.value, tmp_path / "label")


@pytest.mark.parametrize("name", [CHALLENGE, PLATFORM, "img{id}.TIF"])
def test_mask_inherits_name_and_georeference(read_only, level2, write_bands, tmp_path, name):
    tile = read_only(write_bands(level2((6, 5)), "001", name))
    mask = np.arange(30).reshape(6, 5) % 3 == 0
    path = write_mask(tmp_path / "out", tile, mask)
    assert path == tmp_path / "out" / name.format(n=2, id="001")
    written, georeference = read_raster(path)
    assert written.dtype == np.uint8
    np.testing.assert_array_equal(written, np.where(mask, 255, 0))
    assert tile.georeference is not None
    assert georeference == tile.georeference


def test_mask_that_cannot_be_written(read_only, level2, write_bands, tmp_path, one_sentence):
    tile = read_only(write_bands(level2()))
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError) as error:
        write_mask(tmp_path / "out", tile, tile.valid)
    one_sentence(error.value, tmp_path / "out" / tile.source)
    assert (tmp_path / "out").read_text() == "a file"


def test_real_tiles(real_tiles):
    """The challenge's tiles: Level-2 numbers, plausible quantities, and no glacier where there is no data."""
    labelled = read_labelled(real_tiles)
    assert len(labelled) == 20
    for tile, truth in labelled:
        assert tile.coding == "Collection-2 Level-2 numbers", tile.tile_id
        assert tile.has_thermal
        assert tile.georeference is not None
        assert tile.shape == truth.shape == (512, 512)
        assert not (truth & ~tile.valid).any(), f"{tile.tile_id}: glacier where there is no data"
        assert 230 < np.median(tile.bands["thermal"][tile.valid]) < 310
        assert 0 < np.median(tile.bands["green"][tile.valid]) < 1.2
        assert tile.notes == ()
    assert 0.7 < np.mean([tile.valid.mean() for tile, _ in labelled]) < 0.8
