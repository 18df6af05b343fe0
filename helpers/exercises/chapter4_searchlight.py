"""Checks of chapter 4: the searchlight."""

import numpy as np
from nibabel.affines import apply_affine
from nibabel.spatialimages import SpatialImage

from helpers.exercises.feedback import (
    Feedback,
    not_yet,
    number,
    numbers,
    right,
)
from helpers.masking import load_mask
from helpers.permutations import permutation_p_values
from helpers.searchlight import Image


def check_sphere_size(
    answer: object, mask: SpatialImage, center: list[float], radius: float
) -> Feedback:
    """Check how many voxels of a mask lie in one sphere.

    Parameters
    ----------
    answer : int
        The number of voxels.
    mask : nibabel image, shape (x, y, z)
        The mask.
    center : sequence of three floats
        The center in mm.
    radius : float
        In mm.

    Returns
    -------
    Feedback
    """
    value = number(answer, "a number of voxels")
    if isinstance(value, Feedback):
        return value
    inside, affine = load_mask(mask)
    grid = np.moveaxis(np.indices(inside.shape), 0, -1)
    distance = np.linalg.norm(apply_affine(affine, grid) - center, axis=-1)
    steps = np.abs(grid - apply_affine(np.linalg.inv(affine), center))
    size = np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
    near = distance <= radius * (1 + 1e-6)
    expected = np.sum(near & inside)
    if value == expected:
        return right(
            f"{expected} voxels of the mask, out of {near.sum()} of the whole box: the"
            " sphere is cut at the edge of the brain."
        )
    if value == near.sum():
        return not_yet(
            "That counts voxels outside the brain, too. Measure the distance of the"
            " voxels inside the mask only."
        )
    if value == np.sum((np.linalg.norm(steps, axis=-1) <= radius) & inside):
        return not_yet(
            "You measured in voxels, not in mm: turn indices into mm with the affine."
        )
    if value == np.sum((steps * size <= radius).all(axis=-1) & inside):
        return not_yet(
            "That is a cube: each axis alone is within the radius. A sphere needs the"
            " length of all three together, numpy.linalg.norm."
        )
    if value == np.sum((distance < radius * (1 - 1e-6)) & inside):
        return not_yet("A voxel at the radius itself belongs to the sphere: use <=.")
    if value == np.sum((distance <= radius / 2) & inside):
        return not_yet("That is half the radius. Is yours the diameter?")
    return not_yet(
        f"Not {value:g}. Turn the indices of the mask's voxels into mm, take their"
        " distance from the center, and count those within the radius."
    )


def check_max_threshold(answer: object, null: np.ndarray) -> Feedback:
    """Check the threshold of the max-statistic at 5 %.

    Parameters
    ----------
    answer : float
        The accuracy to exceed.
    null : ndarray, shape (n_permutations, n_centers)
        A map for each permutation.

    Returns
    -------
    Feedback
    """
    value = number(answer, "an accuracy")
    if isinstance(value, Feedback):
        return value
    if 1 < value <= 100:
        return not_yet("That looks like percent: give the accuracy from 0 to 1.")
    highest = np.sort(null.max(axis=1))
    # Whichever way a quantile is interpolated, it lies between its neighbors.
    at = 0.95 * (len(highest) - 1)
    low = highest[max(int(at) - 1, 0)]
    high = highest[min(int(at) + 2, len(highest) - 1)]
    if low - 1e-6 <= value <= high + 1e-6:
        above = np.mean(highest > value)
        return right(
            f"{above:.1%} of the permuted maps exceed {value:.3f} somewhere in the"
            " brain."
        )
    said = f"{np.mean(highest > value):.0%} of the permuted maps exceed {value:.3f}."
    if np.isclose(value, np.quantile(null, 0.95), atol=2e-3):
        return not_yet(
            f"{said} You took all scores of all maps together: that is the threshold"
            " of one sphere. Take the highest score of each map first."
        )
    wrong_axis = np.quantile(null.max(axis=0), 0.95)
    if np.isclose(value, wrong_axis, atol=1e-6):
        return not_yet(
            f"{said} You took the maximum over permutations, one a sphere. Take it"
            " over the spheres, one a permutation: axis=1."
        )
    if np.isclose(value, highest[-1], atol=1e-6):
        return not_yet(
            f"{said} That is the highest of all: it allows less than 5 %. Take the"
            " 95th percentile of the maxima."
        )
    return not_yet(f"{said} Look for the accuracy that 5 % of them exceed.")


