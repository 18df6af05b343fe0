"""The searchlight: what each small sphere of voxels says about the labels.

The lesson: a searchlight is nothing but cross-validation, once for the sphere
around every voxel. Done literally that is a few hundred thousand fits, and for
any scikit-learn classifier this module does it literally. For four of them
algebra gives the same scores a hundred to thousands of times faster; that is in
`helpers._searchlight_paths`.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from nibabel.spatialimages import SpatialImage
from scipy import sparse
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from tqdm.auto import tqdm

from helpers._searchlight_paths import Splits, fast_path, voxel_rows
from helpers.masking import load_mask

Image = str | Path | SpatialImage


def sphere_neighbors(
    mask: Image, radius: float, centers: Image | None = None
) -> sparse.csr_array:
    """Say which voxels of a mask lie in the sphere around each center.

    Parameters
    ----------
    mask : str, Path or nibabel spatial image
        The voxels that may belong to a sphere; spheres are cut at its edge.
    radius : float
        In millimeters, measured through the affine of the mask, and inclusive.
    centers : str, Path or nibabel spatial image, optional
        A second mask, inside the first: the voxels to draw a sphere around.
        By default, every voxel of `mask`.

    Returns
    -------
    scipy.sparse.csr_array of float, shape (n_centers, n_voxels)
        1 where a voxel lies in a sphere. Rows and columns follow the order of
        the voxels in the mask, as `apply_mask` has them.

    Raises
    ------
    ValueError
        If the radius is not positive, or `centers` is on another grid or
        partly outside `mask`.
    """
    if not (np.isfinite(radius) and radius > 0):
        raise ValueError(f"radius is in millimeters and positive, got {radius}.")
    inside, affine = load_mask(mask)
    is_center = inside if centers is None else _load_centers(centers, inside, affine)

    # Number the voxels of the mask in a volume padded with -1, so that a step
    # of any length within the radius stays in the array.
    steps = _steps_within(radius, affine)
    pad = np.abs(steps).max(axis=0)
    padded_shape = tuple(np.add(inside.shape, 2 * pad))
    number = np.full(padded_shape, -1)
    core = tuple(slice(p, p + n) for p, n in zip(pad, inside.shape, strict=True))
    number[core][inside] = np.arange(inside.sum())

    # In the flattened volume a step in (i, j, k) is one number to add.
    at = np.ravel_multi_index((np.argwhere(is_center) + pad).T, padded_shape)
    jump = np.ravel_multi_index((steps + pad).T, padded_shape)
    jump -= np.ravel_multi_index(pad, padded_shape)
    found = number.ravel()[at[:, None] + jump]  # (n_centers, n_steps)
    in_mask = found >= 0
    row_starts = np.append(0, in_mask.sum(axis=1).cumsum())
    return sparse.csr_array(
        (np.ones(row_starts[-1]), found[in_mask], row_starts),
        shape=(len(at), int(inside.sum())),
    )


def _steps_within(radius: float, affine: np.ndarray) -> np.ndarray:
    """List the steps (i, j, k), in voxels, that are at most `radius` mm long."""
    to_mm = affine[:3, :3]
    # Row i of the inverse says how fast index i can grow with distance.
    reach = np.floor(radius * np.linalg.norm(np.linalg.inv(to_mm), axis=1) + 1e-6)
    axes = [np.arange(-r, r + 1) for r in reach.astype(int)]
    steps = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    length = np.linalg.norm(steps @ to_mm.T, axis=1)
    # The tolerance keeps a voxel that lies at the radius but for rounding.
    return steps[length <= radius * (1 + 1e-6)]


def _load_centers(centers: Image, inside: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Load the mask of the centers and hold it against the mask of the voxels."""
    is_center, centers_affine = load_mask(centers)
    same_shape = is_center.shape == inside.shape
    if not same_shape or not np.allclose(centers_affine, affine, atol=1e-4):
        raise ValueError(
            f"centers and mask are on different grids: shapes {is_center.shape} and "
            f"{inside.shape}, affines\n{centers_affine}\nand\n{affine}\n"
            "Resample one to the other first."
        )
    n_outside = np.sum(is_center & ~inside)
    if n_outside:
        raise ValueError(
            f"{n_outside} of {is_center.sum()} centers lie outside the mask. "
            "Keep those inside both: centers & mask."
        )
    return is_center


