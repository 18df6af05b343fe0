"""A phantom of the experiment of Haxby et al. (2001)."""

from pathlib import Path

import numpy as np

from helpers.simulation.phantom import (
    BoldWriter,
    Noise,
    Phantom,
    block_response,
    drift,
    make_phantom,
    motion_effect,
    motion_parameters,
    save,
    save_anatomy,
    smooth_field,
)

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
    patterns = 0.7 + 0.24 * smooth_field(rng, (8, *vt.shape), 1.0)
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
    run_part = 0.12 * smooth_field(rng, (8, *vt.shape), 1.0)[:, vt]
    block_part = 0.30 * smooth_field(rng, (8, *vt.shape), 1.0)[:, vt]
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
    save(root / "mask.nii.gz", phantom.brain, phantom.affine)
    # nilearn reads the original's checksums before it looks for the files.
    (root / "MD5SUMS").write_text("", encoding="utf-8")
    for name, region in regions.items():
        save(subj / f"{name}.nii.gz", region, phantom.affine)
    save_anatomy(subj / "anat.nii.gz")
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
    save(folder / "signal_mask.nii.gz", vt, phantom.affine)
    save(folder / "patterns.nii.gz", np.moveaxis(patterns, 0, -1), phantom.affine)
    save(folder / "face_house.nii.gz", difference, phantom.affine)


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
    noise = Noise(rng, phantom, HAXBY_N_VOLUMES)
    labels = []
    n_volumes = HAXBY_N_RUNS * HAXBY_N_VOLUMES
    with BoldWriter(path, phantom, n_volumes, HAXBY_T_R) as bold:
        for run in range(HAXBY_N_RUNS):
            order = rng.permutation(8)
            percent = noise.run() + drift(rng, phantom, HAXBY_N_VOLUMES, 1.0)
            percent[:, vt_columns] += _haxby_signal(rng, patterns, order, vt)
            level = np.float32(100 - 0.15 * run + rng.normal(0, 0.3))  # scanner's gain
            motion = motion_parameters(rng, HAXBY_N_VOLUMES)
            effect = motion_effect(phantom, motion)
            bold.append(baseline * (level + percent) / 100 + effect)
            labels.append(_haxby_labels(order))
    return labels
