"""The simulated Haxby recording is believable, and its truth is what was put in.

The reference is the real slice of the same experiment; where it is not at hand, the
figures measured on it (see `REAL`) stand in for it.
"""

import nibabel as nib
import numpy as np
import pytest
from nilearn.glm.first_level import spm_hrf
from scipy import signal
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.model_selection import KFold, LeaveOneGroupOut, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from helpers.cleaning import clean
from helpers.masking import apply_mask, load_mask, unmask
from helpers.simulation import haxby as haxby_simulation
from helpers.simulation import phantom

DECODER = make_pipeline(SelectKBest(f_classif, k=500), SVC(kernel="linear"))
# Of the real slice: median over voxels, after a linear detrend of each run.
REAL = {
    "lags": [0.355, 0.211, 0.142],
    "spectrum": [0.447, 0.185, 0.141, 0.117, 0.109],  # from slow to fast
    "tsnr": 98.0,
}


@pytest.fixture(scope="module")
def X(haxby) -> np.ndarray:
    """Return the whole brain, detrended and standardized run by run."""
    return clean(apply_mask(haxby.func, haxby.mask), runs=haxby.labels.run)


@pytest.fixture(scope="module")
def in_vt(haxby) -> np.ndarray:
    """Return which columns of X carry signal."""
    inside = load_mask(haxby.mask)[0]
    return load_mask(haxby.truth.signal_mask)[0][inside]


def score(X, labels, categories, cv, columns=slice(None)):
    """Return the mean accuracy of the paper's decoder on some categories."""
    keep = labels.label.isin(categories).to_numpy()
    return cross_val_score(
        DECODER,
        X[keep][:, columns],
        labels.label[keep],
        groups=labels.run[keep] if isinstance(cv, LeaveOneGroupOut) else None,
        cv=cv,
    ).mean()


def autocorrelation(X, runs, lags=(1, 2, 3)):
    """Return the median over voxels of the autocorrelation at some lags."""
    of_runs = []
    for run in np.unique(runs):
        series = X[runs == run]
        series = series / series.std(axis=0)
        of_runs.append([(series[k:] * series[:-k]).mean(axis=0) for k in lags])
    return np.median(np.mean(of_runs, axis=0), axis=1)


def spectrum(X, runs):
    """Return the share of power in five bands from slow to fast."""
    power = [
        np.mean(np.abs(np.fft.rfft(X[runs == run], axis=0))[1:] ** 2, axis=1)
        for run in np.unique(runs)
    ]
    bands = np.array([band.sum() for band in np.array_split(np.mean(power, 0), 5)])
    return bands / bands.sum()


def test_hrf_is_the_canonical_one():
    ours = phantom.canonical_hrf(np.arange(0, 32, 0.1))
    theirs = spm_hrf(0.1, oversampling=1, time_length=32)
    assert np.corrcoef(ours, theirs)[0, 1] > 0.999


def test_long_block_reaches_one_and_lags_the_stimulus():
    response = phantom.block_response(np.array([10.0]), 40.0, 1.0, 100)[:, 0]
    assert response[45] == pytest.approx(1, abs=0.02)
    assert np.abs(response[:11]).max() < 1e-6
    half = np.flatnonzero(response > 0.5)[0] - 10
    assert 4 <= half <= 7  # seconds: the delay of the canonical response


def test_temporal_covariance_is_a_correlation_matrix():
    covariance = phantom.temporal_covariance(121)
    assert np.allclose(np.diag(covariance), 1)
    assert np.linalg.eigvalsh(covariance).min() > 0


@pytest.mark.parametrize("ar", [0.2, 0.8])
def test_ar_noise_has_its_correlation(ar):
    covariance = phantom.temporal_covariance(50, ar=ar, pink_share=0)
    assert covariance[0, 1] == pytest.approx(ar)
    assert covariance[0, 2] == pytest.approx(ar**2)


def test_face_against_house(X, haxby):
    accuracy = score(X, haxby.labels, ["face", "house"], LeaveOneGroupOut())
    print(f"face against house, leaving one run out: {accuracy:.3f}")
    assert 0.85 <= accuracy <= 0.99


def test_eight_categories(X, haxby):
    categories = set(haxby.labels.label) - {"rest"}
    accuracy = score(X, haxby.labels, categories, LeaveOneGroupOut())
    print(f"eight categories, leaving one run out: {accuracy:.3f}")
    assert 0.45 <= accuracy <= 0.75


def test_signal_is_in_ventral_temporal_cortex_and_nowhere_else(X, haxby, in_vt):
    pair = ["face", "house"]
    assert score(X, haxby.labels, pair, LeaveOneGroupOut(), in_vt) > 0.9
    outside = score(X, haxby.labels, pair, LeaveOneGroupOut(), ~in_vt)
    # 216 volumes in 24 blocks: chance has a wide spread.
    assert 0.3 < outside < 0.65


