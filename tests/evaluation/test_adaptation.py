"""The simulated user, and what is made of its marks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from adapt.marks import pixels_of
from evaluation.adaptation_tables import ADAPTATION, RANDOM, SUGGESTED, summary_of
from evaluation.figures import draw_adaptation
from evaluation.readme import markers, update_document
from evaluation.simulated_user import Site, random_marks, site_of, study, suggested_marks, with_wrong
from fusion.fuse import Fusion
from tests.examples import example_model, example_tile


@pytest.fixture(scope="module")
def site() -> Site:
    """A tile whose model maps all of it."""
    model = replace(example_model(), fusion=Fusion((0.0, 0.3), 2.5, 0.5))
    return site_of(model, example_tile((64, 72)), torch.device("cpu"), 1)


def test_random_marks_are_true_by_turns_and_repeat(site: Site):
    marks = random_marks(site, 9, 4)
    assert [mark.glacier for mark in marks] == [True, False] * 4 + [True]
    for mark in marks:
        row, column = pixels_of(mark, site.grid)
        assert len(row) == 49
        assert site.truth[int(np.median(row)), int(np.median(column))] == mark.glacier
    assert random_marks(site, 9, 4) == marks
    assert random_marks(site, 9, 5) != marks
    assert random_marks(site, 4, 4) == marks[:4], "fewer marks are the first of more"


def test_suggested_marks_are_answered_by_the_truth(site: Site):
    for mark in suggested_marks(site, 6):
        row, column = pixels_of(mark, site.grid)
        assert mark.glacier == (site.truth[row, column].mean() > 0.5)


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0), (0.1, 1), (0.5, 5)])
def test_a_share_of_marks_is_wrong(site: Site, share: float, expected: int):
    marks = random_marks(site, 10, 0)
    wrong = with_wrong(marks, share, 3)
    assert sum(one.glacier != other.glacier for one, other in zip(marks, wrong)) == expected


def test_a_study_from_start_to_table(site: Site, tmp_path: Path):
    result = study(site, (2, 20), 2)
    assert result["unchanged"] == result["start"], "no mark changes nothing"
    assert np.mean(result[RANDOM]["0"]["20"]) > result["start"] + 0.5
    assert len(result[RANDOM]["0.1"]["20"]) == 2
    assert set(result[SUGGESTED]["0.1"]) == {"20"}
    summary = summary_of({"elsewhere": {"a": result}, "snow": {"b": {**result, "start": 0.9}}})
    last = next(one for one in summary if one["group"] == "elsewhere and snow" and one["marks"] == 20)
    assert last["sites"] == 2
    assert last["worst_site"] == "b"
    draw_adaptation(summary, tmp_path / "adaptation.png")
    assert (tmp_path / "adaptation.png").stat().st_size > 5000
    told = {"command": "for a test", "draws": 2, "seconds": 3.0, "summary": summary}
    (tmp_path / ADAPTATION).write_text(json.dumps(told))
    document = tmp_path / "README.md"
    document.write_text("\n".join(markers("adaptation")))
    update_document(document, ("adaptation",), tmp_path)
    assert f"{last['mcc']:.3f} ({last['worst_change']:+.3f})" in document.read_text()