def check_volume_null(answer: object, by_block: np.ndarray) -> Feedback:
    """Check permuted maps for which volumes were exchanged one by one.

    Parameters
    ----------
    answer : array-like, shape (n_permutations, n_centers)
        The permuted maps.
    by_block : ndarray, shape (n_permutations, n_centers)
        The same spheres, with whole blocks exchanged.

    Returns
    -------
    Feedback
    """
    if isinstance(answer, tuple) and len(answer) == 2:
        return not_yet(
            "searchlight_permutations returns two things, the scores and the permuted"
            " maps: keep the second."
        )
    values = numbers(answer, "a map for each permutation")
    if isinstance(values, Feedback):
        return values
    if values.ndim != 2 or values.shape[1] != by_block.shape[1]:
        return not_yet(
            f"The shape is {values.shape}; expected one row a permutation and"
            f" {by_block.shape[1]} columns, one a sphere. Did you pass centers=?"
        )
    if len(values) < 20:
        return not_yet(f"{len(values)} permutations say little: take 50 or more.")
    if values.std(axis=0).max() < 1e-6:
        return not_yet("All the maps are the same: were the labels permuted?")
    if abs(values.mean() - 0.5) > 0.03:
        return not_yet(
            f"Their mean is {values.mean():.2f}: permuted labels must lie around 0.5."
        )
    ratio = values.std() / by_block.std()
    if ratio > 0.8:
        return not_yet(
            f"They spread {ratio:.2f} times as far as with whole blocks. Did you"
            " leave blocks= in?"
        )
    return right(
        f"Exchanged one by one, volumes promise a chance that spreads only {ratio:.2f}"
        " times as far as that of blocks."
    )


def check_blurred_center(
    answer: object,
    scores: np.ndarray,
    null: np.ndarray,
    mask: Image,
    truth: Image,
) -> Feedback:
    """Check a place without signal that the corrected map shows all the same.

    Parameters
    ----------
    answer : sequence of three floats
        The place in mm.
    scores : ndarray, shape (n_voxels,)
        The searchlight.
    null : ndarray, shape (n_permutations, n_voxels)
        A map for each permutation.
    mask, truth : path or nibabel image, shape (x, y, z)
        The mask of the searchlight, and that of the voxels with signal.

    Returns
    -------
    Feedback
    """
    place = numbers(answer, "a place: three numbers in mm")
    if isinstance(place, Feedback):
        return place
    if place.size != 3:
        return not_yet(f"A place has three numbers; yours has {place.size}.")
    inside, affine = load_mask(mask)
    signal = load_mask(truth)[0][inside]
    mm = apply_affine(affine, np.argwhere(inside))
    distance = np.linalg.norm(mm - place.ravel(), axis=1)
    voxel = distance.argmin()
    if distance[voxel] > np.linalg.norm(affine[:3, :3], axis=0).max():
        return not_yet(
            f"The closest voxel of the mask is {distance[voxel]:.0f} mm away. Are"
            " these indices? Turn them into mm with the affine."
        )
    p = permutation_p_values(scores, null)[1][voxel]
    if signal[voxel]:
        return not_yet(
            "The voxel there carries signal itself. Take one that does not: ~signal."
        )
    if p > 0.05:
        return not_yet(
            f"The accuracy there is {scores[voxel]:.2f}, with a corrected p of {p:.2f}:"
            " it is not on the corrected map. Take one with p of 0.05 or less."
        )
    nearest = np.linalg.norm(mm[signal] - mm[voxel], axis=1).min()
    return right(
        f"The accuracy there is {scores[voxel]:.2f}, corrected p {p:.3f}; the closest"
        f" voxel with signal is {nearest:.1f} mm away."
    )
