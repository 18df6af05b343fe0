"""Chapter 7, nilearn: empty stubs fail, right answers pass, mistakes are named."""

from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nilearn.connectome import ConnectivityMeasure
from nilearn.maskers import NiftiMasker
from sklearn.covariance import EmpiricalCovariance

from helpers.exercises import (
    check_masker,
    check_own_decoder,
    check_partial,
    check_screening,
)
from helpers.masking import unmask

AFFINE = np.diag([4.0, 4, 4, 1])
RUNS = np.repeat(np.arange(6), 20)


@pytest.fixture(scope="module")
def mask():
    inside = np.zeros((6, 6, 4), np.uint8)
    inside[1:5, 1:5, 1:3] = 1
    return nib.Nifti1Image(inside, AFFINE)


@pytest.fixture(scope="module")
def labels():
    names = np.tile(np.repeat(["cat", "rest", "shoe", "rest"], 5), 6)
    return pd.DataFrame({"label": names, "run": RUNS})


@pytest.fixture(scope="module")
def film(mask, labels):
    """Return a film with a drift in each run and a weak signal."""
    rng = np.random.default_rng(0)
    X = 100 + rng.standard_normal((120, 32)) + 0.2 * (np.arange(120) % 20)[:, None]
    X[:, :8] += 1.5 * (labels.label == "cat").to_numpy()[:, None]
    return unmask(X, mask)


def masked(film, mask, **options):
    defaults = {"detrend": True, "standardize": "zscore_sample", "runs": RUNS}
    return NiftiMasker(mask_img=mask, **{**defaults, **options}).fit_transform(film)


def test_masker_right(film, mask):
    X = masked(film, mask)
    for answer in (X, X.astype(np.float32), X.tolist()):
        assert check_masker(answer, film, mask, RUNS).passed


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"runs": None}, "does not know runs"),
        ({"detrend": False}, "drift"),
        ({"standardize": None}, "not standardized"),
        ({"detrend": False, "standardize": None}, "as they are"),
    ],
)
def test_masker_wrong(film, mask, options, says):
    feedback = check_masker(masked(film, mask, **options), film, mask, RUNS)
    assert not feedback.passed
    assert says in feedback.message


def test_masker_other_mistakes(film, mask):
    X = masked(film, mask)
    for answer, says in (
        (..., "empty"),
        (X.T, "one row a volume"),
        (X * np.sqrt(20 / 19), "n - 1"),
        (X[::-1], "not the values"),
    ):
        feedback = check_masker(answer, film, mask, RUNS)
        assert not feedback.passed
        assert says in feedback.message


@pytest.fixture(scope="module")
def decoder(mask):
    """Return what a fitted decoder says of itself: 4 of 32 voxels have a weight."""
    coef = np.zeros(32)
    coef[:14] = 1
    return SimpleNamespace(
        screening_percentile=5,
        screening_percentile_=25.0,
        coef_img_={"cat": unmask(coef, mask)},
    )


@pytest.mark.parametrize("answer", [8, 8.0, np.float32(8), [8]])
def test_screening_right(decoder, mask, answer):
    assert check_screening(answer, decoder, mask).passed


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (..., "empty"),
        (1.6, "5 % of this mask"),
        (14, "mean over the folds"),
        (25, "percentage"),
        (32, "whole mask"),
        (20, "Multiply"),
    ],
)
def test_screening_wrong(decoder, mask, answer, says):
    feedback = check_screening(answer, decoder, mask)
    assert not feedback.passed
    assert says in feedback.message


@pytest.fixture(scope="module")
def courses():
    rng = np.random.default_rng(1)
    return rng.standard_normal((60, 5)) @ rng.standard_normal((5, 5))


def measured(courses, kind, estimator=None):
    options = {} if estimator is None else {"cov_estimator": estimator}
    return ConnectivityMeasure(kind=kind, **options).fit_transform([courses])[0]


def test_partial_right(courses):
    answer = measured(courses, "partial correlation", EmpiricalCovariance())
    for right in (answer, answer.astype(np.float32), answer[None], answer.tolist()):
        assert check_partial(right, courses).passed


def test_partial_wrong(courses):
    exact = EmpiricalCovariance()
    answer = measured(courses, "partial correlation", exact)
    for wrong, says in (
        (..., "empty"),
        (-answer, "sign"),
        (measured(courses, "partial correlation"), "shrunk"),
        (measured(courses, "correlation", exact), "plain correlations"),
        (np.linalg.inv(np.cov(courses.T)), "scale it"),
        (measured(courses, "precision", exact), "scale it"),
        (np.zeros((60, 60)), "column of courses"),
        (np.eye(5), "Which kind"),
    ):
        feedback = check_partial(wrong, courses)
        assert not feedback.passed
        assert says in feedback.message


PAIR = ["cat", "shoe"]


def test_own_decoder_right(film, mask, labels):
    for scores in ([0.8, 0.9, 0.7, 0.9, 1, 0.8], np.full(6, 0.85, np.float32)):
        assert check_own_decoder(scores, PAIR, film, mask, labels).passed


def test_own_decoder_tells_shares_from_other_scores(film, mask, labels):
    for scores, is_share in (([0.8, 0.9, 0.7, 0.9, 1, 0.8], True), ([0.84] * 6, False)):
        feedback = check_own_decoder(scores, PAIR, film, mask, labels)
        assert feedback.passed
        assert ("area under the curve" in feedback.message) is not is_share


@pytest.mark.parametrize(
    ("scores", "pair", "says"),
    [
        (..., PAIR, "empty"),
        (np.ones(10), PAIR, "Ten scores"),
        (np.ones(5), PAIR, "each of 6 runs"),
        (np.full(6, 85), PAIR, "percent"),
        (np.full(6, 0.4), PAIR, "same order"),
        (np.ones(6), ["cat", "rest"], "pair holds two"),
    ],
)
def test_own_decoder_wrong(film, mask, labels, scores, pair, says):
    feedback = check_own_decoder(scores, pair, film, mask, labels)
    assert not feedback.passed
    assert says in feedback.message


def test_own_decoder_too_good(mask, labels):
    rng = np.random.default_rng(2)
    noise = unmask(100 + rng.standard_normal((120, 32)), mask)
    feedback = check_own_decoder(np.ones(6), PAIR, noise, mask, labels)
    assert not feedback.passed
    assert "leak" in feedback.message
