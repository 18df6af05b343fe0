"""The checkers of chapter 5's page on reconstruction: stub, right and wrong answers."""

import numpy as np
import pytest

from helpers.exercises import check_better_images, check_of_five

RNG = np.random.default_rng(0)
CANDIDATES = (RNG.random((4, 100)) < 0.3).astype(int)
SHOWN = CANDIDATES[[0, 1, 0, 1, 2, 3, 2, 3]]
RUNS = np.repeat([0, 1], 4)
# The first block is taken for figure 2, which its run does not have; the second for
# figure 0, which it has. All others are named.
SEEN = CANDIDATES[[2, 0, 0, 1, 2, 3, 2, 3]] + 0.3 * SHOWN
REBUILT = SEEN + 0.01 * RNG.normal(size=SEEN.shape)


@pytest.mark.parametrize(
    ("answer", "passed", "named"),
    [
        (..., False, "stub is still empty"),
        (7 / 8, True, "among all"),
        ([np.float32(7 / 8)], True, "among all"),
        (6 / 8, False, "among all figures"),
        (87.5, False, "percent"),
        (1 / 8, False, "wrong names"),
        (0.5, False, "candidates"),
    ],
)
def test_of_five(answer, passed, named):
    feedback = check_of_five(answer, REBUILT, SHOWN, RUNS)
    assert feedback.passed is passed and named in feedback.message, feedback


def better():
    """Return noisy images of which all are named."""
    return SHOWN + np.random.default_rng(1).normal(size=SHOWN.shape) * 0.4


def mirrored():
    """Return the same images, mirrored at their diagonals."""
    return better().reshape(-1, 10, 10).transpose(0, 2, 1).reshape(8, 100)


@pytest.mark.parametrize(
    ("answer", "passed", "named"),
    [
        (..., False, "stub is still empty"),
        (better(), True, "beats"),
        (better().astype(np.float32).tolist(), True, "beats"),
        (better().T, False, "exchanged"),
        (better()[:4], False, "shape"),
        (REBUILT, False, "does not beat"),
        (mirrored(), False, "mirrored"),
        (SHOWN, False, "Too good"),
        (np.zeros(SHOWN.shape), False, "one value everywhere"),
        (np.full(SHOWN.shape, np.nan), False, "not finite"),
        ("images", False, "numbers"),
    ],
)
def test_better_images(answer, passed, named):
    feedback = check_better_images(answer, SHOWN, REBUILT)
    assert feedback.passed is passed and named in feedback.message, feedback
