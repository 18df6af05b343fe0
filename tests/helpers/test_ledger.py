"""The ledger: conditions, stale rows, the report on full data, and the file itself."""

import pytest

from helpers import ledger

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
