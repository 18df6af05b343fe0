"""What a first visit of a page moves, and that nothing else is shipped."""

import re
import sys
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest

from tests.site.test_site import PAGES, open_page

sys.path.insert(0, str(Path(__file__).parents[2] / "book/_ext"))

import lighten  # noqa: E402

STOCK = 2_400_000  # bytes of a page of the stock theme without a picture, measured
EXPLORER = re.compile(r'<figure class="explorer".*?</figure>', re.DOTALL)


@pytest.fixture(scope="module")
def asked(browser, site) -> dict[str, set[Path]]:
    """Return the files that a first visit of each page asks for."""
    files = {}
    for page in PAGES:
        tab = open_page(browser, site, page)
        # Down to its end: pictures may be fetched when they come into view.
        tab.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        tab.wait_for_load_state("networkidle")
        ours = [u for u in tab.asked if u.startswith("file:")]
        files[page] = {Path(unquote(urlparse(url).path)) for url in ours}
        tab.context.close()
    return files


def test_a_first_visit_is_half_of_the_stock_theme(site, asked):
    """All that a page asks for, with its figures; explorers apart."""
    heavy = []
    print(f"\n{'KB, first visit':32} {'page':>6} {'style':>6} {'script':>6} "
          f"{'font':>6} {'figure':>6} {'sum':>6}  explorers")  # fmt: skip
    for page, files in asked.items():
        size = dict.fromkeys((".html", ".css", ".js", ".woff", ".png"), 0)
        for file in files:
            kind = {".woff2": ".woff", ".svg": ".png"}.get(file.suffix, file.suffix)
            size[kind] += file.stat().st_size
        html = (site / f"{page}.html").read_text(encoding="utf-8")
        explorers = sum(len(each.encode()) for each in EXPLORER.findall(html))
        size[".html"] -= explorers
        total = sum(size.values())
        columns = " ".join(f"{n / 1000:6.0f}" for n in [*size.values(), total])
        print(f"{page:32} {columns}  {explorers / 1000:9.0f}")
        if total > STOCK / 2:
            heavy.append(f"{page}: {total}")
    assert not heavy


def test_every_file_asked_for_is_there(asked):
    assert not [f for files in asked.values() for f in files if not f.is_file()]


def test_nothing_is_shipped_that_no_page_uses(site):
    """No page, style or picture that nothing leads to; no source of a script."""
    everything = {path.resolve() for path in site.rglob("*") if path.is_file()}
    pages = {path for path in everything if path.suffix == ".html"}
    sheets = {path for path in everything if path.suffix == ".css"}
    known = pages.union(*map(lighten.links, pages | sheets))
    useless = {
        path.relative_to(site.resolve()).as_posix() for path in everything - known
    }
    assert {name for name in useless if not lighten.KEPT.search(name)} == set()
    assert not [path for path in everything if path.suffix in (".map", ".ttf")]


def test_the_search_is_loaded_by_its_page_only(asked, site):
    for page in PAGES:
        assert site / "searchindex.js" not in asked[page]
    assert "searchindex.js" in (site / "search.html").read_text(encoding="utf-8")


ICONS = """() => [...document.querySelectorAll('[class*=fa-]')]
  .map(e => [e.className, getComputedStyle(e, '::before')])
  .map(([name, s]) => [name, s.content.codePointAt(1), s.fontFamily])"""


def test_every_icon_is_in_the_font(browser, site):
    """Each icon of a page has its rule, and its picture in the font."""
    from fontTools.ttLib import TTFont

    font = TTFont(site / lighten.FONTS / "fa-solid-900.woff")
    for page in PAGES:
        tab = open_page(browser, site, page)
        icons = tab.evaluate(ICONS)
        assert icons
        for name, code, family in icons:
            assert "Awesome" in family, name
            assert code in font.getBestCmap(), name
        tab.context.close()


def test_the_font_of_formulas_has_what_they_show(site):
    """Every character, drawn as in the whole font, with its measures and sizes."""
    from fontTools.pens.recordingPen import DecomposingRecordingPen
    from fontTools.ttLib import TTFont

    whole = TTFont(lighten.ASSETS / lighten.MATH_FONT)
    path = site / "_static" / lighten.MATH_FONT
    part = TTFont(path)
    assert path.stat().st_size < 30_000
    html = "".join((site / f"{page}.html").read_text("utf-8") for page in PAGES)
    codes = lighten.math_characters(html)
    assert len(codes) > 40
    drawn = []
    for font in (part, whole):
        glyphs, names, of = font.getGlyphSet(), font.getBestCmap(), {}
        for code in codes & names.keys():
            pen = DecomposingRecordingPen(glyphs)
            glyphs[names[code]].draw(pen)
            of[code] = (glyphs[names[code]].width, pen.value)
        math = font["MATH"].table
        large = math.MathVariants.VertGlyphCoverage.glyphs
        of["large"] = {code for code in codes & names.keys() if names[code] in large}
        of["sizes"] = {
            name: getattr(value, "Value", value)
            for name, value in vars(math.MathConstants).items()
        }
        drawn.append(of)
    assert drawn[0] == drawn[1]
    assert set("()√") <= {chr(code) for code in codes}
    assert drawn[0]["large"]


def test_characters_of_formulas():
    html = "<p>y</p><math><mi>x</mi><mo>&#x02212;</mo><mn>1</mn></math>"
    assert lighten.math_characters(html) == set(map(ord, "𝑥x−1√ "))
    assert lighten.ITALIC["h"] == "\u210e"


def test_features_go_where_they_are_not_used():
    used = '<link href="a/sphinx-design.min.css?v=1"/><p class="a sd-card">'
    assert lighten.drop_features(used) == used
    unused = used.replace("sd-card", "card")
    assert lighten.drop_features(unused) == '<p class="a card">'
    assert lighten.drop_features('<script src="searchindex.js"></script>') == ""


def test_pictures_keep_what_the_eye_sees(tmp_path):
    """A picture with a palette is smaller, and near to the picture it was."""
    import numpy as np
    from matplotlib import cm
    from PIL import Image

    ramp = np.tile(np.linspace(0, 1, 400), (300, 1)) + np.linspace(0, 0.3, 300)[:, None]
    pixels = (cm.viridis(ramp / ramp.max()) * 255).astype("uint8")
    path = tmp_path / "ramp.png"
    Image.fromarray(pixels).save(path)
    before = path.stat().st_size
    lighten.fewer_colors(path)
    assert path.stat().st_size < before
    after = np.asarray(Image.open(path).convert("RGB"), dtype=int)
    assert np.abs(after - pixels[..., :3]).max() <= 12
    # Where nothing is seen through, a second time changes nothing.
    stored = path.read_bytes()
    lighten.fewer_colors(path)
    assert path.read_bytes() == stored
