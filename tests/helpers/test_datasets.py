"""The loaders: every source, and everything that can go wrong on the way."""

import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import traceback
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pooch
import pytest
import requests

from helpers import datasets, simulation
from helpers.datasets import (
    CourseDataError,
    load_haxby,
    load_haxby_slice,
    load_miyawaki,
    load_miyawaki_v1,
    main,
)

N_VOLUMES = 12
MEND = "python -m helpers.datasets fetch haxby --subject 2 --source simulated"


def write_tiny(folder: Path, subject: int = 2) -> None:
    """Write the files of `simulation.write_haxby`, as small as they can be."""
    rng = np.random.default_rng(subject)
    subj = folder / "haxby2001" / f"subj{subject}"
    (subj / "truth").mkdir(parents=True)
    names = [f"{name}_vt" for name in ("mask4", "mask8_face", "mask8_house")]
    names += ["mask8b_face_vt", "mask8b_house_vt", "anat", "../mask", "bold"]
    names += ["truth/signal_mask", "truth/patterns", "truth/face_house"]
    for name in names:
        shape = (4, 4, 4, N_VOLUMES) if name == "bold" else (4, 4, 4)
        data = rng.integers(0, 1000, shape) if name == "bold" else np.ones(shape)
        image = nib.Nifti1Image(data.astype(np.int16), np.eye(4))
        nib.save(image, subj / f"{name}.nii.gz")
    (folder / "haxby2001" / "MD5SUMS").write_text("")
    rows = [f"{label} {run}" for run in range(4) for label in ("rest", "face", "house")]
    (subj / "labels.txt").write_text("\n".join(["labels chunks", *rows]) + "\n")


def refuse(*args, **kwargs):
    raise OSError(errno.ENETUNREACH, "Network is unreachable")


@pytest.fixture
def no_network(monkeypatch):
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def folder(tmp_path, monkeypatch, no_network) -> Path:
    """An empty data folder, a tiny simulation and no network."""
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("COURSE_DATA", raising=False)
    monkeypatch.setattr(simulation, "write_haxby", write_tiny)
    return tmp_path / "data"


@pytest.fixture
def seeded_slice(folder, slice_folder) -> Path:
    """A data folder into which the real slice was copied."""
    sample = folder / "samples" / "haxby_slice"
    sample.mkdir(parents=True)
    for path in slice_folder.iterdir():
        shutil.copyfile(path, sample / path.name)
    return sample


def files_below(folder: Path) -> set[str]:
    """All files, but the lock."""
    paths = folder.rglob("*")
    return {str(p.relative_to(folder)) for p in paths if p.name != ".lock"}


# --- what a loader returns -------------------------------------------------------


def test_simulated_haxby(folder):
    data = load_haxby()
    subj = folder / "simulated" / "haxby" / "haxby2001" / "subj2"
    assert data.func == subj / "bold.nii.gz"
    assert data.mask == subj.parent / "mask.nii.gz"
    assert data.mask_vt == subj / "mask4_vt.nii.gz"
    assert data.anat == subj / "anat.nii.gz"
    assert data.truth.patterns == subj / "truth" / "patterns.nii.gz"
    expected = pd.DataFrame(
        {"label": ["rest", "face", "house"] * 4, "run": np.repeat(range(4), 3)}
    )
    pd.testing.assert_frame_equal(data.labels, expected)
    assert data.t_r == 2.5
    assert data.source.startswith("simulated")
    assert "CC BY" in data.description
    assert "Haxby et al. (2001)" in data.description
    # Nothing is left of the writing.
    assert not list(folder.rglob(".writing-*"))


def test_shown_without_folders_of_this_computer(folder):
    data = load_haxby()
    for text in (repr(data), str(data), repr(data.truth), data.description):
        assert str(folder) not in text
        assert "/" not in text
    assert "12 volumes" in repr(data)


def test_is_frozen(folder):
    with pytest.raises(AttributeError):
        load_haxby().t_r = 2.0


def test_written_once(folder, monkeypatch):
    first = load_haxby()
    monkeypatch.setattr(simulation, "write_haxby", refuse)
    assert load_haxby().func == first.func


def test_stored_data_is_read_from_a_folder_that_cannot_be_locked(folder, monkeypatch):
    load_haxby()
    monkeypatch.setattr(datasets.filelock, "FileLock", refuse)
    assert load_haxby().func.exists()


def test_subjects_live_side_by_side(folder, monkeypatch):
    for subject in (1, 6, 2):
        load_haxby(subject)
    monkeypatch.setattr(simulation, "write_haxby", refuse)
    series = {load_haxby(subject).func.read_bytes() for subject in (1, 2, 6)}
    assert len(series) == 3
    assert load_haxby(np.int64(6)).source.endswith("subject 6")


@pytest.mark.parametrize("subject", [0, 7, "2", 2.5, True, None, [2]])
def test_bad_subject(folder, subject):
    with pytest.raises(ValueError, match="1 to 6"):
        load_haxby(subject)
    assert not folder.exists()


