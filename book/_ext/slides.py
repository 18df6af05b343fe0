"""Slides of each notebook, made of its own cells: reveal.js, without another host.

After the site is built, the notebooks that the build has run are turned into
``slides/<page>.html`` by nbconvert; nothing runs twice, and no notebook says what its
slides are. A section gives one slide with its question, one for each cell of code that
the page shows, and one for each figure and explorer. Exercises, quizzes and the
summary have theirs. ``python book/_ext/slides.py SITE`` makes them again.

``{decks}`` is a list of links to them.
"""

import base64
import hashlib
import html
import json
import re
import struct
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import nbformat
from course import mathml
from docutils import nodes
from docutils.parsers.rst import Directive
from jupyter_cache import get_cache
from minutes import notebooks, read_page
from nbconvert import SlidesExporter
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from pybtex.database import parse_file
from quiz import parse_answers
from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
TEMPLATES = Path(__file__).parent / "templates"
UNSEEN = {"remove-cell", "remove-input", "hide-input", "stub", "solution", "hide-cell"}
MAX_LINES = 18  # of code on a slide, and of what it printed
LAST = ("Then → now", "Further reading")  # for readers, not for the wall
MARKS = re.compile(r"(?m)^\([\w-]+\)=\n|^`{3,}.*\n?|^:{3,}.*\n?|^:[\w-]+:.*\n?")
PARTS = re.compile(r"(?m)^(?=#{1,3} )|^(?=`{3,}\{exercise-start\})")
OBJECTIVES = re.compile(r"(?ms)^`{3}\{admonition\} Objectives\n(.+?)^`{3}$")
OF_PROSE = re.compile(r"[\w*{\[$(\"]|`(?!``)")
QUIZ = re.compile(r"(?ms)^:::\{quiz\} (.+?)\n(.+?)^:::$")


# --- from MyST to Markdown -------------------------------------------------------


@cache
def _works() -> dict[str, str]:
    """Return authors and year of each entry of the bibliography."""
    works = {}
    for key, entry in parse_file(ROOT / "book/references.bib").entries.items():
        names = [" ".join(person.last_names) for person in entry.persons["author"]]
        who = f"{names[0]} et al." if len(names) > 2 else " and ".join(names)
        works[key] = f"{who} ({entry.fields['year']})"
    return works


def _cited(found: re.Match) -> str:
    """Return a citation in the text or in parentheses."""
    works = [_works().get(key.strip(), "") for key in found[2].split(",")]
    if found[1] == "t":
        return " and ".join(works)
    return "(" + "; ".join(re.sub(r"[()]", "", work) for work in works) + ")"


def _glued(found: re.Match, values: dict[str, str]) -> str:
    """Return a number of the notebook in the format asked for."""
    value, form = values[found[1]], found[2]
    return format(float(value), form) if form else value.strip("'")


def plain(myst: str, values: dict[str, str]) -> str:
    """Return Markdown of a text in MyST: no roles, no links, formulas as MathML."""
    text = re.sub(
        r"\{glue:text\}`(\w+)(?::([^`]+))?`", lambda m: _glued(m, values), myst
    )
    text = re.sub(r"\{cite:(\w)\}`([^`]+)`", _cited, text)
    text = re.sub(r"\{math\}`([^`]+)`", lambda m: mathml(m[1], "inline"), text)
    text = re.sub(
        r"(?s)\$\$(.+?)\$\$(?: *\([\w-]+\))?", lambda m: mathml(m[1], "block"), text
    )
    text = re.sub(
        r"(?<![\\$`\w])\$([^$`\n]+)\$(?!\w)", lambda m: mathml(m[1], "inline"), text
    )
    text = re.sub(r"\{(?:ref|doc|numref|eq|term)\}`([^`<]*?)\s*<[^`]*>`", r"\1", text)
    text = re.sub(r"\{(?:term)\}`([^`]+)`", r"\1", text)
    text = re.sub(r"\{(?:ref|doc|numref|eq)\}`[^`]+`", "the page", text)
    text = re.sub(r"!?\[([^\]]*)\]\([^)\s]*\)", r"\1", text)
    return MARKS.sub("", text)


def _inline(myst: str, values: dict[str, str]) -> str:
    """Return HTML of a line: emphasis and code are all that captions have."""
    text = " ".join(plain(myst, values).split())
    text = re.sub(r"`([^`]+)`", lambda m: f"<code>{html.escape(m[1])}</code>", text)
    text = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", text)
    return re.sub(r"\*([^*]+)\*", r"<em>\1</em>", text)


