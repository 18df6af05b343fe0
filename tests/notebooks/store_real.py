"""Run the notebooks on real recordings again and store their outputs: ``make real``.

``python tests/notebooks/store_real.py [NOTEBOOK ...]``; by default all of
``notebooks/real``. What is stored depends on the data and the code only: no folder,
no time, no address in memory and no version of a program is in it.
"""

import os
import re
import struct
import sys
from base64 import b64decode, b64encode
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "book/_ext"))

from printed import joined  # noqa: E402

MAX_BYTES = 1_000_000
# What differs from machine to machine or from run to run.
UNSTABLE = re.compile(
    r"/(?:home|root|tmp|work|Users|private|var|mnt)/|[A-Z]:\\\\| at 0x[0-9a-f]{6,}"
)
PNG_TEXTS = (b"tEXt", b"zTXt", b"iTXt", b"tIME", b"eXIf")


class NotStorable(Exception):
    """The notebook's outputs are not fit to be stored; the message says why."""


def run(path: Path) -> nbformat.NotebookNode:
    """Run a notebook from its own folder; return it with its new outputs."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=300,
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    # The page's own settings, not those of who stores it.
    ignored = ("MPLBACKEND", "COURSE_DATA")
    return client.execute(env={k: v for k, v in os.environ.items() if k not in ignored})


def without_texts(png: bytes) -> bytes:
    """Return a PNG without its texts and dates, such as the version of Matplotlib."""
    kept, position = png[:8], 8
    while position < len(png):
        (length,) = struct.unpack(">I", png[position : position + 4])
        chunk = png[position : position + length + 12]
        if chunk[4:8] not in PNG_TEXTS:
            kept += chunk
        position += len(chunk)
    return kept


def tidy(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Remove in place what differs between two runs; raise if something cannot be."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": kernel, "language_info": {"name": "python"}}
    )
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.metadata.pop("execution", None)
        cell.outputs = joined(cell.outputs)
        for output in cell.outputs:
            if output.get("name") == "stderr":
                raise NotStorable(
                    f"cell {cell.id} prints a warning or a progress bar, which has no "
                    f"place on a page: {output.text.strip()[:300]}"
                )
            data = output.get("data", {})
            if "image/png" in data:
                png = without_texts(b64decode(data["image/png"]))
                data["image/png"] = b64encode(png).decode("ascii")
            found = UNSTABLE.search(
                output.get("text", "")
                + "".join(str(v) for k, v in data.items() if k != "image/png")
            )
            if found:
                raise NotStorable(
                    f"cell {cell.id} shows {found[0]!r}, which is another one on "
                    "another machine or in another run"
                )
    return notebook


def store(path: Path) -> int:
    """Run a notebook and write it with its outputs; return its size in bytes."""
    text = nbformat.writes(tidy(run(path))) + "\n"
    size = len(text.encode("utf-8"))
    if size > MAX_BYTES:
        raise NotStorable(f"it would take {size} bytes; at most {MAX_BYTES} are stored")
    # Beside it first: a run that is interrupted leaves the old outputs.
    new = path.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)
    return size


def main(arguments: list[str]) -> int:
    """Store all notebooks, or those named; return the exit status."""
    paths = [Path(name).absolute() for name in arguments]
    status = 0
    for path in paths or sorted((ROOT / "notebooks/real").glob("*.ipynb")):
        try:
            print(f"{path.name}: {store(path) / 1e3:.0f} kB")
        except NotStorable as error:
            print(f"{path.name} is left as it was: {error}", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
