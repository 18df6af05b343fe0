"""The simulated Miyawaki recording: its design, its retinotopy, what it decodes to.

References: the real responses of V1, nilearn's reading of the files, closed forms of
the retinotopic map, and the truth that is stored beside the recording.
"""

import warnings

import nibabel as nib
import numpy as np
import pytest
from scipy import integrate, stats
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits

from helpers.cleaning import clean
from helpers.masking import apply_mask, load_mask
from helpers.simulation import miyawaki as miyawaki_simulation
from helpers.simulation import phantom

FIGURE, RANDOM = slice(12), slice(12, 32)
C_VALUES = [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1]
# scikit-learn's C multiplies a sum over samples. The random runs have 1320 volumes
# with an image, here averaged over the three volumes of a block.
VOLUMES_A_BLOCK = 3
# Thousands of small fits: threads would only wait for each other.
one_thread = threadpool_limits.wrap(limits=1, user_api="blas")


def read_labels(path, order="F"):
    """Return the images of all volumes, as the paper's example reads them."""
    table = np.loadtxt(path, dtype=int, delimiter=",")
    return np.reshape(table, (-1, 10, 10), order=order)


def read_blocks(miyawaki, part, shift=2):
    """Return the mean cleaned BOLD of each block, its image, and its run."""
    n_on = 6 if part == FIGURE else VOLUMES_A_BLOCK
    X, y = [], []
    for func, label in zip(miyawaki.func[part], miyawaki.label[part], strict=True):
        series, images = clean(apply_mask(func, miyawaki.mask)), read_labels(label)
        series, images = series[shift:], images[: len(images) - shift]
        shown = images[:, 0, 0] != -1
        X.append(series[shown].reshape(-1, n_on, series.shape[1]).mean(axis=1))
        y.append(images[shown][::n_on].reshape(-1, 100))
    runs = np.repeat(np.arange(len(X)), len(X[0]))
    return np.vstack(X), np.vstack(y), runs


def truth(miyawaki, name):
    """Return one map of the truth at the voxels of the mask, NaN outside cortex."""
    return np.asarray(nib.load(getattr(miyawaki.truth, name)).dataobj)[
        load_mask(miyawaki.mask)[0]
    ]


def true_fields(miyawaki):
    """Return each voxel's true weight of each pixel from the stored maps."""
    names = ("rf_x", "rf_y", "rf_size")
    x, y, size = (truth(miyawaki, name)[:, None] for name in names)
    pixels = np.arange(10)
    row = np.exp(-0.5 * ((pixels - y) / size) ** 2)
    column = np.exp(-0.5 * ((pixels - x) / size) ** 2)
    return (row[:, :, None] * column[:, None, :]).reshape(-1, 100)


def row_correlations(A, B):
    """Return the correlation of each row of A with the same row of B."""
    A, B = (stats.zscore(M, axis=1) for M in (A, B))
    return (A * B).mean(axis=1)


@pytest.fixture(scope="module")
def random_blocks(miyawaki):
    return read_blocks(miyawaki, RANDOM)


@pytest.fixture(scope="module")
def figure_blocks(miyawaki):
    return read_blocks(miyawaki, FIGURE)


@pytest.fixture(scope="module")
@one_thread
def accuracy(random_blocks):
    """Return the accuracy at each pixel of a decoder of average strength."""
    X, y, _ = random_blocks
    decoder = LinearSVC(penalty="l1", dual=False, C=0.03, tol=0.01, random_state=0)
    model = make_pipeline(SelectKBest(f_classif, k=500), decoder)
    return np.reshape(
        [cross_val_score(model, X, pixel, cv=5).mean() for pixel in y.T], (10, 10)
    )


# --- the experiment --------------------------------------------------------------


def test_figures_are_those_of_the_real_recording(miyawaki_v1):
    ours = {
        image.tobytes() for image in miyawaki_simulation.miyawaki_figures().values()
    }
    real = {
        np.ascontiguousarray(row.reshape(10, 10, order="F")).tobytes()
        for row in miyawaki_v1.stimuli
    }
    assert ours == real
    assert len(ours) == 10


