"""While the tests of a page's exercises run, what they try of its checkers is kept."""

import pytest

from tests.helpers.contract import Tried

_partly = set()  # modules of which some test was not run, or did not pass


def pytest_deselected(items):
    """A part of a module cannot be asked for the whole."""
    _partly.update(item.module.__name__ for item in items if hasattr(item, "module"))


def pytest_collection_modifyitems(config, items):
    """The same when tests are named one by one."""
    if any("::" in argument for argument in config.args):
        _partly.update(item.module.__name__ for item in items)


def pytest_runtest_makereport(item, call):
    """A test that failed or was skipped tried less than it would have."""
    if call.excinfo is not None:
        _partly.add(item.module.__name__)


@pytest.fixture(autouse=True, scope="module")
def contract(request):
    """Each checker that a module tests is tried with a stub, right and wrong answers.

    So a checker added to a page without them turns the module red.
    """
    module = request.module
    if not module.__name__.rpartition(".")[2].startswith("test_exercises_"):
        yield
        return
    tried = Tried()
    with pytest.MonkeyPatch.context() as patch:
        for name, checker in list(vars(module).items()):
            if name.startswith("check_"):
                patch.setattr(module, name, tried.watch(name, checker))
        yield
    if module.__name__ not in _partly:
        assert not tried.left_out(), "not tried in the tests of this page"
