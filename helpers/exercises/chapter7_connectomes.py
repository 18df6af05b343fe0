"""Checks of chapter 7: connectomes."""

import numpy as np
from scipy import stats
from sklearn.feature_selection import SelectKBest
from sklearn.model_selection import BaseCrossValidator, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from helpers.exercises.feedback import Feedback, not_yet, number, numbers, right

# Cosine between the step that an answer takes from the plain correlations and the way
# to the truth. On the page, what one subject gives (graphical lasso, Ledoit-Wolf,
# thresholds) has 0.7 at most; the truth or other subjects' mean, 0.93 or more.
STRAIGHT = 0.9


def check_edge_matrix(answer: object, edges: np.ndarray) -> Feedback:
    """Check a matrix of correlations that was rebuilt from its edges.

    Parameters
    ----------
    answer : array-like, shape (n_regions, n_regions)
        The learner's matrix.
    edges : ndarray, shape (n_regions * (n_regions - 1) / 2,)
        The part above the diagonal, row by row.

    Returns
    -------
    Feedback
    """
    values = numbers(answer, "a matrix of correlations")
    if isinstance(values, Feedback):
        return values
    n = int(round((1 + np.sqrt(1 + 8 * len(edges))) / 2))
    if values.shape != (n, n):
        return not_yet(f"The shape is {values.shape}; {n} regions need ({n}, {n}).")
    upper = np.triu_indices(n, k=1)
    if not np.allclose(values, values.T, atol=1e-5):
        if np.allclose(values[upper], edges, atol=1e-5):
            return not_yet(
                "The part above the diagonal is right, the part below is not: a"
                " correlation is the same both ways. Add the transpose."
            )
        return not_yet("The matrix is not symmetric: is an edge there both ways?")
    if np.allclose(values[upper], edges, atol=1e-5):
        if np.allclose(np.diag(values), 1, atol=1e-5):
            return right("Symmetric, ones on the diagonal, each edge in its place.")
        return not_yet(
            "The edges are right. The diagonal is not: how much does a region"
            " correlate with itself?"
        )
    if np.allclose(values[np.tril_indices(n, k=-1)], edges, atol=1e-5):
        return not_yet(
            "The edges are in the order of np.tril_indices, which walks the other"
            " triangle: most values landed on another pair. Use np.triu_indices."
        )
    return not_yet("The edges are not in their places. Use np.triu_indices(n, k=1).")


def check_honest_biomarker(
    answer: object, X: np.ndarray, y: np.ndarray, cv: BaseCrossValidator
) -> Feedback:
    """Check the score of a classifier whose edges are chosen within each fold.

    Parameters
    ----------
    answer : float
        The learner's mean accuracy.
    X : ndarray, shape (n_subjects, n_edges)
        The edges.
    y : ndarray, shape (n_subjects,)
        The groups.
    cv : cross-validation splitter
        The folds.

    Returns
    -------
    Feedback
    """
    value = number(answer, "the mean accuracy")
    if isinstance(value, Feedback):
        return value
    svm = SVC(kernel="linear")
    chain = make_pipeline(SelectKBest(k=10), svm)
    best = SelectKBest(k=10).fit_transform(X, y)
    known = {
        "honest": cross_val_score(chain, X, y, cv=cv).mean(),
        "This is the colleague's score: its edges were chosen with all subjects, the"
        " test subjects among them. Put SelectKBest into a pipeline.": cross_val_score(
            svm, best, y, cv=cv
        ).mean(),
        "This is without any choice of edges. Keep the ten best, but choose them"
        " within each fold.": cross_val_score(svm, X, y, cv=cv).mean(),
        "This is the score of the training subjects: use cross_val_score.": chain.fit(
            X, y
        ).score(X, y),
    }
    for message, score in known.items():
        if abs(value - score) < 0.005:
            if message != "honest":
                return not_yet(message)
            return right(f"{value:.2f}: the edges are chosen anew in each fold.")
    return not_yet(
        f"{value:.2f} is not the score of ten edges chosen within each fold and a"
        " linear SVC. Same folds, same X, and the mean of all folds?"
    )


