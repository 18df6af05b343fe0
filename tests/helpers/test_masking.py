"""Masking against nilearn, and what it says when it cannot be done."""

import subprocess
import sys
import tracemalloc

import nibabel as nib
import numpy as np
import pytest
from nilearn.image import smooth_img
from nilearn.masking import apply_mask as nilearn_apply_mask
from nilearn.masking import compute_epi_mask
from nilearn.masking import unmask as nilearn_unmask
from scipy.spatial.transform import Rotation

from helpers import masking
from helpers.masking import apply_mask, compute_mask, iter_volumes, load_mask, unmask

SHAPE = (9, 8, 7)


def _affine(matrix, offset=(-12.0, 20.0, 5.5)):
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = matrix, offset
    return affine


AFFINES = {
    "isotropic": _affine(np.diag([3.0, 3, 3])),
    "radiological": _affine(np.diag([-3.0, 3, 3])),
    "anisotropic": _affine(np.diag([2.0, 3.1, 4.5])),
    "oblique": _affine(
        Rotation.from_euler("xyz", [15, -20, 30], degrees=True).as_matrix()
        @ np.diag([2, 3, 4])
    ),
}


def _images(affine=AFFINES["anisotropic"], dtype="float32", n_volumes=4):
    """Make a series (a volume, if n_volumes is None) and a mask on its grid."""
    rng = np.random.default_rng(0)
    shape = SHAPE if n_volumes is None else (*SHAPE, n_volumes)
    data = (500 + 100 * rng.standard_normal(shape)).astype(dtype)
    inside = rng.random(SHAPE) < 0.4
    return nib.Nifti1Image(data, affine), nib.Nifti1Image(inside.astype("u1"), affine)


def _dice(first, second):
    return 2 * np.sum(first & second) / (first.sum() + second.sum())


@pytest.mark.parametrize("n_volumes", [None, 1, 4])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES)
def test_apply_mask_equals_nilearn(affine, dtype, n_volumes):
    img, mask = _images(affine, dtype, n_volumes)
    X = apply_mask(img, mask)
    assert X.dtype == (np.float64 if dtype == "float64" else np.float32)
    assert X.ndim == 2
    np.testing.assert_array_equal(X, np.atleast_2d(nilearn_apply_mask(img, mask)))


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".img", ".nii.bz2", ".mgz"])
@pytest.mark.parametrize("n_volumes", [None, 4])
def test_apply_mask_reads_every_format_like_nibabel(tmp_path, suffix, n_volumes):
    img, mask = _images(n_volumes=n_volumes)
    nib.save(mask, tmp_path / "mask.nii.gz")
    cls = nib.MGHImage if suffix == ".mgz" else nib.Nifti1Image
    nib.save(cls(np.asarray(img.dataobj), img.affine), tmp_path / f"img{suffix}")
    X = apply_mask(tmp_path / f"img{suffix}", str(tmp_path / "mask.nii.gz"))
    inside = mask.get_fdata() > 0
    expected = np.atleast_2d(img.get_fdata()[inside].T)
    np.testing.assert_array_equal(X, expected)  # the order of columns too


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_apply_mask_honors_scaling(tmp_path, suffix, byte_order):
    img, mask = _images(dtype="int16")
    header = nib.Nifti1Header(endianness=byte_order)
    header.set_data_dtype("int16")
    scaled = nib.Nifti1Image(img.get_fdata(), img.affine, header)
    scaled.header.set_slope_inter(0.25, 1000)
    nib.save(scaled, tmp_path / f"scaled{suffix}")
    on_disk = nib.load(tmp_path / f"scaled{suffix}")
    assert (on_disk.dataobj.slope, on_disk.dataobj.inter) == (0.25, 1000)
    X = apply_mask(on_disk, mask)
    assert X.dtype == np.float32
    np.testing.assert_allclose(X, nilearn_apply_mask(on_disk, mask), rtol=1e-6)


@pytest.mark.parametrize("fwhm", [6, 2.5, (4.0, 0.0, 8.0)])
@pytest.mark.parametrize("dtype", ["int16", "float32", "float64"])
@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES)
@pytest.mark.parametrize("n_volumes", [None, 3])
def test_smoothing_equals_nilearn(affine, dtype, fwhm, n_volumes):
    img, mask = _images(affine, dtype, n_volumes)
    expected = nilearn_apply_mask(smooth_img(img, fwhm), mask)
    X = apply_mask(img, mask, smoothing_fwhm=fwhm)
    rtol = 1e-12 if dtype == "float64" else 1e-6
    np.testing.assert_allclose(X, np.atleast_2d(expected), rtol=rtol)


