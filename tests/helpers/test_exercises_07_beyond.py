"""Chapter 7, beyond: empty stubs fail, right answers pass, mistakes are named."""

import numpy as np
import pytest

from helpers.exercises import check_amdahl, check_plan, check_streamed_variance


@pytest.mark.parametrize("answer", [9, 9.0, np.float32(9), [9]])
def test_amdahl_right(answer):
    assert check_amdahl(answer, serial=6, parallel=54, n_workers=18).passed


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (..., "empty"),
        (60 / 18, "divided everything"),
        (3, "on top"),
        (60 / 9, "How many minutes"),
        (30, "stays as it is"),
    ],
)
def test_amdahl_wrong(answer, says):
    feedback = check_amdahl(answer, serial=6, parallel=54, n_workers=18)
    assert not feedback.passed
    assert says in feedback.message


MAPS = 5 + np.random.default_rng(0).standard_normal((8, 50))


def test_variance_right():
    answer = ((MAPS - MAPS.sum(axis=0) / 8) ** 2).sum(axis=0) / 7
    for right in (answer, answer.astype(np.float32), answer.tolist(), answer[None]):
        assert check_streamed_variance(right, MAPS).passed


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (..., "empty"),
        (MAPS.var(axis=0), "n - 1"),
        (MAPS.std(axis=0, ddof=1), "standard deviation"),
        ((MAPS**2).mean(axis=0), "around the mean"),
        (np.zeros(50), "anew"),
        (MAPS.var(axis=1), "50 numbers"),
    ],
)
def test_variance_wrong(answer, says):
    feedback = check_streamed_variance(answer, MAPS)
    assert not feedback.passed
    assert says in feedback.message


GOOD = {"subjects": 200, "minutes": 40, "megabytes": 0.05, "workers": 20}


@pytest.mark.parametrize("change", [{}, {"workers": 200}, {"megabytes": np.int64(4)}])
def test_plan_right(change):
    assert check_plan({**GOOD, **change}, max_hours=8, max_megabytes=1000).passed


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        (..., "empty"),
        ([200, 40, 1, 20], "dictionary"),
        ({"subjects": 200}, "dictionary"),
        ({**GOOD, "workers": 2}, "hours"),
        ({**GOOD, "subjects": 22, "minutes": 250, "workers": 20}, "not full"),
        ({**GOOD, "megabytes": 14}, "paths"),
        ({**GOOD, "workers": 0}, "positive"),
        ({**GOOD, "minutes": "long"}, "a number"),
    ],
)
def test_plan_wrong(plan, says):
    feedback = check_plan(plan, max_hours=8, max_megabytes=1000)
    assert not feedback.passed
    assert says in feedback.message