def searchlight(
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
    centers: Image | None = None,
    per_fold: bool = False,
    progress: bool = False,
) -> np.ndarray:
    """Cross-validate a classifier in the sphere around every voxel.

    Parameters
    ----------
    X : ndarray, shape (n_samples, n_voxels)
        One row a sample, voxels in the order of the mask, as `apply_mask` gives.
    y : array-like, shape (n_samples,)
        The label of every sample.
    mask : str, Path or nibabel spatial image
        The mask that X was taken with.
    radius : float
        Of the spheres, in millimeters.
    estimator : scikit-learn classifier
    cv : int, splitter or iterable of (train, test)
        As in scikit-learn. The folds are the same in every sphere.
    groups : array-like, shape (n_samples,), optional
        The run of every sample, for a splitter that leaves whole runs out.
    scoring : str, callable or None, default="accuracy"
        As in scikit-learn.
    n_jobs : int, optional
        How many joblib workers; None means 1 or what the active backend says.
    centers : str, Path or nibabel spatial image, optional
        Score only the spheres around the voxels of this second mask.
    per_fold : bool, default=False
        Return the score of every fold instead of their mean.
    progress : bool, default=False
        Show a progress bar, which disappears at the end.

    Returns
    -------
    ndarray, shape (n_centers,) or (n_centers, n_folds)
        `unmask(scores, mask)` (or `centers`) makes a map of the former.

    Raises
    ------
    ValueError
        If X, y, groups and mask do not fit together, X holds NaN or infinite
        values, the radius is not positive, a center lies outside the mask, the
        training samples of a fold hold one class only, or a fit fails.

    Notes
    -----
    All is computed in float64. For the accuracy of GaussianNB, RidgeClassifier,
    LinearDiscriminantAnalysis and LinearSVC (squared hinge, solved to the end)
    most fits are skipped; the scores are those of `cross_val_score`.

    References
    ----------
    Kriegeskorte, N., Goebel, R. & Bandettini, P. (2006). Information-based
    functional brain mapping. PNAS, 103(10), 3863-3868.
    """
    spheres = sphere_neighbors(mask, radius, centers)
    X, y, groups = check_samples(X, y, groups, n_voxels=spheres.shape[1])
    splits = split_samples(cv, X, y, groups, estimator)
    scores = score_spheres(
        X, y, spheres, splits, estimator, scoring, n_jobs, progress=progress
    )
    return scores if per_fold else scores.mean(axis=1)