def subjects_needed(effect: float, level: float, power: float) -> int:
    """Return how many subjects a group a two-sided t-test needs.

    Parameters
    ----------
    effect : float
        Difference of the means, in standard deviations.
    level : float
        The p-value that counts as significant.
    power : float
        In what share of studies the effect is to be found.

    Returns
    -------
    int
        Subjects in each of two equal groups.
    """
    n = 2
    while True:
        freedom, noncentral = 2 * n - 2, effect * np.sqrt(n / 2)
        limit = stats.t.isf(level / 2, freedom)
        if stats.nct.sf(limit, freedom, noncentral) >= power:
            return n
        n += 1


def check_subjects_needed(
    answer: object, effect: float, n_edges: int, power: float = 0.8
) -> Feedback:
    """Check how many subjects a group a corrected test of all edges needs.

    Parameters
    ----------
    answer : int
        The learner's number of subjects in each group.
    effect : float
        Difference of the means, in standard deviations.
    n_edges : int
        How many edges are tested.
    power : float
        In what share of studies the effect is to be found.

    Returns
    -------
    Feedback
    """
    value = number(answer, "the number of subjects in each group")
    if isinstance(value, Feedback):
        return value
    needed = subjects_needed(effect, 0.05 / n_edges, power)
    planned = subjects_needed(effect, 0.05, power)
    # A simulation of studies strays by a few subjects.
    slack = 0.05 * needed
    if abs(value - needed) <= slack:
        return right(f"About {needed} in each group, against {planned} if planned.")
    if abs(value - 2 * needed) <= 2 * slack:
        return not_yet("That is both groups together. How many in each?")
    if abs(value - planned) <= 2 or abs(value - 2 * planned) <= 2:
        return not_yet(
            f"That finds one planned connection. For {n_edges} edges the level is"
            f" 0.05 / {n_edges}."
        )
    if value < needed:
        return not_yet(f"More: with {value:.0f} the power is below {power:.0%}.")
    return not_yet(f"Fewer: with {value:.0f} the power is above {power:.0%} by far.")


def check_closer_matrix(
    answer: object, measured: np.ndarray, truth: np.ndarray
) -> Feedback:
    """Check a matrix of correlations that is closer to the truth than the measured.

    Parameters
    ----------
    answer : array-like, shape (n_regions, n_regions)
        The learner's matrix.
    measured, truth : ndarray, shape (n_regions, n_regions)
        The plain correlations, and the true ones; NaN where nobody knows them.

    Returns
    -------
    Feedback
    """
    values = numbers(answer, "a matrix of correlations")
    if isinstance(values, Feedback):
        return values
    if values.shape != truth.shape:
        return not_yet(f"The shape is {values.shape}; expected {truth.shape}.")
    if not np.allclose(np.diag(values), 1, atol=1e-3):
        return not_yet(
            "The diagonal is not 1: is this a covariance? Divide by the standard"
            " deviations of both regions."
        )
    if not np.allclose(values, values.T, atol=1e-3):
        return not_yet(
            "The matrix is not symmetric: A correlates with B as B with A. Fill both"
            " triangles."
        )
    return _closer(values, measured, truth)


def _closer(values: np.ndarray, measured: np.ndarray, truth: np.ndarray) -> Feedback:
    """Judge a matrix of correlations by its distance from the truth."""
    upper = np.triu_indices(len(truth), k=1)
    if not np.isfinite(truth[upper]).all():
        return not_yet(
            "These brains have no known truth, so nobody can say which matrix is"
            " closer. The simulation can: unset COURSE_DATA."
        )
    error = _distance(values[upper], truth[upper])
    plain = _distance(measured[upper], truth[upper])
    if error < 0.4 * plain:
        return not_yet(
            f"{error:.3f} against {plain:.3f} is too good for one subject. Did the"
            " truth, or the other subjects' matrices, get in?"
        )
    step, way = (values - measured)[upper], (truth - measured)[upper]
    if step @ way > STRAIGHT * np.linalg.norm(step) * np.linalg.norm(way):
        return not_yet(
            "The step from the plain correlations leads straight to the truth. The"
            " signal of one subject alone does not tell the way so well. Did the truth,"
            " or the other subjects' matrices, get in?"
        )
    if error >= plain:
        return not_yet(f"{error:.3f} is not closer than the plain {plain:.3f}, yet.")
    if error > 0.98 * plain:
        return not_yet(
            f"{error:.3f} is hardly closer than the plain {plain:.3f}. The right way;"
            " pull the small correlations further toward zero."
        )
    return right(f"{error:.3f} from the truth; the plain correlations are {plain:.3f}.")


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    """Return the root of the mean squared difference."""
    return float(np.sqrt(np.mean((a - b) ** 2)))
