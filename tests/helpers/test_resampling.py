"""Resampling against nilearn and closed forms, and its errors."""

import tracemalloc

import nibabel as nib
import numpy as np
import pytest
from nilearn.image import resample_img
from scipy.spatial.transform import Rotation

from helpers.resampling import _axis_matrices, resample

SHAPE = (12, 11, 9)
ROTATION = Rotation.from_euler("xyz", [10, -15, 20], degrees=True).as_matrix()


def _affine(matrix, offset):
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = matrix, offset
    return affine


SOURCES = {
    "isotropic": _affine(np.diag([3.0, 3, 3]), [-20, -30, -10]),
    "radiological": _affine(np.diag([-3.1, 3.75, 4]), [20, -30.3, -10]),
    "oblique": _affine(ROTATION @ np.diag([3, 3.5, 4]), [-20, -30, -10]),
    "sagittal": _affine([[0, 0, -3.1], [3.75, 0, 0], [0, 2.2, 0]], [12, -30, -10]),
}
TARGETS = {
    "bounding box": np.diag([2.0, 2.5, 3]),
    "flipped box": np.diag([-4.0, 2.5, 3]),
    "shifted": _affine(np.diag([2.5, 2.5, 2.5]), [-11.2, -20, -3]),
    "rotated": _affine(ROTATION.T * 3, [-10, -20, -3]),
    "swapped axes": _affine([[0, 3.0, 0], [-3, 0, 0], [0, 0, 2]], [-10, 0, -3]),
}
INTERPOLATIONS = {"nearest": "nearest", "linear": "linear", "cubic": "continuous"}


def _image(affine, dtype="float32", n_volumes=None):
    rng = np.random.default_rng(0)
    shape = SHAPE if n_volumes is None else (*SHAPE, n_volumes)
    data = 200 + 50 * rng.standard_normal(shape)
    return nib.Nifti1Image(data.astype(dtype), affine)


def _nilearn(img, affine, shape, interpolation):
    interpolation = INTERPOLATIONS[interpolation]
    return resample_img(img, affine, shape, interpolation=interpolation)


@pytest.mark.filterwarnings("ignore::UserWarning:nilearn")
@pytest.mark.parametrize("n_volumes", [None, 2])
@pytest.mark.parametrize("dtype", ["int16", "float32", "float64"])
@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("source", SOURCES)
def test_resample_equals_nilearn(source, target, interpolation, dtype, n_volumes):
    img, affine = _image(SOURCES[source], dtype, n_volumes), TARGETS[target]
    # nilearn rounds whole numbers; give it the same ones as floats.
    as_float = nib.Nifti1Image(img.get_fdata(dtype="f4"), img.affine)
    reference = img if dtype == "float64" else as_float
    shapes = [None] if affine.shape == (3, 3) else [None, (10, 12, 7)]
    for shape in shapes:
        resampled = resample(img, affine, shape, interpolation)
        expected = _nilearn(reference, affine, shape, interpolation)
        assert resampled.shape == expected.shape
        np.testing.assert_allclose(resampled.affine, expected.affine)
        largest = expected.get_fdata().max()
        assert largest > 100  # the grids do overlap
        rtol = 1e-12 if dtype == "float64" else 1e-6
        np.testing.assert_allclose(
            resampled.get_fdata(), expected.get_fdata(), atol=rtol * largest
        )
        kept = dtype if interpolation == "nearest" else "float32"
        assert resampled.get_data_dtype() == (dtype if dtype == "float64" else kept)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_the_same_grid_gives_the_same_image(source, interpolation):
    img = _image(SOURCES[source])
    same = resample(img, img.affine, img.shape, interpolation)
    np.testing.assert_allclose(same.dataobj, img.dataobj, rtol=1e-5)


