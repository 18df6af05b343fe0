"""Find the course's data, bring it when it is not there, and check every file.

One loader a data set, three sources:

- *simulated* (the default): written once by `helpers.simulation`, no network;
- *full*: the paper's own recordings, by nilearn's fetchers (``COURSE_DATA=full``);
- *sample*: small real recordings, pinned to a commit and to their SHA-256.

``COURSE_DATA_DIR`` names the data folder (default: the user's cache folder). It has
``simulated/<name>``, ``full`` and ``samples/<name>``; files put there by hand are
used as they are. ``python -m helpers.datasets`` lists what is there, ``... fetch
NAME`` brings or mends a data set, ``... check`` verifies every file.
"""

import argparse
import contextlib
import gzip
import hashlib
import json
import os
import shutil
import sys
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

import filelock
import nibabel as nib
import numpy as np
import pandas as pd
import pooch
import requests
from scipy import io
from tqdm import tqdm

from helpers import masking, simulation

HAXBY_SUBJECTS = range(1, 7)
REST_SUBJECTS = range(1, 41)
REST_DEFAULT = 8  # subjects
# The maps that the paper's authors published beside the scripts of figure 4.
MELODIC_URL = (
    "https://raw.githubusercontent.com/AlexandreAbraham/frontiers2013/"
    "34711490cca17e0054faa6f89816295ae33eed15/scripts/ica/melodic.nii.gz"
)
MELODIC_VOLUMES = 4  # at least: their script draws the fourth


class CourseDataError(RuntimeError):
    """The data is missing, damaged or out of reach; the message says how to mend it."""


# --- what a loader returns -------------------------------------------------------


class _Shown:
    """Shows a data set without the folders of this computer."""

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__}: {getattr(self, 'source', 'ground truth')}"]
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name in ("source", "description"):
                continue
            if isinstance(value, Path):
                value = value.name
            elif isinstance(value, tuple) and isinstance(value[0], Path):
                value = f"{len(value)} files, {value[0].name} to {value[-1].name}"
            elif isinstance(value, tuple | list) and isinstance(value[0], str):
                value = ", ".join(value)
            elif isinstance(value, tuple):
                value = f"{len(value)} tables"
            elif isinstance(value, np.ndarray):
                value = f"array of shape {value.shape}"
            elif isinstance(value, nib.spatialimages.SpatialImage):
                value = f"image in memory, shape {value.shape}"
            elif isinstance(value, pd.DataFrame):
                rows = "volumes" if "run" in value else "rows"
                value = f"{len(value)} {rows}, columns {', '.join(value)}"
            elif isinstance(value, _Shown):
                value = ", ".join(item.name for item in fields(value))
            lines.append(f"  {item.name:<11} {value}")
        return "\n".join(lines)


@dataclass(frozen=True, repr=False)
class HaxbyTruth(_Shown):
    """What a simulated subject's series was made of: paths of NIfTI images.

    Attributes
    ----------
    signal_mask : Path
        The voxels that carry any signal, shape (x, y, z).
    patterns : Path
        Response to each category in percent of the baseline, shape (x, y, z, 8),
        the categories in alphabetical order.
    face_house : Path
        The pattern of faces minus that of houses, shape (x, y, z).
    """

    signal_mask: Path
    patterns: Path
    face_house: Path


@dataclass(frozen=True, repr=False, eq=False)
class Haxby(_Shown):
    """One subject of Haxby's experiment, simulated or real.

    Images are paths (load them with nibabel); what a source lacks is None.

    Attributes
    ----------
    func : Path
        BOLD series of all runs, one after the other, shape (x, y, z, n_volumes).
    mask : Path
        Mask of the brain, shape (x, y, z).
    mask_vt, mask_face, mask_house : Path or None
        Ventral temporal cortex, and the regions in it that prefer faces and houses.
    anat : Path or None
        Anatomical image, on a grid of its own.
    labels : pandas.DataFrame
        One row a volume: ``label``, what was seen, and ``run``, counted from 0.
    t_r : float
        Time between volumes in s.
    source : str
        What the data is; begins with "simulated", "full" or "sample".
    description : str
        A few sentences about it, with license and citation.
    truth : HaxbyTruth or None
        What was put in, for a simulation.
    """

    func: Path
    mask: Path
    mask_vt: Path | None
    mask_face: Path | None
    mask_house: Path | None
    anat: Path | None
    labels: pd.DataFrame
    t_r: float
    source: str
    description: str
    truth: HaxbyTruth | None


@dataclass(frozen=True, repr=False)
class MiyawakiTruth(_Shown):
    """What a simulated retinotopic map was made of: paths of NIfTI images.

    Each has the shape (x, y, z) of the mask and is NaN outside visual cortex.

    Attributes
    ----------
    area : Path
        Band of visual areas: 0 (V1), 1 (V2), 2 (V3, VP) or 3 (V3A, V4v).
    eccentricity, angle : Path
        Where in the visual field a voxel looks: degrees from the fixation point, and
        degrees counterclockwise from the right horizontal meridian.
    rf_x, rf_y, rf_size : Path
        Center (column, row; 0 to 9 inside the image) and standard deviation of the
        receptive field, in pixels.
    amplitude : Path
        Response to an image with all pixels on, in percent of the baseline.
    hrf_delay : Path
        Time to the peak of the haemodynamic response in s.
    """

    area: Path
    eccentricity: Path
    angle: Path
    rf_x: Path
    rf_y: Path
    rf_size: Path
    amplitude: Path
    hrf_delay: Path


@dataclass(frozen=True, repr=False, eq=False)
class Miyawaki(_Shown):
    """The experiment of Miyawaki et al., simulated or real, in nilearn's order.

    Attributes
    ----------
    func : tuple of Path
        BOLD series of the 12 runs with figures, then of the 20 with random images;
        each of shape (x, y, z, n_volumes).
    label : tuple of Path
        The images, a table (CSV) for each run: one row a volume, 100 pixels, 1 where
        the image flickers and 0 where it is gray; -1 in a volume of rest. A row is
        an image column by column: ``reshape(10, 10, order="F")``. It says what was
        shown while the volume was recorded; the response comes two volumes later.
    mask : Path
        The voxels to analyze, shape (x, y, z).
    mask_roi : tuple of Path
        Masks of rings of equal eccentricity and of visual areas, left (LH) then
        right hemisphere (RH).
    background : Path
        An anatomical image to draw maps on, on the grid of the mask.
    t_r : float
        Time between volumes in s.
    source : str
        What the data is; begins with "simulated" or "full".
    description : str
        A few sentences about it, with license and citation.
    truth : MiyawakiTruth or None
        What was put in, for a simulation.
    """

    func: tuple[Path, ...]
    label: tuple[Path, ...]
    mask: Path
    mask_roi: tuple[Path, ...]
    background: Path
    t_r: float
    source: str
    description: str
    truth: MiyawakiTruth | None


