"""Chapter 4, decoding: empty stubs fail, right answers pass, mistakes are named."""

from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest
from sklearn.feature_selection import SelectKBest
from sklearn.model_selection import LeaveOneGroupOut, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from helpers.exercises import (
    check_best_sphere,
    check_better_map,
    check_control,
    check_pattern,
)


@pytest.fixture(scope="module")
def mask():
    """Return a mask of anisotropic voxels that starts away from the origin."""
    rng = np.random.default_rng(0)
    affine = np.diag([3.5, 4, 4, 1])
    affine[:3, 3] = (-40, -60, -20)
    inside = rng.random((12, 14, 10)) > 0.3
    return nib.Nifti1Image(inside.astype(np.uint8), affine)


# --- The best ball ------------------------------------------------------------------


@pytest.fixture(scope="module")
def accuracy(mask):
    rng = np.random.default_rng(1)
    scores = rng.uniform(0.4, 0.8, np.count_nonzero(mask.get_fdata()))
    scores[500], scores[100] = 0.95, 0.94
    return scores


def center(mask, column):
    """Return the place of a column of X, by nibabel's own affine product."""
    return nib.affines.apply_affine(mask.affine, np.argwhere(mask.get_fdata())[column])


@pytest.mark.parametrize("kind", [list, tuple, np.float32])
def test_best_sphere_right(mask, accuracy, kind):
    best = center(mask, 500)
    answer = best.astype(np.float32) if kind is np.float32 else kind(best)
    assert check_best_sphere(answer, accuracy, mask).passed
    assert check_best_sphere(np.round(best), accuracy, mask).passed


def test_best_sphere_takes_any_of_equals(mask, accuracy):
    tied = accuracy.copy()
    tied[[7, 500]] = 0.97
    for column in (7, 500):
        assert check_best_sphere(center(mask, column), tied, mask).passed


def test_best_sphere_wrong(mask, accuracy):
    voxels = np.argwhere(mask.get_fdata())
    wrong = {
        "empty": ...,
        "column of the voxel": 500,
        "indices of the voxel": voxels[500],
        "there is one with 0.95": center(mask, 100),
        "outside of the brain": [300, 0, 0],
        "shape is (2,)": center(mask, 500)[:2],
        "got str": "right",
    }
    for says, answer in wrong.items():
        feedback = check_best_sphere(answer, accuracy, mask)
        assert not feedback.passed
        assert says in feedback.message
    assert not check_best_sphere(None, accuracy, mask).passed