def glued_values(notebook: NotebookNode) -> dict[str, str]:
    """Return what the cells of an executed notebook glued, as text."""
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    # The build keeps what it glued in a file beside the notebook.
    outputs += notebook.metadata.get("glued", {}).values()
    values = {}
    for output in outputs:
        name = output.get("metadata", {}).get("scrapbook", {}).get("name")
        for kind, value in output.get("data", {}).items():
            if name and kind.endswith("text/plain"):  # what is not shown has a prefix
                values[name] = value
    return values


# --- from cells to slides --------------------------------------------------------


def _slide(text: str, kind: str = "subslide", picture: str = "") -> NotebookNode:
    """Return a slide: one cell of Markdown, and HTML below it."""
    shown = {"slideshow": {"slide_type": kind}, "picture": picture}
    return new_markdown_cell(text, metadata=shown)


def _code_slide(cell: NotebookNode, heading: str) -> list[NotebookNode]:
    """Return a slide with the code that the page shows, and what it printed."""
    printed = [
        output.get("text") or output.get("data", {}).get("text/plain", "")
        for output in cell.outputs
        if "image/png" not in output.get("data", {})
        and 'class="explorer"' not in output.get("data", {}).get("text/html", "")
        and output.output_type in ("stream", "execute_result")
    ]
    lines = (cell.source + "".join(printed)).count("\n")
    if len(cell.source.splitlines()) > MAX_LINES:
        return []
    if lines > MAX_LINES:
        printed = []
    code = new_code_cell(cell.source, metadata={"printed": printed})
    return [_slide(f"### {heading}"), code]


def _figure(cell: NotebookNode, values: dict[str, str], site: Path) -> str | None:
    """Return HTML of a cell's figure or explorer."""
    shown = cell.metadata.get("mystnb", {})
    for output in cell.outputs:
        data = output.get("data", {})
        if 'class="explorer"' in data.get("text/html", ""):
            return data["text/html"]
        if "image/png" in data and "figure" in shown:
            alt = html.escape(shown["image"]["alt"])
            caption = _inline(shown["figure"]["caption"], values)
            png = base64.b64decode(data["image/png"])
            picture = f"_images/{hashlib.sha256(png).hexdigest()}.png"
            source = f"../{picture}"
            if not (site / picture).exists():
                source = f"data:image/png;base64,{data['image/png'].strip()}"
            width, height = struct.unpack(">II", png[16:24])
            shape = "drawn tall" if height > 0.7 * width else "drawn"
            return (
                f'<figure class="{shape}"><img alt="{alt}" src="{source}">'
                f"<figcaption>{caption}</figcaption></figure>"
            )
    return None


def _quiz(source: str, values: dict[str, str]) -> Iterator[NotebookNode]:
    """Give for each question a slide that asks, and one that answers."""
    for question, lines in QUIZ.findall(source):
        asked = _inline(question, values)
        answers = parse_answers(lines.splitlines())
        items = "".join(f"<li>{_inline(text, values)}</li>" for _, text, _ in answers)
        yield _slide(f"### Quiz\n\n{asked}\n\n<ol class='answers'>{items}</ol>")
        right, why = next((text, why) for is_right, text, why in answers if is_right)
        yield _slide(
            f"### Quiz\n\n{asked}\n\n<p><strong>{_inline(right, values)}</strong></p>"
            f"\n\n{_inline(why, values)}"
        )


def _opening(text: str, name: str, values: dict[str, str]) -> list[NotebookNode]:
    """Return the title, why it matters, and the objectives."""
    title, _, motive = text.partition("\n")
    motive = plain(motive.strip().split("\n\n")[0], values)
    link = f'<p><a href="../{name}.html">The page of these slides</a></p>'
    return [_slide(f"{title}\n\n{motive}\n\n{link}", "slide")]


def slides(notebook: NotebookNode, name: str, site: Path) -> NotebookNode:
    """Return a notebook of slides, made of the cells of an executed notebook."""
    values = glued_values(notebook)
    deck, heading, section = [], "", ""
    for cell in notebook.cells:
        tags = set(cell.metadata.get("tags", []))
        if cell.cell_type == "code":
            if "remove-cell" in tags or section in (*LAST, "Exercises"):
                continue
            figure = _figure(cell, values, site)
            if not tags & UNSEEN and not (figure and "explorer" in figure):
                deck += _code_slide(cell, heading)
            if figure:
                above = f"### {heading}" if heading else ""
                deck.append(_slide(above, picture=figure))
            continue
        for part in PARTS.split(cell.source):
            level, text = re.match(r"(#*) ?((?s:.*))", part).groups()
            if level == "#":
                deck += _opening(part, name, values)
                continue
            if level:
                heading, _, text = text.partition("\n")
                heading = plain(heading.strip(), values)
                section = heading if level == "##" else section
            deck += _prose(part, level, heading, section, text, values)
    title = read_title(notebook)
    return new_notebook(cells=deck, metadata={"title": title})


