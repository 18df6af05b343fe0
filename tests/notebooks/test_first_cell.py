"""The first cell of each notebook: where the course is missing, it installs it."""

import importlib.util
import os
import shutil
import subprocess
import sysconfig
import venv
from pathlib import Path

import nbformat
import pytest

from tests.notebooks import first_cell

ROOT = Path(__file__).parents[2]
SOURCE = first_cell.SOURCE.format(address="")


@pytest.mark.parametrize("path", first_cell.NOTEBOOKS, ids=lambda path: path.stem)
def test_every_notebook_begins_with_it(path):
    cells = nbformat.read(path, as_version=4).cells
    wanted = first_cell.first_cell()
    mend = "run: python -m tests.notebooks.first_cell"
    assert (cells[0].id, cells[0].source) == (wanted.id, wanted.source), mend
    assert cells[0].metadata == wanted.metadata, mend
    assert "import helpers" not in cells[0].source


def test_the_address_is_that_of_the_configuration(tmp_path, monkeypatch):
    given = "https://github.com/someone/the-course"
    text = (ROOT / "_config.yml").read_text(encoding="utf-8")
    old = 'course_repository: ""'
    assert old in text
    text = text.replace(old, f"course_repository: {given}")
    (tmp_path / "_config.yml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(first_cell, "ROOT", tmp_path)
    assert f'or "{given}"\n' in first_cell.first_cell().source


def test_writing_it_changes_nothing_else(tmp_path):
    old = first_cell.NOTEBOOKS[0].read_text(encoding="utf-8")
    notebook = nbformat.reads(old, as_version=4)
    del notebook.cells[0]
    stored = tmp_path / "stored.ipynb"
    stored.write_text(nbformat.writes(notebook), encoding="utf-8")
    for _ in range(2):
        first_cell.write(stored)
        assert stored.read_text(encoding="utf-8") == old


@pytest.fixture
def missing(monkeypatch, tmp_path) -> Path:
    """Hide the course from the cell; return the folder of its user."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.delenv("COURSE_REPOSITORY", raising=False)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    return tmp_path


def test_it_does_nothing_where_the_course_is(monkeypatch, capsys):
    monkeypatch.setattr(subprocess, "run", None)
    known = {}
    exec(SOURCE, known)
    assert set(known) == {"__builtins__", "importlib"}
    assert capsys.readouterr() == ("", "")


def test_no_address_is_one_clear_error(missing, monkeypatch):
    monkeypatch.setattr(subprocess, "run", None)
    with pytest.raises(RuntimeError, match="does not know where .* COURSE_REPOSITORY"):
        exec(SOURCE, {})
    assert not list(missing.iterdir())


def test_no_network_is_one_clear_error(missing, monkeypatch):
    monkeypatch.setenv("COURSE_REPOSITORY", (missing / "nowhere").as_uri())
    with pytest.raises(RuntimeError, match=r"nowhere. Is there a network") as caught:
        exec(SOURCE, {})
    assert "git clone" in str(caught.value)
    assert caught.value.__suppress_context__
    assert not list(missing.iterdir()), "half of it is left behind"


def test_no_git_is_one_clear_error(missing, monkeypatch):
    def run(command, **options):
        raise FileNotFoundError(2, "No such file or directory", command[0])

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setenv("COURSE_REPOSITORY", "https://example.com/course")
    with pytest.raises(RuntimeError, match="What failed: git clone .*\n.*'git'"):
        exec(SOURCE, {})


def git(folder: Path, *arguments: str) -> None:
    """Run git in a folder, whoever the user is."""
    who = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True)


def test_it_installs_the_course(tmp_path):
    """From a repository, into a Python that has all that Colab has, and no course."""
    repository = tmp_path / "repository"
    repository.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, repository)
    leave = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "helpers", repository / "helpers", ignore=leave)
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "Begin"]):
        git(repository, *command)
    venv.create(tmp_path / "python", with_pip=True)
    python = tmp_path / "python" / ("Scripts" if os.name == "nt" else "bin") / "python"
    environment = os.environ | {
        # The packages are there, but not their .pth files: this hides the course.
        "PYTHONPATH": sysconfig.get_path("purelib"),
        "COURSE_REPOSITORY": repository.as_uri(),
        "HOME": str(tmp_path),
        "USERPROFILE": str(tmp_path),
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # means: no isolation
    }
    shows = "\nimport helpers\nprint(helpers.__file__)"
    printed = []
    for _ in ("it is missing", "it is there"):
        done = subprocess.run(
            [python, "-c", SOURCE + shows],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        printed.append(done.stdout.splitlines())
    first, second = printed
    assert len(first) == 3 and len(second) == 1
    assert first[0].endswith(f"installing it from {repository.as_uri()} ...")
    assert Path(first[2]).is_relative_to(tmp_path / "neuroimaging-course")
