"""A small Sphinx extension: run the notebooks side by side, one a core.

Stock, the book runs one notebook after the other while it reads the pages. Here those
that are about to be read run first, in as many processes as there are cores, with one
thread each, and are handed over through the cache of jupyter-cache. The cache is
emptied before: what a page shows is always of this build, whatever changed in
`helpers`.
"""

import logging
import multiprocessing
import os
from pathlib import Path, PurePosixPath

from jupyter_cache import get_cache
from jupyter_cache.base import JupyterCacheAbstract
from jupyter_cache.executors.basic import ExecutionWorkerLocalMProc, ProcessData
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.logging import getLogger

# More threads than cores only wait for each other.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
# Those that take longest begin, so that no core idles while the last one ends.
LONGEST = (
    "06_parcellation",
    "06_compression",
    "05_reconstruction",
    "05_decoding_images",
    "04_searchlight",
    "07_nilearn",
    "06_ica",
    "04_trust",
    "05_encoding",
)


def by_length(uri: str) -> int:
    """Return the place of a notebook in the queue."""
    name = Path(uri).stem
    return LONGEST.index(name) if name in LONGEST else len(LONGEST)


def run_side_by_side(cache: JupyterCacheAbstract, timeout: int) -> int:
    """Run the notebooks of the cache's project; return how many succeeded."""
    tasks = [
        ProcessData(record.pk, record.uri, cache, timeout, allow_errors=False)
        for record in cache.list_project_records()
    ]
    tasks.sort(key=lambda task: by_length(task.uri))
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
        # One that failed runs again when its page is read, which reports the error.
        getLogger(__name__).info(f"ran {n_done} of {n_notebooks} notebooks")


def setup(app: Sphinx) -> dict:
    """Register with Sphinx."""
    app.connect("env-before-read-docs", run_notebooks)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
