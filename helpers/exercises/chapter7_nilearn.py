"""Checks of the exercises of chapter 7, from here to nilearn."""

import numpy as np
import pandas as pd
from nibabel.spatialimages import SpatialImage
from sklearn.covariance import ledoit_wolf
from sklearn.model_selection import LeaveOneGroupOut, cross_val_score
from sklearn.svm import LinearSVC

from helpers.cleaning import clean
from helpers.exercises.feedback import Feedback, not_yet, number, numbers, right
from helpers.masking import apply_mask, load_mask


def check_masker(
    X_clean: object, film: SpatialImage, mask: SpatialImage, runs: np.ndarray
) -> Feedback:
    """Check a matrix that is masked, detrended and standardized run by run.

    Parameters
    ----------
    X_clean : array-like, shape (n_volumes, n_voxels)
        The answer.
    film : nibabel image, shape (x, y, z, n_volumes)
    mask : nibabel image, shape (x, y, z)
    runs : ndarray, shape (n_volumes,)
        The run of each volume.

    Returns
    -------
    Feedback
    """
    answer = numbers(X_clean, "the matrix X_clean")
    if isinstance(answer, Feedback):
        return answer
    raw = apply_mask(film, mask)
    if answer.shape != raw.shape:
        return not_yet(
            f"X_clean has the shape {answer.shape}; one row a volume and one column a"
            f" voxel of the mask would be {raw.shape}."
        )
    wanted = clean(raw, runs=runs)

    def like(X: np.ndarray) -> bool:
        return np.allclose(answer, X, rtol=0, atol=1e-3)

    if like(wanted):
        return right("One call, from the file to the matrix.")
    if like(raw):
        return not_yet(
            "These are the voxels as they are: ask for detrend and standardize."
        )
    if like(clean(raw)):
        return not_yet("One straight line for all runs: the masker does not know runs.")
    if like(clean(raw, runs=runs, standardize=False)):
        return not_yet("Detrended, but not standardized.")
    if like(clean(raw, runs=runs, detrend=False)):
        return not_yet("Standardized, but the drift is still in it: detrend.")
    n = np.unique(runs, return_counts=True)[1][0]
    if like(wanted * np.sqrt(n / (n - 1))):
        return not_yet(
            "Divided by the standard deviation with n in it: the course takes n - 1,"
            ' which is called "zscore_sample".'
        )
    return not_yet(
        "The shape is right, but not the values. Compare the first column, run by run:"
        " is its mean 0, its standard deviation 1, and is there a slope left?"
    )


def check_screening(n_kept: object, decoder: object, mask: SpatialImage) -> Feedback:
    """Check how many voxels the classifier of one fold sees.

    Parameters
    ----------
    n_kept : float
        The answer.
    decoder : nilearn.decoding.Decoder
        Fitted, with a `screening_percentile`.
    mask : nibabel image, shape (x, y, z)
        The mask that it was fitted with.

    Returns
    -------
    Feedback
    """
    value = number(n_kept, "a number of voxels")
    if isinstance(value, Feedback):
        return value
    n_voxels = int(load_mask(mask)[0].sum())
    percent = float(decoder.screening_percentile_)
    kept = n_voxels * percent / 100
    said = f"{percent:g} % of {n_voxels} voxels"
    if abs(value - kept) <= 0.02 * kept + 1:
        return right(f"{said}: the percentage asked for counts from a whole brain.")
    asked = n_voxels * decoder.screening_percentile / 100
    if abs(value - asked) <= 0.02 * asked + 1:
        return not_yet(
            f"That is {decoder.screening_percentile:g} % of this mask. The decoder"
            " counts the percentage from the volume of a whole brain: look for what"
            " it made of it, in an attribute that ends with an underscore."
        )
    coef = next(iter(decoder.coef_img_.values()))
    in_map = np.count_nonzero(apply_mask(coef, mask))
    if abs(value - in_map) <= 1:
        return not_yet(
            "So many have a weight in the map, which is the mean over the folds. Each"
            " fold selected its own voxels, and fewer."
        )
    if abs(value - percent) < 1e-6:
        return not_yet("That is the percentage. Of how many voxels?")
    if abs(value - n_voxels) < 1:
        return not_yet("That is the whole mask: the screening comes after it.")
    return not_yet("Multiply the voxels of the mask by the share that was kept.")


