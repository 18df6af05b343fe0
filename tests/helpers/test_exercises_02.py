"""Chapter 2: empty stubs fail, right answers pass, mistakes are named."""

import numpy as np
import pytest
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    LeaveOneGroupOut,
    ShuffleSplit,
    cross_val_score,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC

from helpers.exercises import (
    check_lucky_best,
    check_most_variable,
    check_pipeline,
    check_run_splits,
)

RUNS = np.repeat(np.arange(12), 18)


@pytest.fixture(scope="module")
def X_train():
    """Return 40 volumes x 30 voxels: column 4 varies most, 7 least, 9 is brightest."""
    rng = np.random.default_rng(0)
    spread = rng.uniform(2, 3, 30)
    spread[[4, 7]] = 8, 1
    means = rng.uniform(800, 900, 30)
    means[9] = 1000
    return (means + spread * rng.standard_normal((40, 30))).astype(np.float32)


def test_most_variable_right(X_train):
    learned = StandardScaler().fit(X_train).scale_.argmax()
    assert learned == 4
    for answer in (learned, int(learned), np.float32(4), [4]):
        assert check_most_variable(answer, X_train).passed


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (..., "empty"),
        (9, "largest mean"),
        (7, "varies least"),
        (3, "scale_"),
        (8.13, "its place"),
        (30, "no column"),
        (-26, "no column"),
        (np.arange(30), "one number"),
    ],
)
def test_most_variable_wrong(X_train, answer, says):
    feedback = check_most_variable(answer, X_train)
    assert not feedback.passed
    assert says in feedback.message


@pytest.fixture(scope="module")
def pair():
    """Return noise with little signal, labels and runs: 120 volumes x 400 voxels."""
    rng = np.random.default_rng(1)
    runs = np.repeat(np.arange(6), 20)
    y = np.tile(np.repeat(["bottle", "shoe"], 10), 6)
    X = rng.normal(1000, 10, (len(y), 400))
    X[y == "shoe", :5] += 4
    return X, y, runs


def honest_score(pipeline, X, y, runs):
    """Score by a loop over runs that fits every step anew."""
    scores = []
    for run in np.unique(runs):
        seen, new = runs != run, runs == run
        steps = [type(step)(**step.get_params()) for _, step in pipeline.steps]
        Z, Z_new = X[seen], X[new]
        for step in steps[:-1]:
            Z = step.fit(Z, y[seen]).transform(Z)
            Z_new = step.transform(Z_new)
        scores.append(np.mean(steps[-1].fit(Z, y[seen]).predict(Z_new) == y[new]))
    return np.mean(scores)


def three_steps(k=30):
    return make_pipeline(StandardScaler(), SelectKBest(k=k), SVC(kernel="linear"))


@pytest.mark.parametrize(
    "pipeline",
    [
        three_steps(),
        make_pipeline(StandardScaler(), SelectKBest(k=30), LinearSVC(random_state=0)),
        make_pipeline(SelectKBest(k=30), StandardScaler(), LogisticRegression()),
        Pipeline(
            [("z", StandardScaler()), ("best", SelectKBest(k=30)), ("svm", SVC())]
        ),
    ],
)
def test_pipeline_right(pair, pipeline):
    score = honest_score(pipeline, *pair)
    assert check_pipeline(pipeline, score, *pair).passed
    assert check_pipeline(pipeline, np.float32(score), *pair).passed
    fitted = pipeline.fit(*pair[:2])
    assert check_pipeline(fitted, [score], *pair).passed


def test_pipeline_score_wrong(pair):
    X, y, runs = pair
    honest = honest_score(three_steps(), *pair)
    Z = StandardScaler().fit_transform(X)
    best = SelectKBest(k=30).fit_transform(Z, y)
    cv = LeaveOneGroupOut()
    leaky = cross_val_score(SVC(kernel="linear"), best, y, groups=runs, cv=cv)
    assert leaky.mean() > honest + 0.1
    wrong = {
        "leaky score": leaky.mean(),
        "learned from": three_steps().fit(X, y).score(X, y),
        "same rows": honest - 0.08,
        "take the mean": np.full(6, honest),
        "put the mean accuracy": ...,
    }
    for says, answer in wrong.items():
        feedback = check_pipeline(three_steps(), answer, *pair)
        assert not feedback.passed, says
        assert says in feedback.message


