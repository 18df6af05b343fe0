"""Each page as a PDF, as a browser prints it: a decent one, with all of the page."""

import io
import re

import pypdfium2
import pytest

from tests.site.test_site import PAGES as ALL
from tests.site.test_site import open_page

PAGES = [page for page in ALL if page != "book/cheat_sheet"]  # has its own print
PAPER = 794 - 2 * 53  # pixels of text across a sheet of A4, at 96 an inch
SHEETS = 40  # the longest page has about 30


@pytest.fixture(scope="module")
def tab(browser):
    """Open one tab for all pages, of a reader who likes it dark."""
    context = browser.new_context(
        viewport={"width": PAPER, "height": 1000}, color_scheme="dark"
    )
    context.set_default_timeout(120_000)
    yield context.new_page()
    context.close()


def squeezed(text: str) -> str:
    """Return a text without what a line break on paper changes."""
    return re.sub(r"[\s\u00ad\u200b\ufffe-]+|#$", "", text)


HEADINGS = """() => [...document.querySelectorAll('article :is(h1, h2, h3)')]
  .map(e => [...e.childNodes]
    .filter(n => !n.matches?.('.headerlink, .section-number'))
    .map(n => n.textContent).join(''))"""
# What is printed of the page, by kind.
PRINTED = """() => {
  const seen = q => [...document.querySelectorAll(q)].filter(e => e.checkVisibility({
    visibilityProperty: true, opacityProperty: true}));
  const right = document.querySelector('article').getBoundingClientRect().right;
  return {
    frames: [...document.querySelectorAll('.explorer')].map(e =>
      [...e.querySelectorAll('.explorer-frame img')]
        .filter(i => i.checkVisibility()).length),
    buttons: seen('button, input[type=range], nav, summary').map(e => e.outerHTML),
    quizzes: document.querySelectorAll('fieldset.quiz').length,
    right: seen('.quiz-right').length,
    wrong: seen('.quiz-wrong').length,
    wide: seen('article :is(p, pre, table, td, img, math, li)')
      .filter(e => e.getBoundingClientRect().right > right + 1)
      .map(e => e.outerHTML.slice(0, 200)),
    pale: seen('article p').filter(e => {
      const [r, g, b] = getComputedStyle(e).color.match(/[0-9.]+/g).map(Number);
      return r + g + b > 380;
    }).map(e => e.outerHTML.slice(0, 200)),
  };
}"""


@pytest.mark.parametrize("page", PAGES)
def test_page_makes_a_decent_pdf(tab, site, page):
    tab.goto((site / f"{page}.html").as_uri())
    headings = tab.evaluate(HEADINGS)
    n_solutions = tab.locator("article .solution.admonition").count()
    pdf = pypdfium2.PdfDocument(
        io.BytesIO(tab.pdf(format="A4", prefer_css_page_size=True))
    )
    sheets = [sheet.get_textpage().get_text_range() for sheet in pdf]
    print(f"printed: {page:32} {len(sheets):3} sheets")
    assert 1 <= len(sheets) <= SHEETS
    for number, (sheet, text) in enumerate(zip(pdf, sheets, strict=True), 1):
        pictures = list(sheet.get_objects(filter=[3]))
        assert len(text.strip()) > 20 or pictures, f"sheet {number} is empty"
    text = squeezed("".join(sheets))
    for heading in headings:
        assert squeezed(heading) in text, heading
    # Each solution's title, with what follows it.
    assert text.count("SolutiontoExercise") >= n_solutions
    assert not re.search("Showcodecell|Clicktohide|Clicktoshow", text)


@pytest.mark.parametrize("page", PAGES)
def test_what_is_printed(tab, site, page):
    tab.goto((site / f"{page}.html").as_uri())
    tab.emulate_media(media="print")
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    printed = tab.evaluate(PRINTED)
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    tab.emulate_media(media="screen")
    assert tab.evaluate("document.documentElement.dataset.theme") == "dark"
    assert set(printed["frames"]) <= {1}, "an explorer shows the frame of the screen"
    assert printed["buttons"] == []
    assert (printed["right"], printed["wrong"]) == (printed["quizzes"], 0)
    assert printed["wide"] == [], "it would be cut at the edge of the paper"
    assert printed["pale"] == []


def test_without_a_script_all_frames_are_printed(browser, site):
    page = "notebooks/04_decoding"
    tab = open_page(browser, site, page, java_script_enabled=False)
    tab.emulate_media(media="print")
    frames = tab.locator(".explorer-frame img")
    assert frames.count() > 5
    assert all(frame.is_visible() for frame in frames.all())
    tab.context.close()
