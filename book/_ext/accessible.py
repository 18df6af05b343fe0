"""Mend what the stock theme and its extensions leave in readers' way.

Each mend answers to a rule of axe-core, named beside it; tests/site/test_axe.py runs
all the rules on every page.
"""

import re
from pathlib import Path

from sphinx.application import Sphinx

MENDS = (
    # region: the course's title stands in the sidebar, outside every landmark.
    (
        r'<div id="pst-primary-sidebar" (?!role)',
        '<div id="pst-primary-sidebar" role="complementary" aria-label="Course" ',
    ),
    # aria-deprecated-role, aria-required-children: entries are items of their list.
    (r'role="doc-biblioentry"', 'role="listitem"'),
    # empty-table-header: a corner without a word heads nothing.
    (
        r'<th(?: class="(?:head|blank[^"]*)")?\s*>(<p></p>|&nbsp;)?</th>',
        "<td></td>",
    ),
    # summary-name: the arrow beside a chapter with more pages.
    (
        r'<summary>(?=<span class="toctree-toggle")',
        '<summary aria-label="Pages of this chapter">',
    ),
    # A place for advertisements, which the course has none of.
    (
        r'<div class="sidebar-primary-item">\s*<div id="ethical-ad-placement"[^>]*>'
        r"\s*</div>\s*</div>",
        "",
    ),
)


def mend(html: str) -> str:
    """Return a page with its faults mended."""
    for fault, mended in MENDS:
        html = re.sub(fault, mended, html)
    return html


def after_build(app: Sphinx, exception: Exception | None) -> None:
    """Mend every page when the site is built."""
    if exception or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        html = page.read_text(encoding="utf-8")
        page.write_text(mend(html), encoding="utf-8")


def setup(app: Sphinx) -> dict:
    """Register the extension; called by Sphinx."""
    app.connect("build-finished", after_build)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
