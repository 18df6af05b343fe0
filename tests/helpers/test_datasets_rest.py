"""The loaders of the brains at rest: every source, and what is their own."""

import shutil
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nilearn.datasets import fetch_adhd
from nilearn.masking import compute_multi_epi_mask

from helpers import datasets, simulation
from helpers.datasets import CourseDataError, load_rest, load_rest_sample, main
from helpers.masking import apply_mask
from tests.helpers.test_datasets import alter, refuse, serve, truncate

N_VOLUMES = 10
TABLE = "ADHD200_40subs_motion_parameters_and_phenotypics.csv"


def write_tiny(folder: Path, subject: int = 1) -> None:
    """Write the files of `simulation.write_rest`, as small as they can be."""
    rng = np.random.default_rng(subject)
    root, name = folder / "adhd", simulation.REST_IDS[subject - 1]
    for path in (root / "truth", root / "data" / name / "truth"):
        path.mkdir(parents=True, exist_ok=True)
    own = root / "data" / name
    shape = (8, 8, 8)
    brain = np.zeros(shape)
    brain[1:7, 1:7, 1:7] = 1000
    series = brain[..., None] + rng.integers(0, 50, (*shape, N_VOLUMES))
    images = {own / f"{name}_rest_tshift_RPI_voreg_mni": series}
    images |= {root / "mask": brain > 0, root / "truth/regions": brain > 0}
    for path in (root / "truth/networks", root / "truth/artifacts"):
        images[path] = np.ones((*shape, 2))
    images[own / "truth/networks"] = np.ones((*shape, 2))
    for path, data in images.items():
        nib.save(nib.Nifti1Image(data.astype(np.int16), np.eye(4)), f"{path}.nii.gz")
    confounds = pd.DataFrame({"csf": rng.normal(size=N_VOLUMES), "wm": 1.0})
    confounds.to_csv(own / f"{name}_regressors.csv", index=False)
    confounds.to_csv(own / "truth/time_courses.csv", index=False)
    pd.DataFrame({"label": [1], "region": "a"}).to_csv(root / "truth/regions.csv")
    subjects = [int(name) for name in simulation.REST_IDS]
    table = pd.DataFrame({"Subject": subjects, "adhd": [0, 1] * 20})
    # The real table is not in the order of the fetcher's identifiers.
    table[::-1].to_csv(root / TABLE, index=False)
    table.assign(correlation=0.5).to_csv(root / "truth/connection.csv", index=False)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """An empty data folder, a tiny simulation and no network."""
    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("COURSE_DATA", raising=False)
    monkeypatch.setattr(simulation, "write_rest", write_tiny)
    return tmp_path / "data"


# --- simulated -------------------------------------------------------------------


def test_simulated_rest(folder):
    data = load_rest(3)
    root = folder / "simulated" / "rest" / "adhd"
    name = simulation.REST_IDS[2]
    series = f"{name}_rest_tshift_RPI_voreg_mni.nii.gz"
    assert data.func[2] == root / "data" / name / series
    assert data.mask == root / "mask.nii.gz"
    assert len(data.func) == len(data.confounds) == 3
    assert list(data.confounds[0]) == ["csf", "wm"]
    assert data.phenotypic["Subject"].tolist() == list(simulation.REST_IDS[:3])
    assert data.phenotypic["adhd"].tolist() == [0, 1, 0]
    assert data.t_r == 2.0
    assert data.source.startswith("simulated")
    assert "No person was recorded" in data.description
    assert data.truth.connection["Subject"].tolist() == list(simulation.REST_IDS[:3])
    assert len(data.truth.time_courses) == len(data.truth.subject_networks) == 3
    assert not list(folder.rglob(".writing-*"))


def test_shown_without_folders_of_this_computer(folder):
    data = load_rest(2)
    for text in (repr(data), str(data), repr(data.truth), data.description):
        assert str(folder) not in text
        assert "/" not in text
    assert "2 files" in repr(data)


