"""The first cell of every notebook: it installs the course where it is missing.

``python tests/notebooks/first_cell.py`` writes it into all of them, with the address
that ``course_repository`` in ``_config.yml`` gives. The page does not show it.
"""

from pathlib import Path

import nbformat
import yaml

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.ipynb"))
CELL_ID = "install-course"
# Folded in JupyterLab and on Colab, and not on the page.
METADATA = {
    "cellView": "form",
    "jupyter": {"source_hidden": True},
    "tags": ["remove-cell"],
}
SOURCE = """\
# @title Where the course is missing, as on Colab, this installs it.
import importlib.util

if importlib.util.find_spec("helpers") is None:
    import os
    import subprocess
    import sys
    from pathlib import Path

    address = os.environ.get("COURSE_REPOSITORY") or "{address}"
    folder = Path.home() / "neuroimaging-course"
    clone = ["git", "clone", "--quiet", "--depth=1", address, str(folder)]
    pip = [sys.executable, "-m", "pip", "install", "-q", "-e", str(folder)]
    if not address:
        raise RuntimeError(
            "The course is not installed here, and this notebook does not "
            "know where it lives. Set the variable COURSE_REPOSITORY to the "
            "address of its repository, or install it as its README says."
        )
    print(f"The course is not here: installing it from {{address}} ...")
    for command in [pip] if folder.exists() else [clone, pip]:
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            why = getattr(error, "stderr", b"").decode() or error
            raise RuntimeError(
                f"The course could not be installed from {{address}}. Is there "
                "a network, and is the address right? Then run this cell again. "
                f"What failed: {{' '.join(command)}}\\n{{why}}"
            ) from None
    # This kernel has started already: it would find the course only next time.
    sys.path.insert(0, str(folder))
    print("The course is installed. Go on with the next cell.")"""


def first_cell() -> nbformat.NotebookNode:
    """Return the cell, with the address of the course's configuration."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    address = config["sphinx"]["config"]["course_repository"]
    cell = nbformat.v4.new_code_cell(SOURCE.format(address=address), metadata=METADATA)
    cell.id = CELL_ID
    return cell


def write(path: Path) -> None:
    """Put the cell in front of a notebook, or in the place of an older one."""
    notebook = nbformat.read(path, as_version=4)
    others = [cell for cell in notebook.cells if cell.id != CELL_ID]
    notebook.cells = [first_cell(), *others]
    ran = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if any(cell.execution_count for cell in ran):  # stored with its outputs
        for count, cell in enumerate(ran, 1):
            cell.execution_count = count
            for output in cell.outputs:
                if "execution_count" in output:
                    output.execution_count = count
    path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")


if __name__ == "__main__":
    for each in NOTEBOOKS:
        write(each)
