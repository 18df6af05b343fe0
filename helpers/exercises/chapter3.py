"""Checks of chapter 3: data preparation."""

import nibabel as nib
import numpy as np
from nibabel.affines import apply_affine

from helpers.cleaning import cleaning_matrix
from helpers.datasets import Haxby
from helpers.exercises.feedback import Feedback, missing, not_yet, number, right


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
    empty = missing(answer, "three indices")
    if empty is not None:
        return empty
    value = np.asarray(answer, dtype=float)
    if value.shape != (3,):
        return not_yet(f"Expected three indices, but the shape is {value.shape}.")
    exact = apply_affine(np.linalg.inv(img.affine), mm)
    if np.allclose(value, np.rint(exact)):
        there = apply_affine(img.affine, value)
        return right(f"Its center lies at {there.tolist()} mm, the closest there is.")
    if np.allclose(value, apply_affine(img.affine, mm)):
        return not_yet(
            "The affine goes from indices to mm. You need the way back, its inverse:"
            " numpy.linalg.inv."
        )
    if np.allclose(value, exact):
        return not_yet("Indices are whole numbers: round to the closest voxel.")
    if np.allclose(value, np.trunc(exact)):
        return not_yet(
            "You cut off the decimals, which is what astype(int) does. Round first,"
            " with numpy.rint."
        )
    if np.allclose(value, mm):
        return not_yet("These are the millimeters themselves. Turn them into indices.")
    return not_yet(
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
    empty = missing(answer, "an array with time as its last axis")
    if empty is not None:
        return empty
    value = np.asarray(getattr(answer, "dataobj", answer))
    expected = (*mask.shape, len(X))
    if value.shape == (len(X), *mask.shape):
        return not_yet(
            f"The shape is {value.shape}: time comes first. In an image it is the last"
            " axis."
        )
    if value.shape != expected:
        return not_yet(f"The shape is {value.shape}, but expected {expected}.")
    if np.array_equal(value[mask].T, X):
        if np.any(value[~mask] != 0):
            return not_yet("Right inside the mask, but outside it should be 0.")
        return right("Masking your volumes gives the rows of X again, exactly.")
    inside = np.sort(value[mask], axis=None)
    if np.array_equal(inside, np.sort(X, axis=None)):
        return not_yet(
            "The values are right, but in the wrong voxels: reshape or another order"
            " of the axes scrambles them. Use the transpose, X.T."
        )
    return not_yet("Masking your volumes does not give the rows of X again.")


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
    empty = missing(answer, "the image that unmask returns")
    if empty is not None:
        return empty
    value = np.asarray(getattr(answer, "dataobj", answer), dtype=float)
    if value.shape == mask.shape:
        value = value[mask]
    if value.shape == (len(X),):
        return not_yet(
            "You have one value a volume. Take mean and standard deviation over time:"
            " axis=0."
        )
    if value.shape != X.shape[1:]:
        return not_yet(
            f"The shape is {value.shape}; expected {mask.shape}, the mask's. Put one"
            " value a voxel back with unmask."
        )
    mean, std = X.mean(axis=0), X.std(axis=0)
    std[std == 0] = np.nan
    ratio = np.nanmedian(value / (mean / std))
    if np.nanmedian(np.abs(value)) < 0.5 and np.nanmedian(np.abs(value * mean)) < 100:
        if abs(np.nanmedian(value * mean / std) - 1) < 0.1:
            return not_yet("That is noise over signal: divide the mean by the s.d.")
        return not_yet(
            "It is close to 0 everywhere: a cleaned series has mean 0. Use the raw X."
        )
    if np.nanmedian(np.abs(value / (mean / std) - 1)) < 0.02:
        return right(f"The median tSNR is {np.nanmedian(value):.0f}.")
    if np.nanmedian(np.abs(value / (mean / std**2) - 1)) < 0.02:
        return not_yet("You divided by the variance. Take its root: .std(axis=0).")
    return not_yet(
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
    cutoff = number(answer, "a cut-off in Hz")
    if isinstance(cutoff, Feedback):
        return cutoff
    nyquist = 0.5 / haxby.t_r
    if cutoff >= nyquist:
        return not_yet(
            f"{cutoff:g} Hz is above the Nyquist frequency, {nyquist:g} Hz. Is it a"
            " period in seconds? A frequency is 1 / period."
        )
    if cutoff <= 0:
        return not_yet("A cut-off is a positive frequency, in Hz.")
    kept, left = _what_is_kept(cutoff, haxby)
    said = (
        f"It keeps {kept:.0%} of faces minus houses, and leaves {left:.0%} of a drift"
        " of one cycle a run (both in variance)."
    )
    if kept < 0.5:
        return not_yet(f"{said} Each category is shown once a run: go lower.")
    if left > 0.2:
        return not_yet(f"{said} Most drifts are slower than that: go higher.")
    return right(said)


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
