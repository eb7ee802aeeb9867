"""What the numbers of a mask mean."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from errors import CodingError, SettingError


@dataclass(frozen=True)
class Labels:
    """Names of the classes, the first is ground, and the class of each number that a mask may hold."""

    classes: tuple[str, ...]
    numbers: dict[int, int]


LABELS = {
    "binary": Labels(("ground", "glacier"), {0: 0, 1: 1, 255: 1}),
    "four": Labels(("ground", "ice", "debris", "lake"), {0: 0, 85: 1, 170: 2, 255: 3}),
    "soft": Labels(("ground", "glacier"), {}),  # shares in 0..1 or 0..255, as blurred masks have: glacier from a half
}


def labels_of(name: str) -> Labels:
    """The labels of this name; raises SettingError for another."""
    if name not in LABELS:
        raise SettingError(f"--labels {name}: is not known; choose one of {', '.join(LABELS)}.")
    return LABELS[name]


def classes_of(numbers: np.ndarray, name: str, path: Path | str) -> np.ndarray:
    """Class numbers, uint8, of a mask's numbers; raises CodingError where one means nothing."""
    labels = labels_of(name)
    if name == "soft":
        full = 255 if np.issubdtype(numbers.dtype, np.integer) or numbers.max(initial=0) > 1 else 1
        return (numbers >= full / 2).astype(np.uint8)
    classes, known = np.zeros(numbers.shape, np.uint8), np.zeros(numbers.shape, bool)
    for number, one in labels.numbers.items():
        here = numbers == number
        classes[here], known = one, known | here
    if not known.all():
        raise CodingError(
            f"{path}: holds the label {numbers[~known].flat[0]}, but {name} labels are "
            f"{', '.join(map(str, labels.numbers))}; choose other --labels ({', '.join(LABELS)}) or correct the mask."
        )
    return classes
