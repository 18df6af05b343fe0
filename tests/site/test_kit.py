"""The offline kit and Binder: a clean environment, no network, a gigabyte of memory.

What the kit's own README says is what runs here. The environment it makes is also the
one that Binder makes from the lock, so that it is made once.
"""

import contextlib
import functools
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path, PurePosixPath

import nbformat
import psutil
import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from jupyter_cache import get_cache
from packaging.utils import canonicalize_name, parse_wheel_filename

from book import kit
from helpers import datasets
from tests.conftest import SHARED_SAMPLES

ROOT = Path(__file__).parents[2]
GIB = 2**30
# Where packages come from, whatever the host: an index, or a file on one.
INDEX = re.compile(
    rb"--(?:extra-)?index-url|https?://[^\s\"'<>]+(?:/simple/?(?=[\s\"'<>]|$)|\.whl\b)"
)
# A network of its own (Linux), with nothing but the loopback that kernels talk over.
ALONE = """
import fcntl, os, socket, struct, sys
assert [name for _, name in socket.if_nameindex()] == ["lo"]
up = struct.pack("16sh", b"lo", 1)
fcntl.ioctl(socket.socket(), 0x8914, up)
os.execvp(sys.argv[1], sys.argv[1:])
"""
# Elsewhere, and where no process may make one (in many a container), whoever asks the
# network is sent to a port where nobody listens.
NOBODY = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")
NOTEBOOK = "01_introduction.ipynb"
# As the book runs its notebooks.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
KEPT = ("PATH", "LANG", "TMPDIR", "TEMP", "SYSTEMROOT", "COMSPEC", "PATHEXT")


def tree_memory(pid: int) -> tuple[list[psutil.Process], int]:
    """Return a process with all that it started, and their resident memory in bytes."""
    processes, used = [], 0
    try:
        processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return [], 0
    for process in processes:
        try:
            used += process.memory_info().rss
        except psutil.Error:
            continue
    return processes, used


