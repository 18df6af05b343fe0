"""Checks of chapter 6: independent components."""

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.decomposition import FastICA

from helpers.exercises.feedback import (
    Feedback,
    missing,
    not_yet,
    number,
    numbers,
    right,
)


def _correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the correlation of each row of a with each row of b."""
    a, b = np.atleast_2d(a), np.atleast_2d(b)
    return np.corrcoef(a, b)[: len(a), len(a) :]


def check_component(
    answer: object, components: np.ndarray, template: np.ndarray
) -> Feedback:
    """Check which component is the one that a template shows.

    Parameters
    ----------
    answer : int
        The learner's row of `components`.
    components : ndarray, shape (n_components, n_voxels)
    template : ndarray, shape (n_voxels,)
        The map looked for.

    Returns
    -------
    Feedback
    """
    value = number(answer, "a row of the maps")
    if isinstance(value, Feedback):
        return value
    n = len(components)
    if value != round(value) or not -n <= value < n:
        return not_yet(
            f"{value:g} is no row: expected a whole number from 0 to {n - 1}. "
            "(argmax gives the place of the largest value, max the value itself.)"
        )
    r = _correlations(components, template)[:, 0]
    row = int(value) % n
    if row == np.abs(r).argmax():
        return right(f"Row {row} correlates with the true map by {r[row]:.2f}.")
    if row == r.argmax():
        return not_yet(
            f"Row {row} has the largest correlation *with its sign*, {r[row]:.2f}. The "
            "sign of a component is arbitrary: look for the largest absolute value."
        )
    return not_yet(
        f"Row {row} correlates with the true map by {r[row]:.2f} only; another row "
        "is far closer. Correlate each row with the template."
    )


def check_own_map(
    answer: object, X: np.ndarray, courses: np.ndarray, group: np.ndarray, row: int
) -> Feedback:
    """Check one subject's own map of a component, by dual regression.

    Parameters
    ----------
    answer : array-like, shape (n_voxels,)
        The learner's map.
    X : ndarray, shape (n_volumes, n_voxels)
        The subject's series.
    courses : ndarray, shape (n_components, n_volumes)
        The subject's courses.
    group : ndarray, shape (n_components, n_voxels)
        The maps of the group.
    row : int
        Which component.

    Returns
    -------
    Feedback
    """
    values = numbers(answer, "a map with one number a voxel")
    if isinstance(values, Feedback):
        return values
    values, n_voxels = np.squeeze(values), X.shape[1]
    if values.shape == courses.shape[1:]:
        return not_yet("That is a course, one number a volume. The map has voxels.")
    if values.shape == group.shape:
        return not_yet(
            f"Those are all {len(group)} maps. Take the row of the component asked for."
        )
    if values.shape != (n_voxels,):
        return not_yet(
            f"Expected one number for each of {n_voxels} voxels, got shape "
            f"{values.shape}."
        )
    all_maps = np.linalg.pinv(courses.T) @ X
    if np.allclose(values, all_maps[row], rtol=1e-2, atol=1e-3):
        return right("Regressed on all courses at once: this person's own map.")
    if np.corrcoef(values, all_maps[row])[0, 1] > 0.9999:
        return right("This person's own map, up to its unit.")
    return _wrong_own_map(values, X, courses, group, all_maps, row)


def _wrong_own_map(
    values: np.ndarray,
    X: np.ndarray,
    courses: np.ndarray,
    group: np.ndarray,
    all_maps: np.ndarray,
    row: int,
) -> Feedback:
    """Say what a map is instead of the subject's own."""
    if abs(np.corrcoef(values, group[row])[0, 1]) > 0.999:
        return not_yet("That is the map of the group. Regress this subject's voxels.")
    one_by_one = courses[row] @ X
    if abs(np.corrcoef(values, one_by_one)[0, 1]) > 0.9999:
        return not_yet(
            "That regresses on (or correlates with) one course alone. The courses of "
            "networks are correlated: put all of them into A at once."
        )
    r = _correlations(all_maps, values)[:, 0]
    if np.abs(r).max() > 0.999:
        return not_yet(
            f"That is this subject's map of component {np.abs(r).argmax()}; asked for "
            f"was {row}."
        )
    return not_yet(
        "That is not row `row` of the W that solves A W = B, with A the courses "
        "(volumes × components) and B the subject's matrix. Is it another subject's?"
    )