@dataclass(frozen=True, repr=False, eq=False)
class MiyawakiV1(_Shown):
    """Responses of a person's area V1 to ten figures, from Miyawaki et al.

    Attributes
    ----------
    responses : ndarray of float, shape (80, 797)
        Mean response of each voxel (columns) to each block (rows), z-scored. Where
        the voxels are is not known.
    stimuli : ndarray of int, shape (80, 100)
        The images, 1 where they flicker; a row is an image column by column:
        ``reshape(10, 10, order="F")``.
    runs : ndarray of int, shape (80,)
        Run of each block, counted from 0: 8 runs of 10 blocks.
    source : str
        What the data is; begins with "sample".
    description : str
        A few sentences about it, with license and citation.
    """

    responses: np.ndarray
    stimuli: np.ndarray
    runs: np.ndarray
    source: str
    description: str


@dataclass(frozen=True, repr=False, eq=False)
class RestTruth(_Shown):
    """What the simulated brains at rest were made of.

    Attributes
    ----------
    networks : Path
        Map of each network over all subjects, shape (x, y, z, n_networks), NIfTI.
    network_names : list of str
        The networks in their order.
    artifacts : Path
        Map of each artifact, shape (x, y, z, n_artifacts), NIfTI.
    artifact_names : list of str
        The artifacts in their order.
    regions : Path
        Core of each region, shape (x, y, z), NIfTI: its label, or 0.
    region_table : pandas.DataFrame
        One row a region: ``label``, ``region``, ``network``, and its center in MNI
        millimeters, ``x``, ``y``, ``z``.
    subject_networks : tuple of Path
        One a subject: its own map of each network in percent of the baseline,
        shape (x, y, z, n_networks), NIfTI.
    time_courses : tuple of pandas.DataFrame
        One a subject: the course of each network, artifact and region (columns), one
        row a volume, standardized.
    connection_regions : tuple of two str
        The two regions whose correlation differs between the groups.
    connection : pandas.DataFrame
        One row a subject: ``Subject``, ``adhd`` (1: patient), and the ``correlation``
        of the two regions without noise.
    """

    networks: Path
    network_names: list[str]
    artifacts: Path
    artifact_names: list[str]
    regions: Path
    region_table: pd.DataFrame
    subject_networks: tuple[Path, ...]
    time_courses: tuple[pd.DataFrame, ...]
    connection_regions: tuple[str, str]
    connection: pd.DataFrame


@dataclass(frozen=True, repr=False, eq=False)
class Rest(_Shown):
    """Several subjects at rest, simulated or real.

    Images are paths (load them with nibabel); what a source lacks is None.

    Attributes
    ----------
    func : tuple of Path
        One a subject: BOLD series, shape (x, y, z, n_volumes), in MNI space.
    confounds : tuple of pandas.DataFrame, or None
        One a subject: time courses to regress out, one row a volume.
    mask : Path or nibabel.Nifti1Image
        Mask of the brain, shape (x, y, z); computed where the source has none.
    phenotypic : pandas.DataFrame or None
        One row a subject: among others ``Subject``, ``age``, ``sex``, ``adhd`` (1: a
        patient, 0: a control) and ``MeanFD``, how much the head moved, in mm.
    t_r : float
        Time between volumes in s.
    source : str
        What the data is; begins with "simulated", "full" or "sample".
    description : str
        A few sentences about it, with license and citation.
    truth : RestTruth or None
        What was put in, for a simulation.
    """

    func: tuple[Path, ...]
    confounds: tuple[pd.DataFrame, ...] | None
    mask: Path | nib.Nifti1Image
    phenotypic: pd.DataFrame | None
    t_r: float
    source: str
    description: str
    truth: RestTruth | None


# --- what is known of each data set ----------------------------------------------


def _simulate_haxby(folder: Path, subject: int) -> None:
    """Write one simulated subject below `folder`."""
    simulation.write_haxby(folder, subject)


def _download_haxby(folder: Path, subject: int) -> None:
    """Let nilearn fetch one real subject into `folder`, or find it there."""
    # Imported here: nilearn takes seconds to import, and most readers never need it.
    from nilearn import datasets

    is_there = all((folder / name).exists() for name in _haxby_files(subject))
    datasets.fetch_haxby(subjects=[subject], data_dir=folder, verbose=int(not is_there))


def _haxby_files(subject: int) -> list[str]:
    """Return the names of the files that one subject needs, as nilearn has them."""
    names = ["bold.nii.gz", "labels.txt", "mask4_vt.nii.gz"]
    names += ["mask8b_face_vt.nii.gz", "mask8b_house_vt.nii.gz"]
    if subject != 6:  # whose anatomical image was lost
        names.append("anat.nii.gz")
    own = [f"haxby2001/subj{subject}/{name}" for name in names]
    return [*own, "haxby2001/mask.nii.gz"]


def _simulate_miyawaki(folder: Path, subject: None) -> None:
    """Write the simulated experiment below `folder`."""
    simulation.write_miyawaki(folder)


def _download_miyawaki(folder: Path, subject: None) -> None:
    """Let nilearn fetch the real experiment into `folder`, or find it there."""
    from nilearn import datasets

    is_there = all((folder / name).exists() for name in _miyawaki_files())
    datasets.fetch_miyawaki2008(data_dir=folder, verbose=int(not is_there))


def _miyawaki_files(subject: None = None) -> list[str]:
    """Return the names of all files, as nilearn has them and in its order."""
    runs = [f"data_figure_run{run:02}" for run in range(1, 13)]
    runs += [f"data_random_run{run:02}" for run in range(1, 21)]
    rings = sorted(f"lag{k}to{k + 1}" for k in range(11))
    areas = ["V1d", "V1v", "V2d", "V2v", "V3A", "V3", "V4v", "VP"]
    names = [f"func/{run}.nii.gz" for run in runs]
    names += [f"label/{run}_label.csv" for run in runs]
    names.append("mask/mask.nii.gz")
    for side in ("LH", "RH"):
        names += [f"mask/{side}{region}.nii.gz" for region in (*rings, *areas)]
    return [f"miyawaki2008/{name}" for name in (*names, "bg.nii.gz")]


def _simulate_rest(folder: Path, subject: int) -> None:
    """Write one simulated subject at rest below `folder`."""
    simulation.write_rest(folder, subject)


def _download_rest(folder: Path, subject: int) -> None:
    """Let nilearn fetch the real subjects up to one, or find them there."""
    from nilearn import datasets

    is_there = all((folder / name).exists() for name in _rest_files(subject))
    datasets.fetch_adhd(subject, data_dir=folder, verbose=int(not is_there))


REST_TABLE = "adhd/ADHD200_40subs_motion_parameters_and_phenotypics.csv"


