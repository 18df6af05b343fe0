"""Hand a number to the text of its page, as ``myst_nb.glue`` does.

That one imports what reads notebooks, which takes longer than many a page's science.
"""

from IPython.core.formatters import format_display_data
from IPython.display import display as show

PREFIX = "application/papermill.record/"


def glue(name: str, value: object, display: bool = True) -> None:
    """Store a value in the notebook, under a name that the text can paste.

    Parameters
    ----------
    name : str
        The name, for ``{glue:text}`` in the text; unique in the notebook.
    value : object
        What to paste: a plain int, float or str.
    display : bool
        Whether the cell shows the value, too.

    References
    ----------
    The MyST-NB documentation, "Embed outputs as variables".
    """
    bundle, metadata = format_display_data(value)
    prefix = "" if display else PREFIX
    metadata["scrapbook"] = {"name": name, "mime_prefix": prefix}
    bundle = {prefix + kind: content for kind, content in bundle.items()}
    show(bundle, raw=True, metadata=metadata)
