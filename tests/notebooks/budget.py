"""A pytest plugin: each notebook keeps to its budget of memory and time.

After each cell that nbval runs, the peak memory and the processor time of the kernel
and its workers are read; the cell that breaks the budget fails. Wall time is printed
only: it depends on what else the machine does.
"""

import re
import time
from pathlib import Path

import psutil
import pytest

MAX_GIB = 1.0
MAX_CPU_SECONDS = 120.0  # 60 s on two cores
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


def pytest_terminal_summary(terminalreporter):
    """Print what each notebook took."""
    if not _measured:
        return
    terminalreporter.section("what the notebooks took")
    for notebook, used in sorted(_measured.items()):
        terminalreporter.write_line(
            f"{notebook:<45} {used['wall']:6.1f} s wall  {used['cpu']:6.1f} s processor"
            f"  {used['gib']:5.2f} GiB"
        )