def test_no_voxel_outside_answers_to_pictures(X, haxby, in_vt):
    """Correlate all voxels with pictures against rest: none outside has a response."""
    shown = np.roll(haxby.labels.label != "rest", 1).astype(float)[:, np.newaxis]
    answers = (X * clean(shown, runs=haxby.labels.run)).mean(axis=0)
    assert np.median(answers[in_vt]) > 0.2
    # Noise alone is as often below zero as above, and never far from it.
    low, middle, high = np.percentile(answers[~in_vt], [0.1, 50, 99.9])
    assert abs(middle) < 0.01
    assert high == pytest.approx(-low, rel=0.15)
    assert high < 0.13


def test_no_voxel_outside_tells_faces_from_houses(X, haxby, in_vt):
    """Test each voxel with one sample a block: outside, p-values are uniform."""
    labels = haxby.labels
    pair = labels[labels.label.isin(["face", "house"])]
    blocks = pair.groupby(["run", "label"]).groups
    means = np.array([X[rows].mean(axis=0) for rows in blocks.values()])
    p = f_classif(means, [label for _, label in blocks])[1]
    assert (p[in_vt] < 0.05).mean() > 0.3
    assert (p[~in_vt] < 0.05).mean() == pytest.approx(0.05, abs=0.02)
    assert (p[~in_vt] < 0.001).mean() < 0.003


def test_splits_that_ignore_runs_are_too_kind(X, haxby, in_vt):
    shuffled = KFold(12, shuffle=True, random_state=0)
    pair = ["face", "house"]
    kind = score(X, haxby.labels, pair, shuffled, ~in_vt)
    assert kind > 0.85  # from voxels without any signal!


def test_truth_is_zero_outside_ventral_temporal_cortex(haxby):
    patterns = np.asarray(nib.load(haxby.truth.patterns).dataobj)
    vt = load_mask(haxby.mask_vt)[0]
    assert patterns.shape == (*vt.shape, len(haxby_simulation.HAXBY_CATEGORIES))
    assert np.all(patterns[~vt] == 0)
    assert np.all(patterns[vt].std(axis=1) > 0)
    difference = np.asarray(nib.load(haxby.truth.face_house).dataobj)
    face, house = (
        haxby_simulation.HAXBY_CATEGORIES.index(c) for c in ("face", "house")
    )
    expected = patterns[..., face] - patterns[..., house]
    np.testing.assert_allclose(difference, expected, atol=1e-6)


def test_truth_is_what_a_regression_finds(haxby):
    """Regress each voxel's series on the blocks' responses; find the patterns again."""
    X = apply_mask(haxby.func, haxby.mask_vt).astype(float)
    percent = 100 * clean(X, runs=haxby.labels.run, standardize=False) / X.mean(axis=0)
    labels = haxby.labels
    design = np.stack(
        [
            # The labels lag the stimulus by a volume, the response by two more.
            np.roll(labels.label == category, 1).astype(float)
            for category in haxby_simulation.HAXBY_CATEGORIES
        ],
        axis=1,
    )
    design = clean(design, runs=labels.run, standardize=False)
    found = np.linalg.lstsq(design, percent, rcond=None)[0]
    vt = load_mask(haxby.mask_vt)[0]
    truth = np.asarray(nib.load(haxby.truth.patterns).dataobj)[vt].T
    for name, ours, theirs in zip(
        haxby_simulation.HAXBY_CATEGORIES, found, truth, strict=True
    ):
        assert np.corrcoef(ours, theirs)[0, 1] > 0.6, name
        assert np.mean(ours) == pytest.approx(np.mean(theirs), abs=0.35), name


def test_face_and_house_patches_prefer_theirs(haxby):
    difference = nib.load(haxby.truth.face_house)
    assert apply_mask(difference, haxby.mask_face).mean() > 0.5
    assert apply_mask(difference, haxby.mask_house).mean() < -0.5


def test_temporal_autocorrelation_is_that_of_the_real_slice(X, haxby):
    lags = autocorrelation(X, haxby.labels.run)
    np.testing.assert_allclose(lags, REAL["lags"], atol=0.08)


def test_spectrum_is_that_of_the_real_slice(X, haxby):
    bands = spectrum(X, haxby.labels.run)
    np.testing.assert_allclose(bands, REAL["spectrum"], atol=0.06)


