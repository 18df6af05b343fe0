"""`make full`: the chapters on the paper's data, here on files in their layout."""

import shutil

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from helpers import ledger
from tests.notebooks import run_full


@pytest.fixture
def full_folder(tmp_path, haxby, monkeypatch):
    """Return a data folder whose "full" part holds the simulation's files."""
    target = tmp_path / "full/haxby2001"
    shutil.copytree(haxby.func.parents[1], target)
    shutil.rmtree(target / "subj2/truth")
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
