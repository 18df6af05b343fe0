"""The examples of CONTRIBUTING.md: a chapter, an exercise, a figure, a data set."""

import re
from pathlib import Path

import matplotlib
import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from helpers import datasets, simulation
from tests.example import checkers
from tests.notebooks import test_format as rules

ROOT = Path(__file__).parents[1]
CHAPTER = ROOT / "tests/example/smallest_chapter.ipynb"
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MEASURED = np.array([1.0, 2.0, 4.0, 9.0])


def block(heading: str) -> str:
    """Return the Python code shown below a heading."""
    section = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.search(r"```python\n(.*?)```", section, flags=re.DOTALL)[1]


@pytest.mark.parametrize(
    "rule",
    [
        rules.test_stored_without_outputs,
        rules.test_cell_ids_are_unique,
        rules.test_page_has_its_parts,
        rules.test_every_exercise_tells_its_minutes,
        rules.test_claims_are_asserted_and_hidden,
        rules.test_each_solution_is_checked,
        rules.test_every_number_glued_is_used_and_plain,
        rules.test_every_figure_has_alt_text_and_caption,
        rules.test_code_fits_the_page,
    ],
    ids=lambda rule: rule.__name__,
)
def test_the_smallest_chapter_keeps_the_rules(rule):
    rule(CHAPTER)


@pytest.mark.parametrize(
    ("cell_id", "change", "rule", "named"),
    [
        ("data", {"execution_count": 1}, rules.test_stored_without_outputs, "data"),
        ("data", {"source": "x" * 77}, rules.test_code_fits_the_page, "data"),
        (
            "figure",
            {"metadata": {}},
            rules.test_every_figure_has_alt_text_and_caption,
            "alt text",
        ),
        (
            "data-claim",
            {"metadata": {"tags": ["remove-cell", "claim", "nbval-skip"]}},
            rules.test_claims_are_asserted_and_hidden,
            "not executed",
        ),
        (
            "data-claim",
            {"metadata": {"tags": ["claim"]}},
            rules.test_claims_are_asserted_and_hidden,
            "data-claim",
        ),
        (
            "data-claim",
            {"source": "pass"},
            rules.test_every_number_glued_is_used_and_plain,
            "mean",
        ),
        ("ex-mean-claim", {"source": ""}, rules.test_each_solution_is_checked, "mean"),
        ("closing", {"source": ""}, rules.test_page_has_its_parts, "Exercises"),
    ],
)
def test_a_rule_broken_in_the_smallest_chapter_is_found(
    tmp_path, cell_id, change, rule, named
):
    notebook = nbformat.read(CHAPTER, as_version=4)
    (cell,) = (cell for cell in notebook.cells if cell.id == cell_id)
    cell.update(nbformat.from_dict(change))
    nbformat.write(notebook, tmp_path / "broken.ipynb")
    with pytest.raises(AssertionError, match=named):
        rule(tmp_path / "broken.ipynb")


def test_the_smallest_chapter_runs():
    notebook = nbformat.read(CHAPTER, as_version=4)
    resources = {"metadata": {"path": str(CHAPTER.parent)}}
    NotebookClient(notebook, kernel_name="python3", resources=resources).execute()
    assert any("image/png" in str(cell.get("outputs")) for cell in notebook.cells)


@pytest.mark.parametrize(
    ("check", "solution", "wrong"),
    [
        (checkers.check_mean, 4.0, {16.0: "sum", 3.0: "not their mean"}),
        (
            checkers.check_standard_error,
            np.std(MEASURED, ddof=1) / 2,
            {
                np.std(MEASURED, ddof=1): "one measurement",
                np.std(MEASURED, ddof=1) / 4: "by n",
            },
        ),
        (
            checkers.check_half_error,
            np.zeros(16),
            {(0,) * 8: "Twice", (0,) * 12: "too few"},
        ),
    ],
)
def test_exercises_of_the_smallest_chapter(check, solution, wrong):
    assert "stub is still empty" in check(..., MEASURED).message
    assert check(solution, MEASURED).passed
    assert check(np.float32(solution), MEASURED).passed
    for answer, said in wrong.items():
        feedback = check(answer, MEASURED)
        assert not feedback.passed and said in feedback.message


def test_the_figure_of_the_guide_has_what_the_guide_asks_for():
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.close("all")
    names = {}
    exec(block("Figures"), names)
    (fig,) = (plt.figure(n) for n in plt.get_fignums())
    assert fig.get_size_inches()[0] <= 7
    (ax,) = fig.axes
    assert "(s)" in ax.get_xlabel() and "(%)" in ax.get_ylabel()
    plt.close("all")


def test_the_data_set_of_the_guide_is_written_read_and_guarded(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(datasets, "ENTRIES", datasets.ENTRIES)
    monkeypatch.setattr(simulation, "VERSIONS", dict(simulation.VERSIONS))
    names = {}
    exec(block("Data"), names)
    first = names["load_coin"]()
    np.testing.assert_array_equal(first, names["load_coin"]())
    assert set(np.unique(first)) == {0, 1}
    path = next(tmp_path.rglob("tosses.csv"))
    path.write_text("1,1,1")
    with pytest.raises(datasets.CourseDataError, match=r"tosses\.csv"):
        names["load_coin"]()
