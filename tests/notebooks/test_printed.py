"""A page shows what a cell printed as it was printed, wherever the clock cut it."""

import sys
from pathlib import Path

import nbformat
from jupyter_cache import get_cache
from myst_nb.core.utils import coalesce_streams
from nbformat.v4 import new_code_cell, new_notebook, new_output

sys.path.insert(0, str(Path(__file__).parents[2] / "book/_ext"))

import printed  # noqa: E402

# One number, and the end of its line; then another stream, and a picture between.
PIECES = [("stdout", "accuracy 0.9"), ("stdout", "5"), ("stdout", "\n\nlast\n")]
PIECES += [("stderr", "oh"), ("stderr", "!\n")]


def pieces():
    """Return new outputs: a text in pieces."""
    return [new_output("stream", name=name, text=text) for name, text in PIECES]


def test_pieces_are_one_text_and_other_outputs_stay():
    picture = new_output("display_data", data={"image/png": "AAAA"})
    found = printed.joined([*pieces(), picture, *pieces()])
    texts = [output.get("text") for output in found]
    whole = ["accuracy 0.95\n\nlast\n", "oh!\n"]
    assert texts == [*whole, None, *whole]


def test_the_stock_way_breaks_a_number():
    """If this fails, MyST-NB joins the pieces by itself: drop `printed`."""
    assert coalesce_streams(pieces())[0].text != "accuracy 0.95\n\nlast\n"


def test_notebooks_in_the_cache_are_joined(tmp_path):
    cell = new_code_cell("1", id="a", outputs=pieces(), execution_count=1)
    notebook = new_notebook(cells=[cell])
    nbformat.write(notebook, tmp_path / "page.ipynb")
    cache = get_cache(tmp_path / "cache")
    cache.cache_notebook_file(tmp_path / "page.ipynb", check_validity=False)
    printed.join_in_cache(cache)
    (record,) = cache.list_cache_records()
    (cell,) = cache.get_cache_bundle(record.pk).nb.cells
    assert [output.text for output in cell.outputs] == [
        "accuracy 0.95\n\nlast\n",
        "oh!\n",
    ]
