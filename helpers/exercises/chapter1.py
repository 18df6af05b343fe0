"""Checks of chapter 1: introduction."""

import numpy as np
from sklearn.model_selection import LeaveOneGroupOut, cross_val_score
from sklearn.svm import SVC

from helpers.cleaning import clean
from helpers.datasets import Haxby
from helpers.exercises.feedback import (
    Feedback,
    missing,
    not_yet,
    number,
    numbers,
    right,
)
from helpers.masking import apply_mask


def _pair_score(haxby: Haxby, pair: tuple[str, str]) -> float:
    """Return the accuracy of a linear SVM on two categories, leaving one run out."""
    X = clean(apply_mask(haxby.func, haxby.mask_vt), runs=haxby.labels.run)
    keep = haxby.labels.label.isin(pair)
    return cross_val_score(
        SVC(kernel="linear"),
        X[keep],
        haxby.labels.label[keep],
        groups=haxby.labels.run[keep],
        cv=LeaveOneGroupOut(),
    ).mean()


def check_pair_accuracy(
    answer: object, haxby: Haxby, pair: tuple[str, str]
) -> Feedback:
    """Check the accuracy of a linear SVM on two categories in ventral cortex.

    Parameters
    ----------
    answer : float
        The learner's mean accuracy, leaving one run out.
    haxby : Haxby
        The data set it was found on.
    pair : tuple of two str
        The two categories.

    Returns
    -------
    Feedback
    """
    value = number(answer, "the mean accuracy")
    if isinstance(value, Feedback):
        return value
    if 1 < value <= 100:
        return not_yet("That looks like percent: give the accuracy from 0 to 1.")
    expected = _pair_score(haxby, pair)
    if abs(value - expected) < 0.02:
        return right(f"{pair[0]} against {pair[1]}: {value:.2f}, with chance at 0.50.")
    if value > 0.999:
        return not_yet(
            "Every volume right? That is the score on the volumes the model learned"
            " from. Score on held-out runs: cross_val_score(..., cv=LeaveOneGroupOut())"
        )
    if abs(value - _pair_score(haxby, ("face", "house"))) < 1e-6:
        return not_yet(
            "That is face against house. X holds only those volumes: start from X_all."
        )
    return not_yet(
        f"Leaving one run out gives another number than {value:.2f}. Are X, y and"
        " groups cut with the same rows, and does groups hold the runs?"
    )


def check_chance_scores(answer: object, n_expected: int = 20) -> Feedback:
    """Check accuracies found with shuffled labels.

    Parameters
    ----------
    answer : sequence of float
        Mean accuracies, one for each shuffling of the labels.
    n_expected : int
        How many there should be.

    Returns
    -------
    Feedback
    """
    values = numbers(answer, f"a list of {n_expected} mean accuracies")
    if isinstance(values, Feedback):
        return values
    if values.shape != (n_expected,):
        return not_yet(
            f"Expected {n_expected} mean accuracies, but the shape is {values.shape}."
            " Take the mean over the runs for each shuffling."
        )
    if np.ptp(values) == 0:
        return not_yet(
            "All are the same. Make the random generator once, before the loop, and"
            " draw a new permutation each time."
        )
    if values.mean() > 0.65:
        return not_yet(
            f"Their mean is {values.mean():.2f}, far above chance: the labels still"
            " belong to the volumes. Shuffle y alone, not X and y together."
        )
    if abs(values.mean() - 0.5) > 0.1:
        return not_yet(f"Their mean is {values.mean():.2f}, but chance is one half.")
    return right(
        f"Without information the mean is {values.mean():.2f}, but single scores reach"
        f" {values.max():.2f}: chance has a spread."
    )


def check_hard_pair(answer: object, haxby: Haxby) -> Feedback:
    """Check that two categories are hard to tell apart.

    Parameters
    ----------
    answer : sequence of two str
        The two categories.
    haxby : Haxby
        The data set to judge on.

    Returns
    -------
    Feedback
    """
    empty = missing(answer, "two names of categories")
    if empty is not None:
        return empty
    names = set(haxby.labels.label) - {"rest"}
    one_word = isinstance(answer, str) or not np.iterable(answer)
    pair = (answer,) if one_word else tuple(str(name) for name in answer)
    if len(set(pair)) != 2 or not set(pair) <= names:
        return not_yet(f"Give two different names out of {', '.join(sorted(names))}.")
    score = _pair_score(haxby, pair)
    if score > 0.85:
        return not_yet(
            f"{pair[0]} against {pair[1]} scores {score:.2f}: that is easy. Look for"
            " two categories without a patch of their own."
        )
    return right(f"{pair[0]} against {pair[1]} scores {score:.2f}.")