def test_noise_resembles_the_real_slice(X, haxby, haxby_slice):
    real = clean(
        apply_mask(haxby_slice.func, haxby_slice.mask), runs=haxby_slice.labels.run
    )
    runs, real_runs = haxby.labels.run, haxby_slice.labels.run
    np.testing.assert_allclose(
        autocorrelation(X, runs), autocorrelation(real, real_runs), atol=0.08
    )
    # The figures in `REAL` are those of the slice, not invented.
    np.testing.assert_allclose(
        autocorrelation(real, real_runs), REAL["lags"], atol=0.01
    )
    np.testing.assert_allclose(spectrum(real, real_runs), REAL["spectrum"], atol=0.005)
    np.testing.assert_allclose(spectrum(X, runs), spectrum(real, real_runs), atol=0.06)


def tsnr(haxby):
    """Return the mean over runs of mean / standard deviation, for each voxel."""
    X = apply_mask(haxby.func, haxby.mask)
    of_runs = []
    for run in haxby.labels.run.unique():
        series = X[haxby.labels.run == run]
        noise = signal.detrend(series, axis=0).std(axis=0)
        of_runs.append(series.mean(axis=0) / noise)
    return np.mean(of_runs, axis=0)


def test_tsnr_is_of_the_right_order(haxby):
    low, median, high = np.percentile(tsnr(haxby), [5, 50, 95])
    assert median == pytest.approx(REAL["tsnr"], rel=0.25)
    assert low < 0.7 * median
    assert high > 1.3 * median


def test_tsnr_of_the_real_slice_is_as_stated(haxby_slice):
    assert np.median(tsnr(haxby_slice)) == pytest.approx(REAL["tsnr"], rel=0.02)


def test_design_is_the_original_one(haxby, haxby_slice):
    """Blocks, volumes and runs; only the order of the categories is drawn anew."""
    ours, real = haxby.labels, haxby_slice.labels
    assert ours.groupby("run").size().equals(real.groupby("run").size())
    assert ours.label.value_counts().to_dict() == real.label.value_counts().to_dict()
    shown = (ours.label != "rest").to_numpy(), (real.label != "rest").to_numpy()
    assert np.mean(shown[0] == shown[1]) > 0.93  # blocks start within one volume
    assert haxby.t_r == haxby_slice.t_r


def test_subjects_differ():
    """The seed is the subject: same subject, same patterns; another, others."""
    first, second = (phantom.make_phantom(seed=s) for s in (1, 2))
    assert np.array_equal(first.gray, second.gray)
    assert not np.array_equal(first.noise_sd, second.noise_sd)
    patterns = []
    for subject in (1, 1, 2):
        rng = np.random.default_rng([2001, subject])
        regions = haxby_simulation._haxby_regions(first, rng)
        patterns.append(haxby_simulation._haxby_patterns(rng, regions))
    assert np.array_equal(patterns[0], patterns[1])
    assert not np.array_equal(patterns[0], patterns[2])


def test_patches_lie_where_the_literature_has_them(haxby):
    """Fusiform face area and parahippocampal place area, in MNI millimeters."""
    for mask, center in (
        (haxby.mask_face, haxby_simulation.FACE_CENTER),
        (haxby.mask_house, haxby_simulation.HOUSE_CENTER),
    ):
        inside, affine = load_mask(mask)
        points = nib.affines.apply_affine(affine, np.argwhere(inside))
        assert (points[:, 0] > 0).any()
        assert (points[:, 0] < 0).any()
        center_found = np.abs(points).mean(axis=0)
        np.testing.assert_allclose(center_found, np.abs(center), atol=7)


def test_masks_share_the_grid_of_the_series(haxby):
    func = nib.load(haxby.func)
    for path in (haxby.mask, haxby.mask_vt, haxby.mask_face, haxby.mask_house):
        img = nib.load(path)
        assert img.shape == func.shape[:3]
        np.testing.assert_allclose(img.affine, func.affine)
    roundtrip = unmask(apply_mask(haxby.mask_vt, haxby.mask)[0], haxby.mask)
    np.testing.assert_array_equal(
        np.asarray(roundtrip.dataobj) > 0, load_mask(haxby.mask_vt)[0]
    )


def test_writing_is_quick_and_small(haxby):
    folder = haxby.func.parents[1]
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"the simulated Haxby recording takes {size / 1e6:.0f} MB")
    assert size < 100e6


def test_stored_recording_is_what_the_code_writes(haxby, tmp_path):
    """Same subject, same bytes; fails when its version was not raised with a change."""
    haxby_simulation.write_haxby(tmp_path, subject=2)
    for stored in sorted(haxby.func.parent.rglob("*.nii.gz")):
        again = tmp_path / "haxby2001" / "subj2" / stored.relative_to(haxby.func.parent)
        assert np.array_equal(
            np.asarray(nib.load(stored).dataobj), np.asarray(nib.load(again).dataobj)
        ), stored.name
    labels = tmp_path / "haxby2001" / "subj2" / "labels.txt"
    assert labels.read_text() == (haxby.func.parent / "labels.txt").read_text()
