"""`make full`: the chapters on the paper's data, here on files in their layout."""

import re
import shutil
import subprocess
import sys
import time

import nbformat
import nibabel as nib
import numpy as np
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from nilearn.image import index_img, resample_to_img

from helpers import ledger
from tests.notebooks import run_full


def without_truth(folder, names):
    """Leave the truth out of a copy: the paper's data have none."""
    return [name for name in names if name == "truth"]


@pytest.fixture
def full_folder(tmp_path, haxby, miyawaki, monkeypatch):
    """Return a data folder whose "full" part holds the simulations' files."""
    for source in (haxby.func.parents[1], miyawaki.mask.parents[1]):
        target = tmp_path / "full" / source.name
        shutil.copytree(source, target, ignore=without_truth)
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path))
    return tmp_path


def test_a_notebook_goes_on_and_its_measurements_are_reported(full_folder):
    """No truth, a claim that is false, and a measurement after both."""
    row = ledger.read()[0]["id"]
    cells = [
        "from helpers.datasets import load_haxby\nhaxby = load_haxby()",
        "haxby.truth.signal_mask",
        "assert haxby.t_r == 3, 'the simulation has it so'\nn = 864",
        f"from helpers.ledger import record\nrecord({row!r}, n, haxby.source)",
    ]
    path = full_folder / "notebook.ipynb"
    ids = ("load", "truth", "claim", "record")
    notebook = new_notebook(
        cells=[new_code_cell(c, id=i) for c, i in zip(cells, ids, strict=True)]
    )
    nbformat.write(notebook, path)
    before = ledger.LEDGER.read_bytes()
    found = run_full.problems(run_full.run(path))
    assert [line.split(":")[0] for line in found] == ["truth", "claim"], found
    assert "haxby.t_r == 3" in found[1]
    report = {r["id"]: r for r in ledger.read(full_folder / "ledger-full.csv")}
    assert report[row]["ours"] == "864"
    assert report[row]["data"] == "full"
    assert ledger.LEDGER.read_bytes() == before


def test_data_that_cannot_be_had_is_an_error(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # no network
    path = tmp_path / "notebook.ipynb"
    cell = new_code_cell(
        "from helpers.datasets import load_haxby\nload_haxby()", id="a"
    )
    nbformat.write(new_notebook(cells=[cell]), path)
    assert run_full.main([str(path)]) == 1
    assert "CourseDataError" in capsys.readouterr().out


# Of the page on decoding, what leads to its table; ten pixels and one C of it.
TABLE = ("films", "blocks", "blocks-full", "factor", "one-pixel")
TABLE += ("best", "classifiers", "run")
FEWER = "y, Cs = y[:, ::10], Cs[3:4]"
PLAIN = """
whole = [score_pixel(pixel, X, y, chosen, models) for pixel in range(10)]
whole = np.reshape(whole, accuracy.shape)
model = make_pipeline(SelectKBest(f_classif, k=500), classifiers(factor * Cs[0])[2])
plain = cross_val_score(model, X, y[:, 4], cv=KFold(5))
found = {"accuracy": accuracy, "whole": whole, "plain": plain, "factor": factor}
np.savez(data_dir() / "found.npz", **found)
"""


@pytest.fixture
def table_notebook(full_folder):
    """Return a notebook that computes a small part of the page's table 1."""
    page = nbformat.read(
        run_full.ROOT / "notebooks/05_decoding_images.ipynb", as_version=4
    )
    source = {cell.id: cell.source for cell in page.cells}
    cells = [new_code_cell(source[i], id=i) for i in TABLE]
    cells.insert(TABLE.index("best"), new_code_cell(FEWER, id="fewer"))
    cells.append(new_code_cell(PLAIN, id="plain"))
    path = full_folder / "table.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    return path


def kill_at_first_result(path, kept):
    """Run a notebook until something is kept, then kill it and all its processes."""
    command = [sys.executable, "-m", "tests.notebooks.run_full", str(path)]
    with subprocess.Popen(command, cwd=run_full.ROOT) as process:
        deadline = time.monotonic() + 240
        while not list(kept.glob("*/*.npy")):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        parent = psutil.Process(process.pid)
        for one in [parent, *parent.children(recursive=True)]:
            one.kill()


def test_table_on_the_papers_data_goes_on_where_it_was_killed(table_notebook):
    """Equal to a table without interruption, and to plain scikit-learn."""
    kept = table_notebook.parent / "table1"
    kill_at_first_result(table_notebook, kept)
    first = {path: path.stat().st_mtime_ns for path in kept.glob("*/*.npy")}
    assert 0 < len(first) < 10
    notebook = run_full.run(table_notebook)
    assert not run_full.problems(notebook)
    assert all(path.stat().st_mtime_ns == when for path, when in first.items())
    run = next(cell for cell in notebook.cells if cell.id == "run")
    bar = "".join(o.text for o in run.outputs if o.get("name") == "stderr")
    assert f" {len(first)}/10 " in bar and " 10/10 " in bar
    with np.load(table_notebook.parent / "found.npz") as file:
        found = dict(file)
    assert found["factor"] == 1  # each volume is a sample, as in the paper
    assert found["accuracy"].shape == (10, 5, 1, 4)
    assert np.array_equal(found["accuracy"], found["whole"])
    assert np.allclose(found["accuracy"][4, :, 0, 2], found["plain"])


# Of the page on ICA, what leads to its figure 4; three subjects, one start.
FIGURE4 = ("fig-figure4", "figure4-ledger")
TO_FIGURE4 = ("party-code", "party-unmix", "load", "prepare", "group-pca", "unmix")
TO_FIGURE4 += ("temporal", "match", "canica-code", "nilearn-canica")
FEWER_BRAINS = {
    "load_rest()": "load_rest(3)",
    "n_init=3": "n_init=1",
    "import numpy": "import matplotlib.pyplot as plt\nimport numpy",
}
PUT = """
import os
from helpers.datasets import data_dir

os.rename(data_dir() / "ledger-full.csv", data_dir() / "ledger-without.csv")
os.rename(data_dir() / "melodic", data_dir() / "full/melodic")
without = list(ways)
"""
KEEP = """
np.savez(data_dir() / "found.npz", **ways, without=without)
unmask(ways["MELODIC"], rest.mask).to_filename(data_dir() / "melodic-on-mask.nii.gz")
unmask(ways["CanICA, 20"], rest.mask).to_filename(data_dir() / "canica.nii.gz")
"""


def write_stand_in(path, rest):
    """Write five maps of 3 mm, the fourth the default mode network, as a negative."""
    truth = nib.load(rest.truth.networks)
    affine = np.diag([-3.0, 3, 3, 1])
    affine[:3, 3] = 88, -124, -70
    maps = resample_to_img(
        index_img(truth, [1, 2, 3, 0, 4]),
        nib.Nifti1Image(np.zeros((60, 72, 60)), affine),
        force_resample=True,
        copy_header=True,
    ).get_fdata()
    maps[..., 3] *= -1
    maps += np.random.default_rng(0).normal(0, 0.2 * maps.std(), maps.shape)
    path.parent.mkdir()
    image = nib.Nifti1Image(maps.astype(np.float32), affine)
    nib.save(image, path)
    return image


@pytest.fixture
def figure4_notebook(tmp_path, rest, monkeypatch):
    """Return a notebook that draws figure 4 without MELODIC's maps, then with them."""
    home = tmp_path / "full" / "adhd"
    shutil.copytree(rest.mask.parent, home, ignore=without_truth)
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path))
    page = nbformat.read(run_full.ROOT / "notebooks/06_ica.ipynb", as_version=4)
    source = {cell.id: cell.source for cell in page.cells}
    for old, new in FEWER_BRAINS.items():
        assert any(old in source[i] for i in TO_FIGURE4)
        source |= {i: source[i].replace(old, new) for i in TO_FIGURE4}
    cells = [new_code_cell(source[i], id=i) for i in (*TO_FIGURE4, *FIGURE4)]
    cells.append(new_code_cell(PUT, id="put"))
    cells += [new_code_cell(source[i], id=f"{i}-again") for i in FIGURE4]
    cells.append(new_code_cell(KEEP, id="keep"))
    path = tmp_path / "figure4.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    return path


