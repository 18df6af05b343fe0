"""`make same` finds what two runs of a notebook do not share."""

import base64

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tests.notebooks import compare_runs

SOURCES = {
    "number": "from helpers.glue import glue\nglue('n', {value}, display=False)",
    "text": "print('a')\nprint({value})",
    "picture": "import matplotlib.pyplot as plt\nplt.plot([1, {value}])\nplt.show()",
}


def write(path, **sources):
    """Write a notebook of these cells, and run it into the folder "runs" beside."""
    cells = [new_code_cell(source, id=name) for name, source in sources.items()]
    nbformat.write(new_notebook(cells=cells), path)
    compare_runs.run(path, path.parent / "runs")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Return the folders of three runs: the second shows the same, the third not."""
    found = []
    for value in (2, 2, 3):
        folder = tmp_path_factory.mktemp("run")
        cells = {name: s.replace("{value}", str(value)) for name, s in SOURCES.items()}
        write(folder / "page.ipynb", **cells)
        found.append(folder / "runs")
    return found


def test_equal_runs_have_nothing_apart(folders, capsys):
    assert compare_runs.main(["compare", *map(str, folders[:2])]) == 0
    said = "0 of 1 numbers, 0 of 2 texts, 0 of 1 pictures differ"
    assert said in capsys.readouterr().out


def test_each_difference_is_named(folders, capsys):
    assert compare_runs.main(["compare", str(folders[0]), str(folders[2])]) == 0
    out = capsys.readouterr().out
    assert "page.ipynb: 1 of 1 numbers, 1 of 2 texts, 1 of 1 pictures differ" in out
    assert "number n: 2 / 3" in out
    assert "text text stdout" in out
    assert "picture picture 0 image/png" in out


def test_a_failed_cell_and_a_missing_run_are_errors(tmp_path, folders, capsys):
    write(tmp_path / "page.ipynb", wrong="assert 1 > 2, 'not here'")
    write(tmp_path / "more.ipynb", right="1")
    assert compare_runs.main(["compare", str(tmp_path / "runs"), str(folders[0])]) == 1
    out = capsys.readouterr().out
    assert "FAILED in runs: wrong: AssertionError: not here" in out
    assert "more.ipynb: not run" in out
    assert compare_runs.main(["compare", str(tmp_path / "no"), str(tmp_path)]) == 1


@pytest.mark.parametrize(
    ("one", "other", "far"),
    [("2", "2", 0), ("2.0", "2.5", 0.2), ("'1,000'", "'1,250'", 0.2), ("0", "0.0", 0)],
)
def test_numbers_are_compared_as_numbers(one, other, far):
    assert compare_runs.apart(one, other) == pytest.approx(far)


def test_words_are_equal_or_not():
    assert compare_runs.apart("'cat'", "'cat'") == 0
    assert compare_runs.apart("'cat'", "'dog'") == float("inf")
    assert compare_runs.apart("2", "") == float("inf")


def test_pictures_are_compared_by_their_bytes():
    def picture(pixels):
        data = {"image/png": base64.b64encode(pixels).decode()}
        output = new_output("display_data", data=data)
        return new_notebook(cells=[new_code_cell(id="a", outputs=[output])])

    found = compare_runs.compare(picture(b"one"), picture(b"two"))
    assert found["picture"] == [1, ["a 0 image/png"]]
