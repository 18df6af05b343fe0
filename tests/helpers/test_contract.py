"""All exercises: each checker belongs to a stub, and its tests try it whole.

What they try is counted while they run, by the fixture `contract` of conftest.py.
"""

import ast
import re
from pathlib import Path

import nbformat
import pytest

from helpers import exercises
from helpers.exercises.feedback import missing, not_yet, right
from tests.helpers.contract import Tried

ROOT = Path(__file__).parents[2]
CHECKERS = sorted(name for name in exercises.__all__ if name.startswith("check_"))


def imported_by_tests() -> dict[str, list[str]]:
    """Return which modules of tests import each checker."""
    found = {name: [] for name in CHECKERS}
    for path in sorted(Path(__file__).parent.glob("test_exercises_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "helpers.exercises":
                for alias in node.names:
                    found.setdefault(alias.name, []).append(path.stem)
    return found


def in_cells(tag: str) -> str:
    """Return the source of all cells of the course with a tag."""
    return "\n".join(
        cell.source
        for path in sorted((ROOT / "notebooks").rglob("*.ipynb"))
        for cell in nbformat.read(path, as_version=4).cells
        if tag in cell.metadata.get("tags", [])
    )


def test_every_checker_of_the_package_is_exported():
    written = "\n".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "helpers/exercises").glob("*.py")
    )
    assert sorted(re.findall(r"(?m)^def (check_\w+)\(", written)) == CHECKERS


def test_every_checker_is_tested_in_one_module():
    assert {n: m for n, m in imported_by_tests().items() if len(m) != 1} == {}


@pytest.mark.parametrize("tag", ["stub", "solution"])
def test_every_checker_answers_a_stub_and_a_solution(tag):
    called = set(re.findall(r"\b(check_\w+)\(", in_cells(tag)))
    assert called == set(CHECKERS)


def check_four(answer):
    """Judge whether an answer is four."""
    empty = missing(answer, "a number")
    if empty is not None:
        return empty
    if answer == 4:
        return right("It is four.")
    return not_yet("Expected a number." if answer == "a" else f"{answer} is not four.")


@pytest.mark.parametrize(
    ("answers", "lacks"),
    [
        ([..., 4, 4.0, 3, 5], []),
        ([4, 4.0, 3, 5], ["the empty stub"]),
        ([..., 3, 5, 4], ["a right answer"]),
        ([..., 4, 4.0, 3, 3, "a"], ["two mistakes, not 1"]),
        ([], ["the empty stub", "a right answer", "two mistakes, not 0"]),
    ],
)
def test_what_was_left_out_is_named(answers, lacks):
    tried = Tried()
    watched = tried.watch("check_four", check_four)
    for answer in answers:
        watched(answer)
    left_out = tried.left_out().get("check_four", [])
    assert len(left_out) == len(lacks)
    assert all(
        said.startswith(lack) for said, lack in zip(left_out, lacks, strict=True)
    )
