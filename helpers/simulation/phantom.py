"""The head that every simulation scans: anatomy, noise, artifacts and files.

How a voxel's series is made, in percent of its baseline::

    BOLD = baseline x (1 + (signal + noise + drift) / 100) + motion . gradient(baseline)
"""

import functools
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from isal import igzip
from scipy import linalg, stats

# --- anatomy ---------------------------------------------------------------------


@dataclass(frozen=True)
class Phantom:
    """A head without signal: what every simulation starts from.

    Attributes
    ----------
    affine : ndarray, shape (4, 4)
        Voxel indices to MNI millimeters.
    brain, gray : ndarray of bool, shape (x, y, z)
        Masks of the brain and of its gray matter.
    baseline : ndarray of float32, shape (x, y, z)
        Mean signal in scanner units; 0 outside the brain.
    noise_sd : ndarray of float32, shape (x, y, z)
        Standard deviation of the noise in percent of the baseline.
    """

    affine: np.ndarray
    brain: np.ndarray
    gray: np.ndarray
    baseline: np.ndarray
    noise_sd: np.ndarray

    def mni(self) -> np.ndarray:
        """Return the MNI coordinates of all voxels, shape (x, y, z, 3), in mm."""
        ijk = np.moveaxis(np.indices(self.brain.shape), 0, -1)
        return nib.affines.apply_affine(self.affine, ijk)


