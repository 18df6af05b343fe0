"""What a cell prints reaches the notebook in pieces, cut by the clock: join them.

MyST-NB would end each piece with a new line, within a number, too.
"""

from pathlib import Path

import nbformat
from jupyter_cache.base import JupyterCacheAbstract


def joined(outputs: list) -> list:
    """Join neighboring outputs that were printed to the same stream."""
    found = []
    for output in outputs:
        last = found[-1] if found else {}
        if output.output_type == "stream" and last.get("name") == output.name:
            last["text"] += output.text
        else:
            found.append(output)
    return found


def join_in_cache(cache: JupyterCacheAbstract) -> None:
    """Join the pieces in each notebook of a cache."""
    for record in cache.list_cache_records():
        path = Path(cache.path) / "executed" / record.hashkey / "base.ipynb"
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs = joined(cell.outputs)
        nbformat.write(notebook, path)
