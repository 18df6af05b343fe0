"""The searchlight against a plain loop of scikit-learn, sphere by sphere."""

import time
import warnings
from dataclasses import dataclass

import nibabel as nib
import numpy as np
import pytest
from joblib import parallel_config
from nibabel.affines import apply_affine
from nilearn.decoding import SearchLight
from scipy.spatial.transform import Rotation
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import RidgeClassifier
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import (
    KFold,
    LeaveOneGroupOut,
    ShuffleSplit,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from helpers import _searchlight_paths as paths
from helpers import searchlight as module
from helpers._searchlight_paths import fast_path
from helpers.cleaning import clean
from helpers.masking import apply_mask, load_mask
from helpers.searchlight import searchlight, sphere_neighbors

pytestmark = pytest.mark.filterwarnings("ignore:The groups parameter is ignored")
LEAVE_RUN_OUT = LeaveOneGroupOut()


def converged_svc(**parameters):
    """Return a LinearSVC that liblinear solves to 1e-6, as our path does anyway."""
    return LinearSVC(tol=1e-6, max_iter=200_000, **parameters)


FAST = {
    "naive Bayes": GaussianNB(),
    "ridge": RidgeClassifier(),
    "LDA": LinearDiscriminantAnalysis(),
    "SVC": converged_svc(),
}
ANY = GaussianNB(priors=[0.5, 0.5])  # goes the general way
fast = pytest.mark.parametrize("estimator", FAST.values(), ids=FAST)


# --- The reference ------------------------------------------------------------------


def coordinates(mask):
    """Return the place in mm of every voxel of a mask."""
    inside, affine = load_mask(mask)
    return apply_affine(affine, np.argwhere(inside))


def plain(X, y, mask, radius, estimator, cv, groups=None, scoring=None, centers=None):
    """Cross-validate in each sphere with scikit-learn alone; (n_centers, n_folds)."""
    xyz = coordinates(mask)
    scores = []
    with warnings.catch_warnings():
        # scikit-learn divides by the variance of voxels that are all constant.
        warnings.simplefilter("ignore", RuntimeWarning)
        warnings.simplefilter("error", ConvergenceWarning)
        for center in xyz if centers is None else coordinates(centers):
            sphere = np.linalg.norm(xyz - center, axis=1) <= radius
            inside = X[:, sphere].astype(np.float64)
            scores.append(
                cross_val_score(
                    estimator, inside, y, groups=groups, cv=cv, scoring=scoring
                )
            )
    return np.array(scores)


def some_voxels(mask, n, seed=0, within=None):
    """Return a mask with only some of the voxels of a mask."""
    inside, affine = load_mask(mask)
    voxels = np.argwhere(inside if within is None else inside & within)
    few = np.random.default_rng(seed).choice(len(voxels), n, replace=False)
    centers = np.zeros(inside.shape, np.uint8)
    centers[tuple(voxels[few].T)] = 1
    return nib.Nifti1Image(centers, affine)


@pytest.fixture
def refitted(monkeypatch):
    """Count the spheres that are fitted, not computed by a fast path."""
    counted = []
    fit_everywhere = module._fit_everywhere

    def count(X, y, spheres, *args):
        counted.append(spheres.shape[0])
        return fit_everywhere(X, y, spheres, *args)

    monkeypatch.setattr(module, "_fit_everywhere", count)
    return counted


# --- Data: simulated, real, and made to be difficult --------------------------------


@dataclass
class Recording:
    """Samples of eight categories, and where their voxels are."""

    X: np.ndarray
    y: np.ndarray
    runs: np.ndarray
    mask: nib.Nifti1Image
    radius: float

    def two(self):
        """Keep faces and houses."""
        keep = np.isin(self.y, ["face", "house"])
        return self.X[keep], self.y[keep], self.runs[keep]

    def unbalanced(self):
        """Drop a fifth of all samples, most of them of one category."""
        rng = np.random.default_rng(0)
        drop = rng.random(len(self.y)) < np.where(self.y == "face", 0.6, 0.1)
        return Recording(
            self.X[~drop], self.y[~drop], self.runs[~drop], self.mask, self.radius
        )


def _recording(data, mask, radius):
    X = clean(apply_mask(data.func, mask), runs=data.labels.run)
    shown = (data.labels.label != "rest").to_numpy()
    y = data.labels.label[shown].to_numpy(dtype=str)
    return Recording(X[shown], y, data.labels.run[shown].to_numpy(), mask, radius)


@pytest.fixture(scope="module")
def simulated(haxby):
    """Nine axial slices through ventral temporal cortex: spheres are cut there."""
    inside, affine = load_mask(haxby.mask)
    inside = inside.copy()
    inside[..., :9] = inside[..., 18:] = False
    mask = nib.Nifti1Image(inside.astype(np.uint8), affine)
    return _recording(haxby, mask, radius=8)


@pytest.fixture(scope="module")
def real(haxby_slice):
    """One slice only: its spheres are disks."""
    mask = nib.load(haxby_slice.mask)
    mask = nib.Nifti1Image(np.asarray(mask.dataobj).astype(np.uint8), mask.affine)
    return _recording(haxby_slice, mask, radius=8)


@pytest.fixture(params=["simulated", "real"])
def recording(request):
    return request.getfixturevalue(request.param)


def _cube(n_samples=96, shape=(5, 6, 7), seed=0, affine=None):
    """Make a small volume in which the first half of the voxels tells two classes."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_samples) % 2
    runs = np.arange(n_samples) // (n_samples // 4)
    X = rng.standard_normal((n_samples, int(np.prod(shape))))
    X[:, : X.shape[1] // 2] += 0.8 * y[:, None]
    affine = np.diag([3.0, 3, 3, 1]) if affine is None else affine
    return X, y, runs, nib.Nifti1Image(np.ones(shape, np.uint8), affine)


# --- Spheres ------------------------------------------------------------------------


def _affine(matrix, offset=(-12.0, 20.0, 5.5)):
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = matrix, offset
    return affine


AFFINES = {
    "isotropic": _affine(np.diag([3.0, 3, 3])),
    "negative": _affine(np.diag([-3.0, 3, -3])),
    "anisotropic": _affine(np.diag([2.0, 3.1, 4.5])),
    "swapped axes": _affine([[0, 2, 0], [0, 0, -3], [4, 0, 0]]),
    "oblique": _affine(
        Rotation.from_euler("xyz", [15, -20, 30], degrees=True).as_matrix()
        @ np.diag([2, -3, 4])
    ),
    "sheared": _affine([[3, 1, 0], [0, 3, 1], [0, 0, 3]]),
}
affines = pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES)


def _ragged_mask(affine, shape=(9, 8, 7)):
    inside = np.random.default_rng(1).random(shape) < 0.6
    return nib.Nifti1Image(inside.astype(np.uint8), affine)


@affines
@pytest.mark.parametrize("radius", [0.5, 4.1, 7.1, 29.9])
def test_spheres_equal_brute_force_distances(affine, radius):
    mask = _ragged_mask(affine)
    xyz = coordinates(mask)
    distances = np.linalg.norm(xyz[:, None] - xyz, axis=2)
    spheres = sphere_neighbors(mask, radius)
    np.testing.assert_array_equal(spheres.toarray(), distances <= radius)


@affines
def test_spheres_equal_nearest_neighbors(affine):
    mask, xyz = _ragged_mask(affine), coordinates(_ragged_mask(affine))
    graph = NearestNeighbors(radius=6.3).fit(xyz).radius_neighbors_graph(xyz)
    np.testing.assert_array_equal(
        sphere_neighbors(mask, 6.3).toarray(), graph.toarray()
    )


@pytest.mark.parametrize(("radius", "n_voxels"), [(3.9, 1), (4.0, 7), (8.0, 33)])
def test_radius_is_in_millimeters_and_inclusive(radius, n_voxels):
    mask = nib.Nifti1Image(np.ones((7, 7, 7), np.uint8), np.diag([4.0, 4, 4, 1]))
    middle = np.ravel_multi_index((3, 3, 3), (7, 7, 7))
    assert sphere_neighbors(mask, radius).toarray()[middle].sum() == n_voxels


def test_radius_is_inclusive_whatever_the_rounding():
    # 0.1 + 0.2 is not 0.3: three voxels of 0.1 mm must still lie within 0.3 mm.
    mask = nib.Nifti1Image(np.ones((7, 1, 1), np.uint8), np.diag([0.1, 1, 1, 1]))
    assert sphere_neighbors(mask, 0.3).toarray()[3].sum() == 7
    assert sphere_neighbors(mask, 0.1 + 0.2).toarray()[3].sum() == 7


@affines
def test_centers_choose_rows(affine):
    mask = _ragged_mask(affine)
    centers = some_voxels(mask, 20)
    rows = load_mask(centers)[0][load_mask(mask)[0]]
    every, some = sphere_neighbors(mask, 7), sphere_neighbors(mask, 7, centers)
    np.testing.assert_array_equal(some.toarray(), every.toarray()[rows])


def test_spheres_of_a_real_slice_are_disks(real):
    spheres = sphere_neighbors(real.mask, 8)
    assert spheres.shape[0] == real.X.shape[1]
    # Voxels of 3.1 x 3.75 mm: at most 17 lie within 8 mm of one of them, in its plane.
    xyz = coordinates(real.mask)
    assert np.ptp(xyz[:, 2]) < 0.1
    within = np.linalg.norm(xyz[:, None] - xyz, axis=2) <= 8
    np.testing.assert_array_equal(spheres.toarray(), within)


# --- Every fast path equals a plain loop --------------------------------------------


CVS = {
    "leave-one-run-out": LEAVE_RUN_OUT,
    "4 folds": KFold(4),
    "3 stratified folds, shuffled": StratifiedKFold(3, shuffle=True, random_state=0),
    "a number": 3,
}


@fast
@pytest.mark.parametrize("cv", CVS.values(), ids=CVS)
@pytest.mark.parametrize("balanced", [True, False], ids=["balanced", "unbalanced"])
def test_two_classes_equal_scikit_learn(recording, estimator, cv, balanced, refitted):
    data = recording if balanced else recording.unbalanced()
    X, y, runs = data.two()
    centers = some_voxels(data.mask, 12, seed=1)
    args = (X, y, data.mask, data.radius, estimator, cv, runs)
    ours = searchlight(*args, centers=centers, per_fold=True)
    np.testing.assert_array_equal(ours, plain(*args, centers=centers))
    # It was the fast path that did it, for all but a few close calls.
    assert sum(refitted) <= 2


@fast
@pytest.mark.parametrize("balanced", [True, False], ids=["balanced", "unbalanced"])
def test_eight_classes_equal_scikit_learn(recording, estimator, balanced, refitted):
    data = recording if balanced else recording.unbalanced()
    n_centers, cv = (2, KFold(3)) if "SVC" in str(estimator) else (8, LEAVE_RUN_OUT)
    centers = some_voxels(data.mask, n_centers, seed=2)
    args = (data.X, data.y, data.mask, data.radius, estimator, cv, data.runs)
    ours = searchlight(*args, centers=centers, per_fold=True)
    assert ours.shape == (n_centers, 3 if n_centers == 2 else 12)
    np.testing.assert_array_equal(ours, plain(*args, centers=centers))
    assert sum(refitted) <= 1


@fast
def test_where_the_signal_is_equals_scikit_learn(simulated, estimator, haxby, refitted):
    """Among high scores margins are wide; the test above has mostly low scores."""
    X, y, runs = simulated.two()
    signal = load_mask(haxby.mask_house)[0]
    centers = some_voxels(simulated.mask, 12, within=signal)
    args = (X, y, simulated.mask, 8, estimator, LEAVE_RUN_OUT, runs)
    ours = searchlight(*args, centers=centers, per_fold=True)
    np.testing.assert_array_equal(ours, plain(*args, centers=centers))
    assert ours.mean() > 0.7
    assert sum(refitted) <= 1


@pytest.mark.parametrize("name", ["naive Bayes", "ridge", "LDA"])
def test_raw_series_equal_scikit_learn(haxby, name, refitted):
    """Without cleaning, means are large, differ between voxels and drift.

    (liblinear does not converge on such series.)
    """
    shown = haxby.labels.label.isin(["face", "house"]).to_numpy()
    mask = some_voxels(haxby.mask_vt, 60)
    centers = some_voxels(mask, 12)
    X = apply_mask(haxby.func, mask)[shown]
    assert X.mean() > 300
    y, runs = haxby.labels.label[shown], haxby.labels.run[shown]
    args = (X, y, mask, 16, FAST[name], LEAVE_RUN_OUT, runs)
    ours = searchlight(*args, centers=centers, per_fold=True)
    np.testing.assert_array_equal(ours, plain(*args, centers=centers))
    assert sum(refitted) <= 1


@pytest.mark.parametrize(
    "estimator",
    [
        GaussianNB(var_smoothing=1e-2),
        GaussianNB(var_smoothing=1e3),
        RidgeClassifier(alpha=1e-3),
        RidgeClassifier(alpha=100, solver="svd"),
        LinearDiscriminantAnalysis(store_covariance=True),
        converged_svc(C=0.01),
        converged_svc(C=0.2, intercept_scaling=5, dual=False),
    ],
    ids=str,
)
@pytest.mark.parametrize("offset", [0, 2.5])
def test_parameters_that_are_covered(estimator, offset):
    X, y, runs, mask = _cube()
    args = (X + offset, y, mask, 3.5, estimator, LEAVE_RUN_OUT, runs)
    centers = some_voxels(mask, 20)
    assert fast_path(estimator, "accuracy", y, _splits(X, y, runs)) is not None
    ours = searchlight(*args, centers=centers, per_fold=True)
    np.testing.assert_array_equal(ours, plain(*args, centers=centers))


@fast
def test_more_voxels_than_samples(estimator, refitted):
    X, y, runs, mask = _cube(n_samples=24)
    centers = some_voxels(mask, 10)
    args = (X, y, mask, 10, estimator, LEAVE_RUN_OUT, runs)  # 130 voxels in the middle
    ours = searchlight(*args, centers=centers, per_fold=True)
    np.testing.assert_array_equal(ours, plain(*args, centers=centers))
    # The covariance of LDA has no inverse then: all its spheres are fitted.
    assert sum(refitted) == (10 if "Discriminant" in str(estimator) else 0)


@fast
def test_constant_voxels(estimator):
    X, y, runs, mask = _cube(shape=(4, 4, 8))
    X[:, 3], X[:, 40], X[:, 100:104] = 0, 7.5, 1e3
    X[y == 0, 60] = 0.25  # constant within a class
    X[runs == 1, 77] = -1  # constant within a run
    X[runs != 2, 90] = 3  # constant in one training set
    X[:, 120] = X[:, 121] = X[:, 127]  # twice the same
    X[:, 20] *= 1e-4
    X[:, 21] *= 1e4
    args = (X, y, mask, 3.5, estimator, LEAVE_RUN_OUT, runs)
    if "SVC" in str(estimator):
        X[:, 100:104], X[:, 21] = 2, X[:, 21] / 1e4  # liblinear must converge
    np.testing.assert_array_equal(searchlight(*args, per_fold=True), plain(*args))


@pytest.mark.parametrize("name", ["naive Bayes", "ridge", "SVC"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning:sklearn")
def test_spheres_without_anything_in_them(name):
    X, y, runs, mask = _cube(shape=(3, 4, 5))
    X[:, ::2] = 0
    args = (X, y, mask, 1.0, FAST[name], LEAVE_RUN_OUT, runs)  # one voxel a sphere
    np.testing.assert_array_equal(searchlight(*args, per_fold=True), plain(*args))


@fast
@pytest.mark.parametrize("kind", ["int16", "float32", "big-endian", "Fortran", "list"])
def test_any_kind_of_numbers(estimator, kind):
    X, y, runs, mask = _cube()
    X = np.round(100 * X)
    kinds = {
        "int16": X.astype(np.int16),
        "float32": X.astype(np.float32),
        "big-endian": X.astype(">f8"),
        "Fortran": np.asfortranarray(X),
        "list": X.tolist(),
    }
    if "SVC" in str(estimator):  # keep liblinear from crawling
        estimator = converged_svc(C=1e-4)
    args, centers = (mask, 3.5, estimator, LEAVE_RUN_OUT), some_voxels(mask, 15)
    ours = searchlight(
        kinds[kind], list(y), *args, list(runs), centers=centers, per_fold=True
    )
    expected = plain(X, y, *args, runs, centers=centers)
    np.testing.assert_array_equal(ours, expected)


def test_linear_svc_is_the_limit_of_liblinear(simulated):
    """Liblinear stops early or late, as `tol` says; our path always goes to the end."""
    X, y, runs = simulated.two()
    centers = some_voxels(simulated.mask, 30, seed=3)
    args = (simulated.mask, 8)
    default, tight = (
        searchlight(
            X, y, *args, LinearSVC(tol=tol), LEAVE_RUN_OUT, runs, centers=centers
        )
        for tol in (1e-4, 1e-8)
    )
    np.testing.assert_array_equal(default, tight)


def test_what_newton_does_not_solve_is_fitted(monkeypatch, refitted):
    X, y, runs, mask = _cube()
    centers = some_voxels(mask, 10)
    monkeypatch.setattr(paths._newton, "__defaults__", (1,))  # one step only
    args = (X, y, mask, 3.5, FAST["SVC"], LEAVE_RUN_OUT, runs)
    ours = searchlight(*args, centers=centers, per_fold=True)
    np.testing.assert_array_equal(ours, plain(*args, centers=centers))
    assert sum(refitted) > 5


# --- What no fast path covers -------------------------------------------------------


def _splits(X, y, runs):
    return list(LEAVE_RUN_OUT.split(X, y, runs))


class MyNaiveBayes(GaussianNB):
    """A classifier of one's own that says the opposite."""

    def predict(self, X):
        return self.classes_[::-1][np.searchsorted(self.classes_, super().predict(X))]


def _share_of_ones(y_true, y_predicted):
    return np.mean(y_predicted)


UNCOVERED = {
    "priors": (GaussianNB(priors=[0.9, 0.1]), "accuracy"),
    "AUC": (GaussianNB(), "roc_auc"),
    "balanced accuracy": (RidgeClassifier(), "balanced_accuracy"),
    "a function": (GaussianNB(), make_scorer(_share_of_ones)),
    "subclass": (MyNaiveBayes(), "accuracy"),
    "class weight": (RidgeClassifier(class_weight={0: 9, 1: 1}), "accuracy"),
    "no intercept": (RidgeClassifier(fit_intercept=False), "accuracy"),
    "positive": (RidgeClassifier(positive=True), "accuracy"),
    "iterative solver": (RidgeClassifier(solver="lsqr"), "accuracy"),
    "shrinkage": (LinearDiscriminantAnalysis("lsqr", shrinkage=0.9), "accuracy"),
    "LDA priors": (LinearDiscriminantAnalysis(priors=[0.9, 0.1]), "accuracy"),
    "hinge": (LinearSVC(loss="hinge", C=0.01, random_state=0), "accuracy"),
    "lasso": (LinearSVC(penalty="l1", C=0.05, random_state=0), "accuracy"),
    "no intercept, SVC": (LinearSVC(fit_intercept=False), "accuracy"),
    "weighted SVC": (LinearSVC(class_weight={0: 9, 1: 1}), "accuracy"),
    "pipeline": (make_pipeline(StandardScaler(), KNeighborsClassifier(3)), "accuracy"),
    "neighbors": (KNeighborsClassifier(3), None),
}


@pytest.mark.parametrize(("estimator", "scoring"), UNCOVERED.values(), ids=UNCOVERED)
def test_uncovered_parameters_are_fitted(estimator, scoring, refitted):
    X, y, runs, mask = _cube()
    X, y, runs = X[10:] + 1, y[10:], runs[10:]  # off zero, one run shorter
    assert fast_path(estimator, scoring, y, _splits(X, y, runs)) is None
    centers = some_voxels(mask, 12)
    args = (X, y, mask, 3.5, estimator, LEAVE_RUN_OUT, runs, scoring)
    ours = searchlight(*args, centers=centers, per_fold=True)
    np.testing.assert_array_equal(ours, plain(*args, centers=centers))
    assert refitted == [12]


@pytest.mark.parametrize("scoring", ["accuracy", None])
def test_ordinary_accuracy_is_covered(scoring):
    X, y, runs, _ = _cube()
    for estimator in FAST.values():
        assert fast_path(estimator, scoring, y, _splits(X, y, runs)) is not None


def test_accuracy_as_a_function_gives_the_same():
    X, y, runs, mask = _cube()
    args = (X, y, mask, 3.5, GaussianNB(), LEAVE_RUN_OUT, runs)
    slow = searchlight(*args, make_scorer(accuracy_score))
    np.testing.assert_array_equal(searchlight(*args), slow)


def _unusual_splits():
    everyone = np.arange(96)
    test = everyone[:24]
    rest = everyone[24:]
    return {
        "a sample twice": [(np.append(rest, rest[:30]), test)],
        "some samples unused": [(rest[:40], test), (test, rest[::3])],
        "trained on the test set": [(everyone, test)],
        "tested twice": [(rest, np.append(test, test[:5]))],
        "one class missing": [(rest[rest % 3 != 2], test), (rest, test)],
        "boolean": [(everyone >= 24, everyone < 24)],
        "random": list(ShuffleSplit(3, train_size=0.3, random_state=0).split(everyone)),
    }


@fast
@pytest.mark.parametrize("name", _unusual_splits())
def test_unusual_splits_equal_scikit_learn(estimator, name):
    X, y, runs, mask = _cube()
    if name == "one class missing":
        y = np.arange(len(y)) % 3
    centers = some_voxels(mask, 10)
    args = (X, y, mask, 3.5, estimator, _unusual_splits()[name])
    ours = searchlight(*args, centers=centers, per_fold=True)
    np.testing.assert_array_equal(ours, plain(*args, centers=centers))


# --- Options ------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["threading", "loky"])
@pytest.mark.parametrize(
    "estimator",
    [*FAST.values(), ANY],
    ids=[*FAST, "any classifier"],
)
def test_workers_give_the_same(estimator, backend):
    X, y, runs, mask = _cube(shape=(4, 5, 6))
    args = (X, y, mask, 3.5, estimator, LEAVE_RUN_OUT, runs)
    alone = searchlight(*args, n_jobs=1)
    with parallel_config(backend=backend):
        np.testing.assert_array_equal(searchlight(*args, n_jobs=2), alone)
    with parallel_config(backend=backend, n_jobs=2):
        np.testing.assert_array_equal(searchlight(*args), alone)


@pytest.mark.parametrize("estimator", [GaussianNB(), KNeighborsClassifier(3)])
def test_centers_and_folds(estimator):
    X, y, runs, mask = _cube(shape=(3, 4, 5))
    centers = some_voxels(mask, 25)
    args = (X, y, mask, 3.5, estimator, LEAVE_RUN_OUT, runs)
    per_fold = searchlight(*args, per_fold=True)
    assert per_fold.shape == (X.shape[1], 4)
    np.testing.assert_allclose(searchlight(*args), per_fold.mean(axis=1))
    chosen = load_mask(centers)[0].ravel()
    some = searchlight(*args, centers=centers, per_fold=True)
    np.testing.assert_array_equal(some, per_fold[chosen])


@pytest.mark.parametrize(
    "estimator",
    [*FAST.values(), ANY],
    ids=[*FAST, "any classifier"],
)
def test_progress_is_shown_when_asked_for(estimator, capsys):
    X, y, runs, mask = _cube(shape=(3, 4, 5))
    args = (X, y, mask, 3.5, estimator, LEAVE_RUN_OUT, runs)
    silent = searchlight(*args)
    assert capsys.readouterr().err == ""
    shown = searchlight(*args, progress=True)
    err = capsys.readouterr().err
    assert "%|" in err
    assert err.rstrip(" ").endswith("\r")  # it wipes itself out
    np.testing.assert_array_equal(silent, shown)


def test_inputs_are_left_as_they_are():
    X, y, runs, mask = _cube()
    before = X.copy(), y.copy(), runs.copy()
    for estimator in FAST.values():
        searchlight(X, y, mask, 3.5, estimator, LEAVE_RUN_OUT, runs)
    for value, copy in zip((X, y, runs), before, strict=True):
        np.testing.assert_array_equal(value, copy)


@pytest.mark.filterwarnings("ignore")
def test_equals_nilearn(simulated):
    X, y, runs = simulated.two()
    centers = some_voxels(simulated.mask, 20, seed=5)
    inside, affine = load_mask(simulated.mask)
    series = np.zeros((*inside.shape, len(X)))
    series[inside] = X.T
    theirs = SearchLight(
        simulated.mask,
        process_mask_img=centers,
        radius=5.6,
        estimator=GaussianNB(),
        cv=LEAVE_RUN_OUT,
        scoring="accuracy",
    )
    theirs.fit(nib.Nifti1Image(series, affine), y, groups=runs)
    ours = searchlight(
        X, y, simulated.mask, 5.6, GaussianNB(), LEAVE_RUN_OUT, runs, centers=centers
    )
    np.testing.assert_allclose(
        ours, theirs.scores_[load_mask(centers)[0]], rtol=0, atol=1e-12
    )


# --- Speed: a loose ratio, so that a fast path that is not taken is seen ------------


@pytest.mark.parametrize(
    ("estimator", "at_least"),
    [
        (GaussianNB(), 100),
        (RidgeClassifier(), 20),
        (LinearDiscriminantAnalysis(), 20),
        (LinearSVC(), 5),
    ],
    ids=FAST,
)
def test_faster_than_a_plain_loop(simulated, estimator, at_least):
    X, y, runs = simulated.two()
    X = X.astype(np.float64)
    many, few = (some_voxels(simulated.mask, n, seed=6) for n in (4000, 10))

    def seconds_a_sphere(score, centers, n):
        start = time.process_time()
        score(
            X, y, simulated.mask, 5.6, estimator, LEAVE_RUN_OUT, runs, centers=centers
        )
        return (time.process_time() - start) / n

    ours = min(seconds_a_sphere(searchlight, many, 4000) for _ in range(3))
    theirs = seconds_a_sphere(plain, few, 10)
    assert theirs / ours > at_least


# --- Errors -------------------------------------------------------------------------


@pytest.mark.parametrize("radius", [0, -4, np.nan, np.inf])
def test_radius_must_be_positive(radius):
    _, _, _, mask = _cube()
    with pytest.raises(ValueError, match="radius is in millimeters and positive"):
        sphere_neighbors(mask, radius)


def test_centers_on_another_grid():
    _, _, _, mask = _cube()
    inside, affine = load_mask(mask)
    moved = nib.Nifti1Image(
        inside.astype(np.uint8), affine + np.eye(4)[:, [3, 0, 1, 2]]
    )
    smaller = nib.Nifti1Image(np.ones((2, 2, 2), np.uint8), affine)
    for centers in (moved, smaller):
        with pytest.raises(ValueError, match="different grids"):
            sphere_neighbors(mask, 4, centers)


def test_centers_outside_the_mask():
    mask = _ragged_mask(AFFINES["isotropic"])
    everywhere = nib.Nifti1Image(np.ones(mask.shape, np.uint8), mask.affine)
    with pytest.raises(ValueError, match="centers lie outside the mask"):
        sphere_neighbors(mask, 4, everywhere)


def _wrong():
    X, y, runs, mask = _cube()
    with_nan, with_inf = X.copy(), X.copy()
    with_nan[3, 8] = np.nan
    with_inf[0, 2] = np.inf
    right = {"X": X, "y": y, "groups": runs, "mask": mask, "cv": LEAVE_RUN_OUT}
    wrong = {
        "another mask": ({"X": X[:, 1:]}, r"Take X with this mask"),
        "transposed": ({"X": X.T}, r"expected \(n_samples, 210\)"),
        "one sample": ({"X": X[0]}, r"expected \(n_samples, 210\)"),
        "too few labels": ({"y": y[1:]}, "y has shape .*one entry of y for each row"),
        "too few runs": ({"groups": runs[1:]}, "groups has shape"),
        "no runs": ({"groups": None}, "Pass groups="),
        "NaN": ({"X": with_nan}, "NaN or infinite values in 1 voxels.*column 8"),
        "infinite": ({"X": with_inf}, "column 2"),
        "one class": ({"y": np.repeat("face", 96)}, r"one class only \(face\)"),
        "a run a class": (
            {"y": (runs > 0) * 1, "cv": [(np.arange(24), [40])]},
            "fold 0",
        ),
    }
    return [
        pytest.param(right | change, says, id=name)
        for name, (change, says) in wrong.items()
    ]


@pytest.mark.parametrize(("arguments", "says"), _wrong())
def test_errors_name_the_mend(arguments, says):
    with pytest.raises(ValueError, match=says):
        searchlight(radius=4, estimator=GaussianNB(), **arguments)


def test_a_fit_that_fails_is_named():
    X, y, runs, mask = _cube()
    X[:, :30] = 0
    with pytest.raises(ValueError, match=r"cannot be fitted in fold 0 .* are constant"):
        searchlight(X, y, mask, 1.0, LinearDiscriminantAnalysis(), LEAVE_RUN_OUT, runs)