def test_older_version_is_rewritten(folder, monkeypatch):
    load_haxby(1)
    load_haxby(2)

    def write_newer(folder, subject):
        write_tiny(folder, subject)
        (folder / "haxby2001" / "mask.nii.gz").write_bytes(b"newer")

    monkeypatch.setitem(simulation.VERSIONS, "haxby", "newer")
    monkeypatch.setattr(simulation, "write_haxby", write_newer)
    assert load_haxby(2).mask.read_bytes() == b"newer"
    # Subject 1 is older than the mask that both share: outdated, but no damage.
    assert datasets.check() == []
    assert load_haxby(1).mask.read_bytes() == b"newer"


@pytest.mark.parametrize("value", ["fulll", "Full", "0", "sample"])
def test_unknown_source(folder, monkeypatch, value):
    monkeypatch.setenv("COURSE_DATA", value)
    with pytest.raises(CourseDataError, match=f"'{value}'.*'simulated'.*'full'"):
        load_haxby()
    monkeypatch.setenv("COURSE_DATA", "")  # a rerun with the default
    assert load_haxby().source.startswith("simulated")


def test_default_folder_is_the_users_cache(monkeypatch):
    monkeypatch.delenv("COURSE_DATA_DIR", raising=False)
    cache = Path(pooch.os_cache("x")).parent
    assert datasets.data_dir().parent == cache
    monkeypatch.setenv("COURSE_DATA_DIR", "~/course")
    assert datasets.data_dir() == Path.home() / "course"


# --- damaged files ---------------------------------------------------------------


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def alter(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGES = {"is missing": Path.unlink, "is truncated": truncate, "is altered": alter}
FILES = ["subj2/bold.nii.gz", "mask.nii.gz", "subj2/truth/patterns.nii.gz"]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("problem", DAMAGES)
def test_damaged_file_is_named_and_mended(folder, problem, name, capsys):
    good = load_haxby().func.read_bytes()
    path = folder / "simulated" / "haxby" / "haxby2001" / name
    DAMAGES[problem](path)
    with pytest.raises(CourseDataError) as error:
        load_haxby()
    for part in (str(path), problem, MEND):
        assert part in str(error.value)
    assert main(["check"]) == 1
    assert f"{path} {problem}" in capsys.readouterr().out
    # The command that the message names.
    assert main(MEND.split()[3:]) == 0
    assert load_haxby().func.read_bytes() == good
    assert main(["check"]) == 0


def test_error_gives_both_checksums(folder):
    data = load_haxby()
    manifest = folder / "simulated" / "haxby" / "manifest-haxby-subj2.json"
    name = "haxby2001/subj2/labels.txt"
    size, checksum = json.loads(manifest.read_text())["files"][name]
    assert size == (data.func.parent / "labels.txt").stat().st_size
    (data.func.parent / "labels.txt").write_text("labels chunks\n")
    found = pooch.file_hash(data.func.parent / "labels.txt", alg="sha256")
    with pytest.raises(CourseDataError, match=f"(?s){checksum}.*{found}"):
        load_haxby()


def test_all_problems_are_listed(folder):
    data = load_haxby()
    data.mask_vt.unlink()
    truncate(data.anat)
    with pytest.raises(CourseDataError, match="(?s)anat.*mask4_vt"):
        load_haxby()
    assert len(datasets.check()) == 2


@pytest.mark.parametrize("text", ["", "{", "[]", '{"made_by": "1"}'])
def test_unreadable_manifest_counts_as_none(folder, text):
    load_haxby()
    manifest = folder / "simulated" / "haxby" / "manifest-haxby-subj2.json"
    manifest.write_text(text)
    assert load_haxby().func.exists()
    made_by = f"helpers.simulation {simulation.VERSIONS['haxby']}"
    assert json.loads(manifest.read_text())["made_by"] == made_by


def test_labels_of_another_length(folder, monkeypatch):
    def write_one_row_less(folder, subject):
        write_tiny(folder, subject)
        path = folder / "haxby2001" / f"subj{subject}" / "labels.txt"
        path.write_text("\n".join(path.read_text().splitlines()[:-1]))

    monkeypatch.setattr(simulation, "write_haxby", write_one_row_less)
    with pytest.raises(CourseDataError, match="labels 11 volumes, but .* has 12"):
        load_haxby()


# --- writing that fails ----------------------------------------------------------


def writer_that_raises(error: BaseException):
    def write(folder, subject):
        (folder / "haxby2001").mkdir()
        (folder / "haxby2001" / "mask.nii.gz").write_bytes(b"half")
        raise error

    return write


FULL_DISK = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
READ_ONLY = PermissionError(errno.EACCES, os.strerror(errno.EACCES))


@pytest.mark.parametrize("error", [FULL_DISK, READ_ONLY])
def test_disk_refuses(folder, monkeypatch, error):
    monkeypatch.setattr(simulation, "write_haxby", writer_that_raises(error))
    with pytest.raises(CourseDataError) as raised:
        load_haxby()
    home = folder / "simulated" / "haxby"
    for part in (error.strerror, "70 MB", str(home), "COURSE_DATA_DIR", MEND):
        assert part in str(raised.value)
    assert files_below(home) == set()
    monkeypatch.setattr(simulation, "write_haxby", write_tiny)
    assert load_haxby().func.exists()


def test_disk_full_while_moving_into_place(folder, monkeypatch):
    def replace(path, target):
        raise FULL_DISK

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replace)
        with pytest.raises(CourseDataError, match="No space left"):
            load_haxby()
    assert datasets.check() == []
    assert load_haxby().func.exists()