def test_more_subjects_leave_the_first_ones_alone(folder, monkeypatch):
    first = [path.read_bytes() for path in load_rest(2).func]
    written = []

    def write(folder, subject):
        written.append(subject)
        write_tiny(folder, subject)

    monkeypatch.setattr(simulation, "write_rest", write)
    more = load_rest(4)
    assert written == [3, 4]
    assert [path.read_bytes() for path in more.func[:2]] == first
    assert len({path.read_bytes() for path in more.func}) == 4


@pytest.mark.parametrize("n_subjects", [0, 41, "8", 2.5, True, None])
def test_bad_number_of_subjects(folder, n_subjects):
    with pytest.raises(ValueError, match="1 to 40"):
        load_rest(n_subjects)
    assert not folder.exists()


@pytest.mark.parametrize("damage", [Path.unlink, truncate, alter])
def test_damaged_file_is_named_and_mended(folder, damage):
    path = load_rest(3).func[1]
    good = path.read_bytes()
    damage(path)
    mend = "python -m helpers.datasets fetch rest --subject 2 --source simulated"
    with pytest.raises(CourseDataError) as error:
        load_rest(3)
    assert str(path) in str(error.value)
    assert mend in str(error.value)
    assert main(mend.split()[3:]) == 0
    assert load_rest(3).func[1].read_bytes() == good


def test_confounds_of_another_length(folder, monkeypatch):
    def write_one_row_less(folder, subject):
        write_tiny(folder, subject)
        path = next(folder.rglob("*_regressors.csv"))
        path.write_text("\n".join(path.read_text().splitlines()[:-1]))

    monkeypatch.setattr(simulation, "write_rest", write_one_row_less)
    with pytest.raises(CourseDataError, match="9 volumes, but .* has 10"):
        load_rest(1)


def test_fetch_brings_the_default_subjects_or_the_one_asked_for(folder, capsys):
    assert main(["fetch", "rest", "--subject", "11"]) == 0
    data = folder / "simulated" / "rest" / "adhd" / "data"
    assert [path.name for path in data.iterdir()] == [simulation.REST_IDS[10]]
    assert main(["fetch", "rest"]) == 0
    assert len(list(data.iterdir())) == datasets.REST_DEFAULT + 1
    assert main(["fetch", "rest", "--subject", "41"]) == 1
    assert "1 to 40" in capsys.readouterr().err
    assert main(["check"]) == 0


# --- full ------------------------------------------------------------------------


@pytest.fixture
def seeded_full(folder, monkeypatch) -> Path:
    """A folder `full` with files in nilearn's layout, before its first use."""
    for subject in (1, 2):
        write_tiny(folder / "full", subject)
    shutil.rmtree(folder / "full" / "adhd" / "truth")
    (folder / "full" / "adhd" / "mask.nii.gz").unlink()
    monkeypatch.setenv("COURSE_DATA", "full")
    return folder / "full"


def test_seeded_full_needs_no_network(seeded_full):
    data = load_rest(2)
    theirs = fetch_adhd(2, data_dir=seeded_full, verbose=0)
    assert [str(path) for path in data.func] == list(theirs.func)
    for ours, path in zip(data.confounds, theirs.confounds, strict=True):
        pd.testing.assert_frame_equal(ours, pd.read_csv(path))
    assert set(data.phenotypic["Subject"]) == set(theirs.phenotypic["Subject"])
    assert data.t_r == theirs.t_r
    assert data.source.startswith("full")
    assert data.truth is None
    assert data.mask.shape == (8, 8, 8)
    assert "/" not in repr(data)


def test_full_confounds_may_be_separated_by_tabs(seeded_full):
    path = next(seeded_full.rglob("0010042_regressors.csv"))
    table = pd.read_csv(path)
    table.to_csv(path, sep="\t", index=False)
    pd.testing.assert_frame_equal(load_rest(1).confounds[0], table)


def test_full_without_network(folder, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "full")
    with pytest.raises(CourseDataError) as error:
        load_rest()
    for part in (str(folder / "full"), "adhd", "unset COURSE_DATA", "--source full"):
        assert part in str(error.value)


