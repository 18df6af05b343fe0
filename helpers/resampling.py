"""Put an image on another grid of voxels.

The lesson: an affine says where each voxel lies in the world, so the affines of image
and target say where to look each target voxel up, between the voxels of the image.
Interpolation is linear too: when the axes of both grids are aligned, it is one small
matrix an axis; otherwise every voxel is looked up on its own.
"""

from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.spatialimages import SpatialImage
from scipy import linalg, ndimage
from threadpoolctl import threadpool_limits

from helpers.masking import iter_volumes, load_image, nifti_dtype, working_dtype

# The degree of the spline through the voxels.
DEGREES = {"nearest": 0, "linear": 1, "cubic": 3, "continuous": 3}


# Many small products: sharing each among the cores costs more than it saves.
@threadpool_limits.wrap(limits=1, user_api="blas")
def resample(
    img: str | Path | SpatialImage,
    target_affine: np.ndarray,
    target_shape: Sequence[int] | None = None,
    interpolation: str = "linear",
) -> nib.Nifti1Image:
    """Resample an image onto another grid; no registration is done.

    Parameters
    ----------
    img : str, Path or nibabel spatial image
        3-D or 4-D.
    target_affine : array-like, shape (4, 4) or (3, 3)
        From target voxel indices to millimeters. With (3, 3), voxel sizes and
        directions only, the grid starts at the corner of the image's bounding box.
    target_shape : three ints, optional
        With a (4, 4) affine only. By default the grid reaches the image's far end.
    interpolation : {"linear", "nearest", "cubic"}, default="linear"
        "nearest" for masks and labels. "cubic", also called "continuous", overshoots
        at edges: it is clipped to the range of the image and 0.

    Returns
    -------
    Nifti1Image
        0 outside the image. float32, or float64 if the image is stored as float64;
        "nearest" keeps whole numbers as they are.

    Raises
    ------
    ValueError
        If `interpolation` is unknown, the affine has another shape or no inverse,
        `target_shape` does not fit, the grid misses the image, or a voxel is NaN or
        infinite.

    Notes
    -----
    Equal to ``nilearn.image.resample_img`` to 1e-5 of the largest value, but whole
    numbers become float32 where that rounds. As there, nothing is extrapolated: a
    target voxel whose center lies beyond the outermost voxel centers is 0, be it by
    a rounding error (this blackens the edge of some oblique grids).
    """
    if interpolation not in DEGREES:
        raise ValueError(
            f"Unknown interpolation {interpolation!r}; expected one of "
            f"{', '.join(map(repr, DEGREES))}."
        )
    img, degree = load_image(img), DEGREES[interpolation]
    affine, shape = _target_grid(img, target_affine, target_shape)
    # From target voxel indices to voxel indices, with fractions, in the image.
    to_source = linalg.inv(img.affine) @ affine
    if np.array_equal(img.affine, affine):
        to_source = np.eye(4)
    matrices = _axis_matrices(to_source, img.shape, shape, degree)

    data = np.zeros((*shape, *img.shape[3:]), _output_dtype(img, degree), order="F")
    low, high = 0, 0
    for t, volume in enumerate(iter_volumes(img)):
        _check_finite(volume, t)
        low, high = min(low, volume.min()), max(high, volume.max())
        volume = volume.astype(np.result_type(data, np.float32), order="F")
        target = data[..., t] if data.ndim == 4 else data
        target[...] = _look_up(volume, to_source, shape, degree, matrices)
    if degree == 3:
        np.clip(data, low, high, out=data)
    resampled = nib.Nifti1Image(data, affine, img.header)  # the header holds the TR
    resampled.set_data_dtype(data.dtype)
    return resampled


