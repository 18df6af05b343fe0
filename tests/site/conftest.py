"""The book, built once from clean with warnings as errors."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).parents[2]


def build(target: Path) -> dict:
    """Build the book as `make book` does, into an empty folder; return how it went."""
    jupyter_book = str(Path(sys.executable).with_name("jupyter-book"))
    command = [jupyter_book, "build", str(ROOT), "-W", "-n", "--keep-going"]
    started = time.monotonic()
    # Where it will be published is of no matter here.
    names = ("COURSE_REPOSITORY", "COURSE_REVISION", "COURSE_ADDRESS")
    outcome = subprocess.run(
        [*command, "--path-output", str(target)],
        env={name: text for name, text in os.environ.items() if name not in names},
        capture_output=True,
        text=True,
    )
    log = outcome.stdout + outcome.stderr
    seconds = time.monotonic() - started
    return {"status": outcome.returncode, "log": log, "seconds": seconds}


@pytest.fixture(scope="session")
def built(tmp_path_factory, worker_id) -> dict:
    """Build the book once for all workers, or take the one that COURSE_SITE names.

    The variable is for who works on the tests of the site: a book takes minutes.
    """
    if "COURSE_SITE" in os.environ:
        return {"status": 0, "log": "", "seconds": 0, "html": os.environ["COURSE_SITE"]}
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    record = shared / "book.json"
    with FileLock(shared / "book.lock"):
        if not record.exists():
            record.write_text(json.dumps(build(shared / "book")))
    return json.loads(record.read_text()) | {"html": shared / "book/_build/html"}


@pytest.fixture(scope="session")
def site(built) -> Path:
    """Return the folder of the built site."""
    if built["status"] != 0:
        pytest.fail(f"the book does not build:\n{built['log'][-6000:]}", pytrace=False)
    return Path(built["html"])
