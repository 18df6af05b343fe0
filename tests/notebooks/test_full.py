"""`make full`: the chapters on the paper's data, here on files in their layout."""

import re
import shutil
import subprocess
import sys
import time

import nbformat
import numpy as np
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook

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


@pytest.mark.parametrize("path", sorted(run_full.ROOT.glob("notebooks/0[67]*.ipynb")))
def test_pages_do_not_stop_where_there_is_no_truth(path):
    """What a reader runs asks first whether there is a truth; claims may not."""
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code" and "claim" not in cell.metadata.get("tags", []):
            assert ".truth." not in cell.source or re.search(
                r"if (rest|haxby)\.truth\b", cell.source
            ), f"{path.stem}, {cell.id}: real recordings have no truth"