@functools.cache
def own_network() -> list[str]:
    """Return what starts a command in a network of its own, where that is allowed."""
    if sys.platform != "linux":
        return []
    own = ["unshare", "--map-root-user", "--net", sys.executable, "-c", ALONE]
    try:
        allowed = subprocess.run([*own, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        allowed = False
    return own if allowed else []


def run_alone(script: str, home: Path, env: dict | None = None, limit: int = 4 * GIB):
    """Run a script of the shell in a folder: no network, nothing of this user's.

    Memory is what all its processes hold together, looked at ten times a second: no
    control group is needed, which not every system lets us make. Who takes more than
    the limit is killed.
    """
    windows = sys.platform == "win32"
    command = script if windows else [*own_network(), "sh", "-ec", script]
    clean = {name: os.environ[name] for name in KEPT if name in os.environ}
    clean |= {"HOME": str(home), "USERPROFILE": str(home), **NOBODY}
    clean |= {"PIP_CONFIG_FILE": os.devnull, "PYTHONUTF8": "1", **(env or {})}
    clean |= {"PIP_NO_COMPILE": "1"}  # most of what is installed is not imported here
    log = home / "log.txt"
    peak = 0
    with log.open("w") as file:
        process = subprocess.Popen(
            command,
            shell=windows,  # which takes a text, not a list
            cwd=home,
            env=clean,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
        while process.poll() is None:
            processes, used = tree_memory(process.pid)
            peak = max(peak, used)
            if used > limit:
                for one in processes:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        one.kill()
            time.sleep(0.1)
    said = log.read_text(errors="replace")
    assert peak <= limit, f"{peak / GIB:.2f} GiB, then killed\n{said[-3000:]}"
    assert process.returncode == 0, said[-3000:]
    return said, peak


def commands(readme: str) -> list[str]:
    """Return the commands of the kit's README for this system."""
    heading, prompt = (
        ("Windows", "> ") if os.name == "nt" else ("Linux and macOS", "$ ")
    )
    [block] = re.findall(rf"## {heading}\n\n```console\n(.*?)```", readme, re.DOTALL)
    lines = [line.removeprefix(prompt) for line in block.splitlines()]
    # The Python of these tests, whatever its name is here.
    python = f'"{sys.executable}"'
    return [re.sub(r"^(python3\.\d+|py -3\.\d+)(?= )", lambda _: python, lines[0])] + (
        lines[1:]
    )


@pytest.fixture(scope="module")
def archive(site: Path, tmp_path_factory) -> Path:
    """Make the kit, from the site that the other tests look at."""
    folder = tmp_path_factory.mktemp("kit")
    if not SHARED_SAMPLES.exists():
        return kit.make_kit(site, folder)
    with pytest.MonkeyPatch.context() as patch:
        (folder / "data/samples").mkdir(parents=True)
        for name in kit.SAMPLES:
            (folder / "data/samples" / name).symlink_to(SHARED_SAMPLES / name)
        patch.setenv("COURSE_DATA_DIR", str(folder / "data"))
        return kit.make_kit(site, folder)


@pytest.fixture(scope="module")
def unpacked(archive: Path) -> Path:
    """Unpack the kit in an empty folder; it is large, so it goes when all is done.

    To delete many small files takes a slow disk a minute: others need not wait for it.
    """
    empty = archive.parent / "empty"
    with zipfile.ZipFile(archive) as file:
        file.extractall(empty)
    yield empty / kit.FOLDER
    archive.unlink()
    threading.Thread(target=shutil.rmtree, args=(empty, True)).start()


@pytest.fixture(scope="module")
def installed(unpacked: Path) -> Path:
    """Install the kit by the commands of its README; ask JupyterLab for its version."""
    lines = commands((unpacked / "README.md").read_text(encoding="utf-8"))
    assert "jupyter lab notebooks" in lines[-1]
    said, _ = run_alone(" && ".join([*lines, ""]).rstrip("& ") + " --version", unpacked)
    assert re.search(r"^4\.\d+\.\d+$", said, re.MULTILINE), said[-1000:]
    return unpacked


def test_kit_holds_all_and_nothing_else(archive: Path, unpacked: Path):
    with zipfile.ZipFile(archive) as file:
        names = file.namelist()
    parts = [PurePosixPath(name).parts for name in names]
    assert {first for first, *_ in parts} == {kit.FOLDER}
    assert not any(".." in p or "\\" in n for p, n in zip(parts, names, strict=True))
    inside = {"/".join(rest) for _, *rest in parts}
    notebooks = {f"notebooks/{p.name}" for p in (ROOT / "notebooks").glob("*.ipynb")}
    assert len(notebooks) > 10 and notebooks <= inside
    samples = {name.split("/")[2] for name in inside if name.startswith("data/")}
    assert "rest_gift" not in samples  # it may not be passed on
    readme = (unpacked / "README.md").read_text(encoding="utf-8")
    for name in kit.SAMPLES:
        assert (f"`{name}`: " in readme) == (name in samples)
        assert name in samples or not (SHARED_SAMPLES / name).exists()

    sums = (unpacked / "SHA256SUMS").read_text().splitlines()
    assert {line.split("  ")[1] for line in sums} == inside - {"SHA256SUMS"}
    for line in sums:
        checksum, name = line.split("  ")
        assert hashlib.sha256((unpacked / name).read_bytes()).hexdigest() == checksum
    beside = archive.with_name(archive.name + ".sha256").read_text().split()
    assert beside == [hashlib.sha256(archive.read_bytes()).hexdigest(), archive.name]


def test_kit_says_nothing_of_this_machine(unpacked: Path, archive: Path):
    machine = {str(path) for path in (ROOT, archive.parent, sys.prefix)}
    machine |= {str(Path.home()) + os.sep, str(datasets.data_dir())}
    asked = [sys.executable, "-m", "pip", "config", "list"]
    settings = subprocess.run(asked, capture_output=True, text=True).stdout
    machine |= set(re.findall(r"(?:https?|file)://[^\s']+", settings))
    needles = [text.encode() for text in machine]
    for path in unpacked.rglob("*"):
        # Packages are as their makers made them: the lock's hashes say so.
        if path.is_file() and path.suffix != ".whl" and ".venv" not in path.parts:
            data = path.read_bytes()
            assert not [n for n in needles if n in data], path.relative_to(unpacked)
            assert not INDEX.search(data), path.relative_to(unpacked)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"--index-url https://packages.example/simple", True),
        (b"numpy @ https://files.example/a/numpy-2.0-py3-none-any.whl", True),
        (b"# from https://packages.example/simple/\n", True),
        (b"https://www.example/simple-models.html", False),
        (b"--no-index --find-links wheels", False),
    ],
)
def test_an_address_of_packages_is_found(text: bytes, found: bool):
    assert bool(INDEX.search(text)) == found