@functools.cache
def _cropped_tissues(voxel_size: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Return MNI152's brain, gray and white matter, cropped to the brain."""
    # Imported here: nilearn takes seconds to import, and most readers never simulate.
    from nilearn import datasets

    images = [
        datasets.load_mni152_brain_mask(resolution=voxel_size),
        datasets.load_mni152_gm_template(resolution=voxel_size),
        datasets.load_mni152_wm_template(resolution=voxel_size),
    ]
    brain, gray, white = (np.asarray(img.dataobj, dtype=np.float32) for img in images)
    corner = [np.flatnonzero(brain.any(axis=axes))[[0, -1]] for axes in OTHER_AXES]
    box = tuple(slice(max(lo - 1, 0), hi + 2) for lo, hi in corner)
    affine = images[0].affine.copy()
    affine[:3, 3] = nib.affines.apply_affine(affine, [s.start for s in box])
    return [brain[box], gray[box], white[box]], affine


OTHER_AXES = ((1, 2), (0, 2), (0, 1))


def make_phantom(voxel_size: int = 4, seed: int = 0) -> Phantom:
    """Make the head that a simulated scanner sees.

    Parameters
    ----------
    voxel_size : int
        Edge of the cubic voxels in mm.
    seed : int
        Seed of the coil's sensitivity and of the map of noise.

    Returns
    -------
    Phantom
    """
    rng = np.random.default_rng(seed)
    (brain, gray, white), affine = _cropped_tissues(voxel_size)
    brain = brain > 0.5
    csf = np.clip(1 - gray - white, 0, 1)
    # T2*-weighted contrast: fluid is bright, white matter darker than gray matter.
    baseline = 720 * gray + 620 * white + 870 * csf
    coil = smooth_field(rng, brain.shape, 40 / voxel_size)
    baseline = np.where(brain, baseline * np.exp(0.15 * coil), 0)
    # Fluid pulsates: its noise is larger. The rest varies smoothly, as in real data.
    tissue_sd = 1.05 * gray + 0.75 * white + 2.0 * csf
    noise_sd = tissue_sd * np.exp(0.3 * smooth_field(rng, brain.shape, 8 / voxel_size))
    return Phantom(
        affine=affine,
        brain=brain,
        gray=brain & (gray > 0.4) & (gray > white),
        baseline=baseline.astype(np.float32),
        noise_sd=noise_sd.astype(np.float32),
    )


def make_tissues(voxel_size: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return how much of each voxel of `make_phantom` is which tissue.

    Parameters
    ----------
    voxel_size : int
        Edge of the cubic voxels in mm.

    Returns
    -------
    gray, white, csf : ndarray of float32, shape (x, y, z)
        Shares between 0 and 1; all are 0 outside the brain.
    """
    (brain, gray, white), _ = _cropped_tissues(voxel_size)
    inside = brain > 0.5
    csf = np.clip(1 - gray - white, 0, 1)
    return gray * inside, white * inside, csf * inside


# --- noise -----------------------------------------------------------------------


def _kernel_matrix(n: int, sigma: float) -> np.ndarray:
    """Return the n x n matrix that smooths one axis with a Gaussian of sigma voxels."""
    distance = np.subtract.outer(np.arange(n), np.arange(n))
    return np.exp(-0.5 * (distance / sigma) ** 2).astype(np.float32)


def _smooth(volumes: np.ndarray, sigma: float) -> np.ndarray:
    """Smooth the last three axes by matrix products; unit variance stays so."""
    for axis in (-3, -2, -1):
        kernel = _kernel_matrix(volumes.shape[axis], sigma)
        # White noise keeps unit variance at every voxel, also at the edge.
        kernel /= np.linalg.norm(kernel, axis=1, keepdims=True)
        volumes = np.moveaxis(np.moveaxis(volumes, axis, -1) @ kernel.T, -1, axis)
    return volumes


def smooth_field(
    rng: np.random.Generator, shape: tuple[int, ...], sigma: float
) -> np.ndarray:
    """Return smooth Gaussian noise of unit variance, sigma in voxels."""
    return _smooth(rng.standard_normal(shape, dtype=np.float32), sigma)


def temporal_covariance(
    n_volumes: int, ar: float = 0.6, pink_share: float = 0.15
) -> np.ndarray:
    """Return the covariance over time of physiological noise (unit variance).

    A mixture of an AR(1) process and of 1/f noise, the two models in use for the
    memory of BOLD noise [1]_.

    Parameters
    ----------
    n_volumes : int
        Number of volumes in the run.
    ar : float
        Correlation of neighboring volumes in the AR(1) part.
    pink_share : float
        Share of the 1/f part in the variance, between 0 and 1.

    Returns
    -------
    ndarray, shape (n_volumes, n_volumes)

    References
    ----------
    .. [1] Zarahn, Aguirre & D'Esposito (1997), NeuroImage 5(3):179-197.
    """
    lags = np.arange(n_volumes)
    frequencies = np.fft.rfftfreq(8 * n_volumes)
    spectrum = np.zeros_like(frequencies)
    spectrum[1:] = 1 / frequencies[1:]
    pink = np.fft.irfft(spectrum)[:n_volumes]
    mixed = (1 - pink_share) * ar**lags + pink_share * pink / pink[0]
    return linalg.toeplitz(mixed)


class Noise:
    """Draws runs of noise, in percent of the baseline, for one head's brain."""

    # Shares of the variance. Fitted to the autocorrelation, the spectrum and the
    # correlation of neighbors in the real Haxby slice; tests hold them to it.
    THERMAL, LOCAL, WIDE, GLOBAL = 0.42, 0.44, 0.08, 0.06
    N_WIDE = 60  # number of wide maps

    def __init__(
        self, rng: np.random.Generator, phantom: Phantom, n_volumes: int
    ) -> None:
        voxel_size = abs(phantom.affine[0, 0])
        self.rng, self.phantom, self.n_volumes = rng, phantom, n_volumes
        self.color = linalg.cholesky(temporal_covariance(n_volumes), lower=True)
        self.color = self.color.astype(np.float32)
        self.local_sigma = 2.0 / voxel_size
        shape = (self.N_WIDE, *phantom.brain.shape)
        wide = smooth_field(rng, shape, 9.0 / voxel_size)[:, phantom.brain]
        self.wide = wide / np.sqrt(np.float32(self.N_WIDE))

    def _white(self, n_columns: int) -> np.ndarray:
        return self.rng.standard_normal((self.n_volumes, n_columns), dtype=np.float32)

    def run(self) -> np.ndarray:
        """Return noise of shape (n_volumes, n_brain_voxels) in percent."""
        shape = (self.n_volumes, *self.phantom.brain.shape)
        local = smooth_field(self.rng, shape, self.local_sigma)
        noise = np.float32(self.LOCAL**0.5) * local[:, self.phantom.brain]
        noise += np.float32(self.WIDE**0.5) * (self._white(self.N_WIDE) @ self.wide)
        noise += np.float32(self.GLOBAL**0.5) * self._white(1)
        noise = self.color @ noise  # memory over time
        noise += np.float32(self.THERMAL**0.5) * self._white(noise.shape[1])
        return noise * self.phantom.noise_sd[self.phantom.brain]


def drift(
    rng: np.random.Generator, phantom: Phantom, n_volumes: int, percent: float
) -> np.ndarray:
    """Return slow scanner drifts, shape (n_volumes, n_brain_voxels), in percent."""
    time = np.linspace(-1, 1, n_volumes, dtype=np.float32)
    courses = np.stack([time, 0.5 * (time**2 - 1 / 3), 0.25 * np.sin(np.pi * time)], 1)
    maps = 0.4 + smooth_field(rng, (3, *phantom.brain.shape), 5.0)[:, phantom.brain]
    return np.float32(percent) * (courses @ maps)


def motion_parameters(
    rng: np.random.Generator, n_volumes: int, step: float = 0.012, jerk: float = 0.25
) -> np.ndarray:
    """Return residual head motion after realignment, in mm.

    A slow walk plus, on average, one jerk of a single volume in a run.

    Parameters
    ----------
    rng : numpy.random.Generator
    n_volumes : int
    step : float
        Standard deviation of the walk's steps in mm.
    jerk : float
        Standard deviation of a jerk in mm.

    Returns
    -------
    ndarray, shape (n_volumes, 3)
        Displacement along the voxel axes.
    """
    walk = np.cumsum(rng.normal(0, step, (n_volumes, 3)), axis=0)
    jerks = rng.normal(0, jerk, (n_volumes, 3)) * (rng.random((n_volumes, 1)) < 0.008)
    return (walk - walk.mean(axis=0) + jerks).astype(np.float32)


def motion_effect(phantom: Phantom, motion: np.ndarray) -> np.ndarray:
    """Return what small shifts add to each voxel: the shift times the gradient."""
    voxel_size = abs(phantom.affine[0, 0])
    gradient = np.stack(np.gradient(phantom.baseline, voxel_size))
    return motion @ gradient[:, phantom.brain]


# --- signal ----------------------------------------------------------------------


def canonical_hrf(t: np.ndarray) -> np.ndarray:
    """Return the canonical haemodynamic response at times `t`, with sum one.

    The difference of two gamma densities with the default parameters of SPM [1]_.

    Parameters
    ----------
    t : ndarray
        Times after the stimulus in s, evenly spaced.

    Returns
    -------
    ndarray, same shape as `t`

    References
    ----------
    .. [1] Friston et al. (1998), NeuroImage 7(1):30-40.
    """
    response = stats.gamma.pdf(t, 6) - stats.gamma.pdf(t, 16) / 6
    return response / response.sum()


def block_response(
    onsets: np.ndarray,
    duration: float,
    t_r: float,
    n_volumes: int,
    peak: float = 5.0,
) -> np.ndarray:
    """Return the BOLD response to blocks, sampled at each volume.

    Parameters
    ----------
    onsets : ndarray, shape (n_blocks,)
        Onsets in s.
    duration : float
        Length of a block in s.
    t_r : float
        Time between volumes in s.
    n_volumes : int
    peak : float
        Time from a brief stimulus to the response's peak in s; 5 is canonical.

    Returns
    -------
    ndarray, shape (n_volumes, n_blocks)
        One column a block; a long block reaches 1.
    """
    dt = 0.1
    fine = np.arange(0, n_volumes * t_r, dt)
    hrf = canonical_hrf(5.0 / peak * np.arange(0, 32, dt))
    columns = []
    for onset in np.atleast_1d(onsets):
        box = ((fine >= onset) & (fine < onset + duration)).astype(float)
        response = np.convolve(box, hrf)[: len(fine)]
        columns.append(np.interp(np.arange(n_volumes) * t_r, fine, response))
    return np.stack(columns, axis=1).astype(np.float32)


# --- files -----------------------------------------------------------------------


class BoldWriter:
    """Writes a 4-D int16 NIfTI run by run, so that memory holds one run only."""

    def __init__(
        self, path: Path, phantom: Phantom, n_volumes: int, t_r: float
    ) -> None:
        header = nib.Nifti1Header()
        header.set_data_shape((*phantom.brain.shape, n_volumes))
        header.set_data_dtype(np.int16)
        header.set_zooms((*[abs(phantom.affine[0, 0])] * 3, t_r))
        header.set_sform(phantom.affine, code=4)  # 4: MNI152
        header.set_qform(phantom.affine, code=4)
        header.set_xyzt_units("mm", "sec")
        header.set_slope_inter(1, 0)
        header["vox_offset"] = 352
        self.brain = phantom.brain
        self.file = igzip.IGzipFile(path, "wb", compresslevel=1, mtime=0)
        self.file.write(header.binaryblock + b"\0\0\0\0")

    def append(self, volumes: np.ndarray) -> None:
        """Append volumes of shape (n_volumes, n_brain_voxels); 0 outside."""
        data = np.zeros((len(volumes), *self.brain.shape), dtype="<i2")
        data[:, self.brain] = np.clip(np.rint(volumes), 0, 32767)
        # NIfTI's fastest axis is x.
        self.file.write(data.transpose(0, 3, 2, 1).tobytes())

    def __enter__(self) -> "BoldWriter":
        return self

    def __exit__(self, *exc: object) -> None:
        self.file.close()


def save(path: Path, data: np.ndarray, affine: np.ndarray) -> None:
    """Save an image in MNI space."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if data.dtype == bool:
        data = data.astype(np.uint8)
    img = nib.Nifti1Image(data, affine)
    img.set_sform(affine, code=4)
    img.set_qform(affine, code=4)
    nib.save(img, path)


def save_anatomy(path: Path) -> None:
    """Save the MNI152 template at 2 mm as the subject's anatomical image."""
    from nilearn import datasets

    template = datasets.load_mni152_template(resolution=2)
    data = np.asarray(template.dataobj)
    data = np.rint(1000 * data / data.max()).astype(np.int16)
    save(path, data, template.affine)