def test_folder_cannot_be_made(folder, monkeypatch):
    def mkdir(path, *args, **kwargs):
        raise READ_ONLY

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", mkdir)
        with pytest.raises(CourseDataError, match="Permission denied"):
            load_haxby()
    assert load_haxby().func.exists()


def test_data_folder_is_a_file(folder, monkeypatch):
    folder.write_text("in the way")
    for value in (folder, folder / "below"):
        monkeypatch.setenv("COURSE_DATA_DIR", str(value))
        with pytest.raises(CourseDataError, match="set COURSE_DATA_DIR"):
            load_haxby()
        with pytest.raises(CourseDataError, match="set COURSE_DATA_DIR"):
            load_haxby_slice()
        assert main([]) == 0  # the list still works
    assert folder.read_text() == "in the way"
    folder.unlink()
    assert load_haxby().func.exists()


def test_interrupted_by_hand(folder, monkeypatch):
    interrupted = writer_that_raises(KeyboardInterrupt())
    monkeypatch.setattr(simulation, "write_haxby", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load_haxby()
    assert files_below(folder / "simulated" / "haxby") == set()
    monkeypatch.setattr(simulation, "write_haxby", write_tiny)
    assert load_haxby().func.exists()


# --- several processes -----------------------------------------------------------

LOADER = """
import sys, time
from pathlib import Path
from helpers import datasets, simulation
sys.path.insert(0, {tests!r})
from test_datasets import write_tiny

def write_slowly(folder, subject):
    with open({log!r}, "a") as log:
        log.write("writes\\n")
    (folder / "half").write_text("half")
    time.sleep({seconds})
    (folder / "half").unlink()
    write_tiny(folder, subject)

simulation.write_haxby = write_slowly
data = datasets.load_haxby()
print(len(data.labels), data.func.stat().st_size)
"""


def start_loader(folder: Path, seconds: float) -> subprocess.Popen:
    """Start a process that loads, its simulation taking `seconds`."""
    log = folder.parent / "log"
    log.touch()
    tests = str(Path(__file__).parent)
    code = LOADER.format(tests=tests, log=str(log), seconds=seconds)
    environment = os.environ | {"COURSE_DATA_DIR": str(folder)}
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(datasets.__file__).parents[1],
    )


def test_two_processes_at_once(folder):
    loaders = [start_loader(folder, seconds=1) for _ in range(2)]
    outputs = [loader.communicate(timeout=120)[0] for loader in loaders]
    assert [loader.returncode for loader in loaders] == [0, 0]
    assert outputs[0] == outputs[1]
    assert outputs[0].startswith(f"{N_VOLUMES} ")
    assert (folder.parent / "log").read_text() == "writes\n"  # only one of them


def test_killed_while_writing(folder):
    loader = start_loader(folder, seconds=600)
    while not list(folder.rglob("half")):
        assert loader.poll() is None, "ended before it wrote"
        time.sleep(0.05)
    loader.send_signal(signal.SIGKILL)
    loader.communicate()
    assert list(folder.rglob(".writing-*"))
    assert datasets.check() == []  # nothing there that anyone would read
    assert load_haxby().func.exists()
    assert not list(folder.rglob(".writing-*"))


# --- full ------------------------------------------------------------------------


@pytest.fixture
def seeded_full(folder, monkeypatch) -> Path:
    """A folder `full` with files in nilearn's layout, before its first use."""
    for subject in (2, 6):
        write_tiny(folder / "other", subject)
        shutil.copytree(folder / "other", folder / "full", dirs_exist_ok=True)
        shutil.rmtree(folder / "other")
    (folder / "full" / "haxby2001" / "subj6" / "anat.nii.gz").unlink()
    monkeypatch.setenv("COURSE_DATA", "full")
    return folder / "full"


def test_seeded_full_needs_no_network(seeded_full):
    data = load_haxby()
    assert data.func == seeded_full / "haxby2001" / "subj2" / "bold.nii.gz"
    assert data.source == "full: Haxby et al. (2001), subject 2"
    assert data.truth is None
    assert len(data.labels) == N_VOLUMES
    assert load_haxby(6).anat is None  # as in the original
    assert not (seeded_full.parent / "simulated").exists()


