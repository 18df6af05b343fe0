"""Exercises as the book ran them: each stub fails, each solution passes."""

import re

import pytest
from lxml import html

from tests.site.test_site import PAGES

NOTEBOOKS = [page for page in PAGES if page.startswith("notebooks/")]


def ran(page: html.HtmlElement, tag: str) -> list[tuple[set[str], str]]:
    """Return the checkers that each cell with a tag calls, and what it printed."""
    cells = page.find_class(f"tag_{tag}")
    assert cells, f"no cell is tagged {tag}"
    found = []
    for cell in cells:
        code, said = (
            "\n".join(part.text_content() for part in cell.find_class(kind))
            for kind in ("cell_input", "cell_output")
        )
        found.append((set(re.findall(r"\bcheck_\w+(?=\()", code)), said))
    return found


@pytest.mark.parametrize("page", NOTEBOOKS)
def test_stubs_fail_and_solutions_pass(site, page):
    tree = html.fromstring((site / f"{page}.html").read_text(encoding="utf-8"))
    solved = [names for names, said in ran(tree, "solution") if "Right!" in said]
    for names, said in ran(tree, "stub"):
        assert names, "a stub calls no checker"
        assert "Not yet." in said and "Right!" not in said, (names, said)
        assert any(names <= passed for passed in solved), names
