"""The plans for classes: their minutes are those of the pages, and they fit."""

import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "book/_ext"))

import minutes  # noqa: E402

ROUTE = re.compile(
    r"(?ms)^::::\{route\} (.+?)\n:minutes: (\d+)\n:pace: ([\d.]+)\n(.+?)^::::$"
)
ROUTES = ROUTE.findall((ROOT / "book/teaching.md").read_text(encoding="utf-8"))
EXERCISE = "```{{exercise-start}} {}\n:label: ex-{}\n```\n*{} minutes · {}.* Do it."


@pytest.fixture
def book(tmp_path) -> Path:
    """Return a book of one page: 10 minutes of reading, 7 of exercises."""
    figure = {"mystnb": {"figure": {"caption": " ".join(["word"] * 100)}}}
    cells = [
        new_markdown_cell("# A page: with a title\n\n**Time:** 17 minutes, of which 7"),
        new_markdown_cell("## First\n\n" + "word " * 99),
        new_markdown_cell("### Inside?\n\n" + "word " * 99 + "\n\n## Second\n\nword"),
        new_code_cell("plt.show()", metadata=figure),
        new_markdown_cell("## Exercises\n\n" + EXERCISE.format("One", "one", 3, "a")),
        new_markdown_cell(EXERCISE.format("Two", "two", 4, "open")),
    ]
    (tmp_path / "notebooks").mkdir()
    nbformat.write(new_notebook(cells=cells), tmp_path / "notebooks/page.ipynb")
    return tmp_path


@pytest.mark.parametrize("name", minutes.notebooks())
def test_the_exercises_take_what_the_page_states(name):
    page = minutes.read_page(name)
    assert page.minutes - page.reading == sum(
        exercise.minutes for exercise in page.exercises.values()
    )
    text = (ROOT / f"{name}.ipynb").read_text(encoding="utf-8")
    assert len(page.exercises) == text.count("{exercise-start}")


@pytest.mark.parametrize("name", minutes.notebooks())
def test_the_sections_make_up_the_reading(name):
    page = minutes.read_page(name)
    cells = nbformat.read(ROOT / f"{name}.ipynb", as_version=4).cells
    text = "\n\n".join(c.source for c in cells if c.cell_type == "markdown")
    chapters = [h.strip() for h in re.findall(r"(?m)^## (.+)$", text)]
    chapters.remove("Exercises")
    told = sum(page.sections[title] for title in chapters)
    # What stands above the first section is read, too: title, objectives, a figure.
    assert 0.75 * page.reading < told < page.reading


def test_minutes_of_a_section_have_its_words_figures_and_subsections(book):
    page = minutes.read_page("notebooks/page", book)
    assert (page.minutes, page.reading) == (17, 10)
    assert list(page.exercises) == ["ex-one", "ex-two"]
    assert page.exercises["ex-two"].level == "open"
    # 100 words, a subsection of 100; a figure (half a minute) and a caption of 100.
    first, second = page.sections["First"], page.sections["Second"]
    assert first / second == pytest.approx((200 / 200) / (0.5 + 102 / 200), rel=0.02)
    assert page.sections["Inside?"] == pytest.approx(first / 2, rel=0.01)


def test_a_row_adds_up_and_links(book):
    took, what = minutes.plan_row("- notebooks/page: all", 2, book)
    assert took == 10 * 2 + 7
    took, what = minutes.plan_row("- notebooks/page: Inside?; ex-one", 1, book)
    page = minutes.read_page("notebooks/page", book)
    assert took == pytest.approx(page.sections["Inside?"] + 3)
    assert "(../notebooks/page.ipynb#inside)" in what
    assert minutes.plan_row("- 15: Break.", 2, book) == (15, "Break.")


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        (["- notebooks/gone: all"], "no page 'notebooks/gone'"),
        (["- notebooks/page: Third"], "no section or exercise 'Third'"),
        (["- notebooks/page: ex-three"], "no section or exercise 'ex-three'"),
        (["notebooks/page"], "no line of a route"),
        (["- notebooks/page: all", "- 14: Break."], "takes 31 minutes; it has 30"),
        (["- notebooks/page: all"], "takes 17 minutes; it has 30"),
    ],
)
def test_a_route_that_does_not_fit_is_refused(book, lines, named):
    with pytest.raises(ValueError, match=re.escape(named)):
        minutes.plan(lines, 30, 1, book)


def test_there_are_three_routes():
    assert [title for title, *_ in ROUTES] == ["90 minutes", "Half a day", "A day"]


@pytest.mark.parametrize("route", ROUTES, ids=[title for title, *_ in ROUTES])
def test_route_fits_its_time(route):
    _, total, pace, lines = route
    rows = minutes.plan(lines.splitlines(), int(total), float(pace))
    assert 0.85 * int(total) <= sum(took for took, _ in rows) <= int(total)
