"""Checks of the page on six real brains."""

import numpy as np
import pandas as pd
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

from helpers.exercises.feedback import Feedback, not_yet, number, numbers, right


def check_strongest(answer: object, at_places: np.ndarray) -> Feedback:
    """Check which map has the largest mean at some places.

    Parameters
    ----------
    answer : int
        The learner's row of the maps.
    at_places : ndarray, shape (n_maps, n_places)
        The maps' values there.

    Returns
    -------
    Feedback
    """
    value = number(answer, "a row of the maps")
    if isinstance(value, Feedback):
        return value
    n, means = len(at_places), at_places.mean(axis=1)
    if value != round(value) or not -n <= value < n:
        return not_yet(
            f"{value:g} is no row: expected a whole number from 0 to {n - 1}. "
            "(argmax gives the place of the largest value, max the value itself.)"
        )
    row = int(value) % n
    if row == means.argmax():
        return right(f"Map {row} has a mean of {means[row]:.1f} at the places.")
    if row == at_places.max(axis=1).argmax():
        return not_yet(
            f"Map {row} is the strongest at *one* of the places, but its mean over all "
            f"is {means[row]:.1f}. Another map has more."
        )
    if row == means.argmin():
        return not_yet(f"Map {row} has the *lowest* mean: take argmax, not argmin.")
    return not_yet(
        f"Map {row} has a mean of {means[row]:.1f} at the places; another has more. "
        "Is the mean over the places, and the largest over the maps?"
    )


def check_pieces(answer: object, labels: np.ndarray, inside: np.ndarray) -> Feedback:
    """Check the number of pieces of all parcels; voxels may touch by a corner.

    Parameters
    ----------
    answer : int
        The learner's number.
    labels : ndarray of int, shape (n_voxels,)
        The parcel of each voxel, counted from 0.
    inside : ndarray of bool, shape (x, y, z)
        The mask that the voxels come from.

    Returns
    -------
    Feedback
    """
    value = number(answer, "a number of pieces")
    if isinstance(value, Feedback):
        return value
    volume = np.zeros(inside.shape, dtype=int)
    volume[inside] = labels + 1
    parcels = np.unique(labels) + 1
    corner = np.ones((3, 3, 3))
    by_corner = sum(ndimage.label(volume == k, corner)[1] for k in parcels)
    if value == by_corner:
        return right(f"{len(parcels)} parcels, {by_corner} pieces.")
    if value == sum(ndimage.label(volume == k)[1] for k in parcels):
        return not_yet(
            "That counts voxels that touch by a face. Give ndimage.label "
            "structure=np.ones((3, 3, 3))."
        )
    if value == len(parcels):
        return not_yet("That is the number of parcels. A parcel may have many pieces.")
    if value == ndimage.label(volume, corner)[1]:
        return not_yet(
            "That labels all parcels at once, so those that touch are one piece. "
            "Label `volume == k` for each parcel, and add up."
        )
    background = ndimage.label(volume == 0, corner)[1]
    if value == by_corner + background:
        return not_yet(
            "Nearly: the background counts, too. In the volume, 0 is outside of the "
            "brain; the parcels start at 1."
        )
    return not_yet(
        f"{value:g} is not the sum of the pieces over the {len(parcels)} parcels. Did "
        "you put the labels into the volume plus 1, and count each parcel on its own?"
    )


def _partners(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the rows of b, each in the place of its partner in a."""
    r = np.abs(np.corrcoef(a, b)[: len(a), len(a) :])
    return b[linear_sum_assignment(r, maximize=True)[1]]


def _rowwise(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the correlation of each row of a with the same row of b."""
    return np.diag(np.corrcoef(a, b)[: len(a), len(a) :])


def check_by_time(
    answer: object, maps: np.ndarray, first: np.ndarray, last: np.ndarray
) -> Feedback:
    """Check how far maps of two parts of the recording agree.

    Parameters
    ----------
    answer : array-like, shape (n_maps,)
        The learner's absolute correlations, in the order of `maps`.
    maps, first, last : ndarray, shape (n_maps, n_voxels)
        Maps of all volumes, of the first and of the last ones.

    Returns
    -------
    Feedback
    """
    values = numbers(answer, "one |r| for each map", length=len(maps))
    if isinstance(values, Feedback):
        return values
    signed = _rowwise(_partners(maps, first), _partners(maps, last))
    if np.allclose(values, np.abs(signed), atol=0.01):
        return right(f"The median is {np.median(values):.2f}.")
    if np.allclose(np.sort(values), np.sort(np.abs(signed)), atol=0.01):
        return not_yet(
            "The right numbers in another order: bring both into that of `maps`."
        )
    if np.allclose(values, signed, atol=0.01):
        return not_yet("A sign means nothing here: take the size of the correlation.")
    if np.allclose(values, np.abs(_rowwise(first, last)), atol=0.01):
        return not_yet(
            "That compares row k with row k, but the two have orders of their own. "
            "Match each to `maps` first, with `partners`."
        )
    direct = np.abs(np.corrcoef(first, last)[: len(first), len(first) :])
    if np.allclose(np.sort(values), np.sort(direct.max(axis=1)), atol=0.01):
        return not_yet(
            "That takes the best of all maps for each one, so that a map may be used "
            "twice. Match one to one, with `partners`."
        )
    return not_yet(
        "Those are not the |r| of the partners. Bring `first` and `last` into the "
        "order of `maps`, then compare them row by row."
    )


def check_choice(answer: object, by_number: pd.DataFrame) -> Feedback:
    """Check a choice of the number of components, and say what it costs.

    Parameters
    ----------
    answer : int
        The learner's number.
    by_number : pandas.DataFrame
        One row a try: `components`, `seed`, and the scores (other columns).

    Returns
    -------
    Feedback
    """
    value = number(answer, "a number of components")
    if isinstance(value, Feedback):
        return value
    scores = by_number.groupby("components").median().drop(columns="seed")
    tried = ", ".join(str(n) for n in scores.index)
    if value not in scores.index and (scores == value).any(axis=None):
        return not_yet(f"{value:g} is a score. Which number of components has it?")
    if value not in scores.index:
        return not_yet(f"{value:g} was not tried, so nothing is known of it: {tried}.")
    here = scores.loc[value]
    lost = {name: scores[name].max() - here[name] for name in scores}
    most = max(lost, key=lost.get)
    said = ", ".join(f"{name} {score:.1f}" for name, score in here.items())
    return right(
        f"With {value:g} components: {said}. It costs most at {most}, where another "
        f"number has {lost[most]:.1f} more. There is no number without a cost."
    )
