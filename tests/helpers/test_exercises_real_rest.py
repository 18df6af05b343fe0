"""The checkers of the page on six real brains: stub, right and wrong answers."""

import numpy as np
import pandas as pd
import pytest

from helpers.exercises import (
    check_by_time,
    check_choice,
    check_pieces,
    check_strongest,
)

# Row 2 has the largest mean, row 1 the largest single value, row 3 the lowest mean.
AT_PLACES = np.array([[0.5, 0.5], [4.0, -2.0], [2.0, 2.0], [-3.0, 0.0]])


def said(feedback, passed, named):
    """Say whether a checker judged, and named the mistake, as it should."""
    return feedback.passed is passed and named in feedback.message


@pytest.mark.parametrize(
    ("answer", "passed", "named"),
    [
        (..., False, "still empty"),
        (2, True, "mean of 2.0"),
        (np.int64(2), True, "mean of 2.0"),
        ([2.0], True, "mean of 2.0"),
        (-2, True, "Map 2"),
        (1, False, "*one* of the places"),
        (3, False, "argmax, not argmin"),
        (0, False, "another has more"),
        (4, False, "no row"),
        (1.7, False, "no row"),
    ],
)
def test_strongest(answer, passed, named):
    assert said(check_strongest(answer, AT_PLACES), passed, named)


# Parcel 0: two voxels that touch by a corner only. Parcel 1: two far apart. Parcel 2
# touches parcel 0, and is in one piece. The mask leaves a hole.
LABELED = np.zeros((5, 5, 5), dtype=int)
LABELED[0, 0, 0] = LABELED[1, 1, 1] = 1
LABELED[0, 4, 0] = LABELED[4, 4, 4] = 2
LABELED[1, 1, 2] = LABELED[1, 1, 3] = 3
INSIDE = LABELED > 0
LABELS = LABELED[INSIDE] - 1


@pytest.mark.parametrize(
    ("answer", "passed", "named"),
    [
        (..., False, "still empty"),
        (4, True, "3 parcels, 4 pieces"),
        (np.float32(4), True, "4 pieces"),
        (5, False, "touch by a face"),
        (3, False, "number of parcels"),
        (17, False, "not the sum"),
    ],
)
def test_pieces(answer, passed, named):
    assert said(check_pieces(answer, LABELS, INSIDE), passed, named)


def test_pieces_of_all_parcels_at_once_and_with_the_background():
    labeled = LABELED.copy()
    labeled[0, 3, 0] = 1  # beside a voxel of parcel 2: one piece less at once
    labeled[4, 0, 4] = 1
    labeled[2:, 0, 0] = labeled[4, 1, 1] = 3
    inside = labeled > 0
    labels = labeled[inside] - 1
    # 3 + 2 + 2 pieces by parcel, 4 at once, and 1 of the background
    assert said(check_pieces(7, labels, inside), True, "7 pieces")
    assert said(check_pieces(8, labels, inside), False, "background counts")
    assert said(check_pieces(4, labels, inside), False, "all parcels at once")


@pytest.fixture(scope="module")
def parts():
    """Return maps, and two noisy versions of them in orders and signs of their own."""
    rng = np.random.default_rng(0)
    maps = rng.standard_normal((6, 500))
    # Maps 4 and 5 resemble each other, and 5 is lost in the last part: the best of
    # all for both is that of map 4.
    maps[5] = maps[4] + 0.8 * rng.standard_normal(500)
    first = (maps + 0.4 * rng.standard_normal(maps.shape))[[3, 0, 5, 1, 2, 4]]
    last = -(maps + rng.standard_normal(maps.shape))[[1, 2, 0, 4, 5, 3]]
    last[4] = rng.standard_normal(500)
    back = [1, 3, 4, 0, 5, 2], [2, 0, 1, 5, 3, 4]
    r = [np.corrcoef(first[i], last[j])[0, 1] for i, j in zip(*back, strict=True)]
    return maps, first, last, np.array(r)


def test_by_time_right(parts):
    maps, first, last, r = parts
    assert r.min() < -0.5
    for answer in (np.abs(r), np.abs(r).tolist(), np.abs(r).astype(np.float32)):
        assert said(check_by_time(answer, maps, first, last), True, "median")


def test_by_time_wrong(parts):
    maps, first, last, r = parts
    all_r = np.abs(np.corrcoef(first, last)[:6, 6:])
    for answer, named in (
        (..., "still empty"),
        (r, "sign means nothing"),
        (np.sort(np.abs(r)), "another order"),
        (np.diag(all_r), "orders of their own"),
        (all_r.max(axis=1), "used twice"),
        (np.median(np.abs(r)), "6 numbers"),
        (np.abs(r) + 0.1, "not the |r|"),
    ):
        feedback = check_by_time(answer, maps, first, last)
        assert said(feedback, False, named), (named, feedback)


@pytest.mark.parametrize(
    ("answer", "passed", "named"),
    [
        (..., False, "still empty"),
        (10, True, "costs most at vision, where another number has 3.0 more"),
        (np.float64(20), True, "costs most at angular"),
        (17, False, "not tried"),
        (4.0, False, "is a score"),
        ("ten", False, "number"),
    ],
)
def test_choice(answer, passed, named):
    table = pd.DataFrame(
        {
            "components": [10, 10, 20, 20],
            "seed": [0, 1, 0, 1],
            "vision": [1.0, 1.0, 4.0, 4.0],
            "angular": [2.0, 2.0, 0.0, 0.0],
        }
    )
    assert said(check_choice(answer, table), passed, named)
