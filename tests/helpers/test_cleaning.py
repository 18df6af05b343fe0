"""Cleaning against nilearn and SciPy, and what it says when it cannot be done."""

import itertools
import warnings

import nilearn.signal
import numpy as np
import pandas as pd
import pytest
import scipy.signal

from helpers.cleaning import clean, cleaning_matrix

T_R = 2.5
FILTERS = [{}, {"low_pass": 0.1}, {"high_pass": 0.01}]
FILTERS += [{"low_pass": 0.1, "high_pass": 0.008}]


def _series(n_volumes=121, n_voxels=30, dtype="float64"):
    """Simulate voxels with drifts, around 1000 as scanners give them."""
    rng = np.random.default_rng(0)
    drift = rng.standard_normal((n_volumes, n_voxels)).cumsum(axis=0)
    trend = np.arange(n_volumes)[:, None] * rng.standard_normal(n_voxels) / 10
    noise = 10 * rng.standard_normal((n_volumes, n_voxels))
    return (1000 + drift + trend + noise).astype(dtype)


def _confounds(n_volumes=121, n_confounds=4):
    rng = np.random.default_rng(1)
    return 3 + rng.standard_normal((n_volumes, n_confounds)).cumsum(axis=0)


def _nilearn(X, standardize="zscore_sample", **options):
    return nilearn.signal.clean(X, standardize=standardize, t_r=T_R, **options)


@pytest.mark.parametrize(
    ("detrend", "filters", "with_confounds"),
    list(itertools.product([True, False], FILTERS, [True, False])),
)
def test_clean_equals_nilearn(detrend, filters, with_confounds):
    options = {"detrend": detrend, **filters}
    if with_confounds:
        options["confounds"] = _confounds()
    X = _series()
    expected = _nilearn(X, **options)
    np.testing.assert_allclose(clean(X, t_r=T_R, **options), expected, atol=1e-10)

    X = X.astype("float32")
    cleaned = clean(X, t_r=T_R, **options)
    assert cleaned.dtype == np.float32
    # In float32 nilearn itself is off by 1e-4 without a detrending: its float64 counts.
    expected = _nilearn(X.astype("float64"), **options)
    np.testing.assert_allclose(cleaned, expected, atol=1e-5)
    if detrend:
        np.testing.assert_allclose(cleaned, _nilearn(X, **options), atol=1e-5)


@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_clean_without_standardizing_equals_nilearn(filters, dtype):
    X = _series(dtype=dtype)
    cleaned = clean(X, standardize=False, t_r=T_R, **filters)
    expected = _nilearn(X.astype("float64"), standardize=None, **filters)
    atol = 1e-9 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(cleaned, expected, atol=atol)


def test_clean_of_runs_equals_nilearn():
    X, confounds = _series(250), _confounds(250)
    runs = np.repeat([3, 7, 9], [90, 100, 60])  # of different lengths
    options = {"runs": runs, "confounds": confounds, "high_pass": 0.01}
    cleaned = clean(X, t_r=T_R, **options)
    np.testing.assert_allclose(cleaned, _nilearn(X, **options), atol=1e-10)


@pytest.mark.parametrize("names", [["b", "a"], [2, 1], [0.5, -1.0]])
def test_runs_may_be_mixed_and_named(names):
    X = _series(80)
    runs = np.random.default_rng(0).permutation(np.repeat(names, 40))
    cleaned = clean(X, pd.Series(runs), t_r=T_R, low_pass=0.1)
    for name in names:
        expected = _nilearn(X[runs == name], low_pass=0.1)
        np.testing.assert_allclose(cleaned[runs == name], expected, atol=1e-10)


def test_detrending_equals_scipy():
    X = _series()
    expected = scipy.signal.detrend(X, axis=0)
    np.testing.assert_allclose(cleaning_matrix(121) @ X, expected, atol=1e-9)
    cleaned = clean(X, standardize=False)
    np.testing.assert_allclose(cleaned, expected, atol=1e-9)


@pytest.mark.parametrize("filters", FILTERS)
def test_the_matrix_is_all_there_is_before_the_scale(filters):
    X, confounds = _series(), _confounds()
    M = cleaning_matrix(121, t_r=T_R, confounds=confounds, **filters)
    assert M.shape == (121, 121)
    expected = _nilearn(X, standardize=None, confounds=confounds, **filters)
    np.testing.assert_allclose(M @ X, expected, atol=1e-9)


def test_the_matrix_of_nothing_is_the_identity():
    np.testing.assert_array_equal(cleaning_matrix(10, detrend=False), np.eye(10))


def test_confounds_are_gone():
    # What is left is uncorrelated with confounds that were detrended as well.
    X, confounds = _series(), _confounds()
    cleaned = clean(X, confounds=confounds)
    left = scipy.signal.detrend(confounds, axis=0).T @ cleaned
    np.testing.assert_allclose(left, 0, atol=1e-9)


def test_redundant_and_constant_confounds_change_nothing():
    X, confounds = _series(), _confounds()
    more = np.column_stack(
        [confounds, confounds @ [1, 2, 3, 4], np.full(121, 1234.5), np.zeros(121)]
    )
    expected = _nilearn(X, confounds=confounds)
    np.testing.assert_allclose(clean(X, confounds=more), expected, atol=1e-10)


