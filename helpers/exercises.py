"""Checks of the learner's answers: each says what is wrong and where to look.

A checker takes the answer and what is needed to judge it, and returns a `Feedback`.
It judges the result, not the way: any right answer passes, whatever its data type.
"""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from nibabel.affines import apply_affine
from sklearn.base import clone
from sklearn.model_selection import LeaveOneGroupOut, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC

from helpers.cleaning import clean, cleaning_matrix
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
    value = _number(answer, "a column number")
    if isinstance(value, Feedback):
        return value
    spread = X_train.std(axis=0)
    if value != int(value) or not 0 <= value < len(spread):
        return _not_yet(
            f"{value:g} is no column of X, which has {len(spread)}. A standard"
            " deviation itself? Ask for its place, with .argmax()."
        )
    column = int(value)
    if spread[column] >= spread.max() * (1 - 1e-6):
        return _right(
            f"Voxel {column}, with a standard deviation of {spread[column]:.0f} units."
        )
    if column == X_train.mean(axis=0).argmax():
        return _not_yet(
            f"Voxel {column} has the largest mean: that is mean_. The standard"
            " deviations are in another attribute with an underscore."
        )
    if column == spread.argmin():
        return _not_yet(f"Voxel {column} varies least: take argmax, not argmin.")
    return _not_yet(
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
    wrong = _missing(pipeline, "a pipeline") or _check_steps(pipeline, X, y, k)
    if wrong is not None:
        return wrong
    value = _number(answer, "the mean accuracy")
    if isinstance(value, Feedback):
        return value
    cv = LeaveOneGroupOut()
    expected = cross_val_score(pipeline, X, y, groups=runs, cv=cv).mean()
    if abs(value - expected) < 0.01:
        return _right(f"{value:.2f}: every step has seen the training runs only.")
    seen = clone(pipeline[:-1]).fit_transform(X, y)
    leaky = cross_val_score(pipeline[-1], seen, y, groups=runs, cv=cv).mean()
    if abs(value - leaky) < 0.01:
        return _not_yet(
            f"The pipeline is right, but {value:.2f} is the leaky score: scaling and"
            " selection saw the test runs. Give cross_val_score the raw X_pair."
        )
    if abs(value - clone(pipeline).fit(X, y).score(X, y)) < 0.01:
        return _not_yet(
            f"{value:.2f} is the score on the volumes it learned from. Use"
            " cross_val_score(..., cv=LeaveOneGroupOut())."
        )
    return _not_yet(
        f"The pipeline is right, but leaving one run out it does not score {value:.2f}."
        " Do X, y and groups belong to the same rows?"
    )


def _check_steps(
    pipeline: object, X: np.ndarray, y: np.ndarray, k: int
) -> Feedback | None:
    """Return what is wrong with the steps of a pipeline, or None."""
    if not hasattr(pipeline, "fit"):
        return _not_yet(
            f"Expected a pipeline, got {type(pipeline).__name__}: give make_pipeline"
            " the three objects, and do not fit or transform anything yourself."
        )
    if not isinstance(pipeline, Pipeline):
        return _not_yet(
            f"{type(pipeline).__name__} is a single step. Scaling and selection are"
            " still outside, where they see the test runs: chain all with"
            " make_pipeline."
        )
    if not hasattr(pipeline[-1], "predict"):
        return _not_yet("The last step cannot predict: put the classifier last.")
    given = clone(pipeline[:-1]).fit_transform(X, y)
    if given.shape[1] != k:
        return _not_yet(
            f"{given.shape[1]} voxels reach the classifier instead of {k}:"
            " SelectKBest keeps 10 unless you set k."
        )
    if not np.allclose(given.mean(axis=0), 0, atol=0.01):
        return _not_yet("The voxels are not scaled: begin with StandardScaler().")
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
    missing = _missing(answer, f"a list of {n_folds} pairs of row numbers")
    if missing is not None:
        return missing
    if hasattr(answer, "split"):
        return _not_yet(
            "That is the splitter. Ask it for the rows: list(cv.split(X, y,"
            " groups=runs))."
        )
    folds = list(answer)
    if len(folds) != n_folds:
        return _not_yet(
            f"Expected {n_folds} folds, got {len(folds)}. How many a splitter draws is"
            " its n_splits; LeaveOneGroupOut and GroupKFold test each run only once."
        )
    for number, (train, test) in enumerate(folds, start=1):
        train_runs, test_runs = set(runs[train]), set(runs[test])
        if train_runs & test_runs:
            return _not_yet(
                f"In fold {number}, {len(train_runs & test_runs)} runs are on both"
                " sides. Take a splitter whose name begins with Group."
            )
        if len(test_runs) != n_test_runs:
            return _not_yet(
                f"Fold {number} tests {len(test_runs)} runs instead of {n_test_runs}:"
                " set test_size, which here counts runs."
            )
        if len(runs[train]) + len(runs[test]) != len(runs):
            return _not_yet(f"In fold {number} some volumes are on neither side.")
    if len({tuple(sorted(set(runs[test]))) for _, test in folds}) == 1:
        return _not_yet("All folds test the same runs: draw anew for each.")
    return _right("Whole runs, drawn at random: no run is on both sides.")


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
    missing = _missing(best, "best_score_") or _missing(nested, "the nested scores")
    if missing is not None:
        return missing
    best, nested = np.mean(best), np.mean(nested)
    if not (0 <= best <= 1 and 0 <= nested <= 1):
        return _not_yet("Accuracies lie between 0 and 1.")
    said = f"Best {best:.3f}, nested {nested:.3f}"
    if best == nested:
        return _not_yet(
            f"{said}: the same. Is the second from an outer loop, on rows that the"
            " search did not see?"
        )
    if best < nested:
        return _not_yet(
            f"{said}: the other way round. Are they in this order? If so, luck was on"
            " the other side: repeat with other seeds and take the means."
        )
    if best - nested < gap:
        return _not_yet(
            f"{said}: less than {gap} apart. Leave it more to luck: fewer volumes, a"
            " weaker signal, more candidates."
        )
    return _right(f"{said}: {best - nested:.2f} of pure optimism.")


# --- chapter 3 -------------------------------------------------------------------


def check_voxel(answer: object, img: nib.Nifti1Image, mm: list[float]) -> Feedback:
    """Check that three indices are those of the voxel closest to a place.

    Parameters
    ----------
    answer : sequence of three ints
        The indices.
    img : nibabel image
        The image they belong to.
    mm : sequence of three floats
        The place in mm.

    Returns
    -------
    Feedback
    """
    missing = _missing(answer, "three indices")
    if missing is not None:
        return missing
    value = np.asarray(answer, dtype=float)
    if value.shape != (3,):
        return _not_yet(f"Expected three indices, but the shape is {value.shape}.")
    exact = apply_affine(np.linalg.inv(img.affine), mm)
    if np.allclose(value, np.rint(exact)):
        there = apply_affine(img.affine, value)
        return _right(f"Its center lies at {there.tolist()} mm, the closest there is.")
    if np.allclose(value, apply_affine(img.affine, mm)):
        return _not_yet(
            "The affine goes from indices to mm. You need the way back, its inverse:"
            " numpy.linalg.inv."
        )
    if np.allclose(value, exact):
        return _not_yet("Indices are whole numbers: round to the closest voxel.")
    if np.allclose(value, np.trunc(exact)):
        return _not_yet(
            "You cut off the decimals, which is what astype(int) does. Round first,"
            " with numpy.rint."
        )
    if np.allclose(value, mm):
        return _not_yet("These are the millimeters themselves. Turn them into indices.")
    return _not_yet(
        f"That voxel lies at {apply_affine(img.affine, value).tolist()} mm. Is it the"
        " affine of the image in question?"
    )


def check_back_to_brain(answer: object, X: np.ndarray, mask: np.ndarray) -> Feedback:
    """Check that rows of X were put back into the brain.

    Parameters
    ----------
    answer : ndarray or image, shape (x, y, z, n_volumes)
        The volumes.
    X : ndarray, shape (n_volumes, n_voxels)
        The rows that were to be put back.
    mask : ndarray of bool, shape (x, y, z)
        The mask that X was taken with.

    Returns
    -------
    Feedback
    """
    missing = _missing(answer, "an array with time as its last axis")
    if missing is not None:
        return missing
    value = np.asarray(getattr(answer, "dataobj", answer))
    expected = (*mask.shape, len(X))
    if value.shape == (len(X), *mask.shape):
        return _not_yet(
            f"The shape is {value.shape}: time comes first. In an image it is the last"
            " axis."
        )
    if value.shape != expected:
        return _not_yet(f"The shape is {value.shape}, but expected {expected}.")
    if np.array_equal(value[mask].T, X):
        if np.any(value[~mask] != 0):
            return _not_yet("Right inside the mask, but outside it should be 0.")
        return _right("Masking your volumes gives the rows of X again, exactly.")
    inside = np.sort(value[mask], axis=None)
    if np.array_equal(inside, np.sort(X, axis=None)):
        return _not_yet(
            "The values are right, but in the wrong voxels: reshape or another order"
            " of the axes scrambles them. Use the transpose, X.T."
        )
    return _not_yet("Masking your volumes does not give the rows of X again.")


def check_tsnr(answer: object, X: np.ndarray, mask: np.ndarray) -> Feedback:
    """Check a map of the temporal signal-to-noise ratio.

    Parameters
    ----------
    answer : image or ndarray, shape (x, y, z) or (n_voxels,)
        The map.
    X : ndarray, shape (n_volumes, n_voxels)
        The series of one run, as recorded.
    mask : ndarray of bool, shape (x, y, z)
        The mask that X was taken with.

    Returns
    -------
    Feedback
    """
    missing = _missing(answer, "the image that unmask returns")
    if missing is not None:
        return missing
    value = np.asarray(getattr(answer, "dataobj", answer), dtype=float)
    if value.shape == mask.shape:
        value = value[mask]
    if value.shape == (len(X),):
        return _not_yet(
            "You have one value a volume. Take mean and standard deviation over time:"
            " axis=0."
        )
    if value.shape != X.shape[1:]:
        return _not_yet(
            f"The shape is {value.shape}; expected {mask.shape}, the mask's. Put one"
            " value a voxel back with unmask."
        )
    mean, std = X.mean(axis=0, dtype=float), X.std(axis=0, dtype=float)
    std[std == 0] = np.nan
    ratio = np.nanmedian(value / (mean / std))
    if np.nanmedian(np.abs(value)) < 0.5 and np.nanmedian(np.abs(value * mean)) < 100:
        if abs(np.nanmedian(value * mean / std) - 1) < 0.1:
            return _not_yet("That is noise over signal: divide the mean by the s.d.")
        return _not_yet(
            "It is close to 0 everywhere: a cleaned series has mean 0. Use the raw X."
        )
    if np.nanmedian(np.abs(value / (mean / std) - 1)) < 0.02:
        return _right(f"The median tSNR is {np.nanmedian(value):.0f}.")
    if np.nanmedian(np.abs(value / (mean / std**2) - 1)) < 0.02:
        return _not_yet("You divided by the variance. Take its root: .std(axis=0).")
    return _not_yet(
        f"It is {ratio:.2f} times what the first run gives. All runs together are less"
        " steady, as their means differ: keep the rows of the first, X[runs == 0]."
    )


def check_high_pass(answer: object, haxby: Haxby) -> Feedback:
    """Tell what a high-pass keeps of a contrast, and leaves of a slow drift.

    Parameters
    ----------
    answer : float
        The cut-off in Hz.
    haxby : Haxby
        The data set, whose labels and TR are used.

    Returns
    -------
    Feedback
    """
    cutoff = _number(answer, "a cut-off in Hz")
    if isinstance(cutoff, Feedback):
        return cutoff
    nyquist = 0.5 / haxby.t_r
    if cutoff >= nyquist:
        return _not_yet(
            f"{cutoff:g} Hz is above the Nyquist frequency, {nyquist:g} Hz. Is it a"
            " period in seconds? A frequency is 1 / period."
        )
    if cutoff <= 0:
        return _not_yet("A cut-off is a positive frequency, in Hz.")
    kept, left = _what_is_kept(cutoff, haxby)
    said = (
        f"It keeps {kept:.0%} of faces minus houses, and leaves {left:.0%} of a drift"
        " of one cycle a run (both in variance)."
    )
    if kept < 0.5:
        return _not_yet(f"{said} Each category is shown once a run: go lower.")
    if left > 0.2:
        return _not_yet(f"{said} Most drifts are slower than that: go higher.")
    return _right(said)


def _what_is_kept(cutoff: float, haxby: Haxby) -> tuple[float, float]:
    """Return what a high-pass keeps of face - house, and of a drift, in variance."""
    runs, labels = haxby.labels.run.to_numpy(), haxby.labels.label.to_numpy()
    contrast = (labels == "face") * 1.0 - (labels == "house")
    before = after = drift_before = drift_after = 0.0
    for run in np.unique(runs):
        n_volumes = np.count_nonzero(runs == run)
        detrend = cleaning_matrix(n_volumes)
        filtered = cleaning_matrix(n_volumes, high_pass=cutoff, t_r=haxby.t_r)
        drift = np.cos(2 * np.pi * (np.arange(n_volumes) + 0.5) / n_volumes)
        before += np.sum((detrend @ contrast[runs == run]) ** 2)
        after += np.sum((filtered @ contrast[runs == run]) ** 2)
        drift_before += np.sum((detrend @ drift) ** 2)
        drift_after += np.sum((filtered @ drift) ** 2)
    # Mirrored ends can make a filtered series larger than it was.
    return min(after / before, 1.0), min(drift_after / drift_before, 1.0)


# --- chapter 4: decoding ---------------------------------------------------------


# --- chapter 4: searchlight ------------------------------------------------------


# --- chapter 4: honest scores ----------------------------------------------------


# --- real recordings -------------------------------------------------------------
