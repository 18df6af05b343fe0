"""Checks of chapter 7: your own data."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from helpers.exercises.feedback import Feedback, missing, not_yet, right


def check_faulty_run(answer: object, faulty: str) -> Feedback:
    """Check which run of a study was found faulty.

    Parameters
    ----------
    answer : str or int
        The learner's run.
    faulty : str
        The run that is faulty, as its file is named: "03".

    Returns
    -------
    Feedback
    """
    empty = missing(answer, "the name of a run")
    if empty is not None:
        return empty
    if isinstance(answer, list | tuple) and len(answer) == 1:
        answer = answer[0]
    if isinstance(answer, dict):
        return not_yet("That is the whole run: give its name, run['run'].")
    name = str(answer).removeprefix("run-").strip().zfill(2)
    if name == faulty:
        return right(f"Run {faulty}: its mask lies elsewhere than its film.")
    if name.isdigit() and int(name) == int(faulty) - 1:
        return not_yet(
            "That is its place in the list, counted from 0. What is in its file's name?"
        )
    return not_yet(f"Run {name} has no problem. Call problems_of for each run of sent.")


def volume_labels(
    events: pd.DataFrame, n_volumes: int, t_r: float, delay: float
) -> np.ndarray:
    """Return what each volume answers to: the event on `delay` seconds before."""
    seen = t_r * np.arange(n_volumes) - delay
    labels = np.full(n_volumes, "rest", dtype=object)
    for event in events.itertuples():
        is_on = (seen >= event.onset) & (seen < event.onset + event.duration)
        labels[is_on] = event.trial_type
    return labels


def check_volume_labels(
    answer: object, events: pd.DataFrame, n_volumes: int, t_r: float, delay: float
) -> Feedback:
    """Check one label a volume, read from a table of events.

    Parameters
    ----------
    answer : array-like of str, shape (n_volumes,)
        The learner's labels.
    events : DataFrame
        Columns onset and duration in s, and trial_type.
    n_volumes : int
        Number of volumes of the film.
    t_r : float
        Time between volumes in s.
    delay : float
        From an event to the volume that answers to it, in s.

    Returns
    -------
    Feedback
    """
    empty = missing(answer, "one word a volume")
    if empty is not None:
        return empty
    given = np.asarray(answer, dtype=object).ravel()
    if given.shape != (n_volumes,):
        return not_yet(
            f"There are {given.size} labels for {n_volumes} volumes. Is it one a"
            " volume, with the unsettled ones?"
        )
    given = given.astype(str)

    def of(shift: float, seconds: float = t_r) -> np.ndarray:
        return volume_labels(events, n_volumes, seconds, shift).astype(str)

    if (given == of(delay)).all():
        return right("Each volume has the event that it answers to.")
    wrong = {
        "There is no delay in them: these are the events as they were shown.": of(0.0),
        "They are shifted the wrong way: the response comes after the event.": of(
            -delay
        ),
        "Seconds were taken for volumes: multiply the volume's number by the TR.": of(
            delay, 1.0
        ),
    }
    for message, labels in wrong.items():
        if (given == labels).all():
            return not_yet(message)
    n_off = int((given != of(delay)).sum())
    if n_off <= 2 * len(events):
        return not_yet(
            f"{n_off} of the labels differ, at the borders of events: an event is on"
            " from its onset (with it) until onset + duration (without it)."
        )
    return not_yet(f"{n_off} of {n_volumes} labels differ. Is rest called 'rest'?")


def check_motion_table(answer: object, table: pd.DataFrame) -> Feedback:
    """Check the six motion columns and their derivatives, ready for cleaning.

    Parameters
    ----------
    answer : DataFrame or array-like, shape (n_kept, 12)
        The learner's confounds.
    table : DataFrame
        The confounds of the run, as read.

    Returns
    -------
    Feedback
    """
    empty = missing(answer, "a table")
    if empty is not None:
        return empty
    try:
        values = np.asarray(answer, dtype=float)
    except (TypeError, ValueError):
        return not_yet("Expected a table of numbers.")
    unsettled = table.filter(regex="^non_steady_state").any(axis=1).to_numpy()
    names = [f"{kind}_{axis}" for kind in ("trans", "rot") for axis in "xyz"]
    right_columns = table[names + [f"{name}_derivative1" for name in names]]
    n_kept, n = int((~unsettled).sum()), len(table)
    if values.ndim != 2 or values.shape[1] != 12:
        return not_yet(
            f"The shape is {values.shape}; expected 12 columns: six of motion and their"
            " six derivatives. (With squares it is 24; without derivatives, 6.)"
        )
    if len(values) == n - 1:
        return not_yet("One row is missing: was it dropna()? Fill it, keep the rows.")
    if len(values) == n:
        return not_yet("The unsettled volumes are still in: leave out their rows.")
    if len(values) != n_kept:
        return not_yet(f"There are {len(values)} rows, {n_kept} volumes are kept.")
    if not np.isfinite(values).all():
        return not_yet("There are still n/a (NaN) in it: fill them with bfill().")
    expected = right_columns.bfill()[~unsettled].to_numpy()
    rows = [tuple(column) for column in np.round(np.sort(expected.T, axis=0), 4)]
    given = [tuple(column) for column in np.round(np.sort(values.T, axis=0), 4)]
    if np.allclose(sorted(given), sorted(rows), atol=1e-3):
        return right("Twelve columns, no gap, a row for each volume that is kept.")
    return not_yet(
        "The shape is right, the numbers are not: other columns, or other rows? The"
        " unsettled volumes are the first ones."
    )


def check_audit(
    check: object, good: Sequence[dict], odd: Sequence[dict], n_wanted: int = 2
) -> Feedback:
    """Check a check: it must be silent on good runs and speak on odd ones.

    Parameters
    ----------
    check : callable
        The learner's function: takes a run, returns a list of problems.
    good, odd : sequence of dict
        Runs that are fine, and runs that are not.
    n_wanted : int
        How many of the odd ones must be noticed.

    Returns
    -------
    Feedback
    """
    if not isinstance(check, Callable):
        return not_yet("Expected a function that takes a run.")
    for run in [*good, *odd]:
        found = check(run)
        if found is None or found is Ellipsis:
            return not_yet(
                "The stub is still empty, or the function returns nothing: let it"
                " return a list."
            )
        if isinstance(found, str) or not hasattr(found, "__len__"):
            return not_yet("It must return a list of problems, empty if there is none.")
    for run in good:
        if len(check(run)):
            return not_yet(
                f"It complains about run {run['run']}, which is fine:"
                f" {list(check(run))}. A check that cries wolf is soon ignored."
            )
    noticed = [len(check(run)) > 0 for run in odd]
    if sum(noticed) >= n_wanted:
        return right(f"It is silent on good runs and notices {sum(noticed)} odd ones.")
    return not_yet(
        f"It notices {sum(noticed)} of the {len(odd)} odd runs. Print their events and"
        " their motion beside those of a good run."
    )
