"""No split learns from a pixel that it scores, whatever the sizes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import SettingError, TrainingError
from patches.image import Image, Patch
from patches.split import Split, split_images


def image_of(name: str, height: int, width: int, place: str = "", subset: str = "") -> Image:
    def read(row: int, column: int, rows: int, columns: int) -> Patch:
        shape = (rows, columns)
        return Patch(np.zeros((1, *shape), np.float32), ("a",), np.zeros(shape, np.uint8), np.ones(shape, bool))

    return Image(name, height, width, ("a",), read, place, subset)


def painted(subsets: dict[str, list[Image]], sizes: dict[str, tuple[int, int]]) -> dict[str, np.ndarray]:
    """How often each pixel of each image belongs to a subset."""
    counts = {name: np.zeros(size, int) for name, size in sizes.items()}
    for images in subsets.values():
        for image in images:
            name, row, column, rows, columns = image.area
            counts[name][row : row + rows, column : column + columns] += 1
    return counts


sides = st.integers(1, 400)


@given(st.lists(st.tuples(sides, sides), min_size=1, max_size=6), st.sampled_from(["blocks", "random"]))
def test_every_pixel_belongs_to_one_part(sizes, kind):
    named = {f"{number:02d}": size for number, size in enumerate(sizes)}
    images = [image_of(name, *size) for name, size in named.items()]
    try:
        subsets = split_images(images, Split(kind, 0.2, 0.2, side=64, overlap=0.0))
    except TrainingError:
        return  # too little to split
    for counts in painted(subsets, named).values():
        assert (counts == 1).all()
    for image in (image for ones in subsets.values() for image in ones):
        whole = named[image.name]
        assert kind == "random" or min(image.height, image.width) >= min(64, *whole)


def test_one_large_image_is_cut_in_strips():
    subsets = split_images([image_of("a", 1000, 300)], Split(side=64))
    assert [[one.area for one in subsets[name]] for name in ("training", "validation", "test")] == [
        [("a", 0, 0, 650, 300)],
        [("a", 650, 0, 150, 300)],
        [("a", 800, 0, 200, 300)],
    ]


def test_named_regions_stay_whole():
    images = [image_of(f"{number}", 50, 50, place=f"region {number % 4}") for number in range(12)]
    subsets = split_images(images, Split(validation=0.2, test=0.2))
    places = [{image.place for image in subsets[name]} for name in ("training", "validation", "test")]
    assert all(places)
    assert sum(map(len, places)) == 4


def test_folders_say_what_is_tested():
    images = [image_of(f"{number}", 60, 60, subset="test" if number < 2 else "training") for number in range(8)]
    subsets = split_images(images, Split(side=64))
    assert [image.name for image in subsets["test"]] == ["0", "1"]
    assert [image.name for image in subsets["validation"]] == ["7"]


def test_random_patches_that_overlap_are_refused(one_sentence):
    with pytest.raises(SettingError) as raised:
        split_images([image_of("a", 300, 300)], Split("random", side=64, overlap=0.5))
    one_sentence(raised.value, "--split random")
    alone = [image_of(f"{number}", 60, 60) for number in range(10)]
    assert len(split_images(alone, Split("random", 0.2, 0.2, side=64))["training"]) == 6


@pytest.mark.parametrize(("validation", "test"), [(0.6, 0.5), (-0.1, 0.2), (float("nan"), 0.1)])
def test_shares_that_leave_nothing_are_refused(validation, test, one_sentence):
    with pytest.raises(SettingError) as raised:
        split_images([image_of("a", 300, 300)], Split("blocks", validation, test))
    one_sentence(raised.value, "--validation")


def test_regions_that_leave_nothing_to_train_on_are_refused(one_sentence):
    images = [image_of("a", 700, 100, "one"), image_of("b", 9, 9, "two"), image_of("c", 9, 9, "three")]
    with pytest.raises(TrainingError) as raised:
        split_images(images, Split("regions", 0.1, 0.6))
    one_sentence(raised.value, "3 image(s)")


def test_too_few_regions_are_refused(one_sentence):
    with pytest.raises(TrainingError) as raised:
        split_images([image_of("a", 300, 300, "one"), image_of("b", 9, 9, "two")], Split("regions"))
    one_sentence(raised.value, "2 region(s)")
