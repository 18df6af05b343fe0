"""A directive that renders the reproduction ledger, with thumbnails of our figures.

``{ledger} Figure 2`` shows the rows whose place in the paper begins with "Figure 2".
A thumbnail is the picture of the figure with that name, wherever in the book it is.
"""

import copy

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.application import Sphinx

from helpers import ledger

HEADER = """\
:::{{list-table}} {title}
:header-rows: 1
:widths: {widths}
:class: ledger

* - In the paper
  - Agrees if
  - Ours
  - Verdict"""


class Thumbnail(nodes.General, nodes.Element):
    """Stands for a figure of another page until all pages are read."""


class Ledger(Directive):
    """The rows of one figure or table of the paper."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Return a table, one row a panel or number."""
        env = self.state.document.settings.env
        env.note_dependency(str(ledger.LEDGER))
        place = self.arguments[0]
        rows = [row for row in ledger.read() if row["where"].startswith(place)]
        if not rows:
            raise self.error(f"The ledger has no row of {place!r}.")
        lines = [HEADER.format(title=f"{place}, row by row", widths="42 16 16 26")]
        for row in rows:
            lines += self._row(row)
        lines.append(":::")
        box = nodes.container(classes=["ledger-box"])
        for name in dict.fromkeys(row["figure"] for row in rows if row["figure"]):
            box += Thumbnail(figure=name)
        text = StringList("\n".join(lines).splitlines(), source=str(ledger.LEDGER))
        self.state.nested_parse(text, 0, box)
        return [box]

    @staticmethod
    def _row(row: dict[str, str]) -> list[str]:
        """Return the MyST of one row."""
        said = ledger.verdict(row)
        mark = {"agrees": "✓ agrees", "differs": "✗ differs", "open": "open"}[said]
        page = f"[page](../{row['page']}.ipynb)" if row["page"] else ""
        why = f": {row['why']}" if row["why"] else ""
        return [
            f"* - **{row['where']}.** {row['paper']}",
            f"  - {row['agrees_if']}",
            f"  - {row['ours']} {page}",
            f"  - {mark} ({row['data']}){why}" if row["data"] else f"  - {mark}{why}",
        ]


def put_thumbnails(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the pictures of other pages' figures in the place of thumbnails."""
    labels = app.env.get_domain("std").labels
    for thumbnail in list(doctree.findall(Thumbnail)):
        name = thumbnail["figure"]
        if name not in labels:
            raise ValueError(f"The ledger names a figure {name!r} that no page has.")
        source, anchor, caption = labels[name]
        figure = next(
            node
            for node in app.env.get_doctree(source).findall(nodes.figure)
            if anchor in node["ids"]
        )
        image = copy.deepcopy(next(figure.findall(nodes.image)))
        image["classes"] = ["ledger-thumbnail"]
        link = nodes.reference(
            "", "", image, refuri=app.builder.get_relative_uri(docname, source)
        )
        link["refuri"] += f"#{anchor}"
        thumbnail.replace_self(nodes.paragraph("", "", link))


def setup(app: Sphinx) -> dict:
    """Register the directive; called by Sphinx."""
    app.add_node(Thumbnail)
    app.add_directive("ledger", Ledger)
    app.connect("doctree-resolved", put_thumbnails)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
