"""Everything the course depends on may be used with it: the licenses of the lock."""

import collections
import importlib.metadata
import re
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
# Permissive, or weak copyleft that binds only changes to the library itself.
COMPATIBLE = re.compile(
    r"BSD|MIT|Apache|ISC|0BSD|PSF|Python Software Foundation|MPL|Mozilla|Zlib|CC0|"
    r"Public Domain|Unlicense|HPND"
)
# A tool that checks spelling: it runs beside the course and is no part of it.
TOOLS = {"codespell"}
# Says it in its license file only (MIT).
UNSAID = {"axe-playwright-python"}


def license_of(name: str) -> str:
    """Return what a package says of its license."""
    metadata = importlib.metadata.metadata(name)
    classifiers = [
        line.split(" :: ")[-1]
        for line in metadata.get_all("Classifier", [])
        if line.startswith("License ::")
    ]
    stated = (metadata.get("License") or "").strip().splitlines()[:1]
    said = [metadata.get("License-Expression") or "", "; ".join(classifiers), *stated]
    return next((text for text in said if text), "")


def locked_packages() -> list[str]:
    """Return the packages of the lock that are for this machine."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    lines = re.findall(r"^([A-Za-z0-9][^\\\n]*?)\s*\\?$", text, flags=re.MULTILINE)
    found = [Requirement(line) for line in lines]
    return [r.name for r in found if r.marker is None or r.marker.evaluate()]


def needed_to_run() -> set[str]:
    """Return what the pages need: the dependencies of `helpers`, and theirs."""
    todo, found = ["helpers"], set()
    while todo:
        for text in importlib.metadata.requires(todo.pop()) or []:
            need = Requirement(text)
            name = need.name.lower().replace("_", "-")
            wanted = need.marker is None or need.marker.evaluate({"extra": "book"})
            if wanted and name not in found:
                found.add(name)
                todo.append(name)
    return found


def test_licenses_are_compatible():
    packages = locked_packages()
    assert len(packages) > 100
    by_license = collections.defaultdict(list)
    for name in packages:
        by_license[license_of(name) or "said in its file"].append(name)
    for text, names in sorted(by_license.items(), key=lambda item: -len(item[1])):
        print(f"{len(names):4}  {text}")
    unfit = {
        name
        for text, names in by_license.items()
        for name in names
        if not COMPATIBLE.search(text)
    }
    assert unfit == TOOLS | UNSAID
    assert not (TOOLS | UNSAID) & needed_to_run()
    # The license of what says it in a file only.
    for name in UNSAID:
        files = importlib.metadata.files(name) or []
        license_file = next(file for file in files if "LICENSE" in file.name.upper())
        assert "MIT License" in license_file.read_text(encoding="utf-8")


def test_gpl_would_be_found():
    assert not COMPATIBLE.search("GPL-3.0-or-later")
    assert not COMPATIBLE.search("GNU General Public License v3 (GPLv3)")
    assert {"numpy", "nilearn", "jupyter-book"} <= needed_to_run()
    assert "pytest" not in needed_to_run()
