"""A phantom of brains at rest, in the layout of the ADHD-200 data that nilearn has."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import linalg, ndimage, spatial, stats

from helpers.simulation.phantom import (
    BoldWriter,
    Noise,
    Phantom,
    canonical_hrf,
    drift,
    make_phantom,
    make_tissues,
    save,
    smooth_field,
)

REST_T_R = 2.0
REST_N_VOLUMES = 120
REST_VOXEL_SIZE = 4  # mm

# The folders of the subjects, as nilearn's fetcher looks for them.
# fmt: off
REST_IDS = (
    "0010042", "0010064", "0010128", "0021019", "0023008", "0023012", "0027011",
    "0027018", "0027034", "0027037", "1019436", "1206380", "1418396", "1517058",
    "1552181", "1562298", "1679142", "2014113", "2497695", "2950754", "3007585",
    "3154996", "3205761", "3520880", "3624598", "3699991", "3884955", "3902469",
    "3994098", "4016887", "4046678", "4134561", "4164316", "4275075", "6115230",
    "7774305", "8409791", "8697774", "9744150", "9750701",
)
# fmt: on

# Regions in MNI millimeters: functional areas of Power et al. (2011) and the system
# that they assign each to. The last number is the region's weight in its network.
REST_NETWORKS = {
    "default mode": {
        "posterior cingulate": (-7, -55, 27, 1.1),
        "medial prefrontal": (-7, 51, -1, 1.0),
        "left angular": (-41, -75, 26, 1.0),
        "right angular": (43, -72, 28, 1.0),
        "left middle temporal": (-56, -13, -10, 0.8),
        "right middle temporal": (65, -12, -19, 0.8),
    },
    "visual": {
        "left calcarine": (-8, -81, 7, 1.0),
        "right calcarine": (6, -81, 6, 1.0),
        "left lateral occipital": (-40, -88, -6, 0.9),
        "right lateral occipital": (37, -81, 1, 0.9),
    },
    "motor": {
        "left central": (-40, -19, 54, 1.0),
        "right central": (42, -20, 55, 1.0),
        "supplementary motor": (0, -15, 47, 0.9),
    },
    "auditory": {
        "left auditory": (-60, -25, 14, 1.3),
        "right auditory": (58, -16, 7, 1.3),
    },
    "fronto-parietal": {
        "left dorsolateral prefrontal": (-42, 25, 30, 1.0),
        "right dorsolateral prefrontal": (48, 25, 27, 1.0),
        "left parietal": (-42, -55, 45, 1.0),
        "right parietal": (44, -53, 47, 1.0),
    },
    "salience": {
        "anterior cingulate": (5, 23, 37, 1.1),
        "left insula": (-35, 20, 0, 1.0),
        "right insula": (34, 16, -8, 1.0),
        "left anterior prefrontal": (-28, 52, 21, 0.8),
        "right anterior prefrontal": (26, 50, 27, 0.8),
    },
}
_REGIONS = [
    (network, region, *place)
    for network, regions in REST_NETWORKS.items()
    for region, place in regions.items()
]
REST_ARTIFACTS = ("ventricles", "arteries", "sagittal sinus", "head motion")

_REGION_RADIUS = 14.0  # mm: where a region falls to half of its peak
_NETWORK_SD, _REGION_SD = 1.3, 0.65  # percent: shared by a network, a region's own
# Correlations between the courses of networks; all others are 0.
_NETWORK_CORRELATIONS = {
    ("default mode", "salience"): -0.3,
    ("default mode", "fronto-parietal"): -0.2,
    ("fronto-parietal", "salience"): 0.2,
    ("visual", "motor"): 0.2,
    ("visual", "auditory"): 0.1,
    ("motor", "auditory"): 0.2,
}
# The one connection in which the groups differ: the correlation of the fluctuations
# that the two regions do not share with their networks.
REST_CONNECTION = ("posterior cingulate", "anterior cingulate")
_CONTROLS, _PATIENTS, _WITHIN_GROUP_SD = -0.5, -0.1, 0.15
# Samples of 40 subjects show a difference of 0.7 +- 0.3 standard deviations in this
# connection; with this seed it is 0.74, neither a lucky nor an unlucky sample.
_COURSES_SEED = 2016


# --- subjects --------------------------------------------------------------------


@dataclass(frozen=True)
class _Subject:
    """What makes one simulated subject differ from another."""

    number: int
    patient: bool
    age: float
    sex: str
    connection: float  # correlation of the two regions' own fluctuations
    motion: np.ndarray  # (n_volumes, 6): pitch, roll, yaw in degrees; x, y, z in mm


def _draw_subject(number: int) -> _Subject:
    """Draw a subject; the same number gives the same subject."""
    rng = np.random.default_rng([2012, number])
    patient = number % 2 == 0
    mean = _PATIENTS if patient else _CONTROLS
    connection = np.clip(rng.normal(mean, _WITHIN_GROUP_SD), -0.95, 0.95)
    age, sex = rng.uniform(8, 20), "FM"[rng.integers(2)]
    # Patients move more: the groups differ in an artifact, too, as real ones do.
    restless = np.exp(rng.normal(0.15 if patient else -0.05, 0.3))
    n = REST_N_VOLUMES
    walk = np.cumsum(rng.normal(0, 1, (n, 6)) * ([0.02] * 3 + [0.02] * 3), axis=0)
    jerks = rng.normal(0, 0.25, (n, 6)) * (rng.random((n, 1)) < 0.04)
    motion = restless * (walk - walk.mean(axis=0) + jerks)
    return _Subject(number, patient, age, sex, connection, motion)


def framewise_displacement(motion: np.ndarray) -> np.ndarray:
    """Return how far the head moved since the volume before, in mm.

    Parameters
    ----------
    motion : ndarray, shape (n_volumes, 6)
        Three rotations in degrees, three translations in mm.

    Returns
    -------
    ndarray, shape (n_volumes,)
        The sum of the six absolute steps, rotations as arcs on a sphere of 50 mm
        [1]_; 0 for the first volume.

    References
    ----------
    .. [1] Power et al. (2012), NeuroImage 59(3):2142-2154.
    """
    in_mm = motion * ([50 * np.pi / 180] * 3 + [1] * 3)
    steps = np.diff(in_mm, axis=0, prepend=in_mm[:1])
    return np.abs(steps).sum(axis=1)


def _phenotypes() -> pd.DataFrame:
    """Return the table of all subjects, in columns that the original has."""
    rows = []
    for number, name in enumerate(REST_IDS, start=1):
        subject = _draw_subject(number)
        displacement = framewise_displacement(subject.motion)
        rows.append(
            {
                "Subject": int(name),
                "MeanFD": round(displacement.mean(), 4),
                "NumFD_greater_than_0.20": int((displacement > 0.2).sum()),
                "site": "simulated",
                "age": round(subject.age, 2),
                "sex": subject.sex,
                "tdc": int(not subject.patient),
                "adhd": int(subject.patient),
            }
        )
    return pd.DataFrame(rows)


# --- maps ------------------------------------------------------------------------


def _region_maps(
    phantom: Phantom, gray: np.ndarray, rng: np.random.Generator | None = None
) -> np.ndarray:
    """Return each region's map, shape (n_regions, x, y, z), near 1 at its center.

    With a generator: of one subject, whose regions lie, reach and weigh otherwise.
    """
    mni = phantom.mni()
    maps = np.zeros((len(_REGIONS), *gray.shape), dtype=np.float32)
    for i, (*_, x, y, z, weight) in enumerate(_REGIONS):
        center, radius = np.array([x, y, z]), _REGION_RADIUS
        if rng is not None:
            center = center + rng.normal(0, 2.5, 3)
            radius = radius * np.exp(rng.normal(0, 0.1))
            weight = weight * np.exp(rng.normal(0, 0.2))
        distance = np.linalg.norm(mni - center, axis=-1)
        # Flat within, steep at the border: functional areas have borders.
        maps[i] = weight * 0.5 ** ((distance / radius) ** 4) * gray
    if rng is not None:
        maps *= np.exp(0.3 * smooth_field(rng, gray.shape, 6 / REST_VOXEL_SIZE))
    maps[maps < 0.02] = 0
    return maps


def _network_maps(region_maps: np.ndarray) -> np.ndarray:
    """Join the maps of each network's regions, shape (n_networks, x, y, z)."""
    networks = np.array([network for network, *_ in _REGIONS])
    return np.stack([region_maps[networks == n].max(axis=0) for n in REST_NETWORKS])