def test_list_of_full_data_has_the_subjects_that_are_there(seeded_full, capsys):
    main([])
    lines = [line.split()[:4] for line in capsys.readouterr().out.splitlines()]
    full = [line[1:4:2] for line in lines if line[2:3] == ["full"]]
    assert full == [["2", "present"], ["6", "present"]]
    assert datasets.check() == []


def test_seeded_full_may_be_read_only(seeded_full, monkeypatch):
    monkeypatch.setattr(datasets.filelock, "FileLock", refuse)
    assert len(load_haxby().labels) == N_VOLUMES


def test_agrees_with_nilearn_on_which_file_is_which(seeded_full):
    from nilearn.datasets import fetch_haxby

    data = load_haxby()
    theirs = fetch_haxby(subjects=[2], data_dir=seeded_full, verbose=0)
    assert data.func == Path(theirs.func[0])
    assert data.mask == Path(theirs.mask)
    for name in ("mask_vt", "mask_face", "mask_house", "anat"):
        assert getattr(data, name) == Path(theirs[name][0])
    table = pd.read_csv(theirs.session_target[0], sep=" ")
    np.testing.assert_array_equal(data.labels["label"], table["labels"])
    np.testing.assert_array_equal(data.labels["run"], table["chunks"])
    assert data.t_r == theirs.t_r


def test_full_without_network(folder, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "full")
    with pytest.raises(CourseDataError) as error:
        load_haxby()
    home = str(folder / "full")
    for part in (home, "haxby2001", "unset COURSE_DATA", "--source full"):
        assert part in str(error.value)
    assert not list(folder.rglob(".writing-*"))


def test_full_truncated_before_its_first_use(seeded_full):
    path = seeded_full / "haxby2001" / "subj2" / "bold.nii.gz"
    truncate(path)
    with pytest.raises(CourseDataError, match=f"{path} cannot be read.*\n.*full"):
        load_haxby()


@pytest.mark.parametrize("problem", DAMAGES)
def test_full_damaged_after_its_first_use(seeded_full, problem, monkeypatch):
    path = load_haxby().func
    good = path.read_bytes()
    DAMAGES[problem](path)
    with pytest.raises(CourseDataError, match=f"{path} {problem}"):
        load_haxby()

    def download_again(**kwargs):
        assert not path.exists(), "nilearn keeps a file that is there"
        path.write_bytes(good)

    monkeypatch.setattr("nilearn.datasets.fetch_haxby", download_again)
    assert main(["fetch", "haxby", "--subject", "2", "--source", "full"]) == 0
    assert load_haxby().func.read_bytes() == good


def test_full_labels_of_another_length(seeded_full):
    path = seeded_full / "haxby2001" / "subj2" / "labels.txt"
    path.write_text(path.read_text() + "rest 4\n")
    with pytest.raises(CourseDataError, match="labels 13 volumes, but .* has 12"):
        load_haxby()


# --- the real slice --------------------------------------------------------------


def test_seeded_slice_needs_no_network(seeded_slice):
    data = load_haxby_slice()
    assert data.func == seeded_slice / "bold.nii.gz"
    assert nib.load(data.func).shape == (40, 20, 1, 1452)
    assert np.asarray(nib.load(data.mask).dataobj).astype(bool).sum() == 530
    # The design of the experiment: 12 runs of 121 volumes, 9 volumes a block.
    assert (data.labels["run"].value_counts() == 121).all()
    categories = data.labels.query("label != 'rest'").groupby("run")["label"]
    assert (categories.value_counts() == 9).all()
    assert (categories.nunique() == 8).all()
    assert data.t_r == 2.5
    assert data.source.startswith("sample: Haxby")
    assert data.mask_vt is data.mask_face is data.mask_house is data.truth is None
    assert main(["check"]) == 0


@pytest.mark.parametrize("problem", ["is truncated", "is altered"])
def test_slice_with_a_wrong_checksum(seeded_slice, problem, monkeypatch):
    path = seeded_slice / "mask.nii.gz"
    good = path.read_bytes()
    DAMAGES[problem](path)
    expected = datasets._entry("haxby_slice", "").files["mask.nii.gz"][1]
    bad = path.read_bytes()
    with pytest.raises(CourseDataError) as error:
        load_haxby_slice()
    found = pooch.file_hash(path, alg="sha256")
    mend = "python -m helpers.datasets fetch haxby_slice"
    for part in (str(path), expected, found, mend):
        assert part in str(error.value)
    assert path.read_bytes() == bad  # a user's file is replaced on demand only
    # On demand, yes; but without a network the old file stays.
    assert main(["fetch", "haxby_slice"]) == 1
    assert path.read_bytes() == bad

    serve(monkeypatch, {"mask.nii.gz": good})
    assert main(["fetch", "haxby_slice"]) == 0
    assert path.read_bytes() == good


