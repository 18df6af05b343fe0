"""What a checker answers, and what all checkers share."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Feedback:
    """What a checker found.

    Attributes
    ----------
    passed : bool
        Whether the answer is right.
    message : str
        What is right, or what is wrong and where to look.
    """

    passed: bool
    message: str

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return f"{'Right!' if self.passed else 'Not yet.'} {self.message}"


def right(message: str) -> Feedback:
    """Return the feedback on a right answer."""
    return Feedback(True, message)


def not_yet(message: str) -> Feedback:
    """Return the feedback on a wrong or missing answer."""
    return Feedback(False, message)


def missing(answer: object, what: str) -> Feedback | None:
    """Return a feedback when the stub has not been filled in."""
    if answer is None or answer is Ellipsis:
        return not_yet(f"The stub is still empty: put {what} in it.")
    return None


def number(answer: object, what: str) -> float | Feedback:
    """Return a single number, or the feedback that it is none."""
    empty = missing(answer, what)
    if empty is not None:
        return empty
    try:
        value = np.asarray(answer, dtype=float)
    except (TypeError, ValueError):
        return not_yet(f"Expected {what}, a number, but got {type(answer).__name__}.")
    if value.size != 1:
        return not_yet(
            f"Expected {what}, one number, but got an array of shape {value.shape}."
            " Did you forget to take the mean?"
        )
    if not np.isfinite(value).all():
        return not_yet(f"Expected {what}, but got {float(value.ravel()[0])}.")
    return float(value.ravel()[0])


def numbers(
    answer: object, what: str, length: int | None = None
) -> np.ndarray | Feedback:
    """Return an array of numbers, or the feedback that it is none.

    With a `length` it is a vector; one in a box of its own, (1, length), will do.
    """
    empty = missing(answer, what)
    if empty is not None:
        return empty
    try:
        values = np.asarray(answer, dtype=float)
    except (TypeError, ValueError):
        return not_yet(
            f"Expected {what}, as numbers, but some are something else (got"
            f" {type(answer).__name__})."
        )
    if values.size == 0:
        return not_yet(f"Expected {what}, but it is an empty list.")
    if not np.isfinite(values).all():
        n_bad = np.count_nonzero(~np.isfinite(values))
        return not_yet(
            f"Expected {what}, but {n_bad} of the {values.size} numbers are not finite"
            " numbers (NaN). Look for a division by zero."
        )
    if length is None:
        return values
    if values.shape not in ((length,), (1, length), (length, 1)):
        return not_yet(
            f"Expected {what}: {length} numbers, but the shape is {values.shape}. Is a"
            " mean over the wrong axis?"
        )
    return values.ravel()
