"""The page on the real slice: stubs fail, right answers pass, mistakes are named."""

import numpy as np
import pytest
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.model_selection import KFold, LeaveOneGroupOut, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from helpers.cleaning import clean
from helpers.exercises import (
    check_block_null,
    check_by_position,
    check_slice_pair,
    check_tells_apart,
)
from helpers.masking import apply_mask
from helpers.permutations import permute_labels

PAIR = ("bottle", "scissors")
SVM = SVC(kernel="linear")


@pytest.fixture(scope="module")
def real(haxby_slice):
    """Return X, y and runs of the slice's volumes with pictures."""
    labels = haxby_slice.labels
    X = clean(apply_mask(haxby_slice.func, haxby_slice.mask), runs=labels.run)
    shown = (labels.label != "rest").to_numpy()
    return X[shown], labels.label[shown].to_numpy(), labels.run[shown].to_numpy()


def score(X, y, runs, pair=PAIR, model=SVM, cv=None):
    rows = np.isin(y, pair)
    groups = runs[rows] if cv is None else None
    cv = cv or LeaveOneGroupOut()
    return cross_val_score(model, X[rows], y[rows], groups=groups, cv=cv).mean()


# --- another pair -----------------------------------------------------------------


def test_pair_right(real, haxby_slice):
    papers = make_pipeline(SelectKBest(f_classif, k=500), SVM)
    for model, X in ((papers, real[0]), (SVM, real[0].astype(np.float64))):
        value = score(X, *real[1:], model=model)
        assert check_slice_pair(value, haxby_slice, PAIR).passed
    feedback = check_slice_pair([np.float32(value)], haxby_slice, PAIR)
    assert feedback.passed
    assert "0.6" in feedback.message


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (..., "empty"),
        ("much", "number"),
        ([0.6] * 12, "take the mean"),
        (62.5, "percent"),
        (1.0, "learned from"),
        (0.3, "same rows"),
    ],
)
def test_pair_wrong(haxby_slice, answer, says):
    feedback = check_slice_pair(answer, haxby_slice, PAIR)
    assert not feedback.passed
    assert says in feedback.message


def test_pair_named_mistakes(real, haxby_slice):
    papers = make_pipeline(SelectKBest(f_classif, k=500), SVM)
    value = score(*real, pair=("face", "house"), model=papers)
    feedback = check_slice_pair(value, haxby_slice, PAIR)
    assert not feedback.passed
    assert "face against house" in feedback.message
    value = score(*real, cv=KFold(12, shuffle=True, random_state=0))
    feedback = check_slice_pair(value, haxby_slice, PAIR)
    assert not feedback.passed
    assert "one block" in feedback.message


# --- when in the block ------------------------------------------------------------


@pytest.fixture(scope="module")
def predictions():
    """Return predictions of 96 blocks that are right more often in the middle."""
    rng = np.random.default_rng(0)
    y = np.repeat(np.tile(list("abcdefgh"), 12), 9)
    chance_of_right = np.tile([0.4, 0.5, 0.6, 0.9, 0.8, 0.7, 0.65, 0.55, 0.3], 96)
    predicted = np.where(rng.random(864) < chance_of_right, y, "z")
    return predicted, y, (predicted == y).reshape(-1, 9)


def test_position_right(predictions):
    predicted, y, hits = predictions
    right = hits.mean(axis=0)
    for answer in (right, right.tolist(), right.astype(np.float32), right.round(2)):
        feedback = check_by_position(answer, predicted, y)
        assert feedback.passed
    assert f"{right[0]:.2f}" in feedback.message


def test_position_wrong(predictions):
    predicted, y, hits = predictions
    wrong = {
        "empty": ...,
        "the other axis": hits.mean(axis=1),
        "(8,)": hits[:, :8].mean(axis=0),
        "shares from 0 to 1": hits.sum(axis=0),
        "each row is a block": hits.ravel().reshape(9, -1).mean(axis=1),
        "wrong predictions": 1 - hits.mean(axis=0),
        "reversed": hits.mean(axis=0)[::-1],
        "not these": np.full(9, 0.6),
    }
    for says, answer in wrong.items():
        feedback = check_by_position(answer, predicted, y)
        assert not feedback.passed, says
        assert says in feedback.message


