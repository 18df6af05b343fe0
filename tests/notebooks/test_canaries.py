"""Gates that can go red: each canary must be caught, by the suite's own settings."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).parents[2]
COMPARE = (
    "--nbval --nbval-current-env --nbval-cell-timeout=300 -p tests.notebooks.budget"
    " -p tests.notebooks.legible"
)
CLAIM = {"tags": ["remove-cell", "claim"]}


def write(path: Path, *cells) -> Path:
    """Write a notebook of some cells."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = new_notebook(cells=list(cells), metadata={"kernelspec": kernel})
    nbformat.write(notebook, path)
    return path


def run_pytest(notebook: Path, *options: str):
    """Run the suite's pytest on one notebook."""
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml")]
    command += [f"--rootdir={ROOT}", "-p", "no:cacheprovider", *options, str(notebook)]
    # A run inside a worker of xdist must not take itself for one; figures are shown.
    foreign = ("PYTEST_", "MPLBACKEND")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=clean)


def run_compared(notebook: Path):
    """Run a notebook and compare it with its stored outputs, as `test_real` does."""
    return run_pytest(notebook, "-o", f"addopts={COMPARE}")


def test_sound_notebook_passes(tmp_path):
    notebook = write(tmp_path / "sound.ipynb", new_code_cell("assert 1 + 1 == 2"))
    outcome = run_pytest(notebook)
    assert outcome.returncode == 0, outcome.stdout


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("raise RuntimeError('broken')", "broken"),
        ("import helpers.nothing", "ModuleNotFoundError"),
        ("import numpy as np\nnp.ones(2**28)[::512] += 1", "GiB"),
    ],
    ids=["error", "missing helper", "too much memory"],
)
def test_broken_notebook_fails(tmp_path, source, named):
    notebook = write(tmp_path / "broken.ipynb", new_code_cell(source))
    outcome = run_pytest(notebook)
    assert outcome.returncode == 1, outcome.stdout
    assert named in outcome.stdout


FIGURE = """
import matplotlib.pyplot as plt
fig, ax = plt.subplots()
ax.imshow([[0, 1]], cmap="gray", vmin=0, vmax=1)
ax.text({x}, 0, "0.62", color="white")
{show}
"""


def test_pale_letters_on_a_figure_fail(tmp_path):
    """White on the dark half passes; on the light half it fails, and is named."""
    shown = ["plt.show()", "fig", "fig.savefig('one.svg')"]
    sources = [FIGURE.format(x=0.6, show=show) for show in shown]
    sources.append(FIGURE.format(x=-0.4, show="plt.show()"))
    notebook = write(tmp_path / "pale.ipynb", *map(new_code_cell, sources))
    outcome = run_pytest(notebook)
    assert outcome.returncode == 1
    assert "3 failed, 1 passed" in outcome.stdout
    assert "'0.62', #ffffff on #ffffff: a contrast of 1.00" in outcome.stdout


def test_false_claim_of_a_chapter_fails(tmp_path):
    """Chapter 1's own claims go red when its scores are not what it says."""
    notebook = nbformat.read(ROOT / "notebooks/01_introduction.ipynb", as_version=4)
    ids = [cell.id for cell in notebook.cells]
    worse = new_code_cell("scores = scores * 0 + 0.5")
    notebook.cells.insert(ids.index("score-claim"), worse)
    nbformat.write(notebook, tmp_path / "false.ipynb")
    outcome = run_pytest(tmp_path / "false.ipynb")
    assert outcome.returncode == 1
    assert "assert accuracy > " in outcome.stdout


def test_stale_stored_output_fails(tmp_path):
    """A stored number that the code no longer gives is caught on comparison."""

    def cell(stored: str):
        output = new_output("execute_result", {"text/plain": stored}, execution_count=1)
        return new_code_cell("1 + 1", outputs=[output], execution_count=1)

    fresh = write(tmp_path / "fresh.ipynb", cell("2"))
    stale = write(tmp_path / "stale.ipynb", cell("3"))
    assert run_compared(fresh).returncode == 0
    outcome = run_compared(stale)
    assert outcome.returncode == 1
    assert "mismatch" in outcome.stdout


@pytest.fixture
def small_book(tmp_path) -> Path:
    """Return a book of one sound page, with the course's own settings."""
    (tmp_path / "book").mkdir()
    (tmp_path / "notebooks").mkdir()
    shutil.copy(ROOT / "_config.yml", tmp_path)
    shutil.copytree(ROOT / "book/_ext", tmp_path / "book/_ext")
    shutil.copytree(ROOT / "book/assets", tmp_path / "book/assets")
    shutil.copy(ROOT / "book/references.bib", tmp_path / "book")
    toc = "format: jb-book\nroot: book/index\nchapters:\n- file: notebooks/page\n"
    (tmp_path / "_toc.yml").write_text(toc)
    (tmp_path / "book/index.md").write_text("# A book\n\nOne page.\n")
    page = new_markdown_cell("# A page\n\nIt adds."), new_code_cell("1 + 1")
    write(tmp_path / "notebooks/page.ipynb", *page)
    return tmp_path


def build(book: Path) -> int:
    """Build as `make book` does; return the exit status."""
    jupyter_book = str(Path(sys.executable).with_name("jupyter-book"))
    command = [jupyter_book, "build", ".", "-W", "-n"]
    outcome = subprocess.run(
        [*command, "--keep-going"], cwd=book, capture_output=True, text=True
    )
    return outcome.returncode


def test_sound_book_builds(small_book):
    assert build(small_book) == 0
    assert (small_book / "_build/html/notebooks/page.html").exists()


@pytest.mark.parametrize(
    "cell",
    [
        new_code_cell("raise RuntimeError('broken')"),
        new_code_cell("assert 1 + 1 == 3, 'a false claim'", metadata=CLAIM),
        new_markdown_cell("See [nowhere](nowhere.ipynb)."),
        new_markdown_cell("The score is {glue:text}`never_glued:.2f`."),
        new_markdown_cell("A {term}`word of no glossary`."),
    ],
    ids=["error", "false claim", "dead link", "missing glue", "missing term"],
)
def test_broken_book_fails(small_book, cell):
    write(
        small_book / "notebooks/page.ipynb", new_markdown_cell("# A page\n\nIt."), cell
    )
    assert build(small_book) != 0
