"""Directives that render the reproduction ledger, with thumbnails of our figures.

``{ledger} Figure 2`` shows the rows whose place in the paper begins with "Figure 2".
Its body describes what the paper shows, beside a thumbnail of each figure of ours::

    fig-three-maps
    : Three slices, side by side: ...

A thumbnail is made from the picture that the figure's own page shows; nothing is
computed again. ``{ledger-summary}`` counts the verdicts.
"""

import io
import re
from html import escape
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from PIL import Image
from sphinx.application import Sphinx

from helpers import ledger

HEADER = """\
:::{list-table}
:header-rows: 1
:widths: 41 15 18 26
:class: ledger

* - In the paper
  - Agrees if
  - Ours
  - Verdict"""
PLACES = ("Figure 1", "Text", "Figure 2", "Table 1", "Figure 3", "Figure 4", "Figure 5")
MARKS = {"agrees": "✓ agrees", "differs": "✗ differs", "open": "○ open"}
BYTES = 15_000  # of a thumbnail, at most


class Thumbnail(nodes.General, nodes.Element):
    """Stands for a figure of another page until all pages are read."""


class Ledger(Directive):
    """The rows of one figure or table of the paper."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return our figures beside the paper's, and a table, one row a number."""
        env = self.state.document.settings.env
        env.note_dependency(str(ledger.LEDGER))
        place = self.arguments[0]
        rows = [row for row in ledger.read() if row["where"].startswith(place)]
        if not rows:
            raise self.error(f"The ledger has no row of {place!r}.")
        box = nodes.container(classes=["ledger-box"])
        described = dict(
            re.findall(r"(?m)^(fig-[\w-]+)\n: ((?:.+\n?)+)", "\n".join(self.content))
        )
        drawn = {row["figure"] for row in rows if row["figure"]}
        if drawn != set(described):
            raise self.error(
                f"{place}: the ledger has the figures {sorted(drawn)}, and the page "
                f"describes {sorted(described)}."
            )
        for name, text in described.items():
            pair = nodes.container(classes=["ledger-figure"])
            pair += Thumbnail(figure=name)
            self._parse(f"**The paper's.** {text}".splitlines(), pair)
            box += pair
        lines = [HEADER]
        for row in rows:
            lines += self._row(row)
        self._parse([*lines, ":::"], box)
        return [box]

    def _parse(self, lines: list[str], parent: nodes.Element) -> None:
        """Parse MyST into a node."""
        self.state.nested_parse(StringList(lines, source=str(ledger.LEDGER)), 0, parent)

    @staticmethod
    def _row(row: dict[str, str]) -> list[str]:
        """Return the MyST of one row."""
        mark = MARKS[ledger.verdict(row)]
        chapter = re.sub(r"\D*0*(\d+)_.*", r"chapter \1", row["page"])
        page = f"([{chapter}](../{row['page']}.ipynb))"
        why = f": {row['why']}" if row["why"] else ""
        return [
            f"* - **{row['where']}.** {row['paper']}",
            f"  - {row['agrees_if']}",
            f"  - {row['ours']} {page}" if row["ours"] else "  - –",
            f"  - {mark} ({row['data']}){why}" if row["data"] else f"  - {mark}{why}",
        ]


class Summary(Directive):
    """How many rows agree, differ and are open, for each figure and table."""

    def run(self) -> list[nodes.Node]:
        """Return a table of counts."""
        self.state.document.settings.env.note_dependency(str(ledger.LEDGER))
        rows = ledger.read()
        lines = [
            "| In the paper | rows | agree | differ | open |",
            "|---|--:|--:|--:|--:|",
        ]
        for place in (*PLACES, ""):
            said = [ledger.verdict(r) for r in rows if r["where"].startswith(place)]
            counts = [len(said), *(said.count(verdict) for verdict in MARKS)]
            lines.append(
                f"| {place or '**All**'} | " + " | ".join(map(str, counts)) + " |"
            )
        box = nodes.container(classes=["ledger-summary"])
        text = StringList(lines, source=str(ledger.LEDGER))
        self.state.nested_parse(text, 0, box)
        return [box]


def shrink(picture: Path) -> bytes:
    """Return a small PNG of a picture, on white, of at most `BYTES`."""
    image = Image.open(picture).convert("RGBA")
    page = Image.new("RGBA", image.size, "white")
    page = Image.alpha_composite(page, image).convert("RGB")
    # This way rare colors are kept, such as that of a thin contour.
    method = Image.Quantize.MAXCOVERAGE
    for width, colors in ((360, 128), (360, 64), (300, 64), (240, 64), (180, 16)):
        small = page.resize((width, round(page.height * width / page.width)))
        small = small.quantize(colors, method, dither=0)
        buffer = io.BytesIO()
        small.save(buffer, "png", optimize=True)
        if buffer.tell() <= BYTES:
            break
    return buffer.getvalue()


def put_thumbnails(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put small pictures of other pages' figures in the place of thumbnails."""
    labels = app.env.get_domain("std").labels
    for thumbnail in list(doctree.findall(Thumbnail)):
        name = thumbnail["figure"]
        if name not in labels:
            raise ValueError(f"The ledger names a figure {name!r} that no page has.")
        source, anchor, _ = labels[name]
        figure = next(
            node
            for node in app.env.get_doctree(source).findall(nodes.figure)
            if anchor in node["ids"]
        )
        image = next(figure.findall(nodes.image))
        small = shrink(Path(app.srcdir) / image["uri"])
        target = Path(app.outdir) / "_images" / f"small-{name}.png"
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(small)
        up = "../" * docname.count("/")
        width, height = Image.open(target).size
        link = app.builder.get_relative_uri(docname, source)
        html = (
            f'<a class="ledger-thumbnail" href="{link}#{anchor}"><img loading="lazy" '
            f'src="{up}_images/{target.name}" width="{width}" height="{height}" '
            f'alt="Ours: {escape(image.get("alt", ""))}"></a>'
        )
        thumbnail.replace_self(nodes.raw("", html, format="html"))


def setup(app: Sphinx) -> dict:
    """Register the directives; called by Sphinx."""
    app.add_node(Thumbnail)
    app.add_directive("ledger", Ledger)
    app.add_directive("ledger-summary", Summary)
    app.connect("doctree-resolved", put_thumbnails)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
