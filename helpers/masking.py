"""From brain images to the matrix X and back: masks, masking, unmasking.

The lesson: scikit-learn wants a matrix, one row a volume and one column a
voxel. A mask says which voxels become columns, and remembers where each of
them goes when a map is put back into the brain. Images are read one volume at
a time, so that a series never has to fit into memory as a whole.
"""

import zlib
from collections.abc import Iterator, Sequence
from gzip import BadGzipFile
from pathlib import Path

import nibabel as nib
import numpy as np
from isal import igzip
from nibabel.arrayproxy import ArrayProxy
from nibabel.openers import ImageOpener
from nibabel.spatialimages import SpatialImage
from scipy import ndimage

FWHM_PER_SIGMA = np.sqrt(8 * np.log(2))
SAME_GRID_MM = 1e-4  # affines closer than this, entry by entry, are the same
MAX_VOXELS = 2**28  # of a volume: a whole head at 0.4 mm. More is a damaged header
DEFLATE_RATIO = 1032  # the most that a compressed byte can unfold to


def load_image(img: str | Path | SpatialImage) -> SpatialImage:
    """Open a path with nibabel; hand back an image as it is.

    Parameters
    ----------
    img : str, Path or nibabel spatial image

    Returns
    -------
    nibabel.spatialimages.SpatialImage
        Its voxels are still on disk when `img` is a path.

    Raises
    ------
    TypeError
        If `img` is neither a path nor an image (an array, for instance, has no
        affine).
    ValueError
        If the file is no image, or its header cannot be true: colors or complex
        numbers, an affine that maps no voxels to millimeters, or an impossible shape.
    OSError
        If the file is too short for what its header says. Nothing but the header is
        read for this.
    """
    if isinstance(img, str | Path):
        path, img = img, _open_file(img)
        _check_header(img, path)
    if not isinstance(img, SpatialImage):
        raise TypeError(
            f"Expected a path or a nibabel image, got {type(img).__name__}. "
            "Wrap an array with nibabel.Nifti1Image(array, affine)."
        )
    return img


def _open_file(path: str | Path) -> SpatialImage:
    """Open an image with nibabel; say in one way what cannot be read."""
    try:
        # A damaged header may hold numbers that overflow; the next check is for them.
        with np.errstate(all="ignore"):
            return nib.load(path)
    except FileNotFoundError:
        raise
    except Exception as error:  # whatever a damaged file makes of a header
        raise ValueError(
            f"{path} cannot be read as an image: {type(error).__name__}: {error}. "
            "Expected a NIfTI file (.nii or .nii.gz). Fetch or copy it again."
        ) from error


def _check_header(img: SpatialImage, path: str | Path) -> None:
    """Raise if what the header says of a file cannot be true."""
    mend = "The header is damaged: fetch or copy the file again."
    dtype = img.get_data_dtype()
    if dtype.kind not in "iuf":
        raise ValueError(
            f"{path} holds values of type {dtype}; expected real numbers. "
            "Convert it first (nibabel.Nifti1Image(array, img.affine))."
        )
    with np.errstate(all="ignore"):
        det = np.linalg.det(img.affine) if np.isfinite(img.affine).all() else 0
    if det == 0 or not np.isfinite(det):
        raise ValueError(
            f"{path} has an affine that leads from no voxel to millimeters:\n"
            f"{img.affine}\nExpected finite numbers and three axes. {mend}"
        )
    if (
        min(img.shape, default=0) < 1
        or np.prod(img.shape[:3], dtype=float) > MAX_VOXELS
    ):
        raise ValueError(
            f"{path} says its shape is {img.shape}; expected one voxel or more along "
            f"each axis, and at most {MAX_VOXELS:,} a volume. {mend}"
        )
    file = Path(img.file_map["image"].filename)
    size, needs = file.stat().st_size, np.prod(img.shape, dtype=float) * dtype.itemsize
    ratio = DEFLATE_RATIO if file.suffix in (".gz", ".mgz", ".bz2", ".zst") else 1
    if needs > size * ratio:
        raise OSError(
            f"{file} is cut short or damaged: shape {img.shape} takes "
            f"{needs:,.0f} bytes, and the file has {size:,}. Fetch or copy it again."
        )