@pytest.mark.parametrize(
    ("source", "target", "aligned"),
    [
        ("isotropic", "shifted", True),
        ("radiological", "shifted", True),
        ("sagittal", "swapped axes", True),
        ("isotropic", "rotated", False),
        ("oblique", "shifted", False),
    ],
)
def test_aligned_axes_take_one_matrix_an_axis(source, target, aligned):
    to_source = np.linalg.inv(SOURCES[source]) @ TARGETS[target]
    matrices = _axis_matrices(to_source, SHAPE, (10, 12, 7), degree=1)
    assert (matrices is not None) == aligned
    if aligned:
        assert [len(matrix) for matrix in matrices] == [10, 12, 7]


@pytest.mark.parametrize("target", ["shifted", "rotated"])
@pytest.mark.parametrize("source", SOURCES)
def test_a_plane_in_the_world_stays_one(source, target):
    # Values that are a linear function of the position are interpolated exactly.
    slope = np.array([1.0, -2.0, 0.5])
    affine = SOURCES[source]
    voxels = np.moveaxis(np.indices(SHAPE), 0, -1)
    plane = 1000 + nib.affines.apply_affine(affine, voxels) @ slope
    img = nib.Nifti1Image(plane, affine)
    resampled = resample(img, TARGETS[target], (10, 12, 7))
    positions = np.moveaxis(np.indices(resampled.shape), 0, -1)
    world = nib.affines.apply_affine(resampled.affine, positions)
    in_source = nib.affines.apply_affine(np.linalg.inv(affine), world)
    last = np.array(SHAPE) - 1
    inside = np.all((in_source > 1e-9) & (in_source < last - 1e-9), axis=-1)
    assert inside.any()
    expected = (1000 + world @ slope)[inside]
    np.testing.assert_allclose(resampled.get_fdata()[inside], expected, rtol=1e-9)
    outside = np.any((in_source < -1e-9) | (in_source > last + 1e-9), axis=-1)
    np.testing.assert_array_equal(resampled.get_fdata()[outside], 0)


def test_cubic_is_clipped():
    data = np.zeros((9, 9, 9), dtype="float32")
    data[3:6, 3:6, 3:6] = 100
    finer = resample(nib.Nifti1Image(data, np.eye(4)), np.eye(3) / 2, None, "cubic")
    assert (finer.get_fdata().min(), finer.get_fdata().max()) == (0, 100)


def test_continuous_is_another_name_of_cubic():
    img = _image(SOURCES["isotropic"])
    first = resample(img, TARGETS["shifted"], None, "cubic")
    second = resample(img, TARGETS["shifted"], None, "continuous")
    np.testing.assert_array_equal(first.dataobj, second.dataobj)


def test_nearest_keeps_labels():
    labels = np.random.default_rng(0).integers(0, 5, SHAPE) * 1000
    img = nib.Nifti1Image(labels.astype("int32"), SOURCES["oblique"])
    finer = resample(img, np.eye(3), None, "nearest")
    assert finer.get_data_dtype() == np.int32
    assert set(np.unique(finer.dataobj)) == set(np.unique(labels))


def test_scaled_integers_and_the_tr_of_the_file(tmp_path):
    img = _image(SOURCES["isotropic"], "int16", 3)
    scaled = nib.Nifti1Image(img.get_fdata(), img.affine)
    scaled.set_data_dtype("int16")
    scaled.header.set_slope_inter(0.5, 10)
    scaled.header.set_zooms((3, 3, 3, 2.5))
    nib.save(scaled, tmp_path / "bold.nii.gz")
    on_disk = nib.load(tmp_path / "bold.nii.gz")
    assert (on_disk.dataobj.slope, on_disk.dataobj.inter) == (0.5, 10)
    for interpolation in INTERPOLATIONS:
        resampled = resample(on_disk, TARGETS["bounding box"], None, interpolation)
        assert resampled.header.get_zooms() == (2, 2.5, 3, 2.5)
        expected = _nilearn(on_disk, TARGETS["bounding box"], None, interpolation)
        nib.save(resampled, tmp_path / "resampled.nii.gz")
        saved = nib.load(tmp_path / "resampled.nii.gz")
        np.testing.assert_allclose(
            saved.get_fdata(), expected.get_fdata(), atol=1e-6 * 400
        )


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_a_scaling_set_by_hand_does_not_round_the_values(tmp_path, interpolation):
    img = _image(SOURCES["isotropic"], "int16")
    img.header.set_slope_inter(0.3, 10)
    same = resample(img, img.affine, img.shape, interpolation)
    nib.save(same, tmp_path / "same.nii")
    saved = nib.load(tmp_path / "same.nii").get_fdata()
    np.testing.assert_allclose(saved, np.asarray(img.dataobj), rtol=1e-5)