def test_labels_and_series_have_the_design_of_the_original(miyawaki):
    """20 runs x (145 - 2) volumes are the 2860 samples of nilearn's example."""
    for part, n_volumes, n_blocks, n_on in ((FIGURE, 130, 10, 6), (RANDOM, 145, 22, 3)):
        for func, label in zip(miyawaki.func[part], miyawaki.label[part], strict=True):
            images = read_labels(label)
            assert nib.load(func).shape[3] == len(images) == n_volumes
            rest = images == -1
            assert np.array_equal(rest.all(axis=(1, 2)), rest.any(axis=(1, 2)))
            shown = ~rest[:, 0, 0]
            starts = np.flatnonzero(np.diff(shown.astype(int)) == 1) + 1
            assert len(starts) == n_blocks
            assert np.all(np.diff(starts) == 2 * n_on)
            assert shown.sum() == n_blocks * n_on
            assert set(np.unique(images)) == {-1, 0, 1}
        assert nib.load(func).header.get_zooms()[3] == miyawaki.t_r


def test_label_files_are_tables_of_integers(miyawaki):
    lines = miyawaki.label[20].read_text().splitlines()
    assert set(lines[0].split(",")) == {"-1"}
    assert all(len(line.split(",")) == 100 for line in lines)


def test_images_must_be_read_column_by_column(miyawaki):
    """In Fortran order they are the figures; in C order they lie on their side."""
    figures = [
        image.tolist() for image in miyawaki_simulation.miyawaki_figures().values()
    ]
    shown = np.concatenate([read_labels(path) for path in miyawaki.label[FIGURE]])
    shown = shown[shown[:, 0, 0] != -1]
    assert all(image.tolist() in figures for image in shown)
    on_their_side = np.concatenate(
        [
            np.loadtxt(path, dtype=int, delimiter=",").reshape(-1, 10, 10)
            for path in miyawaki.label[FIGURE]
        ]
    )
    on_their_side = on_their_side[on_their_side[:, 0, 0] != -1]
    np.testing.assert_array_equal(on_their_side, shown.transpose(0, 2, 1))
    assert not all(image.tolist() in figures for image in on_their_side)


def test_each_figure_is_shown_in_several_runs(figure_blocks):
    _, y, runs = figure_blocks
    figures, which = np.unique(y, axis=0, return_inverse=True)
    assert len(figures) == 10
    for figure in range(10):
        assert len(set(runs[which == figure])) == 6
        assert np.sum(which == figure) == 12


def test_random_images_are_all_different_and_balanced(random_blocks):
    _, y, runs = random_blocks
    assert len(np.unique(y, axis=0)) == 440
    for run in range(20):
        assert np.all(y[runs == run].mean(axis=0) == 0.5)
    # Pixels know nothing of each other.
    others = np.corrcoef(y.T) - np.eye(100)
    assert np.abs(others).max() < 0.25
    assert np.abs(others).mean() < 1.2 * np.sqrt(2 / np.pi / 440)


def test_stratified_folds_of_balanced_runs_keep_runs_whole(random_blocks):
    """`cv=5` of a classifier leaves four runs out, whatever the pixel."""
    X, y, runs = random_blocks
    for (_, plain), (_, test) in zip(
        KFold(5).split(X), StratifiedKFold(5).split(X, y[:, 37]), strict=True
    ):
        np.testing.assert_array_equal(plain, test)
        assert np.all(np.isin(runs, runs[test]) == np.isin(np.arange(440), test))


# --- visual cortex ---------------------------------------------------------------


def test_response_peaks_where_it_is_told_to():
    for peak in (3.5, 5.0, 5.5):
        t_r = 0.1
        response = phantom.block_response(np.array([2.0]), t_r, t_r, 200, peak=peak)
        assert np.argmax(response) * t_r - 2.0 == pytest.approx(peak, abs=0.15)


def test_receptive_fields_integrate_a_gaussian_over_each_pixel():
    one = np.ones(1)
    retinotopy = miyawaki_simulation.Retinotopy(
        *[one] * 4, rf_x=2.3 * one, rf_y=6.8 * one, rf_size=0.7 * one,
        amplitude=one, hrf_delay=one,
    )  # fmt: skip
    found = retinotopy.receptive_fields()[0]
    density = stats.multivariate_normal([6.8, 2.3], 0.7**2)
    for row, column in ((7, 2), (6, 3), (9, 0)):
        expected, _ = integrate.dblquad(
            lambda c, r: density.pdf([r, c]),
            *(row - 0.5, row + 0.5, column - 0.5, column + 0.5),
        )
        assert found[row, column] == pytest.approx(expected, rel=1e-6)
    assert found.sum() == pytest.approx(1, abs=0.01)


