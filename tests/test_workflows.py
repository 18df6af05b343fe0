"""What continuous integration runs is safe, pinned, and what the Makefile runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def commands(text: str) -> list[str]:
    """Return the commands of the Makefile's rules of a name, without their paths."""
    return [
        line.split(" || ")[0].strip().replace("$(BIN)/", "")
        for line in text.splitlines()
        if line.startswith("\t$(BIN)/")
    ]


def rule(target: str) -> list[str]:
    """Return the commands of one rule of the Makefile."""
    body = re.search(rf"(?m)^{re.escape(target)}:.*\n((?:\t.*\n)+)", MAKEFILE)
    return commands(body[1])


READERS_COMMANDS = [
    *rule("$(VENV)/.installed"),
    *rule("book"),
    *rule("test"),
    *rule("notebooks"),
]


def test_zizmor_finds_nothing():
    zizmor = str(Path(sys.executable).with_name("zizmor"))
    found = subprocess.run(
        [zizmor, "--offline", "--no-progress", "--persona=pedantic", ".github"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "No findings" in found.stdout + found.stderr


def test_zizmor_is_not_blind(tmp_path):
    workflow = tmp_path / ".github/workflows/a.yml"
    workflow.parent.mkdir(parents=True)
    text = WORKFLOWS[0].read_text(encoding="utf-8")
    workflow.write_text(re.sub(r"@[0-9a-f]{40} # v[\d.]+", "@main", text), "utf-8")
    zizmor = str(Path(sys.executable).with_name("zizmor"))
    found = subprocess.run(
        [zizmor, "--offline", "--no-progress", str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert found.returncode != 0
    assert "unpinned-uses" in found.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_and_rights_are_least(path):
    text = path.read_text(encoding="utf-8")
    uses = re.findall(r"(?m)uses: (.+)$", text)
    assert uses
    for action in uses:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        wanted = {"contents": "read"}
        if name == "publish":
            wanted = {"pages": "write", "id-token": "write"}
        assert job["permissions"] == wanted
        assert job["timeout-minutes"] <= 360


def test_one_version_of_each_action():
    text = "\n".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
    pins = set(re.findall(r"uses: (.+)", text))
    assert len({pin.split("@")[0] for pin in pins}) == len(pins)


def test_every_system_and_python_runs_the_makefiles_commands():
    text = (ROOT / ".github/workflows/test.yml").read_text(encoding="utf-8")
    job = yaml.safe_load(text)["jobs"]["test"]
    systems = {"ubuntu-latest", "macos-latest", "windows-latest"}
    assert set(job["strategy"]["matrix"]["os"]) == systems
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    run = [step["run"] for step in job["steps"] if "run" in step]
    for command in rule("$(VENV)/.installed") + rule("test"):
        assert command in run


def test_readme_gives_the_makefiles_commands_without_make():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(READERS_COMMANDS) == 5
    given = re.findall(r"(?m)^> (.+)$", text)
    assert given == [
        "python -m venv .venv",
        r".venv\Scripts\activate",
        *READERS_COMMANDS,
    ]


def test_a_readers_commands_need_no_shell():
    """They mean the same to cmd, PowerShell and bash."""
    for command in READERS_COMMANDS:
        assert not re.search(r"[|&;<>$`*'\"]", command)
