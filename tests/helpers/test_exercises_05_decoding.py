"""The checkers of chapter 5's page on decoding: stub, right and wrong answers."""

import numpy as np
import pytest

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
    ],
)
def test_better_pixel(answer, passed, named):
    feedback = check_better_pixel(answer, np.full(5, 0.7))
    assert feedback.passed is passed and named in feedback.message, feedback


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
