"""Chapter 4, searchlight: stubs fail, right answers pass, mistakes are named."""

import nibabel as nib
import numpy as np
import pytest
from nibabel.affines import apply_affine

from helpers.exercises import (
    check_blurred_center,
    check_max_threshold,
    check_sphere_size,
    check_volume_null,
)
from helpers.searchlight import sphere_neighbors

CENTER = [4.0, 4, 16]  # near the corner of the box


@pytest.fixture
def mask():
    inside = np.ones((8, 9, 10), np.uint8)
    inside[:2] = 0
    affine = np.diag([4.0, 4, 4, 1])
    affine[:3, 3] = (-8, -8, -8)
    return nib.Nifti1Image(inside, affine)


def places(mask):
    return apply_affine(mask.affine, np.argwhere(np.asarray(mask.dataobj)))


@pytest.mark.parametrize("kind", [int, float, np.float32, str, lambda n: [n]])
def test_sphere_size_right(mask, kind):
    n_inside = np.sum(np.linalg.norm(places(mask) - CENTER, axis=1) <= 8)
    assert check_sphere_size(kind(n_inside), mask, CENTER, 8).passed
    # The helper's spheres, counted otherwise.
    row = np.abs(places(mask) - CENTER).sum(axis=1).argmin()
    n_helper = sphere_neighbors(mask, 8).sum(axis=1)[row]
    assert check_sphere_size(n_helper, mask, CENTER, 8).passed


def test_sphere_size_wrong(mask):
    inside = places(mask)
    everywhere = apply_affine(mask.affine, np.argwhere(np.ones(mask.shape)))
    away, away_all = (
        np.linalg.norm(mm - CENTER, axis=1) for mm in (inside, everywhere)
    )
    wrong = {
        "empty": ...,
        "outside the brain": np.sum(away_all <= 8),
        "in voxels": np.sum(away / 4 <= 8),
        "cube": np.sum((np.abs(inside - CENTER) <= 8).all(axis=1)),
        "use <=": np.sum(away < 8),
        "diameter": np.sum(away <= 4),
        "Not 5": 5,
        "array of shape": away,
        "a number of voxels": "many",
    }
    for says, answer in wrong.items():
        feedback = check_sphere_size(answer, mask, CENTER, 8)
        assert not feedback.passed, says
        assert says in feedback.message


@pytest.fixture
def null():
    """Return 200 maps of 500 spheres with accuracies in steps of 1 / 216."""
    rng = np.random.default_rng(0)
    scores = 0.5 + 0.06 * rng.standard_normal((200, 500))
    return np.round(216 * scores) / 216


@pytest.mark.parametrize("method", ["linear", "higher", "lower", "nearest"])
def test_max_threshold_right(null, method):
    threshold = np.quantile(null.max(axis=1), 0.95, method=method)
    assert check_max_threshold(threshold, null).passed
    assert check_max_threshold([np.float32(threshold)], null).passed
    by_sorting = np.sort(null.max(axis=1))[-11]
    assert check_max_threshold(by_sorting, null).passed


def test_max_threshold_wrong(null):
    highest = null.max(axis=1)
    wrong = {
        "empty": None,
        "one sphere": np.quantile(null, 0.95),
        "axis=1": np.quantile(null.max(axis=0), 0.95) + 0,
        "highest of all": null.max(),
        "percent": 100 * np.quantile(highest, 0.95),
        "100% of the permuted maps": 0.5,
        "5 % of them exceed": np.median(highest),
        "forget to take the mean": highest,
    }
    for says, answer in wrong.items():
        feedback = check_max_threshold(answer, null)
        assert not feedback.passed, says
        assert says in feedback.message, says


@pytest.fixture
def by_block():
    return 0.5 + 0.08 * np.random.default_rng(1).standard_normal((100, 300))


@pytest.mark.parametrize("n", [50, 100, 200])
def test_volume_null_right(by_block, n):
    narrow = 0.5 + 0.04 * np.random.default_rng(2).standard_normal((n, 300))
    assert check_volume_null(narrow, by_block).passed
    assert check_volume_null(narrow.astype(np.float32).tolist(), by_block).passed


def test_volume_null_wrong(by_block):
    narrow = 0.5 + 0.04 * np.random.default_rng(2).standard_normal((100, 300))
    wrong = {
        "empty": ...,
        "keep the second": (narrow[0], narrow),
        "Did you pass centers": narrow.T,
        "say little": narrow[:5],
        "labels permuted": np.repeat(narrow[:1], 100, axis=0),
        "around 0.5": narrow + 0.2,
        "blocks= in": by_block,
        "not finite": np.full_like(narrow, np.nan),
        "300 columns": narrow[0],
    }
    for says, answer in wrong.items():
        feedback = check_volume_null(answer, by_block)
        assert not feedback.passed, says
        assert says in feedback.message, says


@pytest.fixture
def blurred(mask):
    """Return scores, permuted maps, and a truth that the scores reach over."""
    inside = np.asarray(mask.dataobj) > 0
    truth = np.zeros(mask.shape, np.uint8)
    truth[5, 4:6, 5] = 1
    signal = truth[inside] > 0
    near = sphere_neighbors(mask, 8) @ signal.astype(float) > 0
    scores = np.where(near, 0.9, 0.5)
    null = 0.5 + 0.03 * np.random.default_rng(3).standard_normal((99, len(scores)))
    return scores, null, mask, nib.Nifti1Image(truth, mask.affine), signal, near


def test_blurred_center_right(blurred):
    *arguments, signal, near = blurred
    mm = places(arguments[2])
    for place in mm[near & ~signal]:
        assert check_blurred_center(place, *arguments).passed
        assert check_blurred_center((place + 0.4).tolist(), *arguments).passed


def test_blurred_center_wrong(blurred):
    *arguments, signal, near = blurred
    mm = places(arguments[2])
    wrong = {
        "empty": ...,
        "three numbers": mm[0, :2],
        "carries signal itself": mm[signal][0],
        "not on the corrected map": mm[~near][0],
        "Are these indices": [60, 60, 60],
    }
    for says, answer in wrong.items():
        feedback = check_blurred_center(answer, *arguments)
        assert not feedback.passed, says
        assert says in feedback.message, says
