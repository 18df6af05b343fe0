"""Checks of chapter 4: trust a score."""

import numpy as np
from scipy.stats import binom
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectKBest
from sklearn.model_selection import KFold, LeaveOneGroupOut, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from helpers.exercises.feedback import Feedback, missing, not_yet, number, right


def check_p_value(answer: object, score: float, null: np.ndarray) -> Feedback:
    """Check the p-value of a permutation test.

    Parameters
    ----------
    answer : float
        The learner's p-value.
    score : float
        The score of the true labels.
    null : ndarray, shape (n_permutations,)
        The scores of the permuted labels.

    Returns
    -------
    Feedback
    """
    value = number(answer, "a p-value")
    if isinstance(value, Feedback):
        return value
    null = np.asarray(null, dtype=float)
    # Equal shares of the same volumes may differ in their last digit.
    n_as_good = np.count_nonzero(null >= score - 1e-9)
    n_better = np.count_nonzero(null > score + 1e-9)
    n = len(null)
    if np.isclose(value, (n_as_good + 1) / (n + 1), rtol=1e-3):
        return right(
            f"p = {value:.4f}: {n_as_good} of {n} permuted scores are as good, and the"
            " true labeling counts as one more."
        )
    if np.isclose(value, n_as_good / n, rtol=1e-3, atol=1e-12):
        return not_yet(
            f"{value:g} is the plain share. The true labels are one of the possible"
            " labelings: count them in as well, above and below the line."
        )
    if np.isclose(value, (n_as_good + 1) / n, rtol=1e-6):
        return not_yet("Count the true labels below the line, too: m + 1.")
    if np.isclose(value, 1 - n_as_good / n, rtol=1e-3) or value > 0.5:
        return not_yet(
            f"{value:g} is close to the share *below* the score. How often does chance"
            " do as well or better?"
        )
    if np.isclose(value, (n_better + 1) / (n + 1), rtol=1e-3):
        return not_yet("A permuted score equal to yours is as good: use >=, not >.")
    if np.isclose(value, n_as_good + 1):
        return not_yet("That is a count. Divide it by the number of labelings, m + 1.")
    return not_yet(
        f"{value:g} is not (b + 1) / (m + 1), with b the number of entries of the null"
        f" that are at least {score:.3f} and m = {n}."
    )


def check_honest_score(
    answer: object, X: np.ndarray, y: np.ndarray, runs: np.ndarray, k: int = 50
) -> Feedback:
    """Check the score of an analysis with two faults, both mended.

    Parameters
    ----------
    answer : float
        The learner's mean accuracy.
    X : ndarray, shape (n_volumes, n_voxels)
        The volumes of two categories.
    y, runs : ndarray, shape (n_volumes,)
        Labels and runs.
    k : int
        How many voxels are selected.

    Returns
    -------
    Feedback
    """
    value = number(answer, "the mean accuracy")
    if isinstance(value, Feedback):
        return value
    svm = SVC(kernel="linear")
    pipeline = make_pipeline(SelectKBest(k=k), svm)
    selected = SelectKBest(k=k).fit_transform(X, y)
    by_run = list(LeaveOneGroupOut().split(X, y, groups=runs))
    shuffled = KFold(12, shuffle=True, random_state=0)

    def is_score(model: BaseEstimator, data: np.ndarray, cv: object) -> bool:
        expected = cross_val_score(model, data, y, cv=cv).mean()
        return abs(value - expected) < 0.004  # less than one volume of 216

    if is_score(pipeline, X, by_run):
        return right(f"{value:.2f}: both faults are mended.")
    if is_score(svm, selected, shuffled):
        return not_yet(f"{value:.2f} is your colleague's score, with both faults.")
    if is_score(svm, selected, by_run):
        return not_yet(
            "The runs are held out, but the selection still saw them all: put it into"
            " a pipeline and give cross_val_score all voxels."
        )
    if is_score(pipeline, X, shuffled):
        return not_yet(
            "The selection is inside, but test volumes have neighbors in the training"
            " set: hold out whole runs."
        )
    if is_score(svm, X, by_run):
        return not_yet(f"That is the score of all voxels: keep the selection of {k}.")
    if value > 0.999:
        return not_yet("That is the training accuracy: score on held-out runs.")
    return not_yet(
        f"Both faults mended, the score is another than {value:.3f}. Do X, y and groups"
        f" hold the same rows, and does the pipeline select {k} voxels?"
    )