def _rest_files(subject: int) -> list[str]:
    """Return the names of the files that one subject needs, as nilearn has them."""
    name = simulation.REST_IDS[subject - 1]
    own = f"adhd/data/{name}/{name}"
    return [
        f"{own}_rest_tshift_RPI_voreg_mni.nii.gz",
        f"{own}_regressors.csv",
        REST_TABLE,
    ]


@dataclass(frozen=True)
class Entry:
    """What the course knows of one data set from one source."""

    name: str
    source: str  # "simulated", "full" or "sample"
    folder: str  # below the data folder
    megabytes: int  # about what it takes; full: while the archive unpacks
    license: str
    cite: str  # key in the book's bibliography
    description: str
    subjects: range | tuple[None] = (None,)  # (None,): there is no choice
    by_default: range | tuple[int | None] = (None,)  # those that `fetch` brings
    # Simulated and full: writes or fetches a subject into a folder.
    bring: Callable[[Path, int | None], None] | None = None
    # Full: the files to look for, the series first.
    list_files: Callable[[int | None], list[str]] | None = None
    # Samples: the address at a pinned commit; size in bytes and SHA-256 of each file.
    url: str = ""
    files: Mapping[str, tuple[int, str]] = field(default_factory=dict)


ENTRIES = (
    Entry(
        name="haxby",
        source="simulated",
        folder="simulated/haxby",
        megabytes=70,
        license="CC BY 4.0; anatomy: MNI152 (ICBM)",
        cite="haxby2001distributed",
        description="A simulation after Haxby et al. (2001), Science 293:2425-2430: "
        "eight categories of pictures, 12 runs of 121 volumes, in the MNI152 brain; "
        "only ventral temporal cortex carries signal. No person was recorded.",
        bring=_simulate_haxby,
        subjects=HAXBY_SUBJECTS,
        by_default=(2,),
    ),
    Entry(
        name="haxby",
        source="full",
        folder="full",
        megabytes=700,
        license="CC BY-SA 3.0",
        cite="haxby2001distributed",
        description="The recording of Haxby et al. (2001), Science 293:2425-2430: "
        "eight categories of pictures, 12 runs of 121 volumes, as distributed by "
        "PyMVPA and fetched by nilearn.",
        bring=_download_haxby,
        list_files=_haxby_files,
        subjects=HAXBY_SUBJECTS,
        by_default=(2,),
    ),
    Entry(
        name="haxby_slice",
        source="sample",
        folder="samples/haxby_slice",
        megabytes=2,
        license="CC BY-SA 3.0 (data), MIT (package)",
        cite="haxby2001distributed",
        description="A real recording: the posterior half of one axial slice of "
        "subject 1 of Haxby et al. (2001), Science 293:2425-2430, 12 runs of 121 "
        "volumes, from PyMVPA.",
        url="https://raw.githubusercontent.com/PyMVPA/PyMVPA/"
        "20f0335f98bbb59a0e11bc0b7a469edf8681a9a1/mvpa2/data/",
        files={
            "bold.nii.gz": (
                1311329,
                "cbbd4d07803caaa9f77381af24e790cf77058664a128bd514a4c1668eefb92d7",
            ),
            "mask.nii.gz": (
                197,
                "8d879d35aaeee3afddfb69a7e1b8dd2b3be446671452d7e841dc6588845f2877",
            ),
            "attributes_literal.txt": (
                12026,
                "7769f235e93d3157ef7bd1102abfaf3bc058ad9ca28e89dc60b8e47f473207c3",
            ),
        },
    ),
    Entry(
        name="miyawaki",
        source="simulated",
        folder="simulated/miyawaki",
        megabytes=41,
        license="CC BY 4.0; anatomy: MNI152 (ICBM)",
        cite="miyawaki2008visual",
        description="A simulation after Miyawaki et al. (2008), Neuron 60:915-929: "
        "images of 10 x 10 pixels, 12 runs with figures and 20 with random images, in "
        "the posterior part of the MNI152 brain; voxels of visual cortex respond to "
        "the pixels in their receptive fields. No person was recorded.",
        bring=_simulate_miyawaki,
    ),
    Entry(
        name="miyawaki",
        source="full",
        folder="full",
        megabytes=320,
        license="not stated",
        cite="miyawaki2008visual",
        description="The recording of Miyawaki et al. (2008), Neuron 60:915-929: "
        "images of 10 x 10 pixels, 12 runs with figures and 20 with random images, as "
        "fetched by nilearn.",
        bring=_download_miyawaki,
        list_files=_miyawaki_files,
    ),
    Entry(
        name="miyawaki_v1",
        source="sample",
        folder="samples/miyawaki_v1",
        megabytes=1,
        license="BSD-style (3 clauses)",
        cite="miyawaki2008visual",
        description="A real recording: responses of 797 voxels of area V1 to ten "
        "figures in 80 blocks, of Miyawaki et al. (2008), Neuron 60:915-929, from "
        "the code of Fujiwara et al. (2013), Neural Computation 25:979-1005.",
        url="https://raw.githubusercontent.com/KamitaniLab/VBCCA/"
        "423bab985dadbf0a29660cc87ad9cc007a67f4df/sample/data/",
        files={
            "V1_mean_figure.mat": (
                494782,
                "a65908b290870694af100b51c6c143c0217146494350a5b8219eb1b2ed137788",
            ),
        },
    ),
    Entry(
        name="rest",
        source="simulated",
        folder="simulated/rest",
        megabytes=6,
        license="CC BY 4.0; anatomy: MNI152 (ICBM)",
        cite="adhd200consortium",
        description="A simulation in the layout of the ADHD-200 sample: brains at "
        "rest, 120 volumes each, with six networks at their published places (Power "
        "et al. 2011, Neuron 72:665-678), artifacts, and a difference between "
        "patients and controls in one connection. No person was recorded.",
        bring=_simulate_rest,
        subjects=REST_SUBJECTS,
        by_default=range(1, REST_DEFAULT + 1),
    ),
    Entry(
        name="rest",
        source="full",
        folder="full",
        megabytes=120,
        license="free for non-commercial research",
        cite="adhd200consortium",
        description="The 40 subjects at rest of the ADHD-200 sample (The ADHD-200 "
        "Consortium 2012, Front. Syst. Neurosci. 6:62) that nilearn distributes, "
        "preprocessed, in MNI space.",
        bring=_download_rest,
        list_files=_rest_files,
        subjects=REST_SUBJECTS,
        by_default=range(1, REST_DEFAULT + 1),
    ),
    Entry(
        name="rest_gift",
        source="sample",
        folder="samples/rest_gift",
        megabytes=22,
        license="none stated: do not pass it on",
        cite="calhoun2001method",
        description="A real recording: six subjects' preprocessed BOLD in MNI space, "
        "50 volumes each, from the tests of GIFT, a toolbox for group ICA (Calhoun et "
        "al. 2001, Human Brain Mapping 14:140-151). Its source states neither the task "
        "nor the time between volumes; 2 s is what GIFT's own tests take.",
        url="https://raw.githubusercontent.com/trendscenter/gift/"
        "be4dddee6164a7b877dc9d3a7490a3cf70f4145a/GroupICAT/tests/data/subjects/",
        files={
            "sub-007_lowres.nii": (
                3546752,
                "f13a088559a6bc99ecf18014f51c6bea46ef4d0bd7b5791c12543598d4c14e77",
            ),
            "sub-018_lowres.nii": (
                3546752,
                "b83a496ed64008f2991975b19d81c10447b85bcc54476565168c7a15c5a9a640",
            ),
            "sub-067_lowres.nii": (
                3546752,
                "35a50337b1cab3740594f98af0d7ef804f8695e11b5ffcb0e90d25b6c63f89aa",
            ),
            "sub-107_lowres.nii": (
                3546752,
                "30841466754c6dc23bdf2702a1a9c495c26313985c922a944096c053efde1273",
            ),
            "sub-112_lowres.nii": (
                3546752,
                "f0866867d6ed70415603972a25b700d18ff10ce0db8050f2d043b375abbfe646",
            ),
            "sub-133_lowres.nii": (
                3546752,
                "907438d4dcd3ceebd0492766021bac4ecb03bf5fefb149e85351274ad789d6e6",
            ),
        },
    ),
)


