"""Every format is recognised and read as it is meant; what is wrong with a file is one sentence."""

from __future__ import annotations

import numpy as np
import pytest

from errors import CodingError, GlacierError, GridError, LayoutError, RasterError, SettingError, ShapeError
from patches.formats import open_images, recognised
from patches.hkh import DEFAULT_BANDS, ORIGINAL_BANDS
from patches.image import Image
from tests.examples import write_folder
from tests.pictures import scene, write_pictures, write_raster, write_slices, write_stack


def whole(image: Image):
    return image.patch(0, 0, image.height, image.width)


def refused(kind: type[GlacierError], culprit, one_sentence, *words, **named):
    """Opening or reading the images raises this kind of error in one sentence that names the culprit."""
    with pytest.raises(kind) as raised:
        for image in open_images(*words, **named):
            whole(image)
    one_sentence(raised.value, culprit)


def test_slices_take_the_right_channels_and_the_labelled_region(tmp_path):
    folder = write_slices(tmp_path / "hkh")
    mask = np.load(folder / "slice_0_mask_0.npy")
    mask[:5, :, 2] = 0
    np.save(folder / "slice_0_mask_0.npy", mask)
    assert recognised(folder) == "hkh"
    images = open_images(folder)
    assert (len(images), images[0].bands, images[0].place) == (6, DEFAULT_BANDS, "image 0")
    array, truth = scene((48, 48), 15)
    np.testing.assert_array_equal(whole(images[0]).array, array[[0, 1, 2, 4, 5]])
    np.testing.assert_array_equal(whole(images[0]).truth[5:], truth[5:])
    assert not whole(images[0]).truth[:5].any()
    original = open_images(folder, bands="original")[0]
    assert original.bands == ORIGINAL_BANDS
    np.testing.assert_array_equal(whole(original).array, array[[1, 2, 3, 5, 9]])


def test_a_slice_called_image_is_read_and_its_nan_is_nodata(tmp_path):
    folder = write_slices(tmp_path / "hkh", 1)
    array = np.load(folder / "slice_0_img_0.npy")
    array[:2, :3] = np.nan
    (folder / "slice_0_img_0.npy").unlink()
    np.save(folder / "slice_0_image_0.npy", array)
    patch = whole(open_images(folder)[0])
    assert (~patch.valid).sum() == 6
    assert not patch.valid[:2, :3].any()


def test_a_slice_of_14_channels_is_refused(tmp_path, one_sentence):
    folder = write_slices(tmp_path / "hkh", 1, channels=14)
    refused(ShapeError, folder / "slice_0_img_0.npy", one_sentence, folder)


def test_a_slice_without_a_mask_is_refused(tmp_path, one_sentence):
    folder = write_slices(tmp_path / "hkh")
    (folder / "slice_1_mask_1.npy").unlink()
    refused(LayoutError, folder / "slice_1_img_1.npy", one_sentence, folder)


def test_a_mask_of_another_size_is_refused(tmp_path, one_sentence):
    folder = write_slices(tmp_path / "hkh")
    np.save(folder / "slice_1_mask_1.npy", np.zeros((48, 47, 3), np.float32))
    refused(ShapeError, folder / "slice_1_mask_1.npy", one_sentence, folder)


@pytest.mark.parametrize("content", ["objects", "text"])
def test_arrays_that_need_unpickling_are_refused(tmp_path, one_sentence, content):
    folder = write_slices(tmp_path / "hkh", 1)
    path = folder / "slice_0_img_0.npy"
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    if content == "text":
        path.write_text("slices")
    refused(RasterError, path, one_sentence, folder)


def test_pictures_with_their_masks_and_parts(tmp_path):
    images = open_images(write_pictures(tmp_path))
    assert [image.subset for image in images] == ["test", *["training"] * 4]
    assert images[0].bands == ("red", "green", "blue")
    array, truth = scene((40, 48), 3, 1)
    patch = whole(images[2])
    np.testing.assert_array_equal(patch.array, np.clip(array, 0, 255).astype(np.uint8))
    np.testing.assert_array_equal(patch.truth, truth)
    assert patch.valid.all()


def test_a_folder_within_is_a_region(tmp_path):
    for region in ("alps", "andes"):
        write_raster(tmp_path / "images" / region / "a.tif", scene((20, 20), 4)[0])
        write_raster(tmp_path / "masks" / region / "a.tif", np.ones((20, 20), np.uint8))
    assert [image.place for image in open_images(tmp_path)] == ["alps", "andes"]


def test_a_picture_without_a_mask_and_masks_of_other_sizes_are_refused(tmp_path, one_sentence):
    root = write_pictures(tmp_path)
    mask = root / "train" / "masks" / "g1.png"
    write_raster(mask, np.zeros((9, 9), np.uint8), located=False)
    refused(ShapeError, mask, one_sentence, root)
    mask.unlink()
    refused(LayoutError, root / "train" / "images" / "g1.png", one_sentence, root)