def serve(monkeypatch, files: dict[str, bytes]) -> list[str]:
    """Let `requests` answer with these files only; return the addresses asked for."""
    asked = []

    def get(url, **kwargs):
        asked.append(url)
        response = requests.Response()
        name = url.rsplit("/", 1)[-1]
        response.status_code = 200 if name in files else 404
        content = files.get(name, b"")
        response.headers["content-length"] = str(len(content))
        response.iter_content = lambda chunk_size=1: iter([content])
        return response

    monkeypatch.setattr(requests, "get", get)
    return asked


def test_slice_is_downloaded_once(folder, slice_folder, monkeypatch):
    files = {path.name: path.read_bytes() for path in slice_folder.iterdir()}
    asked = serve(monkeypatch, files)
    load_haxby_slice()
    load_haxby_slice()
    commit = "20f0335f98bbb59a0e11bc0b7a469edf8681a9a1"
    root = f"https://raw.githubusercontent.com/PyMVPA/PyMVPA/{commit}/mvpa2/data/"
    assert sorted(asked) == sorted(root + name for name in files)
    sample = folder / "samples" / "haxby_slice"
    assert files_below(sample) == set(files)


def test_slice_download_resumes_where_it_broke(folder, slice_folder, monkeypatch):
    files = {path.name: path.read_bytes() for path in slice_folder.iterdir()}
    some = {name: files[name] for name in ("bold.nii.gz", "mask.nii.gz")}
    serve(monkeypatch, some)
    with pytest.raises(CourseDataError, match="404.*\n.*copy the file to"):
        load_haxby_slice()
    asked = serve(monkeypatch, files)
    load_haxby_slice()
    assert [url.rsplit("/", 1)[-1] for url in asked] == ["attributes_literal.txt"]


def serve_broken(monkeypatch, content: bytes, end: BaseException | None) -> None:
    """Let `requests` hand over a half of the content, and then end in some way."""

    def half_of_it(chunk_size=1):
        yield content[: len(content) // 2]
        if end is not None:
            raise end

    def get(url, **kwargs):
        response = requests.Response()
        response.status_code = 200
        response.headers["content-length"] = str(len(content))
        response.iter_content = half_of_it
        return response

    monkeypatch.setattr(requests, "get", get)


@pytest.mark.parametrize(
    ("end", "raises", "says"),
    [
        (KeyboardInterrupt(), KeyboardInterrupt, None),
        (requests.ConnectionError("reset by peer"), CourseDataError, "reset by peer"),
        (None, CourseDataError, "hash"),
        (FULL_DISK, CourseDataError, "No space left"),
    ],
    ids=["by hand", "by the network", "too early", "by a full disk"],
)
def test_slice_download_is_interrupted(
    folder, slice_folder, monkeypatch, end, raises, says
):
    files = {path.name: path.read_bytes() for path in slice_folder.iterdir()}
    serve_broken(monkeypatch, files["bold.nii.gz"], end)
    with pytest.raises(raises, match=says):
        load_haxby_slice()
    assert files_below(folder / "samples" / "haxby_slice") == set()
    serve(monkeypatch, files)
    assert load_haxby_slice().func.read_bytes() == files["bold.nii.gz"]


def test_fetching_the_slice_shows_a_bar(folder, slice_folder, monkeypatch, capsys):
    files = {path.name: path.read_bytes() for path in slice_folder.iterdir()}
    serve(monkeypatch, files)
    assert main(["fetch", "haxby_slice"]) == 0
    assert "100%" in capsys.readouterr().err
    assert main(["check"]) == 0


SLICE_LOADER = """
import time
from pathlib import Path
import requests
from helpers import datasets

def get(url, **kwargs):
    name = url.rsplit("/", 1)[-1]
    content = (Path({files!r}) / name).read_bytes()

    def slowly(chunk_size=1):
        with open({log!r}, "a") as log:
            log.write(name + "\\n")
        yield content[:100]
        time.sleep({seconds})
        yield content[100:]

    response = requests.Response()
    response.status_code = 200
    response.headers["content-length"] = str(len(content))
    response.iter_content = slowly
    return response

requests.get = get
print(len(datasets.load_haxby_slice().labels))
"""


def start_slice_loader(
    folder: Path, slice_folder: Path, seconds: float
) -> subprocess.Popen:
    """Start a process that downloads the slice, each file taking `seconds`."""
    log = folder.parent / "log"
    log.touch()
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            SLICE_LOADER.format(files=str(slice_folder), log=str(log), seconds=seconds),
        ],
        env=os.environ | {"COURSE_DATA_DIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=Path(datasets.__file__).parents[1],
    )


def test_two_processes_download_the_slice_at_once(folder, slice_folder):
    loaders = [start_slice_loader(folder, slice_folder, 0.5) for _ in range(2)]
    outputs = [loader.communicate(timeout=120)[0] for loader in loaders]
    assert [loader.returncode for loader in loaders] == [0, 0]
    assert outputs == ["1452\n", "1452\n"]
    names = sorted((folder.parent / "log").read_text().split())
    assert names == sorted(path.name for path in slice_folder.iterdir())  # each once