# --- where it is -----------------------------------------------------------------


def data_dir() -> Path:
    """Return the course's data folder: ``COURSE_DATA_DIR`` or the user's cache."""
    cache = pooch.os_cache("ml-neuroimaging-course")
    return Path(os.environ.get("COURSE_DATA_DIR") or cache).expanduser().absolute()


def chosen_source() -> str:
    """Return the source that ``COURSE_DATA`` asks for: "simulated" or "full".

    Raises
    ------
    CourseDataError
        If ``COURSE_DATA`` is anything else.
    """
    source = os.environ.get("COURSE_DATA") or "simulated"
    if source not in ("simulated", "full"):
        raise CourseDataError(
            f"COURSE_DATA is {source!r}; expected 'simulated' (the default) or 'full'."
        )
    return source


def _entry(name: str, source: str) -> Entry:
    """Return the entry of a data set; a sample has one source only."""
    named = [entry for entry in ENTRIES if entry.name == name]
    if not named:
        names = ", ".join(dict.fromkeys(entry.name for entry in ENTRIES))
        raise CourseDataError(f"No data set is called {name!r}; there are: {names}.")
    return next(entry for entry in named if entry.source in (source, "sample"))


def _home(entry: Entry) -> Path:
    """Return the folder of a data set."""
    return data_dir() / entry.folder


def _command(entry: Entry, subject: int | None) -> str:
    """Return the command that brings or mends a data set."""
    command = f"python -m helpers.datasets fetch {entry.name}"
    if subject is not None:
        command += f" --subject {subject}"
    if entry.source != "sample":
        command += f" --source {entry.source}"
    return command


# --- is it whole? ----------------------------------------------------------------


def _manifest_path(entry: Entry, subject: int | None) -> Path:
    """Return where the sizes and checksums of simulated or full data are kept."""
    part = "" if subject is None else f"-subj{subject}"
    return _home(entry) / f"manifest-{entry.name}{part}.json"


def _made_by(entry: Entry) -> str:
    """Return what makes the files now; the manifest says what made those on disk."""
    if entry.source == "simulated":
        return f"helpers.simulation {simulation.VERSIONS[entry.name]}"
    return "nilearn.datasets"


