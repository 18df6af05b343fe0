"""Checks of chapter 6: parcellations."""

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from helpers.exercises.feedback import (
    Feedback,
    not_yet,
    number,
    numbers,
    right,
)


def count_pieces(labels: np.ndarray, connectivity: sparse.sparray) -> int:
    """Count the connected pieces that clusters of voxels are made of.

    Parameters
    ----------
    labels : ndarray of int, shape (n_voxels,)
        The cluster of each voxel.
    connectivity : sparse array, shape (n_voxels, n_voxels)
        Not zero where two voxels touch, as `grid_to_graph` gives it.

    Returns
    -------
    int
        As many as there are clusters, or more.
    """
    tail, head = connectivity.nonzero()
    same = labels[tail] == labels[head]
    edges = (np.ones(np.count_nonzero(same)), (tail[same], head[same]))
    graph = sparse.csr_array(edges, shape=connectivity.shape)
    return int(connected_components(graph)[0])


def _labels(answer: object, n_voxels: int) -> np.ndarray | Feedback:
    """Return one whole number a voxel, from 0, or the feedback that it is none."""
    values = numbers(answer, "one label a voxel")
    if isinstance(values, Feedback):
        return values
    if values.shape not in ((n_voxels,), (1, n_voxels), (n_voxels, 1)):
        hint = " Did you cluster volumes? Voxels are the samples: transpose."
        return not_yet(
            f"Expected one label for each of {n_voxels} voxels, but the shape is"
            f" {values.shape}.{hint if values.ndim == 1 else ''}"
        )
    if not np.array_equal(values, np.round(values)):
        return not_yet(
            "Labels are whole numbers, but some of these are not. Are they distances,"
            " or the data? The estimator has them as labels_."
        )
    return np.unique(values.ravel(), return_inverse=True)[1]


def check_parcel_volume(
    answer: object, labels: np.ndarray, voxel_size: float = 4.0
) -> Feedback:
    """Check the volume of the largest parcel.

    Parameters
    ----------
    answer : float
        The learner's volume in cubic centimeters.
    labels : ndarray of int, shape (n_voxels,)
        The parcel of each voxel.
    voxel_size : float
        Edge of a voxel in mm.

    Returns
    -------
    Feedback
    """
    value = number(answer, "the volume in cm³")
    if isinstance(value, Feedback):
        return value
    sizes = np.bincount(labels)
    largest, cube = sizes.max(), voxel_size**3
    if np.isclose(value, largest * cube / 1000, rtol=0.01):
        return right(f"{largest} voxels of {cube:g} mm³ are {value:.1f} cm³.")
    slips = (
        (largest, "That is the number of voxels. How large is one voxel?"),
        (largest * cube, "That is in mm³. A cm³ has 10 × 10 × 10 of them."),
        (largest * cube / 10, "You divided by 10: a cm³ has 10 × 10 × 10 mm³."),
        (largest * cube / 100, "You divided by 100: a cm³ has 10 × 10 × 10 mm³."),
        (largest * voxel_size / 1000, "A voxel's volume is its edge to the third."),
        (labels.max() * cube / 1000, "That is the largest *label*; count its voxels."),
        (sizes.mean() * cube / 1000, "That is the mean parcel, not the largest."),
        (sizes.min() * cube / 1000, "That is the smallest parcel."),
    )
    for slip, message in slips:
        if np.isclose(value, slip, rtol=0.01):
            return not_yet(message)
    return not_yet(
        f"It is not {value:.4g}. Count the voxels of each label (numpy.bincount), take"
        " the largest count, and multiply by the volume of a voxel."
    )


