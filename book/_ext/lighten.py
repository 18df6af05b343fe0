"""Leave out of the built site what no page uses.

A stock page moves 2.4 MB, of which three quarters are icons. Here

- icons come from a font that holds those which the pages show, and no others; so do
  the characters of formulas;
- scripts and styles of features that a page does not use are left out of it;
- pictures are stored with a palette, where that is smaller: no difference to the eye;
- a file to which nothing leads is deleted.

All of it works on the finished files, and doing it twice changes nothing more.
"""

import io
import re
import unicodedata
from html import unescape
from pathlib import Path
from urllib.parse import unquote

from fontTools import subset
from PIL import Image
from sphinx.application import Sphinx

FONTS = "_static/vendor/fontawesome/webfonts"
# Fonts of icons, and the classes that ask for them.
ICON_FONTS = {
    "fa-solid-900": ("fas", "fa-solid"),
    "fa-regular-400": ("far", "fa-regular"),
    "fa-brands-400": ("fab", "fa-brands"),
}
MATH_FONT = "vendor/noto-sans-math/noto-sans-math.woff"
ASSETS = Path(__file__).parents[1] / "assets"
# What a browser shows for a letter that stands alone in a formula: another character.
ITALIC = {
    unicodedata.normalize("NFKC", letter): letter
    for letter in map(chr, (0x210E, *range(0x1D434, 0x1D7CC)))
    if unicodedata.name(letter, "").startswith(("MATHEMATICAL ITALIC", "PLANCK"))
}
ICON_RULE = re.compile(r"((?:\.fa-[\w-]+:before,?)+)\{content:\"\\[0-9a-f]+\"\}")
# Tags of features, and what a page that uses the feature has in it.
FEATURES = {
    r"scripts/fontawesome\.js": None,  # would draw the icons once more
    r"sphinx-thebe": None,  # is off
    r"sphinx-design\.min\.css": r'class="(?:[^"]* )?sd-',
    r"design-tabs\.js": r'class="(?:[^"]* )?sd-tab',
    # The theme would have them on every page, for a search as you type, which is off.
    r"searchtools\.js": r'id="search-results"',
    r"language_data\.js": r'id="search-results"',
    r"searchindex\.js": r'id="search-results"',
}
LINK = re.compile(r'(?:href|src)="([^"#?]+)|url\(["\']?([^)"\'#?]+)|@import "([^"]+)"')
# What readers of the site ask for without a link, and what may not be left out.
KEPT = re.compile(r"\.html$|searchindex\.js$|objects\.inv$|LICENSE|^\.|^_sources/")


def drop_features(html: str) -> str:
    """Return a page without the scripts and styles of features it does not use."""
    for name, sign in FEATURES.items():
        if sign is None or not re.search(sign, html):
            html = re.sub(
                rf'<script[^>]*src="[^"]*{name}[^>]*></script>\s*|<link[^>]*{name}[^>]*>\s*',
                "",
                html,
            )
    return html


def drop_icons(css: str, used: set[str]) -> str:
    """Return a style sheet with the rules of the icons in use only."""

    def keep(rule: re.Match) -> str:
        names = re.findall(r"\.(fa-[\w-]+):", rule[1])
        return rule[0] if used.intersection(names) else ""

    return re.sub(r"/\*# sourceMappingURL.*?\*/", "", ICON_RULE.sub(keep, css))


def subset_font(source: Path, target: Path, codes: set[int]) -> None:
    """Write a font that has these characters only."""
    options = subset.Options()
    options.layout_features += ["ssty"]  # small forms, for indices in formulas
    font = subset.load_font(str(source), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=codes)
    subsetter.subset(font)
    font.flavor = "woff"
    font.save(str(target))


