"""Chapter 4, trust: empty stubs fail, right answers pass, mistakes are named."""

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.feature_selection import SelectKBest
from sklearn.model_selection import KFold, LeaveOneGroupOut, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from helpers.exercises import (
    check_fooling_design,
    check_honest_score,
    check_p_value,
    check_runs_needed,
)

# 20 permuted scores: 2 better than 0.75, and 2 equal to it.
NULL = np.r_[np.linspace(0.3, 0.7, 16), 0.75, 0.75, 0.8, 0.85]


@pytest.mark.parametrize("answer", [5 / 21, np.float32(5 / 21), [5 / 21]])
def test_p_value_right(answer):
    assert check_p_value(answer, 0.75, NULL).passed


def test_p_value_without_equals():
    assert check_p_value(1 / 21, 0.9, NULL).passed


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (..., "empty"),
        (4 / 20, "plain share"),
        (5 / 20, "m + 1"),
        (16 / 20, "below"),
        (3 / 21, ">="),
        (0.1, "b + 1"),
        (NULL, "one number"),
        ("small", "a number"),
    ],
)
def test_p_value_wrong(answer, says):
    feedback = check_p_value(answer, 0.75, NULL)
    assert not feedback.passed
    assert says in feedback.message


def test_p_value_is_never_zero():
    feedback = check_p_value(0.0, 0.9, NULL)
    assert not feedback.passed
    assert "plain share" in feedback.message


@pytest.fixture(scope="module")
def leaky_data():
    """Return blocks of two categories that differ a little, and their runs."""
    rng = np.random.default_rng(3)
    y = np.tile(np.repeat(["bottle", "chair"], 9), 12)
    runs = np.repeat(np.arange(12), 18)
    of_block = np.repeat(rng.standard_normal((24, 300)), 9, axis=0)
    X = of_block + rng.standard_normal((216, 300))
    X[:, :30] += 0.6 * (y == "chair")[:, None]
    return X, y, runs


def scores_of(X, y, runs):
    svm = SVC(kernel="linear")
    chain = make_pipeline(SelectKBest(k=50), svm)
    selected = SelectKBest(k=50).fit_transform(X, y)
    by_run, shuffled = LeaveOneGroupOut(), KFold(12, shuffle=True, random_state=0)
    return {
        "mended": cross_val_score(chain, X, y, groups=runs, cv=by_run).mean(),
        "colleague": cross_val_score(svm, selected, y, cv=shuffled).mean(),
        "give cross_val_score all": cross_val_score(
            svm, selected, y, groups=runs, cv=by_run
        ).mean(),
        "hold out whole": cross_val_score(chain, X, y, cv=shuffled).mean(),
        "all voxels": cross_val_score(svm, X, y, groups=runs, cv=by_run).mean(),
    }


def test_honest_score(leaky_data):
    scores = scores_of(*leaky_data)
    assert len({round(score, 2) for score in scores.values()}) == len(scores)
    for says, answer in scores.items():
        feedback = check_honest_score(np.float32(answer), *leaky_data)
        assert feedback.passed == (says == "mended"), says
        assert says in feedback.message
    order = np.random.default_rng(0).permutation(216)
    shuffled = [data[order] for data in leaky_data]
    assert check_honest_score(scores["mended"], *shuffled).passed


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (..., "empty"),
        (1.0, "training"),
        (0.123, "same rows"),
        (np.ones(12) / 2, "the mean"),
    ],
)
def test_honest_score_wrong(leaky_data, answer, says):
    feedback = check_honest_score(answer, *leaky_data)
    assert not feedback.passed
    assert says in feedback.message


def tail(n, at_least):
    """Return how often n tosses of a coin show at least so many heads."""
    return sum(binom.pmf(k, n, 0.5) for k in range(at_least, n + 1))


def test_runs_needed_right():
    # 28 blocks: 19 of them are more than 65 %; 26 blocks: 17.
    assert tail(28, 19) < 0.05 < tail(26, 17)
    for answer in (14, np.int64(14), 14.0, [14], 15, 17):
        assert check_runs_needed(answer, 0.65).passed, answer


def test_runs_needed_knows_the_steps():
    assert tail(32, 21) > 0.05
    feedback = check_runs_needed(16, 0.65)
    assert not feedback.passed
    assert "More" in feedback.message


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (..., "empty"),
        (2, "volumes"),
        (28, "blocks"),
        (12, "More"),
        (60, "Fewer"),
        (0.65, "no number of runs"),
        ("many", "a number"),
    ],
)
def test_runs_needed_wrong(answer, says):
    feedback = check_runs_needed(answer, 0.65)
    assert not feedback.passed
    assert says in feedback.message


@pytest.fixture(scope="module")
def drifting():
    """Return noise with the same drift in each of six runs."""
    rng = np.random.default_rng(0)
    runs = np.repeat(np.arange(6), 24)
    drift = np.tile(np.linspace(-1, 1, 24), 6)
    X = rng.standard_normal((144, 40)) + drift[:, None] * rng.standard_normal(40)
    return X, runs


SAME = ["face"] * 12 + ["house"] * 12
TURNED = SAME[::-1]


def test_fooling_design_right(drifting):
    assert check_fooling_design(6 * SAME, 3 * (SAME + TURNED), *drifting).passed
    numbers = np.array(6 * SAME) == "face"
    assert check_fooling_design(numbers, np.array(3 * (SAME + TURNED)), *drifting)


@pytest.mark.parametrize(
    ("fooling", "fair", "says"),
    [
        (..., 3 * (SAME + TURNED), "fooling design"),
        (6 * SAME, ..., "fair design"),
        (3 * (SAME + TURNED), 6 * SAME, "0.80"),
        (6 * SAME, 6 * TURNED, "still decoded"),
        (SAME, SAME, "one label for each"),
        (144 * ["face"], 6 * SAME, "two labels"),
        (6 * (["face"] * 6 + ["house"] * 18), 6 * SAME, "equally frequent"),
        (72 * ["face"] + 72 * ["house"], 6 * SAME, "equally frequent"),
    ],
)
def test_fooling_design_wrong(drifting, fooling, fair, says):
    feedback = check_fooling_design(fooling, fair, *drifting)
    assert not feedback.passed
    assert says in feedback.message