def _region_labels(region_maps: np.ndarray) -> np.ndarray:
    """Return the number, from 1, of the region that a voxel is the core of, or 0."""
    strength = region_maps / region_maps.max(axis=(1, 2, 3), keepdims=True)
    core = np.where(strength.max(axis=0) > 0.4, 1 + strength.argmax(axis=0), 0)
    labels = np.zeros(core.shape, dtype=np.int16)
    for label in range(1, len(region_maps) + 1):
        pieces, _ = ndimage.label(core == label)  # stray voxels are left out
        largest = 1 + np.bincount(pieces.ravel())[1:].argmax()
        labels[pieces == largest] = label
    return labels


def _near_path(mni: np.ndarray, points: list, sigma: float) -> np.ndarray:
    """Return a tube around a line through some points, mirrored to both sides."""
    mirrored = np.concatenate([np.abs(mni[..., :1]), mni[..., 1:]], axis=-1)
    line = np.concatenate(
        [np.linspace(a, b, 12) for a, b in zip(points[:-1], points[1:], strict=True)]
    )
    distance = spatial.KDTree(line).query(mirrored, distance_upper_bound=4 * sigma)[0]
    return np.exp(-0.5 * (distance / sigma) ** 2)


def _artifact_maps(phantom: Phantom, csf: np.ndarray) -> np.ndarray:
    """Return the maps of the artifacts, shape (4, x, y, z), in percent."""
    mni = phantom.mni()
    depth = ndimage.distance_transform_edt(phantom.brain, REST_VOXEL_SIZE)
    ventricles = (
        2.5 * csf * (depth > 20) * (np.linalg.norm(mni * [1, 0.6, 1], axis=-1) < 45)
    )
    # Up the basilar artery, along the middle and the anterior cerebral arteries.
    arteries = np.maximum.reduce(
        [
            _near_path(mni, [(2, -24, -44), (2, -14, -22), (14, 2, -18)], 5),
            _near_path(
                mni, [(14, 2, -18), (30, 4, -16), (42, -4, -4), (44, -26, 10)], 4
            ),
            _near_path(mni, [(14, 2, -18), (4, 34, -8), (3, 42, 14)], 4),
        ]
    )
    sinus = _near_path(
        mni, [(2, 40, 52), (2, 0, 72), (2, -50, 72), (2, -88, 40), (2, -104, 0)], 6
    )
    edge = np.linalg.norm(np.gradient(phantom.baseline, REST_VOXEL_SIZE), axis=0)
    rim = np.clip(edge / np.percentile(edge[phantom.brain], 99), 0, 1) * (depth < 9)
    maps = np.stack([ventricles, 1.8 * arteries, 1.8 * sinus, 1.5 * rim])
    return (maps * phantom.brain).astype(np.float32)