# --- A control ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def noise():
    """Return 96 volumes of pure noise in 8 runs, and their two scores."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(96, 1000)).astype(np.float32)
    y, runs = np.tile(["face", "house"], 48), np.repeat(np.arange(8), 12)
    folds = {"groups": runs, "cv": LeaveOneGroupOut()}
    pipeline = make_pipeline(SelectKBest(k=500), SVC(kernel="linear"))
    inside = cross_val_score(pipeline, X, y, **folds).mean()
    selected = SelectKBest(k=500).fit_transform(X, y)
    before = cross_val_score(SVC(kernel="linear"), selected, y, **folds).mean()
    without = cross_val_score(SVC(kernel="linear"), X, y, **folds).mean()
    assert abs(without - inside) > 0.03, "selection must matter in these data"
    return X, y, runs, inside, before


def test_control_right(noise):
    X, y, runs, inside, before = noise
    assert check_control(inside, before, X, y, runs).passed
    assert check_control(np.float32(inside), [before], X, y, runs).passed


def test_control_wrong(noise):
    X, y, runs, inside, before = noise
    wrong = {
        ("inside", "empty"): (..., before),
        ("before", "empty"): (inside, None),
        ("swap",): (before, inside),
        ("seen the test runs",): (before, before),
        ("before is the same",): (inside, inside),
        ("learned from",): (inside, 1.0),
        ("Did ventral temporal cortex stay in",): (0.75, before),
        ("the 500 best voxels",): (inside, 0.7),
    }
    for says, answers in wrong.items():
        feedback = check_control(*answers, X, y, runs)
        assert not feedback.passed
        assert all(part in feedback.message for part in says), feedback
    per_run = np.full(8, inside)
    assert "take the mean" in check_control(per_run, before, X, y, runs).message


def test_control_catches_splits_that_ignore_runs():
    rng = np.random.default_rng(3)
    runs = np.repeat(np.arange(8), 12)
    y = np.where(np.arange(96) % 12 < 6, "face", "house")
    # What all volumes of a block share tells nothing about other runs.
    X = rng.normal(size=(16, 2000))[np.repeat(np.arange(16), 6)]
    X += rng.normal(size=X.shape)
    pipeline = make_pipeline(SelectKBest(k=500), SVC(kernel="linear"))
    mixed = StratifiedKFold(8, shuffle=True, random_state=0)
    kind = cross_val_score(pipeline, X, y, cv=mixed).mean()
    feedback = check_control(kind, 0.99, X, y, runs)
    assert not feedback.passed
    assert "runs" in feedback.message


# --- A pattern ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def model():
    """Return correlated voxels of unequal variance, and weights fitted to them."""
    rng = np.random.default_rng(0)
    y = np.tile([0, 1], 60)
    mixing = rng.normal(size=(40, 40)) * rng.uniform(0.5, 2, 40)
    X = rng.normal(size=(120, 40)) @ mixing + y[:, None] * rng.normal(size=40)
    return X.astype(np.float32), SVC(kernel="linear").fit(X, y).coef_[0]


def test_pattern_right(model):
    X, weights = model
    # The covariance of each voxel with the output, without a covariance matrix.
    output = X @ weights
    by_voxel = (X - X.mean(axis=0)).T @ (output - output.mean())
    for pattern in (
        np.cov(X.T) @ weights,
        by_voxel,
        by_voxel.astype(np.float32) / output.var(),
        list(by_voxel),
        by_voxel[None],
    ):
        assert check_pattern(pattern, X, weights).passed


def test_pattern_wrong(model):
    X, weights = model
    right = np.cov(X.T) @ weights
    wrong = {
        "empty": ...,
        "sign": -right,
        "These are the weights": weights,
        "correlation matrix": np.corrcoef(X.T) @ weights,
        "matrix product": X.var(axis=0) * weights,
        "X_reduced.T": np.ones(len(X)),
        "All numbers are 0": np.zeros(len(weights)),
        "not the covariance": np.linalg.inv(np.cov(X.T)) @ weights,
        "shape is (40, 40)": np.cov(X.T) * weights,
        "1 of the 40 numbers": np.where(np.arange(40) == 3, np.nan, right),
    }
    for says, answer in wrong.items():
        feedback = check_pattern(answer, X, weights)
        assert not feedback.passed
        assert says in feedback.message, feedback


# --- A better map -------------------------------------------------------------------


@pytest.fixture(scope="module")
def brain(mask):
    """Return a data set with two regions, and a noisy map F of them."""
    rng = np.random.default_rng(0)
    inside = mask.get_fdata() > 0
    masks = []
    for start in (2, 7):
        region = np.zeros(inside.shape, np.uint8)
        region[start : start + 3, 4:8, 3:7] = 1
        masks.append(nib.Nifti1Image(region * inside, mask.affine))
    haxby = SimpleNamespace(mask=mask, mask_face=masks[0], mask_house=masks[1])
    face, house = (m.get_fdata()[inside] for m in masks)
    difference = face - house + rng.normal(0, 0.4, face.size)
    F = difference**2 * rng.uniform(0.3, 3, face.size)
    return haxby, F, difference, (face + house) > 0


def test_better_map_right(brain):
    haxby, F, difference, _ = brain
    for better in (np.abs(difference), (difference**2).astype(np.float32)):
        assert check_better_map(better, F, haxby).passed
    assert check_better_map(np.abs(difference).tolist(), F, haxby).passed


def test_better_map_wrong(brain):
    haxby, F, difference, in_region = brain
    rng = np.random.default_rng(1)
    wrong = {
        "empty": ...,
        "the same": np.sqrt(F),
        "too good to be true": in_region,
        "absolute value": difference,
        "scattered": rng.normal(size=F.size),
        "shape is (10,)": F[:10],
        "NaN": np.where(np.median(F) < F, F, np.nan),
    }
    for says, answer in wrong.items():
        feedback = check_better_map(answer, F, haxby)
        assert not feedback.passed
        assert says in feedback.message, feedback
