"""The slides: made of the notebooks' cells, complete, and shown without a network."""

import base64
import re
import sys
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests.site.test_site import PAGES, RESIDUE

sys.path.insert(0, str(Path(__file__).parents[2] / "book/_ext"))

import slides  # noqa: E402

DECKS = [slides.deck_name(page) for page in PAGES if page.startswith("notebooks/")]
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9"
    "awAAAABJRU5ErkJggg=="
)
# Each slide in turn: what does not fit it, and what it says.
WALK = """() => {
  const seen = [];
  for (let n = Reveal.getTotalSlides(); n > 0; n--) {
    const slide = Reveal.getCurrentSlide();
    const tall = slide.scrollHeight - Reveal.getConfig().height;
    const wide = slide.scrollWidth - slide.clientWidth;
    const broken = [...slide.querySelectorAll("img")].filter(
      (e) => (e.offsetParent && !e.naturalWidth) || e.alt.length < 20).length;
    seen.push([Math.max(tall, wide), broken, slide.innerText.trim()]);
    Reveal.next();
  }
  return seen;
}"""


def page(*cells):
    """Return an executed notebook."""
    title = new_markdown_cell("# A page: of numbers\n\nWhy {term}`voxels <voxel>`?")
    return new_notebook(cells=[title, *cells])


def texts(notebook) -> list[str]:
    """Return the sources of a deck's cells."""
    deck = slides.slides(notebook, "notebooks/page", Path("nowhere"))
    return [cell.source for cell in deck.cells]


@pytest.mark.parametrize(
    ("myst", "markdown"),
    [
        ("A {term}`voxel` and {term}`folds <fold>`.", "A voxel and folds."),
        ("Right: {glue:text}`accuracy:.2f` of {glue:text}`n`.", "Right: 0.88 of 12."),
        ("It is {glue:text}`name`.", "It is face."),
        ("See [the page](../notebooks/x.ipynb#y) of it.", "See the page of it."),
        ("{cite:t}`haxby2001distributed` show.", "Haxby et al. (2001) show."),
        ("So {cite:p}`haxby2001distributed`.", "So (Haxby et al. 2001)."),
        ("`COURSE_DATA=full` stays.", "`COURSE_DATA=full` stays."),
    ],
)
def test_myst_becomes_markdown(myst, markdown):
    values = {"accuracy": "0.8796", "n": "12", "name": "'face'"}
    assert slides.plain(myst, values) == markdown


def test_formulas_become_mathml():
    shown = slides.plain("An $R^2$ of {math}`x_i`, at `$HOME`.", {})
    assert shown.count("<math") == 2 and "$R" not in shown and "`$HOME`" in shown


def test_a_deck_has_question_code_and_what_it_printed():
    code = new_code_cell("x = 1\nx", execution_count=1)
    code.outputs = [new_output("execute_result", {"text/plain": "1"})]
    hidden = new_code_cell("secret", metadata={"tags": ["remove-cell"]})
    drawn = new_code_cell("drawing", metadata={"tags": ["hide-input"]})
    deck = texts(
        page(
            new_markdown_cell("## One\n\n| a |\n\nIt adds.\n\n**Predict:** what?"),
            *(code, hidden, drawn),
            new_markdown_cell("## Further reading\n\nNothing."),
        )
    )
    assert deck[1] == "## One\n\nIt adds.\n\n**Predict:** what?"
    assert deck[2:] == ["### One", "x = 1\nx"]


def test_a_figure_keeps_its_alt_text_and_caption():
    shown = {"image": {"alt": "What is < seen."}, "figure": {"caption": "**It** is."}}
    code = new_code_cell("plt.show()", metadata={"mystnb": shown, "tags": []})
    code.outputs = [new_output("display_data", {"image/png": PIXEL})]
    deck = slides.slides(page(code), "notebooks/page", Path("nowhere"))
    picture = deck.cells[-1].metadata.picture
    assert 'alt="What is &lt; seen."' in picture
    assert "<figcaption><strong>It</strong> is.</figcaption>" in picture
    assert base64.b64decode(re.search(r"base64,([^\"]+)", picture)[1])[1:4] == b"PNG"


def test_a_quiz_asks_before_it_answers():
    quiz = ":::{quiz} Which?\n- [ ] A.\n  : No.\n- [x] B.\n  : Since.\n:::"
    deck = texts(page(new_markdown_cell(f"## Quiz\n\n{quiz}")))
    asked, answered = deck[-2:]
    assert "<li>A.</li><li>B.</li>" in asked and "Since" not in asked
    assert "B." in answered and "Since." in answered and "A." not in answered


@pytest.fixture(scope="module")
def tab(browser):
    """Return a tab without a network, which keeps what it asked for and its errors."""
    context = browser.new_context(offline=True)
    context.set_default_timeout(120_000)
    tab = context.new_page()
    tab.asked, tab.errors = [], []
    tab.on("request", lambda request: tab.asked.append(request.url))
    tab.on("pageerror", lambda error: tab.errors.append(str(error)))
    yield tab
    context.close()


@pytest.mark.parametrize("deck", DECKS)
def test_slides_fit_and_ask_no_other_host(tab, site, deck):
    """On the wall, and on a phone; one tab for all, and no longer wait than needed."""
    address = (site / f"slides/{deck}.html").as_uri()
    for theme, width, height in [("light", 1280, 900), ("dark", 390, 844)]:
        tab.emulate_media(color_scheme=theme)
        tab.set_viewport_size({"width": width, "height": height})
        tab.goto("about:blank")  # or an address with another # is not loaded again
        tab.goto(address)
        seen = tab.evaluate(WALK)
        assert not [
            u for u in tab.asked if not u.startswith(("file:", "data:", "about"))
        ]
        assert not tab.errors
        assert len(seen) > 15
        for over, broken, text in seen:
            assert over <= 2, f"too large by {over} pixels: {text}"
            assert not broken, f"a picture without alt text, or not there: {text}"
            assert not RESIDUE.search(text), text


@pytest.mark.parametrize("page", [p for p in PAGES if p.startswith("notebooks/")])
def test_each_figure_and_exercise_has_its_slide(site, page):
    article = (site / f"{page}.html").read_text(encoding="utf-8")
    article = article[article.index("<article") : article.index('id="exercises"')]
    deck = (site / f"slides/{slides.deck_name(page)}.html").read_text(encoding="utf-8")
    pictures = re.findall(r"_images/(\w+\.png)", article)
    assert pictures or "explorer" in article
    assert set(pictures) <= set(re.findall(r"_images/(\w+\.png)", deck))
    assert article.count('class="explorer"') == deck.count('class="explorer"')
    source = (site / f"_sources/{page}.ipynb").read_text(encoding="utf-8")
    assert deck.count("Exercise: ") == source.count("{exercise-start}")
