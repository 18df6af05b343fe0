"""The checkers of the smallest chapter; a real page has them in helpers.exercises."""

import numpy as np

from helpers.exercises.feedback import Feedback, missing, not_yet, number, right


def check_mean(answer: object, measured: np.ndarray) -> Feedback:
    """Judge the mean of some measurements."""
    value = number(answer, "the mean")
    if isinstance(value, Feedback):
        return value
    if np.isclose(value, np.mean(measured), rtol=1e-4):
        return right("On average, noise cancels.")
    if np.isclose(value, np.sum(measured)):
        return not_yet("That is the sum. Divide by the number of measurements.")
    return not_yet("That is not their mean. NumPy has it ready: measured.mean().")


def check_standard_error(answer: object, measured: np.ndarray) -> Feedback:
    """Judge the standard error of their mean."""
    value = number(answer, "the standard error")
    if isinstance(value, Feedback):
        return value
    deviation, root = np.std(measured, ddof=1), np.sqrt(len(measured))
    if np.isclose(value, deviation / root, rtol=1e-4):
        return right("Means of such samples scatter by that much.")
    if np.isclose(value, deviation, rtol=1e-4):
        return not_yet("That is the spread of one measurement. Divide by √n.")
    if np.isclose(value, deviation / root**2, rtol=1e-4):
        return not_yet("You divided by n; the error falls with its root.")
    return not_yet("Take the standard deviation (ddof=1), divided by √n.")


def check_half_error(answer: object, measured: np.ndarray) -> Feedback:
    """Judge how many new measurements there are."""
    empty = missing(answer, "an array of measurements")
    if empty is not None:
        return empty
    n, wanted = np.size(answer), 4 * len(measured)
    if n == 2 * len(measured):
        return not_yet("Twice as many: the error falls to 1/√2. You need more.")
    if n < wanted:
        return not_yet(f"{n} are too few: the error falls with the root of n.")
    return right("Four times the work for half the error.")