def test_a_slice_can_be_resampled():
    img = nib.Nifti1Image(
        np.asarray(_image(np.eye(4)).dataobj)[:, :, :1], SOURCES["isotropic"]
    )
    for interpolation in INTERPOLATIONS:
        resampled = resample(img, np.diag([2.0, 2, 3]), None, interpolation)
        expected = _nilearn(img, np.diag([2.0, 2, 3]), None, interpolation)
        np.testing.assert_allclose(
            resampled.get_fdata(), expected.get_fdata(), atol=1e-4
        )


def test_memory_is_the_result_and_a_few_volumes(tmp_path):
    rng = np.random.default_rng(0)
    data = rng.integers(0, 1000, (32, 32, 20, 100), dtype="int16")
    nib.save(nib.Nifti1Image(data, np.eye(4)), tmp_path / "bold.nii.gz")
    tracemalloc.start()
    try:
        resampled = resample(tmp_path / "bold.nii.gz", 2 * np.eye(3))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    few_volumes = 8 * 32 * 32 * 20 * 8  # bytes, as float64
    assert peak < resampled.dataobj.nbytes + few_volumes
    assert resampled.dataobj.nbytes + few_volumes < data.nbytes


@pytest.mark.parametrize(
    ("affine", "shape", "interpolation", "message"),
    [
        (np.eye(3), None, "sinc", "Unknown interpolation 'sinc'; .*'nearest'"),
        (np.eye(2), None, "linear", r"\(4, 4\) or \(3, 3\) matrix, got shape \(2, 2\)"),
        (np.zeros((3, 3)), None, "linear", "invertible"),
        (np.full((4, 4), np.nan), None, "linear", "invertible"),
        (np.eye(3), (4, 4, 4), "linear", r"goes with a \(4, 4\) target_affine"),
        (np.eye(4), (4, 4), "linear", r"target_shape is three ints"),
        (_affine(np.eye(3), [500] * 3), None, "linear", "misses the image"),
        (_affine(np.eye(3), [-500] * 3), (4, 4, 4), "linear", "misses the image"),
    ],
)
def test_errors_say_what_is_wrong(affine, shape, interpolation, message):
    with pytest.raises(ValueError, match=message):
        resample(_image(SOURCES["isotropic"]), affine, shape, interpolation)


def test_error_on_nan():
    img = _image(SOURCES["isotropic"], n_volumes=3)
    data = img.get_fdata(dtype="f4")
    data[4, 5, 6, 1] = np.nan
    data[5, 5, 6, 1] = -np.inf
    img = nib.Nifti1Image(data, img.affine)
    message = r"Volume 1 has 2 NaN or infinite voxels.*\(4, 5, 6\).*nan_to_num"
    with pytest.raises(ValueError, match=message):
        resample(img, np.eye(3))


@pytest.mark.parametrize("step", [0.55, 1.1])
@pytest.mark.parametrize("interpolation", ["nearest", "linear"])
def test_swapped_axes_round_like_nilearn(step, interpolation):
    # The last row of target voxels lies on the outermost centers, where the last bit
    # of a position decides between a value and 0.
    img = _image(_affine(np.diag([3.1, 3.75, 4]), [-30.3, 12.1, -20]))
    turned = step * np.array([[0, 0, 1], [-1, 0, 0], [0, 1, 0]])
    resampled = resample(img, turned, None, interpolation)
    expected = _nilearn(img, turned, None, interpolation)
    np.testing.assert_allclose(resampled.get_fdata(), expected.get_fdata(), atol=1e-3)