# --- time courses ----------------------------------------------------------------


def _slow_courses(rng: np.random.Generator, correlation: np.ndarray) -> np.ndarray:
    """Return fluctuations of neural origin, shape (n_volumes, n), of unit variance.

    White activity with the given correlations, seen through the haemodynamic response.
    """
    hrf = canonical_hrf(np.arange(0, 32, REST_T_R))
    lead = len(hrf)
    white = rng.standard_normal((REST_N_VOLUMES + lead, len(correlation)))
    white = white @ np.linalg.cholesky(correlation).T
    series = np.apply_along_axis(np.convolve, 0, white, hrf)
    return stats.zscore(series[lead : lead + REST_N_VOLUMES])


def _rhythm(rng: np.random.Generator, hertz: float, wander: float) -> np.ndarray:
    """Return a rhythm of the body, sampled once a volume, of unit variance.

    Its frequency wanders. What is faster than half the sampling rate is aliased.
    """
    steps = rng.normal(0, wander, REST_N_VOLUMES)
    frequency = hertz + stats.zscore(ndimage.gaussian_filter1d(steps, 4)) * wander
    phase = 2 * np.pi * np.cumsum(frequency * REST_T_R) + rng.uniform(0, 2 * np.pi)
    return stats.zscore(np.sin(phase) + 0.3 * rng.standard_normal(REST_N_VOLUMES))