def _target_grid(
    img: SpatialImage, affine: np.ndarray, shape: Sequence[int] | None
) -> tuple[np.ndarray, tuple[int, int, int]]:
    """Complete the target affine and shape from the bounding box of the image."""
    given = np.array(affine, dtype=float)
    square = given.shape in ((3, 3), (4, 4)) and np.isfinite(given).all()
    if not square or np.linalg.matrix_rank(given) < len(given):
        raise ValueError(
            "target_affine is an invertible (4, 4) or (3, 3) matrix, got shape "
            f"{given.shape}:\n{given}"
        )
    if shape is not None and (given.shape == (3, 3) or np.shape(shape) != (3,)):
        raise ValueError(
            "target_shape is three ints and goes with a (4, 4) target_affine, which "
            f"says where the grid starts; got {shape} and an affine of shape "
            f"{given.shape}."
        )
    affine = np.eye(4)
    affine[: len(given), : len(given)] = given
    corners = [[i, j, k, 1] for i in (0, -1) for j in (0, -1) for k in (0, -1)]
    corners = np.array(corners) % [*img.shape[:3], 2]  # -1: the last voxel
    corners = np.linalg.inv(affine) @ img.affine @ corners.T
    first, last = corners[:3].min(axis=1), corners[:3].max(axis=1)
    if given.shape == (3, 3):
        affine[:3, 3] = given @ first
        first, last = np.zeros(3), last - first
    if shape is None:
        shape = np.ceil(last).astype(int) + 1
    rounding = 1e-6  # voxels
    if (last < -rounding).any() or (first > np.array(shape) - 1 + rounding).any():
        raise ValueError(
            f"The target grid misses the image, which would span voxels "
            f"{first.round(1)} to {last.round(1)} of a grid of shape {tuple(shape)}. "
            "Is the translation, the last column of target_affine, in mm?"
        )
    return affine, tuple(int(n) for n in shape)


def _output_dtype(img: SpatialImage, degree: int) -> np.dtype:
    """Keep the type of whole numbers that are only moved, else take a float."""
    stored = img.dataobj
    scaling = getattr(stored, "slope", 1), getattr(stored, "inter", 0)
    if degree == 0 and stored.dtype.kind in "iu" and scaling == (1, 0):
        return nifti_dtype(stored.dtype)
    return np.dtype(working_dtype(img))


def _axis_matrices(
    to_source: np.ndarray, source_shape: tuple, target_shape: tuple, degree: int
) -> list[np.ndarray] | None:
    """Build one (n_target, n_source) matrix an axis; None if axes are not aligned."""
    step = to_source[:3, :3]
    if (np.count_nonzero(step, axis=0) != 1).any():
        return None
    # SciPy rounds positions otherwise on swapped axes: `same` follows it.
    same = np.count_nonzero(np.diag(step)) == 3
    matrices = []
    for axis, source_axis in enumerate(np.abs(step).argmax(axis=0)):
        along = step[source_axis, axis]
        # What interpolation makes of each unit vector is a column of its matrix.
        columns = [
            ndimage.affine_transform(
                unit,
                [along] if same else [[along]],
                to_source[source_axis, 3],
                (target_shape[axis],),
                order=degree,
            )
            for unit in np.eye(source_shape[source_axis])
        ]
        matrix = np.column_stack(columns)
        matrix[np.abs(matrix) < 1e-16] = 0  # tails of the spline, slow to multiply
        matrices.append(matrix)
    return matrices


def _look_up(
    volume: np.ndarray,
    to_source: np.ndarray,
    shape: tuple,
    degree: int,
    matrices: list[np.ndarray] | None,
) -> np.ndarray:
    """Interpolate one volume."""
    step, start = to_source[:3, :3], to_source[:3, 3]
    if matrices is None:
        return ndimage.affine_transform(volume, step, start, shape, order=degree)
    # .T: volumes lie in memory with their first axis fastest, products the other way.
    volume = volume.transpose(np.abs(step).argmax(axis=0)).T
    first, second, third = (matrix.astype(volume.dtype) for matrix in matrices)
    # One axis after the other: 3 small products in place of one look-up a voxel.
    return (second @ np.tensordot(third, volume, axes=1) @ first.T).T


def _check_finite(volume: np.ndarray, t: int) -> None:
    """Raise if a volume has voxels that would spread NaN to their neighbors."""
    finite = np.isfinite(volume)
    if not finite.all():
        bad = np.argwhere(~finite)
        raise ValueError(
            f"Volume {t} has {len(bad)} NaN or infinite voxels, the first at voxel "
            f"{tuple(bad[0].tolist())}; interpolation would spread them. Replace them "
            "first, for instance with numpy.nan_to_num."
        )
