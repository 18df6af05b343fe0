"""Chapter 7, connectomes: empty stubs fail, right answers pass, mistakes are named."""

import numpy as np
import pytest
from scipy import stats
from sklearn.covariance import LedoitWolf
from sklearn.feature_selection import SelectKBest
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from helpers.exercises import (
    check_closer_matrix,
    check_edge_matrix,
    check_honest_biomarker,
    check_subjects_needed,
)

EDGES = np.linspace(-0.9, 0.9, 10)  # of 5 regions


def rebuilt(indices, diagonal=1.0, both=True):
    """Return a matrix with the edges put at some indices."""
    matrix = np.zeros((5, 5))
    matrix[indices] = EDGES
    return (matrix + matrix.T if both else matrix) + diagonal * np.eye(5)


UPPER, LOWER = np.triu_indices(5, k=1), np.tril_indices(5, k=-1)


@pytest.mark.parametrize(
    ("answer", "passed", "says"),
    [
        (rebuilt(UPPER), True, "in its place"),
        (rebuilt(UPPER).astype(np.float32).tolist(), True, "in its place"),
        (..., False, "empty"),
        (rebuilt(UPPER, diagonal=0), False, "diagonal"),
        (rebuilt(UPPER, both=False), False, "transpose"),
        (rebuilt(LOWER), False, "tril_indices"),
        (rebuilt(LOWER, both=False), False, "not symmetric"),
        (EDGES, False, "(5, 5)"),
        (np.eye(5), False, "places"),
        (rebuilt(UPPER, diagonal=np.nan), False, "NaN"),
    ],
)
def test_edge_matrix(answer, passed, says):
    feedback = check_edge_matrix(answer, EDGES)
    assert feedback.passed is passed and says in feedback.message, feedback


@pytest.fixture(scope="module")
def biomarker():
    """Return edges that differ a little between two groups, and folds."""
    rng = np.random.default_rng(1)
    y = np.tile([0, 1], 20)
    X = rng.standard_normal((40, 276))
    X[:, :3] += 0.7 * y[:, None]
    return X, y, StratifiedKFold(10, shuffle=True, random_state=0)


def test_honest_biomarker(biomarker):
    X, y, cv = biomarker
    svm, select = SVC(kernel="linear"), SelectKBest(k=10)
    chain = make_pipeline(select, svm)
    best = select.fit_transform(X, y)
    answers = {
        "in each fold": cross_val_score(chain, X, y, cv=cv).mean(),
        "colleague": cross_val_score(svm, best, y, cv=cv).mean(),
        "without any choice": cross_val_score(svm, X, y, cv=cv).mean(),
        "training subjects": chain.fit(X, y).score(X, y),
    }
    assert len({round(score, 2) for score in answers.values()}) == 4
    for says, answer in answers.items():
        feedback = check_honest_biomarker(np.float32(answer), *biomarker)
        assert feedback.passed is (says == "in each fold"), feedback
        assert says in feedback.message
    honest = [answers["in each fold"]]  # a list of one number is a number
    assert check_honest_biomarker(honest, *biomarker).passed
    for answer, says in ((..., "empty"), (0.123, "Same folds"), (np.ones(9), "mean")):
        feedback = check_honest_biomarker(answer, *biomarker)
        assert not feedback.passed and says in feedback.message


def test_subjects_needed_finds_four_of_five_effects():
    """An independent reference: simulated studies of the size that passes."""
    n, level = 90, 0.05 / 276
    assert check_subjects_needed(n, 0.7, 276).passed
    assert check_subjects_needed(np.float32(n + 1), 0.7, 276).passed
    rng = np.random.default_rng(0)
    studies = rng.standard_normal((2, n, 4000))
    studies[1] += 0.7
    p = stats.ttest_ind(studies[1], studies[0]).pvalue
    assert abs((p < level).mean() - 0.8) < 0.06


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (..., "empty"),
        (34, "planned"),
        (68, "planned"),
        (180, "both groups"),
        (60, "More"),
        (400, "Fewer"),
        ("many", "a number"),
    ],
)
def test_subjects_needed_wrong(answer, says):
    feedback = check_subjects_needed(answer, 0.7, 276)
    assert not feedback.passed and says in feedback.message, feedback


def test_closer_matrix():
    rng = np.random.default_rng(0)
    truth = np.eye(12)
    truth[:4, :4] += 0.5 * (1 - np.eye(4))
    series = rng.multivariate_normal(np.zeros(12), truth, 40)
    others = np.mean(
        [
            np.corrcoef(rng.multivariate_normal(np.zeros(12), truth, 60).T)
            for _ in range(6)
        ],
        axis=0,
    )
    measured = np.corrcoef(series.T)
    covariance = LedoitWolf().fit(series).covariance_
    sd = np.sqrt(np.diag(covariance))
    shrunk = covariance / np.outer(sd, sd)
    cases = [
        (shrunk, True, "from the truth"),
        (shrunk.astype(np.float32).tolist(), True, "from the truth"),
        (..., False, "empty"),
        (measured, False, "not closer"),
        (0.999 * measured + 0.001 * np.eye(12), False, "hardly closer"),
        (0.64 * truth + 0.36 * measured, False, "too good"),
        (0.5 * truth + 0.5 * measured, False, "straight to the truth"),
        (0.1 * truth + 0.9 * measured, False, "straight to the truth"),
        (0.4 * others + 0.6 * measured, False, "other subjects"),
        (np.where(abs(measured) > 0.25, measured, 0), True, "from the truth"),
        (np.triu(shrunk), False, "not symmetric"),
        (3 * covariance, False, "covariance"),
        (truth, False, "too good"),
        (shrunk[:5, :5], False, "expected (12, 12)"),
    ]
    for answer, passed, says in cases:
        feedback = check_closer_matrix(answer, measured, truth)
        assert feedback.passed is passed and says in feedback.message, feedback
    for answer in (shrunk, measured, np.eye(12)):  # real brains: nobody knows
        feedback = check_closer_matrix(answer, measured, np.full_like(truth, np.nan))
        assert not feedback.passed and "no known truth" in feedback.message
