"""Checks of chapter 5: decoding images."""

import numpy as np
from sklearn.linear_model import LogisticRegression

from helpers.exercises.feedback import Feedback, not_yet, number, numbers, right


def check_weight_counts(answer: object, X: np.ndarray, y: np.ndarray) -> Feedback:
    """Check how many ℓ1 weights are not zero, for the smallest and the largest C.

    Parameters
    ----------
    answer : pair of int
        The learner's counts.
    X : ndarray, shape (n_samples, n_voxels)
        The signal.
    y : ndarray, shape (n_samples,)
        Whether the pixel is on.

    Returns
    -------
    Feedback
    """
    values = numbers(answer, "two counts", 2)
    if isinstance(values, Feedback):
        return values
    model = LogisticRegression(
        l1_ratio=1, C=0.3, solver="liblinear", tol=0.01, random_state=0
    )
    n_kept = np.count_nonzero(model.fit(X, y).coef_)
    if values[1] == 0 and values[0] > 0:
        return not_yet("The order is wrong: first the smallest C.")
    if values[1] == X.shape[1] or values[0] == X.shape[1]:
        return not_yet("You counted all weights. How many are not zero?")
    if values[0] == 0 and abs(values[1] - n_kept) <= max(3, 0.1 * n_kept):
        return right(f"none, then {values[1]:.0f} of {X.shape[1]} voxels.")
    return not_yet(
        "Not these counts. Did you use factor * C, and coef_ of the ℓ1 model?"
    )


def check_always_off(answer: object, images: np.ndarray) -> Feedback:
    """Check the share of pixels that a blank image has right.

    Parameters
    ----------
    answer : float
        The learner's share.
    images : ndarray of int, shape (n_images, n_pixels)
        The images, 1 where a pixel is on.

    Returns
    -------
    Feedback
    """
    share = number(answer, "one share")
    if isinstance(share, Feedback):
        return share
    off = float(np.mean(np.asarray(images) == 0))
    if abs(share - off) < 0.006:
        return right(f"{off:.2f} without a brain.")
    if abs(share - (1 - off)) < 0.006:
        return not_yet("This is the share of pixels that are on: always saying on.")
    if abs(share - 100 * off) < 0.6:
        return not_yet("Give a share between 0 and 1, not percent.")
    return not_yet("Count the zeros of y_fig, over all figures and pixels.")


def check_better_pixel(answer: object, to_beat: np.ndarray, n_samples: int) -> Feedback:
    """Check five accuracies that beat the usual classifier's.

    Parameters
    ----------
    answer : array-like, shape (5,)
        The learner's accuracies, one a fold.
    to_beat : ndarray, shape (5,)
        The accuracies of the usual classifier.
    n_samples : int
        Number of samples in all folds.

    Returns
    -------
    Feedback
    """
    values = numbers(answer, "one accuracy a fold", len(to_beat))
    if isinstance(values, Feedback):
        return values
    mine, usual = values.mean(), np.mean(to_beat)
    if values.max() > 1:
        return not_yet("An accuracy is at most 1. Is it in percent?")
    if values.min() < 0:
        return not_yet("An accuracy is at least 0. Which score is this?")
    if mine > 0.995:
        return not_yet("Too good to be true. Did it see the test folds?")
    # An accuracy counts samples: of the fold that was held out, in KFold's order.
    held_out = [len(fold) for fold in np.array_split(np.arange(n_samples), len(values))]
    counts = values * held_out
    if np.abs(counts - counts.round()).max() > 0.01:
        return not_yet(
            f"No share of a fold's {held_out[0]} samples is {values[0]:.4f}. Are these"
            " scores of the training samples, of other folds, or no accuracies?"
        )
    if mine <= usual:
        return not_yet(f"{mine:.3f} does not beat {usual:.3f} yet.")
    return right(f"{mine:.3f} beats {usual:.3f}.")


def check_balanced_c(answer: object, C: float, n_samples: int) -> Feedback:
    """Check two C that keep C x n: for three times the samples, and for twice.

    Parameters
    ----------
    answer : pair of float
        The learner's C.
    C : float
        The C for `n_samples` samples.
    n_samples : int
        Number of samples that C was found for.

    Returns
    -------
    Feedback
    """
    values = numbers(answer, "two C", 2)
    if isinstance(values, Feedback):
        return values
    wanted = np.array([C / 3, C / 2])
    if np.allclose(values, wanted, rtol=0.03):
        return right(f"C times the number of samples stays {C * n_samples:g}.")
    if np.allclose(values, C):
        return not_yet("The same C for more samples lets the errors weigh more.")
    if np.allclose(values, [3 * C, 2 * C], rtol=0.03):
        return not_yet("That is the wrong way: more samples need a smaller C.")
    if np.allclose(values[::-1], wanted, rtol=0.03):
        return not_yet("The order is wrong: first the 1320 volumes.")
    return not_yet("C times the number of samples must stay. 40 runs have 880 images.")