def test_killed_while_downloading_the_slice(folder, slice_folder, monkeypatch):
    loader = start_slice_loader(folder, slice_folder, 600)
    while not (folder.parent / "log").read_text():
        assert loader.poll() is None, "ended before it downloaded"
        time.sleep(0.05)
    loader.send_signal(signal.SIGKILL)
    loader.communicate()
    sample = folder / "samples" / "haxby_slice"
    assert list(sample.glob(".writing-*"))
    assert datasets.check() == []  # nothing there that anyone would read
    files = {path.name: path.read_bytes() for path in slice_folder.iterdir()}
    serve(monkeypatch, files)
    assert load_haxby_slice().func.exists()
    assert files_below(sample) == set(files)


def test_slice_download_with_a_wrong_checksum(folder, monkeypatch):
    serve(monkeypatch, {"bold.nii.gz": b"a captive portal"})
    with pytest.raises(CourseDataError, match="bold.nii.gz.*hash"):
        load_haxby_slice()
    assert files_below(folder / "samples" / "haxby_slice") == set()


def test_slice_and_a_full_disk(folder, slice_folder, monkeypatch):
    def retrieve(*args, **kwargs):
        raise FULL_DISK

    with monkeypatch.context() as patch:
        patch.setattr(pooch, "retrieve", retrieve)
        with pytest.raises(CourseDataError, match="No space left.* 2 MB"):
            load_haxby_slice()
    assert files_below(folder) <= {"samples", "samples/haxby_slice"}
    serve(
        monkeypatch, {path.name: path.read_bytes() for path in slice_folder.iterdir()}
    )
    assert load_haxby_slice().func.exists()


def test_slice_without_network(folder):
    with pytest.raises(CourseDataError) as error:
        load_haxby_slice()
    path = folder / "samples" / "haxby_slice" / "bold.nii.gz"
    for part in ("https://raw.githubusercontent.com/PyMVPA", str(path), "sha256"):
        assert part in str(error.value)
    assert not list(folder.rglob(".writing-*"))


# --- Miyawaki --------------------------------------------------------------------


def write_tiny_miyawaki(folder: Path) -> None:
    """Write the files of `simulation.write_miyawaki`, as small as they can be."""
    names = [folder / name for name in datasets._miyawaki_files()]
    truth = datasets.MiyawakiTruth.__dataclass_fields__
    names += [folder / "miyawaki2008" / "truth" / f"{name}.nii.gz" for name in truth]
    for number, path in enumerate(names):
        path.parent.mkdir(parents=True, exist_ok=True)
        shape = (2, 2, 2, 4) if path.parent.name == "func" else (2, 2, 2)
        if path.suffix == ".csv":
            np.savetxt(path, np.full((4, 100), number % 2), "%d", delimiter=",")
        else:
            data = np.full(shape, number, dtype=np.int16)
            nib.save(nib.Nifti1Image(data, np.eye(4)), path)


@pytest.fixture
def tiny_miyawaki(folder, monkeypatch) -> Path:
    """A data folder for which the simulation of Miyawaki is a tiny one."""
    monkeypatch.setattr(simulation, "write_miyawaki", write_tiny_miyawaki)
    return folder


@pytest.fixture
def full_miyawaki(folder, monkeypatch) -> Path:
    """A folder `full` with all files in nilearn's layout, before its first use."""
    write_tiny_miyawaki(folder / "full")
    shutil.rmtree(folder / "full" / "miyawaki2008" / "truth")
    monkeypatch.setenv("COURSE_DATA", "full")
    return folder / "full"


def assert_agrees_with_nilearn(data: datasets.Miyawaki, data_dir: Path) -> None:
    """Let nilearn find every file where we do, in its order, and fetch none."""
    from nilearn.datasets import fetch_miyawaki2008

    before = files_below(data_dir)
    theirs = fetch_miyawaki2008(data_dir=data_dir, verbose=0)
    for name in ("func", "label", "mask_roi"):
        assert list(getattr(data, name)) == [Path(path) for path in theirs[name]], name
    assert data.mask == Path(theirs.mask)
    assert data.background == Path(theirs.background)
    assert files_below(data_dir) == before


def test_simulated_miyawaki(tiny_miyawaki):
    data = load_miyawaki()
    root = tiny_miyawaki / "simulated" / "miyawaki" / "miyawaki2008"
    assert data.func[0] == root / "func" / "data_figure_run01.nii.gz"
    assert data.func[12] == root / "func" / "data_random_run01.nii.gz"
    assert (len(data.func), len(data.label), len(data.mask_roi)) == (32, 32, 38)
    assert data.truth.rf_x == root / "truth" / "rf_x.nii.gz"
    assert data.t_r == 2.0
    assert data.source.startswith("simulated")
    for part in ("Miyawaki et al. (2008)", "CC BY"):
        assert part in data.description
    assert_agrees_with_nilearn(data, root.parent)


