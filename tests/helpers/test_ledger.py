"""The ledger: conditions, stale rows, the report on full data, and the file itself."""

from pathlib import Path

import pytest

from helpers import ledger

ROOT = Path(__file__).parents[2]

# What the paper shows and states, read off it anew: each cell of its table, each panel
# of its figures, each number of its text.
CELLS = {
    f"table1-{model}-{C}"
    for model in ("l1-logistic", "l2-logistic", "l1-svm", "l2-svm")
    for C in ("0.0005", "0.001", "0.005", "0.01", "0.05", "0.1")
}
PANELS = {"fig1", "fig2-f", "fig2-svc", "fig2-searchlight"}
PANELS |= {f"fig3-{panel}" for panel in "abcdef"}
PANELS |= {f"fig4-{panel}" for panel in ("concat", "canica", "melodic")}
PANELS |= {f"fig5-{how}-{n}" for how in ("ward", "k-means") for n in (100, 1000)}
TEXT = {  # by section
    *("text-folds", "text-resolution", "text-variance"),  # 2 and 3
    *("text-categories", "text-runs", "text-subjects", "text-classes"),  # 4
    *("text-volumes", "text-voxels", "text-k", "text-lines", "text-one-line"),
    *("text-pixels", "text-binary", "text-balanced", "text-two-subjects"),  # 5
    *("text-decoding-folds", "text-encoding-folds"),
    *("text-fields", "text-four-voxels"),
    *("text-components", "text-clusters"),  # 6
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


def faults(rows: list[dict[str, str]]) -> list[str]:
    """Return what is wrong with a ledger: rows missing, twice, or not explained."""
    ids = [row["id"] for row in rows]
    found = [
        f"{row} is missing" for row in sorted(CELLS | PANELS | TEXT) if row not in ids
    ]
    found += [
        f"{row} is there twice" for row in sorted({i for i in ids if ids.count(i) > 1})
    ]
    for row in rows:
        said = ledger.verdict(row)  # fails on a condition of no known form
        if said == "differs" and not row["why"]:
            found.append(f"{row['id']} is out of tolerance, and nobody says why")
        if row["ours"] and not (row["page"] and row["data"]):
            found.append(f"{row['id']} has a number from no page or no data")
        if row["page"] and not (ROOT / f"{row['page']}.ipynb").exists():
            found.append(f"{row['id']} names a page that is not there")
    return found


def test_ledger_is_whole_and_each_difference_is_explained():
    assert not faults(ledger.read())


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda rows: rows.pop(0), "missing"),
        (lambda rows: rows.append(rows[0]), "twice"),
        (lambda rows: rows[8].update(ours="9", why=""), "out of tolerance"),
        (lambda rows: rows[8].update(ours="1400", page=""), "no page"),
        (lambda rows: rows[8].update(page="notebooks/09_x"), "not there"),
    ],
)
def test_a_spoiled_ledger_is_noticed(spoil, said):
    rows = ledger.read()
    assert rows[8]["id"] == "text-volumes"
    spoil(rows)
    assert any(said in fault for fault in faults(rows))
