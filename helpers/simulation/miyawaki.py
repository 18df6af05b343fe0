"""A phantom of the experiment of Miyawaki et al. (2008)."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from scipy import signal, stats

from helpers.simulation.phantom import OTHER_AXES, Phantom, canonical_hrf, smooth_field

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
    cortex = (
        phantom.gray
        & (np.abs(above) < bounds[-1])
        & (np.abs(mni[..., 0]) < opt.get("xmax", 30))
    )
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
    size = (
        (opt.get("s0", 0.4) + opt.get("s1", 0.12) * eccentricity)
        * larger
        / MIYAWAKI_PIXEL
    )
    # Few voxels respond strongly: those with a large vein.
    amplitude = opt.get("amp", 2.0) * np.exp(
        rng.normal(0, opt.get("amp_sd", 0.6), n_voxels)
    )
    amplitude *= np.exp(
        -((eccentricity / opt.get("amp_ecc", 1e9)) ** opt.get("amp_pow", 1))
    )
    amplitude *= rng.random(n_voxels) < opt.get("p_resp", 1.0)
    delay = (
        opt.get("delay", 4.3)
        + 0.4 * smooth_field(rng, phantom.brain.shape, 2.0)[cortex]
    )
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
        series = signal.fftconvolve(boxes.astype(float), hrf[:, None], axes=0)[
            : len(fine)
        ]
        out.append(np.stack([np.interp(mid, fine, c) for c in series.T], axis=1))
    return np.stack(out).astype(np.float32)  # (n_delays, n_volumes, n_blocks)
