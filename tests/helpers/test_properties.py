"""What must hold for any image, mask and series, tried on many (hypothesis)."""

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from nilearn.masking import apply_mask as nilearn_apply_mask

from helpers.cleaning import clean, cleaning_matrix
from helpers.masking import apply_mask, load_mask, unmask
from helpers.resampling import resample
from helpers.searchlight import sphere_neighbors

# The same examples every time: a test that fails by chance helps nobody.
settings.register_profile(
    "course",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("course")

DTYPES = ("uint8", "int16", "int32", "float32", "float64")


@st.composite
def affines(draw):
    """An invertible affine: voxels of 1 to 5 mm, any turn, flips, an origin."""
    sizes = [draw(st.floats(1, 5)) * draw(st.sampled_from([-1, 1])) for _ in range(3)]
    angles = [draw(st.floats(-3, 3)) for _ in range(3)]
    affine = np.eye(4)
    turn = nib.eulerangles.euler2mat(*angles)
    affine[:3, :3] = turn @ np.diag(sizes)
    affine[:3, 3] = [draw(st.floats(-100, 100)) for _ in range(3)]
    return affine


@st.composite
def masks(draw, max_side=6):
    """A mask with one voxel or more inside, on any grid."""
    shape = draw(st.tuples(*[st.integers(1, max_side)] * 3))
    inside = draw(hnp.arrays(bool, shape))
    assume(inside.any())
    return nib.Nifti1Image(inside.astype(np.uint8), draw(affines()))


@st.composite
def series_and_mask(draw):
    """A 4-D image of some type on the grid of a mask."""
    mask = draw(masks())
    dtype, n_volumes = draw(st.sampled_from(DTYPES)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    data = rng.integers(0, 200, (*mask.shape, n_volumes)).astype(dtype)
    return nib.Nifti1Image(data, mask.affine, dtype=dtype), mask


@settings(max_examples=150)
@given(series_and_mask())
def test_masking_takes_the_voxels_of_the_mask_and_back(case):
    img, mask = case
    X = apply_mask(img, mask)
    inside = np.asarray(mask.dataobj) > 0
    np.testing.assert_array_equal(X, np.asarray(img.dataobj)[inside].T)
    back = unmask(X, mask)
    np.testing.assert_array_equal(apply_mask(back, mask), X)
    outside = np.asarray(back.dataobj)[~inside]
    assert not outside.any()


@settings(max_examples=40)
@given(series_and_mask())
def test_masking_equals_nilearn(case):
    img, mask = case
    floats = nib.Nifti1Image(img.get_fdata(dtype=np.float32), img.affine)
    expected = nilearn_apply_mask(floats, mask, ensure_finite=False)
    np.testing.assert_array_equal(apply_mask(floats, mask), expected)


@settings(max_examples=100)
@given(series_and_mask(), st.data())
def test_a_nan_matters_inside_the_mask_only(case, data):
    img, mask = case
    values = img.get_fdata(dtype=np.float32)
    bad = data.draw(hnp.arrays(bool, values.shape, elements=st.booleans()))
    values[bad] = data.draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    img = nib.Nifti1Image(values, img.affine)
    if bad[np.asarray(mask.dataobj) > 0].any():
        with pytest.raises(ValueError, match="NaN or infinite"):
            apply_mask(img, mask)
    else:
        assert np.isfinite(apply_mask(img, mask)).all()


@settings(max_examples=60)
@given(masks(max_side=5), st.floats(0.5, 12))
def test_spheres_hold_what_lies_within_the_radius(mask, radius):
    inside, affine = load_mask(mask)
    mm = nib.affines.apply_affine(affine, np.argwhere(inside))
    distance = np.linalg.norm(mm[:, None] - mm[None], axis=2)
    # Voxels at the radius itself may fall on either side by rounding.
    assume(np.abs(distance - radius).min() > 1e-4 * radius)
    found = sphere_neighbors(mask, radius).toarray() > 0
    np.testing.assert_array_equal(found, distance <= radius)


@st.composite
def runs_of_series(draw):
    """A matrix of series of one to three runs, in any order of volumes."""
    n_volumes, n_voxels = draw(st.integers(8, 40)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    X = rng.normal(draw(st.floats(-1e3, 1e3)), 10, (n_volumes, n_voxels))
    n_runs = draw(st.integers(1, 3))
    runs = rng.permutation(np.arange(n_volumes) % n_runs)
    assume(np.bincount(runs).min() > 3)
    return X, runs


@settings(max_examples=80)
@given(runs_of_series(), st.floats(0.01, 100), st.floats(-1e3, 1e3))
def test_cleaning_forgets_scale_level_and_drift(case, scale, level):
    X, runs = case
    cleaned = clean(X, runs)
    slope = np.arange(len(X))[:, None] * 0.1
    for run in np.unique(runs):  # a drift of each run is a line in its own volumes
        slope[runs == run] = np.arange((runs == run).sum())[:, None] * 0.1
    np.testing.assert_allclose(
        clean(scale * X + level + slope, runs), cleaned, atol=1e-6
    )
    for run in np.unique(runs):
        np.testing.assert_allclose(cleaned[runs == run].mean(axis=0), 0, atol=1e-9)
        np.testing.assert_allclose(cleaned[runs == run].std(axis=0, ddof=1), 1)


@settings(max_examples=40)
@given(st.integers(4, 60))
def test_detrending_is_a_projection(n_volumes):
    M = cleaning_matrix(n_volumes)
    np.testing.assert_allclose(M @ M, M, atol=1e-10)
    np.testing.assert_allclose(M, M.T, atol=1e-10)
    assert np.linalg.matrix_rank(M) == n_volumes - 2


@settings(max_examples=40)
@given(masks(max_side=6), st.sampled_from(["nearest", "linear"]))
def test_resampling_to_its_own_grid_changes_nothing(mask, interpolation):
    rng = np.random.default_rng(0)
    img = nib.Nifti1Image(rng.normal(size=mask.shape).astype(np.float32), mask.affine)
    same = resample(img, img.affine, img.shape, interpolation=interpolation)
    np.testing.assert_allclose(same.get_fdata(), img.get_fdata(), atol=1e-4)
