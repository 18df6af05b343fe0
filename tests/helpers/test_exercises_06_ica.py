"""Chapter 6, components: empty stubs fail, right answers pass, mistakes are named."""

import numpy as np
import pytest
from scipy import linalg

from helpers.exercises import (
    check_component,
    check_judgment,
    check_own_map,
    check_price,
)

N_VOXELS = 400


@pytest.fixture(scope="module")
def maps() -> np.ndarray:
    """Return six sparse maps that do not overlap, of unit variance."""
    maps = np.zeros((6, N_VOXELS))
    for k, row in enumerate(maps):
        row[30 * k : 30 * k + 30] = 1
    maps += 0.05 * np.random.default_rng(0).standard_normal(maps.shape)
    return (maps - maps.mean(axis=1, keepdims=True)) / maps.std(axis=1, keepdims=True)


@pytest.mark.parametrize("answer", [2, np.int64(2), np.float32(2), [2], -4])
def test_component_right(maps, answer):
    assert check_component(answer, -maps, maps[2]).passed


@pytest.mark.parametrize(
    ("answer", "says"),
    [(..., "empty"), (0.97, "no row"), (6, "no row"), ("two", "number")],
)
def test_component_wrong(maps, answer, says):
    feedback = check_component(answer, -maps, maps[2])
    assert not feedback.passed
    assert says in feedback.message


def test_component_with_the_largest_signed_correlation(maps):
    signed = np.corrcoef(maps[2], -maps)[0, 1:]
    feedback = check_component(signed.argmax(), -maps, maps[2])
    assert not feedback.passed
    assert "sign" in feedback.message


@pytest.fixture(scope="module")
def subject(maps):
    """Return correlated courses, one subject's series, and its own maps."""
    rng = np.random.default_rng(1)
    courses = rng.standard_normal((6, 80))
    courses[1] += courses[0]
    own = maps + 0.5 * rng.standard_normal(maps.shape)
    X = courses.T @ own + 0.3 * rng.standard_normal((80, N_VOXELS))
    return X, courses, linalg.lstsq(courses.T, X)[0]


def test_own_map_right(maps, subject):
    X, courses, own = subject
    for answer in (own[1], own[1].astype(np.float32), own[1].tolist(), 3 * own[1:2]):
        assert check_own_map(answer, X, courses, maps, 1).passed


def test_own_map_wrong(maps, subject):
    X, courses, own = subject
    for answer, says in (
        (..., "empty"),
        (maps[1], "map of the group"),
        (courses[1], "course"),
        (own, "all 6 maps"),
        (own[0], "component 0"),
        (courses[1] @ X, "one course alone"),
        (own[1, :50], "got shape"),
        (np.random.default_rng(2).standard_normal(N_VOXELS), "another subject"),
    ):
        feedback = check_own_map(answer, X, courses, maps, 1)
        assert not feedback.passed
        assert says in feedback.message, (says, feedback.message)


def test_price(maps):
    rng = np.random.default_rng(3)
    patterns = rng.standard_normal((6, 6)) @ maps
    truth = (maps > 1).astype(float)
    noisy = patterns + 1.5 * rng.standard_normal(patterns.shape)
    before = maps + 0.01 * rng.standard_normal(maps.shape)
    from helpers.exercises import chapter6_ica

    ica = chapter6_ica.FastICA(6, random_state=0, max_iter=500)
    after = chapter6_ica._matched(truth, ica.fit_transform(noisy.T).T)
    price = chapter6_ica._matched(truth, before) - after
    assert price.min() > 0.05
    for answer in (price, price.tolist(), price.astype(np.float32)):
        assert check_price(answer, before, truth, noisy).passed
    for answer, says in (
        (..., "empty"),
        (-price, "after minus before"),
        (after, "afterwards"),
        (price.mean(), "6 numbers"),
        (price + 0.2, "Did you match"),
    ):
        feedback = check_price(answer, before, truth, noisy)
        assert not feedback.passed
        assert says in feedback.message


def test_judgment(maps):
    networks, artifacts = maps[:2], maps[2:4]  # the last two are neither
    good = ["network", "network", "noise", "noise", "noise", "network"]
    for answer in (good, np.array(good), [word.upper() for word in good]):
        feedback = check_judgment(answer, maps, networks, artifacts)
        assert feedback.passed
        assert "1 of those that match nothing" in feedback.message
    for answer, says in (
        (..., "empty"),
        (good[:5], "Expected 6 words"),
        (["signal", *good[1:]], "'signal'"),
        (["network"] * 6, "artifact is called a network: component 2"),
        (["noise"] * 6, "network is called noise: component 0"),
    ):
        feedback = check_judgment(answer, maps, networks, artifacts)
        assert not feedback.passed
        assert says in feedback.message
    # Nobody knows the artifacts of real brains.
    assert check_judgment(["network"] * 6, maps, networks, maps[:0]).passed
