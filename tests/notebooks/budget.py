"""A pytest plugin: each notebook keeps to its budget of memory and time.

After each cell that nbval runs, the peak memory and the processor time of the kernel
and its workers are read; the cell that breaks the budget fails. Wall time is printed
only: it depends on what else the machine does.

`COURSE_TIMES` names a folder (``make times``: book/run_times) where the measurements of
a run that passed are kept for the page that shows them; those of another machine go.
"""

import csv
import os
import re
import time
from pathlib import Path

import psutil
import pytest

MAX_GIB = 1.0
MAX_CPU_SECONDS = 120.0  # 60 s on two cores
ROOT = Path(__file__).parents[2]
COLUMNS = ["page", "processor seconds", "peak GiB"]
_measured: dict[str, dict[str, float]] = {}


def _peak_bytes(process: psutil.Process) -> int:
    """Return a process's peak resident memory (Linux), or what it has now."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    except OSError:
        return process.memory_info().rss
    return int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) * 1024


def _measure(pid: int) -> dict[str, float]:
    """Return GiB and processor seconds of a kernel and its workers."""
    kernel = psutil.Process(pid)
    peak = cpu = 0.0
    for process in [kernel, *kernel.children(recursive=True)]:
        try:
            peak += _peak_bytes(process)
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        cpu += times.user + times.system + times.children_user + times.children_system
    return {"gib": peak / 2**30, "cpu": cpu}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Check the budget after each cell of a notebook."""
    if type(item).__name__ != "IPyNbCell":
        return (yield)
    notebook = item.parent
    if not hasattr(notebook, "started"):
        notebook.started = time.monotonic()
    result = yield
    used = _measure(notebook.kernel.km.provisioner.pid)
    used["wall"] = time.monotonic() - notebook.started
    item.user_properties.append(("budget", used))
    assert used["gib"] <= MAX_GIB, (
        f"{notebook.name}: {used['gib']:.2f} GiB after this cell; the budget of a"
        f" notebook is {MAX_GIB} GiB, for a laptop or Binder"
    )
    assert used["cpu"] <= MAX_CPU_SECONDS, (
        f"{notebook.name}: {used['cpu']:.0f} s of processor time after this cell; the"
        f" budget of a notebook is {MAX_CPU_SECONDS:.0f} s (60 s on two cores)"
    )
    return result


def pytest_runtest_logreport(report):
    """Keep the last measurement of each notebook; also from xdist's workers."""
    for name, used in report.user_properties:
        if name == "budget" and report.when == "call":
            _measured[report.nodeid.split("::")[0]] = used


def read_table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table, or none if there is no such file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def store(folder: Path, measured: dict[str, dict[str, float]]) -> None:
    """Renew the rows of these notebooks; drop those of notebooks that are gone."""
    from tests.benchmarks.bench import machine, write_table

    here, there = machine(), read_table(folder / "machine.csv")
    rows = {}
    if there[:-1] == here[:-1]:  # all but the date
        rows = {row["page"]: row for row in read_table(folder / "notebooks.csv")}
    for path, used in measured.items():
        values = (
            path.removesuffix(".ipynb"),
            f"{used['cpu']:.0f}",
            f"{used['gib']:.2f}",
        )
        rows[values[0]] = dict(zip(COLUMNS, values, strict=True))
    rows = {
        page: row
        for page, row in rows.items()
        # No canary or example, and nothing that is gone.
        if page.startswith("notebooks/") and (ROOT / f"{page}.ipynb").exists()
    }
    if rows:
        write_table(folder / "notebooks.csv", [rows[page] for page in sorted(rows)])
        write_table(folder / "machine.csv", here)


def pytest_terminal_summary(terminalreporter, exitstatus):
    """Print what each notebook took, and keep it if asked to."""
    if not _measured:
        return
    if os.environ.get("COURSE_TIMES") and exitstatus == 0:
        store(ROOT / os.environ["COURSE_TIMES"], _measured)
    terminalreporter.section("what the notebooks took")
    for notebook, used in sorted(_measured.items()):
        terminalreporter.write_line(
            f"{notebook:<45} {used['wall']:6.1f} s wall  {used['cpu']:6.1f} s processor"
            f"  {used['gib']:5.2f} GiB"
        )
