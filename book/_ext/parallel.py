"""A small Sphinx extension: run the notebooks side by side, one a core.

Stock, the book runs one notebook after the other while it reads the pages. Here those
that are about to be read run first, in as many processes as there are cores, with one
thread each, and are handed over through the cache of jupyter-cache. The cache is
emptied before: what a page shows is always of this build, whatever changed in
`helpers`.
"""

import logging
import os
from pathlib import Path, PurePosixPath

from jupyter_cache import get_cache
from jupyter_cache.executors import load_executor
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.logging import getLogger

# The executor takes over the level for its workers, who would tell their every step.
QUIET = logging.getLogger("jupyter_cache.quiet")
QUIET.setLevel(logging.WARNING)
# More threads than cores only wait for each other.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


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
        executor = load_executor("local-parallel", cache, logger=QUIET)
        before = dict(os.environ)
        os.environ.update(ONE_THREAD)
        try:
            done = executor.run_and_cache(timeout=config.execution_timeout)
        finally:
            os.environ.clear()
            os.environ.update(before)
        # One that failed runs again when its page is read, which reports the error.
        getLogger(__name__).info(
            f"ran {len(done.succeeded)} of {n_notebooks} notebooks"
        )


def setup(app: Sphinx) -> dict:
    """Register with Sphinx."""
    app.connect("env-before-read-docs", run_notebooks)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