def test_magnification_is_that_of_horton_and_hoyt(miyawaki):
    """Along the calcarine sulcus, 17.3 / (E + 0.75) mm of cortex a degree."""
    inside, affine = load_mask(miyawaki.mask)
    mni = nib.affines.apply_affine(affine, np.argwhere(inside))
    eccentricity, area = truth(miyawaki, "eccentricity"), truth(miyawaki, "area")
    near = (area == 0) & (np.abs(mni[:, 0]) < 11) & (eccentricity < 15)
    forward = mni[near, 1] - mni[near, 1].min()
    order = np.argsort(eccentricity[near])
    expected, _ = integrate.quad(lambda e: 17.3 / (e + 0.75), 1, 8)
    found = np.interp([1, 8], eccentricity[near][order], forward[order])
    assert np.diff(found)[0] == pytest.approx(expected, rel=0.25)
    # Hence the fovea has most of V1.
    v1 = eccentricity[area == 0]
    assert np.mean(v1 < 2) > 3 * np.mean((v1 > 6) & (v1 < 8))


def test_center_of_receptive_fields_follows_eccentricity_and_angle(miyawaki):
    eccentricity, angle = truth(miyawaki, "eccentricity"), truth(miyawaki, "angle")
    x = 1.15 * (truth(miyawaki, "rf_x") - 4.5)
    y = -1.15 * (truth(miyawaki, "rf_y") - 4.5)
    near = eccentricity < 8
    distance = np.hypot(x, y)[near] - eccentricity[near]
    assert np.abs(np.median(distance)) < 0.1
    assert np.percentile(np.abs(distance), 90) < 1.0
    away = near & (eccentricity > 2)
    turn = np.angle(np.exp(1j * (np.arctan2(y, x) - np.deg2rad(angle))))[away]
    assert np.percentile(np.abs(np.rad2deg(turn)), 90) < 25
    assert np.nanmin(angle) >= -180
    assert np.nanmax(angle) <= 180


def test_each_hemisphere_looks_to_the_other_side_and_dorsal_cortex_down(miyawaki):
    rois = {path.name.split(".")[0]: path for path in miyawaki.mask_roi}
    rf_x, rf_y = truth(miyawaki, "rf_x"), truth(miyawaki, "rf_y")
    inside = load_mask(miyawaki.mask)[0]
    for name, path in rois.items():
        voxels = load_mask(path)[0][inside]
        if "lag" not in name and name[2:] != "V4v":
            assert (np.mean(rf_x[voxels] > 4.5) > 0.5) == name.startswith("LH"), name
            dorsal = name[2:] in ("V1d", "V2d", "V3", "V3A")
            assert (np.mean(rf_y[voxels] > 4.5) > 0.5) == dorsal, name


def test_areas_and_rings_share_visual_cortex_among_them(miyawaki):
    inside, affine = load_mask(miyawaki.mask)
    x = nib.affines.apply_affine(affine, np.argwhere(inside))[:, 0]
    eccentricity = truth(miyawaki, "eccentricity")
    areas, rings = np.zeros(len(x), int), np.zeros(len(x), int)
    for path in miyawaki.mask_roi:
        voxels = load_mask(path)[0]
        assert not np.any(voxels & ~inside)
        voxels = voxels[inside]
        assert np.all((x[voxels] < 0) == path.name.startswith("LH"))
        if "lag" in path.name:
            first = int(path.name[5:].split("to")[0])
            assert np.all(np.floor(eccentricity[voxels]) == first)
            rings += voxels
        else:
            areas += voxels
    np.testing.assert_array_equal(areas, np.isfinite(eccentricity))
    np.testing.assert_array_equal(rings, eccentricity < 11)


def test_everything_is_on_one_grid(miyawaki):
    mask = nib.load(miyawaki.mask)
    stored = vars(miyawaki.truth).values()
    for path in (*miyawaki.func, *miyawaki.mask_roi, miyawaki.background, *stored):
        img = nib.load(path)
        assert img.shape[:3] == mask.shape, path.name
        np.testing.assert_allclose(img.affine, mask.affine, atol=1e-5)
    background = np.asarray(nib.load(miyawaki.background).dataobj)
    assert background[load_mask(miyawaki.mask)[0]].min() > 0.2 * background.max()


# --- what the recording holds ----------------------------------------------------


