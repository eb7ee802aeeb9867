"""Scores of several classes agree with scikit-learn, and with the binary ones where there are two."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, jaccard_score, matthews_corrcoef

from scores.agreement import kappa
from scores.classes import ClassConfusion, class_confusion
from scores.confusion import confusion

pairs = st.integers(2, 4).flatmap(
    lambda classes: st.tuples(
        st.just(classes),
        st.lists(st.tuples(st.integers(0, classes - 1), st.integers(0, classes - 1)), min_size=1, max_size=60),
    )
)


@given(pairs)
def test_scores_agree_with_scikit_learn(drawn):
    classes, pixels = drawn
    truth, mapped = np.array(pixels).T
    counts = class_confusion(truth, mapped, classes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert counts.mcc == pytest.approx(matthews_corrcoef(truth, mapped))
        if len({*truth, *mapped}) > 1:  # scikit-learn's kappa of one class alone is NaN
            assert counts.kappa == pytest.approx(cohen_kappa_score(truth, mapped))
        expected = jaccard_score(truth, mapped, labels=range(1, classes), average="macro", zero_division=0)
    names = ("ground", "ice", "debris", "lake")[:classes]
    assert counts.scores(names)["iou"] == pytest.approx(expected)
    assert counts.overall_accuracy == pytest.approx((truth == mapped).mean())


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=50))
def test_two_classes_are_the_binary_scores(pixels):
    truth, mapped = np.array(pixels).T
    counts, binary = class_confusion(truth, mapped, 2), confusion(truth, mapped)
    assert counts.of_class(1) == binary
    assert counts.mcc == pytest.approx(binary.mcc)
    assert counts.kappa == pytest.approx(kappa(binary))


def test_counts_add_up_and_nothing_is_nothing():
    one = class_confusion(np.array([0, 1, 2]), np.array([0, 2, 2]), 3)
    assert ((one + one).matrix == 2 * one.matrix).all()
    empty = ClassConfusion(np.zeros((3, 3), np.int64))
    assert (empty.mcc, empty.kappa, empty.overall_accuracy) == (0, 0, 0)
