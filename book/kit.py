"""Make the offline kit: one archive that runs the course without a network.

``make kit``, or ``python -m book.kit`` once the site is built. The archive has the
built site, the notebooks and `helpers`, the real samples that may be passed on, a
wheel of each package that a reader needs on this platform, a bill of materials
(CycloneDX), checksums, and a README with the commands. The simulated data is not in
it: the course writes it on first use.
"""

import argparse
import hashlib
import importlib.metadata
import platform
import re
import shutil
import string
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from email.message import Message
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from helpers import datasets

ROOT = Path(__file__).parents[1]
NAME = "machine-learning-for-neuroimaging-kit"
FOLDER = "neuroimaging-kit"  # short: Windows has a limit for the paths below it
PARTS = ("notebooks", "helpers", "book/ledger.csv", "pyproject.toml", "CITATION.cff")
LICENSES = ("LICENSE", "LICENSE-text", "LICENSE-samples")
# The six brains at rest come without a license: a reader fetches them, or does without.
SAMPLES = ("haxby_slice", "miyawaki_v1")
README = string.Template("""\
# Machine learning for neuroimaging with scikit-learn: offline kit

Version $version, for Python $python on $platform. It needs no network.

- To read: open `site/index.html` in a browser.
- To run: install once, then open JupyterLab, with the commands below, in this folder.
  Python $python must be there, perhaps under another name.

## Linux and macOS

```console
$$ python$python -m venv .venv
$$ .venv/bin/python -m pip install $install -r requirements.txt
$$ .venv/bin/python -m pip install $editable -e .
$$ COURSE_DATA_DIR="$$PWD/data" .venv/bin/python -m jupyter lab notebooks
```

## Windows

```console
> py -$python -m venv .venv
> .venv\\Scripts\\python -m pip install $install -r requirements.txt
> .venv\\Scripts\\python -m pip install $editable -e .
> set COURSE_DATA_DIR=%CD%\\data
> .venv\\Scripts\\python -m jupyter lab notebooks
```

The last line is all you need the next time (on Windows, the last two). A notebook
writes the simulated data it needs into `data` when it first runs, in some seconds.

## What is in here

| where | what |
|---|---|
| `site/` | the course to read |
| `notebooks/`, `helpers/` | the course to run |
| `data/samples/` | small real recordings |
| `wheels/`, `requirements.txt` | the packages, and their checksums |
| `sbom.cdx.json` | each package with version, license and checksum (CycloneDX) |
| `SHA256SUMS` | the checksum of each file: `sha256sum --check SHA256SUMS` |

The prose and the figures are CC BY 4.0 (`LICENSE-text`), the code is BSD 3-Clause
(`LICENSE`). The recordings have terms of their own (`LICENSE-samples`):

$samples

A sample that is not listed is not in here: nobody could fetch it when the kit was made,
or it may not be passed on (`rest_gift`). Its page shows stored results.
""")


class KitError(RuntimeError):
    """The kit cannot be made; the message says what is missing, and the mend."""


# --- the packages ----------------------------------------------------------------


def needed_packages() -> set[str]:
    """Return the names of what the course needs on this platform, JupyterLab included.

    Returns
    -------
    set of str
        Canonical names: the dependencies of the installed `helpers`, theirs, and so on,
        and what installs it.
    """
    todo, seen = [("helpers", ("book",)), ("setuptools", ())], set()
    while todo:
        name, extras = todo.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        for need in map(Requirement, importlib.metadata.requires(name) or []):
            asked = [{"extra": extra} for extra in ("", *extras)]
            if need.marker is None or any(map(need.marker.evaluate, asked)):
                name = canonicalize_name(need.name)
                todo.append((name, tuple(sorted(need.extras))))
    return {name for name, _ in seen} - {"helpers"}


def locked(lock: str, names: set[str]) -> dict[str, str]:
    """Return the entries of some packages in the lock, as they stand there.

    Parameters
    ----------
    lock : str
        Text of ``requirements.txt``.
    names : set of str
        Canonical names.

    Returns
    -------
    dict of str to str
        Name to entry: the pinned version and its hashes.

    Raises
    ------
    KitError
        If the lock has no entry for one of them on this platform.
    """
    found = {}
    for entry in re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE):
        if not entry.strip():
            continue
        pin = Requirement(entry.split("\\")[0])
        if pin.marker is None or pin.marker.evaluate():
            found[canonicalize_name(pin.name)] = entry
    if missing := sorted(names - set(found)):
        raise KitError(
            f"The lock pins no {', '.join(missing)}, which the course needs here. To"
            " mend it: make lock"
        )
    return {name: found[name] for name in sorted(names)}


