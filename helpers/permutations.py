"""Permutation maps: which searchlight scores are more than chance.

The lesson: if the labels said nothing, exchanging them would not matter. So we
exchange them many times, only where they could have been exchanged in the
experiment, and see how high the scores get then. With thousands of spheres some
score is always high by chance; the *highest* score of each permuted map is what a
score must beat to be believed anywhere in the brain (the max-statistic).
"""

from collections.abc import Iterable

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from helpers._searchlight_paths import fast_path, voxel_rows
from helpers.searchlight import (
    Image,
    check_samples,
    score_spheres,
    sphere_neighbors,
    split_samples,
)


def permute_labels(
    y: Iterable,
    runs: Iterable | None = None,
    blocks: Iterable | None = None,
    random_state: int | np.random.Generator | None = None,
) -> np.ndarray:
    """Exchange labels within runs, sample by sample or whole blocks at a time.

    Neighboring volumes of a block resemble each other whatever their label. They
    are not exchangeable one by one; blocks are.

    Parameters
    ----------
    y : array-like, shape (n_samples,)
        The labels.
    runs : array-like, shape (n_samples,), optional
        Labels never leave their run. By default all samples are one run.
    blocks : array-like, shape (n_samples,), optional
        The block of every sample: a number or a name, which may come again in
        another run. The samples of a block keep a common label.
    random_state : int, Generator or None
        As for `numpy.random.default_rng`.

    Returns
    -------
    ndarray, shape (n_samples,)
        Each run keeps the number of samples of every label; with `blocks`, the
        number of blocks of every label (the same thing if they are equally long).

    Raises
    ------
    ValueError
        If the lengths differ, or a block holds several labels.
    """
    y = np.asarray(y)
    runs = np.zeros(len(y)) if runs is None else np.asarray(runs)
    blocks = np.arange(len(y)) if blocks is None else np.asarray(blocks)
    for name, values in (("runs", runs), ("blocks", blocks)):
        if values.shape != y.shape:
            raise ValueError(
                f"{name} has shape {values.shape}: expected one entry for each of "
                f"the {len(y)} labels in y."
            )
    rng = np.random.default_rng(random_state)
    permuted = y.copy()
    for run in np.unique(runs):
        inside = np.flatnonzero(runs == run)
        _, first, block = np.unique(
            blocks[inside], return_index=True, return_inverse=True
        )
        labels = y[inside][first]
        mixed = np.flatnonzero(y[inside] != labels[block])
        if mixed.size:
            raise ValueError(
                f"Block {blocks[inside][mixed[0]]} of run {run} holds several "
                "labels: expected one. Give every block a number of its own."
            )
        permuted[inside] = rng.permutation(labels)[block]
    return permuted


def searchlight_permutations(
    X: np.ndarray,
    y: Iterable,
    mask: Image,
    radius: float,
    estimator: BaseEstimator,
    cv: object,
    groups: Iterable | None = None,
    scoring: object = "accuracy",
    n_jobs: int | None = None,
    *,
    n_permutations: int = 200,
    blocks: Iterable | None = None,
    centers: Image | None = None,
    random_state: int = 0,
    progress: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Score a searchlight under the labels, and under permuted labels.

    Parameters
    ----------
    X, y, mask, radius, estimator, cv, groups, scoring, n_jobs, centers, progress
        As for `searchlight`. Labels are permuted within `groups` (the runs), and
        the folds stay as they are for the true labels.
    n_permutations : int, default=200
    blocks : array-like, shape (n_samples,), optional
        Permute whole blocks, see `permute_labels`.
    random_state : int, default=0

    Returns
    -------
    scores : ndarray, shape (n_centers,)
        The searchlight of the true labels.
    null : ndarray, shape (n_permutations, n_centers)
        A searchlight for each permutation; `permutation_p_values` takes both.

    Raises
    ------
    ValueError
        As `searchlight` and `permute_labels`.

    References
    ----------
    Nichols, T. E. & Holmes, A. P. (2002). Nonparametric permutation tests for
    functional neuroimaging: a primer with examples. Human Brain Mapping, 15, 1-25.
    """
    spheres = sphere_neighbors(mask, radius, centers)
    X, y, groups = check_samples(X, y, groups, n_voxels=spheres.shape[1])
    splits = split_samples(cv, X, y, groups, estimator)
    rng = np.random.default_rng(random_state)
    labels = [permute_labels(y, groups, blocks, rng) for _ in range(n_permutations)]

    # With a fast path a permutation is a small task, and X is laid out just once;
    # without one, the spheres of each permutation are shared out.
    path = fast_path(estimator, scoring, y, splits)
    rows = None if path is None else voxel_rows(X, path)
    outer, inner = (1, n_jobs) if path is None else (n_jobs, 1)

    def scores_of(labels: np.ndarray) -> np.ndarray:
        return score_spheres(
            X, labels, spheres, splits, estimator, scoring, inner, rows=rows
        ).mean(axis=1)

    everything = tqdm([y, *labels], disable=not progress, leave=False)
    with threadpool_limits(1, "blas"):
        maps = Parallel(n_jobs=outer, prefer="threads")(
            delayed(scores_of)(some) for some in everything
        )
    return maps[0], np.array(maps[1:])


def permutation_p_values(
    scores: np.ndarray, null: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Turn permuted maps into p-values, for each sphere and for the whole map.

    Parameters
    ----------
    scores : ndarray, shape (n_centers,)
    null : ndarray, shape (n_permutations, n_centers)
        Both from `searchlight_permutations`.

    Returns
    -------
    p_uncorrected : ndarray, shape (n_centers,)
        The share of permutations with such a score in this very sphere.
    p_corrected : ndarray, shape (n_centers,)
        The share of permutations with such a score in any sphere: at most 5 % of
        brains without any signal show a sphere with p of 0.05 or less.

    Notes
    -----
    The true labels count as one of the permutations, so that p is never 0
    (Phipson & Smyth 2010, Stat. Appl. Genet. Mol. Biol. 9, 39).
    """
    reached = scores - 1e-9  # the mean of the same folds may differ in its last digit
    highest = null.max(axis=1, keepdims=True)
    return tuple(
        (1 + (values >= reached).sum(axis=0)) / (1 + len(null))
        for values in (null, highest)
    )
