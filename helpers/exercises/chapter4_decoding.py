"""Checks of chapter 4, first page: decoding."""

from pathlib import Path

import numpy as np
from nibabel.affines import apply_affine
from nibabel.spatialimages import SpatialImage
from sklearn.feature_selection import SelectKBest
from sklearn.metrics import average_precision_score
from sklearn.model_selection import LeaveOneGroupOut, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from helpers.datasets import Haxby
from helpers.exercises.feedback import (
    Feedback,
    not_yet,
    number,
    numbers,
    right,
)
from helpers.masking import load_mask


def check_best_sphere(
    answer: object, accuracy: np.ndarray, mask: str | Path | SpatialImage
) -> Feedback:
    """Check where a searchlight scores highest.

    Parameters
    ----------
    answer : sequence of three float
        The learner's point, in mm.
    accuracy : ndarray, shape (n_voxels,)
        The map.
    mask : str, Path or nibabel spatial image
        The mask of the map.

    Returns
    -------
    Feedback
    """
    if isinstance(answer, int | float | np.number):
        return not_yet(
            "One number: that is the column of the voxel in X. np.argwhere(in_brain)"
            " has the three indices of each column."
        )
    point = numbers(answer, "three coordinates in mm", 3)
    if isinstance(point, Feedback):
        return point
    inside, affine = load_mask(mask)
    voxels = np.argwhere(inside)
    centers = apply_affine(affine, voxels)
    best = accuracy == accuracy.max()
    tolerance = np.linalg.norm(affine[:3, :3], axis=0).min() / 4
    if (np.linalg.norm(centers[best] - point, axis=1) < tolerance).any():
        return right(
            f"({point[0]:.0f}, {point[1]:.0f}, {point[2]:.0f}) mm, with an accuracy of"
            f" {accuracy.max():.2f}."
        )
    if (voxels[best] == point).all(axis=1).any():
        return not_yet(
            "These are the indices of the voxel. The affine turns them into mm:"
            " apply_affine(mask_img.affine, indices)."
        )
    distance = np.linalg.norm(centers - point, axis=1)
    if distance.min() > 10:
        return not_yet(
            "This point is outside of the brain. Are these mm? The affine must be that"
            " of the mask."
        )
    return not_yet(
        f"The ball closest to this point scores {accuracy[distance.argmin()]:.2f}, but"
        f" there is one with {accuracy.max():.2f}. Start from accuracy.argmax()."
    )


def check_control(
    inside: object, before: object, X: np.ndarray, y: np.ndarray, runs: np.ndarray
) -> Feedback:
    """Check the accuracy in voxels without signal, selected rightly and wrongly.

    Parameters
    ----------
    inside : float
        The learner's mean accuracy, with the selection inside the pipeline.
    before : float
        The same, with the selection before the cross-validation.
    X : ndarray, shape (n_volumes, n_voxels)
        The voxels without signal.
    y, runs : ndarray, shape (n_volumes,)
        Labels and runs.

    Returns
    -------
    Feedback
    """
    honest = number(inside, "the mean accuracy with the selection inside")
    if isinstance(honest, Feedback):
        return honest
    leaky = number(before, "the mean accuracy with the selection before")
    if isinstance(leaky, Feedback):
        return leaky
    model, select = SVC(kernel="linear"), SelectKBest(k=500)
    folds = {"groups": runs, "cv": LeaveOneGroupOut()}
    true_honest = cross_val_score(make_pipeline(select, model), X, y, **folds).mean()
    true_leaky = cross_val_score(model, select.fit_transform(X, y), y, **folds).mean()
    near = 0.015
    if abs(honest - true_leaky) < near and abs(leaky - true_honest) < near:
        return not_yet("Both are right, but the wrong way round: swap them.")
    if abs(honest - true_leaky) < near:
        return not_yet(
            f"inside is {honest:.2f}, far above chance, in voxels that know nothing."
            " Your selection has seen the test runs: give cross_val_score the pipeline"
            " and X_rest, nothing selected before."
        )
    if abs(honest - true_honest) >= near:
        return not_yet(
            f"inside is {honest:.2f}, but the pipeline scores {true_honest:.2f} on"
            " X_rest. Did ventral temporal cortex stay in, or were whole runs not held"
            " out (cv=logo, groups=runs)?"
        )
    if abs(leaky - true_honest) < near:
        return not_yet(
            "inside is right, but before is the same. Select first, on all runs:"
            " SelectKBest(f_classif, k=500).fit_transform(X_rest, y)."
        )
    if leaky > 0.999 > true_leaky + 0.005:
        return not_yet(
            "inside is right, but before is 1.00: that is a score on the volumes the"
            " SVM learned from. Cross-validate the SVM after the selection."
        )
    if abs(leaky - true_leaky) >= near:
        return not_yet(
            f"inside is right, but before should be {true_leaky:.2f}, not {leaky:.2f}:"
            " the 500 best voxels of X_rest on all runs, then the SVM alone, leaving"
            " one run out."
        )
    return right(
        f"{honest:.2f} is chance; {leaky:.2f} is what selection on all runs makes of"
        " noise."
    )