def load_mask(mask: str | Path | SpatialImage) -> tuple[np.ndarray, np.ndarray]:
    """Load a mask: every voxel that is not zero is inside.

    Parameters
    ----------
    mask : str, Path or nibabel spatial image
        A 3-D image.

    Returns
    -------
    inside : ndarray of bool, shape (x, y, z)
    affine : ndarray, shape (4, 4)
        From voxel indices to millimeters.

    Raises
    ------
    ValueError
        If the mask is not 3-D, is empty, or holds NaN or infinite voxels.
    OSError
        If the file ends too early or is damaged.
    """
    mask = load_image(mask)
    if len(mask.shape) != 3:
        mend = "Take one volume: mask.slicer[..., 0]."
        raise ValueError(
            f"A mask is a 3-D image, got {len(mask.shape)}-D, shape {mask.shape}."
            + (f" {mend}" if len(mask.shape) == 4 else "")
        )
    values = next(iter_volumes(mask))
    n_bad = np.count_nonzero(~np.isfinite(values))
    if n_bad:
        raise ValueError(
            f"The mask has {n_bad} NaN or infinite voxels; expected 0 outside and "
            "1 inside. Replace them first, for instance with numpy.nan_to_num."
        )
    if not values.any():
        raise ValueError(
            f"The mask is empty: all {values.size} voxels are 0. "
            "Check the threshold or the file it comes from."
        )
    return values != 0, mask.affine


def iter_volumes(img: str | Path | SpatialImage) -> Iterator[np.ndarray]:
    """Go through the volumes of an image, one in memory at a time.

    A compressed file can only be read from its start, so it is decompressed
    once, in order. Asking nibabel for ``img.dataobj[..., t]`` instead would start
    again at the first byte for every volume.

    Parameters
    ----------
    img : str, Path or nibabel spatial image
        A 3-D (one volume) or a 4-D image.

    Yields
    ------
    ndarray, shape (x, y, z)
        Read-only, in the type it is stored in; float64 where the header asks for
        scaling (``scl_slope``, ``scl_inter``).

    Raises
    ------
    ValueError
        If the image is neither 3-D nor 4-D.
    OSError
        If the file ends too early or is damaged.
    """
    img = load_image(img)
    if len(img.shape) not in (3, 4):
        raise ValueError(
            f"Expected a 3-D or a 4-D image, got {len(img.shape)}-D, "
            f"shape {img.shape}. nibabel.squeeze_image drops trailing axes of length 1."
        )
    stored = img.dataobj
    n_volumes = img.shape[3] if len(img.shape) == 4 else 1
    # Other formats (subclasses of ArrayProxy) have scalings of their own.
    if type(stored) is ArrayProxy and isinstance(stored.file_like, str):
        yield from _read_volumes(stored, n_volumes)
    elif len(img.shape) == 3:
        yield np.asarray(stored)
    else:
        for t in range(n_volumes):
            yield np.asarray(stored[..., t])


def _read_volumes(stored: ArrayProxy, n_volumes: int) -> Iterator[np.ndarray]:
    """Read and scale the volumes of a file in the order they lie in it."""
    path, shape = stored.file_like, stored.shape[:3]
    n_bytes = int(np.prod(shape)) * stored.dtype.itemsize
    # isal decompresses about three times as fast as the standard library.
    opener = igzip.open if path.endswith(".gz") else ImageOpener
    n_read = 0
    try:
        with opener(path, "rb") as file:
            file.seek(stored.offset)
            while n_read < n_volumes:
                raw = file.read(n_bytes)
                if len(raw) < n_bytes:
                    raise EOFError("the file ends")
                volume = np.frombuffer(raw, stored.dtype).reshape(shape, order="F")
                if (stored.slope, stored.inter) != (1, 0):
                    with np.errstate(all="ignore"):  # a damaged header's slope
                        volume = volume * np.float64(stored.slope) + stored.inter
                yield volume
                n_read += 1
    except (EOFError, BadGzipFile, zlib.error) as error:
        raise OSError(
            f"{path} is cut short or damaged, after {n_read} of {n_volumes} "
            f"volumes ({error}). Fetch or copy the file again."
        ) from error


def working_dtype(img: SpatialImage) -> type:
    """Tell the type to compute in: float64 for a float64 image, else float32."""
    stored = img.dataobj.dtype
    return np.float64 if stored.kind == "f" and stored.itemsize > 4 else np.float32


