"""`make same` finds what two runs of a notebook do not share."""

import base64

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tests.notebooks import compare_runs

SOURCES = {
    "number": "from helpers.glue import glue\nglue('n', 2, display=False)",
    "text": "print('a')\nprint(2)",
    "picture": "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
    "wrong": "assert 1 > 2, 'not here'",
    "after": "print('after')",
}
SAID = "page.ipynb: {} of 1 numbers, {} of 2 texts, {} of 1 pictures differ"
ERROR = new_output("error", ename="AssertionError", evalue="not here", traceback=[])


def edited(notebook):
    """Return a copy of a run in which the number, a text and the picture are others."""
    copy = nbformat.reads(nbformat.writes(notebook), as_version=4)
    number, text, picture = copy.cells
    (kind,) = number.outputs[0].data
    number.outputs[0].data[kind] = "3"
    text.outputs[0].text = "a\n3\n"
    picture.outputs[-1].data["image/png"] = base64.b64encode(b"another").decode()
    return copy


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Return the folders of three runs: the second shows the same, the third not."""
    cells = [new_code_cell(source, id=name) for name, source in SOURCES.items()]
    path = tmp_path_factory.mktemp("page") / "failed.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    first, second, third, kept = (tmp_path_factory.mktemp("run") for _ in range(4))
    compare_runs.run(path, kept)
    notebook = nbformat.read(kept / path.name, as_version=4)
    del notebook.cells[3:]
    shown = (notebook, notebook, edited(notebook))
    for folder, shows in zip((first, second, third), shown, strict=True):
        nbformat.write(shows, folder / "page.ipynb")
    return first, second, third, kept


def test_equal_runs_have_nothing_apart(folders, capsys):
    assert compare_runs.report(*folders[:2]) == 0
    assert SAID.format(0, 0, 0) in capsys.readouterr().out


def test_each_difference_is_named(folders, capsys):
    assert compare_runs.report(folders[0], folders[2]) == 0
    out = capsys.readouterr().out
    assert SAID.format(1, 1, 1) in out
    assert "number n: 2 / 3" in out
    assert "text text stdout" in out
    assert "picture picture 0 image/png" in out


def test_a_failed_cell_and_a_missing_run_are_errors(folders, tmp_path, capsys):
    failed = new_notebook(cells=[new_code_cell(id="wrong", outputs=[ERROR])])
    nbformat.write(failed, tmp_path / "page.ipynb")
    nbformat.write(failed, tmp_path / "more.ipynb")
    assert compare_runs.main(["compare", str(tmp_path), str(folders[0])]) == 1
    out = capsys.readouterr().out
    assert f"FAILED in {tmp_path.name}: wrong: AssertionError: not here" in out
    assert "more.ipynb: not run" in out
    assert compare_runs.main(["compare", str(tmp_path / "no"), str(tmp_path / "no")])


def test_a_cell_that_fails_does_not_stop_the_run(folders):
    notebook = nbformat.read(folders[3] / "failed.ipynb", as_version=4)
    assert compare_runs.failures(notebook) == ["wrong: AssertionError: not here"]
    assert notebook.cells[-1].outputs[0].text == "after\n"


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
