"""The checkers of chapter 5's page on decoding: stub, right and wrong answers."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, LeaveOneGroupOut, cross_validate

from helpers.exercises import (
    check_always_off,
    check_balanced_c,
    check_better_pixel,
    check_weight_counts,
)


@pytest.mark.parametrize(
    ("answer", "passed", "named"),
    [
        (..., False, "stub is still empty"),
        (np.float32(0.75), True, "without a brain"),
        ([0.75], True, "without a brain"),
        (0.25, False, "always saying on"),
        (75, False, "percent"),
        (0.5, False, "zeros"),
    ],
)
def test_always_off(answer, passed, named):
    feedback = check_always_off(answer, np.array([[0, 0, 0, 1]] * 5))
    assert feedback.passed is passed and named in feedback.message, feedback


@pytest.mark.parametrize(
    ("answer", "passed", "named"),
    [
        (..., False, "stub is still empty"),
        ([0.8] * 5, True, "beats"),
        (np.full((1, 5), 0.8, np.float32), True, "beats"),
        ([0.6] * 5, False, "does not beat"),
        ([1.0] * 5, False, "Too good"),
        ([80] * 5, False, "percent"),
        ([0.9, 0.9, 0.9, 0.9, 1.2], False, "at most 1"),
        ([0.9, 0.9, 0.9, 0.9, -0.1], False, "at least 0"),
        ([0.83, 0.8, 0.8, 0.8, 0.8], False, "20 samples is 0.8300"),
    ],
)
def test_better_pixel(answer, passed, named):
    feedback = check_better_pixel(answer, np.full(5, 0.7), 100)
    assert feedback.passed is passed and named in feedback.message, feedback


def test_better_pixel_wants_accuracies_of_the_folds_that_were_held_out():
    """103 samples: KFold makes three folds of 21 and two of 20."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(103, 30))
    y = X[:, 0] + rng.normal(size=103) > 0
    model, folds = LogisticRegression(C=0.01), KFold(5)
    found = {
        kind: cross_validate(
            model, X, y, cv=folds, scoring=kind, return_train_score=True
        )
        for kind in ("accuracy", "roc_auc", "balanced_accuracy")
    }
    held_out = found["accuracy"]["test_score"]
    usual = np.full(5, 0.5)
    assert check_better_pixel(held_out, usual, len(y)).passed
    for wrong in (
        found["accuracy"]["train_score"],
        found["roc_auc"]["test_score"],
        found["balanced_accuracy"]["test_score"],
        held_out + 0.013,
        cross_validate(model, X, y, cv=LeaveOneGroupOut(), groups=np.arange(103) // 24)[
            "test_score"
        ],
    ):
        feedback = check_better_pixel(wrong, usual, len(y))
        assert not feedback.passed and "training samples" in feedback.message, feedback


def test_weight_counts():
    """One voxel tells the class strongly; with C of 0.3 only it is kept."""
    rng = np.random.default_rng(0)
    y = np.tile([0, 1], 50)
    X = 0.01 * rng.normal(size=(100, 8))
    X[:, 0] += 2.0 * y - 1
    for right in ((0, 1), [0, 1], np.float32([0, 1])):
        assert check_weight_counts(right, X, y).passed
    for answer, named in (
        (..., "stub is still empty"),
        ((1, 0), "order"),
        ((8, 8), "all weights"),
        ((0, 6), "factor * C"),
    ):
        feedback = check_weight_counts(answer, X, y)
        assert not feedback.passed and named in feedback.message, feedback


@pytest.mark.parametrize(
    ("answer", "passed", "named"),
    [
        (..., False, "stub is still empty"),
        ((0.01, 0.015), True, "stays"),
        (np.float32([0.01, 0.015]), True, "stays"),
        ((0.015, 0.01), False, "order"),
        ((0.09, 0.06), False, "wrong way"),
        ((0.03, 0.03), False, "same C"),
        ((0.01, 0.02), False, "880"),
        ((0.01,), False, "2 numbers"),
    ],
)
def test_balanced_c(answer, passed, named):
    feedback = check_balanced_c(answer, 0.03, 440)
    assert feedback.passed is passed and named in feedback.message, feedback