def check_partial(partial: object, courses: np.ndarray) -> Feedback:
    """Check a matrix of partial correlations without shrinkage.

    Parameters
    ----------
    partial : array-like, shape (n_regions, n_regions)
        The answer.
    courses : ndarray, shape (n_volumes, n_regions)

    Returns
    -------
    Feedback
    """
    answer = numbers(partial, "the matrix partial")
    if isinstance(answer, Feedback):
        return answer
    n = courses.shape[1]
    if answer.shape == (1, n, n):
        answer = answer[0]
    if answer.shape != (n, n):
        return not_yet(
            f"Expected one {n} × {n} matrix, but the shape is {answer.shape}. Is each"
            " column of courses a region?"
        )
    off_diagonal = ~np.eye(n, dtype=bool)

    def like(matrix: np.ndarray) -> bool:
        return np.allclose(answer[off_diagonal], matrix[off_diagonal], atol=1e-3)

    plain = _partial(np.cov(courses.T))
    if like(plain):
        return right("What two regions share when all the others are held fixed.")
    if like(-plain):
        return not_yet("The sign: a positive link is negative in the inverse matrix.")
    # nilearn standardizes the courses before it shrinks.
    scaled = (courses - courses.mean(axis=0)) / courses.std(axis=0)
    shrunk = (ledoit_wolf(courses)[0], ledoit_wolf(scaled)[0])
    if any(like(_partial(covariance)) for covariance in shrunk):
        return not_yet(
            "This one is shrunk, by nilearn's default. Give cov_estimator an"
            " EmpiricalCovariance()."
        )
    if like(np.corrcoef(courses.T)):
        return not_yet("These are plain correlations: ask for another kind.")
    scale = np.sqrt(np.abs(np.diag(answer))) + 1e-12
    if np.diag(answer).min() > 0 and np.allclose(
        (-answer / np.outer(scale, scale))[off_diagonal],
        plain[off_diagonal],
        atol=1e-3,
    ):
        return not_yet(
            "This is the inverse covariance itself: scale it by its diagonal."
        )
    return not_yet("Not the partial correlations. Which kind, which estimator?")


def _partial(covariance: np.ndarray) -> np.ndarray:
    """Return partial correlations from a covariance matrix."""
    precision = np.linalg.inv(covariance)
    scale = np.sqrt(np.diag(precision))
    matrix = -precision / np.outer(scale, scale)
    np.fill_diagonal(matrix, 1)
    return matrix


def check_own_decoder(
    own_scores: object,
    pair: object,
    film: SpatialImage,
    mask: SpatialImage,
    labels: pd.DataFrame,
) -> Feedback:
    """Check the scores of a decoder of the learner's own choice, one a run.

    Parameters
    ----------
    own_scores : array-like, shape (n_runs,)
        The answer.
    pair : sequence of two str
        The categories chosen.
    film : nibabel image, shape (x, y, z, n_volumes)
    mask : nibabel image, shape (x, y, z)
    labels : pandas.DataFrame
        With the columns ``label`` and ``run``.

    Returns
    -------
    Feedback
    """
    names = set(labels.label) - {"rest"}
    if len(set(pair)) != 2 or not set(pair) <= names:
        return not_yet(f"pair holds two of {', '.join(sorted(names))}; got {pair}.")
    n_runs = labels.run.nunique()
    answer = numbers(own_scores, "the scores")
    if isinstance(answer, Feedback):
        return answer
    if answer.size == 10:
        return not_yet(
            "Ten scores: the Decoder's own folds, which do not know your runs. Give it"
            " cv=LeaveOneGroupOut() and groups."
        )
    if answer.size != n_runs:
        return not_yet(f"Expected one score for each of {n_runs} runs: {answer.size}.")
    if answer.min() < 0 or answer.max() > 1:
        return not_yet("A score lies between 0 and 1. Are these percent?")
    chosen = labels.label.isin(list(pair)).to_numpy()
    runs = labels.run.to_numpy()
    X = clean(apply_mask(film, mask), runs=runs)[chosen]
    y = labels.label[chosen].to_numpy()
    model = LinearSVC(C=0.01, max_iter=10_000)
    honest = cross_val_score(
        model, X, y, groups=runs[chosen], cv=LeaveOneGroupOut()
    ).mean()
    said = f"Your mean is {answer.mean():.2f}; a plain linear SVM has {honest:.2f}."
    right_ones = answer.ravel() * np.unique(runs[chosen], return_counts=True)[1]
    if not np.allclose(right_ones, np.round(right_ones), atol=0.01):
        said += (
            " (Yours are no shares of right answers. Is it another score, such as the"
            " area under the curve? Then do not compare the two.)"
        )
    if answer.mean() > honest + 0.2:
        return not_yet(f"{said} So much more is a reason to look for a leak.")
    if answer.mean() < min(0.55, honest - 0.15):
        return not_yet(
            f"{said} Are the labels and the volumes in the same order, and the film"
            " cleaned run by run?"
        )
    return right(f"{said} Now write down what you set, and what you left to nilearn.")
