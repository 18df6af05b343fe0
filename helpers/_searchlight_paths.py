"""The algebra that lets a searchlight skip most of its fits.

Four classifiers are functions of a few sums, or the end of a few linear
systems; each path below opens with the algebra and then does it for all
spheres (naive Bayes) or for a batch of spheres (the others) at once.

Every path returns the accuracy of every sphere in every fold, and marks the
spheres in doubt: those where a prediction hangs on the last digits, or where
a matrix is nearly singular. `searchlight` fits the estimator itself there,
so that its scores are those of scikit-learn and not nearly those.
"""

from collections.abc import Callable, Iterator, Sequence
from numbers import Real

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import RidgeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC
from sklearn.utils.multiclass import type_of_target
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

Splits = Sequence[tuple[np.ndarray, np.ndarray]]
Result = tuple[np.ndarray, np.ndarray]  # scores (n_centers, n_folds), in_doubt
CLOSE_CALL = 1e-7  # a margin this small may be rounding: the sphere is in doubt


def fast_path(
    estimator: BaseEstimator, scoring: object, y: np.ndarray, splits: Splits
) -> Callable[..., Result] | None:
    """Name the path that covers this very case, or None."""
    if type(estimator) not in PATHS or not (scoring is None or scoring == "accuracy"):
        return None
    path, free, covers = PATHS[type(estimator)]
    params, default = estimator.get_params(), type(estimator)().get_params()
    ordinary = all(
        name in free or np.array_equal(value, default[name])
        for name, value in params.items()
    )
    if not ordinary or not covers(params):
        return None
    if type_of_target(y) not in ("binary", "multiclass"):
        return None
    n_classes = len(np.unique(y))
    for train, _ in splits:
        if len(np.unique(y[train])) < n_classes or len(np.unique(train)) < len(train):
            return None  # a class is missing, or a sample comes twice
    # Ridge and LDA subtract the test samples from all: nothing else may be missing.
    everyone = np.arange(len(y))
    subtracts = path in (ridge, discriminant)
    if subtracts and not all(
        np.array_equal(np.sort(np.concatenate(split)), everyone) for split in splits
    ):
        return None
    return path


def voxel_rows(X: np.ndarray, path: Callable[..., Result]) -> np.ndarray:
    """Lay X out as (n_voxels + 1, n_samples), a row a voxel and one of zeros.

    The row of zeros fills up spheres that have fewer voxels than others: it
    changes no prediction of any classifier here.
    """
    rows = np.zeros((X.shape[1] + 1, X.shape[0]))
    rows[:-1] = X.T
    # Where zero lies matters to LinearSVC alone, which penalizes its intercept;
    # elsewhere sums of squares keep more digits around the mean.
    if path is not support_vectors:
        rows[:-1] -= rows[:-1].mean(axis=1, keepdims=True)
    return rows


# --- Gaussian naive Bayes ------------------------------------------------------
#
# Given the class c, voxels are independent and normal, so a sphere's
# log-likelihood is a sum over its voxels v, each a parabola in its value x:
#
#     log p(x | c) = sum_v  -(x_v - m_cv)^2 / (2 s_cv^2)  -  log(2 pi s_cv^2) / 2
#
# 1. m and s^2 in a fold are sums of x and of x^2 over its training samples:
#    X @ W, where column (fold, c) of W marks these samples, has all of them.
# 2. The log-odds of class c against class 0 are one parabola a voxel and sample,
#    the same in every sphere that the voxel belongs to.
# 3. Adding up over the voxels of each sphere is one sparse matrix product.
#
# One thing is not a sum over voxels: scikit-learn adds e = var_smoothing times
# the largest variance in the sphere to each s^2. It moves the log-odds by at
# most e * sum_v (1 + z_v^2) / s_v^2, z the largest |x - m| / s. Spheres with a
# margin smaller than this get a second look, with e.


