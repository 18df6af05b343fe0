"""Run the chapters on the paper's own data and report the ledger: ``make full``.

``python -m tests.notebooks.run_full [NOTEBOOK ...]``; by default all chapters. The
paper's data have no ground truth, and what a page claims of the simulation need not
hold for them. So a cell that fails is listed and the notebook goes on, and a claim
that does not hold is a printed line. What was measured goes to the ledger's report
beside the data; nothing in the course is changed.
"""

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

from helpers.datasets import data_dir

ROOT = Path(__file__).parents[2]
TIMEOUT = 6 * 3600  # of a cell, in seconds: table 1 at full size takes about an hour
# In the kernel: an assertion prints what does not hold, and the cell goes on.
SOFTEN = """
import ast


class Soften(ast.NodeTransformer):
    def visit_Assert(self, node):
        said = f"does not hold on these data: {ast.unparse(node.test)}"
        handler = ast.parse(f"print({said!r})").body
        softer = ast.If(ast.UnaryOp(ast.Not(), node.test), handler, [])
        return ast.fix_missing_locations(ast.copy_location(softer, node))


get_ipython().ast_transformers.append(Soften())
"""


def run(path: Path) -> nbformat.NotebookNode:
    """Run a notebook on the paper's data to its end; return it with its outputs."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, new_code_cell(SOFTEN, id="soften"))
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=TIMEOUT,
        allow_errors=True,
        resources={"metadata": {"path": str(path.parent)}},
    )
    return client.execute(env=os.environ | {"COURSE_DATA": "full"})


def problems(notebook: nbformat.NotebookNode) -> list[str]:
    """List the cells that failed, and the claims that do not hold on these data."""
    found = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                # A claim about the truth, or about what only the simulation has.
                kind = "skipped: " if "claim" in cell.metadata.get("tags", []) else ""
                line = f"{cell.id}: {kind}{output.ename}: {output.evalue}"
                found.append(line[:200])
            for line in output.get("text", "").splitlines():
                if line.startswith("does not hold on these data:"):
                    found.append(f"{cell.id}: {line}")
    return found


def main(arguments: list[str]) -> int:
    """Run all chapters, or those named; return 1 if one cannot load its data."""
    paths = [Path(name).absolute() for name in arguments]
    if not paths:  # no value of an earlier run may pass for one of this run
        (data_dir() / "ledger-full.csv").unlink(missing_ok=True)
    status = 0
    for path in paths or sorted((ROOT / "notebooks").glob("*.ipynb")):
        found = problems(run(path))
        print(f"{path.name}: {len(found)} cells or claims do not fit these data")
        for line in found:
            print(f"  {line}")
            status |= "CourseDataError" in line
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