def download(entries: Iterable[str], folder: Path) -> list[Path]:
    """Bring the wheel of each entry, verified against the lock's hashes.

    Parameters
    ----------
    entries : iterable of str
        Entries of the lock.
    folder : Path
        Where to.

    Returns
    -------
    list of Path
        The wheels.

    Raises
    ------
    KitError
        If one cannot be had, or is not what the lock says.
    """
    folder.mkdir()
    wanted = folder.with_name("wanted.txt")
    wanted.write_text("".join(entries), encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--require-hashes", "--only-binary=:all:", "--dest", str(folder)]
    outcome = subprocess.run(
        [*command, "--requirement", str(wanted)], capture_output=True, text=True
    )
    if outcome.returncode:
        said = "\n".join(outcome.stderr.strip().splitlines()[-5:])
        raise KitError(
            "The packages cannot be had; pip found a wheel neither in its cache nor on"
            f" the network, or one that the lock does not know. pip says:\n{said}\n"
            "To mend it: connect once, then make kit"
        )
    return sorted(folder.glob("*.whl"))


def licenses_of(said: Message) -> list[str]:
    """Return what a package's metadata says of its license."""
    # Not said[name]: what the backport importlib_metadata, if imported, reads from a
    # wheel in its place raises an error there.
    if expression := said.get("License-Expression"):
        return [expression]
    classifiers = [
        line.split(" :: ")[-1]
        for line in said.get_all("Classifier", [])
        if line.startswith("License :: ")
    ]
    return classifiers or said.get("License", "").strip().splitlines()[:1]


def bill_of_materials(wheels: Iterable[Path], version: str) -> str:
    """Return the bill of materials of the wheels, as CycloneDX 1.6 in JSON.

    Parameters
    ----------
    wheels : iterable of Path
        The packages' files.
    version : str
        That of the course.

    Returns
    -------
    str
        One component a wheel, with its version, license and SHA-256.
    """
    root = Component(name=NAME, version=version, type=ComponentType.APPLICATION)
    bom = Bom()
    bom.metadata.component = root
    make_license = LicenseFactory().make_from_string
    parts = []
    for wheel in wheels:
        [package] = importlib.metadata.distributions(path=[str(wheel)])
        name = canonicalize_name(package.name)
        checksum = hashlib.sha256(wheel.read_bytes()).hexdigest()
        purl = PackageURL("pypi", name=name, version=package.version)
        component = Component(
            name=name,
            version=package.version,
            purl=purl,
            bom_ref=str(purl),
            licenses=map(make_license, licenses_of(package.metadata)),
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=checksum)],
        )
        parts.append(component)
        bom.components.add(component)
    bom.register_dependency(root, parts)
    outputter = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6)
    return outputter.output_as_string(indent=1)


# --- the archive -----------------------------------------------------------------


def files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the visible files of a folder: name relative to it, and path."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        hidden = any(part.startswith((".", "__pycache__")) for part in name.parts)
        if path.is_file() and not hidden:
            yield name.as_posix(), path


def fetch_samples() -> list[Path]:
    """Return the folders of the samples that are here, or can be fetched.

    The course does without them: a kit is made where only the packages can be had.
    """
    found = []
    for name in SAMPLES:
        try:
            found.append(datasets.fetch(name))
        except datasets.CourseDataError as error:
            print(f"The kit will be without {name}.\n{error}", file=sys.stderr)
    return found


