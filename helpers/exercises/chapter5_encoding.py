"""Checks of chapter 5: encoding."""

import nibabel as nib
import numpy as np
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold

from helpers.cleaning import clean
from helpers.datasets import Miyawaki
from helpers.exercises.feedback import (
    Feedback,
    not_yet,
    numbers,
    right,
)
from helpers.masking import apply_mask


def check_unshifted(answer: object, shifted: np.ndarray, data: Miyawaki) -> Feedback:
    """Check the scores of an encoding model that ignores the response's delay.

    Parameters
    ----------
    answer : array-like, shape (n_voxels,)
        The learner's scores.
    shifted : ndarray, shape (n_voxels,)
        The scores with the delay of two volumes.
    data : Miyawaki
        The recording.

    Returns
    -------
    Feedback
    """
    values = numbers(answer, "one R² a voxel", len(shifted))
    if isinstance(values, Feedback):
        return values
    if np.allclose(values, shifted, atol=0.005):
        return not_yet(
            "These are the scores with the shift. Leave out the line that cuts the"
            " first two volumes and the last two images."
        )
    some = np.argsort(shifted)[::-1][:20]
    for shift, message in (
        (0, None),
        (-2, "You shifted the wrong way: the images come after the response."),
        (1, "You shifted by one volume: leave the shift out wholly."),
    ):
        if np.allclose(values[some], _scores(data, shift, some), atol=0.01):
            if message:
                return not_yet(message)
            best = values[some].mean()
            return right(f"{best:.2f} in the twenty best voxels: the timing matters.")
    return not_yet(
        "These are not the scores without the shift. Same ridge, same ten folds, all"
        " volumes with an image? Is it the mean over folds?"
    )


def _scores(data: Miyawaki, shift: int, voxels: np.ndarray) -> np.ndarray:
    """Return the scores of some voxels, images paired with volumes `shift` later."""
    X, y = [], []
    for film, table in zip(data.func[12:], data.label[12:], strict=True):
        bold = clean(apply_mask(film, data.mask))[:, voxels]
        images = np.loadtxt(table, delimiter=",", dtype=int)
        n = len(images) - abs(shift)
        bold = bold[max(shift, 0) :][:n]
        images = images[max(-shift, 0) :][:n]
        X.append(bold[images[:, 0] >= 0])
        y.append(images[images[:, 0] >= 0])
    X, y = np.vstack(X), np.vstack(y)
    scores = [
        r2_score(
            X[test],
            Ridge(alpha=100).fit(y[train], X[train]).predict(y[test]),
            multioutput="raw_values",
        )
        for train, test in KFold(n_splits=10).split(y)
    ]
    return np.mean(scores, axis=0)


def check_field_center(
    answer: object, voxel: int, data: Miyawaki, within: float = 0.6
) -> Feedback:
    """Check the center of a voxel's receptive field against the simulation's truth.

    Parameters
    ----------
    answer : pair of float
        The learner's (column, row), in pixels.
    voxel : int
        The voxel, in the order of the mask.
    data : Miyawaki
        The recording.
    within : float
        How far from the true center is right, in pixels.

    Returns
    -------
    Feedback
    """
    values = numbers(answer, "a pair (column, row)", 2)
    if isinstance(values, Feedback):
        return values
    if data.truth is None:
        return right("There is no truth to compare with in the real recording.")
    inside = np.asarray(nib.load(data.mask).dataobj) > 0
    paths = (data.truth.rf_x, data.truth.rf_y)
    center = np.array([nib.load(path).get_fdata()[inside][voxel] for path in paths])
    off = np.linalg.norm(values - center)
    if off <= within:
        return right(f"{off:.2f} pixels from the true center.")
    if np.linalg.norm(values[::-1] - center) <= within:
        return not_yet(
            "Column and row are exchanged. Give (column, row); or did the image lose"
            ' order="F" on the way?'
        )
    if np.linalg.norm(values - 1 - center) <= within:
        return not_yet("You counted from 1: the first column and row are 0.")
    return not_yet(
        f"It is {off:.1f} pixels off. Draw the weights as an image: where are they"
        " positive? Is it the right voxel?"
    )


def check_better_encoding(
    answer: object, to_beat: np.ndarray, ceiling: np.ndarray
) -> Feedback:
    """Check scores that beat ridge without being too good to be true.

    Parameters
    ----------
    answer : array-like, shape (n_voxels,)
        The learner's scores.
    to_beat, ceiling : ndarray, shape (n_voxels,)
        The scores of ridge, and of the true receptive fields.

    Returns
    -------
    Feedback
    """
    values = numbers(answer, "one R² a voxel", len(to_beat))
    if isinstance(values, Feedback):
        return values
    mine, ridge, best = values.mean(), np.mean(to_beat), np.mean(ceiling)
    if mine > best + 0.02:
        return not_yet(
            f"{mine:.3f} is above the ceiling of {best:.3f}, which no model can pass on"
            " new runs. Did it see the test volumes?"
        )
    if mine <= ridge:
        return not_yet(f"{mine:.3f} does not beat ridge, {ridge:.3f}, yet.")
    return right(f"{mine:.3f} beats {ridge:.3f}; the ceiling is {best:.3f}.")
