"""Checks of chapter 2: our tools."""

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import LeaveOneGroupOut, cross_val_score
from sklearn.pipeline import Pipeline

from helpers.exercises.feedback import (
    Feedback,
    missing,
    not_yet,
    number,
    numbers,
    right,
)


def check_most_variable(answer: object, X_train: np.ndarray) -> Feedback:
    """Check which column of a training matrix has the largest standard deviation.

    Parameters
    ----------
    answer : int
        The learner's column number.
    X_train : ndarray, shape (n_volumes, n_voxels)
        The training volumes, not scaled.

    Returns
    -------
    Feedback
    """
    value = number(answer, "a column number")
    if isinstance(value, Feedback):
        return value
    spread = X_train.std(axis=0)
    if value != int(value) or not 0 <= value < len(spread):
        return not_yet(
            f"{value:g} is no column of X, which has {len(spread)}. A standard"
            " deviation itself? Ask for its place, with .argmax()."
        )
    column = int(value)
    if spread[column] >= spread.max() * (1 - 1e-6):
        return right(
            f"Voxel {column}, with a standard deviation of {spread[column]:.0f} units."
        )
    if column == X_train.mean(axis=0).argmax():
        return not_yet(
            f"Voxel {column} has the largest mean: that is mean_. The standard"
            " deviations are in another attribute with an underscore."
        )
    if column == spread.argmin():
        return not_yet(f"Voxel {column} varies least: take argmax, not argmin.")
    return not_yet(
        f"Voxel {column} has a standard deviation of {spread[column]:.1f}, but there is"
        " a larger one. Look into scaler.scale_, not into the scaled matrix."
    )


def check_pipeline(
    pipeline: object,
    answer: object,
    X: np.ndarray,
    y: np.ndarray,
    runs: np.ndarray,
    k: int = 30,
) -> Feedback:
    """Check a pipeline that scales, selects and predicts, and its honest score.

    Parameters
    ----------
    pipeline : sklearn.pipeline.Pipeline
        The learner's pipeline, fitted or not.
    answer : float
        The learner's mean accuracy, leaving one run out.
    X : ndarray, shape (n_volumes, n_voxels)
        The matrix, not scaled.
    y, runs : ndarray, shape (n_volumes,)
        Labels and runs.
    k : int
        How many voxels should reach the classifier.

    Returns
    -------
    Feedback
    """
    wrong = missing(pipeline, "a pipeline")
    if wrong is None:
        wrong = _check_steps(pipeline, X, y, k)
    if wrong is not None:
        return wrong
    value = number(answer, "the mean accuracy")
    if isinstance(value, Feedback):
        return value
    cv = LeaveOneGroupOut()
    expected = cross_val_score(pipeline, X, y, groups=runs, cv=cv).mean()
    if abs(value - expected) < 0.01:
        return right(f"{value:.2f}: every step has seen the training runs only.")
    seen = clone(pipeline[:-1]).fit_transform(X, y)
    leaky = cross_val_score(pipeline[-1], seen, y, groups=runs, cv=cv).mean()
    if abs(value - leaky) < 0.01:
        return not_yet(
            f"The pipeline is right, but {value:.2f} is the leaky score: scaling and"
            " selection saw the test runs. Give cross_val_score the raw X_pair."
        )
    if abs(value - clone(pipeline).fit(X, y).score(X, y)) < 0.01:
        return not_yet(
            f"{value:.2f} is the score on the volumes it learned from. Use"
            " cross_val_score(..., cv=LeaveOneGroupOut())."
        )
    return not_yet(
        f"The pipeline is right, but leaving one run out it does not score {value:.2f}."
        " Do X, y and groups belong to the same rows?"
    )


def _check_steps(
    pipeline: object, X: np.ndarray, y: np.ndarray, k: int
) -> Feedback | None:
    """Return what is wrong with the steps of a pipeline, or None."""
    if not hasattr(pipeline, "fit"):
        return not_yet(
            f"Expected a pipeline, got {type(pipeline).__name__}: give make_pipeline"
            " the three objects, and do not fit or transform anything yourself."
        )
    if not isinstance(pipeline, Pipeline):
        return not_yet(
            f"{type(pipeline).__name__} is a single step. Scaling and selection are"
            " still outside, where they see the test runs: chain all with"
            " make_pipeline."
        )
    if not hasattr(pipeline[-1], "predict"):
        return not_yet("The last step cannot predict: put the classifier last.")
    if len(pipeline) == 1:
        return not_yet("Scaling and selection are missing: put them first.")
    try:
        given = clone(pipeline[:-1]).fit_transform(X, y)
    except (TypeError, ValueError) as error:
        return not_yet(f"The pipeline cannot be fitted: {error}")
    if given.shape[1] != k:
        return not_yet(
            f"{given.shape[1]} voxels reach the classifier instead of {k}:"
            " SelectKBest keeps 10 unless you set k."
        )
    if not np.allclose(given.mean(axis=0), 0, atol=0.01):
        return not_yet("The voxels are not scaled: begin with StandardScaler().")
    return None