def check_price(
    answer: object, before: np.ndarray, truth: np.ndarray, patterns: np.ndarray
) -> Feedback:
    """Check by how much networks are found worse after another preparation.

    Parameters
    ----------
    answer : array-like, shape (n_networks,)
        The learner's fall in absolute correlation, one number a network.
    before : ndarray, shape (n_components, n_voxels)
        The components that the fall is counted from.
    truth : ndarray, shape (n_networks, n_voxels)
    patterns : ndarray, shape (n_patterns, n_voxels)
        The strongest patterns of the subjects prepared in the other way.

    Returns
    -------
    Feedback
    """
    values = numbers(answer, "a fall in correlation for each network")
    if isinstance(values, Feedback):
        return values
    values, n = values.ravel(), len(truth)
    if values.size != n:
        return not_yet(f"Expected {n} numbers, one a network, got {values.size}.")
    ica = FastICA(len(before), random_state=0, max_iter=500)
    after = ica.fit_transform(np.asarray(patterns, dtype=float).T).T
    old, new = _matched(truth, before), _matched(truth, after)
    if np.allclose(values, old - new, atol=0.03):
        return right(f"On average {np.mean(old - new):.2f}.")
    if np.allclose(values, new - old, atol=0.03):
        return not_yet("That is after minus before; a price is what was lost.")
    if np.allclose(values, new, atol=0.03):
        return not_yet(
            "Those are the correlations afterwards. By how much did they fall?"
        )
    return not_yet(
        "Those are not the differences of the matched correlations, before minus "
        "after. Did you match the new components to the truth anew? Their order is "
        "another one."
    )


def _matched(truth: np.ndarray, components: np.ndarray) -> np.ndarray:
    """Return the absolute correlation of each true map with its component."""
    r = np.abs(_correlations(truth, components))
    return r[linear_sum_assignment(r, maximize=True)]


def check_judgment(
    answer: object,
    components: np.ndarray,
    networks: np.ndarray,
    artifacts: np.ndarray,
) -> Feedback:
    """Check which components were called networks, and which noise.

    Parameters
    ----------
    answer : list of str
        "network" or "noise" for each component.
    components : ndarray, shape (n_components, n_voxels)
    networks, artifacts : ndarray, shape (n, n_voxels)
        The true maps; no artifacts, where nobody knows them.

    Returns
    -------
    Feedback
    """
    empty = missing(answer, "a list of words")
    if empty is not None:
        return empty
    words = [str(word).strip().lower() for word in np.ravel(np.asarray(answer))]
    if len(words) != len(components):
        return not_yet(
            f"Expected {len(components)} words, one a component, got {len(words)}."
        )
    strange = sorted(set(words) - {"network", "noise"})
    if strange:
        return not_yet(f'Expected "network" or "noise", got {strange[0]!r}.')
    says_network = np.array(words) == "network"
    network_r, artifact_r = (
        np.abs(_correlations(components, maps)).max(axis=1, initial=0)
        for maps in (networks, artifacts)
    )
    is_network = (network_r > 0.5) & (network_r > artifact_r)
    is_artifact = (artifact_r > 0.5) & ~is_network
    return _judge(says_network, is_network, is_artifact)


def _judge(
    says_network: np.ndarray, is_network: np.ndarray, is_artifact: np.ndarray
) -> Feedback:
    """Compare words with the truth; what is neither may be called as one likes."""
    missed = np.flatnonzero(is_network & ~says_network)
    fooled = np.flatnonzero(is_artifact & says_network)
    neither = ~is_network & ~is_artifact
    if len(fooled):
        return not_yet(
            f"An artifact is called a network: component {fooled[0]}. Is it fast, or "
            "at the rim, or along the midline where the great vein runs?"
        )
    if len(missed):
        return not_yet(
            f"A network is called noise: component {missed[0]}. Slow, inside, in a few "
            "places of gray matter: what spoke against it?"
        )
    overclaimed = np.count_nonzero(neither & says_network)
    said = f"All {is_network.sum()} networks, and no artifact among them."
    if overclaimed:
        said += f" {overclaimed} of those that match nothing you called networks, too."
    return right(f"{said} {neither.sum()} components match neither.")