# --- the real subjects -----------------------------------------------------------


@pytest.fixture
def seeded_sample(folder, rest_sample_folder) -> Path:
    """A data folder into which the real subjects were copied."""
    sample = folder / "samples" / "rest_gift"
    sample.mkdir(parents=True)
    for path in rest_sample_folder.glob("*.nii"):
        shutil.copyfile(path, sample / path.name)
    return sample


def test_seeded_sample_needs_no_network(seeded_sample):
    data = load_rest_sample()
    assert [path.parent for path in data.func] == [seeded_sample] * 6
    for path in data.func:
        assert nib.load(path).shape == (26, 31, 22, 50)
    assert data.t_r == 2.0
    assert "task and TR not stated" in data.source
    assert "none stated" in data.description
    assert data.confounds is data.phenotypic is data.truth is None
    assert main(["check"]) == 0


def test_mask_of_the_sample_is_that_of_nilearn(seeded_sample):
    data = load_rest_sample()
    theirs = compute_multi_epi_mask([str(p) for p in data.func], threshold=0.5)
    ours, theirs = (np.asarray(mask.dataobj) > 0 for mask in (data.mask, theirs))
    dice = 2 * (ours & theirs).sum() / (ours.sum() + theirs.sum())
    print(f"dice {dice:.3f}, {ours.sum()} voxels")
    assert dice > 0.97


def test_sample_with_a_wrong_checksum(seeded_sample, monkeypatch):
    path = seeded_sample / "sub-018_lowres.nii"
    good = path.read_bytes()
    alter(path)
    with pytest.raises(CourseDataError, match=f"(?s){path}.*fetch rest_gift"):
        load_rest_sample()
    asked = serve(monkeypatch, {path.name: good})
    assert main(["fetch", "rest_gift"]) == 0
    assert path.read_bytes() == good
    commit = "be4dddee6164a7b877dc9d3a7490a3cf70f4145a"
    assert asked == [
        f"https://raw.githubusercontent.com/trendscenter/gift/{commit}/"
        f"GroupICAT/tests/data/subjects/{path.name}"
    ]


def test_sample_without_network(folder):
    with pytest.raises(CourseDataError, match=r"(?s)sub-007_lowres.nii.*sha256"):
        load_rest_sample()


# --- figure 4's third panel ------------------------------------------------------


@pytest.fixture
def melodic(folder) -> Path:
    """A stand-in for MELODIC's maps, where the reader is to put them."""
    path = folder / "full" / "melodic" / "melodic.nii.gz"
    path.parent.mkdir(parents=True)
    maps = np.random.default_rng(0).normal(size=(9, 8, 7, 5)).astype(np.float32)
    nib.save(nib.Nifti1Image(maps, np.diag([-3, 3, 3, 1])), path)
    return path


@pytest.mark.parametrize("source", ["full", "simulated"])
def test_melodic_is_read_as_it_is(melodic, monkeypatch, source):
    monkeypatch.setenv("COURSE_DATA", source)
    ours, stored = datasets.load_melodic(), nib.load(melodic)
    assert np.array_equal(ours.affine, stored.affine)
    assert np.array_equal(ours.get_fdata(), stored.get_fdata())


def test_scaled_whole_numbers_are_as_nibabel_reads_them(melodic):
    image = nib.Nifti1Image(nib.load(melodic).get_fdata(), np.eye(4))
    image.set_data_dtype(np.int16)  # with a slope in the header
    nib.save(image, melodic)
    theirs = nib.load(melodic).get_fdata()
    assert np.allclose(datasets.load_melodic().get_fdata(), theirs, rtol=1e-6)


def rewrite(path: Path, change) -> None:
    """Put a changed image in the place of another."""
    image = nib.load(path)
    nib.save(nib.Nifti1Image(change(image.get_fdata()), image.affine), path)


def end_early(path: Path) -> None:
    """Leave the header whole, and cut within the last volume."""
    image = nib.load(path)
    maps = np.random.default_rng(0).normal(size=(30, 30, 30, 4))
    nib.save(nib.Nifti1Image(maps, image.affine), path)
    path.write_bytes(path.read_bytes()[:-1000])


