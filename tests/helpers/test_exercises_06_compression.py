"""The checkers of chapter 6's page on compression: stub, right and wrong answers."""

import numpy as np
import pytest
from sklearn.cluster import FeatureAgglomeration
from sklearn.feature_extraction.image import grid_to_graph
from sklearn.feature_selection import SelectKBest
from sklearn.model_selection import GroupKFold, LeaveOneGroupOut, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from helpers.exercises import (
    check_known_place,
    check_lost,
    check_outside,
    check_parcel_pipeline,
)

GRAPH = grid_to_graph(6, 6, 4)
SVM = SVC(kernel="linear")


@pytest.fixture(scope="module")
def small():
    """Return 12 runs of 12 samples on a grid: two classes, in two corners of it."""
    rng = np.random.default_rng(0)
    runs = np.repeat(np.arange(12), 12)
    y = np.tile(np.repeat(["face", "house"], 6), 12)
    X = rng.standard_normal((144, 6, 6, 4)) + rng.standard_normal((12, 6, 6, 4))[runs]
    X[y == "face", :2, :2, :2] += rng.standard_normal((72, 1, 1, 1)) + 0.3
    X[y == "house", 4:, 4:, 2:] += rng.standard_normal((72, 1, 1, 1)) + 0.3
    return X.reshape(144, -1), y, runs


def judged(cases, check, *args):
    """Hold each answer against what the checker should say of it."""
    for answer, passed, named in cases:
        feedback = check(answer, *args)
        assert feedback.passed is passed and named in feedback.message, feedback


def test_lost(small):
    X = small[0]
    ward = FeatureAgglomeration(10, connectivity=GRAPH).fit(X)
    again = ward.inverse_transform(ward.transform(X))
    lost = ((X - again) ** 2).sum() / (X**2).sum()
    cases = [
        (..., False, "stub is still empty"),
        (lost, True, "did not come back"),
        ([np.float32(lost)], True, "did not come back"),
        (100 * lost, False, "percent"),
        (1 - lost, False, "was kept"),
        (np.sqrt(lost), False, "standard deviations"),
        (((X - again) ** 2).sum(axis=0), False, "one number"),
        (0.01, False, "It is not"),
    ]
    judged(cases, check_lost, X, again)


def test_outside(small):
    X, y, runs = small
    compressed = FeatureAgglomeration(20, connectivity=GRAPH).fit_transform(X)
    by_run = GroupKFold(n_splits=4)
    scores = cross_val_score(SVM, compressed, y, groups=runs, cv=by_run)
    kind = cross_val_score(SVM, compressed, y).mean()
    on_training = SVM.fit(compressed, y).score(compressed, y)
    assert len({round(v, 2) for v in (scores.mean(), kind, on_training)}) == 3
    cases = [
        (..., False, "stub is still empty"),
        (scores.mean(), True, "outside"),
        (np.float32(scores.mean()), True, "outside"),
        (scores, False, "take the mean"),
        (0.123, False, "the pipeline"),
        (kind, False, "cut through runs"),
        (on_training, False, "training samples"),
        (0.9876, False, "It is not"),
    ]
    judged(cases, check_outside, compressed, y, runs, 0.123)


def test_known_place(small):
    X, y, runs = small
    parcels = FeatureAgglomeration(5, connectivity=GRAPH)
    logo = LeaveOneGroupOut()
    a, b = (
        cross_val_score(model, X, y, groups=runs, cv=logo).mean()
        for model in (make_pipeline(parcels, SVM), SVM)
    )
    assert abs(a - b) > 0.02
    kind = cross_val_score(SVM, X, y).mean()
    cases = [
        (..., False, "stub is still empty"),
        ((a, b), True, "with voxels"),
        (np.float32([a, b]), True, "with voxels"),
        ([b, a], False, "exchanged"),
        ([0.1, b], False, "not with parcels"),
        ([a, 0.99], False, "eight categories"),
        (a, False, "2 numbers"),
    ]
    judged(cases, check_known_place, X, y, runs, GRAPH, 5)
    assert abs(kind - b) > 0.01
    feedback = check_known_place([a, kind], X, y, runs, GRAPH, 5)
    assert not feedback.passed and "cut through runs" in feedback.message


def test_parcel_pipeline(small):
    X, y, runs = small

    def pipeline(n, *steps, graph=GRAPH):
        return make_pipeline(FeatureAgglomeration(n, connectivity=graph), *steps, SVM)

    mine = pipeline(20)
    mean = cross_val_score(mine, X, y, groups=runs, cv=GroupKFold(4)).mean()
    cases = [
        (..., False, "stub is still empty"),
        (mine, True, "beats"),
        (mine.fit(X, y), True, "beats"),
        (mean, False, "Not its scores"),
        (make_pipeline(SelectKBest(k=5), SVM), False, "no FeatureAgglomeration"),
        (pipeline(5), False, "5 parcels"),
        (pipeline(20, graph=None), False, "all pairs"),
    ]
    judged(cases, check_parcel_pipeline, X, y, runs, mean - 0.01, 10)
    feedback = check_parcel_pipeline(mine, X, y, runs, mean + 0.01, 10)
    assert not feedback.passed and "does not beat" in feedback.message
