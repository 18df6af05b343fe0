"""Honest phantoms: simulated recordings whose ground truth is known.

Each ``write_*`` function writes one data set into a folder, file by file as the
fetchers of nilearn lay it out, so that one reading path serves simulated and real
data. The anatomy is real (MNI152); signal, noise and artifacts are simulated, and
what was put in is written beside them in a folder ``truth``. Everything is seeded.

How a voxel's series is made, in percent of its baseline::

    BOLD = baseline x (1 + (signal + noise + drift) / 100) + motion . gradient(baseline)
"""

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from isal import igzip
from scipy import linalg, signal, stats

# Changes whenever a written file would: datasets.py rewrites what is older.
VERSION = "1"

HAXBY_CATEGORIES = (
    "bottle",
    "cat",
    "chair",
    "face",
    "house",
    "scissors",
    "scrambledpix",
    "shoe",
)
HAXBY_T_R = 2.5
HAXBY_N_RUNS = 12
HAXBY_N_VOLUMES = 121  # a run
HAXBY_ONSETS = 12.0 + 36.0 * np.arange(8)  # s: 24 s of stimulus, 12 s of rest
HAXBY_BLOCK = 24.0  # s
# Patches of ventral temporal cortex (MNI mm; the left ones mirror them).
FACE_CENTER = (41.0, -52.0, -18.0)  # fusiform face area
HOUSE_CENTER = (27.0, -46.0, -12.0)  # parahippocampal place area


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
    corner = [np.flatnonzero(brain.any(axis=axes))[[0, -1]] for axes in _OTHER_AXES]
    box = tuple(slice(max(lo - 1, 0), hi + 2) for lo, hi in corner)
    affine = images[0].affine.copy()
    affine[:3, 3] = nib.affines.apply_affine(affine, [s.start for s in box])
    return [brain[box], gray[box], white[box]], affine


_OTHER_AXES = ((1, 2), (0, 2), (0, 1))


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
    coil = _smooth_field(rng, brain.shape, 40 / voxel_size)
    baseline = np.where(brain, baseline * np.exp(0.15 * coil), 0)
    # Fluid pulsates: its noise is larger. The rest varies smoothly, as in real data.
    tissue_sd = 1.05 * gray + 0.75 * white + 2.0 * csf
    noise_sd = tissue_sd * np.exp(0.3 * _smooth_field(rng, brain.shape, 8 / voxel_size))
    return Phantom(
        affine=affine,
        brain=brain,
        gray=brain & (gray > 0.4) & (gray > white),
        baseline=baseline.astype(np.float32),
        noise_sd=noise_sd.astype(np.float32),
    )


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