def _manifest(entry: Entry, subject: int | None) -> dict | None:
    """Return the manifest, or None where there is none that can be read."""
    try:
        manifest = json.loads(_manifest_path(entry, subject).read_text("utf-8"))
        return {"made_by": manifest["made_by"], "files": dict(manifest["files"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None  # what cannot be read vouches for nothing


def _write_manifest(path: Path, entry: Entry, home: Path, names: list[str]) -> None:
    """Write sizes and checksums of the files `names` below `home`."""
    facts = {name: _facts(home / name) for name in names}
    text = json.dumps({"made_by": _made_by(entry), "files": facts}, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def _facts(path: Path) -> list:
    """Return size in bytes and SHA-256 of a file."""
    with path.open("rb") as file:
        return [path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()]


def _expected(entry: Entry, subject: int | None) -> dict[str, list | None]:
    """Return the facts of all files that belong to a data set, None if unknown."""
    if entry.source == "sample":
        return {name: list(facts) for name, facts in entry.files.items()}
    manifest = _manifest(entry, subject)
    if manifest is not None:
        return manifest["files"]
    # Full data that was put there by hand, before its first use.
    return dict.fromkeys(entry.list_files(subject)) if entry.list_files else {}


def _problem(path: Path, expected: list | None) -> str | None:
    """Say what is wrong with a file, or return None."""
    try:
        if expected is None:
            # No checksum to hold it to: a truncated file does not unzip.
            if path.name.endswith(".gz"):
                with gzip.open(path) as file:
                    while file.read(1 << 24):
                        pass
            return None if path.exists() else "is missing"
        found = _facts(path)
    except (FileNotFoundError, NotADirectoryError):
        return "is missing"
    except (EOFError, OSError, zlib.error) as error:
        return f"cannot be read: {error}"
    if found == expected:
        return None
    kind = "is truncated" if found[0] < expected[0] else "is altered"
    return (
        f"{kind}: expected {expected[0]} bytes with SHA-256 {expected[1]}, "
        f"found {found[0]} bytes with SHA-256 {found[1]}"
    )


def _problems(entry: Entry, subject: int | None) -> dict[Path, str]:
    """Return what is wrong with the files of a data set: path to problem."""
    home = _home(entry)
    found = {
        home / name: _problem(home / name, facts)
        for name, facts in _expected(entry, subject).items()
    }
    return {path: problem for path, problem in found.items() if problem}


def _state(entry: Entry, subject: int | None) -> str:
    """Return "missing", "outdated", "incomplete" or "present", by sizes alone."""
    manifest = _manifest(entry, subject)
    if manifest is not None and manifest["made_by"] != _made_by(entry):
        return "outdated"
    paths = {_home(entry) / k: facts for k, facts in _expected(entry, subject).items()}
    # The series comes first; without it, what else is there is of no use.
    if manifest is None and not any(path.exists() for path in list(paths)[:1]):
        return "missing"
    whole = all(
        path.exists() and (facts is None or path.stat().st_size == facts[0])
        for path, facts in paths.items()
    )
    return "present" if whole else "incomplete"


def _damaged(entry: Entry, subject: int | None, problems: dict) -> CourseDataError:
    """Return the one error that names every damaged file and the mend."""
    lines = [f"  {path} {problem}" for path, problem in problems.items()]
    return CourseDataError(
        f"The {entry.source} data set {entry.name!r} is damaged:\n"
        + "\n".join(lines)
        + f"\nTo mend it: {_command(entry, subject)}"
    )


# --- bring it --------------------------------------------------------------------


@contextlib.contextmanager
def _writing(entry: Entry, subject: int | None) -> Iterator[Path]:
    """Lock a data set's folder and yield a temporary folder in it.

    What the disk refuses becomes one clear error. The temporary folder goes whatever
    happens; if the process is killed, the next one that writes removes it.
    """
    home = _home(entry)
    try:
        home.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(home / ".lock"):
            for leftover in home.glob(".writing-*"):
                shutil.rmtree(leftover, ignore_errors=True)
            with tempfile.TemporaryDirectory(prefix=".writing-", dir=home) as folder:
                yield Path(folder)
    except OSError as error:
        raise CourseDataError(
            f"Cannot write the {entry.source} data set {entry.name!r} in {home}: "
            f"{error}. It needs about {entry.megabytes} MB there. Make room, or "
            "set COURSE_DATA_DIR to a folder that has it and that you may write to. "
            f"Then: {_command(entry, subject)}"
        ) from None


def _reason(error: BaseException) -> str:
    """Return what an error began with: "Name or service not known", and no more."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
    return str(error)


@contextlib.contextmanager
def _growth_bar(folder: Path, megabytes: int) -> Iterator[None]:
    """Show how many bytes have been written below `folder`."""
    done = threading.Event()

    def watch(bar: tqdm) -> None:
        while not done.wait(0.2):
            sizes = (path.stat().st_size for path in folder.rglob("*"))
            with contextlib.suppress(OSError):  # a file may go while we look
                bar.update(sum(sizes) - bar.n)

    with tqdm(total=megabytes * 10**6, unit="B", unit_scale=True) as bar:
        watcher = threading.Thread(target=watch, args=(bar,), daemon=True)
        watcher.start()
        try:
            yield
            bar.total = bar.n  # the size was an estimate
        finally:
            done.set()
            watcher.join()


def _simulate(entry: Entry, subject: int | None, show: bool) -> None:
    """Write simulated data beside its place, then move it there, its manifest last."""
    home = _home(entry)
    with _writing(entry, subject) as folder:
        if _state(entry, subject) not in ("missing", "outdated"):
            return  # another process has written it while we waited for the lock
        with _growth_bar(folder, entry.megabytes) if show else contextlib.nullcontext():
            entry.bring(folder, subject)
        names = [
            path.relative_to(folder).as_posix()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        ]
        new_manifest = folder / "manifest.json"
        _write_manifest(new_manifest, entry, folder, names)
        # Until the last line the data counts as missing or outdated: a process killed
        # before it leaves nothing that anyone would read.
        for name in names:
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).replace(home / name)
        new_manifest.replace(_manifest_path(entry, subject))


def _fetch_full(entry: Entry, subject: int | None) -> None:
    """Let nilearn fetch the full data, or accept what was put there by hand."""
    home = _home(entry)
    # A folder that we may only read is fine as long as all files are in it.
    lock = contextlib.nullcontext()
    if _state(entry, subject) != "present":
        lock = _writing(entry, subject)
    with lock:
        try:
            entry.bring(home, subject)
        except Exception as error:  # of several libraries: nilearn, requests, urllib3
            raise CourseDataError(
                f"nilearn could not fetch the full data set {entry.name!r} (about "
                f"{entry.megabytes} MB) into {home}: {_reason(error)}\n"
                "Without a network, unset "
                "COURSE_DATA to use the simulation, or copy the folder that nilearn "
                f"keeps ({entry.list_files(subject)[0].split('/')[0]}) into {home}.\n"
                f"To try again: {_command(entry, subject)}"
            ) from (None if isinstance(error, OSError) else error)
    problems = _problems(entry, subject)
    if problems:
        raise _damaged(entry, subject, problems)
    # From now on a change is noticed; in a folder that we may only read, it is not.
    with contextlib.suppress(CourseDataError), _writing(entry, subject) as folder:
        new_manifest = folder / "manifest.json"
        _write_manifest(new_manifest, entry, home, entry.list_files(subject))
        new_manifest.replace(_manifest_path(entry, subject))


def _download_sample(entry: Entry, replace: bool) -> None:
    """Download what is missing of a sample; what is altered only if told to."""
    home = _home(entry)
    problems = _problems(entry, None)
    if not replace and any(path.exists() for path in problems):
        raise _damaged(entry, None, problems)
    if not problems:
        return
    # pooch logs the folder, which has no place on a page; errors come anyway.
    pooch.get_logger().setLevel("ERROR")
    with _writing(entry, None) as folder:
        for path in _problems(entry, None):  # again: we may have waited for the lock
            url = entry.url + path.name
            checksum = f"sha256:{entry.files[path.name][1]}"
            try:
                pooch.retrieve(url, checksum, path.name, folder, progressbar=True)
            except (requests.RequestException, ValueError) as error:
                raise CourseDataError(
                    f"Cannot download {url}: {_reason(error)}\n"
                    f"Without a network, copy the file to {path} ({checksum}).\n"
                    f"To try again: {_command(entry, None)}"
                ) from None
            (folder / path.name).replace(home / path.name)


def _discard_damaged(entry: Entry, subject: int | None) -> None:
    """Remove the files that are damaged, and the manifest with them."""
    problems = _problems(entry, subject)
    if problems:
        with _writing(entry, subject):
            for path in [_manifest_path(entry, subject), *problems]:
                path.unlink(missing_ok=True)


def _bring(
    entry: Entry, subject: int | None = None, replace: bool = False, show: bool = False
) -> Path:
    """Bring a data set unless it is there, verify every file, return its folder."""
    if replace and entry.source != "sample":
        _discard_damaged(entry, subject)
    if entry.source == "sample":
        _download_sample(entry, replace)
    elif entry.source == "full":
        if _manifest(entry, subject) is None:
            _fetch_full(entry, subject)
    elif _state(entry, subject) in ("missing", "outdated"):
        _simulate(entry, subject, show)
    problems = _problems(entry, subject)
    if problems:
        raise _damaged(entry, subject, problems)
    return _home(entry)


# --- the loaders -----------------------------------------------------------------


def load_haxby(subject: int = 2) -> Haxby:
    """Load one subject of Haxby's experiment: pictures of eight categories.

    By default this is a simulation, written on first use (some seconds, no network);
    with ``COURSE_DATA=full`` the paper's own recording, fetched by nilearn [1]_. Every
    file's checksum is verified.

    Parameters
    ----------
    subject : int
        Number of the subject, 1 to 6; the paper shows subject 2.

    Returns
    -------
    Haxby
        Paths of the images, table of the labels, TR in s.

    Raises
    ------
    ValueError
        If there is no such subject.
    CourseDataError
        If the data cannot be written or fetched, a file is missing or damaged, or
        ``COURSE_DATA`` is unknown. The message says which file, and how to mend it.

    References
    ----------
    .. [1] Haxby et al. (2001), Science 293(5539):2425-2430.
    """
    if isinstance(subject, bool) or subject not in HAXBY_SUBJECTS:
        raise ValueError(f"subject is {subject!r}; expected a number from 1 to 6.")
    entry = _entry("haxby", chosen_source())
    root = _bring(entry, int(subject)) / "haxby2001"
    return _read_haxby(entry, root, int(subject))


def _read_haxby(entry: Entry, root: Path, subject: int) -> Haxby:
    """Describe one subject below `root`, in nilearn's layout."""
    subj = root / f"subj{subject}"
    source, truth = f"full: Haxby et al. (2001), subject {subject}", None
    if entry.source == "simulated":
        source = f"simulated after Haxby et al. (2001), subject {subject}"
        names = ("signal_mask", "patterns", "face_house")
        truth = HaxbyTruth(*(subj / "truth" / f"{name}.nii.gz" for name in names))
    anat = subj / "anat.nii.gz"
    return Haxby(
        func=subj / "bold.nii.gz",
        mask=root / "mask.nii.gz",
        mask_vt=subj / "mask4_vt.nii.gz",
        # Of the two versions of these masks, the one that nilearn calls by this name.
        mask_face=subj / "mask8b_face_vt.nii.gz",
        mask_house=subj / "mask8b_house_vt.nii.gz",
        anat=anat if anat.exists() else None,
        labels=_read_labels(subj / "labels.txt", subj / "bold.nii.gz", header=0),
        t_r=2.5,
        source=source,
        description=f"{entry.description} License: {entry.license}.",
        truth=truth,
    )


def load_haxby_slice() -> Haxby:
    """Load a real recording: half of one slice of Haxby's subject 1 [1]_.

    Files in ``samples/haxby_slice`` of the data folder are used when their checksums
    are right; otherwise they are downloaded once, about 1.3 MB.

    Returns
    -------
    Haxby
        With `func` of shape (40, 20, 1, 1452), `mask`, `labels` and `t_r`; the other
        masks, `anat` and `truth` are None.

    Raises
    ------
    CourseDataError
        If a file is damaged or cannot be downloaded.

    References
    ----------
    .. [1] Haxby et al. (2001), Science 293(5539):2425-2430.
    """
    entry = _entry("haxby_slice", "sample")
    folder = _bring(entry)
    func = folder / "bold.nii.gz"
    return Haxby(
        func=func,
        mask=folder / "mask.nii.gz",
        mask_vt=None,
        mask_face=None,
        mask_house=None,
        anat=None,
        labels=_read_labels(folder / "attributes_literal.txt", func, header=None),
        t_r=2.5,
        source="sample: Haxby et al. (2001), subject 1, half of one axial slice",
        description=f"{entry.description} License: {entry.license}.",
        truth=None,
    )


def _read_labels(path: Path, func: Path, header: int | None) -> pd.DataFrame:
    """Read a table "label run" with one row a volume of `func`."""
    labels = pd.read_csv(path, sep=" ", header=header, names=["label", "run"])
    _check_n_labels(path, len(labels), func)
    return labels


def _check_n_labels(path: Path, n_labels: int, func: Path) -> None:
    """Refuse a table of labels that is not of this series."""
    n_volumes = nib.load(func).shape[3]
    if n_labels != n_volumes:
        raise CourseDataError(
            f"{path} labels {n_labels} volumes, but {func} has {n_volumes}; "
            "expected one label a volume. The two files do not belong together: "
            "remove both, and load the data again."
        )


def load_miyawaki() -> Miyawaki:
    """Load Miyawaki's experiment: images of 10 x 10 pixels, and visual cortex.

    By default this is a simulation, written on first use (some seconds, no network);
    with ``COURSE_DATA=full`` the paper's own recording, fetched by nilearn [1]_. Every
    file's checksum is verified.

    Returns
    -------
    Miyawaki
        Paths of series, labels and masks, TR in s.

    Raises
    ------
    CourseDataError
        If the data cannot be written or fetched, a file is missing or damaged, or
        ``COURSE_DATA`` is unknown. The message says which file, and how to mend it.

    References
    ----------
    .. [1] Miyawaki et al. (2008), Neuron 60(5):915-929.
    """
    entry = _entry("miyawaki", chosen_source())
    return _read_miyawaki(entry, _bring(entry))


def _read_miyawaki(entry: Entry, home: Path) -> Miyawaki:
    """Describe the experiment below `home`, in nilearn's layout."""
    paths = [home / name for name in _miyawaki_files()]
    func, label = tuple(paths[:32]), tuple(paths[32:64])
    for func_run, label_run in zip(func, label, strict=True):
        n_rows = len(label_run.read_text(encoding="utf-8").splitlines())
        _check_n_labels(label_run, n_rows, func_run)
    source, truth = "full: Miyawaki et al. (2008)", None
    if entry.source == "simulated":
        source = "simulated after Miyawaki et al. (2008)"
        folder = home / "miyawaki2008" / "truth"
        names = (item.name for item in fields(MiyawakiTruth))
        truth = MiyawakiTruth(*(folder / f"{name}.nii.gz" for name in names))
    return Miyawaki(
        func=func,
        label=label,
        mask=paths[64],
        mask_roi=tuple(paths[65:-1]),
        background=paths[-1],
        t_r=2.0,
        source=source,
        description=f"{entry.description} License: {entry.license}.",
        truth=truth,
    )


def load_miyawaki_v1() -> MiyawakiV1:
    """Load a real recording: area V1 of a person who sees ten figures [1]_.

    A file in ``samples/miyawaki_v1`` of the data folder is used when its checksum is
    right; otherwise it is downloaded once, about 0.5 MB.

    Returns
    -------
    MiyawakiV1
        Responses, images and runs, as arrays.

    Raises
    ------
    CourseDataError
        If the file is damaged or cannot be downloaded.

    References
    ----------
    .. [1] Miyawaki et al. (2008), Neuron 60(5):915-929.
    """
    entry = _entry("miyawaki_v1", "sample")
    path = _bring(entry) / "V1_mean_figure.mat"
    # Only two arrays of numbers are read; their bytes are those of the checksum.
    stored = io.loadmat(path, variable_names=("R2", "I2"))
    return MiyawakiV1(
        responses=np.ascontiguousarray(stored["R2"].T),
        stimuli=np.ascontiguousarray(stored["I2"].T, dtype=int),
        runs=np.repeat(np.arange(8), 10),
        source="sample: Miyawaki et al. (2008), area V1, ten figures",
        description=f"{entry.description} License: {entry.license}.",
    )


def load_rest(n_subjects: int = REST_DEFAULT) -> Rest:
    """Load subjects at rest: patients with ADHD and controls.

    By default this is a simulation, written on first use (about a second a subject, no
    network); with ``COURSE_DATA=full`` the recordings of the ADHD-200 sample, fetched
    by nilearn [1]_. Every file's checksum is verified.

    Parameters
    ----------
    n_subjects : int
        How many subjects, 1 to 40: always the same first ones.

    Returns
    -------
    Rest
        Paths of the images, confounds, table of the subjects, TR in s.

    Raises
    ------
    ValueError
        If `n_subjects` is not a number from 1 to 40.
    CourseDataError
        If the data cannot be written or fetched, a file is missing or damaged, or
        ``COURSE_DATA`` is unknown. The message says which file, and how to mend it.

    Notes
    -----
    The full data has no mask: it is computed, from all subjects' series.

    References
    ----------
    .. [1] The ADHD-200 Consortium (2012), Front. Syst. Neurosci. 6:62.
    """
    if isinstance(n_subjects, bool) or n_subjects not in REST_SUBJECTS:
        raise ValueError(
            f"n_subjects is {n_subjects!r}; expected a number from 1 to 40."
        )
    entry = _entry("rest", chosen_source())
    names = list(simulation.REST_IDS[: int(n_subjects)])
    for subject in range(1, len(names) + 1):
        home = _bring(entry, subject)
    root = home / "adhd"
    func, confounds = [], []
    for name in names:
        own = root / "data" / name / name
        func.append(Path(f"{own}_rest_tshift_RPI_voreg_mni.nii.gz"))
        confounds.append(_read_confounds(Path(f"{own}_regressors.csv"), func[-1]))
    is_simulated = entry.source == "simulated"
    after = "simulated after" if is_simulated else "full:"
    return Rest(
        func=tuple(func),
        confounds=tuple(confounds),
        mask=root / "mask.nii.gz" if is_simulated else _common_mask(func),
        phenotypic=_rows_of(names, home / REST_TABLE),
        t_r=2.0,
        source=f"{after} the ADHD-200 sample, {len(names)} subjects",
        description=f"{entry.description} License: {entry.license}.",
        truth=_read_rest_truth(root, names) if is_simulated else None,
    )


def rest_regions() -> pd.DataFrame:
    """Return where the regions of six known networks lie, as published [1]_.

    Returns
    -------
    pandas.DataFrame
        One row a region: ``label``, from 1, ``region``, ``network``, and its center in
        MNI millimeters, ``x``, ``y``, ``z``. The simulation put its networks there.

    References
    ----------
    .. [1] Power et al. (2011), Neuron 72(4):665-678.
    """
    places = [
        (region, network, *place[:3])
        for network, regions in simulation.REST_NETWORKS.items()
        for region, place in regions.items()
    ]
    table = pd.DataFrame(places, columns=["region", "network", "x", "y", "z"])
    table.insert(0, "label", np.arange(1, len(table) + 1))
    return table


def known_networks(rest: Rest) -> tuple[np.ndarray, list[str]]:
    """Return a map of each of six networks, to name what was found in these brains.

    Parameters
    ----------
    rest : Rest
        Of a simulation, the maps are its truth. Real brains have none: there each map
        is 1 within 12 mm of its network's published places, and 0 elsewhere.

    Returns
    -------
    maps : ndarray, shape (n_networks, n_voxels)
        In the voxels of `rest.mask`.
    names : list of str
        The networks in their order.
    """
    names = list(simulation.REST_NETWORKS)
    if rest.truth is not None:
        return masking.apply_mask(rest.truth.networks, rest.mask), names
    inside, affine = masking.load_mask(rest.mask)
    mm = nib.affines.apply_affine(affine, np.argwhere(inside))
    places = rest_regions()
    maps = []
    for name in names:
        centers = places.loc[places.network == name, ["x", "y", "z"]].to_numpy()
        away = np.linalg.norm(mm[:, np.newaxis] - centers, axis=2).min(axis=1)
        maps.append(away <= 12)
    return np.array(maps, dtype=np.float32), names


def load_melodic() -> nib.Nifti1Image:
    """Load the maps of figure 4's third panel, from a copy that you have put there.

    The course brings no such file: its checksum is not known to us, so nothing of ours
    downloads it [1]_. It belongs to ``full/melodic/melodic.nii.gz`` of the data folder.

    Returns
    -------
    nibabel.Nifti1Image
        In memory, float32, shape (x, y, z, n_maps), on the grid of the file.

    Raises
    ------
    CourseDataError
        If the file is not there, cannot be read, or is no 4-D image of finite numbers
        with enough volumes. The message says where to get it and where it belongs.

    References
    ----------
    .. [1] Abraham et al. (2014), Front. Neuroinform. 8:14; the maps are by MELODIC,
       Beckmann and Smith (2004), IEEE Trans. Med. Imaging 23(2):137-152.
    """
    path = data_dir() / "full" / "melodic" / "melodic.nii.gz"
    image = problem = None
    try:
        image = masking.load_image(path)
        if len(image.shape) != 4 or image.shape[3] < MELODIC_VOLUMES:
            problem = f"has the shape {image.shape}"
        else:
            # One after the other: the file is decompressed once.
            maps = [v.astype(np.float32) for v in masking.iter_volumes(image)]
            bad = sum(int((~np.isfinite(values)).sum()) for values in maps)
            problem = f"has {bad} NaN or infinite voxels" if bad else None
    except FileNotFoundError:
        problem = "is missing"
    except (OSError, ValueError, EOFError, zlib.error) as error:
        problem = f"cannot be read: {_reason(error)}"
    if problem:
        raise CourseDataError(
            f"MELODIC's maps: {path} {problem}. Expected a 4-D NIfTI image of finite "
            f"numbers, {MELODIC_VOLUMES} volumes or more. The course does not "
            f"download it. Get {MELODIC_URL} and put it into the folder {path.parent}."
        )
    return nib.Nifti1Image(np.stack(maps, axis=-1), image.affine)


def load_rest_sample() -> Rest:
    """Load real recordings: six subjects, small, from the tests of GIFT [1]_.

    Files in ``samples/rest_gift`` of the data folder are used when their checksums are
    right; otherwise they are downloaded once, about 21 MB. Their source states no
    license: keep them on your computer, and pass nothing on.

    Returns
    -------
    Rest
        With `func`, six paths of series of shape (26, 31, 22, 50); a `mask` that was
        computed; and a `t_r` that is an assumption (the header's time step is wrong).
        `confounds`, `phenotypic` and `truth` are None.

    Raises
    ------
    CourseDataError
        If a file is damaged or cannot be downloaded.

    References
    ----------
    .. [1] Calhoun et al. (2001), Human Brain Mapping 14(3):140-151.
    """
    entry = _entry("rest_gift", "sample")
    folder = _bring(entry)
    func = tuple(folder / name for name in entry.files)
    return Rest(
        func=func,
        confounds=None,
        mask=_common_mask(func),
        phenotypic=None,
        t_r=2.0,
        source="sample: six subjects from the tests of GIFT; task and TR not stated",
        description=f"{entry.description} License: {entry.license}.",
        truth=None,
    )


def _common_mask(func: Sequence[Path]) -> nib.Nifti1Image:
    """Return the voxels that are brain in more than half of the subjects."""
    masks = [masking.compute_mask(path) for path in func]
    share = np.mean([np.asarray(mask.dataobj) for mask in masks], axis=0)
    return nib.Nifti1Image((share > 0.5).astype(np.uint8), masks[0].affine)


def _read_confounds(path: Path, func: Path) -> pd.DataFrame:
    """Read a table of confounds with one row a volume of `func`."""
    # The real tables and ours need not have the same separator.
    table = pd.read_csv(path, sep=None, engine="python")
    n_volumes = nib.load(func).shape[3]
    if len(table) != n_volumes:
        raise CourseDataError(
            f"{path} has confounds of {len(table)} volumes, but {func} has "
            f"{n_volumes}; expected one row a volume. The two files do not belong "
            "together: remove both, and load the data again."
        )
    return table


def _rows_of(names: list[str], path: Path) -> pd.DataFrame:
    """Read the rows of some subjects, in their order, from a table of all."""
    table = pd.read_csv(path)
    table["Subject"] = [f"{number:07d}" for number in table["Subject"]]
    return table.set_index("Subject").loc[names].reset_index()


def _read_rest_truth(root: Path, names: list[str]) -> RestTruth:
    """Describe what the simulated subjects were made of."""
    truth = root / "truth"
    own = [root / "data" / name / "truth" for name in names]
    return RestTruth(
        networks=truth / "networks.nii.gz",
        network_names=list(simulation.REST_NETWORKS),
        artifacts=truth / "artifacts.nii.gz",
        artifact_names=list(simulation.REST_ARTIFACTS),
        regions=truth / "regions.nii.gz",
        region_table=pd.read_csv(truth / "regions.csv"),
        subject_networks=tuple(folder / "networks.nii.gz" for folder in own),
        time_courses=tuple(pd.read_csv(folder / "time_courses.csv") for folder in own),
        connection_regions=simulation.REST_CONNECTION,
        connection=_rows_of(names, truth / "connection.csv"),
    )


# --- the command line ------------------------------------------------------------


def fetch(name: str, source: str | None = None, subject: int | None = None) -> Path:
    """Bring a data set, showing a progress bar, or mend it where it is damaged.

    Parameters
    ----------
    name : str
        Name of the data set, as ``python -m helpers.datasets`` lists it.
    source : {"simulated", "full"}, optional
        By default what ``COURSE_DATA`` says. A sample has one source only.
    subject : int, optional
        Number of the subject, where there is a choice; by default those that the
        loader takes by default.

    Returns
    -------
    Path
        The folder of the data set.

    Raises
    ------
    CourseDataError
        If there is no such data set or subject, or it cannot be brought.
    """
    entry = _entry(name, source or chosen_source())
    subjects = entry.by_default
    if subject is not None and entry.subjects != (None,):
        if subject not in entry.subjects:
            first, last = entry.subjects[0], entry.subjects[-1]
            raise CourseDataError(
                f"{name} has no subject {subject}; expected a number from {first} to "
                f"{last}."
            )
        subjects = (subject,)
    for one in subjects:
        home = _bring(entry, one, replace=True, show=True)
    return home


def check() -> list[str]:
    """Verify every file of the data folder.

    Returns
    -------
    list of str
        One line a damaged file, with the command that mends it; empty if all is well.
        Simulated data of an older version is rewritten when it is next loaded, and so
        is no damage.
    """
    lines = []
    for entry in ENTRIES:
        for subject in entry.subjects:
            state = _state(entry, subject)
            if state == "outdated":
                continue
            for path, problem in _problems(entry, subject).items():
                if state != "missing" or path.exists():
                    mend = _command(entry, subject)
                    lines.append(f"{path} {problem}. To mend it: {mend}")
    return lines


def _print_list() -> None:
    """Print what is there, from where, how large, under which license."""
    row = "{:<13}{:<11}{:<12}{:>7}  {:<40}{}"
    print("data folder:", data_dir(), end="\n\n")
    print(row.format("name", "source", "state", "size", "license", "cite"))
    for entry in ENTRIES:
        states = {subject: _state(entry, subject) for subject in entry.subjects}
        # A missing data set has one line, not one for each of its subjects.
        there = {k: v for k, v in states.items() if v != "missing"} or {None: "missing"}
        for subject, state in there.items():
            size = "" if state == "missing" else f"{_megabytes(entry, subject):.1f} MB"
            label = entry.name if subject is None else f"{entry.name} {subject}"
            terms = (entry.license, entry.cite)
            print(row.format(label, entry.source, state, size, *terms))
        print(f"    in {_home(entry)}")


def _megabytes(entry: Entry, subject: int | None) -> float:
    """Return the size of the files that are there."""
    paths = [_home(entry) / name for name in _expected(entry, subject)]
    return sum(path.stat().st_size for path in paths if path.exists()) / 1e6


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit status.

    Parameters
    ----------
    arguments : list of str, optional
        By default those of the process.

    Returns
    -------
    int
        0 if all is well, 1 if a file is damaged or could not be brought, 130 if
        interrupted.
    """
    parser = argparse.ArgumentParser(
        prog="python -m helpers.datasets",
        description="List the course's data; bring or mend it; verify every file.",
    )
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("list", help="what is there (the default)")
    bring = commands.add_parser("fetch", help="bring a data set, or mend it")
    bring.add_argument("name", help="; ".join(dict.fromkeys(e.name for e in ENTRIES)))
    bring.add_argument("--subject", type=int, help="one subject, by its number")
    bring.add_argument("--source", choices=("simulated", "full"))
    commands.add_parser("check", help="verify every file")
    options = parser.parse_args(arguments)
    try:
        if options.command == "fetch":
            folder = fetch(options.name, options.source, options.subject)
            print(f"{options.name} is in {folder}")
        elif options.command == "check":
            problems = check()
            print("\n".join(problems) or "Every file is as it should be.")
            return 1 if problems else 0
        else:
            _print_list()
    except CourseDataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: run the same again to go on", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
