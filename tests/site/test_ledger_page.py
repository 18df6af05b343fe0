"""The ledger's page: all of its rows, our figures in small, cards on a phone."""

import re
import sys
from pathlib import Path
from urllib.parse import unquote, urlparse

import numpy as np
from PIL import Image

from helpers import ledger
from tests.site.test_site import open_page

sys.path.insert(0, str(Path(__file__).parents[2] / "book/_ext"))

import ledger_page  # noqa: E402

PAGE = "book/ledger"


def test_a_small_picture_is_small_whatever_is_drawn(tmp_path):
    """Noise is the worst; what one cannot see through becomes white."""
    noise = np.random.default_rng(0).integers(0, 256, (900, 1400, 4), dtype="uint8")
    clear = np.zeros((90, 140, 4), dtype="uint8")
    for pixels in (noise, clear):
        Image.fromarray(pixels).save(tmp_path / "figure.png")
        (tmp_path / "small.png").write_bytes(
            ledger_page.shrink(tmp_path / "figure.png")
        )
        assert (tmp_path / "small.png").stat().st_size <= 15_000
        small = Image.open(tmp_path / "small.png")
        assert abs(small.width / small.height - 140 / 90) < 0.02
    assert small.convert("RGB").getextrema() == ((255, 255),) * 3


def test_every_row_has_its_place_values_and_verdict(browser, site):
    tab = open_page(browser, site, PAGE)
    shown = tab.locator("table.ledger tbody tr").all_inner_texts()
    rows = ledger.read()
    assert len(shown) == len(rows)
    text = "\n".join(shown)
    for row in rows:
        assert row["agrees_if"] in text
        line = next(t for t in shown if t.startswith(f"{row['where']}.") and
                    row["paper"][:20].split("'")[0] in t.replace("’", "'"))  # fmt: skip
        assert ledger.verdict(row) in line
    said = [ledger.verdict(row) for row in rows]
    counts = tab.locator(".ledger-summary tr").last.inner_text().split()
    wanted = [len(said), *(said.count(v) for v in ("agrees", "differs", "open"))]
    assert counts == ["All", *map(str, wanted)]
    tab.context.close()


def test_each_figure_is_small_lazy_described_and_leads_to_itself(browser, site):
    tab = open_page(browser, site, PAGE)
    links = tab.locator("a.ledger-thumbnail").all()
    figures = {row["figure"] for row in ledger.read() if row["figure"]}
    seen = set()
    for link in links:
        picture = link.locator("img")
        assert picture.get_attribute("loading") == "lazy"
        assert len(picture.get_attribute("alt")) > 60
        address = urlparse(picture.evaluate("e => e.src"))
        assert Path(unquote(address.path)).stat().st_size <= 15_000
        link.scroll_into_view_if_needed()
        picture.evaluate("e => e.decode()")  # fails if it cannot be shown
        page = urlparse(link.evaluate("e => e.href"))
        html = Path(unquote(page.path)).read_text(encoding="utf-8")
        assert f'id="{page.fragment}"' in html
        seen.add(page.fragment)
        said = link.evaluate("e => e.nextElementSibling.innerText")
        assert re.match(r"The paper’s\. .{40}", said, re.DOTALL), said
    assert seen == figures
    assert len(links) == len(figures)
    tab.context.close()


def test_on_a_phone_rows_are_cards(browser, site):
    """All of a row lies within the screen, and each value says what it is."""
    tab = open_page(browser, site, PAGE, width=390)
    row = tab.locator("table.ledger tbody tr", has_text="C = 0.05").first
    for cell in row.locator("td").all():
        box = cell.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        assert box["width"] > 250
    named = "e => getComputedStyle(e, '::before').content"
    names = [p.evaluate(named) for p in row.locator("td p").all()]
    assert names == ["none", '"Agrees if: "', '"Ours: "', '"Verdict: "']
    tab.context.close()