def check_run_splits(
    answer: object, runs: np.ndarray, n_folds: int, n_test_runs: int
) -> Feedback:
    """Check splits that hold out some runs at a time.

    Parameters
    ----------
    answer : iterable of (train, test)
        Row numbers (or true and false for each row), one pair a fold.
    runs : ndarray, shape (n_volumes,)
        The run of each row.
    n_folds, n_test_runs : int
        How many folds there should be, and how many runs each should test.

    Returns
    -------
    Feedback
    """
    empty = missing(answer, f"a list of {n_folds} pairs of row numbers")
    if empty is not None:
        return empty
    if hasattr(answer, "split"):
        return not_yet(
            "That is the splitter. Ask it for the rows: list(cv.split(X, y,"
            " groups=runs))."
        )
    folds = list(answer)
    if len(folds) != n_folds:
        return not_yet(
            f"Expected {n_folds} folds, got {len(folds)}. How many a splitter draws is"
            " its n_splits; LeaveOneGroupOut and GroupKFold test each run only once."
        )
    tested = set()
    for n, fold in enumerate(folds, start=1):
        if len(fold) != 2:
            return not_yet(f"Fold {n} is no pair (training rows, test rows).")
        train, test = (np.asarray(rows) for rows in fold)
        wrong = _check_fold(train, test, runs, n_test_runs)
        if wrong is not None:
            return not_yet(f"Fold {n}: {wrong}")
        tested.add(tuple(np.unique(runs[test])))
    if len(tested) == 1:
        return not_yet("All folds test the same runs: draw anew for each.")
    return right("Whole runs, drawn at random: no run is on both sides.")


def _check_fold(
    train: np.ndarray, test: np.ndarray, runs: np.ndarray, n_test_runs: int
) -> str | None:
    """Return what is wrong with one fold, or None."""
    n_runs = len(np.unique(runs))
    if len(train) + len(test) == n_runs:
        return (
            "These look like numbers of runs. Give the numbers of the rows of X, as a"
            " splitter does."
        )
    train_runs, test_runs = set(runs[train]), set(runs[test])
    if train_runs & test_runs:
        return (
            f"{len(train_runs & test_runs)} runs are on both sides. Take a splitter"
            " whose name begins with Group."
        )
    if len(runs[train]) + len(runs[test]) != len(runs):
        return "some volumes are on neither side."
    if len(test_runs) == n_runs - n_test_runs != n_test_runs:
        return "the other way round: first the training rows, then the test rows."
    if len(test_runs) != n_test_runs:
        return (
            f"{len(test_runs)} runs are tested instead of {n_test_runs}. Set test_size,"
            " which here counts runs."
        )
    return None


def check_lucky_best(best: object, nested: object, gap: float = 0.05) -> Feedback:
    """Check that the best score of a search lies above the nested score.

    Parameters
    ----------
    best, nested : float or sequence of float
        Best scores of searches, and scores of nested cross-validation.
    gap : float
        How far the mean of `best` should lie above that of `nested`.

    Returns
    -------
    Feedback
    """
    for answer, what in ((best, "best_score_"), (nested, "the nested scores")):
        values = numbers(answer, what)
        if isinstance(values, Feedback):
            return values
    best, nested = np.mean(best), np.mean(nested)
    if not (0 <= best <= 1 and 0 <= nested <= 1):
        return not_yet("Accuracies lie between 0 and 1.")
    said = f"Best {best:.3f}, nested {nested:.3f}"
    if best == nested:
        return not_yet(
            f"{said}: the same. Is the second from an outer loop, on rows that the"
            " search did not see?"
        )
    if best < nested:
        return not_yet(
            f"{said}: the other way round. Are they in this order? If so, luck was on"
            " the other side: repeat with other seeds and take the means."
        )
    if best - nested < gap:
        return not_yet(
            f"{said}: less than {gap} apart. Leave it more to luck: fewer volumes, a"
            " weaker signal, more candidates."
        )
    return right(f"{said}: {best - nested:.2f} of pure optimism.")
