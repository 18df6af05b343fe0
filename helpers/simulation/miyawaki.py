"""A phantom of the experiment of Miyawaki et al. (2008)."""

from dataclasses import dataclass, fields
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy import stats

from helpers.simulation.phantom import (
    OTHER_AXES,
    BoldWriter,
    Noise,
    Phantom,
    block_response,
    drift,
    make_phantom,
    motion_effect,
    motion_parameters,
    save,
    smooth_field,
)

# --- the experiment --------------------------------------------------------------


@dataclass(frozen=True)
class Session:
    """One kind of run: its blocks, and the rest around them.

    Attributes
    ----------
    n_runs, n_blocks : int
        Number of runs, and of images shown in each.
    n_on, n_off : int
        Volumes that an image lasts, and volumes of rest between two images.
    """

    n_runs: int
    n_blocks: int
    n_on: int
    n_off: int

    def starts(self) -> np.ndarray:
        """Return the first volume of each block."""
        return MIYAWAKI_LEAD + (self.n_on + self.n_off) * np.arange(self.n_blocks)

    def n_volumes(self) -> int:
        """Return the number of volumes of a run."""
        return int(self.starts()[-1]) + self.n_on + MIYAWAKI_TAIL


MIYAWAKI_T_R = 2.0
MIYAWAKI_LEAD, MIYAWAKI_TAIL = 10, 6  # volumes of rest at both ends of a run
# The original's design: 440 random images of 6 s, figures of 12 s.
MIYAWAKI_RANDOM = Session(n_runs=20, n_blocks=22, n_on=3, n_off=3)
MIYAWAKI_FIGURE = Session(n_runs=12, n_blocks=10, n_on=6, n_off=6)
MIYAWAKI_PIXEL = 1.15  # degrees of visual angle
MIYAWAKI_CENTER = 4.5  # row and column of the fixation point, between four pixels

_SHAPES = ("square", "small frame", "plus", "cross", "large frame")
_LETTERS = {
    "n": ("1111", "1001", "1001", "1001", "1001"),
    "e": ("1111", "1001", "1111", "1000", "1111"),
    "u": ("1001", "1001", "1001", "1001", "1111"),
    "r": ("1111", "1000", "1000", "1000", "1000"),
    "o": ("1111", "1001", "1001", "1001", "1111"),
}


def miyawaki_figures() -> dict[str, np.ndarray]:
    """Return the ten figures of the figure session: name to image.

    Returns
    -------
    dict of str to ndarray of int, shape (10, 10)
        Five shapes, then five letters; (row, column), row 0 at the top. 1: the pixel
        flickers; 0: it stays gray.
    """
    figures = {name: np.zeros((10, 10), dtype=int) for name in (*_SHAPES, *_LETTERS)}
    figures["square"][3:7, 3:7] = 1
    figures["small frame"][3:7, 3:7] = 1
    figures["small frame"][4:6, 4:6] = 0
    figures["plus"][4:6, 1:9] = figures["plus"][1:9, 4:6] = 1
    for k in (-1, 0, 1):
        arm = np.eye(8, k=k, dtype=int)
        figures["cross"][1:9, 1:9] |= arm | arm[::-1]
    figures["large frame"][1:9, 1:9] = 1
    figures["large frame"][3:7, 3:7] = 0
    for name, rows in _LETTERS.items():
        figures[name][2:7, 3:7] = [[int(pixel) for pixel in row] for row in rows]
    return figures


def _figure_run(rng: np.random.Generator, run: int) -> np.ndarray:
    """Return the images of a figure run: five shapes or five letters, each twice."""
    images = list(miyawaki_figures().values())
    kind = images[:5] if run < MIYAWAKI_FIGURE.n_runs // 2 else images[5:]
    order = np.concatenate([rng.permutation(5), rng.permutation(5)])
    return np.stack(kind)[order]


