"""Directives that plan a course by the minutes that its pages state.

``{route}`` is a plan for a class: its lines name sections and exercises, and their
minutes are read from the notebooks, so that a plan that no longer fits fails the
build::

    :::{route} A morning
    :minutes: 90
    :pace: 1.5
    - 5: Welcome.
    - notebooks/01_introduction: reading; ex-intro-pair
    - notebooks/02_tools: Model selection
    :::

``reading`` is all of a page but its exercises, ``all`` the page whole. Whoever teaches
aloud is slower than a reader: ``pace`` says how much.

``{page-minutes}`` is a table of all pages with their minutes. ``{run-times}`` is one of
what each notebook takes to run, as ``make times`` measured it.
"""

import csv
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import nbformat
import yaml
from docutils import nodes
from docutils.parsers.rst import Directive, directives
from docutils.statemachine import StringList
from mdit_py_plugins.anchors.index import slugify
from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
WORDS_A_MINUTE = 200
MINUTES_A_FIGURE = 0.5
TIME = re.compile(r"\*\*Time:\*\*\s+(\d+)\s+minutes,\s+of\s+which\s+(\d+)")
EXERCISE = re.compile(
    r"\{exercise-start\} (?P<title>.+)\n:label: (?P<label>\S+)\n.*\n"
    r"\*(?P<minutes>\d+) minutes(?P<level>[^.*]*)"
)
RUN_TIMES = ROOT / "book/run_times/notebooks.csv"
# A route fills its time, and does not run over it.
FILLED = 0.85


@dataclass(frozen=True)
class Exercise:
    """What an exercise says of itself."""

    title: str
    minutes: int
    level: str


@dataclass(frozen=True)
class Page:
    """The minutes of a page: of its sections, by their title, and of its exercises."""

    title: str
    minutes: int
    reading: int
    sections: dict[str, float]
    exercises: dict[str, Exercise]


def notebooks(root: Path = ROOT) -> list[str]:
    """Return the names of the book's notebooks, in their order."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    return re.findall(r"'file': '(notebooks/[^']+)'", str(toc))


def count_words(markdown: str) -> int:
    """Return the words a reader reads: no fences, options and link targets."""
    text = re.sub(r"(?m)^(`{3,}|:{3,}).*$|^:[a-z-]+:.*$", "", markdown)
    text = re.sub(r"\{[a-z:]+\}`([^`<]*?)\s*(<[^`]*>)?`|\]\([^)]*\)", r"\1 ", text)
    return len(re.findall(r"\w[\w'’.,-]*", text))


def _weigh(notebook: nbformat.NotebookNode) -> dict[str, float]:
    """Return how long each section takes; a section has its subsections in it."""
    weights = {"": 0.0}
    open_sections = [""]
    for cell in notebook.cells:
        shown = cell.metadata.get("mystnb", {}).get("figure")
        if cell.cell_type == "code":
            if shown and "solution" not in cell.metadata.get("tags", []):
                caption = count_words(shown["caption"]) / WORDS_A_MINUTE
                for section in open_sections:
                    weights[section] += MINUTES_A_FIGURE + caption
            continue
        for part in re.split(r"(?m)^(?=#{2,3} )", cell.source):
            if heading := re.match(r"(#{2,3}) (.+)", part):
                keep = 1 if heading[1] == "##" else 2
                open_sections = [*open_sections[:keep], heading[2].strip()]
                weights.setdefault(open_sections[-1], 0.0)
            for section in open_sections:
                weights[section] += count_words(part) / WORDS_A_MINUTE
    return weights


@cache
def read_page(name: str, root: Path = ROOT) -> Page:
    """Read what a notebook says of its minutes.

    Raises
    ------
    ValueError
        If there is no such notebook, or it does not state its minutes.
    """
    path = root / f"{name}.ipynb"
    if not path.exists():
        raise ValueError(f"There is no page {name!r}.")
    notebook = nbformat.read(path, as_version=4)
    prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    text = "\n\n".join(prose)
    stated = TIME.search(text)
    if not stated:
        raise ValueError(
            f"{name} does not state '**Time:** 50 minutes, of which 26 for the"
            " exercises'."
        )
    total, exercises = int(stated[1]), int(stated[2])
    weights = _weigh(notebook)
    # The exercises have minutes of their own; what is left is for reading.
    scale = (total - exercises) / (weights.pop("") - weights.pop("Exercises", 0.0))
    return Page(
        title=re.search(r"(?m)^# (.+)$", text)[1],
        minutes=total,
        reading=total - exercises,
        sections={section: weight * scale for section, weight in weights.items()},
        exercises={
            found["label"]: Exercise(
                found["title"], int(found["minutes"]), found["level"].strip(" ·")
            )
            for found in EXERCISE.finditer(text)
        },
    )


def plan_row(line: str, pace: float = 1.0, root: Path = ROOT) -> tuple[float, str]:
    """Return the minutes of one line of a route, and what to do, as MyST.

    Raises
    ------
    ValueError
        If the line names a page, a section or an exercise that is not there.
    """
    found = re.fullmatch(r"- ([\w/]+): (.+)", line)
    if not found:
        raise ValueError(f"{line!r} is no line of a route ('- page: section').")
    name, what = found[1], found[2]
    if name.isdigit():
        return float(name), what
    page = read_page(name, root)
    link = f"../{name}.ipynb"
    minutes, read, solve = 0.0, [], []
    for item in what.split("; "):
        if item in ("all", "reading"):
            minutes += page.reading * pace
            if item == "all":
                solve += page.exercises
        elif item in page.sections:
            minutes += page.sections[item] * pace
            read.append(f"[{item}]({link}#{slugify(item)})")
        elif item in page.exercises:
            solve.append(item)
        else:
            raise ValueError(f"{name} has no section or exercise {item!r}.")
    minutes += sum(page.exercises[label].minutes for label in solve)
    done = f"**[{page.title.split(':')[0]}]({link})**"
    if read:
        done += ": " + ", ".join(read)
    if solve:
        named = (
            f"[{page.exercises[x].title}]({link}#exercises)"
            f" ({page.exercises[x].minutes} min)"
            for x in solve
        )
        done += ". Exercises: " + ", ".join(named)
    return minutes, done + "."


def plan(
    lines: list[str], minutes: int, pace: float = 1.0, root: Path = ROOT
) -> list[tuple[int, str]]:
    """Return the rows of a route: whole minutes, and what to do.

    Raises
    ------
    ValueError
        If a line names what is not there, or the route does not fit its time.
    """
    rows = []
    for line in re.sub(r"\n  +", " ", "\n".join(lines)).splitlines():
        if line.strip():
            took, what = plan_row(line.strip(), pace, root)
            rows.append((max(1, round(took)), what))
    total = sum(took for took, _ in rows)
    if not FILLED * minutes <= total <= minutes:
        raise ValueError(f"The route takes {total} minutes; it has {minutes}.")
    return rows


def clock(minutes: int) -> str:
    """Return a time since the start, as 1:05."""
    return f"{minutes // 60}:{minutes % 60:02}"


class Route(Directive):
    """A plan for a class, with the minutes of its parts."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec = {
        "minutes": directives.positive_int,
        "pace": lambda text: float(text),
    }

    def run(self) -> list[nodes.Node]:
        """Return the plan as a table."""
        note_notebooks(self)
        pace = self.options.get("pace", 1.0)
        try:
            rows = plan(list(self.content), self.options["minutes"], pace)
        except ValueError as error:
            raise self.error(f"{self.arguments[0]}: {error}") from error
        total = sum(took for took, _ in rows)
        title = f"{self.arguments[0]}: {total} of {self.options['minutes']} minutes."
        table, at = [["From", "Minutes", "What"]], 0
        for took, what in rows:
            table.append([clock(at), str(took), what])
            at += took
        table.append([clock(at), "", "The end."])
        return list_table(self, title, "10 10 80", table)