def test_smoothing_halves_a_point_at_half_the_width():
    data = np.zeros((31, 31, 31), dtype="float32")
    data[15, 15, 15] = 1
    affine = np.diag([2.0, 1.0, 1.0, 1.0])  # voxels of 2 mm along the first axis
    everywhere = nib.Nifti1Image(np.ones(data.shape, "u1"), affine)
    X = apply_mask(nib.Nifti1Image(data, affine), everywhere, smoothing_fwhm=8)
    smooth = X.reshape(data.shape)
    for index in [(17, 15, 15), (15, 19, 15), (15, 15, 11)]:  # 4 mm away
        assert smooth[index] / smooth[15, 15, 15] == pytest.approx(0.5, rel=1e-5)


def test_smoothing_takes_nan_outside_the_mask_as_zero():
    img, mask = _images()
    data, inside = img.get_fdata(dtype="float32"), mask.get_fdata() > 0
    data[~inside] = np.nan
    img = nib.Nifti1Image(data, img.affine)
    assert np.isfinite(apply_mask(img, mask)).all()
    expected = nilearn_apply_mask(img, mask, smoothing_fwhm=5)
    X = apply_mask(img, mask, smoothing_fwhm=5)
    np.testing.assert_allclose(X, expected, rtol=1e-6)


def test_apply_mask_does_not_change_its_input():
    img, mask = _images()
    before = np.array(img.dataobj)
    apply_mask(img, mask, smoothing_fwhm=5)
    np.testing.assert_array_equal(img.dataobj, before)


def _compressed_series(tmp_path, n_volumes=150):
    shape = (32, 32, 20)
    rng = np.random.default_rng(0)
    data = rng.integers(0, 1000, (*shape, n_volumes), dtype="int16")
    nib.save(nib.Nifti1Image(data, np.eye(4)), tmp_path / "bold.nii.gz")
    inside = (rng.random(shape) < 0.25).astype("u1")
    nib.save(nib.Nifti1Image(inside, np.eye(4)), tmp_path / "mask.nii.gz")
    return tmp_path / "bold.nii.gz", tmp_path / "mask.nii.gz"


@pytest.mark.parametrize("fwhm", [None, 3])
def test_memory_is_x_and_a_few_volumes(tmp_path, fwhm):
    bold, mask = _compressed_series(tmp_path)
    tracemalloc.start()
    try:
        X = apply_mask(bold, mask, smoothing_fwhm=fwhm)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    volume = 32 * 32 * 20 * 8  # bytes, as float64
    assert peak < X.nbytes + 10 * volume
    assert X.nbytes + 10 * volume < 150 * volume / 4  # the raw int16 series


