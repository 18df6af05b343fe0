"""Style and spelling, as `make lint` has them."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "command",
    ["ruff check .", "ruff format --check .", "codespell"],
)
def test_lint(command):
    tool, *options = command.split()
    path = Path(sys.executable).with_name(tool)
    done = subprocess.run([path, *options], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
