"""The checkers of chapter 5's page on encoding: stub, right and wrong answers."""

import nibabel as nib
import numpy as np
import pytest

from helpers.exercises import (
    check_better_encoding,
    check_field_center,
    check_unshifted,
)
from helpers.exercises.chapter5_encoding import _scores


@pytest.fixture(scope="module")
def scores(miyawaki):
    """Return the scores of all voxels for some shifts of the images."""
    n_voxels = np.count_nonzero(nib.load(miyawaki.mask).dataobj)
    return {s: _scores(miyawaki, s, np.arange(n_voxels)) for s in (-2, 0, 1, 2)}


@pytest.mark.parametrize(
    ("shift", "passed", "named"),
    [
        (0, True, "timing matters"),
        (2, False, "with the shift"),
        (-2, False, "wrong way"),
        (1, False, "by one volume"),
    ],
)
def test_unshifted(miyawaki, scores, shift, passed, named):
    answer = scores[shift].astype(np.float32)
    feedback = check_unshifted(answer, scores[2], miyawaki)
    assert feedback.passed is passed and named in feedback.message, feedback


def test_unshifted_takes_a_list(miyawaki, scores):
    assert check_unshifted(scores[0].tolist(), scores[2], miyawaki).passed


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (..., "stub is still empty"),
        (0.5, "over the wrong axis"),
        ("a", "something else"),
    ],
)
def test_unshifted_of_another_form(miyawaki, scores, answer, named):
    feedback = check_unshifted(answer, scores[2], miyawaki)
    assert not feedback.passed and named in feedback.message, feedback


def test_field_center(miyawaki):
    inside = np.asarray(nib.load(miyawaki.mask).dataobj) > 0
    x, y = (
        nib.load(path).get_fdata()[inside]
        for path in (miyawaki.truth.rf_x, miyawaki.truth.rf_y)
    )
    voxel = int(np.flatnonzero((x > 1) & (x < 3) & (y > 5) & (y < 8))[0])
    cases = [
        ((x[voxel], y[voxel]), True, "true center"),
        ([x[voxel] + 0.3, y[voxel]], True, "true center"),
        (..., False, "stub is still empty"),
        ((y[voxel], x[voxel]), False, "exchanged"),
        ((x[voxel] + 1, y[voxel] + 1), False, "counted from 1"),
        ((9, 0), False, "pixels off"),
    ]
    for answer, passed, named in cases:
        feedback = check_field_center(answer, voxel, miyawaki)
        assert feedback.passed is passed and named in feedback.message, feedback


@pytest.mark.parametrize(
    ("answer", "passed", "named"),
    [
        (..., False, "stub is still empty"),
        ([0.5, 0.6], True, "beats"),
        (np.float32([0.5, 0.6]), True, "beats"),
        ([0.4, 0.4], False, "does not beat"),
        ([0.9, 0.9], False, "above the ceiling"),
        ([0.5, np.nan], False, "NaN"),
        ([0.5], False, "2 numbers"),
    ],
)
def test_better_encoding(answer, passed, named):
    to_beat, ceiling = np.array([0.4, 0.5]), np.array([0.6, 0.7])
    feedback = check_better_encoding(answer, to_beat, ceiling)
    assert feedback.passed is passed and named in feedback.message, feedback
