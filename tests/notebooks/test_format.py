"""How the notebooks are stored, and that each page has what CONTRIBUTING asks for."""

import re
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
REAL = sorted((ROOT / "notebooks/real").glob("*.ipynb"))
ALL = CHAPTERS + REAL


def name(path: Path) -> str:
    """Return the notebook's name for the test's id."""
    return path.stem


def cells(path: Path, kind: str) -> list:
    """Return the code or the markdown cells of a notebook."""
    notebook = nbformat.read(path, as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == kind]


def tags(cell) -> list[str]:
    """Return a cell's tags."""
    return cell.metadata.get("tags", [])


@pytest.mark.parametrize("path", CHAPTERS, ids=name)
def test_stored_without_outputs(path):
    for cell in cells(path, "code"):
        assert not cell.outputs, f"cell {cell.id} has outputs: run nbstripout --keep-id"
        assert cell.execution_count is None, f"cell {cell.id} has an execution count"


@pytest.mark.parametrize("path", REAL, ids=name)
def test_real_stored_with_outputs(path):
    """Readers without the recordings must see the results: `make real` stores them."""
    ran = [cell for cell in cells(path, "code") if cell.source.strip()]
    assert all(cell.execution_count for cell in ran)
    assert any(cell.outputs for cell in ran)
    stored = str([cell.outputs for cell in ran])
    assert not re.search(r"/(home|root|work|tmp|Users)/", stored), "a path is stored"
    assert "Warning" not in stored


@pytest.mark.parametrize("path", ALL, ids=name)
def test_cell_ids_are_unique(path):
    notebook = nbformat.read(path, as_version=4)
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("path", ALL, ids=name)
def test_page_has_its_parts(path):
    text = "\n\n".join(cell.source for cell in cells(path, "markdown"))
    assert text.startswith("# ")
    for part in ("Objectives", "**Prerequisites:**", "**Time:**"):
        assert part in text, f"{part} is missing"
    headings = re.findall(r"(?m)^## (.+)$", text)
    wanted = ["Exercises", "Quiz", "Summary", "Then → now", "Further reading"]
    assert [h for h in headings if h in wanted] == wanted
    assert 3 <= text.count(":::{quiz}") <= 5
    assert text.count("exercise-start") >= 3
    assert text.count("exercise-start") == text.count("solution-start")
    assert "· open" in text, "no exercise is open"


@pytest.mark.parametrize("path", ALL, ids=name)
def test_every_exercise_tells_its_minutes(path):
    for cell in cells(path, "markdown"):
        if "exercise-start" in cell.source:
            assert re.search(r"(?m)^\*\d+ minutes", cell.source), cell.id


@pytest.mark.parametrize("path", ALL, ids=name)
def test_claims_are_asserted_and_hidden(path):
    claims = [cell for cell in cells(path, "code") if "claim" in tags(cell)]
    assert claims, "no cell is tagged claim"
    never_run = {"skip-execution", "nbval-skip", "raises-exception"}
    for cell in claims:
        assert "remove-cell" in tags(cell), cell.id
        assert "assert " in cell.source, cell.id
        assert not never_run.intersection(tags(cell)), f"{cell.id} is not executed"
    for cell in cells(path, "code"):
        if "glue(" in cell.source or re.search(r"(?m)^\s*assert ", cell.source):
            assert "remove-cell" in tags(cell), f"{cell.id} shows what is the page's"


@pytest.mark.parametrize("path", ALL, ids=name)
def test_each_solution_is_checked(path):
    """The claim after each solution asserts that its checker passes."""
    solutions = [c for c in cells(path, "code") if "solution" in tags(c)]
    stubs = [c for c in cells(path, "code") if "stub" in tags(c)]
    assert len(stubs) >= 3
    passed = "\n".join(c.source for c in cells(path, "code") if "claim" in tags(c))
    for stub in stubs:
        for checker in re.findall(r"(?m)^(check_\w+)\(", stub.source):
            assert any(checker in s.source for s in solutions), checker
            assert re.search(rf"assert {checker}\([^#]*\.passed", passed), checker


@pytest.mark.parametrize("path", ALL, ids=name)
def test_every_number_glued_is_used_and_plain(path):
    code = "\n".join(cell.source for cell in cells(path, "code"))
    text = "\n".join(cell.source for cell in cells(path, "markdown"))
    glued = re.findall(r"glue\(\s*f?\"(\w+)\"", code)
    assert len(set(glued)) == len(glued), "a key is glued twice"
    used = set(re.findall(r"\{glue:\w*\}`(\w+)", text))
    assert set(glued) == used


@pytest.mark.parametrize("path", ALL, ids=name)
def test_every_figure_has_alt_text_and_caption(path):
    for cell in cells(path, "code"):
        if "plt.show()" in cell.source and "remove-cell" not in tags(cell):
            shown = cell.metadata.get("mystnb", {})
            alt = shown.get("image", {}).get("alt", "")
            caption = shown.get("figure", {}).get("caption", "")
            assert len(alt) > 40, f"{cell.id}: alt text must say what the figure shows"
            assert len(caption) > 20, f"{cell.id} has no caption"


@pytest.mark.parametrize("path", ALL, ids=name)
def test_code_fits_the_page(path):
    for cell in cells(path, "code"):
        if "remove-cell" not in tags(cell):
            longest = max(cell.source.split("\n"), key=len)
            assert len(longest) <= 76, f"{cell.id}: {longest}"


def test_every_notebook_is_in_the_book():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    listed = set(re.findall(r"'file': '([^']+)'", str(toc)))
    for path in ALL:
        assert str(path.relative_to(ROOT).with_suffix("")) in listed