SPOILED = {
    "missing": (Path.unlink, "is missing"),
    "truncated": (truncate, "cannot be read"),
    "cut in the data": (end_early, "cannot be read"),
    "a web page": (lambda p: p.write_text("<html>Not Found</html>"), "cannot be read"),
    "3-D": (lambda p: rewrite(p, lambda maps: maps[..., 0]), "shape (9, 8, 7)"),
    "too few": (lambda p: rewrite(p, lambda m: m[..., :3]), "shape (9, 8, 7, 3)"),
    "NaN": (lambda p: rewrite(p, lambda m: np.nan * m), "2520 NaN or infinite"),
    "one infinite": (
        lambda p: rewrite(p, lambda m: np.where(m == m.max(), np.inf, m)),
        "1 NaN or infinite",
    ),
}


@pytest.mark.parametrize("how", SPOILED)
def test_spoiled_melodic_is_one_error_with_its_mend(melodic, how):
    spoil, problem = SPOILED[how]
    spoil(melodic)
    with pytest.raises(CourseDataError) as error:
        datasets.load_melodic()
    said = str(error.value)
    expected = "4-D NIfTI image of finite numbers, 4 volumes or more"
    commit = "34711490cca17e0054faa6f89816295ae33eed15"
    url = f"https://raw.githubusercontent.com/AlexandreAbraham/frontiers2013/{commit}"
    where = f"put it into the folder {melodic.parent}"
    for part in (str(melodic), problem, expected, url, "/melodic.nii.gz", where):
        assert part in said


# --- the real simulation ---------------------------------------------------------


def test_nilearn_accepts_the_simulation(rest, monkeypatch):
    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)
    theirs = fetch_adhd(8, data_dir=rest.mask.parents[1], verbose=0)
    assert [str(path) for path in rest.func] == list(theirs.func)
    assert theirs.phenotypic["Subject"].tolist() == rest.phenotypic["Subject"].tolist()
    for ours, path in zip(rest.confounds, theirs.confounds, strict=True):
        pd.testing.assert_frame_equal(ours, pd.read_csv(path))


def test_the_simulation_has_what_the_loader_promises(rest):
    shape = nib.load(rest.mask).shape
    n_volumes = len(rest.confounds[0])
    for path in rest.func:
        assert nib.load(path).shape == (*shape, n_volumes)
    truth = rest.truth
    n_networks, n_artifacts = len(truth.network_names), len(truth.artifact_names)
    assert nib.load(truth.networks).shape == (*shape, n_networks)
    assert nib.load(truth.artifacts).shape == (*shape, n_artifacts)
    assert nib.load(truth.regions).shape == shape
    for path in truth.subject_networks:
        assert nib.load(path).shape == (*shape, n_networks)
    assert rest.phenotypic["adhd"].sum() == len(rest.func) / 2
    assert set(truth.connection_regions) <= set(truth.region_table["region"])
    entry = datasets._entry("rest", "simulated")
    size = sum(path.stat().st_size for path in rest.func[0].parent.rglob("*.*"))
    assert size == pytest.approx(entry.megabytes * 1e6, rel=0.2)


def test_regions_are_those_of_the_simulation(rest):
    pd.testing.assert_frame_equal(
        datasets.rest_regions(), rest.truth.region_table, check_dtype=False
    )


def test_networks_are_the_truth_or_near_it(rest):
    truth, names = datasets.known_networks(rest)
    assert names == rest.truth.network_names
    assert np.array_equal(truth, apply_mask(rest.truth.networks, rest.mask))
    published, same_names = datasets.known_networks(replace(rest, truth=None))
    assert same_names == names and set(np.unique(published)) == {0, 1}
    r = np.corrcoef(truth, published)[: len(names), len(names) :]
    assert r.diagonal().min() > 0.5
    assert (r.argmax(axis=1) == np.arange(len(names))).all()
