"""Damaged and lying files: one clear error, bounded memory, no crash.

The cases run in a process of their own, whose memory is limited: a crash of the
interpreter, or a file that makes it take all memory, is a failure here and harms
nobody. Each file is either read to what it was, but for values that were changed, or
refused by an error that names the file.
"""

import ast
import collections
import gzip
import random
import re
import struct
import subprocess
import sys
import warnings
from pathlib import Path

import nbformat
import nibabel as nib
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
MEMORY_MB = 700  # what the process of the cases may take beyond its start
SHAPE, N_VOLUMES = (9, 8, 7), 6
# Fields of the NIfTI header that are made to lie: place, format, values.
LIES = {
    "dim": (40, "<8h", [(4, 32767, 32767, 32767, 32767, 1, 1, 1)]),
    "number of axes": (40, "<h", [0, 1, 2, 5, 7, 8, -1, 32767]),
    "axis 1": (42, "<h", [0, -3, 1, 8, 10, 32767]),
    "axis 4": (48, "<h", [0, -3, 1, 5, 7, 32767]),
    "type": (70, "<h", [0, 1, 2, 32, 64, 128, 1536, 1792, 2304, 9999]),
    "bits": (72, "<h", [0, 1, 8, 64, 9999]),
    "offset": (108, "<f", [0, 1, 351, 352.5, 1e9, -1e9, float("nan"), float("inf")]),
    "slope": (112, "<f", [0, 1e38, -1e38, float("nan"), float("inf")]),
    "intercept": (116, "<f", [1e38, float("nan"), float("inf")]),
    "rows of the affine": (
        280,
        "<4f",
        [(0, 0, 0, 0), (float("nan"),) * 4, (1e38,) * 4],
    ),
    "size of the header": (0, "<i", [0, -1, 540, 2**31 - 1]),
    "magic": (344, "<4s", [b"\0\0\0\0", b"ni1\0", b"n+2\0"]),
}
# What is refused is named: the file, or what of it does not fit.
NAMED = re.compile(
    r"damaged\.nii|^(The mask (has|is)|A mask is|Image and mask are|Volume \d+ has|"
    r"Expected a 3-D)"
)


def write_image(folder: Path) -> tuple[bytes, Path]:
    """Return the bytes of a sound .nii, and the path of a mask on its grid."""
    rng = np.random.default_rng(0)
    affine = np.diag([3.0, 3.0, 4.0, 1.0])
    data = rng.integers(0, 2000, (*SHAPE, N_VOLUMES), dtype=np.int16)
    nib.save(nib.Nifti1Image(data, affine), folder / "sound.nii")
    mask = folder / "mask.nii.gz"
    nib.save(nib.Nifti1Image((data[..., 0] > 500).astype(np.uint8), affine), mask)
    return (folder / "sound.nii").read_bytes(), mask


def damaged(sound: bytes, seed: int) -> list[tuple[str, bytes, str]]:
    """Return kinds of damage, with the bytes of the file and its suffix."""
    rng = random.Random(seed)
    squeezed = gzip.compress(sound, mtime=0)
    files = []
    for suffix, content in ((".nii", sound), (".nii.gz", squeezed)):
        for _ in range(120):
            files.append(("cut", content[: rng.randrange(len(content))], suffix))
            flipped = bytearray(content)
            # Half of the flips hit the header, or the first compressed block.
            end = rng.choice([352, len(content)])
            for _ in range(rng.choice([1, 1, 2, 8])):
                flipped[rng.randrange(end)] ^= 1 << rng.randrange(8)
            files.append(("flipped bits", bytes(flipped), suffix))
        for _ in range(10):
            noise = rng.randbytes(rng.choice([0, 1, 100, 348, 5000]))
            files.append(("noise", noise, suffix))
            files.append(("noise after a header", content[:352] + noise, suffix))
    for name, (place, form, values) in LIES.items():
        for value in values:
            lying = bytearray(sound)
            packed = struct.pack(
                form, *(value if isinstance(value, tuple) else [value])
            )
            lying[place : place + len(packed)] = packed
            files.append((f"lie: {name}", bytes(lying), ".nii"))
            files.append((f"lie: {name}", gzip.compress(bytes(lying)), ".nii.gz"))
    return files


