"""Each page with JavaScript off: complete, and nothing of it out of reach."""

import pytest

from tests.site.test_site import PAGES

# Elements that are hidden, although no element that opens is around them.
HIDDEN = """() => [...document.querySelectorAll('article :is(' + [
    'h1, h2, h3, p, li, pre, td, img, math, figcaption, dt, dd, label'] + ')')]
  .filter(e => !e.closest('.quiz-why, .explorer-controls, summary'))
  .filter(e => !e.closest('details:not([open])'))
  .filter(e => e.textContent.trim() || e.matches('img'))
  .filter(e => !e.checkVisibility({opacityProperty: true, visibilityProperty: true})
    || e.getBoundingClientRect().height < 2)
  .map(e => e.outerHTML.slice(0, 200))"""
COUNTS = """() => ({
  pictures: [...document.querySelectorAll('article img')]
    .filter(e => !e.naturalWidth && e.checkVisibility()).length,
  scripted: [...document.querySelectorAll('.pst-js-only, .explorer-controls')]
    .filter(e => e.checkVisibility()).map(e => e.outerHTML.slice(0, 200)),
  solutions: [...document.querySelectorAll('.solution.admonition')]
    .map(e => e.innerText.trim().split(/\\s+/).length),
  frames: [...document.querySelectorAll('.explorer-frame')]
    .map(e => getComputedStyle(e, '::before').content),
  folded: [...document.querySelectorAll('article details:not([open])')].length,
})"""


@pytest.fixture(scope="module")
def tab(browser):
    """Open one tab for all pages, without JavaScript."""
    context = browser.new_context(java_script_enabled=False, reduced_motion="reduce")
    context.set_default_timeout(120_000)
    tab = context.new_page()
    yield tab
    context.close()


@pytest.mark.parametrize("page", PAGES)
def test_page_is_complete_without_a_script(tab, site, page):
    tab.goto((site / f"{page}.html").as_uri())
    assert tab.evaluate(HIDDEN) == []
    found = tab.evaluate(COUNTS)
    assert found["pictures"] == 0
    assert found["scripted"] == [], "a control that does nothing is shown"
    assert all(words > 8 for words in found["solutions"])
    # Each frame of an explorer says which one it is.
    assert len(set(found["frames"])) == len(found["frames"]) or page.startswith("book")
    assert all(len(at) > 4 for at in found["frames"])
    for summary in tab.locator("article details > summary").all():
        summary.click()
    assert tab.evaluate(COUNTS)["folded"] == 0
    assert tab.evaluate(HIDDEN) == []


@pytest.mark.parametrize("page", [p for p in PAGES if p.startswith("notebooks/")])
def test_quiz_answers_without_a_script(tab, site, page):
    tab.goto((site / f"{page}.html").as_uri())
    for quiz in tab.locator("fieldset.quiz").all():
        answers = quiz.locator(".quiz-answer").all()
        for answer in (answers[0], answers[-1]):
            answer.locator("label").click()
            assert answer.locator(".quiz-why").is_visible()
        assert (
            quiz.locator(".quiz-why").evaluate_all(
                "all => all.filter(e => e.checkVisibility()).length"
            )
            == 1
        )


def test_the_pages_are_reached_without_a_script(tab, site):
    tab.goto((site / f"{PAGES[1]}.html").as_uri())
    tab.locator(".prev-next-area a.right-next").click()
    assert tab.url.endswith(f"{PAGES[2]}.html")


def test_it_is_not_blind(tab, site):
    """A text that only a script would show is found."""
    tab.goto((site / f"{PAGES[1]}.html").as_uri())
    tab.evaluate("document.querySelector('article p').style.visibility = 'hidden'")
    assert len(tab.evaluate(HIDDEN)) == 1