def test_encoding_model_finds_the_receptive_fields(miyawaki, random_blocks):
    X, y, _ = random_blocks
    train = np.arange(440) < 352
    model = Ridge(alpha=100).fit(y[train], X[train])
    residual = X[~train] - model.predict(y[~train])
    r2 = 1 - (residual**2).sum(0) / ((X[~train] - X[~train].mean(0)) ** 2).sum(0)
    best = np.argsort(-r2)[:100]
    fields, found = true_fields(miyawaki)[best], model.coef_[best]
    assert np.median(row_correlations(found, fields)) > 0.8
    # Images on their side move the receptive fields to the wrong place.
    on_their_side = found.reshape(-1, 10, 10).transpose(0, 2, 1).reshape(-1, 100)
    assert np.median(row_correlations(on_their_side, fields)) < 0.5
    # What is predicted best looks at the fovea; what does not look, is not predicted.
    eccentricity = truth(miyawaki, "eccentricity")
    assert np.median(eccentricity[best]) < 2
    assert np.median(r2[np.isnan(eccentricity)]) < 0.02
    assert np.median(r2[eccentricity < 1]) > 0.15


def test_response_is_late_where_its_delay_is_long(miyawaki):
    """Compare a block's first volumes with its last; figures last 12 s."""
    early, late = (read_blocks(miyawaki, FIGURE, shift)[0].mean(0) for shift in (0, 4))
    delay = truth(miyawaki, "hrf_delay")
    strong = late - early > np.nanpercentile(late - early, 90)
    strong &= np.isfinite(delay)
    rise = (late - early)[strong] / (np.abs(late) + np.abs(early))[strong]
    assert stats.spearmanr(delay[strong], rise).statistic > 0.4


def test_shift_of_two_volumes_decodes_best(miyawaki):
    fovea = [44, 45, 54, 55, 34, 65, 43, 56]
    means = []
    for shift in range(5):
        X, y, _ = read_blocks(miyawaki, RANDOM, shift)
        model = make_pipeline(SelectKBest(f_classif, k=100), RidgeClassifier(1000))
        means.append(
            np.mean([cross_val_score(model, X, y[:, p], cv=5).mean() for p in fovea])
        )
    print("accuracy at the fovea by shift:", np.round(means, 3))
    assert np.argmax(means) == 2
    assert means[2] - means[0] > 0.12


def test_accuracy_is_high_at_the_fovea_and_falls_to_chance(accuracy):
    """In the paper: 0.89 to 0.99 at the fovea, 0.49 to 0.66 at the border."""
    print(np.round(accuracy, 2))
    border = np.ones((10, 10), dtype=bool)
    border[1:-1, 1:-1] = False
    assert accuracy[4:6, 4:7].mean() > 0.9
    assert 0.5 < accuracy[border].mean() < 0.64
    assert accuracy[[0, 0, -1, -1], [0, -1, 0, -1]].mean() < 0.62
    assert 0.64 < accuracy.mean() < 0.73
    distance = np.hypot(*(np.indices((10, 10)) - 4.5))
    assert stats.spearmanr(distance.ravel(), accuracy.ravel()).statistic < -0.75


def test_voxels_outside_visual_cortex_decode_nothing(miyawaki, random_blocks):
    X, y, _ = random_blocks
    outside = np.isnan(truth(miyawaki, "rf_x"))
    model = make_pipeline(SelectKBest(f_classif, k=500), RidgeClassifier(1000))
    scores = [
        cross_val_score(model, X[:, outside], y[:, p], cv=5) for p in (44, 45, 55)
    ]
    # 1320 predictions: a standard error of about 0.014.
    assert np.mean(scores) == pytest.approx(0.5, abs=0.06)


def test_figures_are_named_by_decoders_trained_on_random_images(
    random_blocks, figure_blocks
):
    X, y, _ = random_blocks
    X_figure, y_figure, _ = figure_blocks
    images = Ridge(alpha=3000).fit(X, y).predict(X_figure)
    figures, which = np.unique(y_figure, axis=0, return_inverse=True)
    alike = np.corrcoef(images, figures)[: len(images), len(images) :]
    named = np.mean(alike.argmax(axis=1) == which)
    print(f"figures named right, of ten: {named:.2f}")
    assert named > 0.6
    # With images on their side in training only, most are taken for others.
    mirrored = images.reshape(-1, 10, 10).transpose(0, 2, 1).reshape(-1, 100)
    alike = np.corrcoef(mirrored, figures)[: len(images), len(images) :]
    assert np.mean(alike.argmax(axis=1) == which) < named - 0.2


def reliability(responses, figures, runs):
    """Return the share of each voxel's variance that the figure explains.

    The intraclass correlation of single blocks, in a one-way analysis of variance.
    """
    shares = []
    first = np.isin(figures, figures[runs == runs[0]])
    for half in (first, ~first):
        X = np.concatenate(
            [
                responses[half & (runs == run)]
                - responses[half & (runs == run)].mean(axis=0)
                for run in np.unique(runs[half])
            ]
        )
        groups = [X[figures[half] == figure] for figure in np.unique(figures[half])]
        f, n = stats.f_oneway(*groups, axis=0).statistic, len(groups[0])
        shares.append((f - 1) / (f + n - 1))
    return np.mean(shares, axis=0)


