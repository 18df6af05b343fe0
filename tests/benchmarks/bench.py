"""Measure the course's kernels against their peers: ``make bench``.

One row a kernel: how long it takes, how long its peer takes, whether the results are
the same, and the peak memory of each. Each side runs in a process of its own, the two
in turn, and the medians are compared. A peer that would take hours runs on a part of
the spheres or voxels; its time is scaled up and marked with "ex".

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
from pathlib import Path

import nibabel as nib
import numpy as np

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


def samples(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return X, y and runs: 18 volumes of each run, 216 in all."""
    from helpers.masking import apply_mask

    rows = np.arange(N_RUNS * VOLUMES_A_RUN)
    chosen = rows[rows % VOLUMES_A_RUN < 18]
    bold = nib.load(folder / "bold.nii")
    X = apply_mask(bold, folder / "mask.nii.gz")[chosen]
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    return X, np.where(chosen // 9 % 2, "face", "house"), chosen // VOLUMES_A_RUN


# --- kernels: each returns a function to be timed, and the share of the work ------


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


def searchlight_ours(folder: Path, name: str, n_centers: int) -> tuple[Callable, float]:
    """Score all spheres with the course's searchlight; return those the peer does."""
    from sklearn.model_selection import LeaveOneGroupOut

    from helpers.searchlight import searchlight

    X, y, runs = samples(folder)
    estimator, mask = estimators()[name], folder / "mask.nii.gz"

    def run() -> np.ndarray:
        cv = LeaveOneGroupOut()
        scores = searchlight(X, y, mask, RADIUS, estimator, cv, runs, n_jobs=2)
        return scores[spread(n_centers, len(scores))]

    return run, 1.0


def searchlight_peer(folder: Path, name: str, n_centers: int) -> tuple[Callable, float]:
    """Score some spheres with nilearn's loop, one job, without its set-up."""
    from nilearn.decoding.searchlight import search_light
    from sklearn.model_selection import LeaveOneGroupOut

    from helpers.searchlight import sphere_neighbors

    X, y, runs = samples(folder)
    spheres = sphere_neighbors(folder / "mask.nii.gz", RADIUS)
    part = spheres[spread(n_centers, spheres.shape[0])].tolil()
    options = {"groups": runs, "cv": LeaveOneGroupOut(), "scoring": "accuracy"}

    def run() -> np.ndarray:
        X64 = X.astype(np.float64)
        return search_light(X64, y, estimators()[name], part, n_jobs=1, **options)

    return run, spheres.shape[0] / n_centers


def mask_ours(folder: Path, name: str, _: int) -> tuple[Callable, float]:
    """Load and mask with the course's helper."""
    from helpers.masking import apply_mask

    return lambda: apply_mask(folder / name, folder / "mask.nii.gz"), 1.0


def mask_peer(folder: Path, name: str, _: int) -> tuple[Callable, float]:
    """Load and mask with nilearn."""
    from nilearn.maskers import NiftiMasker

    def run() -> np.ndarray:
        masker = NiftiMasker(folder / "mask.nii.gz", standardize=None)
        return masker.fit_transform(folder / name)

    return run, 1.0


def run_numbers() -> np.ndarray:
    """Return the run of each volume."""
    return np.repeat(np.arange(N_RUNS), VOLUMES_A_RUN)


def clean_ours(folder: Path, name: str, n_part: int) -> tuple[Callable, float]:
    """Load, mask and clean twelve runs with the course's helpers."""
    from helpers.cleaning import clean
    from helpers.masking import apply_mask

    def run() -> np.ndarray:
        X = apply_mask(folder / name, folder / "mask.nii.gz")
        low, high = BAND
        X = clean(X, run_numbers(), high_pass=low, low_pass=high, t_r=T_R)
        return X[:, spread(20 * n_part, X.shape[1])]

    return run, 1.0


def clean_peer(folder: Path, name: str, n_part: int) -> tuple[Callable, float]:
    """Clean some voxels with nilearn, which filters one voxel after the other."""
    from nilearn.signal import clean

    from helpers.masking import apply_mask

    X = apply_mask(folder / name, folder / "mask.nii.gz")
    part = X[:, spread(20 * n_part, X.shape[1])]
    low, high = BAND
    options = {"high_pass": low, "low_pass": high, "t_r": T_R, "runs": run_numbers()}

    def run() -> np.ndarray:
        return clean(part, standardize="zscore_sample", **options)

    return run, X.shape[1] / part.shape[1]


def hundred_volumes(folder: Path) -> tuple[nib.Nifti1Image, np.ndarray]:
    """Return 100 volumes as float32, and the affine of a coarser grid."""
    img = nib.load(folder / "bold.nii").slicer[..., :100]
    data = np.asarray(img.dataobj, dtype=np.float32)
    return nib.Nifti1Image(data, img.affine), np.diag([4.2, 4.2, 4.2, 1.0])


def resample_ours(folder: Path, name: str, _: int) -> tuple[Callable, float]:
    """Resample 100 volumes with the course's helper."""
    from helpers.resampling import resample

    img, target = hundred_volumes(folder)

    def run() -> np.ndarray:
        out = resample(img, target, interpolation=name)
        return np.asarray(out.dataobj)[2:-2, 2:-2, 2:-2, :5]

    return run, 1.0


def resample_peer(folder: Path, name: str, _: int) -> tuple[Callable, float]:
    """Resample 100 volumes with nilearn."""
    from nilearn.image import resample_img

    img, target = hundred_volumes(folder)
    kind = {"cubic": "continuous", "linear": "linear"}[name]

    def run() -> np.ndarray:
        out = resample_img(img, target_affine=target, interpolation=kind)
        return np.asarray(out.dataobj)[2:-2, 2:-2, 2:-2, :5]

    return run, 1.0


# Row: kernel, its variant, ours, the peer, the peer's name, and the difference allowed,
# as a share of the largest value.
KERNELS = [
    *(
        ("searchlight", name, searchlight_ours, searchlight_peer, "nilearn", 0)
        for name in ("naive Bayes", "ridge", "LDA", "LinearSVC")
    ),
    ("load and mask", "bold.nii", mask_ours, mask_peer, "nilearn", 0),
    ("load and mask", "bold.nii.gz", mask_ours, mask_peer, "nilearn", 0),
    ("load and clean", "bold.nii.gz", clean_ours, clean_peer, "nilearn", 1e-5),
    ("resample", "linear", resample_ours, resample_peer, "nilearn", 1e-6),
    ("resample", "cubic", resample_ours, resample_peer, "nilearn", 1e-6),
]


# --- one side in a process of its own ---------------------------------------------


def measure(kernel: int, side: str, folder: Path, n_part: int) -> dict:
    """Run one side of one kernel here; return its seconds and the process's peak."""
    _, name, ours, peer, *_ = KERNELS[kernel]
    run, scale = (ours if side == "ours" else peer)(folder, name, n_part)
    started = time.perf_counter()
    result = run()
    seconds = (time.perf_counter() - started) * scale
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


def compare(kernel: int, folder: Path, size: str) -> dict[str, str]:
    """Measure a kernel and its peer in turn; return the row of the table."""
    title, name, _, _, peer_name, allowed = KERNELS[kernel]
    n_part = str(SIZES[size]["centers"])
    found = {"ours": [], "peer": []}
    for _ in range(SIZES[size]["repeat"]):
        for side, measured in found.items():
            measured.append(in_process("one", str(kernel), side, str(folder), n_part))
    ours, peer = (np.load(folder / f"result-{side}.npy") for side in found)
    difference = float(np.abs(ours - peer).max() / np.abs(peer).max())
    seconds = {k: float(np.median([m["seconds"] for m in v])) for k, v in found.items()}
    peak = {k: max(m["megabytes"] for m in v) for k, v in found.items()}
    mark = " ex" if found["peer"][0]["extrapolated"] else ""
    said = "the same" if difference == 0 else f"{difference:.0e}"
    return {
        "kernel": f"{title}, {name}",
        "ours (s)": f"{seconds['ours']:.3g}",
        "peer (s)": f"{seconds['peer']:.4g}{mark}",
        "ratio": significant(seconds["peer"] / seconds["ours"]),
        "difference": said if difference <= allowed else f"{said} (too large)",
        "ours (MB)": f"{peak['ours']:.0f}",
        "peer (MB)": f"{peak['peer']:.0f}",
        "peer": peer_name,
    }


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
        rows = [compare(kernel, folder, size) for kernel in range(len(KERNELS))]
    write_table(tables / f"{size}.csv", rows)
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
