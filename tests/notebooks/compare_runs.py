"""Run the notebooks under two conditions, and compare what they show: ``make same``.

``python -m tests.notebooks.compare_runs run FOLDER [NOTEBOOK ...]`` runs the notebooks
with the Python that runs this, and keeps them with their outputs in a folder.
``python -m tests.notebooks.compare_runs compare FOLDER OTHER`` lists the numbers for
the prose, the printed texts and the pictures of the two that are not the same. An
assertion that fails under one condition is an error, and so are notebooks that did not
run in both; differences are listed only: what the pages claim has room for them.
"""

import base64
import hashlib
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from helpers.glue import PREFIX

ROOT = Path(__file__).parents[2]
TIMEOUT = 900  # of a cell, in seconds
CLOSE = 1e-6  # a relative difference that no page can show


def run(path: Path, folder: Path) -> None:
    """Run a notebook to its end, also past cells that fail, and keep it."""
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(
        notebook, timeout=TIMEOUT, allow_errors=True, resources=resources
    )
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(client.execute(), folder / path.name)


def failures(notebook: NotebookNode) -> list[str]:
    """List the cells that failed and should not have."""
    return [
        f"{cell.id}: {output.ename}: {output.evalue}"[:200]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "error"
        and "raises-exception" not in cell.metadata.get("tags", [])
    ]


def shown(notebook: NotebookNode) -> dict[str, dict[str, str]]:
    """Return what a run showed: numbers by their names, texts and pictures by cell."""
    found = {"number": {}, "text": {}, "picture": {}}
    for cell in notebook.cells:
        for place, output in enumerate(cell.get("outputs", [])):
            if output.output_type == "stream":
                key = f"{cell.id} {output.name}"
                found["text"][key] = found["text"].get(key, "") + output.text
            for kind, data in output.get("data", {}).items():
                name = output.metadata.get("scrapbook", {}).get("name")
                key = f"{cell.id} {place} {kind}"
                if name and kind.removeprefix(PREFIX) == "text/plain":
                    found["number"][name] = data
                elif kind == "image/png":
                    pixels = base64.b64decode(data)
                    found["picture"][key] = hashlib.sha256(pixels).hexdigest()
                elif not name:
                    found["text"][key] = str(data)
    return found


def apart(one: str, other: str) -> float:
    """Return how far two glued values are apart, relative to the larger one."""
    try:
        a, b = (float(text.strip("'").replace(",", "")) for text in (one, other))
    except ValueError:
        return 0.0 if one == other else float("inf")
    return 0.0 if a == b else abs(a - b) / max(abs(a), abs(b))


def compare(one: NotebookNode, other: NotebookNode) -> dict[str, list]:
    """Return what two runs of a notebook have in common, and what not.

    Returns
    -------
    dict
        For "number", "text" and "picture": how many both runs show, and the keys of
        those that differ (numbers: with both values, the largest difference first).
    """
    first, second = shown(one), shown(other)
    found = {}
    for what in first:
        keys = sorted(first[what].keys() | second[what].keys())
        pairs = {k: (first[what].get(k, ""), second[what].get(k, "")) for k in keys}
        if what == "number":
            far = {key: apart(*pair) for key, pair in pairs.items()}
            by_size = sorted(far, key=far.get, reverse=True)
            odd = [f"{k}: {' / '.join(pairs[k])}" for k in by_size if far[k] > CLOSE]
        else:
            odd = [key for key, (a, b) in pairs.items() if a != b]
        found[what] = [len(keys), odd]
    return found


def report(folder: Path, other: Path) -> int:
    """Print what differs between two folders of runs; return 1 if a run failed."""
    names = sorted({path.name for f in (folder, other) for path in f.glob("*.ipynb")})
    status = int(not names)
    for name in names:
        both = [f / name for f in (folder, other)]
        missing = [str(path) for path in both if not path.exists()]
        if missing:
            print(f"{name}: not run: {missing[0]}")
            status = 1
            continue
        runs = [nbformat.read(path, as_version=4) for path in both]
        found = compare(*runs)
        counts = [f"{len(odd)} of {n} {what}s" for what, (n, odd) in found.items()]
        print(f"{name}: {', '.join(counts)} differ")
        for what, (_, odd) in found.items():
            for line in odd:
                print(f"  {what} {line}")
        for path, notebook in zip(both, runs, strict=True):
            for line in failures(notebook):
                print(f"  FAILED in {path.parent.name}: {line}")
                status = 1
    return status


def main(arguments: list[str]) -> int:
    """Run notebooks, or compare two folders of runs."""
    match arguments:
        case ["run", folder, *names]:
            paths = [Path(name).absolute() for name in names]
            for path in paths or sorted((ROOT / "notebooks").glob("*.ipynb")):
                run(path, Path(folder))
            return 0
        case ["compare", folder, other]:
            return report(Path(folder), Path(other))
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