def naive_bayes(
    rows: np.ndarray,
    codes: np.ndarray,
    spheres: sparse.csr_array,
    splits: Splits,
    estimator: GaussianNB,
    n_jobs: int | None = None,
    progress: bool = False,
) -> Result:
    """Score Gaussian naive Bayes in all spheres, several folds at a time."""
    rows = rows[:-1]
    used = np.unique(spheres.indices)
    if len(used) < len(rows):  # with few centers, most voxels are in no sphere
        rows, spheres = rows[used], spheres[:, used]
    tests = [test for _, test in splits]
    log_prior, means, variances, spread = _moments(rows, codes, splits)
    width = np.ptp(rows, axis=1)
    # A constant voxel has no say: with variance 1 its log-odds are 0. One that is
    # constant in some class gets a variance that is next to none, but not none.
    least = np.where(width == 0, 1, 1e-30 * width**2)
    variances = np.maximum(variances, least[:, None, None])
    moved, rounded = _tolerance(variances, width)
    largest = estimator.var_smoothing * _largest_inside(spheres, spread.max(axis=1))

    # Parts of about 16 MB: large enough to be fast, small enough to be reused.
    n_votes = sum(map(len, tests)) * max(len(rows), spheres.shape[0])
    n_parts = max(effective_n_jobs(n_jobs), n_votes // 2_000_000)
    parts = np.array_split(np.arange(len(tests)), min(n_parts, len(tests)))
    results = Parallel(n_jobs=n_jobs, prefer="threads")(
        delayed(_naive_bayes_folds)(
            rows,
            codes,
            tests[part[0] : part[-1] + 1],
            means[:, part],
            variances[:, part],
            log_prior[part],
            spheres,
        )
        for part in tqdm(parts, disable=not progress, leave=False, unit="part")
    )
    scores = np.concatenate([score for score, _ in results], axis=1)
    margins = np.min([margin for _, margin in results], axis=0)

    rounded = spheres @ rounded
    in_doubt = ~(margins > largest * (spheres @ moved) + rounded) | (largest == 0)
    for i in np.flatnonzero(in_doubt & (largest > 0)):
        v = spheres.indices[spheres.indptr[i] : spheres.indptr[i + 1]]
        e = estimator.var_smoothing * spread[v].max(axis=0)  # in each fold
        smoothed, alone = variances[v] + e[:, None], np.ones((1, len(v)))
        scores[i], margin = _naive_bayes_folds(
            rows[v], codes, tests, means[v], smoothed, log_prior, alone
        )
        in_doubt[i] = ~(margin[0] > rounded[i])
    return scores, in_doubt


def _moments(
    rows: np.ndarray, codes: np.ndarray, splits: Splits
) -> tuple[np.ndarray, ...]:
    """Get the moments of each voxel, in each fold and class, by matrix products."""
    marks = np.zeros((len(codes), len(splits), codes.max() + 1))
    for fold, (train, _) in enumerate(splits):
        marks[train, fold, codes[train]] = 1
    counts = marks.sum(axis=0)  # (n_folds, n_classes)
    marks = (marks / counts).reshape(len(codes), -1)
    means, squares = (np.empty((len(rows), *counts.shape)) for _ in range(2))
    for v in _blocks(len(rows)):
        means[v] = (rows[v] @ marks).reshape(-1, *counts.shape)
        squares[v] = (rows[v] ** 2 @ marks).reshape(-1, *counts.shape)
    share = counts / counts.sum(axis=1, keepdims=True)
    spread = np.einsum("vfc,fc->vf", squares, share)
    spread -= np.einsum("vfc,fc->vf", means, share) ** 2
    squares -= means**2
    return np.log(share), means, squares, spread


def _blocks(n_rows: int, size: int = 512) -> Iterator[slice]:
    """Go through the rows of a matrix in blocks that fit into the cache."""
    return (slice(start, start + size) for start in range(0, n_rows, size))


def _tolerance(
    variances: np.ndarray, width: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Bound what smoothing (per unit of e) and rounding do to a voxel's log-odds."""
    smallest = variances.reshape(len(variances), -1).min(axis=1)
    z2 = width**2 / smallest
    return (1 + z2) / smallest, 1e-14 * z2 * (1 + z2)


def _largest_inside(spheres: sparse.csr_array, values: np.ndarray) -> np.ndarray:
    """Find the largest value in each sphere."""
    return np.maximum.reduceat(values[spheres.indices], spheres.indptr[:-1])


def _naive_bayes_folds(
    rows: np.ndarray,
    codes: np.ndarray,
    tests: list[np.ndarray],
    means: np.ndarray,
    variances: np.ndarray,
    log_prior: np.ndarray,
    spheres: sparse.csr_array,
) -> Result:
    """Score some folds, and find the smallest margin of each sphere in them."""
    a = -0.5 / variances
    b = means / variances
    c = -0.5 * (means * b + np.log(variances))
    a, b, c, prior = (p[..., 1:] - p[..., :1] for p in (a, b, c, log_prior))

    sizes = [len(test) for test in tests]
    tested = np.concatenate(tests)
    # Multiplying by this gives each test sample the number of its fold.
    to_samples = np.repeat(np.eye(len(tests)), sizes, axis=1)
    # The votes of class 0 are all 0, and left out if there is one other class.
    n_others = prior.shape[1]
    first = min(n_others - 1, 1)
    votes = np.zeros((first + n_others, spheres.shape[0], len(tested)))
    log_odds = np.empty((len(rows), len(tested)))
    for k in range(n_others):
        for v in _blocks(len(rows)):
            x, parabola = rows[v].take(tested, axis=1), log_odds[v]
            np.matmul(a[v, :, k], to_samples, out=parabola)
            parabola *= x
            parabola += b[v, :, k] @ to_samples
            parabola *= x
            parabola += c[v, :, k] @ to_samples
        votes[first + k] = spheres @ log_odds
        votes[first + k] += prior[:, k] @ to_samples
    correct, margin = _judge(votes, codes[tested])
    n_correct = correct.astype(np.float32) @ to_samples.T.astype(np.float32)
    return n_correct.astype(np.float64) / sizes, margin


def _judge(votes: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Say which samples the votes get right, and the smallest margin of a sphere.

    Votes are (n_classes, n_spheres, n_samples), or for two classes (1, ...): the
    lead of the second.
    """
    if len(votes) == 1:
        return (votes[0] > 0) == codes, np.abs(votes[0]).min(axis=1)
    second, first = np.partition(votes, -2, axis=0)[-2:]
    return votes.argmax(axis=0) == codes, (first - second).min(axis=1)


# --- Batches of spheres --------------------------------------------------------


def _in_batches(
    task: Callable[..., Result],
    rows: np.ndarray,
    spheres: sparse.csr_array,
    n_jobs: int | None,
    progress: bool,
    *args: object,
) -> Result:
    """Gather spheres as (n_spheres, n_voxels, n_samples) and do the task on each batch.

    Spheres of like size go together, so that few rows of zeros are added.
    """
    sizes = np.diff(spheres.indptr)
    order = np.argsort(sizes, kind="stable")
    n_each = int(np.clip(2_000_000 // (sizes.max() * rows.shape[1]), 1, 64))
    batches = [order[i : i + n_each] for i in range(0, len(order), n_each)]
    # One thread a batch: the matrices are too small for BLAS to share out.
    with threadpool_limits(1, "blas"):
        results = Parallel(n_jobs=n_jobs, prefer="threads")(
            delayed(_do_batch)(task, rows, spheres, batch, *args)
            for batch in tqdm(batches, disable=not progress, leave=False, unit="batch")
        )
    scores = np.empty((len(order), results[0][0].shape[1]))
    in_doubt = np.empty(len(order), dtype=bool)
    for batch, (score, doubt) in zip(batches, results, strict=True):
        scores[batch], in_doubt[batch] = score, doubt
    return scores, in_doubt


def _do_batch(
    task: Callable[..., Result],
    rows: np.ndarray,
    spheres: sparse.csr_array,
    batch: np.ndarray,
    *args: object,
) -> Result:
    """Gather the voxels of one batch of spheres, and do the task on them."""
    sizes = np.diff(spheres.indptr)[batch]
    voxels = np.full((len(batch), sizes.max()), len(rows) - 1)  # the row of zeros
    for i, sphere in enumerate(batch):
        members = slice(spheres.indptr[sphere], spheres.indptr[sphere + 1])
        voxels[i, : sizes[i]] = spheres.indices[members]
    return task(rows[voxels], *args)


def _signs(codes: np.ndarray) -> np.ndarray:
    """Code each class against the rest as +1 and -1; two classes need one column."""
    signs = np.where(codes[:, None] == np.arange(codes.max() + 1), 1.0, -1.0)
    return signs[:, 1:] if signs.shape[1] == 2 else signs


# --- Ridge ---------------------------------------------------------------------
#
# Ridge is linear in the targets: fitted on all n samples it predicts H y, with
#
#     H = 1/n + X' (X X' + alpha I)^-1 X        (X: voxels x samples, centered)
#
# Leave the samples T out, and the errors on them are known without a new fit:
#
#     y_T - prediction_T = (I - H_TT)^-1 (y_T - (H y)_T)
#
# (give the left-out samples their own predictions as targets: the fit does not
# move; solve for these targets). One fit a sphere, then a system of the size of
# the test set for each fold. With more voxels than samples it is cheaper to use
# (X X' + alpha I)^-1 X = X (X'X + alpha I)^-1.


def ridge(
    rows: np.ndarray,
    codes: np.ndarray,
    spheres: sparse.csr_array,
    splits: Splits,
    estimator: RidgeClassifier,
    n_jobs: int | None = None,
    progress: bool = False,
) -> Result:
    """Score the ridge classifier in all spheres, by the errors left out."""
    tests = [test for _, test in splits]
    return _in_batches(
        _ridge_batch, rows, spheres, n_jobs, progress, codes, tests, estimator.alpha
    )


def _ridge_batch(
    X: np.ndarray, codes: np.ndarray, tests: list[np.ndarray], alpha: float
) -> Result:
    """Score a batch of spheres, X of shape (n_spheres, n_voxels, n_samples)."""
    n_spheres, n_voxels, n_samples = X.shape
    Xt = X.transpose(0, 2, 1)
    if n_voxels <= n_samples:
        solved = np.linalg.solve(X @ Xt + alpha * np.eye(n_voxels), X)
    else:
        solved = X @ np.linalg.inv(Xt @ X + alpha * np.eye(n_samples))
    y = _signs(codes)
    errors = y - y.mean(axis=0) - Xt @ (solved @ y)
    scores = np.empty((n_spheres, len(tests)))
    # With next to no penalty, rounding grows: leave these spheres in doubt.
    in_doubt = alpha < 1e-8 * np.einsum("svn,svn->s", X, X)
    for fold, test in enumerate(tests):
        hat = Xt[:, test] @ solved[:, :, test] + 1 / n_samples
        left_out = np.linalg.solve(np.eye(len(test)) - hat, errors[:, test])
        votes = np.moveaxis(y[test] - left_out, -1, 0)
        correct, margin = _judge(votes, codes[test])
        scores[:, fold] = correct.mean(axis=1)
        in_doubt |= ~(margin > CLOSE_CALL)
    return scores, in_doubt


# --- Linear discriminant analysis ----------------------------------------------
#
# All classes share one covariance S; with S, the means m_c and the priors p_c,
#
#     score_c(x) = x' S^-1 m_c  -  m_c' S^-1 m_c / 2  +  log p_c
#
# The scatter within classes is  sum_i x_i x_i'  -  sum_c n_c m_c m_c'. Both parts
# are sums over samples, so a fold's are those of all samples less those of its
# test samples: one Gram matrix a sphere, a small one for each fold. (Scikit-learn
# divides the scatter by the number of samples to get S.)
#
# Scikit-learn drops the directions in which S is singular; we do not try, and
# find them out with a probe: S^-1 r is huge for a random r if S is singular.


def discriminant(
    rows: np.ndarray,
    codes: np.ndarray,
    spheres: sparse.csr_array,
    splits: Splits,
    estimator: LinearDiscriminantAnalysis,
    n_jobs: int | None = None,
    progress: bool = False,
) -> Result:
    """Score linear discriminant analysis in all spheres, by subtraction."""
    member = np.eye(codes.max() + 1)[codes]  # (n_samples, n_classes)
    within = rows - (rows @ member / member.sum(axis=0)) @ member.T
    scale = within.std(axis=1, keepdims=True)
    scale[scale == 0] = 1
    tests = [test for _, test in splits]
    return _in_batches(
        _discriminant_batch,
        rows / scale,
        spheres,
        n_jobs,
        progress,
        codes,
        member,
        tests,
    )


def _discriminant_batch(
    X: np.ndarray, codes: np.ndarray, member: np.ndarray, tests: list[np.ndarray]
) -> Result:
    """Score a batch of spheres, X of shape (n_spheres, n_voxels, n_samples)."""
    n_spheres, n_voxels, n_samples = X.shape
    probe = np.random.default_rng(0).standard_normal((n_spheres, n_voxels, 1))
    gram, sums = X @ X.transpose(0, 2, 1), X @ member
    empty = ~X.any(axis=2)
    scores = np.empty((n_spheres, len(tests)))
    in_doubt = np.zeros(n_spheres, dtype=bool)
    for fold, test in enumerate(tests):
        left_out = X[:, :, test].copy()
        counts = member.sum(axis=0) - member[test].sum(axis=0)
        sums_train = sums - left_out @ member[test]
        means = sums_train / counts
        scatter = gram - left_out @ left_out.transpose(0, 2, 1)
        scatter -= means @ sums_train.transpose(0, 2, 1)
        diagonal = np.einsum("svv->sv", scatter)  # a view: can be written to
        flat = diagonal < 1e-6 * n_samples
        in_doubt |= (flat & ~empty).any(axis=1)
        diagonal[flat] = 1
        diagonal += 1e-14 * n_samples  # enough to solve what is exactly singular
        solved = np.linalg.solve(scatter, np.concatenate([means, probe], axis=2))
        solved *= counts.sum()
        in_doubt |= ~(np.abs(solved[..., -1]).max(axis=1) < 1e5)
        weights = solved[..., :-1]
        decision = left_out.transpose(0, 2, 1) @ weights
        decision -= (means * weights).sum(axis=1, keepdims=True) / 2
        decision += np.log(counts / counts.sum())
        if decision.shape[2] == 2:
            decision = decision[..., 1:] - decision[..., :1]
        correct, margin = _judge(np.moveaxis(decision, -1, 0), codes[test])
        scores[:, fold] = correct.mean(axis=1)
        in_doubt |= ~(margin > CLOSE_CALL)
    return scores, in_doubt


# --- Linear support vectors, squared hinge -------------------------------------
#
# With a row of ones (the intercept, which liblinear penalizes too) added to X,
#
#     minimize  f(w) = |w|^2 / 2  +  C sum_i max(0, 1 - y_i x_i'w)^2
#
# Only the samples within the margin, A = {i: y_i x_i'w < 1}, have a say: on A,
# f is a parabola whose minimum is a ridge regression,
#
#     w_A = (I + 2C X_A X_A')^-1  2C X_A y_A
#
# and w_A is the answer if its own set is A again. Otherwise go toward w_A as long
# as f falls (Newton's method; Keerthi & DeCoste 2005, JMLR 6:341) and take the new
# set. A few steps are enough, fewer when a fold starts where all samples ended.


def support_vectors(
    rows: np.ndarray,
    codes: np.ndarray,
    spheres: sparse.csr_array,
    splits: Splits,
    estimator: LinearSVC,
    n_jobs: int | None = None,
    progress: bool = False,
) -> Result:
    """Score LinearSVC (squared hinge) in all spheres, by Newton's method."""
    one = float(estimator.intercept_scaling)
    return _in_batches(
        _support_batch, rows, spheres, n_jobs, progress, codes, splits, estimator.C, one
    )


def _support_batch(
    X: np.ndarray, codes: np.ndarray, splits: Splits, C: float, one: float
) -> Result:
    """Score a batch of spheres, X of shape (n_spheres, n_voxels, n_samples)."""
    X = np.concatenate([X, np.full_like(X[:, :1], one)], axis=1)
    n_spheres, n_weights, n_samples = X.shape
    decisions = [[] for _ in splits]
    in_doubt = np.zeros(n_spheres, dtype=bool)
    for y in _signs(codes).T:
        signed = X * y
        everyone = np.ones(n_samples, dtype=bool)
        start, _ = _newton(signed, everyone, C, np.zeros((n_spheres, n_weights)))
        for fold, (train, test) in enumerate(splits):
            weights, converged = _newton(
                signed, np.bincount(train, minlength=n_samples) > 0, C, start
            )
            in_doubt |= ~converged
            decisions[fold].append((weights[:, None] @ X[:, :, test])[:, 0])
    scores = np.empty((n_spheres, len(splits)))
    for fold, (_, test) in enumerate(splits):
        correct, margin = _judge(np.stack(decisions[fold]), codes[test])
        scores[:, fold] = correct.mean(axis=1)
        in_doubt |= ~(margin > CLOSE_CALL)
    return scores, in_doubt


def _newton(
    Z: np.ndarray, train: np.ndarray, C: float, start: np.ndarray, max_steps: int = 50
) -> tuple[np.ndarray, np.ndarray]:
    """Minimize f for a batch; Z is y_i x_i, (n_spheres, n_weights, n_samples)."""
    weights = start.copy()
    short = 1 - (weights[:, None] @ Z)[:, 0]  # by how much each sample falls short
    active = (short > 0) & train
    converged = np.zeros(len(Z), dtype=bool)
    todo = np.arange(len(Z))
    for _ in range(max_steps):
        z, w, s, a = Z[todo], weights[todo], short[todo], active[todo]
        z_active = z * a[:, None]
        hessian = 2 * C * (z_active @ z.transpose(0, 2, 1)) + np.eye(Z.shape[1])
        target = np.linalg.solve(hessian, 2 * C * z_active.sum(axis=2, keepdims=True))
        step = target[..., 0] - w
        length, s = _shorten(w, step, s, (step[:, None] @ z)[:, 0], train, C)
        w = w + length * step
        now_active = (s > 0) & train
        settled = (now_active == a).all(axis=1) & (length[:, 0] == 1)
        settled |= np.abs(step).max(axis=1) < 1e-12 * np.abs(w).max(axis=1)
        weights[todo], short[todo], active[todo] = w, s, now_active
        converged[todo] = settled
        todo = todo[~settled]
        if not todo.size:
            break
    return weights, converged


def _shorten(
    w: np.ndarray,
    step: np.ndarray,
    short: np.ndarray,
    gain: np.ndarray,
    train: np.ndarray,
    C: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Halve the steps that would make f grow; return lengths and new shortfalls."""

    def cost(w: np.ndarray, short: np.ndarray) -> np.ndarray:
        return (w**2).sum(axis=1) / 2 + C * (np.maximum(short, 0) ** 2 @ train)

    before = cost(w, short)
    length = np.ones((len(w), 1))
    for _ in range(30):
        after = cost(w + length * step, short - length * gain)
        grows = after > before * (1 + 1e-12)
        if not grows.any():
            break
        length[grows] /= 2
    return length, short - length * gain


# Each path, the parameters that may have any value there (all others must be as
# by default), and what the free ones must fulfill.
PATHS = {
    GaussianNB: (
        naive_bayes,
        {"var_smoothing"},
        lambda p: _positive(p["var_smoothing"]),
    ),
    RidgeClassifier: (
        ridge,
        {"alpha", "solver", "copy_X", "tol", "max_iter", "random_state"},
        lambda p: _positive(p["alpha"]) and p["solver"] in ("auto", "svd", "cholesky"),
    ),
    LinearDiscriminantAnalysis: (
        discriminant,
        {"store_covariance"},
        lambda p: True,
    ),
    LinearSVC: (
        support_vectors,
        {"C", "dual", "intercept_scaling", "tol", "max_iter", "random_state"},
        lambda p: _positive(p["C"]) and _positive(p["intercept_scaling"]),
    ),
}


def _positive(value: object) -> bool:
    """Say whether a parameter is one positive number."""
    return isinstance(value, Real) and 0 < value < np.inf
