"""Checks of the exercises of chapter 7, beyond one machine."""

from collections.abc import Mapping

import numpy as np

from helpers.exercises.feedback import (
    Feedback,
    missing,
    not_yet,
    number,
    numbers,
    right,
)


def check_amdahl(
    minutes: object, serial: float, parallel: float, n_workers: int
) -> Feedback:
    """Check how long a job takes of which one part only can be shared out.

    Parameters
    ----------
    minutes : float
        The answer.
    serial, parallel : float
        Minutes of the two parts, on one worker.
    n_workers : int

    Returns
    -------
    Feedback
    """
    value = number(minutes, "a number of minutes")
    if isinstance(value, Feedback):
        return value
    wanted = serial + parallel / n_workers
    if np.isclose(value, wanted, rtol=1e-3):
        speed_up = (serial + parallel) / wanted
        return right(f"{n_workers} workers make it {speed_up:.1f} times as fast.")
    if np.isclose(value, (serial + parallel) / n_workers, rtol=1e-3):
        return not_yet("You divided everything, the serial part too.")
    if np.isclose(value, parallel / n_workers, rtol=1e-3):
        return not_yet("That is the shared part. The serial part comes on top.")
    if np.isclose(value, (serial + parallel) / wanted, rtol=1e-3):
        return not_yet("That is how many times as fast it is. How many minutes?")
    return not_yet("The serial part stays as it is; only the rest is divided.")


def check_streamed_variance(variance: object, maps: np.ndarray) -> Feedback:
    """Check the variance of each voxel over subjects.

    Parameters
    ----------
    variance : array-like, shape (n_voxels,)
        The answer.
    maps : ndarray, shape (n_subjects, n_voxels)
        The maps that were streamed.

    Returns
    -------
    Feedback
    """
    answer = numbers(variance, "a variance for each voxel", maps.shape[1])
    if isinstance(answer, Feedback):
        return answer

    def like(values: np.ndarray) -> bool:
        return np.allclose(answer, values, rtol=1e-3)

    if like(maps.var(axis=0, ddof=1)):
        return right(f"{len(maps)} maps went by, and none was kept.")
    if like(maps.var(axis=0)):
        return not_yet("You divided by n. For a sample it is n - 1.")
    if like(maps.std(axis=0, ddof=1)):
        return not_yet("That is its root, the standard deviation.")
    if like((maps**2).mean(axis=0)) or like((maps**2).sum(axis=0) / (len(maps) - 1)):
        return not_yet("Those are squares around 0. Take them around the mean.")
    return not_yet(
        "Not the variance. After each map, update the mean; then the sum of squares"
        " around it. Is `maps` empty already? Make it anew."
    )


def check_plan(plan: object, max_hours: float, max_megabytes: float) -> Feedback:
    """Check whether a plan fits into the time and onto the wire.

    Parameters
    ----------
    plan : dict
        ``subjects``, ``minutes`` and ``megabytes`` for each of them, ``workers``.
    max_hours, max_megabytes : float
        The limits for all subjects together.

    Returns
    -------
    Feedback
    """
    empty = missing(plan, "a dictionary")
    if empty is not None:
        return empty
    names = ("subjects", "minutes", "megabytes", "workers")
    if not isinstance(plan, Mapping) or not set(names) <= set(plan):
        return not_yet(f"A plan is a dictionary with {', '.join(names)}.")
    values = [number(plan[name], f"a number of {name}") for name in names]
    for value in values:
        if isinstance(value, Feedback):
            return value
    subjects, minutes, megabytes, workers = values
    if min(subjects, minutes, workers) <= 0 or megabytes < 0:
        return not_yet("Numbers of things are positive.")
    rounds = np.ceil(subjects / workers)
    hours = rounds * minutes / 60
    if hours > max_hours:
        even = subjects / workers * minutes / 60
        if even <= max_hours:
            return not_yet(
                f"The last round is not full, but takes as long: {rounds:.0f} rounds"
                f" are {hours:.1f} hours."
            )
        return not_yet(f"{rounds:.0f} rounds of {minutes:g} min: {hours:.1f} hours.")
    if subjects * megabytes > max_megabytes:
        return not_yet(
            f"{subjects * megabytes:.0f} MB would pass through your notebook. Send"
            " paths."
        )
    what = "round" if rounds == 1 else "rounds"
    return right(
        f"{rounds:.0f} {what}, {hours:.1f} hours, {subjects * megabytes:.0f} MB sent."
    )