def test_confounds_may_be_a_table_or_one_column():
    X, confounds = _series(), _confounds()
    table = pd.DataFrame(confounds)
    np.testing.assert_array_equal(
        clean(X, confounds=table), clean(X, confounds=confounds)
    )
    expected = _nilearn(X, confounds=confounds[:, :1])
    cleaned = clean(X, confounds=confounds[:, 0])
    np.testing.assert_allclose(cleaned, expected, atol=1e-10)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16"])
@pytest.mark.parametrize("detrend", [True, False])
@pytest.mark.parametrize("filters", FILTERS)
def test_constant_voxels_become_zero(dtype, detrend, filters):
    X = _series(dtype=dtype)
    X[:, 3], X[:, 5], X[:, 8] = 12345, 0, -7
    cleaned = clean(X, detrend=detrend, t_r=T_R, **filters)
    assert np.isfinite(cleaned).all()
    np.testing.assert_array_equal(cleaned[:, [3, 5, 8]], 0)
    others = np.delete(cleaned, [3, 5, 8], axis=1)
    np.testing.assert_allclose(others.std(axis=0, ddof=1), 1, rtol=1e-5)


def test_a_voxel_that_is_constant_in_one_run_only():
    X, runs = _series(100), np.repeat([0, 1], 50)
    X[runs == 0, 2] = 500
    cleaned = clean(X, runs)
    np.testing.assert_array_equal(cleaned[runs == 0, 2], 0)
    expected = _nilearn(X[runs == 1])
    np.testing.assert_allclose(cleaned[runs == 1], expected, atol=1e-10)


def test_more_voxels_than_a_block():
    X = _series(40, 2500)
    np.testing.assert_allclose(clean(X), _nilearn(X), atol=1e-10)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("float32", "float32"), ("float64", "float64"), ("int16", "float32")],
)
def test_dtype_is_kept_and_x_not_changed(dtype, expected):
    X = _series(dtype=dtype)
    before = X.copy()
    assert clean(X, low_pass=0.1, t_r=T_R).dtype == expected
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"low_pass": 0.1}, "repetition time in seconds, got t_r=None"),
        ({"high_pass": 0.01, "t_r": 0}, "repetition time in seconds, got t_r=0"),
        (
            {"low_pass": 0.3, "t_r": 2.5},
            "low_pass=0.3 Hz is out of range.*Nyquist frequency, 0.2 Hz for t_r=2.5 s",
        ),
        ({"high_pass": 0.2, "t_r": 2.5}, "high_pass=0.2 Hz is out of range"),
        ({"low_pass": 0.1, "t_r": 2500}, "0.0002 Hz .* Is t_r in seconds"),
        ({"high_pass": 0, "t_r": 2.5}, "expected more than 0"),
        (
            {"low_pass": 0.01, "high_pass": 0.1, "t_r": 2.5},
            "high_pass=0.1 Hz must be below low_pass=0.01 Hz.*swapped",
        ),
        ({"low_pass": 0.1, "high_pass": 0.1, "t_r": 2.5}, "must be below"),
        (
            {"runs": np.zeros(39)},
            r"X has 40 volumes, `runs` has shape \(39,\)",
        ),
        ({"runs": np.zeros((40, 1))}, r"`runs` has shape \(40, 1\)"),
        (
            {"runs": ["a"] * 39 + ["b"]},
            r"Run b has a single volume \(number 39\)",
        ),
        (
            {"low_pass": 0.1, "high_pass": 0.01, "t_r": 2, "runs": [0] * 20 + [1] * 20},
            "run of 20 volumes is too short to be filtered.*33",
        ),
        ({"confounds": np.ones((39, 2))}, r"expected 40 rows, got shape \(39, 2\)"),
        (
            {"confounds": np.full((40, 2), np.nan)},
            "`confounds` has 80 NaN or infinite values in 2 of its 2 columns",
        ),
    ],
)
def test_errors_say_what_is_wrong(options, message):
    with pytest.raises(ValueError, match=message):
        clean(_series(40), **options)


def test_error_on_nan():
    X = _series(40)
    X[7, 3] = np.nan
    X[8:10, 5] = np.inf
    message = "`X` has 3 NaN or infinite values in 2 of its 30 columns.*row 7, column 3"
    with pytest.raises(ValueError, match=message):
        clean(X)


def test_errors_on_shapes():
    with pytest.raises(ValueError, match=r"one row a volume, got shape \(40,\)"):
        clean(_series(40)[:, 0])
    with pytest.raises(ValueError, match="run of 1 volume cannot be cleaned"):
        clean(_series(1))


@pytest.mark.parametrize(("kind", "shortest"), [("low_pass", 19), ("high_pass", 19)])
def test_the_shortest_run_that_can_be_filtered(kind, shortest):
    X = _series(shortest)
    expected = _nilearn(X, **{kind: 0.05})
    np.testing.assert_allclose(clean(X, t_r=T_R, **{kind: 0.05}), expected, atol=1e-10)
    with pytest.raises(ValueError, match="too short to be filtered"):
        clean(X[1:], t_r=T_R, **{kind: 0.05})


def test_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clean(np.zeros((40, 3)), confounds=np.zeros(40), low_pass=0.1, t_r=T_R)