def _artifact_courses(rng: np.random.Generator, subject: _Subject) -> np.ndarray:
    """Return the courses of the artifacts, shape (n_volumes, 4)."""
    heart, breath = rng.normal(1.15, 0.08), rng.normal(0.29, 0.02)
    # A volume excited in another place needs some volumes to settle.
    moved = framewise_displacement(subject.motion)
    settling = np.convolve(moved, [1, 0.5, 0.2])[:REST_N_VOLUMES]
    return np.column_stack(
        [
            _rhythm(rng, heart, 0.02),
            _rhythm(rng, 1.07 * heart, 0.02),
            _rhythm(rng, breath, 0.01),
            (settling - settling.mean()) / 0.5,
        ]
    )


def _correlations(subject: _Subject) -> tuple[np.ndarray, np.ndarray]:
    """Return the correlations of networks, and those of the regions' own courses."""
    names = list(REST_NETWORKS)
    networks = np.eye(len(names))
    for (a, b), value in _NETWORK_CORRELATIONS.items():
        i, j = names.index(a), names.index(b)
        networks[i, j] = networks[j, i] = value
    regions = np.eye(len(_REGIONS))
    i, j = ([region for _, region, *_ in _REGIONS].index(r) for r in REST_CONNECTION)
    regions[i, j] = regions[j, i] = subject.connection
    return networks, regions


def _courses(subject: _Subject) -> tuple[np.ndarray, np.ndarray]:
    """Return the courses of the networks, and what each region adds of its own."""
    rng = np.random.default_rng([_COURSES_SEED, subject.number])
    networks, regions = _correlations(subject)
    return _slow_courses(rng, networks), _slow_courses(rng, regions)


def _expected_correlation(subject: _Subject) -> float:
    """Return the correlation of the two regions' courses that noise would blur."""
    total = _NETWORK_SD**2 + _REGION_SD**2
    shared = _NETWORK_SD**2 * _NETWORK_CORRELATIONS["default mode", "salience"]
    return (shared + _REGION_SD**2 * subject.connection) / total


# --- files -----------------------------------------------------------------------