def contents(site: Path, samples: list[Path], wheels: list[Path]) -> dict[str, Path]:
    """Return what goes into the archive, but for what is made for it.

    Parameters
    ----------
    site : Path
        The built site.
    samples : list of Path
        Folders of real recordings.
    wheels : list of Path
        The packages.

    Returns
    -------
    dict of str to Path
        Name in the archive to file.

    Raises
    ------
    KitError
        If the site is not built.
    """
    if not (site / "index.html").exists():
        raise KitError(f"There is no site in {site}. To mend it: make book")
    members = {f"site/{name}": path for name, path in files_below(site)}
    for part in (*PARTS, *LICENSES):
        path = ROOT / part
        inside = [(f"{part}/{n}", p) for n, p in files_below(path)]
        members |= inside or {part: path}
    for home in samples:
        prefix = f"data/samples/{home.name}"
        members |= {f"{prefix}/{name}": path for name, path in files_below(home)}
    return members | {f"wheels/{wheel.name}": wheel for wheel in wheels}


def read_me(version: str, samples: list[str]) -> str:
    """Return the kit's README, with the commands for this Python."""
    entries = [entry for entry in datasets.ENTRIES if entry.name in samples]
    lines = [f"- `{e.name}`: {e.license}. {e.description}" for e in entries]
    return README.substitute(
        version=version,
        python=f"{sys.version_info.major}.{sys.version_info.minor}",
        platform=f"{platform.system()} {platform.machine()}",
        install="--no-index --find-links wheels --require-hashes",
        editable="--no-index --no-deps --no-build-isolation",
        samples="\n".join(lines),
    )


def write_archive(target: Path, members: dict[str, Path], made: dict[str, str]) -> None:
    """Write the archive.

    Parameters
    ----------
    target : Path
        The archive.
    members : dict of str to Path
        Name in the archive to file.
    made : dict of str to str
        Name in the archive to text.
    """
    sums = {}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, source in sorted({**members, **made}.items()):
            data = source.encode() if isinstance(source, str) else source.read_bytes()
            sums[name] = hashlib.sha256(data).hexdigest()
            # Wheels and images are compressed already. No dates: they change nothing.
            info = zipfile.ZipInfo(f"{FOLDER}/{name}")
            info.external_attr = 0o644 << 16
            packed = name.endswith((".whl", ".png", ".gz", ".woff2"))
            way = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
            archive.writestr(info, data, compress_type=way)
        lines = "".join(f"{checksum}  {name}\n" for name, checksum in sums.items())
        archive.writestr(zipfile.ZipInfo(f"{FOLDER}/SHA256SUMS"), lines)


def make_kit(site: Path, folder: Path) -> Path:
    """Make the kit for this Python and this platform.

    Parameters
    ----------
    site : Path
        The built site.
    folder : Path
        Where the archive goes; one of an earlier time is replaced.

    Returns
    -------
    Path
        The archive. Its checksum lies beside it.

    Raises
    ------
    KitError
        If the site is not built, or a package cannot be had.
    """
    contents(site, [], [])  # says at once what is missing: the packages take a while
    folder.mkdir(parents=True, exist_ok=True)
    samples = fetch_samples()
    version = importlib.metadata.version("helpers")
    entries = locked((ROOT / "requirements.txt").read_text("utf-8"), needed_packages())
    tag = f"cp{sysconfig.get_config_var('py_version_nodot')}-{sysconfig.get_platform()}"
    target = folder / f"{NAME}-{version}-{tag}.zip"
    work = Path(tempfile.mkdtemp(prefix=".kit-", dir=folder))
    try:
        wheels = download(entries.values(), work / "wheels")
        made = {
            "README.md": read_me(version, [home.name for home in samples]),
            "requirements.txt": "".join(entries.values()),
            "sbom.cdx.json": bill_of_materials(wheels, version),
        }
        built = work / target.name
        write_archive(built, contents(site, samples, wheels), made)
        with built.open("rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
        built.replace(target)  # whole, or not at all
    finally:
        shutil.rmtree(work)
    beside = target.with_name(target.name + ".sha256")
    beside.write_text(f"{checksum}  {target.name}\n", encoding="utf-8")
    return target


def main() -> int:
    """Run the command line; return its exit status: 0, or 1 with one clear error."""
    parser = argparse.ArgumentParser(prog="python -m book.kit", description=__doc__)
    parser.add_argument("--site", type=Path, default=ROOT / "_build/html")
    parser.add_argument("--to", type=Path, default=ROOT / "_build")
    options = parser.parse_args()
    try:
        kit = make_kit(options.site, options.to)
    except KitError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{kit} ({kit.stat().st_size / 1e6:.0f} MB)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