def check_pattern(answer: object, X: np.ndarray, weights: np.ndarray) -> Feedback:
    """Check a pattern made from the weights of a linear model.

    Parameters
    ----------
    answer : sequence of float, length n_voxels
        The learner's pattern, at any positive scale.
    X : ndarray, shape (n_volumes, n_voxels)
        What the model was fitted on.
    weights : ndarray, shape (n_voxels,)
        Its weights.

    Returns
    -------
    Feedback

    References
    ----------
    Haufe et al. (2014), NeuroImage 87:96-110: the pattern is the covariance matrix of
    X times the weights, over the variance of the model's output.
    """
    n_voxels = X.shape[1]
    pattern = numbers(answer, f"{n_voxels} numbers, one a voxel", n_voxels)
    if isinstance(pattern, Feedback):
        if np.shape(answer) == (len(X),):
            return not_yet(
                f"{len(X)} numbers: one a volume. np.cov takes its rows for the"
                " variables: give it X_reduced.T."
            )
        return pattern
    if not pattern.any():
        return not_yet("All numbers are 0.")
    X = X.astype(float)
    expected = np.cov(X.T) @ weights

    def same(other: np.ndarray) -> bool:
        # Up to scale: cosine, not correlation, so that a shift counts.
        cosine = pattern @ other / np.linalg.norm(pattern) / np.linalg.norm(other)
        return bool(cosine > 1 - 1e-5)

    if same(expected):
        return right(
            "Each number says how the voxel varies together with the decoder's output."
        )
    if same(-expected):
        return not_yet(
            "The sign is flipped. Like the weights, the pattern should be positive for"
            " the second class."
        )
    if same(weights) or same(-weights):
        return not_yet("These are the weights. Multiply the covariance with them.")
    if same(np.corrcoef(X.T) @ weights):
        return not_yet("That is the correlation matrix: take the covariance, np.cov.")
    if same(np.diag(np.cov(X.T)) * weights):
        return not_yet(
            "Each weight times its voxel's own variance: the covariances between voxels"
            " are missing. Use the matrix product @, not *."
        )
    return not_yet(
        "This is not the covariance of the voxels times the weights:"
        " np.cov(X_reduced.T) is voxels × voxels; multiply it with @."
    )


def check_better_map(answer: object, F: np.ndarray, haxby: Haxby) -> Feedback:
    """Check that a map finds the face and house regions better than F-scores.

    Parameters
    ----------
    answer : sequence of float, length n_voxels
        The learner's map, large where faces and houses differ.
    F : ndarray, shape (n_voxels,)
        The map to beat.
    haxby : Haxby
        The data set, for its regions.

    Returns
    -------
    Feedback
    """
    n_voxels = len(F)
    values = numbers(answer, f"{n_voxels} numbers, one a voxel", n_voxels)
    if isinstance(values, Feedback):
        return values
    brain, _ = load_mask(haxby.mask)
    in_region = load_mask(haxby.mask_face)[0] | load_mask(haxby.mask_house)[0]
    in_region = in_region[brain]
    precision = average_precision_score(in_region, values)
    to_beat = average_precision_score(in_region, F)
    said = f"Average precision {precision:.2f}, F-score {to_beat:.2f}"
    if precision > 0.995:
        return not_yet(
            f"{said}: too good to be true. Did the regions or the truth get into the"
            " map?"
        )
    if precision > to_beat + 0.005:
        return right(f"{said}.")
    if average_precision_score(in_region, np.abs(values)) > precision + 0.05:
        return not_yet(
            f"{said}. Houses are below zero in your map: take its absolute value, so"
            " that both regions are high."
        )
    if abs(precision - to_beat) <= 0.005:
        return not_yet(
            f"{said}: the same. Only the order of the voxels counts, so a root or a"
            " factor changes nothing. Bring in something new, such as the neighbors."
        )
    return not_yet(
        f"{said}. Where are your best voxels: scattered (too noisy), or around the"
        " regions (too blurred)?"
    )