def write_rest(folder: Path, subject: int = 1) -> None:
    """Write one subject at rest, as nilearn has those of the ADHD-200 sample [1]_.

    120 volumes, TR 2 s, 4 mm voxels in MNI space. Six networks whose regions lie where
    Power et al. [2]_ found them: default mode, visual, motor, auditory,
    fronto-parietal and salience. Each network has a course of its own, which its
    regions share; each region adds fluctuations of its own. Subjects differ in place,
    extent and strength of every region. Artifacts: pulsation in the ventricles and
    along the arteries, respiration in the sagittal sinus, head motion.

    Parameters
    ----------
    folder : Path
        Where ``adhd/`` is made, as ``nilearn.datasets.fetch_adhd`` has it.
    subject : int
        Number of the subject, 1 to 40; it seeds everything. Even ones are "patients".

    Notes
    -----
    The folders bear the identifiers that the fetcher looks for; what is in them has
    nothing to do with any person. The truth of all subjects is in ``adhd/truth``:
    ``networks.nii.gz`` and ``artifacts.nii.gz``, one volume each, in the order of
    `REST_NETWORKS` and `REST_ARTIFACTS`; ``regions.nii.gz``, the core of each region,
    numbered as in ``regions.csv``; ``connection.csv``, the correlation of the two
    regions of `REST_CONNECTION` in every subject. The groups differ there, after
    Castellanos et al. [3]_, and in how much they move, and in nothing else. Each
    subject's own maps (in percent of the baseline) and courses (of unit variance) are
    in its folder ``truth``.

    References
    ----------
    .. [1] The ADHD-200 Consortium (2012), Front. Syst. Neurosci. 6:62.
    .. [2] Power et al. (2011), Neuron 72(4):665-678; coordinates in MNI space.
    .. [3] Castellanos et al. (2008), Biological Psychiatry 63(3):332-337.
    """
    phantom = make_phantom(REST_VOXEL_SIZE, seed=100 + subject)
    gray, white, csf = make_tissues(REST_VOXEL_SIZE)
    root, name = Path(folder) / "adhd", REST_IDS[subject - 1]
    _write_shared(root, phantom, gray, csf)
    own = root / "data" / name
    who = _draw_subject(subject)
    rng = np.random.default_rng([2014, subject])
    region_maps = _region_maps(phantom, gray, rng)
    courses = _courses(who)
    artifacts = _artifact_courses(rng, who)
    _write_subject_truth(own / "truth", phantom, region_maps, courses, artifacts)
    percent = Noise(rng, phantom, REST_N_VOLUMES).run()
    percent += drift(rng, phantom, REST_N_VOLUMES, 0.8)
    maps = _NETWORK_SD * _network_maps(region_maps)[:, phantom.brain]
    percent += (courses[0] @ maps).astype(np.float32)
    maps = _REGION_SD * region_maps[:, phantom.brain]
    percent += (courses[1] @ maps).astype(np.float32)
    maps = _artifact_maps(phantom, csf)[:, phantom.brain]
    percent += (artifacts * np.exp(rng.normal(0, 0.2, 4)) @ maps).astype(np.float32)
    series = phantom.baseline[phantom.brain] * (1 + percent / 100)
    series += _rigid_motion_effect(phantom, who.motion)
    with BoldWriter(
        own / f"{name}_rest_tshift_RPI_voreg_mni.nii.gz",
        phantom,
        REST_N_VOLUMES,
        REST_T_R,
    ) as bold:
        bold.append(series)
    tissues = {"csf": csf, "wm": white, "gm": gray}
    confounds = _confounds(rng, who, series, phantom, tissues)
    confounds.to_csv(own / f"{name}_regressors.csv", index=False)


def _write_shared(
    root: Path, phantom: Phantom, gray: np.ndarray, csf: np.ndarray
) -> None:
    """Write what all subjects share: the same bytes, whoever comes first."""
    truth = root / "truth"
    region_maps = _region_maps(phantom, gray)
    reference = make_phantom(REST_VOXEL_SIZE, seed=0)
    save(root / "mask.nii.gz", phantom.brain, phantom.affine)
    networks = np.moveaxis(_network_maps(region_maps), 0, -1)
    save(truth / "networks.nii.gz", networks, phantom.affine)
    artifacts = np.moveaxis(_artifact_maps(reference, csf), 0, -1)
    save(truth / "artifacts.nii.gz", artifacts, phantom.affine)
    save(truth / "regions.nii.gz", _region_labels(region_maps), phantom.affine)
    rows = [(i, r, n, x, y, z) for i, (n, r, x, y, z, _) in enumerate(_REGIONS, 1)]
    columns = ["label", "region", "network", "x", "y", "z"]
    pd.DataFrame(rows, columns=columns).to_csv(truth / "regions.csv", index=False)
    subjects = [_draw_subject(number) for number in range(1, len(REST_IDS) + 1)]
    connection = {
        "Subject": [int(name) for name in REST_IDS],
        "adhd": [int(subject.patient) for subject in subjects],
        "correlation": [round(_expected_correlation(s), 4) for s in subjects],
    }
    pd.DataFrame(connection).to_csv(truth / "connection.csv", index=False)
    table = root / "ADHD200_40subs_motion_parameters_and_phenotypics.csv"
    _phenotypes().to_csv(table, index=False)


