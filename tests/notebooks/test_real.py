"""The notebooks on real recordings give again what is stored in them."""

from base64 import b64decode
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from helpers import datasets
from tests.conftest import SHARED_SAMPLES
from tests.notebooks import store_real
from tests.notebooks.test_canaries import run_compared, write
from tests.notebooks.test_format import REAL, name


@pytest.fixture(scope="session")
def real_data(tmp_path_factory, haxby) -> Path:
    """Return a data folder with each real sample at hand, and the simulations."""
    folder = tmp_path_factory.mktemp("real")
    (folder / "samples").mkdir()
    (folder / "simulated").symlink_to(haxby.func.parents[3])
    for entry in (entry for entry in datasets.ENTRIES if entry.source == "sample"):
        target = folder / "samples" / entry.name
        for samples in (datasets.data_dir() / "samples", SHARED_SAMPLES):
            at_hand = all(
                (samples / entry.name / file).exists() for file in entry.files
            )
            if at_hand and not target.exists():
                target.symlink_to(samples / entry.name)
    return folder


@pytest.mark.parametrize("path", REAL, ids=name)
def test_real_notebook_gives_its_stored_outputs(path, real_data, monkeypatch):
    # A page has the name of its sample: where that is not at hand, this is skipped.
    if not (real_data / "samples" / path.stem).exists():
        pytest.skip(f"needs python -m helpers.datasets fetch {path.stem}")
    monkeypatch.setenv("COURSE_DATA_DIR", str(real_data))
    monkeypatch.delenv("COURSE_DATA", raising=False)
    outcome = run_compared(path)
    assert outcome.returncode == 0, outcome.stdout[-5000:]


@pytest.mark.parametrize("edited", [False, True], ids=["as stored", "edited"])
def test_stale_number_of_the_real_page_fails(
    tmp_path, real_data, haxby_slice, monkeypatch, edited
):
    """Canary: the page's own score, changed in a copy, is caught on comparison."""
    monkeypatch.setenv("COURSE_DATA_DIR", str(real_data))
    notebook = nbformat.read(
        Path(__file__).parents[2] / "notebooks/real/haxby_slice.ipynb", as_version=4
    )
    ids = [cell.id for cell in notebook.cells]
    # Up to the first score, and the claim after it, which glues it: that is quick.
    notebook.cells = notebook.cells[: ids.index("decode-claim") + 1]
    glued = [
        output.data
        for output in notebook.cells[-1].outputs
        if output.metadata.get("scrapbook", {}).get("name") == "accuracy"
    ]
    (kind,) = glued[0]
    assert glued[0][kind] == "0.977"
    if edited:
        glued[0][kind] = "0.978"
    nbformat.write(notebook, tmp_path / "copy.ipynb")
    outcome = run_compared(tmp_path / "copy.ipynb")
    assert outcome.returncode == int(edited), outcome.stdout[-3000:]
    if edited:
        assert "0.978" in outcome.stdout
        assert "mismatch" in outcome.stdout


# --- how outputs are stored -------------------------------------------------------

PLOT = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
PRINT = "import time\nfor i in range(3):\n    print(i, flush=True)\n    time.sleep(0.3)"


def test_stored_outputs_are_the_same_in_each_run(tmp_path):
    path = write(tmp_path / "a.ipynb", new_code_cell(PLOT), new_code_cell(PRINT))
    store_real.store(path)
    first = path.read_bytes()
    store_real.store(path)
    assert path.read_bytes() == first
    assert [p.name for p in tmp_path.iterdir()] == ["a.ipynb"]
    notebook = nbformat.read(path, as_version=4)
    assert b"Matplotlib" not in b64decode(
        notebook.cells[0].outputs[-1].data["image/png"]
    )
    assert notebook.cells[1].outputs[0].text == "0\n1\n2\n"
    assert len(notebook.cells[1].outputs) == 1
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert set(notebook.metadata.language_info) == {"name"}
    assert run_compared(path).returncode == 0


def test_png_without_its_texts_shows_the_same():
    import io

    import matplotlib.image
    import numpy as np

    file = io.BytesIO()
    picture = np.random.default_rng(0).random((5, 7, 3))
    matplotlib.image.imsave(file, picture, metadata={"Author": "nobody"})
    stripped = store_real.without_texts(file.getvalue())
    assert b"nobody" in file.getvalue()
    assert b"nobody" not in stripped
    file.seek(0)
    np.testing.assert_array_equal(
        matplotlib.image.imread(file), matplotlib.image.imread(io.BytesIO(stripped))
    )


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import os; print(os.getcwd())", "shows '/"),
        ("object()", "shows ' at 0x"),
        ("import warnings; warnings.warn('look out')", "look out"),
        ("print('x' * 2_000_000)", "at most"),
    ],
    ids=["a folder", "an address", "a warning", "too large"],
)
def test_unfit_outputs_are_not_stored(tmp_path, capsys, source, says):
    path = write(tmp_path / "unfit.ipynb", new_code_cell(source))
    before = path.read_bytes()
    assert store_real.main([str(path)]) == 1
    assert says in capsys.readouterr().err
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["unfit.ipynb"]