PEAK = """
import resource, sys
import numpy as np
from helpers.masking import apply_mask, load_mask
load_mask(sys.argv[2])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
X = apply_mask(sys.argv[1], sys.argv[2])
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024, X.nbytes)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux only")
def test_a_process_needs_less_than_the_series_itself(tmp_path):
    # As the operating system sees it, decompression included.
    bold, mask = _compressed_series(tmp_path, n_volumes=1000)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, bold, mask],
        capture_output=True,
        text=True,
        check=True,
    )
    grown, x_bytes = map(int, done.stdout.split())
    stored = 32 * 32 * 20 * 1000 * 2  # bytes, as int16; float64 takes four times that
    assert grown < x_bytes + 12e6 < stored


def test_a_compressed_file_is_opened_once(tmp_path, monkeypatch):
    bold, mask = _compressed_series(tmp_path, n_volumes=5)
    opened = []

    def counting_open(path, mode):
        opened.append(path)
        return original(path, mode)

    original = masking.igzip.open
    monkeypatch.setattr(masking.igzip, "open", counting_open)
    assert apply_mask(bold, mask).shape[0] == 5
    assert opened.count(str(bold)) == 1


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
@pytest.mark.parametrize("n_volumes", [None, 3])
def test_unmask_inverts_apply_mask(dtype, n_volumes):
    img, mask = _images(dtype=dtype, n_volumes=n_volumes)
    X = apply_mask(img, mask).astype(dtype)
    X = X[0] if n_volumes is None else X
    back = unmask(X, mask)
    inside = mask.get_fdata() > 0
    assert back.get_data_dtype() == dtype
    expected = np.where(inside if X.ndim == 1 else inside[..., None], img.dataobj, 0)
    np.testing.assert_array_equal(back.dataobj, expected)
    np.testing.assert_array_equal(back.affine, mask.affine)
    np.testing.assert_array_equal(back.dataobj, nilearn_unmask(X, mask).dataobj)


@pytest.mark.parametrize(
    ("dtype", "fill", "expected"),
    [
        ("float32", np.nan, "float32"),
        ("float32", -1, "float32"),
        ("float64", np.nan, "float64"),
        ("int16", np.nan, "float32"),
        ("uint8", -1, "int16"),
        ("bool", 0, "uint8"),
        ("int64", 0, "int32"),
        ("float16", 0, "float32"),
    ],
)
def test_unmask_fills_and_can_be_saved(tmp_path, dtype, fill, expected):
    _, mask = _images()
    inside = mask.get_fdata() > 0
    img = unmask(np.ones(inside.sum(), dtype=dtype), mask, fill=fill)
    nib.save(img, tmp_path / "map.nii.gz")
    saved = nib.load(tmp_path / "map.nii.gz")
    assert saved.get_data_dtype() == expected
    np.testing.assert_array_equal(saved.get_fdata(), np.where(inside, 1, fill))


def test_load_mask_takes_every_nonzero_voxel():
    _, mask = _images()
    values = np.where(mask.get_fdata() > 0, -2.5, 0)
    inside, affine = load_mask(nib.Nifti1Image(values, mask.affine))
    assert inside.dtype == bool
    np.testing.assert_array_equal(inside, mask.get_fdata() > 0)
    np.testing.assert_array_equal(affine, mask.affine)


def test_iter_volumes_yields_what_is_stored(tmp_path):
    img, _ = _images(dtype="int16")
    nib.save(img, tmp_path / "bold.nii.gz")
    volumes = list(iter_volumes(tmp_path / "bold.nii.gz"))
    assert {volume.dtype for volume in volumes} == {np.dtype("int16")}
    np.testing.assert_array_equal(np.stack(volumes, axis=-1), img.dataobj)


def _head(n_volumes=5):
    """Simulate a bright ball with a dark hole and a bright far speck, in noise."""
    rng = np.random.default_rng(0)
    grid = np.mgrid[:30, :32, :28] - np.array([15, 16, 14]).reshape(3, 1, 1, 1)
    ball = np.sum((grid / np.array([11, 12, 10]).reshape(3, 1, 1, 1)) ** 2, axis=0) < 1
    bright = ball.copy()
    bright[14:16, 15:17, 14] = False
    bright[:6, :6, :6] = True  # large enough to survive the opening
    noise = 20 * rng.standard_normal((*ball.shape, n_volumes))
    data = np.where(bright, 800.0, 60.0)[..., None] + noise
    return nib.Nifti1Image(data.astype("float32"), AFFINES["isotropic"]), ball


@pytest.mark.parametrize("as_3d", [False, True])
def test_compute_mask_finds_the_brain(as_3d):
    img, brain = _head()
    img = img.slicer[..., 0] if as_3d else img
    mask = compute_mask(img)
    assert mask.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(mask.affine, img.affine)
    found = np.asarray(mask.dataobj)
    assert set(np.unique(found)) == {0, 1}
    assert _dice(found > 0, brain) > 0.99
    assert not found[:6, :6, :6].any()
    assert found[14:16, 15:17, 14].all()
    assert _dice(found > 0, compute_epi_mask(img).get_fdata() > 0) > 0.95


def test_compute_mask_on_a_real_slice(slice_folder):
    # One slice only: the opening must not eat it from above and below.
    given, _ = load_mask(slice_folder / "mask.nii.gz")
    computed, _ = load_mask(compute_mask(slice_folder / "bold.nii.gz"))
    assert _dice(computed, given) > 0.95


def _with(img, value, index):
    data = img.get_fdata()
    data[index] = value
    return nib.Nifti1Image(data, img.affine)


def test_errors_about_the_mask():
    img, mask = _images()
    empty = nib.Nifti1Image(np.zeros(SHAPE, "u1"), mask.affine)
    with pytest.raises(ValueError, match=r"empty: all 504 voxels are 0"):
        apply_mask(img, empty)
    singleton = nib.Nifti1Image(mask.get_fdata()[..., None], mask.affine)
    with pytest.raises(ValueError, match=r"got 4-D, .*slicer\[\.\.\., 0\]"):
        apply_mask(img, singleton)
    with pytest.raises(ValueError, match="got 4-D"):
        unmask(np.ones(3), img)
    with pytest.raises(ValueError, match="1 NaN or infinite voxels.*nan_to_num"):
        load_mask(_with(mask, np.nan, (0, 0, 0)))
    with pytest.raises(TypeError, match="path or a nibabel image, got ndarray"):
        apply_mask(img, mask.get_fdata())


@pytest.mark.parametrize("change", ["shape", "affine"])
def test_error_on_different_grids(change):
    img, mask = _images()
    if change == "shape":
        mask = nib.Nifti1Image(np.ones((9, 8, 6), "u1"), mask.affine)
    else:
        shifted = mask.affine.copy()
        shifted[0, 3] += 1.5
        mask = nib.Nifti1Image(np.asarray(mask.dataobj), shifted)
    with pytest.raises(ValueError, match="different grids") as error:
        apply_mask(img, mask)
    message = str(error.value)
    for part in [img.shape[:3], mask.shape, img.affine, mask.affine, "resample("]:
        assert str(part) in message


def test_grids_that_differ_by_rounding_are_the_same():
    img, mask = _images(AFFINES["oblique"])
    rounded = nib.Nifti1Image(
        np.asarray(mask.dataobj), mask.affine.astype("float32").astype(float)
    )
    np.testing.assert_array_equal(apply_mask(img, rounded), apply_mask(img, mask))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("fwhm", [None, 4])
def test_error_on_nan_in_the_mask(value, fwhm):
    img, mask = _images()
    first, second = np.argwhere(mask.get_fdata() > 0)[[3, 8]]
    img = _with(_with(img, value, (*first, 2)), value, (*second, 2))
    where = ", ".join(map(str, first))
    with pytest.raises(
        ValueError, match=rf"Volume 2 has 2 NaN or infinite .* voxel \({where}\)"
    ):
        apply_mask(img, mask, smoothing_fwhm=fwhm)


@pytest.mark.parametrize("fwhm", [-1, (1, 2), (1, 2, -3), np.nan])
def test_error_on_a_wrong_width(fwhm):
    img, mask = _images()
    with pytest.raises(ValueError, match="smoothing_fwhm is one width in mm"):
        apply_mask(img, mask, smoothing_fwhm=fwhm)


def test_error_on_a_5d_image():
    _, mask = _images()
    img = nib.Nifti1Image(np.zeros((*SHAPE, 1, 3), "f4"), mask.affine)
    with pytest.raises(ValueError, match="3-D or a 4-D image, got 5-D"):
        apply_mask(img, mask)


def test_error_on_another_number_of_columns():
    _, mask = _images()
    n_voxels = int(mask.get_fdata().sum())
    with pytest.raises(ValueError, match=f"the mask has {n_voxels} voxels"):
        unmask(np.ones((n_voxels, 2)), mask)
    with pytest.raises(ValueError, match="transposed"):
        unmask(np.ones((1, 2, n_voxels)), mask)


@pytest.mark.parametrize(
    ("suffix", "found"),
    [(".nii", r": shape"), (".nii.gz", r", after 2\d of 50 volumes")],
)
def test_error_on_a_truncated_file(tmp_path, suffix, found):
    img, mask = _images(n_volumes=50)
    path = tmp_path / f"bold{suffix}"
    nib.save(img, path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(OSError, match="cut short or damaged" + found):
        apply_mask(path, mask)


@pytest.mark.parametrize("where", ["middle", "checksum"])
def test_error_on_a_damaged_file(tmp_path, where):
    img, mask = _images(dtype="int16", n_volumes=50)
    path = tmp_path / "bold.nii.gz"
    nib.save(img, path)
    content = bytearray(path.read_bytes())
    start = len(content) // 2 if where == "middle" else len(content) - 8
    for i in range(start, start + 4):
        content[i] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(OSError, match=r"bold\.nii\.gz is cut short or damaged"):
        apply_mask(path, mask)


@pytest.mark.parametrize("data", ["zeros", "speck"])
def test_error_when_there_is_no_brain(data):
    volume = np.zeros((20, 20, 20), dtype="float32")
    if data == "speck":
        volume[10, 10, 10] = 100
    with pytest.raises(ValueError, match="No brain found in an image of shape"):
        compute_mask(nib.Nifti1Image(volume, np.eye(4)))
