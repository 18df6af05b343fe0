"""A pytest plugin: the letters of each figure that a notebook shows can be read.

In the kernel, each figure is drawn once more without its texts, and each text's color
is held against what is behind it (`tests/contrast.py`). The cell whose figure has a
contrast below 4.5 (3 for large letters) fails.
"""

import tempfile
from pathlib import Path

import pytest

MEASURE = Path(__file__).parents[1] / "contrast.py"
# Nothing of it stays among the names of the notebook.
START = "__import__('runpy').run_path({path!r})['watch']({report!r})"


def _start(notebook) -> None:
    """Let the kernel watch its figures."""
    notebook.figures = tempfile.TemporaryDirectory()
    notebook.report = Path(notebook.figures.name) / "faults.txt"
    code = START.format(path=str(MEASURE), report=str(notebook.report))
    request = notebook.kernel.execute_cell_input(code)
    notebook.kernel.await_reply(request, timeout=60)
    notebook.kernel.await_idle(request, timeout=60)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Judge what each cell of a notebook has drawn."""
    if type(item).__name__ != "IPyNbCell":
        return (yield)
    notebook = item.parent
    if not hasattr(notebook, "figures"):
        _start(notebook)
    result = yield
    if notebook.report.exists():
        faults = notebook.report.read_text(encoding="utf-8")
        notebook.report.unlink()
        assert not faults, f"letters of a figure are hard to read:\n{faults}"
    return result