def test_packages_are_the_locks_and_the_bill_lists_them(unpacked: Path):
    lock = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    wanted = (unpacked / "requirements.txt").read_text(encoding="utf-8")
    entries = re.split(r"^(?=[a-z0-9])", wanted, flags=re.MULTILINE)[1:]
    assert len(entries) > 100
    assert all(entry in lock for entry in entries)
    wheels = list((unpacked / "wheels").glob("*.whl"))
    assert len(wheels) == len(entries)
    there = {wheel: parse_wheel_filename(wheel.name) for wheel in wheels}
    facts = {
        (name, str(version), hashlib.sha256(wheel.read_bytes()).hexdigest())
        for wheel, (name, version, *_) in there.items()
    }
    text = (unpacked / "sbom.cdx.json").read_text(encoding="utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    parts = json.loads(text)["components"]
    assert facts == {
        (canonicalize_name(p["name"]), p["version"], p["hashes"][0]["content"])
        for p in parts
    }
    assert [part["name"] for part in parts if not part.get("licenses")] == []


def test_site_of_the_kit_opens_from_disk(unpacked: Path, browser):
    context = browser.new_context(offline=True)
    page = context.new_page()
    failed = []
    page.on("requestfailed", lambda request: failed.append(request.url))
    page.goto((unpacked / "site/index.html").as_uri())
    title = page.locator("h1:visible").first
    assert "Machine learning for neuroimaging" in title.inner_text()
    page.locator("a[href*='01_introduction']:visible").first.click()
    page.wait_for_url("**/01_introduction.html*")
    assert page.locator("article img:visible").first.evaluate("i => i.naturalWidth") > 0
    assert failed == []
    context.close()


@pytest.fixture(scope="module")
def on_binder(installed: Path, haxby, miyawaki, rest) -> dict:
    """Run postBuild in the environment, then a notebook; return how it went."""
    if os.name == "nt":
        pytest.skip("Binder runs Linux, and postBuild in its shell")
    # What takes long is here already: the simulations, which postBuild verifies.
    data = installed / "data"
    simulated = datasets.data_dir() / "simulated"
    shutil.copytree(simulated, data / "simulated", copy_function=os.symlink)
    env = {"PATH": f"{installed}/.venv/bin:{os.environ['PATH']}", **ONE_THREAD}
    env["COURSE_DATA_DIR"] = str(data)
    built, _ = run_alone((ROOT / "postBuild").read_text(), installed, env)
    command = f"python -m jupyter execute --output=again notebooks/{NOTEBOOK}"
    _, peak = run_alone(command, installed, env, limit=GIB)
    print("network:", "its own" if own_network() else "refused by a proxy")
    print(f"{NOTEBOOK}: {peak / GIB:.2f} GiB, the processes beside it included")
    return {"postBuild": built, "notebook": installed / "notebooks/again.ipynb"}


def test_binder_makes_this_environment(on_binder: dict):
    """Binder: the lock, then postBuild, then a notebook in a gigabyte."""
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    [by_pip] = [d["pip"] for d in environment["dependencies"] if isinstance(d, dict)]
    assert by_pip == ["-r requirements.txt"]
    for name in ("haxby", "miyawaki", "rest"):
        assert f"{name} is in " in on_binder["postBuild"]


def shown(notebook: Path) -> dict[str, list]:
    """Return what each cell shows: text, pictures, numbers for the prose."""
    found = {}
    for cell in nbformat.read(notebook, as_version=4).cells:
        outputs = cell.get("outputs", [])
        text = "".join(o.text for o in outputs if o.output_type == "stream")
        found[cell.id] = [text, *(o.data for o in outputs if "data" in o)]
    return found


def test_two_runs_show_the_same_to_the_last_byte(on_binder: dict, site: Path):
    """In two environments, of one lock: as the book ran it, and as Binder does."""
    cache = get_cache(site.parent / ".jupyter_cache")
    records = [r for r in cache.list_cache_records() if r.uri.endswith(NOTEBOOK)]
    if not records and "COURSE_SITE" in os.environ:
        pytest.skip("this site is a copy, without what its notebooks showed")
    folder = Path(cache.path) / "executed" / records[-1].hashkey
    of_book, again = shown(folder / "base.ipynb"), shown(on_binder["notebook"])
    again = {cell: what for cell, what in again.items() if cell in of_book}
    pictures = [d for what in again.values() for d in what[1:] if "image/png" in d]
    assert len(pictures) >= 2
    assert [cell for cell in of_book if of_book[cell] != again[cell]] == []


def test_a_kit_without_a_site_says_what_to_do(tmp_path: Path):
    with pytest.raises(kit.KitError, match="make book"):
        kit.make_kit(tmp_path / "nothing", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_wheel_that_cannot_be_had_leaves_nothing(tmp_path: Path, monkeypatch):
    (tmp_path / "site").mkdir()
    (tmp_path / "site/index.html").touch()
    (tmp_path / "to").mkdir()
    monkeypatch.setattr(kit, "SAMPLES", ())
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(kit.KitError, match="pip says:(.|\n)*accessible-pygments"):
        kit.make_kit(tmp_path / "site", tmp_path / "to")
    assert list((tmp_path / "to").iterdir()) == []


def test_a_package_that_the_lock_lacks_is_named():
    with pytest.raises(kit.KitError, match="pins no scipy.*make lock"):
        kit.locked("numpy==2.0 \\\n    --hash=sha256:0\n", {"numpy", "scipy"})
