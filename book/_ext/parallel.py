"""A small Sphinx extension: run the notebooks side by side, one a core.

Stock, the book runs one notebook after the other while it reads the pages. Here those
that are about to be read run first, in as many processes as there are cores, with one
thread each, and are handed over through the cache of jupyter-cache. The cache is
emptied before: what a page shows is always of this build, whatever changed in
`helpers`.
"""

import csv
import logging
import multiprocessing
import os
from pathlib import Path, PurePosixPath

from jupyter_cache import get_cache
from jupyter_cache.base import JupyterCacheAbstract
from jupyter_cache.executors.basic import ExecutionWorkerLocalMProc, ProcessData
from printed import join_in_cache
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.logging import getLogger

# More threads than cores only wait for each other.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
TIMES = Path(__file__).parents[1] / "run_times/notebooks.csv"


def longest_first(uris: list[str]) -> list[str]:
    """Order notebooks by what they took, so that no core idles while one ends.

    One that nobody has measured comes first.
    """
    with TIMES.open(newline="", encoding="utf-8") as file:
        rows = {Path(row["page"]).name: row for row in csv.DictReader(file)}
    took = {name: float(row["processor seconds"]) for name, row in rows.items()}
    return sorted(uris, key=lambda uri: -took.get(Path(uri).stem, float("inf")))


def run_side_by_side(cache: JupyterCacheAbstract, timeout: int) -> int:
    """Run the notebooks of the cache's project; return how many succeeded."""
    records = {record.uri: record.pk for record in cache.list_project_records()}
    tasks = [
        ProcessData(records[uri], uri, cache, timeout, allow_errors=False)
        for uri in longest_first(list(records))
    ]
    # The workers would tell their every step.
    multiprocessing.log_to_stderr(logging.WARNING)
    with multiprocessing.Pool() as pool:
        # One at a time: jupyter-cache's own executor hands out several at once.
        done = pool.map(ExecutionWorkerLocalMProc(), tasks, chunksize=1)
    return sum(status == 0 for status, _ in done)


def run_notebooks(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Run the notebooks among the pages that will be read."""
    config = env.mystnb_config
    if config.execution_mode != "cache":
        return
    cache = get_cache(config.execution_cache_path)
    cache.clear_cache()
    for record in cache.list_project_records():
        cache.remove_nb_from_project(record.pk)
    for docname in docnames:
        path = Path(env.doc2path(docname))
        stored = any(
            PurePosixPath(docname).match(pattern)
            for pattern in config.execution_excludepatterns
        )
        if path.suffix == ".ipynb" and not stored:
            cache.add_nb_to_project(str(path))
    n_notebooks = len(cache.list_project_records())
    if n_notebooks > 1:
        before = dict(os.environ)
        os.environ.update(ONE_THREAD)
        try:
            n_done = run_side_by_side(cache, config.execution_timeout)
        finally:
            os.environ.clear()
            os.environ.update(before)
        join_in_cache(cache)
        # One that failed runs again when its page is read, which reports the error.
        getLogger(__name__).info(f"ran {n_done} of {n_notebooks} notebooks")


def setup(app: Sphinx) -> dict:
    """Register with Sphinx."""
    app.connect("env-before-read-docs", run_notebooks)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