def check_samples(
    X: np.ndarray, y: Iterable, groups: Iterable | None, n_voxels: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return X, y and groups as arrays that fit each other and the mask."""
    X, y = np.asarray(X), np.asarray(y)
    if X.ndim != 2 or X.shape[1] != n_voxels:
        raise ValueError(
            f"X has shape {X.shape}, and the mask has {n_voxels} voxels: expected "
            f"(n_samples, {n_voxels}). Take X with this mask: apply_mask(img, mask)."
        )
    groups = None if groups is None else np.asarray(groups)
    for name, values in (("y", y), ("groups", groups)):
        if values is not None and values.shape != (len(X),):
            raise ValueError(
                f"{name} has shape {values.shape}, and X has {len(X)} samples: "
                f"expected one entry of {name} for each row of X."
            )
    bad = np.flatnonzero(~np.isfinite(X).all(axis=0))
    if bad.size:
        raise ValueError(
            f"X holds NaN or infinite values in {bad.size} voxels (the first is column "
            f"{bad[0]}). Leave these voxels out of the mask, or repair them."
        )
    return X, y, groups


def split_samples(
    cv: object,
    X: np.ndarray,
    y: np.ndarray,
    groups: np.ndarray | None,
    estimator: BaseEstimator,
) -> Splits:
    """List the folds once, so that every sphere has the same ones."""
    cv = check_cv(cv, y, classifier=is_classifier(estimator))
    try:
        splits = list(cv.split(X, y, groups))
    except ValueError as error:
        if groups is None and "groups" in str(error):
            raise ValueError(
                f"{cv} leaves groups out, and no groups were given. "
                "Pass groups=, the run of every sample."
            ) from error
        raise
    for fold, (train, _) in enumerate(splits):
        if len(np.unique(y[train])) < 2:
            raise ValueError(
                f"The training samples of fold {fold} hold one class only "
                f"({y[train][0]}): expected two or more. Choose a cv that leaves "
                "samples of every class to train on."
            )
    return splits


def score_spheres(
    X: np.ndarray,
    y: np.ndarray,
    spheres: sparse.csr_array,
    splits: Splits,
    estimator: BaseEstimator,
    scoring: object,
    n_jobs: int | None = None,
    progress: bool = False,
    rows: np.ndarray | None = None,
) -> np.ndarray:
    """Score every sphere in every fold, by the fastest way that is right."""
    path = fast_path(estimator, scoring, y, splits)
    if path is None:
        return _fit_everywhere(
            X, y, spheres, splits, estimator, scoring, n_jobs, progress
        )
    codes = np.unique(y, return_inverse=True)[1]
    rows = voxel_rows(X, path) if rows is None else rows
    scores, in_doubt = path(rows, codes, spheres, splits, estimator, n_jobs, progress)
    if in_doubt.any():
        scores[in_doubt] = _fit_everywhere(
            X, y, spheres[in_doubt], splits, estimator, scoring, n_jobs, progress
        )
    return scores


def _fit_everywhere(
    X: np.ndarray,
    y: np.ndarray,
    spheres: sparse.csr_array,
    splits: Splits,
    estimator: BaseEstimator,
    scoring: object,
    n_jobs: int | None,
    progress: bool,
) -> np.ndarray:
    """Score every sphere in every fold by fitting the estimator there."""
    members = np.split(spheres.indices, spheres.indptr[1:-1])
    if len(members) < 100:
        n_jobs = 1  # starting workers would take longer than the work
    # About 20 chunks a worker: few enough to send, many enough to share out.
    size = max(1, len(members) // (20 * effective_n_jobs(n_jobs)))
    chunks = [members[i : i + size] for i in range(0, len(members), size)]
    rows = Parallel(n_jobs=n_jobs)(
        delayed(_cross_validate)(X, y, chunk, splits, estimator, scoring)
        for chunk in tqdm(chunks, disable=not progress, leave=False, unit="chunk")
    )
    return np.concatenate(rows)


def _cross_validate(
    X: np.ndarray,
    y: np.ndarray,
    members: list[np.ndarray],
    splits: Splits,
    estimator: BaseEstimator,
    scoring: object,
) -> np.ndarray:
    """Do in each sphere what `cross_val_score` does; (n_spheres, n_folds)."""
    scorer = check_scoring(estimator, scoring)
    scores = np.empty((len(members), len(splits)))
    for i, voxels in enumerate(members):
        inside = X[:, voxels].astype(np.float64)
        for fold, (train, test) in enumerate(splits):
            try:
                fitted = clone(estimator).fit(inside[train], y[train])
            except (ValueError, IndexError, ArithmeticError) as error:
                n_constant = np.sum(np.ptp(inside[train], axis=0) == 0)
                raise ValueError(
                    f"{estimator} cannot be fitted in fold {fold} of the sphere of "
                    f"columns {voxels[:3]}...: {error}. {n_constant} of its "
                    f"{len(voxels)} voxels are constant: leave such out of the mask."
                ) from error
            scores[i, fold] = scorer(fitted, inside[test], y[test])
    return scores
