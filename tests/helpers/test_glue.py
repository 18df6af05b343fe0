"""The short way to hand a number to the text, against MyST-NB's own."""

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from myst_nb import glue as reference

from helpers.glue import glue


@pytest.fixture(scope="module", autouse=True)
def shell():
    """Formatters need a shell; it ends with these tests."""
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def shown(function, *args, **options):
    """Return data and metadata of what a call displays."""
    with capture_output() as captured:
        function(*args, **options)
    return [(output.data, output.metadata) for output in captured.outputs]


@pytest.mark.parametrize("display", [False, True])
@pytest.mark.parametrize("value", [3, 0.1234567, "1,000"])
def test_stores_what_myst_nb_stores(value, display):
    expected = shown(reference, "a_name", value, display=display)
    assert expected[0][1]["scrapbook"]["name"] == "a_name"
    assert shown(glue, "a_name", value, display=display) == expected
