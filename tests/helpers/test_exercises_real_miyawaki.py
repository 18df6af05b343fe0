"""The checkers of the page on Miyawaki's figures: stub, right and wrong answers."""

import numpy as np
import pytest

from helpers.exercises import check_black_image, check_pairwise, check_rebuilt

rng = np.random.default_rng(0)
FIGURES = (rng.random((5, 30)) < 0.3).astype(int)
WHICH = np.repeat(np.arange(5), 4)
STIMULI = FIGURES[WHICH]
REBUILT = STIMULI + rng.normal(0, 0.8, STIMULI.shape)
RANK = np.array(
    [
        sum(
            np.corrcoef(image, FIGURES[k])[0, 1]
            < np.corrcoef(image, FIGURES[true])[0, 1]
            for k in range(5)
        )
        for image, true in zip(REBUILT, WHICH, strict=True)
    ]
)


def said(feedback, passed, named):
    """Say whether a checker judged, and named the mistake, as it should."""
    return feedback.passed is passed and named in feedback.message


@pytest.mark.parametrize(
    ("answer", "passed", "named"),
    [
        (..., False, "stub is still empty"),
        (1 - STIMULI.mean(), True, "black"),
        (np.float32(1 - STIMULI.mean()), True, "black"),
        (STIMULI.mean(), False, "Count the zeros"),
        ((STIMULI == 0).sum(), False, "take the mean, not the sum or percent"),
        (100 * (1 - STIMULI.mean()), False, "percent"),
        (0.5, False, "Compare"),
    ],
)
def test_black_image(answer, passed, named):
    assert said(check_black_image(answer, STIMULI), passed, named)


@pytest.mark.parametrize(
    ("answer", "passed", "named"),
    [
        (..., False, "stub is still empty"),
        (RANK.mean() / 4, True, "chance is 0.5"),
        ([RANK.mean() / 4], True, "chance is 0.5"),
        ((RANK == 4).mean(), False, "must beat all others at once"),
        (RANK.mean() / 5, False, "not compared with itself"),
        (RANK.mean(), False, "divide by the 4 others"),
        (100 * RANK.mean() / 4, False, "not percent"),
        (0.5, False, "rebuilt without their figure"),
    ],
)
def test_pairwise(answer, passed, named):
    assert 0.6 < RANK.mean() / 4 < 1  # the cases differ
    feedback = check_pairwise(answer, REBUILT, FIGURES, WHICH)
    assert said(feedback, passed, named), feedback


def correlation(images):
    """Return the mean correlation with the images shown."""
    return np.mean(
        [np.corrcoef(a, b)[0, 1] for a, b in zip(images, STIMULI, strict=True)]
    )


@pytest.mark.parametrize(
    ("answer", "passed", "named"),
    [
        (..., False, "stub is still empty"),
        (STIMULI + (REBUILT - STIMULI) / 2, True, "beats"),
        ((STIMULI + (REBUILT - STIMULI) / 2).tolist(), True, "beats"),
        (REBUILT, False, "does not beat"),
        (STIMULI + 0.01 * REBUILT, False, "too good to be true"),
        (REBUILT.T, False, "transpose"),
        (REBUILT[:3], False, "Expected the shape"),
        (np.zeros(STIMULI.shape), False, "all the same"),
    ],
)
def test_rebuilt(answer, passed, named):
    feedback = check_rebuilt(answer, STIMULI, correlation(REBUILT))
    assert said(feedback, passed, named), feedback
