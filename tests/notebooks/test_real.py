"""The notebooks on real recordings give again what is stored in them."""

import pytest

from tests.notebooks.test_canaries import run_compared
from tests.notebooks.test_format import REAL, name


@pytest.mark.parametrize("path", REAL, ids=name)
def test_real_notebook_gives_its_stored_outputs(path, haxby_slice, monkeypatch):
    # The fixture's folder holds the sample: where it is not at hand, this is skipped.
    monkeypatch.setenv("COURSE_DATA_DIR", str(haxby_slice.func.parents[2]))
    outcome = run_compared(path)
    assert outcome.returncode == 0, outcome.stdout[-5000:]
