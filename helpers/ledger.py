"""The reproduction ledger: what the paper reports, and what the chapters find.

`book/ledger.csv` has one row for each panel of the paper's figures, each cell of its
table and each number of its text. A chapter measures that quantity and calls `record`
in a hidden cell. On the simulated data the measurement must be the one in the ledger,
or the chapter fails; ``COURSE_LEDGER=write`` puts the new one in. On the paper's own
data (``COURSE_DATA=full``) the measurements go to a report beside the data, held to the
same conditions. ``python -m helpers.ledger`` prints both with their verdicts.
"""

import csv
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import filelock

from helpers.datasets import data_dir

COLUMNS = ("id", "where", "paper", "agrees_if", "ours", "data", "page", "figure", "why")
LEDGER = Path(__file__).parents[1] / "book/ledger.csv"
DRIFT = 0.02  # what another machine's rounding may change; relative above 1
# How a reason begins that does not hold for the paper's own data.
SIMULATED = "in the simulation, "


def read(path: Path = LEDGER) -> list[dict[str, str]]:
    """Return the rows of a ledger; empty if there is none.

    Parameters
    ----------
    path : Path
        A CSV file with the columns `COLUMNS`.

    Returns
    -------
    list of dict of str to str
    """
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(rows: Iterable[dict[str, str]], path: Path = LEDGER) -> None:
    """Write the rows of a ledger, all or none of them.

    Parameters
    ----------
    rows : iterable of dict of str to str
        One dict a row, with the keys `COLUMNS`.
    path : Path
    """
    beside = path.with_suffix(".writing")
    with beside.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    beside.replace(path)


def agrees(value: float, condition: str) -> bool:
    """Say whether a measured value fulfills a row's condition.

    Parameters
    ----------
    value : float
    condition : str
        "0.70 ± 0.05", "≥ 0.5" or "≤ 0.5".

    Returns
    -------
    bool

    Raises
    ------
    ValueError
        If the condition has none of these forms.
    """
    number = r"(-?\d*\.?\d+)"
    if found := re.fullmatch(rf"{number} ± {number}", condition):
        return abs(value - float(found[1])) <= float(found[2]) * (1 + 1e-9)
    if found := re.fullmatch(rf"([≥≤]) {number}", condition):
        bound = float(found[2])
        return value >= bound if found[1] == "≥" else value <= bound
    raise ValueError(
        f"The condition {condition!r} of the ledger has no known form; expected "
        "'0.70 ± 0.05', '≥ 0.5' or '≤ 0.5'."
    )


def verdict(row: dict[str, str]) -> str:
    """Return "agrees", "differs" or, where nothing was measured, "open"."""
    if not row["ours"]:
        return "open"
    return "agrees" if agrees(float(row["ours"]), row["agrees_if"]) else "differs"


def _report(path: Path) -> list[dict[str, str]]:
    """Return the rows of the ledger with what a report has measured so far."""
    before = {row["id"]: row for row in read(path)}
    rows = []
    for row in read(LEDGER):
        why = "" if row["why"].startswith(SIMULATED) else row["why"]
        measured = before.get(row["id"], {"ours": "", "data": "", "why": why})
        rows.append(row | {key: measured[key] for key in ("ours", "data", "why")})
    return rows


def record(row_id: str, value: float, source: str) -> None:
    """Hold what a chapter measures against its row of the ledger.

    Parameters
    ----------
    row_id : str
        The row.
    value : float
        What was measured.
    source : str
        What the data are, as the loaders say it; begins with "simulated", "sample"
        or "full".

    Raises
    ------
    KeyError
        If the ledger has no such row.
    AssertionError
        If the ledger has another value. The message says how to renew it.
    """
    if not LEDGER.exists():  # helpers without the book, as on a rented machine
        return
    full = source.startswith("full")
    path = data_dir() / "ledger-full.csv" if full else LEDGER
    data_dir().mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(data_dir() / ".ledger.lock"):
        rows = _report(path) if full else read(LEDGER)
        row = next((row for row in rows if row["id"] == row_id), None)
        if row is None:
            raise KeyError(f"{LEDGER.name} has no row {row_id!r}: add it there first.")
        if full or os.environ.get("COURSE_LEDGER") == "write":
            row["ours"] = f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"
            row["data"] = source.split(":")[0].split()[0]
            write(rows, path)
            return
    allowed = DRIFT * max(1, abs(value))
    stale = not row["ours"] or abs(float(row["ours"]) - value) > allowed
    assert not stale, (
        f"The ledger is stale: {LEDGER.name} has {row['ours'] or 'nothing'} for "
        f"{row_id!r}, this chapter gives {value:.4g}. To renew it, run the chapter "
        "with COURSE_LEDGER=write, and read what the row says of it."
    )


def main() -> int:
    """Print the ledger, and the report on the paper's own data where there is one.

    Returns
    -------
    int
        0, or 1 if a row differs without a word on why.
    """
    unexplained = 0
    for path in (LEDGER, data_dir() / "ledger-full.csv"):
        counts = dict.fromkeys(("agrees", "differs", "open"), 0)
        for row in read(path):
            said = verdict(row)
            counts[said] += 1
            unexplained += said == "differs" and not row["why"]
            line = (
                f"{row['data']:<10} {said:<8} {row['ours']:>7}  {row['agrees_if']:<14}"
            )
            why = f" ({row['why']})" if row["why"] else ""
            print(f"{line} {row['id']}: {row['where']}{why}")
        if any(counts.values()):
            said = ", ".join(f"{n} {verdict}" for verdict, n in counts.items())
            print(f"{path.name}: {said}\n")
    return int(unexplained > 0)


if __name__ == "__main__":
    sys.exit(main())
