"""A small Sphinx extension: what the stock theme leaves to be mended.

- Formulas become MathML when the book is built: browsers draw them without a script.
- Icons come from the theme's font; the script that would draw them again, three
  quarters of a page's bytes, is left out, and so is what no page asks for.
"""

import re
from pathlib import Path

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util.math import get_node_equation_number

ICON_SCRIPT = re.compile(r"<script[^>]*scripts/fontawesome\.js[^>]*></script>\s*")
# Sources of scripts, older formats of fonts, and scripts of features that are off.
UNUSED = (
    "_static/scripts/*.map",
    "_static/scripts/fontawesome.js*",
    "_static/styles/*.map",
    "_static/vendor/fontawesome/webfonts/*.ttf",
    "_static/*webpack-macros.html",
)


def drop_scripts(app, pagename, templatename, context, doctree) -> None:
    """Leave out Thebe, which is off: the stock page has its script twice, an error."""
    context["script_files"] = [
        script
        for script in context.get("script_files", [])
        if "thebe" not in str(getattr(script, "filename", "")).lower()
        and "THEBE" not in str(getattr(script, "attributes", {}).get("body"))
    ]


def mathml(latex: str, display: str) -> str:
    """Return a formula as MathML."""
    # The converter knows this environment by another name only.
    return convert(latex.replace("{aligned}", "{split}"), display=display)


def inline_math(self, node: nodes.math) -> None:
    """Write a formula within a line."""
    self.body.append(mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def block_math(self, node: nodes.math_block) -> None:
    """Write a formula on lines of its own, with its number where it has one."""
    self.body.append(self.starttag(node, "div", CLASS="math"))
    if node["number"]:
        number = get_node_equation_number(self, node)
        self.body.append(f'<span class="eqno">({number})</span>')
    self.body.append(mathml(node.astext(), "block") + "</div>")
    raise nodes.SkipNode


def drop_unused_files(app: Sphinx, exception: Exception | None) -> None:
    """Remove what no page asks for, and the icons' script from every page."""
    if exception or app.builder.format != "html":
        return
    site = Path(app.outdir)
    for page in site.rglob("*.html"):
        html = page.read_text(encoding="utf-8")
        page.write_text(ICON_SCRIPT.sub("", html), encoding="utf-8")
    for pattern in UNUSED:
        for path in site.glob(pattern):
            path.unlink()


def setup(app: Sphinx) -> dict:
    """Register the extension; called by Sphinx."""
    # Late, so that every other extension has registered its scripts.
    app.connect("html-page-context", drop_scripts, priority=900)
    app.connect("build-finished", drop_unused_files)
    app.add_html_math_renderer("mathml", (inline_math, None), (block_math, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
