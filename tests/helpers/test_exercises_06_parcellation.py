"""Parcels are connected; the checkers of chapter 6's page on parcellations."""

import numpy as np
import pytest
from scipy import ndimage
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.feature_extraction.image import grid_to_graph
from sklearn.metrics import r2_score

from helpers.cleaning import clean
from helpers.exercises import (
    check_parcel_means,
    check_parcel_volume,
    check_placed,
    check_rough,
)
from helpers.exercises.chapter6_parcellation import _explained, count_pieces
from helpers.masking import apply_mask, load_mask


def pieces_of_each(labels, inside):
    """Count the pieces of each cluster with SciPy's own labeling of an image."""
    volume = np.full(inside.shape, -1)
    volume[inside] = labels
    return [ndimage.label(volume == k)[1] for k in np.unique(labels)]


@pytest.fixture(scope="module")
def brain(rest):
    """Return a subject's series, the mask, its graph, and two ways to cluster it."""
    X = clean(apply_mask(rest.func[0], rest.mask, smoothing_fwhm=6))
    inside, _ = load_mask(rest.mask)
    graph = grid_to_graph(*inside.shape, mask=inside)
    rows = X.T[:, :40]
    ward = AgglomerativeClustering(100, connectivity=graph).fit_predict(rows)
    kmeans = KMeans(100, n_init=1, max_iter=5, random_state=0).fit_predict(rows)
    return X, inside, graph, ward, kmeans


def test_wards_parcels_are_connected_and_those_of_kmeans_are_not(brain):
    _, inside, graph, ward, kmeans = brain
    assert ndimage.label(inside)[1] == 1, "the brain itself is in pieces"
    assert pieces_of_each(ward, inside) == [1] * 100
    pieces = pieces_of_each(kmeans, inside)
    assert sum(pieces) > 300 and len(pieces) == 100
    assert count_pieces(ward, graph) == 100
    assert count_pieces(kmeans, graph) == sum(pieces)


def test_explained_is_r2_of_the_cluster_means(brain):
    X, _, _, ward, _ = brain
    means = np.stack([X[:, ward == k].mean(axis=1) for k in range(100)])
    expected = r2_score(X.T, means[ward], multioutput="variance_weighted")
    assert _explained(ward, X) == pytest.approx(expected, rel=1e-3)


LABELS = np.repeat(np.arange(5), [10, 40, 20, 12, 18])


@pytest.mark.parametrize(
    ("answer", "passed", "named"),
    [
        (..., False, "stub is still empty"),
        (2.56, True, "40 voxels"),
        (np.float32(2.56), True, "40 voxels"),
        ([2.56], True, "40 voxels"),
        (40, False, "number of voxels"),
        (2560, False, "in mm³"),
        (256, False, "divided by 10"),
        (0.16, False, "edge to the third"),
        (1.28, False, "mean parcel"),
        (0.64, False, "smallest"),
        (LABELS * 0.064, False, "one number"),
        (7, False, "Count the voxels"),
    ],
)
def test_parcel_volume(answer, passed, named):
    feedback = check_parcel_volume(answer, LABELS)
    assert feedback.passed is passed and named in feedback.message, feedback


def means_of(X):
    return np.column_stack([X[:, k == LABELS].mean(axis=1) for k in range(5)])


@pytest.mark.parametrize(
    ("change", "passed", "named"),
    [
        (lambda m: ..., False, "stub is still empty"),
        (lambda m: m, True, "have become 5"),
        (lambda m: m.astype(np.float32), True, "have become 5"),
        (lambda m: m.tolist(), True, "have become 5"),
        (lambda m: m.T, False, "transpose"),
        (lambda m: m[:, LABELS], False, "a column a voxel"),
        (lambda m: m * np.bincount(LABELS), False, "sums"),
        (lambda m: np.roll(m, -1, axis=1), False, "too late"),
        (lambda m: np.roll(m, 1, axis=1), False, "too early"),
        (lambda m: m[:, :4], False, "5 parcels"),
        (lambda m: m[::-1], False, "numbers are not"),
        (lambda m: np.full_like(m, np.nan), False, "NaN"),
    ],
)
def test_parcel_means(change, passed, named):
    X = np.random.default_rng(0).standard_normal((30, len(LABELS)))
    feedback = check_parcel_means(change(means_of(X)), X, LABELS)
    assert feedback.passed is passed and named in feedback.message, feedback


def test_rough(brain):
    _, _, graph, ward, kmeans = brain
    rng = np.random.default_rng(0)
    crumbs = np.where(rng.random(len(ward)) < 0.7, rng.integers(100, size=len(ward)), 0)
    cases = [
        (..., False, "stub is still empty"),
        (crumbs, True, "with smoothing there were"),
        (crumbs.astype(np.float32) + 1, True, "with smoothing there were"),
        (crumbs.tolist(), True, "with smoothing there were"),
        (kmeans, False, "X_rough"),
        (ward, False, "Ward"),
        (crumbs[:480], False, "transpose"),
        (crumbs + 0.5, False, "whole numbers"),
        (crumbs // 2, False, "50 clusters"),
    ]
    for answer, passed, named in cases:
        feedback = check_rough(answer, kmeans, graph)
        assert feedback.passed is passed and named in feedback.message, feedback


def test_placed():
    """On a grid of 8 × 8 × 8 voxels with eight cubes, each with a course of its own."""
    i, j, k = np.indices((8, 8, 8)).reshape(3, -1)
    cubes = 4 * (i // 4) + 2 * (j // 4) + k // 4
    slabs = i
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 8))[:, cubes] + 0.3 * rng.standard_normal((50, 512))
    graph = grid_to_graph(8, 8, 8)
    specks = np.where(rng.random(512) < 0.9, cubes, (cubes + 3) % 8)
    cases = [
        (..., False, "stub is still empty"),
        (cubes, True, "8 pieces"),
        (cubes.astype(np.float32) + 3, True, "8 pieces"),
        (cubes[::-1].tolist(), True, "8 pieces"),  # other names
        (slabs, False, "Less than Ward"),
        (2 * cubes + i % 2, False, "16 clusters"),
        (np.arange(50), False, "transpose"),
    ]
    for answer, passed, named in cases:
        feedback = check_placed(answer, X, graph, slabs, most_pieces=10)
        assert feedback.passed is passed and named in feedback.message, feedback
    feedback = check_placed(specks, X, graph, rng.permutation(cubes), most_pieces=10)
    assert not feedback.passed and "too little" in feedback.message, feedback
