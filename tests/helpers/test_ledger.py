"""The ledger: conditions, stale rows, the report on full data, and the file itself."""

import ast
import re
from pathlib import Path

import nbformat
import pytest

from helpers import ledger

ROOT = Path(__file__).parents[2]

# What the paper shows and states, read off it anew: each cell of its table (a mean and
# its standard deviation), each panel of its figures, each number of its text.
CELLS = {
    f"table1-{penalty}-{model}-{C}{part}"
    for penalty in ("l1", "l2")
    for model in ("logistic", "svm")
    for C in ("0.0005", "0.001", "0.005", "0.01", "0.05", "0.1")
    for part in ("", "-sd")
}
PANELS = {
    "fig1": [""],
    "fig2": ["-f", "-svc", "-searchlight"],
    "fig3": [f"-{letter}" for letter in "abcdef"],
    "fig4": ["-concat", "-canica", "-melodic"],
    "fig5": [f"-{how}-{n}" for how in ("ward", "k-means") for n in (100, 1000)],
}
PANELS = {figure + panel for figure, panels in PANELS.items() for panel in panels}
TEXT = {
    "2.3": "matrix folds",
    "3.1": "resolution",
    "3.2": "variance",
    "3.3": "dimensions",
    "3.4": "threshold slice",
    "4": "categories six-subjects runs subjects classes",
    "4.1": "volumes voxels k",
    "4.3": "lines one-line",
    "5": "pixels binary balanced two-subjects",
    "5.1": "decoding-folds pixel-k pixel-c",
    "5.2": "encoding-folds alpha fields max-iter",
    "figure 3": "four-voxels",
    "6.1": "components",
    "figure 4": "unit-variance",
    "6.2": "two-ways clusters",
}
TEXT = {
    f"text-{name}": place for place, names in TEXT.items() for name in names.split()
}

ROW = dict.fromkeys(ledger.COLUMNS, "") | {
    "id": "table-1-a",
    "where": "Table 1",
    "agrees_if": "0.70 ± 0.05",
    "ours": "0.68",
    "data": "simulated",
}


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Return a ledger of two rows, and put it in place of the course's."""
    path = tmp_path / "ledger.csv"
    ledger.write([ROW, ROW | {"id": "table-1-b", "ours": ""}], path)
    monkeypatch.setattr(ledger, "LEDGER", path)
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("COURSE_LEDGER", raising=False)
    return path


@pytest.mark.parametrize(
    ("value", "condition", "fulfilled"),
    [
        (0.65, "0.70 ± 0.05", True),
        (0.75, "0.70 ± 0.05", True),
        (0.64, "0.70 ± 0.05", False),
        (0.5, "≥ 0.5", True),
        (0.49, "≥ 0.5", False),
        (0.5, "≤ 0.5", True),
        (0.51, "≤ 0.5", False),
        (-1.0, "-1 ± 0", True),
    ],
)
def test_conditions(value, condition, fulfilled):
    assert ledger.agrees(value, condition) is fulfilled


@pytest.mark.parametrize("condition", ["0.70", "about 0.7", "> 0.5", ""])
def test_unknown_condition_is_named(condition):
    with pytest.raises(ValueError, match="no known form"):
        ledger.agrees(0.7, condition)


def test_verdicts():
    assert ledger.verdict(ROW) == "agrees"
    assert ledger.verdict(ROW | {"ours": "0.6"}) == "differs"
    assert ledger.verdict(ROW | {"ours": ""}) == "open"


def test_same_value_passes_and_writes_nothing(small):
    before = small.read_bytes()
    ledger.record("table-1-a", 0.69, "simulated after someone")
    assert small.read_bytes() == before


@pytest.mark.parametrize(("row", "value"), [("table-1-a", 0.75), ("table-1-b", 0.7)])
def test_stale_value_fails_and_says_how_to_renew(small, row, value):
    with pytest.raises(AssertionError, match="COURSE_LEDGER=write"):
        ledger.record(row, value, "simulated after someone")


