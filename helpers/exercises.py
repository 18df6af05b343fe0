"""Checks of the learner's answers: each says what is wrong and where to look.

A checker takes the answer and what is needed to judge it, and returns a `Feedback`.
It judges the result, not the way: any right answer passes, whatever its data type.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import LeaveOneGroupOut, cross_val_score
from sklearn.svm import SVC

from helpers.cleaning import clean
from helpers.datasets import Haxby
from helpers.masking import apply_mask


@dataclass(frozen=True)
class Feedback:
    """What a checker found.

    Attributes
    ----------
    passed : bool
        Whether the answer is right.
    message : str
        What is right, or what is wrong and where to look.
    """

    passed: bool
    message: str

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return f"{'Right!' if self.passed else 'Not yet.'} {self.message}"


def _right(message: str) -> Feedback:
    """Return the feedback on a right answer."""
    return Feedback(True, message)


def _not_yet(message: str) -> Feedback:
    """Return the feedback on a wrong or missing answer."""
    return Feedback(False, message)


def _missing(answer: object, what: str) -> Feedback | None:
    """Return a feedback when the stub has not been filled in."""
    if answer is None or answer is Ellipsis:
        return _not_yet(f"The stub is still empty: put {what} in it.")
    return None


def _number(answer: object, what: str) -> float | Feedback:
    """Return a single number, or the feedback that it is none."""
    missing = _missing(answer, what)
    if missing is not None:
        return missing
    try:
        value = np.asarray(answer, dtype=float)
    except (TypeError, ValueError):
        return _not_yet(f"Expected {what}, a number, but got {type(answer).__name__}.")
    if value.size != 1:
        return _not_yet(
            f"Expected {what}, one number, but got an array of shape {value.shape}."
            " Did you forget to take the mean?"
        )
    return float(value.reshape(()) if value.ndim == 0 else value.ravel()[0])


# --- chapter 1 -------------------------------------------------------------------


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
    value = _number(answer, "the mean accuracy")
    if isinstance(value, Feedback):
        return value
    if 1 < value <= 100:
        return _not_yet("That looks like percent: give the accuracy from 0 to 1.")
    expected = _pair_score(haxby, pair)
    if abs(value - expected) < 0.02:
        return _right(f"{pair[0]} against {pair[1]}: {value:.2f}, with chance at 0.50.")
    if value > 0.999:
        return _not_yet(
            "Every volume right? That is the score on the volumes the model learned"
            " from. Score on held-out runs: cross_val_score(..., cv=LeaveOneGroupOut())"
        )
    if abs(value - _pair_score(haxby, ("face", "house"))) < 1e-6:
        return _not_yet(
            "That is face against house. X holds only those volumes: start from X_all."
        )
    return _not_yet(
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
    missing = _missing(answer, f"a list of {n_expected} mean accuracies")
    if missing is not None:
        return missing
    values = np.asarray(answer, dtype=float)
    if values.shape != (n_expected,):
        return _not_yet(
            f"Expected {n_expected} mean accuracies, but the shape is {values.shape}."
            " Take the mean over the runs for each shuffling."
        )
    if np.ptp(values) == 0:
        return _not_yet(
            "All are the same. Make the random generator once, before the loop, and"
            " draw a new permutation each time."
        )
    if values.mean() > 0.65:
        return _not_yet(
            f"Their mean is {values.mean():.2f}, far above chance: the labels still"
            " belong to the volumes. Shuffle y alone, not X and y together."
        )
    if abs(values.mean() - 0.5) > 0.1:
        return _not_yet(f"Their mean is {values.mean():.2f}, but chance is one half.")
    return _right(
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
    missing = _missing(answer, "two names of categories")
    if missing is not None:
        return missing
    names = set(haxby.labels.label) - {"rest"}
    pair = tuple(answer) if not isinstance(answer, str) else (answer,)
    if len(set(pair)) != 2 or not set(pair) <= names:
        return _not_yet(f"Give two different names out of {', '.join(sorted(names))}.")
    score = _pair_score(haxby, pair)
    if score > 0.85:
        return _not_yet(
            f"{pair[0]} against {pair[1]} scores {score:.2f}: that is easy. Look for"
            " two categories without a patch of their own."
        )
    return _right(f"{pair[0]} against {pair[1]} scores {score:.2f}.")


# --- chapter 2 -------------------------------------------------------------------


# --- chapter 3 -------------------------------------------------------------------


# --- chapter 4: decoding ---------------------------------------------------------


# --- chapter 4: searchlight ------------------------------------------------------


# --- chapter 4: honest scores ----------------------------------------------------


# --- real recordings -------------------------------------------------------------