class PageMinutes(Directive):
    """All pages with their minutes, as they state them."""

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        note_notebooks(self)
        table = [["Page", "Reading", "Exercises", "In all"]]
        for name in notebooks():
            try:
                page = read_page(name)
            except ValueError as error:
                raise self.error(str(error)) from error
            table.append(
                [
                    f"[{page.title.split(':')[0]}](../{name}.ipynb)",
                    str(page.reading),
                    str(page.minutes - page.reading),
                    str(page.minutes),
                ]
            )
        total = sum(read_page(name).minutes for name in notebooks())
        title = f"Minutes of each page; all together {total / 60:.0f} hours."
        return list_table(self, title, "55 15 15 15", table)


class RunTimes(Directive):
    """Processor time and memory of each notebook, as measured."""

    def run(self) -> list[nodes.Node]:
        """Return the table, in the order of the book."""
        note_notebooks(self)
        self.state.document.settings.env.note_dependency(str(RUN_TIMES))
        with RUN_TIMES.open(encoding="utf-8") as file:
            rows = {row["page"]: row for row in csv.DictReader(file)}
        table = [["Notebook", "Processor (s)", "Peak memory (GiB)"]]
        for name in (name for name in notebooks() if name in rows):
            title = read_page(name).title.split(":")[0]
            taken = [rows[name]["processor seconds"], rows[name]["peak GiB"]]
            table.append([f"[{title}](../{name}.ipynb)", *taken])
        seconds = sum(int(row["processor seconds"]) for row in rows.values())
        title = f"What each notebook takes; all together {seconds / 60:.0f} minutes."
        return list_table(self, title, "60 20 20", table)


def note_notebooks(directive: Directive) -> None:
    """Build the page again when a notebook or the table of contents changes."""
    env = directive.state.document.settings.env
    env.note_dependency(str(ROOT / "_toc.yml"))
    for name in notebooks():
        env.note_dependency(str(ROOT / f"{name}.ipynb"))


def list_table(
    directive: Directive, title: str, widths: str, rows: list[list[str]]
) -> list[nodes.Node]:
    """Return a table of MyST texts; the first row is its header."""
    lines = [f":::{{list-table}} {title}", ":header-rows: 1", f":widths: {widths}", ""]
    for row in rows:
        lines += [f"{'* -' if n == 0 else '  -'} {text}" for n, text in enumerate(row)]
    box = nodes.container(classes=["planned"])
    text = StringList([*lines, ":::"], source=directive.state.document.current_source)
    directive.state.nested_parse(text, 0, box)
    return [box]


def setup(app: Sphinx) -> dict:
    """Register the directives; called by Sphinx."""
    app.add_directive("route", Route)
    app.add_directive("page-minutes", PageMinutes)
    app.add_directive("run-times", RunTimes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