def test_renewing_keeps_the_other_rows(small, monkeypatch):
    monkeypatch.setenv("COURSE_LEDGER", "write")
    ledger.record("table-1-b", 0.123456, "simulated after someone")
    rows = {row["id"]: row for row in ledger.read(small)}
    assert rows["table-1-b"]["ours"] == "0.1235"
    assert rows["table-1-a"] == ROW


def test_full_data_goes_to_a_report_of_its_own(small, tmp_path, capsys):
    before = small.read_bytes()
    ledger.record("table-1-b", 0.8, "full: someone")
    assert small.read_bytes() == before
    report = ledger.read(tmp_path / "data/ledger-full.csv")
    assert [row["ours"] for row in report] == ["", "0.8"]
    assert [row["data"] for row in report] == ["", "full"]
    assert ledger.main() == 1  # 0.8 differs, and nobody says why
    assert "differs" in capsys.readouterr().out


def test_unknown_row_is_named(small):
    with pytest.raises(KeyError, match="table-9"):
        ledger.record("table-9", 0.5, "simulated")


def test_without_the_book_nothing_happens(small):
    small.unlink()
    ledger.record("table-9", 0.5, "simulated")
    assert not small.exists()


def spelled(node: ast.expr, assigned: dict[str, ast.expr]) -> str:
    """Return a pattern for the strings that an expression can be."""
    if isinstance(node, ast.Constant):
        return re.escape(str(node.value))
    if isinstance(node, ast.JoinedStr):
        return "".join(spelled(part, assigned) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return spelled(node.value, assigned)
    if isinstance(node, ast.Name) and node.id in assigned:
        return spelled(assigned[node.id], {})
    return "[a-z0-9.-]+"


def recorded(code: str) -> list[str]:
    """Return patterns of the rows that a cell records."""
    tree = ast.parse(code)
    assigned = {
        node.targets[0].id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    return [
        spelled(node.args[0], assigned)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and node.args
        and ast.unparse(node.func) in ("record", "ledger.record")
    ]


def pages() -> dict[str, list[str]]:
    """Return what each chapter records, by its page."""
    found = {}
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        found[f"notebooks/{path.stem}"] = [
            pattern
            for cell in cells
            if cell.cell_type == "code" and "record(" in cell.source
            for pattern in recorded(cell.source)
        ]
    return found


def faults(rows: list[dict[str, str]], chapters: dict[str, list[str]]) -> list[str]:
    """Return what is wrong with a ledger: rows missing, twice, stale, not explained."""
    ids = [row["id"] for row in rows]
    wanted = CELLS | PANELS | set(TEXT)
    found = [f"{row} is missing" for row in sorted(wanted.difference(ids))]
    found += [
        f"{row} is there twice" for row in sorted({i for i in ids if ids.count(i) > 1})
    ]
    for row in rows:
        said = ledger.verdict(row)  # fails on a condition of no known form
        if said != "agrees" and not row["why"]:
            found.append(f"{row['id']} {said}, and nobody says why")
        if row["ours"] and not (row["page"] and row["data"]):
            found.append(f"{row['id']} has a number from no page or no data")
        patterns = chapters.get(row["page"], [])
        is_recorded = any(re.fullmatch(pattern, row["id"]) for pattern in patterns)
        if row["ours"] and not is_recorded:
            found.append(f"{row['id']} is stale: its page does not record it")
        if row["page"] and row["page"] not in chapters:
            found.append(f"{row['id']} names a page that is not there")
        if row["where"] != f"Text, {section(row['id'])}" and row["id"] in TEXT:
            found.append(f"{row['id']} is not of {row['where']}")
    return found


def section(row: str) -> str:
    """Return where in the text a number stands."""
    place = TEXT.get(row, "")
    return place if place.startswith("figure") else f"section {place}"


def test_ledger_is_whole_and_each_difference_is_explained():
    assert not faults(ledger.read(), pages())


def test_what_chapters_record_is_read_off_their_code():
    code = """
row = f"fig5-{name.lower()}-{n}"
record(row, 1, source)
ledger.record(f"{row}-pieces", 2, source)
record("text-k", 3, source)
other("text-voxels")
"""
    patterns = recorded(code)
    assert len(patterns) == 3
    for row in ("fig5-k-means-100", "fig5-ward-1000-pieces", "text-k"):
        assert any(re.fullmatch(pattern, row) for pattern in patterns)
    assert not any(re.fullmatch(pattern, "text-voxels") for pattern in patterns)


def test_every_record_has_a_row():
    ids = [row["id"] for row in ledger.read()]
    for page, patterns in pages().items():
        for pattern in patterns:
            assert any(re.fullmatch(pattern, row) for row in ids), (page, pattern)


def spoil(rows: list[dict[str, str]], chapters: dict, how: str) -> None:
    """Do one thing to a ledger that must not pass."""
    row = next(row for row in rows if row["id"] == "text-volumes")
    if how == "missing":
        rows.remove(row)
    elif how == "twice":
        rows.append(row)
    elif how == "differs":
        row.update(ours="9", why="")
    elif how == "open":
        row.update(ours="", why="")
    elif how == "no page":
        row["page"] = ""
    elif how == "not there":
        row["page"] = "notebooks/09_x"
    elif how == "stale":
        chapters[row["page"]].remove("text\\-volumes")
    elif how == "is not of":
        row["where"] = "Text, section 5"


@pytest.mark.parametrize(
    "how",
    [
        "missing",
        "twice",
        "differs",
        "open",
        "no page",
        "not there",
        "stale",
        "is not of",
    ],
)
def test_a_spoiled_ledger_is_noticed(how):
    rows, chapters = ledger.read(), pages()
    spoil(rows, chapters, how)
    assert any(how in fault for fault in faults(rows, chapters))


def test_full_measurements_are_held_to_the_same_conditions(
    tmp_path, monkeypatch, capsys
):
    """Made-up values of the paper's own data, in the course's own ledger."""
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path))
    before = ledger.LEDGER.read_bytes()
    own = {row["id"]: row for row in ledger.read()}
    assert ledger.verdict(own["text-voxels"]) == "differs"  # the simulation's do
    ledger.record("table1-l1-svm-0.01", 0.706, "full: Miyawaki et al. (2008)")
    ledger.record("table1-l1-svm-0.01-sd", 0.12, "full: Miyawaki et al. (2008)")
    ledger.record("text-voxels", 39912, "full: Haxby et al. (2001), subject 2")
    ledger.record("fig3-b", 0.41, "full: Miyawaki et al. (2008)")
    report = {row["id"]: row for row in ledger.read(tmp_path / "ledger-full.csv")}
    assert set(report) == set(own)
    verdicts = {row: ledger.verdict(report[row]) for row in report}
    assert verdicts.pop("table1-l1-svm-0.01") == "agrees"
    assert verdicts.pop("table1-l1-svm-0.01-sd") == "agrees"
    assert verdicts.pop("text-voxels") == "agrees"
    assert verdicts.pop("fig3-b") == "differs"
    assert set(verdicts.values()) == {"open"}  # nothing of the simulation is left
    assert report["fig4-melodic"]["why"]  # holds for all data
    assert report["text-voxels"]["why"] == ""  # holds for the simulation only
    assert ledger.main() == 1  # nobody says why figure 3 b differs
    printed = capsys.readouterr().out
    assert f"ledger-full.csv: 3 agrees, 1 differs, {len(own) - 4} open" in printed
    assert ledger.LEDGER.read_bytes() == before


def test_an_old_report_gets_the_ledgers_new_rows_and_conditions(small, tmp_path):
    path = tmp_path / "data/ledger-full.csv"
    path.parent.mkdir()
    ledger.write([ROW | {"agrees_if": "≥ 1", "ours": "0.72", "data": "full"}], path)
    ledger.record("table-1-b", 0.7, "full: someone")
    report = ledger.read(path)
    assert [row["ours"] for row in report] == ["0.72", "0.7"]
    assert [ledger.verdict(row) for row in report] == ["agrees", "agrees"]
