"""Accessibility: axe-core's rules on every page, by keyboard, and with less motion."""

from pathlib import Path

import axe_playwright_python
import pytest

from tests.site.test_site import PAGES, open_page

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text("utf-8")
THEMES, WIDTHS = ("light", "dark"), (1280, 390)
# What a theme changes. The other rules look at the page's structure: they run once a
# width.
OF_COLORS = ["color-contrast", "link-in-text-block"]

# Everything that can be opened is open. Of the code's tokens one of each color and
# ground stays an element of its own: thousands more would only cost minutes.
PREPARE = """() => {
  document.querySelectorAll('details').forEach(d => { d.open = true; });
  document.querySelectorAll('.toggle-hidden')
    .forEach(d => d.classList.remove('toggle-hidden', 'toggle-button-hidden'));
  const seen = new Set();
  document.querySelectorAll('.highlight span').forEach(token => {
    const ground = token.closest('.admonition, .cell_input, .cell_output, article');
    const kind = token.className + '|' + (ground ? ground.className : '');
    if (seen.has(kind) && !token.querySelector('a, span')) {
      token.replaceWith(...token.childNodes);
    }
    seen.add(kind);
  });
}"""
FIND = """([theme, only]) => {
  document.documentElement.dataset.theme = theme;
  document.documentElement.dataset.mode = theme;
  const some = only ? {runOnly: only} : {};
  return axe.run({preload: false, resultTypes: ['violations'], ...some})
    .then(r => [r.passes.length, r.violations.flatMap(v => v.nodes.map(n =>
      `${v.id}: ${n.html.slice(0, 200)} (${n.failureSummary.replace(/\\s+/g, ' ')})`
    ))]);
}"""


@pytest.fixture(scope="module")
def tab(browser):
    """Open one tab for all pages; nothing moves in it."""
    context = browser.new_context(reduced_motion="reduce")
    context.set_default_timeout(120_000)
    context.add_init_script(AXE)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("page", [*PAGES, "search"])
def test_axe_finds_nothing(tab, site, page):
    tab.goto((site / f"{page}.html").as_uri())
    tab.evaluate(PREPARE)
    faults = {}
    for width in WIDTHS:
        tab.set_viewport_size({"width": width, "height": 900})
        tab.wait_for_timeout(400)  # the theme and course.js see to what scrolls now
        for theme in THEMES:
            only = None if (theme == "dark") == (width == 390) else OF_COLORS
            rules, found = tab.evaluate(FIND, [theme, only])
            assert rules >= (1 if only else 20), "axe-core did not run"
            faults[theme, width] = found
    counts = {f"{t} {w}": len(found) for (t, w), found in faults.items()}
    print(f"axe-core, faults: {page:32} {counts}")
    assert not any(faults.values()), "\n".join(sorted({*sum(faults.values(), [])}))


def test_axe_is_not_blind(tab, site):
    """A picture without alt text and pale words are found."""
    tab.goto((site / f"{PAGES[0]}.html").as_uri())
    tab.evaluate(
        "document.querySelector('article').insertAdjacentHTML('beforeend',"
        ' \'<img src="x.png"><p style="color: #ccc; background: #fff">pale</p>\')'
    )
    found = "\n".join(tab.evaluate(FIND, ["light", None])[1])
    assert "image-alt" in found
    assert "color-contrast" in found


@pytest.mark.parametrize("page", [PAGES[0], "notebooks/04_decoding"])
def test_first_stop_of_the_keyboard_skips_to_the_text(browser, site, page):
    # The link slides into view, but at once for who wants less motion.
    tab = open_page(browser, site, page, reduced_motion="reduce")
    tab.keyboard.press("Tab")
    link = tab.locator("#pst-skip-link a")
    assert tab.evaluate("document.activeElement.innerText") == link.inner_text()
    assert link.is_visible()
    assert link.bounding_box()["y"] >= 0
    tab.keyboard.press("Enter")
    assert tab.url.endswith("#main-content")
    tab.keyboard.press("Tab")
    assert tab.evaluate("!!document.activeElement.closest('#main-content')")
    tab.context.close()


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("page", [PAGES[0], "notebooks/04_decoding"])
def test_the_focus_is_seen_at_every_stop(browser, site, page, theme):
    """Each stop of the tab key looks different from how it looks without the focus."""
    tab = open_page(browser, site, page, theme, reduced_motion="reduce")
    look = """e => { const s = getComputedStyle(e);
      return [s.outlineStyle, s.outlineWidth, s.outlineColor, s.boxShadow,
              s.backgroundColor, s.textDecoration, s.borderColor].join(); }"""
    unseen, first = [], None
    for _ in range(250):
        tab.keyboard.press("Tab")
        stop = tab.evaluate_handle("document.activeElement").as_element()
        name = tab.evaluate("e => e.outerHTML.slice(0, 150)", stop)
        if name == first or name.startswith("<body"):
            break
        first = first or name
        focused = tab.evaluate(look, stop)
        tab.evaluate("e => { e.blur(); }", stop)
        if focused == tab.evaluate(look, stop):
            unseen.append(name)
        tab.evaluate("e => { e.focus({focusVisible: true}); }", stop)
    assert not unseen, "\n".join(unseen)
    tab.context.close()


MOVING = """() => [...document.querySelectorAll('*')].filter(e => {
  const s = getComputedStyle(e);
  const long = t => t.split(',').some(x => parseFloat(x) > 0.01);
  return long(s.transitionDuration) || s.scrollBehavior === 'smooth'
    || (s.animationName !== 'none' && long(s.animationDuration));
}).map(e => e.outerHTML.slice(0, 100))"""


@pytest.mark.parametrize("page", ["notebooks/04_decoding", "book/ledger", "search"])
def test_nothing_moves_for_who_asks_so(browser, site, page):
    tab = open_page(browser, site, page, reduced_motion="reduce")
    assert tab.evaluate(MOVING) == []
    # The look at it is not blind: for others the theme moves some things.
    tab.emulate_media(reduced_motion="no-preference")
    assert tab.evaluate(MOVING)
    tab.context.close()


def test_the_page_for_what_is_not_found_by_keyboard(browser, site):
    """Its three stops are seen, and none is out of view on a phone."""
    tab = open_page(browser, site, "404", theme="dark", width=390)
    stops = []
    for _ in range(3):
        tab.keyboard.press("Tab")
        name, outline, right = tab.evaluate(
            "(e => [e.tagName, getComputedStyle(e).outlineStyle,"
            " e.getBoundingClientRect().right])(document.activeElement)"
        )
        stops.append(name)
        assert outline != "none"
        assert right <= 390
    assert stops == ["A", "INPUT", "BUTTON"]
    tab.context.close()