def read_title(notebook: NotebookNode) -> str:
    """Return the title of a notebook, without its marks."""
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    return re.search(r"(?m)^# (.+)$", texts[0])[1]


def _prose(
    part: str,
    level: str,
    heading: str,
    section: str,
    text: str,
    values: dict[str, str],
) -> list[NotebookNode]:
    """Return the slides of a part of a cell of Markdown."""
    if section in LAST:
        return []
    if objectives := OBJECTIVES.search(part):
        return [_slide("## Objectives\n\n" + plain(objectives[1], values), "slide")]
    if exercise := re.match(r"`{3,}\{exercise-start\} (.+)\n", part):
        task = plain(part[exercise.end() :].split("```{exercise-end}")[0], values)
        return [_slide(f"### Exercise: {exercise[1]}\n\n{task}")]
    if section == "Exercises":
        return [_slide("## Exercises", "slide")] if level else []
    if section == "Quiz":
        return [_slide("## Quiz", "slide"), *_quiz(part, values)] if level else []
    if section == "Summary":
        return (
            [_slide("## Summary\n\n" + plain(text, values), "slide")] if level else []
        )
    asked = re.search(r"(?ms)^\*\*Predict:\*\*.+?(?=\n\n|\Z)", text)
    first = ""
    if level:
        # Tables, lists and boxes are for the page.
        paragraphs = re.split(r"\n\n+", text.strip())
        said = (part for part in paragraphs if OF_PROSE.match(part))
        first = plain(next(said, ""), values)
    question = plain(asked[0], values) if asked else ""
    if level:
        kind = "slide" if level == "##" else "subslide"
        said = "\n\n".join(dict.fromkeys(filter(None, [first, question])))
        return [_slide(f"{level} {heading}\n\n{said}", kind)]
    return [_slide(f"### {heading}\n\n{question}")] if question else []


# --- all decks -------------------------------------------------------------------


def executed(name: str, site: Path) -> NotebookNode | None:
    """Return the notebook as it is stored with its outputs, or as the build ran it."""
    path, cache = ROOT / f"{name}.ipynb", site.parent / ".jupyter_cache"
    if not path.exists():
        return None
    notebook = nbformat.read(path, as_version=4)
    if not any(cell.get("outputs") for cell in notebook.cells):
        try:
            _, notebook = get_cache(cache).merge_match_into_notebook(notebook)
        except KeyError:  # it has not run
            return None
    glued = site.parent / f"jupyter_execute/{name}.glue.json"
    if glued.exists():
        notebook.metadata["glued"] = json.loads(glued.read_text(encoding="utf-8"))
    return notebook


def write_slides(site: Path, names: list[str]) -> list[Path]:
    """Write the slides of these pages; return their paths."""
    exporter = SlidesExporter(
        template_name="course_slides", extra_template_basedirs=[str(TEMPLATES)]
    )
    exporter.exclude_anchor_links = True
    written = []
    for name in names:
        notebook = executed(name, site)
        if notebook is None:
            continue
        path = site / f"slides/{deck_name(name)}.html"
        path.parent.mkdir(exist_ok=True)
        body, _ = exporter.from_notebook_node(slides(notebook, name, site))
        path.write_text(body, encoding="utf-8")
        written.append(path)
    return written


def deck_name(name: str) -> str:
    """Return the name of a page's deck."""
    return name.removeprefix("notebooks/").replace("/", "_")


class Decks(Directive):
    """Links to all decks."""

    def run(self) -> list[nodes.Node]:
        """Return a list of links."""
        env = self.state.document.settings.env
        env.note_dependency(str(ROOT / "_toc.yml"))
        items = nodes.bullet_list()
        up = "../" * env.docname.count("/")
        for name in notebooks():
            title = html.escape(read_page(name).title)
            link = f'<a href="{up}slides/{deck_name(name)}.html">{title}</a>'
            # Outside of what Sphinx knows: the test of links looks after them.
            paragraph = nodes.paragraph("", "", nodes.raw("", link, format="html"))
            items += nodes.list_item("", paragraph)
        return [items]


def make_slides(app: Sphinx, exception: Exception | None) -> None:
    """Write the slides once the site is built."""
    if not exception and app.builder.format == "html":
        names = sorted(n for n in app.env.found_docs if n.startswith("notebooks/"))
        write_slides(Path(app.outdir), names)


def setup(app: Sphinx) -> dict:
    """Register with Sphinx; early, so that whoever tidies the site sees the slides."""
    app.add_directive("decks", Decks)
    app.connect("build-finished", make_slides, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    for deck in write_slides(Path(sys.argv[1]), notebooks()):
        print(deck)
