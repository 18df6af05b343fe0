"""Measure the course's kernels against their peers: ``make bench``.

One row a kernel and peer: how long each takes, whether the results are the same, and
the peak memory of each. Each side runs in a process of its own, all in turn, and the
medians are compared; a side of more than half a minute runs once. A peer that would
take hours runs on a part of the spheres or voxels; its time is scaled up and marked
with "ex".

``SIZE=default`` is the course's simulated recording, ``SIZE=full`` a recording of the
size of Haxby's: 39,908 voxels, 1452 volumes, 12 runs. The tables go to
``book/benchmarks``, which a page of the book shows.
"""

import argparse
import csv
import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import nibabel as nib
import numpy as np
from scipy import sparse

ROOT = Path(__file__).parents[2]
TABLES = ROOT / "book/benchmarks"
RADIUS, T_R, BAND = 5.6, 2.5, (0.01, 0.1)
N_RUNS, VOLUMES_A_RUN = 12, 121

# Grid, number of voxels in the mask, repetitions, and the parts that peers get.
SIZES = {
    "tiny": {"shape": (12, 14, 10), "voxels": 600, "repeat": 1, "centers": 6},
    "default": {"shape": (38, 47, 40), "voxels": 26000, "repeat": 3, "centers": 12},
    "full": {"shape": (40, 64, 64), "voxels": 39908, "repeat": 3, "centers": 12},
}
# Of the group ICA: subjects, volumes of each, voxels.
GROUPS = {
    "tiny": (3, 40, 2000),
    "default": (8, 120, 26000),
    "full": (10, 176, 64031),
}
N_SOURCES = 10
VOXEL_MM = (3.5, 3.75, 3.75)


# --- data ------------------------------------------------------------------------