def _smooth_field(
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


class _Noise:
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
        wide = _smooth_field(rng, shape, 9.0 / voxel_size)[:, phantom.brain]
        self.wide = wide / np.sqrt(np.float32(self.N_WIDE))

    def _white(self, n_columns: int) -> np.ndarray:
        return self.rng.standard_normal((self.n_volumes, n_columns), dtype=np.float32)

    def run(self) -> np.ndarray:
        """Return noise of shape (n_volumes, n_brain_voxels) in percent."""
        shape = (self.n_volumes, *self.phantom.brain.shape)
        local = _smooth_field(self.rng, shape, self.local_sigma)
        noise = np.float32(self.LOCAL**0.5) * local[:, self.phantom.brain]
        noise += np.float32(self.WIDE**0.5) * (self._white(self.N_WIDE) @ self.wide)
        noise += np.float32(self.GLOBAL**0.5) * self._white(1)
        noise = self.color @ noise  # memory over time
        noise += np.float32(self.THERMAL**0.5) * self._white(noise.shape[1])
        return noise * self.phantom.noise_sd[self.phantom.brain]


def _drift(
    rng: np.random.Generator, phantom: Phantom, n_volumes: int, percent: float
) -> np.ndarray:
    """Return slow scanner drifts, shape (n_volumes, n_brain_voxels), in percent."""
    time = np.linspace(-1, 1, n_volumes, dtype=np.float32)
    courses = np.stack([time, 0.5 * (time**2 - 1 / 3), 0.25 * np.sin(np.pi * time)], 1)
    maps = 0.4 + _smooth_field(rng, (3, *phantom.brain.shape), 5.0)[:, phantom.brain]
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


def _motion_effect(phantom: Phantom, motion: np.ndarray) -> np.ndarray:
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
    onsets: np.ndarray, duration: float, t_r: float, n_volumes: int
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

    Returns
    -------
    ndarray, shape (n_volumes, n_blocks)
        One column a block; a long block reaches 1.
    """
    dt = 0.1
    fine = np.arange(0, n_volumes * t_r, dt)
    hrf = canonical_hrf(np.arange(0, 32, dt))
    columns = []
    for onset in np.atleast_1d(onsets):
        box = ((fine >= onset) & (fine < onset + duration)).astype(float)
        response = np.convolve(box, hrf)[: len(fine)]
        columns.append(np.interp(np.arange(n_volumes) * t_r, fine, response))
    return np.stack(columns, axis=1).astype(np.float32)


# --- files -----------------------------------------------------------------------


class _BoldWriter:
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

    def __enter__(self) -> "_BoldWriter":
        return self

    def __exit__(self, *exc: object) -> None:
        self.file.close()


def _save(path: Path, data: np.ndarray, affine: np.ndarray) -> None:
    """Save an image in MNI space."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if data.dtype == bool:
        data = data.astype(np.uint8)
    img = nib.Nifti1Image(data, affine)
    img.set_sform(affine, code=4)
    img.set_qform(affine, code=4)
    nib.save(img, path)


def _save_anatomy(path: Path) -> None:
    """Save the MNI152 template at 2 mm as the subject's anatomical image."""
    from nilearn import datasets

    template = datasets.load_mni152_template(resolution=2)
    data = np.asarray(template.dataobj)
    data = np.rint(1000 * data / data.max()).astype(np.int16)
    _save(path, data, template.affine)


# --- Haxby's experiment ----------------------------------------------------------


def _near(mni: np.ndarray, center: tuple[float, ...], radius: float) -> np.ndarray:
    """Return the voxels within a radius of a point, in both hemispheres."""
    mirrored = mni * (np.sign(mni[..., :1]) * [1, 0, 0] + [0, 1, 1])
    return np.linalg.norm(mirrored - center, axis=-1) <= radius


def _haxby_regions(phantom: Phantom, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return masks of ventral temporal cortex and of its selective patches."""
    mni = phantom.mni()
    lateral, y, z = np.abs(mni[..., 0]), mni[..., 1], mni[..., 2]
    vt = phantom.gray & (lateral >= 20) & (lateral <= 50) & (y >= -74) & (y <= -30)
    # The floor follows the tentorium, so that the cerebellum stays out.
    vt &= (z <= -6) & (z >= -26 - 0.25 * (y + 40))
    # No two brains have their patches in the same place.
    face = np.asarray(FACE_CENTER) + rng.normal(0, 1.5, 3)
    house = np.asarray(HOUSE_CENTER) + rng.normal(0, 1.5, 3)
    return {
        "mask4_vt": vt,
        "mask8_face_vt": vt & _near(mni, face, 8),
        "mask8_house_vt": vt & _near(mni, house, 8),
        "mask8b_face_vt": vt & _near(mni, face, 11),
        "mask8b_house_vt": vt & _near(mni, house, 11),
    }


def _haxby_patterns(
    rng: np.random.Generator, regions: dict[str, np.ndarray]
) -> np.ndarray:
    """Return each category's response in percent, shape (8, x, y, z)."""
    vt = regions["mask4_vt"]
    patterns = 0.7 + 0.24 * _smooth_field(rng, (8, *vt.shape), 1.0)
    rank = dict(zip(HAXBY_CATEGORIES, range(8), strict=True))
    # Faces and houses have patches of their own; cats have faces, too.
    patterns[rank["face"]] += 1.6 * regions["mask8b_face_vt"]
    patterns[rank["cat"]] += 0.5 * regions["mask8b_face_vt"]
    patterns[rank["house"]] += 1.6 * regions["mask8b_house_vt"]
    patterns[rank["scrambledpix"]] -= 0.3
    return (patterns * vt).astype(np.float32)


def _haxby_labels(order: np.ndarray) -> np.ndarray:
    """Return the label of each volume of one run.

    As in the original's table, nine volumes a block, one volume after its onset.
    """
    labels = np.full(HAXBY_N_VOLUMES, "rest", dtype="U12")
    starts = np.ceil(HAXBY_ONSETS / HAXBY_T_R).astype(int) + 1
    for start, category in zip(starts, order, strict=True):
        labels[start : start + 9] = HAXBY_CATEGORIES[category]
    return labels


def _haxby_signal(
    rng: np.random.Generator, patterns: np.ndarray, order: np.ndarray, vt: np.ndarray
) -> np.ndarray:
    """Return the signal of one run in VT, shape (n_volumes, n_vt), in percent.

    No block repeats its category's pattern exactly: the run and the block add
    patterns of their own, shared by all the volumes of the block.
    """
    run_part = 0.12 * _smooth_field(rng, (8, *vt.shape), 1.0)[:, vt]
    block_part = 0.30 * _smooth_field(rng, (8, *vt.shape), 1.0)[:, vt]
    gain = np.exp(rng.normal(0, 0.15, (8, 1)))
    blocks = gain * (patterns[:, vt] + run_part)[order] + block_part
    response = block_response(HAXBY_ONSETS, HAXBY_BLOCK, HAXBY_T_R, HAXBY_N_VOLUMES)
    return response @ blocks.astype(np.float32)


def write_haxby(folder: Path, subject: int = 2) -> None:
    """Write a recording like those of Haxby et al. (2001) [1]_.

    Eight categories of pictures in blocks of 24 s, 12 runs of 121 volumes, TR 2.5 s,
    4 mm voxels in MNI space. Only ventral temporal cortex carries signal.

    Parameters
    ----------
    folder : Path
        Where ``haxby2001/`` is made, as ``nilearn.datasets.fetch_haxby`` has it.
    subject : int
        Number of the subject, 1 to 6; it seeds the patterns and the noise.

    Notes
    -----
    The truth is in ``haxby2001/subj{n}/truth``: ``patterns.nii.gz``, the response to
    each category in percent of the baseline (the categories in alphabetical order,
    as in `HAXBY_CATEGORIES`), ``face_house.nii.gz``, the difference of two of them,
    and ``signal_mask.nii.gz``, the voxels that carry any signal.

    References
    ----------
    .. [1] Haxby et al. (2001), Science 293(5539):2425-2430.
    """
    rng = np.random.default_rng([2001, subject])
    phantom = make_phantom(seed=subject)
    regions = _haxby_regions(phantom, rng)
    patterns = _haxby_patterns(rng, regions)
    root = Path(folder) / "haxby2001"
    subj = root / f"subj{subject}"
    _save(root / "mask.nii.gz", phantom.brain, phantom.affine)
    # nilearn reads the original's checksums before it looks for the files.
    (root / "MD5SUMS").write_text("", encoding="utf-8")
    for name, region in regions.items():
        _save(subj / f"{name}.nii.gz", region, phantom.affine)
    _save_anatomy(subj / "anat.nii.gz")
    _write_haxby_truth(subj / "truth", patterns, regions["mask4_vt"], phantom)
    labels = _write_haxby_bold(subj / "bold.nii.gz", rng, phantom, patterns, regions)
    lines = [
        f"{label} {run}"
        for run, run_labels in enumerate(labels)
        for label in run_labels
    ]
    text = "\n".join(["labels chunks", *lines]) + "\n"
    (subj / "labels.txt").write_text(text, encoding="utf-8")


def _write_haxby_truth(
    folder: Path, patterns: np.ndarray, vt: np.ndarray, phantom: Phantom
) -> None:
    """Write what an analysis should find."""
    rank = dict(zip(HAXBY_CATEGORIES, range(8), strict=True))
    difference = patterns[rank["face"]] - patterns[rank["house"]]
    _save(folder / "signal_mask.nii.gz", vt, phantom.affine)
    _save(folder / "patterns.nii.gz", np.moveaxis(patterns, 0, -1), phantom.affine)
    _save(folder / "face_house.nii.gz", difference, phantom.affine)


def _write_haxby_bold(
    path: Path,
    rng: np.random.Generator,
    phantom: Phantom,
    patterns: np.ndarray,
    regions: dict[str, np.ndarray],
) -> list[np.ndarray]:
    """Write the series run by run; return the labels of each run."""
    vt = regions["mask4_vt"]
    vt_columns = vt[phantom.brain]
    baseline = phantom.baseline[phantom.brain]
    noise = _Noise(rng, phantom, HAXBY_N_VOLUMES)
    labels = []
    n_volumes = HAXBY_N_RUNS * HAXBY_N_VOLUMES
    with _BoldWriter(path, phantom, n_volumes, HAXBY_T_R) as bold:
        for run in range(HAXBY_N_RUNS):
            order = rng.permutation(8)
            percent = noise.run() + _drift(rng, phantom, HAXBY_N_VOLUMES, 1.0)
            percent[:, vt_columns] += _haxby_signal(rng, patterns, order, vt)
            level = np.float32(100 - 0.15 * run + rng.normal(0, 0.3))  # scanner's gain
            motion = motion_parameters(rng, HAXBY_N_VOLUMES)
            effect = _motion_effect(phantom, motion)
            bold.append(baseline * (level + percent) / 100 + effect)
            labels.append(_haxby_labels(order))
    return labels


# --- Miyawaki's experiment -------------------------------------------------------

MIYAWAKI_T_R = 2.0
MIYAWAKI_N_RANDOM_RUNS, MIYAWAKI_N_FIGURE_RUNS = 20, 12
MIYAWAKI_LEAD = 12.0  # s of rest before the first block of a run
MIYAWAKI_RANDOM_ONSETS = MIYAWAKI_LEAD + 12.0 * np.arange(16)  # 6 s on, 6 s off
MIYAWAKI_RANDOM_BLOCK = 6.0
MIYAWAKI_FIGURE_ONSETS = MIYAWAKI_LEAD + 24.0 * np.arange(10)  # 12 s on, 12 s off
MIYAWAKI_FIGURE_BLOCK = 12.0
MIYAWAKI_PIXEL = 1.15  # degrees of visual angle
MIYAWAKI_CENTER = 4.5  # row and column of the fixation point, between four pixels

# Visual areas lie in bands along the calcarine sulcus, each the mirror image of the
# one before: name of the dorsal and of the ventral half, outer edge in mm from the
# sulcus, and how much larger its receptive fields are than those of V1.
_VISUAL_AREAS = (
    ("V1d", "V1v", 8.0, 1.0),
    ("V2d", "V2v", 14.0, 1.3),
    ("V3", "VP", 19.0, 1.7),
    ("V3A", "V4v", 24.0, 2.5),
)
# Cortical magnification, Horton & Hoyt (1991): 17.3 / (eccentricity + 0.75) mm/degree.
_MAGNIFICATION, _MAGNIFICATION_OFFSET = 17.3, 0.75

_LETTERS = {
    "n": ("1111", "1001", "1001", "1001", "1001"),
    "e": ("1111", "1001", "1111", "1000", "1111"),
    "u": ("1001", "1001", "1001", "1001", "1111"),
    "r": ("1111", "1000", "1000", "1000", "1000"),
    "o": ("1111", "1001", "1001", "1001", "1111"),
}


def miyawaki_figures() -> dict[str, np.ndarray]:
    """Return the ten figures of the figure session: name to image (row, column).

    Returns
    -------
    dict of str to ndarray of int, shape (10, 10)
        Five shapes, then five letters. 1: the pixel flickers; 0: it stays gray.
    """
    figures = {name: np.zeros((10, 10), dtype=int) for name in _SHAPES}
    figures["square"][3:7, 3:7] = 1
    figures["small frame"][3:7, 3:7] = 1
    figures["small frame"][4:6, 4:6] = 0
    figures["large frame"][1:9, 1:9] = 1
    figures["large frame"][3:7, 3:7] = 0
    figures["plus"][4:6, 1:9] = figures["plus"][1:9, 4:6] = 1
    for k in (-1, 0, 1):
        arm = np.eye(8, k=k, dtype=int)
        figures["cross"][1:9, 1:9] |= arm | arm[::-1]
    for name, rows in _LETTERS.items():
        figures[name] = np.zeros((10, 10), dtype=int)
        figures[name][2:7, 3:7] = [[int(pixel) for pixel in row] for row in rows]
    return figures


_SHAPES = ("square", "small frame", "large frame", "plus", "cross")


@dataclass(frozen=True)
class Retinotopy:
    """Where in the visual field the voxels of visual cortex look.

    Attributes
    ----------
    cortex : ndarray of bool, shape (x, y, z)
        Visual cortex. Everything below has one entry for each of its voxels.
    area : ndarray of int
        Index of the band of areas: 0 (V1) to 3 (V3A and V4v).
    eccentricity : ndarray
        Distance from the fixation point in degrees of visual angle.
    angle : ndarray
        Polar angle in degrees, counterclockwise from the right horizontal meridian,
        between -180 and 180.
    rf_x, rf_y, rf_size : ndarray
        Center (column, row) and standard deviation of the receptive field in pixels.
    amplitude : ndarray
        Response to an image with all pixels on, in percent of the baseline.
    hrf_delay : ndarray
        Time to the peak of the haemodynamic response in s.
    """

    cortex: np.ndarray
    area: np.ndarray
    eccentricity: np.ndarray
    angle: np.ndarray
    rf_x: np.ndarray
    rf_y: np.ndarray
    rf_size: np.ndarray
    amplitude: np.ndarray
    hrf_delay: np.ndarray

    def receptive_fields(self) -> np.ndarray:
        """Return each voxel's weight of each pixel, shape (n_voxels, 10, 10).

        The share of a Gaussian of unit volume that falls on the pixel: (row, column).
        """
        edges = np.arange(11) - 0.5
        size = self.rf_size[:, None]
        columns = np.diff(stats.norm.cdf((edges - self.rf_x[:, None]) / size))
        rows = np.diff(stats.norm.cdf((edges - self.rf_y[:, None]) / size))
        return rows[:, :, None] * columns[:, None, :]


def _posterior_slab(phantom: Phantom) -> Phantom:
    """Crop a head to the box around occipital cortex."""
    mni = phantom.mni()
    x, y, z = np.moveaxis(mni, -1, 0)
    keep = (np.abs(x) <= 36) & (y <= -54) & (z >= -22) & (z <= 32) & phantom.brain
    corner = [np.flatnonzero(keep.any(axis=axes))[[0, -1]] for axes in _OTHER_AXES]
    box = tuple(slice(lo, hi + 1) for lo, hi in corner)
    affine = phantom.affine.copy()
    affine[:3, 3] = nib.affines.apply_affine(affine, [s.start for s in box])
    return Phantom(
        affine=affine,
        brain=phantom.brain[box],
        gray=phantom.gray[box],
        baseline=phantom.baseline[box],
        noise_sd=phantom.noise_sd[box],
    )


def _calcarine_coordinates(mni: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distance from the occipital pole and above the calcarine, in mm."""
    forward = mni[..., 1] + 104
    above = mni[..., 2] - (-1 + 0.25 * forward)  # the sulcus climbs as it runs
    lateral = np.maximum(np.abs(mni[..., 0]) - 10, 0)
    from_pole = np.sqrt(forward**2 + lateral**2 + above**2)
    return from_pole, above


def _make_retinotopy(rng: np.random.Generator, phantom: Phantom, **opt) -> Retinotopy:
    """Draw the retinotopic map of one subject."""
    mni = phantom.mni()
    from_pole, above = _calcarine_coordinates(mni)
    bounds = [outer for *_, outer, _ in _VISUAL_AREAS]
    cortex = phantom.gray & (np.abs(above) < bounds[-1]) & (np.abs(mni[..., 0]) < opt.get("xmax", 30))
    cortex &= (mni[..., 2] > -20) & (from_pole > 0)
    x, from_pole, above = mni[cortex][:, 0], from_pole[cortex], above[cortex]
    n_voxels = len(x)
    area = np.searchsorted(bounds, np.abs(above), side="right")

    eccentricity = _MAGNIFICATION_OFFSET * np.expm1(from_pole / _MAGNIFICATION)
    inner = np.r_[0, bounds[:-1]][area]
    share = (np.abs(above) - inner) / (np.asarray(bounds)[area] - inner)
    # V1 runs from the horizontal to the vertical meridian, V2 back again, and so on.
    share = np.where(area % 2, 1 - share, share)
    elevation = -np.sign(above) * 90 * share  # what is above the sulcus looks down
    angle = np.where(x < 0, elevation, np.sign(elevation) * 180 - elevation)

    field_x = eccentricity * np.cos(np.deg2rad(angle)) / MIYAWAKI_PIXEL
    field_y = eccentricity * np.sin(np.deg2rad(angle)) / MIYAWAKI_PIXEL
    scatter = opt.get("scatter", 0.25) * (1 + 0.2 * eccentricity)
    larger = np.asarray([factor for *_, factor in _VISUAL_AREAS])[area]
    size = (opt.get("s0", 0.4) + opt.get("s1", 0.12) * eccentricity) * larger / MIYAWAKI_PIXEL
    # Few voxels respond strongly: those with a large vein.
    amplitude = opt.get("amp", 2.0) * np.exp(rng.normal(0, opt.get("amp_sd", 0.6), n_voxels))
    amplitude *= np.exp(-(eccentricity / opt.get("amp_ecc", 1e9))**opt.get("amp_pow", 1))
    amplitude *= rng.random(n_voxels) < opt.get("p_resp", 1.0)
    delay = opt.get("delay", 4.3) + 0.4 * _smooth_field(rng, phantom.brain.shape, 2.0)[cortex]
    return Retinotopy(
        cortex=cortex,
        area=area,
        eccentricity=eccentricity,
        angle=angle,
        rf_x=MIYAWAKI_CENTER + field_x + scatter * rng.normal(0, 1, n_voxels),
        rf_y=MIYAWAKI_CENTER - field_y + scatter * rng.normal(0, 1, n_voxels),
        rf_size=size,
        amplitude=amplitude,
        hrf_delay=np.clip(np.round(delay, 1), 3.0, 6.0),
    )


def _voxel_hrf(delays: np.ndarray, dt: float) -> np.ndarray:
    """Return the response that peaks at each of the delays, shape (n_delays, n)."""
    t = np.arange(0, 32, dt)
    # The canonical response peaks at 5 s.
    return np.stack([canonical_hrf(5 / delay * t) for delay in delays])


def _random_responses(delays, onsets, duration, n_volumes):
    dt = 0.1
    fine = np.arange(0, n_volumes * MIYAWAKI_T_R, dt)
    mid = (np.arange(n_volumes) + 0.5) * MIYAWAKI_T_R
    boxes = (fine[:, None] >= onsets) & (fine[:, None] < onsets + duration)
    out = []
    for hrf in _voxel_hrf(delays, dt):
        series = signal.fftconvolve(boxes.astype(float), hrf[:, None], axes=0)[: len(fine)]
        out.append(np.stack([np.interp(mid, fine, c) for c in series.T], axis=1))
    return np.stack(out).astype(np.float32)  # (n_delays, n_volumes, n_blocks)
