"""From brain images to the matrix X and back: masks, masking, unmasking.

The lesson: scikit-learn wants a matrix, one row a volume and one column a
voxel. A mask says which voxels become columns, and remembers where each of
them goes when a map is put back into the brain. Images are read one volume at
a time, so that a series never has to fit into memory as a whole.
"""

from collections.abc import Iterator, Sequence
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
    """
    if isinstance(img, str | Path):
        img = nib.load(img)
    if not isinstance(img, SpatialImage):
        raise TypeError(
            f"Expected a path or a nibabel image, got {type(img).__name__}. "
            "Wrap an array with nibabel.Nifti1Image(array, affine)."
        )
    return img


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
    """
    mask = load_image(mask)
    if len(mask.shape) != 3:
        mend = "Take one volume: mask.slicer[..., 0]."
        raise ValueError(
            f"A mask is a 3-D image, got {len(mask.shape)}-D, shape {mask.shape}."
            + (f" {mend}" if len(mask.shape) == 4 else "")
        )
    values = np.asarray(mask.dataobj)
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
