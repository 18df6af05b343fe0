"""The search finds each term of the glossary, and shows its entry."""

import re
from html import unescape

import pytest

TERM = re.compile(r'<dt id="(term-[^"]+)">(.*?)<a class="headerlink"')
# The search itself, without the page's list, for all terms at once; best first.
FIND = """terms => terms.map(term =>
  Search._performSearch(...Search._parseQuery(term))
    .map(([page, title, anchor]) => page + anchor).reverse())"""


@pytest.fixture(scope="module")
def terms(site) -> dict[str, str]:
    """Return the terms of the glossary by their anchors."""
    html = (site / "book/glossary.html").read_text(encoding="utf-8")
    found = {i: unescape(re.sub("<[^>]+>", "", text)) for i, text in TERM.findall(html)}
    assert len(found) > 50
    return found


@pytest.fixture
def tab(browser):
    context = browser.new_context()
    context.set_default_timeout(120_000)
    tab = context.new_page()
    yield tab
    context.close()


def test_each_term_is_found(tab, site, terms):
    tab.goto((site / "search.html").as_uri())
    tab.wait_for_function("Search._index !== null")
    results = tab.evaluate(FIND, list(terms.values()))
    missed = [
        term
        for (anchor, term), found in zip(terms.items(), results, strict=True)
        if f"book/glossary#{anchor}" not in found[:5]
    ]
    assert not missed
    assert tab.evaluate(FIND, ["xyzzyx"]) == [[]]


@pytest.mark.parametrize("word", ["voxel", "searchlight"])
def test_a_reader_searches_from_a_page_on_disk(tab, site, word):
    tab.goto((site / "notebooks/01_introduction.html").as_uri())
    tab.locator(".search-button__button").first.click()
    tab.keyboard.type(word)
    tab.keyboard.press("Enter")
    first = tab.locator("#search-results li a").first
    first.wait_for()
    assert "/search.html?q=" in tab.url
    links = tab.locator("#search-results li a")
    assert any("glossary.html" in link.get_attribute("href") for link in links.all())
    first.click()
    assert word in tab.inner_text("article").lower()