def make_data(folder: Path, size: str) -> None:
    """Write a recording of noise and some signal, as .nii and .nii.gz, with a mask."""
    rng = np.random.default_rng(0)
    shape, n_voxels = SIZES[size]["shape"], SIZES[size]["voxels"]
    axes = np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij")
    distance = sum(axis**2 for axis in axes)
    inside = distance <= np.sort(distance, axis=None)[n_voxels - 1]
    affine = np.diag([*VOXEL_MM, 1.0])
    mask = nib.Nifti1Image(inside.astype(np.uint8), affine)
    nib.save(mask, folder / "mask.nii.gz")
    n_volumes = N_RUNS * VOLUMES_A_RUN
    data = np.empty((*shape, n_volumes), dtype=np.int16, order="F")
    labels = np.where(np.arange(n_volumes) // 9 % 2, "face", "house")
    for volume in range(n_volumes):
        noise = rng.normal(1000, 20, shape)
        noise[: shape[0] // 3] += 3 * (labels[volume] == "face")
        data[..., volume] = noise
    for name in ("bold.nii", "bold.nii.gz"):
        nib.save(nib.Nifti1Image(data, affine), folder / name)


def make_group(folder: Path, size: str) -> None:
    """Write subjects who share sparse maps, one .npy each, and the maps."""
    rng = np.random.default_rng(0)
    n_subjects, n_volumes, n_voxels = GROUPS[size]
    maps = rng.laplace(size=(N_SOURCES, n_voxels)).astype(np.float32)
    np.save(folder / "maps.npy", maps)
    for subject in range(n_subjects):
        courses = rng.normal(size=(n_volumes, N_SOURCES)).astype(np.float32)
        X = rng.standard_normal((n_volumes, n_voxels), dtype=np.float32)
        np.save(folder / f"subject{subject:02d}.npy", X + courses @ maps)


def samples(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return X, y and runs: 18 volumes of each run, 216 in all."""
    from helpers.masking import apply_mask

    rows = np.arange(N_RUNS * VOLUMES_A_RUN)
    chosen = rows[rows % VOLUMES_A_RUN < 18]
    bold = nib.load(folder / "bold.nii")
    X = apply_mask(bold, folder / "mask.nii.gz")[chosen]
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    return X, np.where(chosen // 9 % 2, "face", "house"), chosen // VOLUMES_A_RUN


# --- kernels ----------------------------------------------------------------------


class Side(NamedTuple):
    """What is timed on one side of a comparison.

    The time of `run` is multiplied by `scale`, the time of `whole` is not: that is
    the share of the work which a peer does in full.
    """

    run: Callable
    scale: float = 1.0
    whole: Callable | None = None


def estimators() -> dict:
    """Return the classifiers of the searchlight."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.linear_model import RidgeClassifier
    from sklearn.naive_bayes import GaussianNB
    from sklearn.svm import LinearSVC

    return {
        "naive Bayes": GaussianNB(),
        "ridge": RidgeClassifier(alpha=1.0),
        "LDA": LinearDiscriminantAnalysis(),
        "LinearSVC": LinearSVC(tol=1e-6, max_iter=100_000),
    }


def spread(n: int, n_voxels: int) -> np.ndarray:
    """Return n voxels evenly spread over the mask."""
    return np.linspace(0, n_voxels - 1, n).astype(int)


def searchlight_ours(folder: Path, name: str, n_centers: int) -> Side:
    """Score all spheres with the course's searchlight; return those the peer does."""
    from sklearn.model_selection import LeaveOneGroupOut

    from helpers.searchlight import searchlight

    X, y, runs = samples(folder)
    estimator, mask = estimators()[name], folder / "mask.nii.gz"

    def run() -> np.ndarray:
        cv = LeaveOneGroupOut()
        scores = searchlight(X, y, mask, RADIUS, estimator, cv, runs, n_jobs=2)
        return scores[spread(n_centers, len(scores))]

    return Side(run)


def part_of_spheres(folder: Path, n_centers: int) -> tuple[sparse.csr_array, float]:
    """Return some spheres of the mask, and how many times more there are."""
    from helpers.searchlight import sphere_neighbors

    spheres = sphere_neighbors(folder / "mask.nii.gz", RADIUS)
    part = spheres[spread(n_centers, spheres.shape[0])]
    return part, spheres.shape[0] / n_centers


def searchlight_plain(folder: Path, name: str, n_centers: int) -> Side:
    """Score some spheres with scikit-learn, one `cross_val_score` after the other."""
    from sklearn.model_selection import LeaveOneGroupOut, cross_val_score

    X, y, runs = samples(folder)
    part, scale = part_of_spheres(folder, n_centers)
    members = np.split(part.indices, part.indptr[1:-1])

    def run() -> np.ndarray:
        X64, cv = X.astype(np.float64), LeaveOneGroupOut()
        estimator = estimators()[name]
        return np.array(
            [
                cross_val_score(estimator, X64[:, m], y, groups=runs, cv=cv).mean()
                for m in members
            ]
        )

    return Side(run, scale)


def searchlight_peer(folder: Path, name: str, n_centers: int) -> Side:
    """Score some spheres with nilearn's loop, one job, without its set-up."""
    from nilearn.decoding.searchlight import search_light
    from sklearn.model_selection import LeaveOneGroupOut

    X, y, runs = samples(folder)
    part, scale = part_of_spheres(folder, n_centers)
    part = part.tolil()
    options = {"groups": runs, "cv": LeaveOneGroupOut(), "scoring": "accuracy"}

    def run() -> np.ndarray:
        X64 = X.astype(np.float64)
        return search_light(X64, y, estimators()[name], part, n_jobs=1, **options)

    return Side(run, scale)


def mask_ours(folder: Path, name: str, _: int) -> Side:
    """Load and mask with the course's helper."""
    from helpers.masking import apply_mask

    return Side(lambda: apply_mask(folder / name, folder / "mask.nii.gz"))


def mask_peer(folder: Path, name: str, _: int) -> Side:
    """Load and mask with nilearn."""
    from nilearn.maskers import NiftiMasker

    def run() -> np.ndarray:
        masker = NiftiMasker(folder / "mask.nii.gz", standardize=None)
        return masker.fit_transform(folder / name)

    return Side(run)


def run_numbers() -> np.ndarray:
    """Return the run of each volume."""
    return np.repeat(np.arange(N_RUNS), VOLUMES_A_RUN)


def clean_ours(folder: Path, name: str, _: int) -> Side:
    """Load, mask and clean twelve runs; return the first, which the peer does."""
    from helpers.cleaning import clean
    from helpers.masking import apply_mask

    def run() -> np.ndarray:
        X = apply_mask(folder / name, folder / "mask.nii.gz")
        low, high = BAND
        X = clean(X, run_numbers(), high_pass=low, low_pass=high, t_r=T_R)
        return X[:VOLUMES_A_RUN]

    return Side(run)


def clean_peer(folder: Path, name: str, _: int) -> Side:
    """Load all runs and clean one with nilearn: all its voxels, one by one.

    A few voxels of all runs would flatter it: taking a column out of a wide array is
    slow, and that is what filtering voxel by voxel does.
    """
    from nilearn.signal import clean

    from helpers.masking import apply_mask

    X = apply_mask(folder / name, folder / "mask.nii.gz")[:VOLUMES_A_RUN].copy()
    low, high = BAND
    options = {"high_pass": low, "low_pass": high, "t_r": T_R}

    def run() -> np.ndarray:
        return clean(X, standardize="zscore_sample", **options)

    return Side(run, float(N_RUNS), whole=mask_peer(folder, name, 0).run)


def hundred_volumes(folder: Path) -> tuple[nib.Nifti1Image, np.ndarray]:
    """Return 100 volumes as float32, and the affine of a coarser grid."""
    img = nib.load(folder / "bold.nii").slicer[..., :100]
    data = np.asarray(img.dataobj, dtype=np.float32)
    return nib.Nifti1Image(data, img.affine), np.diag([4.2, 4.2, 4.2, 1.0])


def resample_ours(folder: Path, name: str, _: int) -> Side:
    """Resample 100 volumes with the course's helper."""
    from helpers.resampling import resample

    img, target = hundred_volumes(folder)

    def run() -> np.ndarray:
        out = resample(img, target, interpolation=name)
        return np.asarray(out.dataobj)[2:-2, 2:-2, 2:-2, :5]

    return Side(run)


def resample_peer(folder: Path, name: str, _: int) -> Side:
    """Resample 100 volumes with nilearn."""
    from nilearn.image import resample_img

    img, target = hundred_volumes(folder)
    kind = {"cubic": "continuous", "linear": "linear"}[name]

    def run() -> np.ndarray:
        out = resample_img(img, target_affine=target, interpolation=kind)
        return np.asarray(out.dataobj)[2:-2, 2:-2, 2:-2, :5]

    return Side(run)


def encoding_job(folder: Path) -> tuple[np.ndarray, Callable]:
    """Return the BOLD signal, and what predicts it from images in ten folds."""
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import KFold

    from helpers.masking import apply_mask

    bold = apply_mask(folder / "bold.nii", folder / "mask.nii.gz")
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 2, (len(bold), 100)).astype(np.float32)
    bold = (bold - bold.mean(axis=0)) / bold.std(axis=0)

    def predict(bold: np.ndarray) -> np.ndarray:
        predicted = np.empty_like(bold)
        for train, test in KFold(10).split(pixels):
            model = Ridge(alpha=100).fit(pixels[train], bold[train])
            predicted[test] = model.predict(pixels[test])
        return predicted

    return bold, predict


def encoding_ours(folder: Path, name: str, n_part: int) -> Side:
    """Fit all voxels at once, as chapter 5 does."""
    bold, predict = encoding_job(folder)

    def run() -> np.ndarray:
        return predict(bold)[:, spread(20 * n_part, bold.shape[1])]

    return Side(run)


def encoding_peer(folder: Path, name: str, n_part: int) -> Side:
    """Fit some voxels, one after the other."""
    bold, predict = encoding_job(folder)
    part = bold[:, spread(20 * n_part, bold.shape[1])]

    def run() -> np.ndarray:
        return np.stack([predict(y) for y in part.T], axis=1)

    return Side(run, bold.shape[1] / part.shape[1])


def in_order(folder: Path, found: np.ndarray) -> np.ndarray:
    """Return components in the order and with the signs of the maps, a part of each."""
    from scipy.optimize import linear_sum_assignment

    maps = np.load(folder / "maps.npy")
    r = np.corrcoef(maps, found)[: len(maps), len(maps) :]
    order = linear_sum_assignment(np.abs(r), maximize=True)[1]
    signs = np.sign(r[np.arange(len(maps)), order])
    found = found[order] * signs[:, None]
    return (found / found.std(axis=1, keepdims=True))[:, ::50]


def ica_ours(folder: Path, name: str, _: int) -> Side:
    """Collect the strongest patterns subject by subject, then FastICA."""
    from scipy import linalg
    from sklearn.decomposition import FastICA

    def run() -> np.ndarray:
        patterns = None
        for path in sorted(folder.glob("subject*.npy")):
            X = np.load(path)
            rows = X if patterns is None else np.concatenate([patterns, X])
            patterns = linalg.eigh(rows @ rows.T)[1][:, :-61:-1].T @ rows
        ica = FastICA(N_SOURCES, random_state=0)
        return in_order(folder, ica.fit_transform(patterns.T.astype(np.float64)).T)

    return Side(run)


def ica_peer(folder: Path, name: str, _: int, solver: str) -> Side:
    """Stack all subjects and hand the whole to FastICA."""
    from sklearn.decomposition import FastICA

    def run() -> np.ndarray:
        stack = [np.load(path) for path in sorted(folder.glob("subject*.npy"))]
        X = np.concatenate(stack).astype(np.float64)
        ica = FastICA(N_SOURCES, random_state=0, whiten_solver=solver)
        return in_order(folder, ica.fit_transform(X.T).T)

    return Side(run)


# Row: kernel, its variant, ours, the peers by name, and the difference allowed, as a
# share of the largest value. The group's patterns are cut to 60 on the way, which
# leaves out a little of each map.
LOOPS = {"nilearn": searchlight_peer, "scikit-learn": searchlight_plain}
FAST_ICA = {
    "FastICA, svd": partial(ica_peer, solver="svd"),
    "FastICA, eigh": partial(ica_peer, solver="eigh"),
}
KERNELS = [
    *(
        ("searchlight", name, searchlight_ours, LOOPS, 0)
        for name in ("naive Bayes", "ridge", "LDA", "LinearSVC")
    ),
    ("load and mask", "bold.nii", mask_ours, {"nilearn": mask_peer}, 0),
    ("load and mask", "bold.nii.gz", mask_ours, {"nilearn": mask_peer}, 0),
    ("load and clean", "bold.nii.gz", clean_ours, {"nilearn": clean_peer}, 1e-5),
    ("resample", "linear", resample_ours, {"nilearn": resample_peer}, 1e-6),
    ("resample", "cubic", resample_ours, {"nilearn": resample_peer}, 1e-6),
    ("encoding", "ridge", encoding_ours, {"a fit per voxel": encoding_peer}, 1e-4),
    ("group ICA", "concatenated", ica_ours, FAST_ICA, 0.01),
]
# What the course aims at, at full size: kernel, peer, the least ratio, the most
# seconds, the most megabytes.
GOALS = [
    ("searchlight, naive Bayes", "nilearn", 2000, 1.5, None),
    ("searchlight, ridge", "nilearn", 400, None, None),
    ("searchlight, LDA", "nilearn", 250, None, None),
    ("searchlight, LinearSVC", "nilearn", 80, None, None),
    ("load and mask, bold.nii.gz", "nilearn", 4, None, 450),
    ("load and clean, bold.nii.gz", "nilearn", 100, None, 600),
]


# --- one side in a process of its own ---------------------------------------------


def measure(kernel: int, side: str, folder: Path, n_part: int) -> dict:
    """Run one side of one kernel here; return its seconds and the process's peak."""
    _, name, ours, peers, _ = KERNELS[kernel]
    run, scale, whole = {"ours": ours, **peers}[side](folder, name, n_part)
    started = time.perf_counter()
    result = run()
    seconds = (time.perf_counter() - started) * scale
    if whole is not None:
        started = time.perf_counter()
        whole()
        seconds += time.perf_counter() - started
    peak = _peak()  # before the result is copied to be compared
    np.save(folder / f"result-{side}.npy", np.asarray(result, dtype=np.float64))
    return {"seconds": seconds, "megabytes": peak, "extrapolated": scale != 1.0}


def in_process(*arguments: str) -> dict:
    """Call this module with arguments in a new process; return what it prints."""
    # Where set, these choose slow routines for numpy.
    slow = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
    env = {k: v for k, v in os.environ.items() if k not in slow}
    command = [sys.executable, "-m", "tests.benchmarks.bench", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def significant(ratio: float) -> str:
    """Write a ratio with three digits, a large one as a whole number."""
    return f"{float(f'{ratio:.3g}'):,.0f}" if ratio >= 100 else f"{ratio:.3g}"


def compare(kernel: int, folder: Path, size: str) -> list[dict[str, str]]:
    """Measure a kernel and its peers in turn; return a row of the table each."""
    _, _, _, peers, _ = KERNELS[kernel]
    n_part = str(SIZES[size]["centers"])
    found = {side: [] for side in ("ours", *peers)}
    for _ in range(SIZES[size]["repeat"]):
        for side, measured in found.items():
            if measured and measured[0]["wall"] > 30:
                continue
            started = time.perf_counter()
            done = in_process("one", str(kernel), side, str(folder), n_part)
            measured.append(done | {"wall": time.perf_counter() - started})
    return [table_row(kernel, peer, found, folder) for peer in peers]


def table_row(
    kernel: int, peer: str, found: dict[str, list[dict]], folder: Path
) -> dict[str, str]:
    """Hold what was found of a kernel against one peer."""
    title, name, _, _, allowed = KERNELS[kernel]
    sides = ("ours", peer)
    ours, theirs = (np.load(folder / f"result-{side}.npy") for side in sides)
    difference = float(np.abs(ours - theirs).max() / np.abs(theirs).max())
    seconds, other = (float(np.median([m["seconds"] for m in found[s]])) for s in sides)
    peak, other_peak = (max(m["megabytes"] for m in found[s]) for s in sides)
    mark = " ex" if found[peer][0]["extrapolated"] else ""
    said = "the same" if difference == 0 else f"{difference:.0e}"
    return {
        "kernel": f"{title}, {name}",
        "peer": peer,
        "ours (s)": f"{seconds:.3g}",
        "peer (s)": f"{other:.4g}{mark}",
        "ratio": significant(other / seconds),
        "difference": said if difference <= allowed else f"{said} (too large)",
        "ours (MB)": f"{peak:.0f}",
        "peer (MB)": f"{other_peak:.0f}",
    }


def held_against_goals(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return what was aimed at beside what was measured."""
    by_name = {(row["kernel"], row["peer"]): row for row in rows}
    table = []
    for kernel, peer, ratio, seconds, megabytes in GOALS:
        row = by_name[kernel, peer]
        limits = [("ratio", "at least", ratio, "x", 1)]
        limits.append(("ours (s)", "at most", seconds, " s", -1))
        limits.append(("ours (MB)", "at most", megabytes, " MB", -1))
        limits = [limit for limit in limits if limit[2] is not None]
        values = [float(row[key].replace(",", "")) for key, *_ in limits]
        met = all(
            sign * value >= sign * limit
            for value, (*_, limit, _, sign) in zip(values, limits, strict=True)
        )
        table.append(
            {
                "kernel": kernel,
                "goal": ", ".join(
                    f"{how} {n:,}{unit}" for _, how, n, unit, _ in limits
                ),
                "measured": ", ".join(
                    f"{row[key]}{unit}" for key, *_, unit, _ in limits
                ),
                "met": "yes" if met else "no",
            }
        )
    return table


# --- growth ----------------------------------------------------------------------


def grow(what: str, amount: int) -> dict:
    """Measure one amount of one quantity, here; return seconds and megabytes."""
    from sklearn.model_selection import LeaveOneGroupOut
    from sklearn.naive_bayes import GaussianNB

    from helpers.masking import apply_mask
    from helpers.searchlight import searchlight

    rng = np.random.default_rng(0)
    if what.startswith("searchlight"):
        n_voxels, n_volumes = (amount, 216) if "voxels" in what else (6000, amount)
        side = round(n_voxels ** (1 / 3))
        mask = nib.Nifti1Image(np.ones((side,) * 3, np.uint8), np.diag([4, 4, 4, 1]))
        X = rng.standard_normal((n_volumes, side**3), dtype=np.float32)
        y, runs = np.arange(n_volumes) % 2, np.arange(n_volumes) * 12 // n_volumes
        args = (X, y, mask, 5.6, GaussianNB(), LeaveOneGroupOut(), runs)
        return {"seconds": _typical(lambda: searchlight(*args)), "megabytes": _peak()}
    n_volumes, n_subjects = (amount, 1) if "volumes" in what else (300, amount)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bold.nii"
        inside = np.ones((48, 48, 30), np.uint8)
        inside[:16] = 0
        mask = nib.Nifti1Image(inside, np.eye(4))
        data = np.zeros((*inside.shape, n_volumes), dtype=np.int16, order="F")
        nib.save(nib.Nifti1Image(data, np.eye(4)), path)
        del data
        n_bytes = 4 * n_volumes * np.count_nonzero(inside)  # X, in float32
        before = _peak(reset=True)

        def load_all() -> None:
            for _ in range(n_subjects):  # one after the other: one X at a time
                apply_mask(path, mask)

        seconds = _typical(load_all)
        return {"seconds": seconds, "megabytes": _peak() - before - n_bytes / 1e6}


def _typical(run: Callable, repeat: int = 5) -> float:
    """Return the median time; the first run, which also warms up, does not count."""
    seconds = []
    for _ in range(1 + repeat):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds[1:]))


def _peak(reset: bool = False) -> float:
    """Return the peak memory of this process in MB; `reset` starts to count anew.

    Not `getrusage`: its peak survives the start of a program, so that a process would
    be charged with what the one that started it once held.
    """
    if reset:  # Linux: the peak falls back to what is in use now
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) * 1024 / 1e6


GROWTH = {
    "searchlight, voxels": (8000, 27000, 64000),
    "searchlight, volumes": (216, 432, 864),
    "loading, volumes": (200, 400, 800),
    "loading, subjects": (2, 4, 8),
}


def growth_row(what: str, amounts: tuple[int, ...]) -> dict[str, str]:
    """Measure three amounts; return the row with the fitted exponent of the time."""
    found = [in_process("grow", what, str(amount)) for amount in amounts]
    seconds = [m["seconds"] for m in found]
    exponent = np.polyfit(np.log(amounts), np.log(seconds), 1)[0]
    beyond = "peak" if what.startswith("searchlight") else "peak beyond X"
    return {
        "kernel, grows with": what,
        "amounts": " / ".join(f"{amount:,}" for amount in amounts),
        "seconds": " / ".join(f"{s:.2g}" for s in seconds),
        "exponent of time": f"{exponent:.2f}",
        "memory (MB)": " / ".join(f"{m['megabytes']:.0f}" for m in found)
        + f", {beyond}",
    }


# --- tables ----------------------------------------------------------------------


def machine() -> list[dict[str, str]]:
    """Return what was measured on: processor, memory, versions, date."""
    info = Path("/proc/cpuinfo")
    text = info.read_text(encoding="utf-8") if info.exists() else ""
    model = re.search(r"model name\s*:\s*(.+)", text)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ("numpy", "scipy", "scikit-learn", "nilearn", "nibabel")
    versions = [f"{name} {importlib.metadata.version(name)}" for name in packages]
    facts = {
        "processor": model[1] if model else platform.processor(),
        "cores, memory": f"{os.cpu_count()}, {memory:.0f} GiB",
        "software": f"Python {platform.python_version()}, {', '.join(versions)}",
        "measured on": time.strftime("%Y-%m-%d"),
    }
    return [{"what": what, "value": value} for what, value in facts.items()]


def write_table(path: Path, rows: list[dict[str, str]]) -> None:
    """Write rows as CSV and print them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    widths = {k: max(len(k), *(len(row[k]) for row in rows)) for k in rows[0]}
    for row in [{k: k for k in rows[0]}, *rows]:
        print("  ".join(row[k].ljust(width) for k, width in widths.items()))
    print()


def bench(size: str, tables: Path = TABLES, growth: bool = True) -> list[dict]:
    """Measure everything at one size; write and print the tables; return the rows."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_data(folder, size)
        make_group(folder, size)
        rows = []
        for kernel in range(len(KERNELS)):
            rows += compare(kernel, folder, size)
    write_table(tables / f"{size}.csv", rows)
    if size == "full":
        write_table(tables / "goals.csv", held_against_goals(rows))
    if growth:
        grown = [growth_row(*item) for item in GROWTH.items()]
        write_table(tables / "growth.csv", grown)
    write_table(tables / "machine.csv", machine())
    return rows


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "task", nargs="?", default="all", choices=("all", "one", "grow")
    )
    parser.add_argument("arguments", nargs="*")
    options = parser.parse_args()
    if options.task == "one":
        kernel, side, folder, n_part = options.arguments
        print(json.dumps(measure(int(kernel), side, Path(folder), int(n_part))))
    elif options.task == "grow":
        what, amount = options.arguments
        print(json.dumps(grow(what, int(amount))))
    else:
        size = os.environ.get("SIZE", "default")
        if size not in SIZES:
            print(f"SIZE is {size!r}; expected one of {', '.join(SIZES)}.")
            return 2
        rows = bench(size)
        return int(any("too large" in row["difference"] for row in rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