def bombs(sound: bytes) -> list[tuple[str, bytes, str]]:
    """Return small files that unfold to a gigabyte or say so."""
    gigabyte = gzip.compress(bytes(2**20), 9) * 1024  # members follow one another
    files = [("bomb after a sound image", gzip.compress(sound) + gigabyte, ".nii.gz")]
    for shape in ((32767, 32767, 1, 1), (1000, 1000, 1000, 1), (9, 8, 7, 32767)):
        header = bytearray(sound[:352])
        struct.pack_into("<5h", header, 40, 4, *shape)
        files.append(
            (f"bomb {shape}", gzip.compress(bytes(header)) + gigabyte, ".nii.gz")
        )
    return files


def try_all(folder: Path) -> None:
    """Read every damaged file as a series and as a mask; print how it went."""
    from helpers.masking import apply_mask, load_mask
    from tests.benchmarks.bench import _peak

    warnings.simplefilter("error", RuntimeWarning)
    nib.imageglobals.logger.setLevel("CRITICAL")
    sound, mask = write_image(folder)
    n_voxels = np.count_nonzero(load_mask(mask)[0])
    start, seen = _peak(reset=True), collections.Counter()
    for kind, content, suffix in [*damaged(sound, seed=0), *bombs(sound)]:
        path = folder / f"damaged{suffix}"
        path.write_bytes(content)
        for use, read in (
            ("series", lambda p: apply_mask(p, mask)),
            ("mask", load_mask),
        ):
            try:
                result = read(path)
            except (ValueError, OSError, TypeError) as error:
                said = str(error)
                assert NAMED.search(said), (kind, type(error), said)
                assert len(said) < 1500, (kind, said)
                seen["refused"] += 1
                continue
            seen["read"] += 1
            if use == "series":
                assert result.ndim == 2 and result.shape[1] == n_voxels, kind
                assert np.isfinite(result).all(), kind
    grown = _peak() - start
    assert grown < MEMORY_MB, f"took {grown:.0f} MB"
    print(
        f"{seen.total()} cases: {dict(seen)}, at most {grown:.0f} MB beyond the start"
    )


def test_damaged_files_end_in_one_clear_error(tmp_path):
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from tests.helpers.test_fuzz import try_all\n"
        "resource.setrlimit(resource.RLIMIT_AS, (6 * 2**30,) * 2)\n"
        "try_all(Path(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, (done.returncode, done.stderr[-3000:])
    print(done.stdout)
    n_cases = int(done.stdout.split()[0])
    assert n_cases > 1000


UNPICKLES = re.compile(
    r"(^|\.)((c?pickle|_pickle|cPickle|dill|cloudpickle)\.(loads?|Unpickler)"
    r"|joblib\.load|read_pickle|shelve(\.open)?)$"
)


def unpickling(source: str) -> list[str]:
    """Return what in some code would load a pickle, by any of the usual ways."""
    lines = [x for x in source.splitlines() if not x.lstrip().startswith("%")]
    names = []
    for node in ast.walk(ast.parse("\n".join(lines))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Attribute):
            names.append(ast.unparse(node))
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            names += ["read_pickle"] * (ast.unparse(node.value) != "False")
    return [name for name in names if UNPICKLES.search(name)]


@pytest.mark.parametrize("folder", ["helpers", "book/_ext", "tests", "notebooks"])
def test_nothing_is_unpickled(folder):
    n_read = 0
    for path in sorted((ROOT / folder).rglob("*")):
        if path.suffix == ".py":
            sources = [path.read_text(encoding="utf-8")]
        elif path.suffix == ".ipynb":
            cells = nbformat.read(path, as_version=4).cells
            sources = [c.source for c in cells if c.cell_type == "code"]
        else:
            continue
        n_read += 1
        for source in sources:
            assert not unpickling(source), path
    assert n_read > 3


@pytest.mark.parametrize(
    ("code", "bad"),
    [
        ("import pickle\npickle.loads(b)", True),
        ("from pickle import load", True),
        ("import joblib\nx = joblib.load('x')", True),
        ("import pandas as pd\npd.read_pickle('x')", True),
        ("np.load('x.npy', allow_pickle=True)", True),
        ("np.load('x.npy', allow_pickle=False)", False),
        ("import cloudpickle\nlen(cloudpickle.dumps(x))", False),
    ],
)
def test_unpickling_is_seen(code, bad):
    assert bool(unpickling(code)) == bad