def check_runs_needed(
    answer: object, accuracy: float, blocks_per_run: int = 2, level: float = 0.05
) -> Feedback:
    """Check how many runs make an accuracy unlikely for a coin.

    Parameters
    ----------
    answer : int
        The learner's number of runs.
    accuracy : float
        Share of blocks predicted right, of two equally frequent categories.
    blocks_per_run : int
        How many coin tosses a run is worth.
    level : float
        How often a coin may do as well.

    Returns
    -------
    Feedback
    """
    value = number(answer, "a number of runs")
    if isinstance(value, Feedback):
        return value
    if value != int(value) or value < 1:
        return not_yet(f"{value:g} is no number of runs.")

    def by_chance(n_runs: np.ndarray, tosses: int) -> np.ndarray:
        """Return how often a coin is right in at least that share of tosses."""
        n = n_runs * tosses
        return binom.sf(np.ceil(accuracy * n - 1e-9) - 1, n, 0.5)

    n_runs = np.arange(1, 2000)
    enough = by_chance(n_runs, blocks_per_run) < level
    first = int(n_runs[enough][0])
    # Chance falls in steps: after the first such number it can rise above it again.
    last = int(n_runs[~enough][-1]) + 1
    p = float(by_chance(np.array([value]), blocks_per_run)[0])
    said = f"With {value:g} runs, a coin gets {accuracy:g} or more in {p:.1%} of cases."
    if first <= value <= last and p < level:
        return right(said)
    if value < first / 4:
        return not_yet(
            f"{said} Did you count volumes? The volumes of a block share their luck: a"
            f" run is worth {blocks_per_run} tosses."
        )
    if np.isclose(value, first * blocks_per_run, atol=1):
        return not_yet(f"{value:g} blocks, but a run has {blocks_per_run} of them.")
    if p >= level:
        return not_yet(f"{said} More are needed.")
    return not_yet(f"{said} Fewer are enough.")


def check_fooling_design(
    fooling: object, fair: object, X: np.ndarray, runs: np.ndarray
) -> Feedback:
    """Check two designs on data without a brain: one is decoded, the other is not.

    Parameters
    ----------
    fooling, fair : sequence of str, shape (n_volumes,)
        Two labels, in the order in which the pictures are shown.
    X : ndarray, shape (n_volumes, n_voxels)
        Data that know nothing of the labels.
    runs : ndarray, shape (n_volumes,)
        The run of each volume.

    Returns
    -------
    Feedback
    """
    scores = []
    for design, name in ((fooling, "fooling"), (fair, "fair")):
        wrong = _check_design(design, name, runs)
        if wrong is not None:
            return wrong
        model = SVC(kernel="linear")
        cv = LeaveOneGroupOut()
        labels = np.asarray(design)
        scores.append(cross_val_score(model, X, labels, groups=runs, cv=cv).mean())
    said = f"fooling scores {scores[0]:.2f}, fair {scores[1]:.2f}"
    if scores[0] < 0.8:
        return not_yet(
            f"{said}: the first should reach 0.80. What do all runs of X have in"
            " common, and when in a run does each label come?"
        )
    if scores[1] > 0.65:
        return not_yet(
            f"{said}: the second is still decoded. Does each label come early as often"
            " as late?"
        )
    return right(f"{said}, and there is no brain in the data.")


def _check_design(design: object, name: str, runs: np.ndarray) -> Feedback | None:
    """Return what is wrong with a design, or None."""
    empty = missing(design, f"the labels of the {name} design")
    if empty is not None:
        return empty
    labels = np.asarray(design)
    if labels.shape != runs.shape:
        return not_yet(
            f"{name} has the shape {labels.shape}: expected one label for each of the"
            f" {len(runs)} volumes."
        )
    if len(set(labels.tolist())) != 2:
        return not_yet(f"{name} must have two labels.")
    for run in np.unique(runs):
        counts = np.unique(labels[runs == run], return_counts=True)[1]
        if len(counts) != 2 or counts[0] != counts[1]:
            return not_yet(
                f"In run {run} of {name}, the labels are not equally frequent. The"
                " trick must work without that."
            )
    return None
