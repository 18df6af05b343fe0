"""Explorers on the built pages: each moves by keyboard and by touch, and none is heavy.

The pages are opened from disk with the network cut off. `tests/helpers/test_explorers`
covers what an explorer does; here it is that each of the book's own does it.
"""

import gzip
import json
import re

import pytest

from tests.site.test_site import PAGES, ROOT, open_page

MAX_BYTES = 300_000  # that all explorers of a page add to it, packed
EXPLORER = re.compile(r'<figure class="explorer".*?</figure>', re.DOTALL)

# What a reader has before them: the frames that are seen, and what the sliders say.
STATE = """root => ({
  frames: [...root.querySelectorAll('.explorer-frame')]
    .filter(e => e.checkVisibility()).map(e => e.querySelector('img'))
    .map(e => [e.alt, e.src, e.complete && e.naturalWidth]),
  says: [...root.querySelectorAll('input')]
    .map(e => [e.getAttribute('aria-valuetext'),
               e.parentNode.querySelector('output').textContent])})"""


def in_source(page: str) -> int:
    """Return how many explorers the cells of a page's notebook end with."""
    path = ROOT / f"{page}.ipynb"
    if not path.exists():
        return 0
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return sum(len(re.findall(r"(?m)^explorer\(", source)) for source in sources)


EXPECTED = {page: in_source(page) for page in PAGES}
WITH = [page for page, n in EXPECTED.items() if n]


def look(root) -> tuple[str, str]:
    """Return alt text and picture of the one frame that is seen; check what is said."""
    state = root.evaluate(STATE)
    assert len(state["frames"]) == 1
    alt, source, width = state["frames"][0]
    assert alt and width
    assert all(value == text for value, text in state["says"])
    return alt, source


def test_every_explorer_is_on_its_page(site):
    """None is missing and none is there unknown; the course has at least nine."""
    found = {
        page: len(EXPLORER.findall((site / f"{page}.html").read_text("utf-8")))
        for page in PAGES
    }
    assert found == EXPECTED
    assert sum(found.values()) >= 9


@pytest.mark.parametrize("page", WITH)
def test_moves_without_a_network(browser, site, page):
    """On a phone with a keyboard, so that one visit tries both."""
    phone = {"has_touch": True, "is_mobile": True, "offline": True}
    tab = open_page(browser, site, page, width=390, **phone)
    explorers = tab.locator(".explorer.explorer-live").all()
    assert len(explorers) == EXPECTED[page]
    for root in explorers:
        for slider in root.get_by_role("slider").all():
            moves_by_touch(tab, root, slider)
            moves_by_keyboard(tab, root, slider)
        for button in root.locator("button").all():
            plays(tab, root, button)
    assert not [url for url in tab.asked if not url.startswith(("file:", "data:"))]
    tab.context.close()


def moves_by_keyboard(tab, root, slider):
    """The arrow keys lead through all values of a slider, there and back."""
    slider.focus()
    tab.keyboard.press("Home")
    last = int(slider.get_attribute("max"))
    seen = [look(root)]
    for _ in range(last):
        tab.keyboard.press("ArrowRight")
        seen.append(look(root))
    assert len({alt for alt, _ in seen}) == last + 1
    assert len({source for _, source in seen}) == last + 1
    tab.keyboard.press("ArrowLeft")
    assert look(root) == seen[-2]


def moves_by_touch(tab, root, slider):
    """A tap on the end of a slider brings its last value."""
    slider.scroll_into_view_if_needed()
    slider.fill("0")
    before = look(root)
    box = slider.bounding_box()
    assert box["height"] >= 24, "a finger needs more"
    tab.touchscreen.tap(box["x"] + box["width"] - 3, box["y"] + box["height"] / 2)
    assert slider.input_value() == slider.get_attribute("max")
    assert look(root) != before


def plays(tab, root, button):
    """The button sets the frames in motion, and stops them."""
    before = look(root)
    button.focus()
    tab.keyboard.press("Enter")
    tab.wait_for_timeout(1200)
    assert look(root) != before
    tab.keyboard.press("Enter")
    stopped = look(root)
    tab.wait_for_timeout(1200)
    assert look(root) == stopped


def test_explorers_are_light(site):
    """What they add to a page, packed as a server does."""
    heavy = []
    print(f"\n{'KB, packed':32} explorers   page without")
    for page in WITH:
        html = (site / f"{page}.html").read_text(encoding="utf-8")
        alone = len(gzip.compress(EXPLORER.sub("", html).encode(), 6))
        added = len(gzip.compress(html.encode(), 6)) - alone
        print(f"{page:32} {added / 1000:9.0f} {alone / 1000:14.0f}")
        if added > MAX_BYTES:
            heavy.append(f"{page}: {added}")
    assert not heavy