# --- more than chance -------------------------------------------------------------


def null_of(real, blocks: bool, n=60):
    X, y, runs = real
    rows = np.isin(y, PAIR)
    X, y, runs = X[rows], y[rows], runs[rows]
    products = (X @ X.T).astype(float)
    rng = np.random.default_rng(3)
    return np.array(
        [
            cross_val_score(
                SVC(kernel="precomputed"),
                products,
                permute_labels(y, runs, y if blocks else None, rng),
                groups=runs,
                cv=LeaveOneGroupOut(),
            ).mean()
            for _ in range(n)
        ]
    )


@pytest.fixture(scope="module")
def null(real):
    return null_of(real, blocks=True)


def test_null_right(null):
    reached = (null >= 0.625 - 1e-9).sum()
    p = (1 + reached) / (1 + len(null))
    assert check_block_null(null, p, 0.625, n_volumes=216).passed
    answer = check_block_null(list(null), np.float64(p), 0.625, n_volumes=216)
    assert answer.passed
    assert f"{reached} of 60" in answer.message


def test_null_of_volumes_is_named(real):
    null = null_of(real, blocks=False)
    feedback = check_block_null(null, 1 / 61, 0.625, n_volumes=216)
    assert not feedback.passed
    assert "Keep blocks together" in feedback.message


def test_null_wrong(null):
    reached = (null >= 0.625 - 1e-9).sum()
    assert reached > 0
    wrong = {
        "put at least 50": (..., ...),
        "put the p-value": (null, ...),
        "(40,)": (null[:40], 0.1),
        "(60, 12)": (np.repeat(null[:, None], 12, axis=1), 0.1),
        "All are the same": (np.full(60, 0.5), 0.1),
        "close to one half": (null + 0.2, 0.1),
        "so they count, too": (null, reached / len(null)),
        "*below*": (null, 1 - reached / len(null)),
        "Which p-value": (null, 0.4),
    }
    for says, (answer, p) in wrong.items():
        feedback = check_block_null(answer, p, 0.625, n_volumes=216)
        assert not feedback.passed, says
        assert says in feedback.message


# --- tell them apart --------------------------------------------------------------


@pytest.fixture(scope="module")
def two_kinds():
    """Return runs that share a course over time, and runs that do not."""
    rng = np.random.default_rng(0)
    kinds = []
    for shared, n_voxels in ((1.0, 50), (0.2, 60)):
        runs = []
        for _ in range(12):
            course = shared * rng.normal(size=(121, 1))
            runs.append(clean(course + rng.normal(size=(121, n_voxels))))
        kinds.append(runs)
    return kinds


def first_share(series):
    variances = np.linalg.svd(series, compute_uv=False) ** 2
    return variances[0] / variances.sum()


def fails(series):
    raise KeyError("no such voxel")


def test_tells_apart_right(two_kinds):
    for measure in (first_share, lambda z: -first_share(z), lambda z: z.mean(1).var()):
        feedback = check_tells_apart(measure, *two_kinds)
        assert feedback.passed
    assert "100 of 100" in feedback.message


@pytest.mark.parametrize(
    ("measure", "says"),
    [
        (..., "empty"),
        (0.3, "Expected a function"),
        (np.std, "same number"),
        (lambda z: z.shape[1], "same number"),
        (lambda z: z[0], "one number"),
        (lambda z: float("nan"), "got nan"),
        (lambda z: z[0, 0], "overlap"),
        (fails, "KeyError: 'no such voxel'"),
        (lambda z: None, "empty"),
    ],
)
def test_tells_apart_wrong(two_kinds, measure, says):
    feedback = check_tells_apart(measure, *two_kinds)
    assert not feedback.passed
    assert says in feedback.message


def test_measure_cannot_change_the_runs(two_kinds):
    before = two_kinds[0][0].copy()

    def measure(series):
        series[:] = 0
        return 0.0

    check_tells_apart(measure, *two_kinds)
    np.testing.assert_array_equal(two_kinds[0][0], before)