def test_miyawaki_is_shown_without_folders_of_this_computer(tiny_miyawaki):
    data = load_miyawaki()
    for text in (repr(data), repr(data.truth), data.description):
        assert str(tiny_miyawaki) not in text
        assert "/" not in text
    assert "32 files, data_figure_run01.nii.gz to data_random_run20" in repr(data)


def test_full_miyawaki_needs_no_network_when_it_is_there(full_miyawaki):
    data = load_miyawaki()
    assert data.func[31] == (
        full_miyawaki / "miyawaki2008" / "func" / "data_random_run20.nii.gz"
    )
    assert data.source == "full: Miyawaki et al. (2008)"
    assert data.truth is None
    assert_agrees_with_nilearn(data, full_miyawaki)
    assert not (full_miyawaki.parent / "simulated").exists()
    assert main(["check"]) == 0


def test_full_miyawaki_without_network(folder, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "full")
    with pytest.raises(CourseDataError, match="miyawaki2008.*\n.*--source full"):
        load_miyawaki()
    assert not list(folder.rglob(".writing-*"))


@pytest.mark.parametrize("name", ["func/data_random_run07.nii.gz", "mask/LHV1d.nii.gz"])
@pytest.mark.parametrize("problem", DAMAGES)
def test_damaged_miyawaki_is_named_and_mended(tiny_miyawaki, problem, name):
    load_miyawaki()
    path = tiny_miyawaki / "simulated" / "miyawaki" / "miyawaki2008" / name
    good = path.read_bytes()
    DAMAGES[problem](path)
    mend = "python -m helpers.datasets fetch miyawaki --source simulated"
    with pytest.raises(CourseDataError) as error:
        load_miyawaki()
    for part in (str(path), problem, mend):
        assert part in str(error.value)
    assert main(["check"]) == 1
    assert main(mend.split()[3:]) == 0
    assert path.read_bytes() == good


def test_older_miyawaki_is_rewritten_and_haxby_is_not(tiny_miyawaki, monkeypatch):
    load_haxby()
    first = load_miyawaki().mask
    first_bytes = first.read_bytes()
    monkeypatch.setattr(simulation, "write_haxby", refuse)

    def write_newer(folder):
        write_tiny_miyawaki(folder)
        truncate(folder / "miyawaki2008" / "mask" / "mask.nii.gz")

    monkeypatch.setattr(simulation, "write_miyawaki", write_newer)
    assert load_miyawaki().mask.read_bytes() == first_bytes
    monkeypatch.setitem(simulation.VERSIONS, "miyawaki", "newer")
    assert load_miyawaki().mask.read_bytes() != first_bytes
    assert load_haxby().func.exists()


def test_miyawaki_labels_of_another_length(full_miyawaki):
    path = full_miyawaki / "miyawaki2008" / "label" / "data_figure_run03_label.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]))
    with pytest.raises(CourseDataError, match="run03.* labels 3 volumes, but .* has 4"):
        load_miyawaki()


def test_seeded_v1_needs_no_network(folder, v1_folder):
    sample = folder / "samples" / "miyawaki_v1"
    shutil.copytree(v1_folder, sample)
    data = load_miyawaki_v1()
    assert data.responses.shape == (80, 797)
    assert data.stimuli.shape == (80, 100)
    assert set(np.unique(data.stimuli)) == {0, 1}
    assert data.stimuli.dtype == int
    np.testing.assert_array_equal(data.runs, np.repeat(range(8), 10))
    assert data.source.startswith("sample: Miyawaki")
    assert "array of shape (80, 797)" in repr(data)
    assert main(["check"]) == 0


def test_v1_with_a_wrong_checksum(folder, v1_folder):
    path = folder / "samples" / "miyawaki_v1" / "V1_mean_figure.mat"
    path.parent.mkdir(parents=True)
    path.write_bytes((v1_folder / path.name).read_bytes())
    alter(path)
    mend = "python -m helpers.datasets fetch miyawaki_v1"
    with pytest.raises(CourseDataError, match=f"(?s){path} is altered.*{mend}"):
        load_miyawaki_v1()


def test_v1_is_downloaded_once(folder, v1_folder, monkeypatch):
    files = {path.name: path.read_bytes() for path in v1_folder.iterdir()}
    asked = serve(monkeypatch, files)
    load_miyawaki_v1()
    load_miyawaki_v1()
    commit = "423bab985dadbf0a29660cc87ad9cc007a67f4df"
    root = f"https://raw.githubusercontent.com/KamitaniLab/VBCCA/{commit}/sample/data/"
    assert asked == [f"{root}V1_mean_figure.mat"]


@pytest.mark.parametrize("source", ["sample", "full"])
def test_without_network_the_error_is_one_and_short(folder, monkeypatch, source):
    """A reader sees the reason and the mend, not the story of four libraries."""
    if source == "full":
        monkeypatch.setenv("COURSE_DATA", "full")
    load = load_haxby if source == "full" else load_haxby_slice
    with pytest.raises(CourseDataError) as error:
        load()
    shown = "".join(traceback.format_exception(error.value))
    assert shown.count("Traceback") == 1
    assert "Network is unreachable" in str(error.value)
    assert "Max retries" not in shown