def test_v1_answers_figures_as_reliably_as_the_real_one(
    miyawaki, figure_blocks, miyawaki_v1
):
    X, y, runs = figure_blocks
    v1 = truth(miyawaki, "area") == 0
    shares = []
    for data in (
        (miyawaki_v1.responses, miyawaki_v1.stimuli, miyawaki_v1.runs),
        (X[:, v1], y, runs),
    ):
        figures = np.unique(data[1], axis=0, return_inverse=True)[1]
        share = reliability(data[0], figures, data[2])
        shares.append(np.percentile(share, [25, 50, 75, 90]))
    print("share of variance, real and simulated:", np.round(shares, 2))
    np.testing.assert_allclose(shares[0], shares[1], atol=0.15)


# --- table 1 ---------------------------------------------------------------------


@one_thread
def test_table_1_has_the_shape_of_the_papers(random_blocks):
    """Accuracy over C of four classifiers, at a tenth of the pixels."""
    X, y, _ = random_blocks
    pixels = [10 * row + (3 * row + 4) % 10 for row in range(10)]
    sparse = {"tol": 0.01, "random_state": 0}
    models = {
        "l1 logistic": LogisticRegression(l1_ratio=1, solver="liblinear", **sparse),
        "l2 logistic": LogisticRegression(),
        "l1 SVM": LinearSVC(penalty="l1", dual=False, **sparse),
        "l2 SVM": LinearSVC(dual=True, **sparse),
    }
    table = {name: np.zeros(len(C_VALUES)) for name in models}
    for train, test in KFold(5).split(X):
        for pixel in pixels:
            select = SelectKBest(f_classif, k=500).fit(X[train], y[train, pixel])
            X_train, X_test = select.transform(X[train]), select.transform(X[test])
            for name, model in models.items():
                for k, C in enumerate(C_VALUES):
                    model.set_params(C=VOLUMES_A_BLOCK * C).fit(
                        X_train, y[train, pixel]
                    )
                    table[name][k] += model.score(X_test, y[test, pixel])
    table = {name: row / 5 / len(pixels) for name, row in table.items()}
    for name, row in table.items():
        print(f"{name:12}", np.round(row, 3))
    assert table["l1 logistic"][0] == pytest.approx(0.5, abs=0.01)
    assert np.argmax(table["l1 logistic"]) in (4, 5)
    assert table["l1 SVM"][0] == pytest.approx(0.5, abs=0.02)
    assert np.argmax(table["l1 SVM"]) in (2, 3)
    for name in ("l2 logistic", "l2 SVM"):
        assert np.ptp(table[name]) < 0.06
    best = {name: row.max() for name, row in table.items()}
    sparse_best = max(best["l1 logistic"], best["l1 SVM"])
    assert sparse_best > max(best["l2 logistic"], best["l2 SVM"]) + 0.02


# --- the files -------------------------------------------------------------------


def test_stored_recording_is_what_the_code_writes(miyawaki, tmp_path):
    """Same bytes; fails when the version was not raised with a change."""
    miyawaki_simulation.write_miyawaki(tmp_path)
    root = miyawaki.mask.parents[1]
    stored = sorted(path for path in root.rglob("*") if path.is_file())
    assert len(stored) == 32 + 32 + 39 + 1 + 8
    for path in stored:
        again = tmp_path / "miyawaki2008" / path.relative_to(root)
        if path.suffix == ".csv":
            assert path.read_bytes() == again.read_bytes()
        else:
            ours, theirs = (np.asarray(nib.load(p).dataobj) for p in (path, again))
            assert np.array_equal(ours, theirs, equal_nan=True), path.name


def test_no_warning_while_writing(tmp_path, monkeypatch):
    short = miyawaki_simulation.Session(n_runs=2, n_blocks=22, n_on=3, n_off=3)
    monkeypatch.setattr(miyawaki_simulation, "MIYAWAKI_RANDOM", short)
    monkeypatch.setattr(
        miyawaki_simulation,
        "MIYAWAKI_FIGURE",
        miyawaki_simulation.Session(n_runs=2, n_blocks=10, n_on=6, n_off=6),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        miyawaki_simulation.write_miyawaki(tmp_path)
    assert len(list(tmp_path.rglob("func/*.nii.gz"))) == 4