def _random_run(rng: np.random.Generator) -> np.ndarray:
    """Return the images of a random run: each pixel is on in half of them."""
    n_blocks = MIYAWAKI_RANDOM.n_blocks
    columns = [rng.permutation(n_blocks) < n_blocks // 2 for _ in range(100)]
    return np.stack(columns, axis=1).reshape(-1, 10, 10).astype(int)


def _label_table(images: np.ndarray, session: Session) -> np.ndarray:
    """Return the pixels of each volume, -1 for rest, shape (n_volumes, 100).

    As in the original, a row is an image column by column (Fortran order).
    """
    table = np.full((session.n_volumes(), 100), -1)
    for start, image in zip(session.starts(), images, strict=True):
        table[start : start + session.n_on] = image.ravel(order="F")
    return table


# --- visual cortex ---------------------------------------------------------------

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
_POLE = -104.0  # MNI y of the occipital pole in mm, where the fovea is
_HALF_WIDTH = 30.0  # mm from the midline
_RF_SIZE = (0.40, 0.14)  # degrees at the fovea, and more of them per degree outwards
_RF_SCATTER = 0.25  # pixels, at the fovea
_AMPLITUDE, _AMPLITUDE_SPREAD = 3.2, 0.4  # percent; log-normal
_HRF_DELAY, _HRF_DELAY_SPREAD = 4.2, 0.4  # s to the peak; visual cortex is early


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
    x, y, z = np.moveaxis(phantom.mni(), -1, 0)
    keep = (np.abs(x) <= 36) & (y <= -54) & (z >= -22) & (z <= 32) & phantom.brain
    corner = [np.flatnonzero(keep.any(axis=axes))[[0, -1]] for axes in OTHER_AXES]
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
    forward = mni[..., 1] - _POLE
    above = mni[..., 2] - (-1 + 0.25 * forward)  # the sulcus climbs as it runs
    lateral = np.maximum(np.abs(mni[..., 0]) - 10, 0)
    from_pole = np.sqrt(forward**2 + lateral**2 + above**2)
    return from_pole, above


def _polar_angle(x: np.ndarray, above: np.ndarray, area: np.ndarray) -> np.ndarray:
    """Return the polar angle in degrees of voxels x mm from the midline.

    V1 runs from the horizontal to the vertical meridian, V2 back again, and so on.
    What lies above the sulcus looks down, and the left hemisphere to the right.
    """
    outer = np.asarray([edge for *_, edge, _ in _VISUAL_AREAS])
    inner = np.r_[0, outer[:-1]]
    share = (np.abs(above) - inner[area]) / (outer - inner)[area]
    elevation = -np.sign(above) * 90 * np.where(area % 2, 1 - share, share)
    return np.where(x < 0, elevation, np.sign(elevation) * 180 - elevation)


def _make_retinotopy(rng: np.random.Generator, phantom: Phantom) -> Retinotopy:
    """Draw the retinotopic map of one subject."""
    mni = phantom.mni()
    from_pole, above = _calcarine_coordinates(mni)
    edges = [edge for *_, edge, _ in _VISUAL_AREAS]
    cortex = phantom.gray & (np.abs(above) < edges[-1])
    cortex &= (np.abs(mni[..., 0]) < _HALF_WIDTH) & (mni[..., 2] > -20)
    x, from_pole, above = mni[cortex][:, 0], from_pole[cortex], above[cortex]
    area = np.searchsorted(edges, np.abs(above), side="right")
    eccentricity = _MAGNIFICATION_OFFSET * np.expm1(from_pole / _MAGNIFICATION)
    angle = _polar_angle(x, above, area)
    # Neighbors do not look at exactly neighboring places.
    scatter = _RF_SCATTER * (1 + 0.2 * eccentricity) * rng.normal(0, 1, (2, len(x)))
    radius = eccentricity / MIYAWAKI_PIXEL
    larger = np.asarray([factor for *_, factor in _VISUAL_AREAS])[area]
    size = (_RF_SIZE[0] + _RF_SIZE[1] * eccentricity) * larger
    delay = smooth_field(rng, phantom.brain.shape, 2.0)[cortex]
    delay = np.clip(_HRF_DELAY + _HRF_DELAY_SPREAD * delay, 3.0, 5.4)
    return Retinotopy(
        cortex=cortex,
        area=area,
        eccentricity=eccentricity,
        angle=angle,
        rf_x=MIYAWAKI_CENTER + radius * np.cos(np.deg2rad(angle)) + scatter[0],
        rf_y=MIYAWAKI_CENTER - radius * np.sin(np.deg2rad(angle)) + scatter[1],
        rf_size=size / MIYAWAKI_PIXEL,
        # Few voxels respond strongly: those with a large vein.
        amplitude=_AMPLITUDE * np.exp(rng.normal(0, _AMPLITUDE_SPREAD, len(x))),
        hrf_delay=np.round(delay / 0.2) * 0.2,
    )


# --- the recording ---------------------------------------------------------------


class _Signal:
    """Draws the signal of runs of one session, in percent of the baseline."""

    def __init__(
        self, rng: np.random.Generator, retinotopy: Retinotopy, session: Session
    ) -> None:
        self.rng, self.retinotopy, self.session = rng, retinotopy, session
        self.fields = retinotopy.receptive_fields().reshape(-1, 100)
        self.fields *= retinotopy.amplitude[:, None]
        delays, self.which = np.unique(retinotopy.hrf_delay, return_inverse=True)
        # The slices of a volume are recorded half a TR after its start, on average.
        onsets = (session.starts() - 0.5) * MIYAWAKI_T_R
        duration, n_volumes = session.n_on * MIYAWAKI_T_R, session.n_volumes()
        self.responses = [
            block_response(onsets, duration, MIYAWAKI_T_R, n_volumes, peak=delay)
            for delay in delays
        ]

    def run(self, images: np.ndarray) -> np.ndarray:
        """Return the signal of one run, shape (n_volumes, n_voxels)."""
        n_blocks, n_voxels = len(images), len(self.fields)
        blocks = images.reshape(n_blocks, 100) @ self.fields.T
        # Attention and arousal wax and wane, from run to run and from block to block.
        blocks *= np.exp(self.rng.normal(0, 0.10))
        blocks *= np.exp(self.rng.normal(0, 0.15, (n_blocks, 1)))
        signal = np.empty((self.session.n_volumes(), n_voxels), dtype=np.float32)
        for k, response in enumerate(self.responses):
            voxels = self.which == k
            signal[:, voxels] = response @ blocks[:, voxels].astype(np.float32)
        return signal


def write_miyawaki(folder: Path) -> None:
    """Write a recording like those of Miyawaki et al. (2008) [1]_.

    Images of 10 x 10 pixels that flicker or stay gray: 12 runs of 10 figures, 20 runs
    of 22 random images, TR 2 s, 3 mm voxels of posterior cortex in MNI space. Voxels
    of visual cortex respond to the pixels in their receptive field.

    Parameters
    ----------
    folder : Path
        Where ``miyawaki2008/`` is made, as ``nilearn.datasets.fetch_miyawaki2008`` has
        it.

    Notes
    -----
    The retinotopic map follows the calcarine sulcus, with the cortical magnification
    of [2]_. The truth is in ``miyawaki2008/truth``, one image for each attribute of
    `Retinotopy`; NaN outside visual cortex.

    References
    ----------
    .. [1] Miyawaki et al. (2008), Neuron 60(5):915-929.
    .. [2] Horton & Hoyt (1991), Archives of Ophthalmology 109(6):816-824.
    """
    rng = np.random.default_rng(2008)
    phantom = _posterior_slab(make_phantom(voxel_size=3, seed=2008))
    retinotopy = _make_retinotopy(rng, phantom)
    root = Path(folder) / "miyawaki2008"
    _write_masks(root / "mask", phantom, retinotopy)
    _write_background(root / "bg.nii.gz", phantom)
    _write_truth(root / "truth", phantom, retinotopy)
    figures = [_figure_run(rng, run) for run in range(MIYAWAKI_FIGURE.n_runs)]
    random = [_random_run(rng) for _ in range(MIYAWAKI_RANDOM.n_runs)]
    _write_runs(root, "figure", rng, phantom, retinotopy, MIYAWAKI_FIGURE, figures)
    _write_runs(root, "random", rng, phantom, retinotopy, MIYAWAKI_RANDOM, random)


def _write_masks(folder: Path, phantom: Phantom, retinotopy: Retinotopy) -> None:
    """Write the mask of gray matter, and those of areas and eccentricities.

    In the original, "lag" is the delay of the response to an expanding ring; here it
    is the eccentricity in degrees.
    """
    save(folder / "mask.nii.gz", phantom.gray, phantom.affine)
    x = phantom.mni()[retinotopy.cortex][:, 0]
    dorsal = _calcarine_coordinates(phantom.mni()[retinotopy.cortex])[1] > 0
    parts = {
        f"lag{k}to{k + 1}": np.floor(retinotopy.eccentricity) == k for k in range(11)
    }
    for index, (above, below, *_) in enumerate(_VISUAL_AREAS):
        parts[above] = (retinotopy.area == index) & dorsal
        parts[below] = (retinotopy.area == index) & ~dorsal
    for side, in_side in (("LH", x < 0), ("RH", x >= 0)):
        for name, part in parts.items():
            region = np.zeros(phantom.brain.shape, dtype=bool)
            region[retinotopy.cortex] = part & in_side
            save(folder / f"{side}{name}.nii.gz", region, phantom.affine)


def _write_background(path: Path, phantom: Phantom) -> None:
    """Write the MNI152 template on the grid of the series."""
    from nilearn import datasets

    template = datasets.load_mni152_template(resolution=3)
    corner = np.linalg.inv(template.affine) @ phantom.affine[:, 3]
    box = tuple(
        slice(start, start + n)
        for start, n in zip(
            np.rint(corner[:3]).astype(int), phantom.brain.shape, strict=True
        )
    )
    data = np.asarray(template.dataobj)[box]
    save(path, np.rint(1000 * data / data.max()).astype(np.int16), phantom.affine)


def _write_truth(folder: Path, phantom: Phantom, retinotopy: Retinotopy) -> None:
    """Write what an analysis should find, one image an attribute."""
    for item in fields(retinotopy):
        if item.name == "cortex":
            continue
        volume = np.full(phantom.brain.shape, np.nan, dtype=np.float32)
        volume[retinotopy.cortex] = getattr(retinotopy, item.name)
        save(folder / f"{item.name}.nii.gz", volume, phantom.affine)


def _write_runs(
    root: Path,
    kind: str,
    rng: np.random.Generator,
    phantom: Phantom,
    retinotopy: Retinotopy,
    session: Session,
    runs: list[np.ndarray],
) -> None:
    """Write the series and the labels of the runs of one session."""
    for part in ("func", "label"):
        (root / part).mkdir(parents=True, exist_ok=True)
    columns = retinotopy.cortex[phantom.brain]
    baseline = phantom.baseline[phantom.brain]
    n_volumes = session.n_volumes()
    noise = Noise(rng, phantom, n_volumes)
    signal = _Signal(rng, retinotopy, session)
    for run, images in enumerate(runs, start=1):
        name = f"data_{kind}_run{run:02}"
        percent = noise.run() + drift(rng, phantom, n_volumes, 1.0)
        percent[:, columns] += signal.run(images)
        level = np.float32(100 + rng.normal(0, 0.5))  # scanner's gain
        effect = motion_effect(phantom, motion_parameters(rng, n_volumes))
        path = root / "func" / f"{name}.nii.gz"
        with BoldWriter(path, phantom, n_volumes, MIYAWAKI_T_R) as bold:
            bold.append(baseline * (level + percent) / 100 + effect)
        table = _label_table(images, session)
        np.savetxt(root / "label" / f"{name}_label.csv", table, "%d", delimiter=",")