def shown(cell):
    """Return what a cell has printed, and how many figures it has drawn."""
    printed = "".join(o.text for o in cell.outputs if o.get("name") == "stdout")
    return printed, sum("image/png" in o.get("data", {}) for o in cell.outputs)


def test_figure_4_without_and_with_melodic(figure4_notebook, rest):
    """What the ledger gets is the correlation that nilearn and NumPy find."""
    folder = figure4_notebook.parent
    melodic = write_stand_in(folder / "melodic" / "melodic.nii.gz", rest)
    notebook = run_full.run(figure4_notebook)
    assert not run_full.problems(notebook)
    cells = {cell.id: cell for cell in notebook.cells}
    printed, n_figures = shown(cells["fig-figure4"])
    assert n_figures == 1
    assert re.search(r"No column for MELODIC\. .*melodic\.nii\.gz is missing", printed)
    assert shown(cells["fig-figure4-again"]) == ("", 1)

    report = {r["id"]: r for r in ledger.read(folder / "ledger-without.csv")}
    assert report["fig4-melodic"]["ours"] == ""
    report = {r["id"]: r for r in ledger.read(folder / "ledger-full.csv")}
    canica = nib.load(folder / "canica.nii.gz").get_fdata()
    ours = nib.load(folder / "melodic-on-mask.nii.gz")
    theirs = resample_to_img(
        index_img(melodic, 3), ours, interpolation="linear", copy_header=True
    ).get_fdata()
    inside = canica != 0
    r = np.corrcoef(theirs[inside], canica[inside])[0, 1]
    assert -1 < r < -0.5  # the stand-in's sign is the other one
    assert float(report["fig4-melodic"]["ours"]) == pytest.approx(-r, abs=1e-3)
    assert report["fig4-melodic"]["data"] == "full"
    assert np.allclose(ours.get_fdata()[inside], -theirs[inside], atol=1e-4)

    with np.load(folder / "found.npz") as file:
        columns, without = file.files, file["without"].tolist()
    assert without == ["concat-ICA", "CanICA, 20", "nilearn"]
    assert columns == [*without, "MELODIC", "without"]


@pytest.mark.parametrize("path", sorted(run_full.ROOT.glob("notebooks/0[67]*.ipynb")))
def test_pages_do_not_stop_where_there_is_no_truth(path):
    """What a reader runs asks first whether there is a truth; claims may not."""
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code" and "claim" not in cell.metadata.get("tags", []):
            assert ".truth." not in cell.source or re.search(
                r"if (rest|haxby)\.truth\b", cell.source
            ), f"{path.stem}, {cell.id}: real recordings have no truth"
