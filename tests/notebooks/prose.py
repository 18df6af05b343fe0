"""What the prose of a page must not have: typed results, terms without their link."""

import functools
import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
GLOSSARY = ROOT / "book/glossary.md"


@functools.cache
def _cells(path: Path) -> list[tuple[str, str, list[str]]]:
    """Return kind, source and tags of the cells of a notebook."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [
        (c["cell_type"], "".join(c["source"]), c["metadata"].get("tags", []))
        for c in cells
    ]


def text_of(path: Path) -> str:
    """Return the Markdown of a page, be it a notebook or a file."""
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    return "\n\n".join(text for kind, text, _ in _cells(path) if kind == "markdown")


def code_of(path: Path) -> str:
    """Return the code that a page shows: that of a notebook, or of its fences."""
    if path.suffix == ".md":
        return "\n".join(re.findall(r"(?ms)^```\w*\n(.*?)^```", text_of(path)))
    return "\n".join(
        text
        for kind, text, tags in _cells(path)
        if kind == "code" and "remove-cell" not in tags
    )


def _blank(pattern: str, text: str, flags: int = 0) -> str:
    """Put as many spaces in the place of each match, so that offsets stay."""
    return re.sub(
        pattern, lambda found: re.sub(r"[^\n]", " ", found[0]), text, flags=flags
    )


# Directives whose body is no prose; that of the others is.
DATA = r"\{(code|math|glue|route|ledger|page-|csv-|bibliography|tableofcontents)"


def _without_code(text: str) -> str:
    """Blank blocks of code and the marks of directives; their bodies are prose."""
    kept, fences = [], []  # of the open fences: their marks, and whether code
    for line in text.split("\n"):
        found = re.match(r"\s*(`{3,}|:{3,})(.*)", line)
        if found:
            mark, info = found.groups()
            if fences and not info.strip() and mark == fences[-1][0]:
                fences.pop()
            elif not (fences and fences[-1][1]):
                code = not info.startswith("{") or re.match(DATA, info)
                fences.append((mark, bool(code)))
                if info.startswith("{quiz}"):  # its question stands beside it
                    kept.append(" " * len(mark + "{quiz}") + info[len("{quiz}") :])
                    continue
        blank = found or (fences and fences[-1][1])
        kept.append(" " * len(line) if blank else line)
    return _blank(r"(?<=\n\n)(?: {4}.*(?:\n|$)|\n)+", "\n".join(kept))


def _without_ticks(text: str) -> str:
    """Blank code in a line, and all roles but `term`."""
    ticks = r"(\{[\w:-]+\})?(`+)(?!`)((?:(?!\n\n).)+?)(?<!`)\2(?!`)"

    def blank(found: re.Match) -> str:
        kept = found[1] == "{term}"
        return found[0] if kept else re.sub(r"[^\n]", " ", found[0])

    return re.sub(ticks, blank, text, flags=re.S)


def prose(text: str, quiz: bool = True) -> str:
    """Blank whatever is no prose: code, formulas, roles, headings, options, links.

    The role `term` stays; a quiz goes, question and answers, with ``quiz=False``.
    """
    if not quiz:
        text = _blank(r"^:::\{quiz\}.*?^:::$", text, re.M | re.S)
    text = _blank(r"<!--.*?-->", _without_code(text), re.S)
    text = _without_ticks(text)
    text = _blank(r"\$\$.*?\$\$|\$[^$\n]+\$", text, re.S)
    text = _blank(r"\[[^\]]*\]\([^)]*\)|https?://\S+", text)
    text = _blank(r"^\d+\. ", text, re.M)
    return _blank(r"^(#+ .*|:\w[\w-]*:.*|\(\w[\w-]*\)=)$", text, re.M)


# --- numbers ---------------------------------------------------------------------

NUMBER = re.compile(
    r"(?<![\w./,])[−-]?(\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)( ?%)?(?![\w.,/-]*\w)"
)
CUSTOM = {0.05, 0.01, 0.001, 0.95}  # levels of significance and of confidence
NAMED = re.compile(  # before a number that names something
    r"(section|chapter|since|version|scikit-learn|Python|BY|BY-SA)"
    r" (\d+\.\d+, )*(\d+\.\d+ or )?$",
    re.IGNORECASE,
)
TIME = re.compile(r" (minutes|seconds|MB|for the exercises)\b")  # what things take


def _value(number: re.Match) -> float:
    """Return what a number says; 5 % is 0.05."""
    value = float(number[1].replace(",", ""))
    return value / 100 if number[2] else value


def _set_in(code: str) -> set[float]:
    """Return the numbers that code sets."""
    return {float(n) for n in re.findall(r"(?<![\w.])\d+\.?\d*(?!\w)", code)}


def _worked(before: str, shown: str) -> bool:
    """Return whether a number is a fraction worked out, 3/8 = 0.375, and right."""
    fraction = re.search(r"(\d+\.?\d*)/(\d+) ?[=≈] $", before)
    decimals = len(shown.partition(".")[2])
    return bool(fraction) and (
        f"{float(fraction[1]) / float(fraction[2]):.{decimals}f}" == shown
    )


def typed_numbers(text: str, code: str = "", allowed: tuple[str, ...] = ()) -> list:
    """Return the numbers that look like results typed by hand, with their context.

    Numbers of one digit, years and what a quiz makes up are no results. Nor is what
    the shown code sets; a customary level; the chance of one in n, where the sentence
    speaks of chance; a fraction worked out in the line, if it is right; minutes,
    seconds and megabytes; a version or a section. `allowed` has others, in context.
    """
    inputs = _set_in(code) | CUSTOM
    bare = re.sub(r"\s", " ", prose(text, quiz=False))
    found = []
    for number in NUMBER.finditer(bare):
        value = _value(number)
        before, after = bare[: number.start()], bare[number.end() :]
        around = " ".join(f"{before[-50:]}{number[0]}{after[:30]}".split())
        sentence = re.split(r"[.?!] ", before)[-1] + re.split(r"[.?!] ", after)[0]
        innocent = (
            number[0].isdecimal() and (value < 10 or 1900 < value < 2100),
            value in inputs,
            "chance" in sentence.lower() and value and (1 / value).is_integer(),
            NAMED.search(before[-40:]) or TIME.match(after[:20]),
            _worked(before[-20:], number[0]),
            any(words in around for words in allowed),
        )
        if not any(innocent):
            found.append(around)
    return found


# --- terms -----------------------------------------------------------------------

# Names of the glossary that are everyday words, too, or letters: no reader stumbles
# over "run the cell", and no matcher can tell it from a run of the scanner.
EVERYDAY = ("C", "X", "y", "alpha", "baseline", "contrast", "feature", "fold", "margin")
EVERYDAY += ("power", "run", "sample", "volume")
ELSEWHERE = r"double precision|\*precision\* matrix"  # other things of the same name
OVERVIEW = r"^```\{admonition\} (?:Objectives|Before you start)\n.*?^```$"


def glossary_terms() -> list[str]:
    """Return the terms that the glossary explains."""
    body = GLOSSARY.read_text(encoding="utf-8").split(":::{glossary}")[1]
    return re.findall(r"(?m)^(?! |:::)(\S.*)$", body)


def _forms(term: str) -> str:
    """Return a pattern of a term, its plural, and either case of its first letter."""
    words = [re.escape(word) for word in term.split()]
    last = term[-1]
    if last == "y":
        words[-1] = words[-1][:-1] + "(?:y|ies)"
    elif last not in "sg":
        words[-1] += "(?:e?s)?"
    first = term[0]
    words[0] = f"[{first.upper()}{first.lower()}]{words[0].removeprefix(first)}"
    return r"(?<![\w-])" + r"\s+".join(words) + r"(?![\w-])"


def unlinked_terms(text: str, terms: list[str]) -> dict[str, int]:
    """Return each term that stands unlinked before its link, and where (offset).

    The boxes before a page's first sentence name what is to come; they may link.
    """
    bare = _blank(ELSEWHERE, prose(text))
    boxes = [m.span() for m in re.finditer(OVERVIEW, text, re.M | re.S)]

    def boxed(at: int) -> bool:
        return any(start <= at < end for start, end in boxes)

    linked = {}
    for link in re.finditer(r"\{term\}`([^`<]*?)(?:\s*<([^>]+)>)?`", bare):
        target = " ".join((link[2] or link[1]).split()).lower()
        linked.setdefault(target, link.start())
    bare = _blank(r"\{term\}`[^`]*`", bare)
    unlinked = {}
    for term in sorted(terms, key=len, reverse=True):
        found = re.finditer(_forms(term), bare)
        uses = [use.start() for use in found if not boxed(use.start())]
        bare = _blank(_forms(term), bare)  # "accuracy" is not in "balanced accuracy"
        first_link = linked.get(term.lower(), len(text))
        if term not in EVERYDAY and uses and uses[0] < first_link:
            unlinked[term] = uses[0]
    return unlinked