def _write_subject_truth(
    folder: Path,
    phantom: Phantom,
    region_maps: np.ndarray,
    courses: tuple[np.ndarray, np.ndarray],
    artifacts: np.ndarray,
) -> None:
    """Write one subject's own maps and courses."""
    networks = _NETWORK_SD * np.moveaxis(_network_maps(region_maps), 0, -1)
    save(folder / "networks.nii.gz", networks, phantom.affine)
    of_networks = pd.DataFrame(courses[0], columns=list(REST_NETWORKS))
    of_artifacts = pd.DataFrame(artifacts, columns=list(REST_ARTIFACTS))
    table = pd.concat([of_networks, of_artifacts], axis=1)
    # A region's course: what it shares with its network, and its own.
    for i, (network, region, *_) in enumerate(_REGIONS):
        total = _NETWORK_SD * table[network] + _REGION_SD * courses[1][:, i]
        table[region] = stats.zscore(total)
    table.round(5).to_csv(folder / "time_courses.csv", index=False)


def _rigid_motion_effect(phantom: Phantom, motion: np.ndarray) -> np.ndarray:
    """Return what small rotations and shifts add to each voxel of the brain."""
    gradient = np.stack(np.gradient(phantom.baseline, REST_VOXEL_SIZE), axis=-1)
    gradient = gradient[phantom.brain]
    place = phantom.mni()[phantom.brain]
    # A rotation by the vector w moves the point r by w x r.
    rotations = np.cross(place, gradient) * np.pi / 180
    maps = np.concatenate([rotations, gradient], axis=1).T
    return (motion @ maps).astype(np.float32)


def _confounds(
    rng: np.random.Generator,
    subject: _Subject,
    series: np.ndarray,
    phantom: Phantom,
    tissues: dict[str, np.ndarray],
) -> pd.DataFrame:
    """Return the regressors that preprocessing estimates from one series."""
    # Fluid deep in the head only: at its rim it moves in and out with the head.
    depth = ndimage.distance_transform_edt(phantom.brain, REST_VOXEL_SIZE)
    inside = {
        "csf": (tissues["csf"] > 0.7) & (depth > 20),
        "wm": ndimage.binary_erosion(tissues["wm"] > 0.6),
        "gm": tissues["gm"] > 0.8,
    }
    inside = {name: mask[phantom.brain] for name, mask in inside.items()}
    percent = 100 * (series / series.mean(axis=0) - 1)
    # Realignment is not exact.
    motion = subject.motion + rng.normal(0, 0.01, subject.motion.shape)
    table = pd.DataFrame(
        {
            "csf": percent[:, inside["csf"]].mean(axis=1),
            "constant": 1.0,
            "linearTrend": np.arange(len(series), dtype=float),
            "wm": percent[:, inside["wm"]].mean(axis=1),
            "global": percent.mean(axis=1),
        }
    )
    names = ["pitch", "roll", "yaw", "x", "y", "z"]
    for name, column in zip(names, motion.T, strict=True):
        table[f"motion-{name}"] = column
    table["gm"] = percent[:, inside["gm"]].mean(axis=1)
    # CompCor: the first principal components of what is not gray matter.
    noise = stats.zscore(percent[:, inside["csf"] | inside["wm"]], axis=0)
    n = len(noise)
    components = linalg.eigh(noise @ noise.T, subset_by_index=[n - 5, n - 1])[1]
    for k in range(5):
        table[f"compcor{k + 1}"] = components[:, 4 - k]
    return table.round(6)