def check_parcel_means(answer: object, X: np.ndarray, labels: np.ndarray) -> Feedback:
    """Check the mean series of all parcels.

    Parameters
    ----------
    answer : array-like, shape (n_volumes, n_parcels)
        The learner's means.
    X : ndarray, shape (n_volumes, n_voxels)
        The series.
    labels : ndarray of int, shape (n_voxels,)
        The parcel of each voxel, from 0.

    Returns
    -------
    Feedback
    """
    values = numbers(answer, "the means, volumes × parcels")
    if isinstance(values, Feedback):
        return values
    means = np.column_stack(
        [X[:, labels == k].mean(axis=1) for k in range(labels.max() + 1)]
    )
    if values.shape == means.T.shape and np.allclose(values, means.T, atol=1e-3):
        return not_yet("These are parcels × volumes: transpose them.")
    if values.shape != means.shape:
        per_voxel = values.shape == X.shape
        return not_yet(
            f"Expected {means.shape[0]} volumes × {means.shape[1]} parcels, but the"
            f" shape is {values.shape}."
            + (" You have a column a voxel; keep one a parcel." if per_voxel else "")
        )
    if np.allclose(values, means, atol=1e-3):
        return right(f"{X.shape[1]} columns have become {means.shape[1]}.")
    if np.allclose(values, means * np.bincount(labels), rtol=1e-3, atol=1e-2):
        return not_yet("These are sums: large parcels would be loud. Take means.")
    if np.allclose(values[:, 1:], means[:, :-1], atol=1e-3):
        return not_yet("Your columns begin one label too early: labels start at 0.")
    if np.allclose(values[:, :-1], means[:, 1:], atol=1e-3):
        return not_yet("Your columns begin one label too late: labels start at 0.")
    return not_yet(
        "The shape is right, the numbers are not. Is column k the mean over the voxels"
        " with labels == k, for each volume?"
    )


def check_rough(
    answer: object, smooth: np.ndarray, connectivity: sparse.sparray
) -> Feedback:
    """Check clusters of voxels that were not smoothed.

    Parameters
    ----------
    answer : array-like of int, shape (n_voxels,)
        The learner's labels.
    smooth : ndarray of int, shape (n_voxels,)
        Labels by the same method of the smoothed voxels.
    connectivity : sparse array, shape (n_voxels, n_voxels)
        Not zero where two voxels touch.

    Returns
    -------
    Feedback
    """
    labels = _labels(answer, len(smooth))
    if isinstance(labels, Feedback):
        return labels
    n, wanted = labels.max() + 1, len(np.unique(smooth))
    if n != wanted:
        return not_yet(f"There are {n} clusters; make {wanted}, to compare.")
    pieces = count_pieces(labels, connectivity)
    before = count_pieces(smooth, connectivity)
    if pieces == n:
        return not_yet("Each cluster is one piece: is this Ward? Use K-means.")
    if pieces < 3 * before:
        return not_yet(
            f"{pieces} pieces: about as many as with smoothing ({before}). Did you"
            " cluster X_rough, or the smoothed data?"
        )
    return right(f"{pieces} pieces; with smoothing there were {before}.")


def check_placed(
    answer: object,
    X_new: np.ndarray,
    connectivity: sparse.sparray,
    ward: np.ndarray,
    most_pieces: int = 200,
) -> Feedback:
    """Check clusters that fit new people better than Ward's, in few pieces.

    Parameters
    ----------
    answer : array-like of int, shape (n_voxels,)
        The learner's labels.
    X_new : ndarray, shape (n_volumes, n_voxels)
        Series of people that the labels were not made from.
    connectivity : sparse array, shape (n_voxels, n_voxels)
        Not zero where two voxels touch.
    ward : ndarray of int, shape (n_voxels,)
        Ward's labels, to beat.
    most_pieces : int
        How many connected pieces are allowed.

    Returns
    -------
    Feedback
    """
    labels = _labels(answer, len(ward))
    if isinstance(labels, Feedback):
        return labels
    n, allowed = labels.max() + 1, len(np.unique(ward))
    if n > allowed:
        return not_yet(f"{n} clusters; at most {allowed}, or more always fits better.")
    pieces = count_pieces(labels, connectivity)
    mine, its = _explained(labels, X_new), _explained(ward, X_new)
    said = f"{mine:.3f} of the variance of new people, Ward {its:.3f}; {pieces} pieces"
    if mine <= its:
        return not_yet(f"{said}. Less than Ward: does place count for too much?")
    if pieces > most_pieces:
        return not_yet(
            f"{said}: more than {most_pieces}. Does place count for too little, or not"
            " at all?"
        )
    return right(f"{said}.")


def _explained(labels: np.ndarray, X: np.ndarray) -> float:
    """Return the share of the variance over voxels that lies between clusters."""
    size = np.bincount(labels)
    edges = (np.ones(len(labels), X.dtype), (labels, np.arange(len(labels))))
    means = sparse.csr_array(edges) @ X.T / size[:, np.newaxis]
    between = (size @ (means - X.mean(axis=1)) ** 2).sum()
    return float(between / (X.shape[1] * X.var(axis=1).sum()))