def apply_mask(
    img: str | Path | SpatialImage,
    mask: str | Path | SpatialImage,
    smoothing_fwhm: float | Sequence[float] | None = None,
) -> np.ndarray:
    """Take the voxels of a mask out of every volume.

    Parameters
    ----------
    img : str, Path or nibabel spatial image
        BOLD series (4-D) or one volume (3-D).
    mask : str, Path or nibabel spatial image
        3-D image on the grid of `img`; every voxel that is not 0 is inside.
    smoothing_fwhm : float or three floats, optional
        Full width at half maximum, in millimeters, of a Gaussian smoothing of each
        volume before masking; one value, or one for each voxel axis. NaN and
        infinite voxels outside the mask count as 0 in it.

    Returns
    -------
    X : ndarray, shape (n_volumes, n_voxels)
        float32, or float64 if the image is stored as float64. A 3-D image gives one
        row, still 2-D. Columns are in the order of ``volume[mask]``.

    Raises
    ------
    ValueError
        If mask and image are on different grids, the mask is not 3-D or empty, a
        voxel in the mask is NaN or infinite, or the FWHM is negative.

    Notes
    -----
    Memory: X and a few volumes. The widths follow ``nilearn.image.smooth_img``:
    sigma = FWHM / sqrt(8 log 2) / voxel size.
    """
    img = load_image(img)
    inside, mask_affine = load_mask(mask)
    _check_same_grid(img, inside.shape, mask_affine)
    sigma = _smoothing_sigma(smoothing_fwhm, img.affine)
    dtype = working_dtype(img)
    n_volumes = img.shape[3] if len(img.shape) == 4 else 1
    # Files hold the first axis fastest (Fortran order): look the voxels up there.
    columns = np.ravel_multi_index(np.nonzero(inside), inside.shape, order="F")
    X = np.empty((n_volumes, columns.size), dtype=dtype)
    for t, volume in enumerate(iter_volumes(img)):
        with np.errstate(all="ignore"):  # what overflows is found in the next line
            X[t] = volume.ravel(order="F")[columns]
        _check_finite(X[t], inside, t)
        if sigma.any():
            volume = np.nan_to_num(volume.astype(dtype), nan=0, posinf=0, neginf=0)
            X[t] = ndimage.gaussian_filter(volume, sigma)[inside]
    return X


def _check_same_grid(img: SpatialImage, shape: tuple, affine: np.ndarray) -> None:
    """Raise if the voxels of the mask are not those of the image."""
    if img.shape[:3] != shape or not np.allclose(
        img.affine, affine, rtol=1e-5, atol=SAME_GRID_MM
    ):
        raise ValueError(
            "Image and mask are on different grids.\n"
            f"Image: shape {img.shape[:3]}, affine\n{img.affine}\n"
            f"Mask: shape {shape}, affine\n{affine}\n"
            "Bring the mask to the image: helpers.resampling.resample(mask, "
            "img.affine, img.shape[:3], interpolation='nearest')."
        )


def _smoothing_sigma(
    fwhm: float | Sequence[float] | None, affine: np.ndarray
) -> np.ndarray:
    """Turn a width in millimeters into a sigma in voxels, axis by axis."""
    fwhm = np.asarray(0 if fwhm is None else fwhm, dtype=float)
    if fwhm.shape not in ((), (3,)) or not (np.isfinite(fwhm) & (fwhm >= 0)).all():
        raise ValueError(
            "smoothing_fwhm is one width in mm, or three (one an axis), not "
            f"negative; got {fwhm.tolist()}."
        )
    return fwhm / FWHM_PER_SIGMA / nib.affines.voxel_sizes(affine)


def _check_finite(row: np.ndarray, inside: np.ndarray, t: int) -> None:
    """Raise if a volume is NaN or infinite within the mask."""
    bad = np.flatnonzero(~np.isfinite(row))
    if bad.size:
        first = tuple(int(i) for i in np.argwhere(inside)[bad[0]])
        raise ValueError(
            f"Volume {t} has {bad.size} NaN or infinite voxels among the {row.size} "
            f"of the mask, the first at voxel {first}. Take them out of the mask, or "
            "replace them in the image (numpy.nan_to_num)."
        )


