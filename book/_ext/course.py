"""Formulas become MathML when the book is built: a browser needs no script for them."""

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util.math import get_node_equation_number


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


def setup(app: Sphinx) -> dict:
    """Register the extension; called by Sphinx."""
    # Late, so that every other extension has registered its scripts.
    app.connect("html-page-context", drop_scripts, priority=900)
    app.add_html_math_renderer("mathml", (inline_math, None), (block_math, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