# --- the command line ------------------------------------------------------------


def test_list_fetch_check(folder, capsys):
    assert main([]) == 0
    out = capsys.readouterr().out
    assert out.count("missing") == len(datasets.ENTRIES)
    assert main(["fetch", "haxby"]) == 0
    assert "B/s" in capsys.readouterr().err  # the progress bar
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    line = next(line for line in out.splitlines() if line.startswith("haxby 2"))
    for part in ("simulated", "present", "MB", "CC BY 4.0", "haxby2001"):
        assert part in line
    assert str(folder / "simulated" / "haxby") in out
    assert main(["check"]) == 0


def test_list_says_what_is_outdated_or_incomplete(folder, monkeypatch, capsys):
    load_haxby(1).mask_vt.unlink()
    load_haxby(2)
    monkeypatch.setitem(simulation.VERSIONS, "haxby", "newer")
    load_haxby(3).mask_vt.unlink()
    truncate(load_haxby(4).func)
    load_haxby(5)
    main([])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    states = {row[1]: row[3] for row in lines if row[:1] == ["haxby"] and len(row) > 3}
    assert states["1"] == states["2"] == "outdated"
    assert states["3"] == states["4"] == "incomplete"
    assert states["5"] == "present"


def test_fetch_interrupted_by_hand(folder, monkeypatch, capsys):
    interrupted = writer_that_raises(KeyboardInterrupt())
    monkeypatch.setattr(simulation, "write_haxby", interrupted)
    assert main(["fetch", "haxby"]) == 130
    assert "run the same again" in capsys.readouterr().err
    assert files_below(folder / "simulated" / "haxby") == set()


def test_unknown_name(folder, capsys):
    assert main(["fetch", "haxbee"]) == 1
    error = capsys.readouterr().err
    for part in ("haxbee", "haxby", "haxby_slice"):
        assert part in error


def test_module_can_be_run(folder):
    environment = os.environ | {"COURSE_DATA": "other"}
    run = [sys.executable, "-m", "helpers.datasets"]
    root = Path(datasets.__file__).parents[1]
    done = subprocess.run([*run, "fetch", "haxby"], env=environment, cwd=root)
    assert done.returncode == 1


# --- the real simulation ---------------------------------------------------------

NO_ROOM = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # an error in place of the end
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
from helpers.datasets import main
sys.exit(main(["fetch", "haxby"]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of file size")
def test_the_simulation_itself_says_when_there_is_no_room(tmp_path):
    """No stand-in: the system refuses to let a file grow beyond 2 MB."""
    done = subprocess.run(
        [sys.executable, "-c", NO_ROOM],
        env=os.environ | {"COURSE_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        cwd=Path(datasets.__file__).parents[1],
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "error: Cannot write the simulated data set 'haxby'" in done.stderr
    assert "File too large" in done.stderr
    assert files_below(tmp_path / "simulated" / "haxby") == set()


def test_nilearn_accepts_the_simulation(haxby, no_network):
    from nilearn.datasets import fetch_haxby

    data_dir = haxby.mask.parents[1]
    before = files_below(data_dir)
    theirs = fetch_haxby(
        subjects=[2], data_dir=data_dir, fetch_stimuli=False, verbose=0
    )
    assert Path(theirs.func[0]) == haxby.func
    assert len(pd.read_csv(theirs.session_target[0], sep=" ")) == len(haxby.labels)
    assert files_below(data_dir) == before


def test_the_simulation_has_what_the_loader_promises(haxby):
    shape = nib.load(haxby.mask).shape
    assert nib.load(haxby.func).shape == (*shape, 1452)
    assert nib.load(haxby.truth.patterns).shape == (*shape, 8)
    for path in (haxby.mask_vt, haxby.mask_face, haxby.mask_house):
        assert nib.load(path).shape == shape
    for path in (haxby.truth.signal_mask, haxby.truth.face_house):
        assert nib.load(path).shape == shape
    assert (haxby.labels["run"].value_counts() == 121).all()
    size = sum(path.stat().st_size for path in haxby.mask.parent.rglob("subj2/*"))
    entry = datasets._entry("haxby", "simulated")
    assert size == pytest.approx(entry.megabytes * 1e6, rel=0.2)


def test_nilearn_accepts_the_simulation_of_miyawaki(miyawaki, no_network):
    data_dir = miyawaki.mask.parents[2]
    assert_agrees_with_nilearn(miyawaki, data_dir)
    paths = (data_dir / "miyawaki2008").rglob("*")
    size = sum(path.stat().st_size for path in paths if path.is_file())
    entry = datasets._entry("miyawaki", "simulated")
    assert size == pytest.approx(entry.megabytes * 1e6, rel=0.1)