def unmask(
    X: np.ndarray, mask: str | Path | SpatialImage, fill: float = 0
) -> nib.Nifti1Image:
    """Put the columns of X back into the brain.

    Parameters
    ----------
    X : ndarray, shape (n_voxels,) or (n_volumes, n_voxels)
        One map, or several.
    mask : str, Path or nibabel spatial image
        The 3-D mask that X was taken with.
    fill : float, default=0
        Value outside the mask; ``numpy.nan`` makes it transparent in figures.

    Returns
    -------
    Nifti1Image
        3-D for a 1-D X, 4-D for a 2-D X. Its type is that of X, widened where
        `fill` or the NIfTI format need it.

    Raises
    ------
    ValueError
        If X has another number of columns than the mask has voxels.
    """
    X = np.asarray(X)
    inside, affine = load_mask(mask)
    n_voxels = np.count_nonzero(inside)
    if X.ndim not in (1, 2) or X.shape[-1] != n_voxels:
        raise ValueError(
            f"X has shape {X.shape}; the mask has {n_voxels} voxels, so expected "
            f"({n_voxels},) or (n_volumes, {n_voxels}). Is X transposed, or was it "
            "taken with another mask?"
        )
    dtype = nifti_dtype(np.result_type(X.dtype, np.min_scalar_type(fill)))
    data = np.full(inside.shape + X.shape[:-1], fill, dtype=dtype, order="F")
    data[inside] = X.T
    return nib.Nifti1Image(data, affine)


def nifti_dtype(dtype: np.dtype) -> np.dtype:
    """Choose the nearest type that other tools read in a NIfTI file."""
    nearest = {"bool": "uint8", "float16": "float32", "int64": "int32"}
    nearest |= {"uint32": "int32", "uint64": "int32", "longdouble": "float64"}
    return np.dtype(nearest.get(dtype.name, dtype.name))


def compute_mask(img: str | Path | SpatialImage) -> nib.Nifti1Image:
    """Find the brain in a BOLD image by its brightness.

    Parameters
    ----------
    img : str, Path or nibabel spatial image
        Raw BOLD, 3-D or 4-D (averaged over its volumes): tissue is bright, air is
        dark. NaN and infinite voxels count as 0.

    Returns
    -------
    Nifti1Image
        3-D, uint8: 1 in the brain, 0 outside.

    Raises
    ------
    ValueError
        If nothing bright stands out from the background.

    Notes
    -----
    T. Nichols' heuristic, as in ``nilearn.masking.compute_epi_mask``: few voxels are
    between air and tissue, so sort the voxels by brightness and cut where the step
    to the next one is largest, between the 20th and the 85th percentile. Then open
    (cut thin bridges to the scalp), keep the largest piece and close its holes.
    """
    img = load_image(img)
    total = np.zeros(img.shape[:3])
    for volume in iter_volumes(img):
        total += np.nan_to_num(volume, nan=0, posinf=0, neginf=0)
    # The sum serves as well as the mean: only the order of brightness counts.
    brightness = np.sort(total, axis=None)
    low, high = int(0.2 * brightness.size), int(0.85 * brightness.size)
    steps = np.diff(brightness[low : high + 1])
    inside = np.zeros(total.shape, dtype=bool)
    if steps.size and steps.max() > 0:
        at = low + steps.argmax()
        inside = _clean_up(total > (brightness[at] + brightness[at + 1]) / 2)
    if not inside.any():
        raise ValueError(
            f"No brain found in an image of shape {img.shape}: nothing bright stands "
            "out. Give raw BOLD volumes (not detrended or standardized ones), or "
            "draw a mask by hand."
        )
    return nib.Nifti1Image(inside.astype(np.uint8), img.affine)


def _clean_up(bright: np.ndarray) -> np.ndarray:
    """Open a mask, keep its largest piece and fill the holes."""
    # border_value=1: the brain may touch the edge of the image (a slice always does)
    eroded = ndimage.binary_erosion(bright, iterations=2, border_value=1)
    pieces, n_pieces = ndimage.label(eroded)
    if n_pieces == 0:
        return eroded
    largest = pieces == 1 + np.bincount(pieces.ravel())[1:].argmax()
    # Two steps out again, and two more and back to close small gaps.
    grown = ndimage.binary_dilation(largest, iterations=4)
    return ndimage.binary_erosion(grown, iterations=2, border_value=1)
