"""Checks of the page on the real slice of Haxby's experiment."""

from collections.abc import Callable, Sequence

import numpy as np
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import LeaveOneGroupOut, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from helpers.cleaning import clean
from helpers.datasets import Haxby
from helpers.exercises.feedback import Feedback, missing, not_yet, number, right
from helpers.masking import apply_mask

VOLUMES_PER_BLOCK = 9


def _slice_score(real: Haxby, pair: tuple[str, str]) -> float:
    """Return the accuracy of the paper's decoder on two categories, by runs."""
    X = clean(apply_mask(real.func, real.mask), runs=real.labels.run)
    keep = real.labels.label.isin(pair).to_numpy()
    return cross_val_score(
        make_pipeline(SelectKBest(f_classif, k=500), SVC(kernel="linear")),
        X[keep],
        real.labels.label[keep],
        groups=real.labels.run[keep],
        cv=LeaveOneGroupOut(),
    ).mean()


def check_slice_pair(answer: object, real: Haxby, pair: tuple[str, str]) -> Feedback:
    """Check the accuracy of the paper's decoder on two categories of the slice.

    Parameters
    ----------
    answer : float
        The learner's mean accuracy, leaving one run out.
    real : Haxby
        The real slice.
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
    expected = _slice_score(real, pair)
    # Half a volume in 100: another way to select voxels is as good.
    if abs(value - expected) < 0.035:
        return right(f"{pair[0]} against {pair[1]}: {value:.2f}, with chance at 0.50.")
    if value > 0.999:
        return not_yet(
            "Every volume right? That is the score on the volumes the model learned"
            " from. Score on held-out runs: cross_val_score(..., cv=LeaveOneGroupOut())"
        )
    if abs(value - _slice_score(real, ("face", "house"))) < 1e-6:
        return not_yet(
            "That is face against house: cut the whole matrix X_all and its labels"
            " with the new pair."
        )
    if value > expected:
        return not_yet(
            f"{value:.2f} is more than whole runs give. Are volumes of one block in"
            " training and in test? Pass groups= and cv=LeaveOneGroupOut()."
        )
    return not_yet(
        f"Leaving one run out gives another number than {value:.2f}. Are X, y and"
        " groups cut with the same rows, and does groups hold the runs?"
    )


def check_by_position(answer: object, predicted: object, y: object) -> Feedback:
    """Check the share of right predictions at each position in the block.

    Parameters
    ----------
    answer : sequence of 9 float
        The learner's accuracy at each of a block's volumes, the first one first.
    predicted, y : sequence of str, shape (n_volumes,)
        Predicted and true categories, blocks of 9 volumes one after the other.

    Returns
    -------
    Feedback
    """
    empty = missing(answer, "nine accuracies, one a position in the block")
    if empty is not None:
        return empty
    values = np.asarray(answer, dtype=float)
    blocks = (np.asarray(predicted) == np.asarray(y)).reshape(-1, VOLUMES_PER_BLOCK)
    expected = blocks.mean(axis=0)
    if values.shape == (len(blocks),):
        return not_yet(
            f"That is one number for each of the {len(blocks)} blocks. Average over"
            " the blocks, and keep the positions: the other axis."
        )
    if values.shape != expected.shape:
        return not_yet(
            f"Expected {VOLUMES_PER_BLOCK} numbers, one a position in the block, but"
            f" the shape is {values.shape}."
        )
    if np.allclose(values, expected, atol=0.006):
        return right(
            f"From {values[0]:.2f} in a block's first volume up to {values.max():.2f},"
            f" and down to {values[-1]:.2f} in its last."
        )
    if values.max() > 1:
        return not_yet("Give shares from 0 to 1: the mean of right and wrong, no sum.")
    columns = blocks.ravel().reshape(VOLUMES_PER_BLOCK, -1).mean(axis=1)
    if np.allclose(values, columns, atol=0.006):
        return not_yet(
            f"These are {VOLUMES_PER_BLOCK} long stretches of the recording. The"
            f" volumes are in order: reshape to (-1, {VOLUMES_PER_BLOCK}), so that each"
            " row is a block, and average over the rows."
        )
    if np.allclose(values, 1 - expected, atol=0.006):
        return not_yet("That is the share of wrong predictions: compare with ==.")
    if np.allclose(values, expected[::-1], atol=0.006):
        return not_yet("The order is reversed: the first volume of a block is first.")
    return not_yet(
        "Nine numbers, but not these. Compare `predicted` with the true categories,"
        " volume by volume, and average over the blocks."
    )


def check_block_null(
    null: object, p_value: object, accuracy: float, n_volumes: int
) -> Feedback:
    """Check the null scores of two categories, whole blocks exchanged, and the p-value.

    Parameters
    ----------
    null : sequence of float
        The learner's mean accuracies, one for each exchange of the labels.
    p_value : float
        How often such an exchange reaches the accuracy of the true labels.
    accuracy : float
        That of the true labels.
    n_volumes : int
        Number of volumes that were scored.

    Returns
    -------
    Feedback
    """
    empty = missing(null, "at least 50 mean accuracies")
    if empty is not None:
        return empty
    values = np.asarray(null, dtype=float)
    if values.ndim != 1 or values.size < 50:
        return not_yet(
            f"Expected a list of at least 50 mean accuracies, but the shape is"
            f" {values.shape}. Take the mean over the runs for each exchange."
        )
    wrong = _wrong_null(values, n_volumes)
    if wrong is not None:
        return wrong
    p = number(p_value, "the p-value")
    if isinstance(p, Feedback):
        return p
    reached = int((values >= accuracy - 1e-9).sum())
    if np.isclose(p, (1 + reached) / (1 + values.size), atol=1e-6):
        return right(
            f"{reached} of {values.size} exchanges reach {accuracy:.2f}: p ="
            f" {p:.2f}. The null has a standard deviation of {values.std():.2f}."
        )
    if np.isclose(p, reached / values.size, atol=1e-6):
        return not_yet(
            "Nearly: the true labels are one of the possible exchanges, so they count,"
            " too. (1 + number reached) / (1 + number of exchanges) is never 0."
        )
    if np.isclose(p, 1 - reached / values.size, atol=0.02) and p > 0.5:
        return not_yet("That is the share of exchanges *below* the true accuracy.")
    return not_yet(
        f"{reached} of your {values.size} exchanges reach the true accuracy of"
        f" {accuracy:.3f} or more. Which p-value does that make?"
    )


def _wrong_null(values: np.ndarray, n_volumes: int) -> Feedback | None:
    """Return a feedback when a null of two categories is not one of whole blocks."""
    if np.ptp(values) == 0:
        return not_yet(
            "All are the same. Make the random generator once, before the loop, and"
            " exchange anew each time."
        )
    if abs(values.mean() - 0.5) > 0.05:
        return not_yet(
            f"Their mean is {values.mean():.2f}, but with labels that mean nothing it"
            " is close to one half. Score the exchanged labels, leaving one run out."
        )
    # What independent volumes would give, with some room for the cross-validation;
    # 24 blocks of 9 vary about twice as much.
    if values.std() < 1.7 * 0.5 / np.sqrt(n_volumes):
        return not_yet(
            f"Their standard deviation is {values.std():.3f}, as small as if each"
            " volume were drawn on its own. Keep blocks together: permute_labels(y,"
            " runs, blocks=y), as each run has one block of each category."
        )
    return None


def check_tells_apart(
    measure: Callable[[np.ndarray], float],
    real_runs: Sequence[np.ndarray],
    simulated_runs: Sequence[np.ndarray],
) -> Feedback:
    """Check that a number tells runs of the recording from those of the simulation.

    Parameters
    ----------
    measure : callable
        Takes the cleaned series of one run, shape (n_volumes, n_voxels), and returns
        one number.
    real_runs, simulated_runs : sequence of ndarray, shape (n_volumes, n_voxels)
        Cleaned series; voxels may differ in number, then some are left out.

    Returns
    -------
    Feedback
    """
    empty = missing(measure, "a function of one run's series")
    if empty is not None:
        return empty
    if not callable(measure):
        return not_yet(
            f"Expected a function, but got {type(measure).__name__}. Hand over its"
            " name, without calling it."
        )
    n_voxels = min(run.shape[1] for run in (*real_runs, *simulated_runs))
    runs = [run[:, :n_voxels] for run in (*real_runs, *simulated_runs)]
    values = []
    for run in runs:
        try:
            value = number(measure(run.copy()), "what `measure` returns")
        except Exception as error:  # the learner's code: whatever it may raise
            return not_yet(f"`measure` fails on a run: {type(error).__name__}: {error}")
        if isinstance(value, Feedback):
            return value
        values.append(value)
    return _separation(np.array(values), len(real_runs))


def _separation(values: np.ndarray, n_real: int) -> Feedback:
    """Judge how well a number tells the first runs from the others."""
    if np.ptp(values) < 1e-9 * np.abs(values).max():
        return not_yet(
            "`measure` gives the same number for all runs. (The series are"
            " standardized, and each run has as many voxels: mean, variance and shape"
            " tell nothing.)"
        )
    auc = roc_auc_score(np.arange(len(values)) < n_real, values)
    auc = max(auc, 1 - auc)
    real, simulated = values[:n_real].mean(), values[n_real:].mean()
    means = f"{real:.3g} in the recording, {simulated:.3g} in the simulation"
    if auc >= 0.95:
        return right(
            f"On average {means}; of two runs, one of each, it names the real one in"
            f" {100 * auc:.0f} of 100 cases."
        )
    return not_yet(
        f"On average {means}, but the runs overlap: of two, one of each, it names the"
        f" real one in {100 * auc:.0f} of 100 cases. At 95 it tells them apart."
    )
