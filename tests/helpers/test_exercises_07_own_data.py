"""Chapter 7, your own data: stubs fail, right answers pass, mistakes are named."""

import numpy as np
import pandas as pd
import pytest

from helpers.exercises import (
    check_audit,
    check_faulty_run,
    check_motion_table,
    check_volume_labels,
)


@pytest.mark.parametrize(
    ("answer", "passed", "says"),
    [
        ("11", True, "Run 11"),
        (11, True, "Run 11"),
        ("run-11", True, "Run 11"),
        (["11"], True, "Run 11"),
        (..., False, "empty"),
        (10, False, "counted from 0"),
        ("03", False, "no problem"),
        ({"run": "11"}, False, "whole run"),
    ],
)
def test_faulty_run(answer, passed, says):
    feedback = check_faulty_run(answer, "11")
    assert feedback.passed is passed and says in feedback.message, feedback


def words(text):
    """Return the words of a line."""
    return text.split()


# Two events on a grid of 2 s; written out by hand for a delay of 4 s.
EVENTS = pd.DataFrame(
    {"onset": [2.0, 12.0], "duration": [4.0, 4.0], "trial_type": ["face", "house"]}
)
SHOWN = words("rest face face rest rest rest house house rest rest rest rest")
LATE = words("rest rest rest face face rest rest rest house house rest rest")
EARLY = words("face rest rest rest house house rest rest rest rest rest rest")
LONGER = words("rest rest rest face face face rest rest house house house rest")


@pytest.mark.parametrize(
    ("answer", "passed", "says"),
    [
        (LATE, True, "answers to"),
        (np.array(LATE), True, "answers to"),
        (pd.Series(LATE), True, "answers to"),
        (..., False, "empty"),
        (SHOWN, False, "no delay"),
        (EARLY, False, "wrong way"),
        (LONGER, False, "borders"),
        (LATE[:-1], False, "11 labels for 12"),
        (["none"] * 12, False, "'rest'"),
    ],
)
def test_volume_labels(answer, passed, says):
    feedback = check_volume_labels(answer, EVENTS, n_volumes=12, t_r=2.0, delay=4.0)
    assert feedback.passed is passed and says in feedback.message, feedback


def test_volume_labels_in_seconds():
    events = pd.DataFrame({"onset": [2.0], "duration": [4.0], "trial_type": ["cat"]})
    labels = ["rest"] * 6 + ["cat"] * 4 + ["rest"] * 2  # volume 6 taken for second 6
    feedback = check_volume_labels(labels, events, n_volumes=12, t_r=2.5, delay=4.0)
    assert not feedback.passed and "TR" in feedback.message


def motion_table(n=20):
    """Return a table as fMRIPrep writes it, with two unsettled volumes."""
    rng = np.random.default_rng(0)
    table = {}
    for name in [f"{kind}_{axis}" for kind in ("trans", "rot") for axis in "xyz"]:
        series = rng.standard_normal(n)
        step = np.r_[np.nan, np.diff(series)]
        table[name], table[f"{name}_derivative1"] = series, step
        table[f"{name}_power2"], table[f"{name}_derivative1_power2"] = (
            series**2,
            step**2,
        )
    for k in range(2):
        table[f"non_steady_state_outlier{k:02d}"] = (np.arange(n) == k).astype(int)
    return pd.DataFrame(table)


TABLE = motion_table()
TWELVE = TABLE.filter(regex="^(trans|rot)_.(_derivative1)?$")


@pytest.mark.parametrize(
    ("answer", "passed", "says"),
    [
        (TWELVE.bfill().iloc[2:], True, "Twelve"),
        (TWELVE.bfill().iloc[2:, ::-1].to_numpy(np.float32), True, "Twelve"),
        (TWELVE.iloc[2:].to_numpy().tolist(), True, "Twelve"),
        (..., False, "empty"),
        (TWELVE.dropna(), False, "dropna"),
        (TWELVE.bfill(), False, "unsettled"),
        (TWELVE.mask(TWELVE > 2).iloc[2:], False, "NaN"),
        (TABLE.filter(regex="^(trans|rot)_").bfill().iloc[2:], False, "24"),
        (TWELVE.filter(regex="_.$").iloc[2:], False, "without derivatives"),
        (TWELVE.bfill().iloc[:-2], False, "the numbers are not"),
        (TWELVE.bfill().iloc[3:], False, "17 rows"),
        ("a", False, "numbers"),
    ],
)
def test_motion_table(answer, passed, says):
    feedback = check_motion_table(answer, TABLE)
    assert feedback.passed is passed and says in feedback.message, feedback


GOOD = [{"run": "01", "x": 1}, {"run": "02", "x": 2}]
ODD = [{"run": "03", "x": -1}, {"run": "04", "x": -2}, {"run": "05", "x": 3}]


@pytest.mark.parametrize(
    ("check", "passed", "says"),
    [
        (lambda run: ["negative"] if run["x"] < 0 else [], True, "notices 2"),
        (lambda run: np.flatnonzero(np.array([run["x"]]) < 0), True, "notices 2"),
        (lambda run: None, False, "returns nothing"),
        (lambda run: "bad", False, "list of problems"),
        (lambda run: ["always"], False, "cries wolf"),
        (lambda run: [], False, "0 of the 3"),
        (lambda run: ["far"] if run["x"] == -2 else [], False, "1 of the 3"),
        ([], False, "function"),
    ],
)
def test_audit(check, passed, says):
    feedback = check_audit(check, GOOD, ODD)
    assert feedback.passed is passed and says in feedback.message, feedback
