"""The measured run times: each notebook has its row, within its budget."""

import re

import pytest

from tests.notebooks import budget
from tests.notebooks.test_format import ROOT

FOLDER = ROOT / "book/run_times"
TOC = (ROOT / "_toc.yml").read_text(encoding="utf-8")


def test_each_notebook_of_the_book_has_a_row_within_its_budget():
    """If this fails: `make times`, which measures all notebooks."""
    rows = {row["page"]: row for row in budget.read_table(FOLDER / "notebooks.csv")}
    assert set(rows) == set(re.findall(r"file: (notebooks/\S+)", TOC))
    for page, row in rows.items():
        seconds, gib = float(row["processor seconds"]), float(row["peak GiB"])
        assert 1 < seconds <= budget.MAX_CPU_SECONDS, page
        assert 0.05 < gib <= budget.MAX_GIB, page


def test_the_page_says_on_what_machine():
    told = {
        row["what"]: row["value"] for row in budget.read_table(FOLDER / "machine.csv")
    }
    assert all(told[what] for what in ("processor", "cores, memory", "measured on"))


@pytest.fixture
def other_machine(monkeypatch):
    """Return a function that pretends to measure on another machine."""

    def on(processor: str) -> None:
        facts = [{"what": "processor", "value": processor}]
        facts.append({"what": "measured on", "value": "today"})
        monkeypatch.setattr("tests.benchmarks.bench.machine", lambda: facts)

    return on


def test_rows_are_renewed_and_what_is_gone_or_of_another_machine_goes(
    tmp_path, other_machine
):
    first, second = "notebooks/01_introduction", "notebooks/02_tools"
    other_machine("slow")
    budget.store(
        tmp_path,
        {
            f"{first}.ipynb": {"cpu": 50.4, "gib": 0.5, "wall": 60.0},
            "notebooks/gone.ipynb": {"cpu": 1.0, "gib": 0.5, "wall": 1.0},
            "tests/example/smallest_chapter.ipynb": {"cpu": 1.0, "gib": 0.5},
        },
    )
    assert [row["page"] for row in budget.read_table(tmp_path / "notebooks.csv")] == [
        first
    ]
    budget.store(tmp_path, {f"{second}.ipynb": {"cpu": 9.0, "gib": 0.25, "wall": 9.0}})
    rows = budget.read_table(tmp_path / "notebooks.csv")
    assert [list(row.values()) for row in rows] == [
        [first, "50", "0.50"],
        [second, "9", "0.25"],
    ]
    other_machine("quick")
    budget.store(tmp_path, {f"{second}.ipynb": {"cpu": 3.0, "gib": 0.25, "wall": 9.0}})
    rows = budget.read_table(tmp_path / "notebooks.csv")
    assert [list(row.values()) for row in rows] == [[second, "3", "0.25"]]