def test_unknown_and_missing_labels_are_refused(tmp_path, one_sentence):
    array, truth = scene((20, 20), 3)
    write_raster(tmp_path / "a.tif", array)
    mask = write_raster(tmp_path / "a_mask.tif", np.where(truth, np.uint8(170), np.uint8(0)))
    refused(CodingError, mask, one_sentence, tmp_path)
    np.testing.assert_array_equal(whole(open_images(tmp_path, labels="four")[0]).truth, truth * 2)
    write_raster(mask, np.where(truth, np.nan, 0).astype(np.float32))
    refused(CodingError, mask, one_sentence, tmp_path)


def test_blurred_masks_are_glacier_from_a_half(tmp_path):
    array, truth = scene((20, 20), 3)
    write_raster(tmp_path / "a.tif", array)
    write_raster(tmp_path / "a_mask.tif", np.where(truth, 0.6, 0.4).astype(np.float32))
    np.testing.assert_array_equal(whole(open_images(tmp_path, labels="soft")[0]).truth, truth)


@pytest.mark.parametrize("outlines", [False, True])
def test_eighteen_bands_with_a_mask_or_outlines(tmp_path, outlines):
    path = write_stack(tmp_path, outlines=outlines)
    (image,) = open_images(tmp_path, bands="8,4,band5")
    assert image.bands == ("band8", "band4", "band5")
    array, truth = scene((160, 60), 18)
    patch = image.patch(50, 10, 20, 30)
    np.testing.assert_array_equal(patch.array, array[[7, 3, 4], 50:70, 10:40])
    np.testing.assert_array_equal(patch.truth, truth[50:70, 10:40])
    truth_file = tmp_path / ("scene.gpkg" if outlines else "scene_mask.tif")
    np.testing.assert_array_equal(whole(open_images(path, truth=truth_file)[0]).truth, truth)


def test_nodata_of_a_raster_is_not_valid(tmp_path):
    array, truth = scene((20, 20), 3)
    array[:, :4] = -9999
    array[0, 10, 10] = np.nan
    write_raster(tmp_path / "a.tif", array, nodata=-9999)
    write_raster(tmp_path / "a_mask.tif", truth.astype(np.uint8))
    patch = whole(open_images(tmp_path)[0])
    assert not patch.valid[:4].any()
    assert patch.valid[4:].all()
    assert np.isnan(patch.array[0, 10, 10])


def test_outlines_elsewhere_and_rasters_without_truth_are_refused(tmp_path, one_sentence):
    write_stack(tmp_path / "a", outlines=True)
    (tmp_path / "a" / "scene.tif").unlink()
    array, _ = scene((20, 20), 3)
    path = write_raster(tmp_path / "b.tif", array, transform=(10.0, 0, 100, 0, -10, 100))
    refused(GridError, tmp_path / "a" / "scene.gpkg", one_sentence, path, truth=tmp_path / "a" / "scene.gpkg")
    refused(LayoutError, path, one_sentence, path)
    plain = write_raster(tmp_path / "c.tif", array, located=False)
    refused(GridError, plain, one_sentence, plain, truth=tmp_path / "a" / "scene.gpkg")


def test_the_challenges_folders_are_read_in_physical_units(tmp_path):
    images = open_images(write_folder(tmp_path))
    assert [image.name for image in images] == ["01_01", "01_02"]
    patch = whole(images[0])
    assert patch.array.shape == (5, 40, 48)
    assert 250 < patch.array[4][patch.valid].mean() < 290
    assert not patch.valid[:, :6].any()


@pytest.mark.parametrize("bands", ["9", "swir3", "1,1"])
def test_bands_that_are_not_there_are_refused(tmp_path, one_sentence, bands):
    refused(SettingError, "1,1" if bands == "1,1" else bands, one_sentence, write_pictures(tmp_path), bands=bands)


def test_images_of_different_bands_are_refused(tmp_path, one_sentence):
    for name, count in (("a", 3), ("b", 4)):
        write_raster(tmp_path / f"{name}.tif", scene((20, 20), count)[0])
        write_raster(tmp_path / f"{name}_mask.tif", np.zeros((20, 20), np.uint8))
    refused(SettingError, "b.tif", one_sentence, tmp_path)


def test_truth_and_labels_that_a_format_has_itself_are_refused(tmp_path, one_sentence):
    folder = write_slices(tmp_path / "hkh", 1)
    refused(SettingError, "--labels four", one_sentence, folder, labels="four")
    refused(SettingError, "--truth", one_sentence, folder, truth=tmp_path / "a.gpkg")


def test_what_is_no_format_is_refused(tmp_path, one_sentence):
    refused(LayoutError, tmp_path, one_sentence, tmp_path)
    refused(LayoutError, tmp_path / "none", one_sentence, tmp_path / "none")
    (tmp_path / "a.tif").write_text("raster")
    (tmp_path / "a_mask.tif").write_text("raster")
    refused(RasterError, tmp_path / "a.tif", one_sentence, tmp_path)


def test_a_patch_beyond_the_edge_is_mirrored_and_not_valid(tmp_path):
    image = open_images(write_folder(tmp_path))[0]
    patch = image.patch(-3, 40, 6, 10)
    np.testing.assert_array_equal(patch.array[:, :3], patch.array[:, 5:2:-1])
    assert not patch.valid[:3].any()
    assert not patch.valid[:, 8:].any()