def lighten_icons(site: Path, pages: dict[Path, str]) -> None:
    """Keep the icons that are in use: their rules, and their part of the font."""
    html = "\n".join(pages.values())
    used = set(re.findall(r"\bfa-[\w-]+", html))
    sheet = site / "_static/styles/pydata-sphinx-theme.css"
    css = drop_icons(sheet.read_text(encoding="utf-8"), used)
    others = (path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    in_css = "\n".join([css, *(text for text in others if "fa-0:before" not in text)])
    codes = {int(c, 16) for c in re.findall(r"\\([ef][0-9a-f]{3})\b", in_css)}
    for name, classes in ICON_FONTS.items():
        source = site / FONTS / f"{name}.ttf"
        shown = re.search(rf'class="(?:[^"]* )?(?:{"|".join(classes)})[ "]', html)
        if source.exists() and (shown or name == "fa-solid-900"):
            subset_font(source, source.with_suffix(".woff"), codes)
        css = re.sub(
            rf'src:url\(([^)]*{name})\.woff2\) format\("woff2"\),url\([^)]*\) '
            r'format\("truetype"\)',
            r'src:url(\1.woff) format("woff")' if shown or "solid" in name else "",
            css,
        )
    sheet.write_text(css, encoding="utf-8")


def math_characters(html: str) -> set[int]:
    """Return the characters that a browser draws for the formulas of pages."""
    formulas = re.findall(r"<math.*?</math>", html, flags=re.DOTALL)
    texts = [unescape(re.sub(r"<[^>]+>", "", formula)) for formula in formulas]
    # A root is an element without a text; a font without a space is not the first
    # choice of a browser, which would take the height of a line from the next.
    shown = set("".join(texts)) | {"√", " "}
    return {ord(c) for c in shown | {ITALIC[c] for c in shown & ITALIC.keys()}}


def lighten_formulas(site: Path, pages: dict[Path, str]) -> None:
    """Keep what the formulas show of their font, as vendored: 3 % of its bytes."""
    source, target = ASSETS / MATH_FONT, site / "_static" / MATH_FONT
    subset_font(source, target, math_characters("\n".join(pages.values())))


def fewer_colors(picture: Path) -> None:
    """Store a picture with a palette where that makes it smaller.

    Figures are not stored as SVG where that is smaller: measured over the 99 of the
    book, it never is with letters as paths. Packed by the server, which is not ours to
    say, 49 would be, and save 7 % of the bytes of a first visit (14 % of the best
    page's). With letters as text, each reader's fonts would move them.
    """
    image = Image.open(picture)
    if image.mode == "P":
        return
    opaque = image.convert("RGBA").getextrema()[3][0] == 255
    if opaque:
        # No pixel is then off by more than 16 of 255; other ways are off by 60.
        method = Image.Quantize.MAXCOVERAGE
        image = image.convert("RGB").quantize(256, method, dither=0)
        buffer = io.BytesIO()
        image.save(buffer, "png", optimize=True)
        if buffer.tell() < picture.stat().st_size:
            picture.write_bytes(buffer.getvalue())


def links(path: Path) -> set[Path]:
    """Return the files to which a page or a style sheet leads."""
    found = LINK.findall(path.read_text(encoding="utf-8"))
    names = {unquote(next(filter(None, groups))) for groups in found}
    return {
        (path.parent / name).resolve()
        for name in names
        if not re.match(r"[a-z]+:|//", name)
    }


def drop_unused_files(site: Path) -> None:
    """Delete what no page leads to, directly or by its style sheets."""
    site = site.resolve()
    for template in site.glob("_static/*webpack-macros.html"):
        template.unlink()  # the themes' own, which is no page
    known, open_ends = set(), set(site.rglob("*.html"))
    while open_ends:
        path = open_ends.pop()
        known.add(path)
        if path.suffix in (".html", ".css") and path.is_file():
            open_ends |= links(path) - known
    for path in sorted(site.rglob("*"), reverse=True):
        name = path.relative_to(site).as_posix()
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path not in known and not KEPT.search(name):
            path.unlink()


def lighten(site: Path) -> None:
    """Do all of it to the site in a folder."""
    pages = {
        path: drop_features(path.read_text(encoding="utf-8"))
        for path in site.rglob("*.html")
    }
    for path, html in pages.items():
        path.write_text(html, encoding="utf-8")
    lighten_icons(site, pages)
    lighten_formulas(site, pages)
    drop_unused_files(site)
    for picture in site.glob("_images/*.png"):
        fewer_colors(picture)


def after_build(app: Sphinx, exception: Exception | None) -> None:
    """Lighten the site when it is built."""
    if not exception and app.builder.format == "html":
        lighten(Path(app.outdir))


def setup(app: Sphinx) -> dict:
    """Register the extension; called by Sphinx."""
    app.connect("build-finished", after_build)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
