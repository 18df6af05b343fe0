"""Checks of chapter 6: parcels before a decoder."""

import numpy as np
from sklearn.base import clone
from sklearn.cluster import FeatureAgglomeration
from sklearn.model_selection import GroupKFold, LeaveOneGroupOut, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import SVC

from helpers.exercises.feedback import (
    Feedback,
    missing,
    not_yet,
    number,
    numbers,
    right,
)


def check_lost(answer: object, X: np.ndarray, again: np.ndarray) -> Feedback:
    """Check the share of variance that compression loses.

    Parameters
    ----------
    answer : float
        The learner's share.
    X, again : ndarray, shape (n_samples, n_voxels)
        The volumes, and what came back from the parcels.

    Returns
    -------
    Feedback
    """
    value = number(answer, "a share")
    if isinstance(value, Feedback):
        return value
    total = (X**2).sum()
    lost = ((X - again) ** 2).sum() / total
    if np.isclose(value, lost, atol=0.005):
        return right(f"{100 * value:.0f} % of the variance did not come back.")
    if np.isclose(value, 100 * lost, atol=0.5):
        return not_yet("That is in percent; give the share, between 0 and 1.")
    if np.isclose(value, 1 - lost, atol=0.005):
        return not_yet("That is the share that was kept. What is gone?")
    if np.isclose(value, np.sqrt(lost), atol=0.005):
        return not_yet("That is a ratio of standard deviations. Leave the squares.")
    if np.isclose(value, np.abs(X - again).sum() / np.abs(X).sum(), atol=0.005):
        return not_yet("You summed sizes; variance is a sum of squares.")
    return not_yet(
        f"It is not {value:.3g}. Square the difference, sum it over all volumes and"
        " voxels, and divide by the sum of the squares of X."
    )


def check_outside(
    answer: object,
    compressed: np.ndarray,
    y: np.ndarray,
    runs: np.ndarray,
    inside: float,
) -> Feedback:
    """Check the score of a decoder on parcels that were fitted to all runs.

    Parameters
    ----------
    answer : float
        The learner's mean accuracy.
    compressed : ndarray, shape (n_samples, n_parcels)
        The parcels' means.
    y, runs : ndarray, shape (n_samples,)
        Labels and runs.
    inside : float
        The mean accuracy with the parcels in the pipeline.

    Returns
    -------
    Feedback
    """
    value = number(answer, "the mean accuracy")
    if isinstance(value, Feedback):
        return value
    model = SVC(kernel="linear")
    by_run = GroupKFold(n_splits=4)
    expected = cross_val_score(model, compressed, y, groups=runs, cv=by_run).mean()
    if np.isclose(value, expected, atol=0.003):
        return right(f"{value:.3f} outside, {inside:.3f} inside.")
    if np.isclose(value, inside, atol=0.003):
        return not_yet("That is the score of the pipeline. Use compressed, as it is.")
    if np.isclose(value, model.fit(compressed, y).score(compressed, y), atol=0.003):
        return not_yet("That is the accuracy on the training samples. Use score().")
    if np.isclose(value, cross_val_score(model, compressed, y).mean(), atol=0.003):
        return not_yet("These folds cut through runs: give groups and cv, as score().")
    return not_yet(
        f"It is not {value:.3f}. Call score(SVC(kernel='linear'), compressed) and take"
        " the mean of the four."
    )


def check_known_place(
    answer: object,
    X: np.ndarray,
    y: np.ndarray,
    runs: np.ndarray,
    graph: object,
    n_parcels: int = 50,
) -> Feedback:
    """Check the scores with parcels and with voxels where the place is known.

    Parameters
    ----------
    answer : pair of float
        The learner's mean accuracy with parcels, and with all voxels.
    X : ndarray, shape (n_samples, n_voxels)
        Volumes of the region.
    y, runs : ndarray, shape (n_samples,)
        Labels and runs.
    graph : sparse array, shape (n_voxels, n_voxels)
        Which voxels touch.
    n_parcels : int
        How many parcels were asked for.

    Returns
    -------
    Feedback
    """
    values = numbers(answer, "a pair of mean accuracies", 2)
    if isinstance(values, Feedback):
        return values
    svm, logo = SVC(kernel="linear"), LeaveOneGroupOut()
    parcels = FeatureAgglomeration(n_parcels, connectivity=graph)
    models = (make_pipeline(parcels, svm), svm)
    expected = np.array(
        [cross_val_score(m, X, y, groups=runs, cv=logo).mean() for m in models]
    )
    if np.allclose(values, expected, atol=0.01):
        return right(f"{values[0]:.2f} with parcels, {values[1]:.2f} with voxels.")
    if np.allclose(values[::-1], expected, atol=0.01):
        return not_yet("The two are exchanged: parcels first.")
    if np.isclose(values[1], cross_val_score(svm, X, y).mean(), atol=0.003):
        return not_yet("These folds cut through runs: give groups=runs_8, cv=logo.")
    if np.isclose(values[1], expected[1], atol=0.01):
        return not_yet(
            f"Right with voxels, but not with parcels ({values[0]:.2f}). {n_parcels}"
            " parcels, with graph_vt, in a pipeline?"
        )
    return not_yet(
        "Neither is right with voxels. All eight categories (y_8), groups=runs_8,"
        " cv=logo, SVC(kernel='linear')?"
    )


def check_parcel_pipeline(
    answer: object,
    X: np.ndarray,
    y: np.ndarray,
    runs: np.ndarray,
    to_beat: float,
    least: int = 100,
) -> Feedback:
    """Check a pipeline that begins with parcels, by scoring it.

    Parameters
    ----------
    answer : Pipeline
        The learner's pipeline.
    X : ndarray, shape (n_samples, n_voxels)
        Volumes.
    y, runs : ndarray, shape (n_samples,)
        Labels and runs.
    to_beat : float
        The mean accuracy to beat.
    least : int
        The smallest number of parcels allowed.

    Returns
    -------
    Feedback
    """
    empty = missing(answer, "a pipeline")
    if empty is not None:
        return empty
    if not isinstance(answer, Pipeline):
        return not_yet(
            f"Expected a pipeline, but got {type(answer).__name__}. Not its scores, and"
            " not fitted: make_pipeline(...) or parcel_decoder(...)."
        )
    steps = [step for _, step in answer.steps]
    parcels = [step for step in steps if isinstance(step, FeatureAgglomeration)]
    if not parcels:
        return not_yet("There is no FeatureAgglomeration among the steps.")
    if parcels[0].n_clusters < least:
        return not_yet(f"{parcels[0].n_clusters} parcels; use {least} or more.")
    if parcels[0].connectivity is None:
        return not_yet("Without connectivity, Ward needs all pairs of voxels.")
    by_run = GroupKFold(n_splits=4)
    mean = cross_val_score(clone(answer), X, y, groups=runs, cv=by_run).mean()
    if mean <= to_beat:
        return not_yet(f"{mean:.3f} does not beat {to_beat:.3f} yet.")
    return right(f"{mean:.3f} beats {to_beat:.3f}.")
