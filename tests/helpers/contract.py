"""Watch how the tests of a page try its checkers, and say what they left out."""

from collections import defaultdict
from collections.abc import Callable
from functools import wraps

from helpers.exercises import Feedback

EMPTY = "The stub is still empty"
# What `helpers.exercises.feedback` says of an answer of another kind: a slip of the
# keyboard, not a mistake about brains or models.
OF_ANOTHER_KIND = "Expected "


class Tried:
    """The answers that checkers were given, and what they said."""

    def __init__(self) -> None:
        self.said: dict[str, list[Feedback]] = defaultdict(list)

    def watch(self, name: str, checker: Callable[..., Feedback]) -> Callable:
        """Return the checker; what it says is kept."""
        self.said[name] = []

        @wraps(checker)
        def watched(*args: object, **options: object) -> Feedback:
            feedback = checker(*args, **options)
            self.said[name].append(feedback)
            return feedback

        return watched

    def left_out(self) -> dict[str, list[str]]:
        """Return what of the contract was not tried, for each checker that lacks some.

        The empty stub fails, a right answer passes, and at least two mistakes are
        told apart by their messages.
        """
        lacking = defaultdict(list)
        for name, said in self.said.items():
            wrong = {f.message for f in said if not f.passed}
            stubs = {message for message in wrong if message.startswith(EMPTY)}
            slips = {m for m in wrong if m.startswith(OF_ANOTHER_KIND)}
            named = wrong - stubs - slips
            if not stubs:
                lacking[name].append("the empty stub")
            if sum(f.passed for f in said) < 2:
                lacking[name].append("a right answer, in two forms")
            if len(named) < 2:
                lacking[name].append(f"two mistakes, not {len(named)}: {named}")
        return dict(lacking)