def test_pipeline_steps_wrong(pair):
    X, y, runs = pair
    Z = StandardScaler().fit_transform(X)
    wrong = {
        "The stub is still empty: put a pipeline": ...,
        "Expected a pipeline, got ndarray": Z,
        "is a single step": SVC(kernel="linear"),
        "Scaling and selection are missing": make_pipeline(SVC()),
        "cannot predict": make_pipeline(StandardScaler(), SelectKBest(k=30)),
        "keeps 10 unless": make_pipeline(StandardScaler(), SelectKBest(), SVC()),
        "400 voxels reach": make_pipeline(StandardScaler(), SVC()),
        "not scaled": make_pipeline(SelectKBest(k=30), SVC()),
        "begin with StandardScaler": make_pipeline(
            MinMaxScaler(), SelectKBest(k=30), SVC()
        ),
        "cannot be fitted": make_pipeline(Z, SelectKBest(k=30), SVC()),
    }
    for says, answer in wrong.items():
        feedback = check_pipeline(answer, 0.6, X, y, runs)
        assert not feedback.passed, says
        assert says in feedback.message


def drawn(seed=0, n_folds=10, n_test=3):
    """Draw folds by hand, without scikit-learn."""
    rng = np.random.default_rng(seed)
    for _ in range(n_folds):
        is_test = np.isin(RUNS, rng.permutation(12)[:n_test])
        yield np.flatnonzero(~is_test), np.flatnonzero(is_test)


def check(folds):
    return check_run_splits(folds, RUNS, n_folds=10, n_test_runs=3)


def test_run_splits_right():
    folds = list(drawn())
    cv = GroupShuffleSplit(10, test_size=3, random_state=0)
    assert check(folds).passed
    assert check(drawn()).passed  # a generator
    assert check(cv.split(RUNS, groups=RUNS)).passed
    as_lists = [[a.tolist(), b.tolist()] for a, b in folds]
    assert check(as_lists).passed
    as_masks = [tuple(np.isin(np.arange(216), rows) for rows in f) for f in folds]
    assert check(as_masks).passed
    backwards = [(a[::-1], b[::-1]) for a, b in folds]
    assert check(backwards).passed


def test_run_splits_wrong():
    folds = list(drawn())
    run_numbers = [(np.unique(RUNS[a]), np.unique(RUNS[b])) for a, b in folds]
    cut = ShuffleSplit(10, test_size=0.25, random_state=0).split(RUNS)
    wrong = {
        "empty": ...,
        "That is the splitter": GroupShuffleSplit(10, test_size=3),
        "Expected 10 folds, got 4": GroupKFold(4).split(RUNS, groups=RUNS),
        "12 runs are on both sides": cut,
        "2 runs are tested instead of 3": drawn(n_test=2),
        "the other way round": [(b, a) for a, b in folds],
        "numbers of runs": run_numbers,
        "neither side": [(a[:-1], b) for a, b in folds],
        "the same runs": folds[:1] * 10,
        "no pair": [a for a, _ in folds],
    }
    for says, answer in wrong.items():
        feedback = check(answer)
        assert not feedback.passed, says
        assert says in feedback.message


@pytest.mark.parametrize(
    ("best", "nested"),
    [(0.62, 0.5), ([0.6, 0.7], np.full(12, 0.55)), (np.float32(0.71), [0.6, 0.62])],
)
def test_lucky_best_right(best, nested):
    feedback = check_lucky_best(best, nested)
    assert feedback.passed
    assert f"{np.mean(best) - np.mean(nested):.2f} of pure" in feedback.message


@pytest.mark.parametrize(
    ("best", "nested", "says"),
    [
        (..., 0.5, "put best_score_ in it"),
        (0.6, ..., "put the nested scores in it"),
        (..., ..., "put best_score_ in it"),
        (0.97, 0.96, "more candidates"),
        (0.5, 0.6, "the other way round"),
        (0.9, 0.9, "outer loop"),
        (62, 50, "between 0 and 1"),
        ("high", 0.5, "as numbers"),
        (0.6, [], "empty list"),
        (0.6, [0.5, np.nan], "not finite"),
    ],
)
def test_lucky_best_wrong(best, nested, says):
    feedback = check_lucky_best(best, nested)
    assert not feedback.passed
    assert says in feedback.message
