"""Permutations: what may be exchanged, what chance does, and who is above it."""

from collections import Counter
from itertools import combinations

import nibabel as nib
import numpy as np
import pytest
from joblib import parallel_config
from scipy import stats
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import LeaveOneGroupOut, cross_val_score
from sklearn.naive_bayes import GaussianNB

from helpers.permutations import (
    permutation_p_values,
    permute_labels,
    searchlight_permutations,
)
from helpers.searchlight import searchlight, sphere_neighbors

LEAVE_RUN_OUT = LeaveOneGroupOut()

# --- Which labels may change places ---------------------------------------------------


def _design(n_runs=3, categories=("cat", "face", "house"), length=4):
    """Make blocks of equal length, in an order of its own in each run."""
    rng = np.random.default_rng(0)
    order = [rng.permutation(categories) for _ in range(n_runs)]
    y = np.repeat(np.concatenate(order), length)
    runs = np.repeat(np.arange(n_runs), length * len(categories))
    blocks = np.arange(len(y)) // length
    return y, runs, blocks


@pytest.mark.parametrize("by_blocks", [True, False])
def test_labels_stay_in_their_run(by_blocks):
    y, runs, blocks = _design()
    moved = 0
    for seed in range(20):
        permuted = permute_labels(y, runs, blocks if by_blocks else None, seed)
        moved += np.sum(permuted != y)
        for run in np.unique(runs):
            assert Counter(permuted[runs == run]) == Counter(y[runs == run])
    assert moved > 0


def test_a_block_stays_whole():
    y, runs, blocks = _design()
    for seed in range(20):
        permuted = permute_labels(y, runs, blocks, seed)
        assert all(len(set(permuted[blocks == block])) == 1 for block in blocks)
    single = [permute_labels(y, runs, None, seed) for seed in range(20)]
    assert any(len(set(some[blocks == 0])) > 1 for some in single)


def test_without_runs_labels_go_everywhere():
    y = np.repeat(["face", "house"], 10)
    runs = np.repeat([0, 1], 10)
    assert np.array_equal(permute_labels(y, runs, random_state=1), y)
    assert Counter(permute_labels(y, random_state=1)[:10])["house"] > 0


def test_every_order_is_equally_likely():
    """Three blocks a run have six orders; runs are permuted independently."""
    y, runs, blocks = _design(n_runs=2)
    rng = np.random.default_rng(0)
    firsts = np.searchsorted(blocks, np.unique(blocks))
    drawn = Counter(
        tuple(permute_labels(y, runs, blocks, rng)[firsts]) for _ in range(3600)
    )
    assert len(drawn) == 36
    assert stats.chisquare(list(drawn.values())).pvalue > 1e-3


def test_names_of_blocks_may_come_again_in_another_run():
    y, runs, blocks = _design()
    same = permute_labels(y, runs, blocks, 5)
    np.testing.assert_array_equal(permute_labels(y, runs, blocks % 3, 5), same)
    # A category has one block a run here, so it can name the block.
    assert all(
        len(set(permute_labels(y, runs, y, 5)[blocks == b])) == 1 for b in blocks
    )


def test_samples_need_not_be_sorted():
    y, runs, blocks = _design()
    mixed = np.random.default_rng(3).permutation(len(y))
    permuted = permute_labels(y[mixed], runs[mixed], blocks[mixed], 7)
    np.testing.assert_array_equal(permuted, permute_labels(y, runs, blocks, 7)[mixed])


def test_the_same_seed_gives_the_same_labels():
    y, runs, blocks = _design()
    before = y.copy()
    first, again = (permute_labels(list(y), list(runs), blocks, 3) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, permute_labels(y, runs, blocks, 4))
    np.testing.assert_array_equal(y, before)


def test_a_block_with_two_labels_is_refused():
    y, runs, blocks = _design()
    blocks[4] = 0
    with pytest.raises(ValueError, match="Block 0 of run 0 holds several labels"):
        permute_labels(y, runs, blocks)


@pytest.mark.parametrize("name", ["runs", "blocks"])
def test_lengths_must_agree(name):
    y, runs, blocks = _design()
    too_short = {"runs": runs, "blocks": blocks} | {name: runs[1:]}
    with pytest.raises(ValueError, match=f"{name} has shape .*each of the 36 labels"):
        permute_labels(y, **too_short)


# --- Maps of permuted labels ----------------------------------------------------------


def _volume(n_runs=6, shape=(4, 5, 6), signal=0.0, seed=0):
    """Make runs of two blocks each; the first slice of voxels may tell them apart.

    All samples of a block share a part of their noise, as neighboring volumes do.
    """
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.repeat(rng.permutation(2), 5) for _ in range(n_runs)])
    runs, blocks = np.repeat(np.arange(n_runs), 10), np.arange(len(y)) // 5
    shared = rng.standard_normal((2 * n_runs, *shape))[blocks]
    X = (shared + rng.standard_normal(shared.shape)).reshape(len(y), -1)
    X = X.reshape(len(y), *shape)
    X[:, 0] += signal * y[:, None, None]
    mask = nib.Nifti1Image(np.ones(shape, np.uint8), np.diag([3.0, 3, 3, 1]))
    return X.reshape(len(y), -1), y, runs, blocks, mask


def test_equals_a_loop_over_permutations():
    """Each map is that of `cross_val_score` with labels that were permuted by hand."""
    X, y, runs, blocks, mask = _volume(signal=1.0, shape=(3, 3, 4))
    scores, null = searchlight_permutations(
        X,
        y,
        mask,
        3.5,
        GaussianNB(),
        LEAVE_RUN_OUT,
        runs,
        n_permutations=4,
        blocks=blocks,
        random_state=11,
    )
    rng = np.random.default_rng(11)
    labels = [y, *(permute_labels(y, runs, blocks, rng) for _ in range(4))]
    spheres = sphere_neighbors(mask, 3.5).toarray() > 0
    for permuted, found in zip(labels, [scores, *null], strict=True):
        expected = [
            cross_val_score(
                GaussianNB(), X[:, sphere], permuted, groups=runs, cv=LEAVE_RUN_OUT
            ).mean()
            for sphere in spheres
        ]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    assert len({tuple(some) for some in labels}) > 2


@pytest.mark.parametrize(
    "estimator", [GaussianNB(), RidgeClassifier(), GaussianNB(priors=[0.5, 0.5])]
)
@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_workers_give_the_same(estimator, backend):
    X, y, runs, blocks, mask = _volume(shape=(2, 3, 3))
    args = (X, y, mask, 3.5, estimator, LEAVE_RUN_OUT, runs)
    options = {"n_permutations": 5, "blocks": blocks}
    alone = searchlight_permutations(*args, **options)
    np.testing.assert_array_equal(alone[0], searchlight(*args))
    with parallel_config(backend=backend):
        together = searchlight_permutations(*args, n_jobs=2, **options)
    for one, two in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, two)


def test_shapes_centers_and_progress(capsys):
    X, y, runs, blocks, mask = _volume()
    some = np.zeros(mask.shape, np.uint8)
    some[1, 2, 1:5] = 1
    centers = nib.Nifti1Image(some, mask.affine)
    args = (X, y, mask, 3.5, GaussianNB(), LEAVE_RUN_OUT, runs)
    every = searchlight_permutations(*args, n_permutations=3)
    assert capsys.readouterr().err == ""
    few = searchlight_permutations(*args, n_permutations=3, centers=centers, progress=1)
    assert "%|" in capsys.readouterr().err
    assert few[0].shape == (4,)
    assert few[1].shape == (3, 4)
    for whole, part in zip(every, few, strict=True):
        np.testing.assert_array_equal(whole[..., some.ravel() > 0], part)


def test_errors_come_through():
    X, y, runs, blocks, mask = _volume()
    args = (mask, 3.5, GaussianNB(), LEAVE_RUN_OUT)
    with pytest.raises(ValueError, match="Take X with this mask"):
        searchlight_permutations(X[:, 1:], y, *args, runs)
    with pytest.raises(ValueError, match="several labels"):
        searchlight_permutations(X, y, *args, runs, blocks=blocks // 2)


def test_permuted_scores_are_centered_on_chance():
    X, y, runs, blocks, mask = _volume(signal=2.0)
    scores, null = searchlight_permutations(
        X, y, mask, 3.5, GaussianNB(), LEAVE_RUN_OUT, runs, n_permutations=60
    )
    assert scores[:30].mean() > 0.8
    assert abs(null.mean() - 0.5) < 0.02
    # With or without signal in the sphere, permuted labels know nothing of it.
    assert abs(null[:, :30].mean() - null[:, 60:].mean()) < 0.03


def test_samples_of_a_block_are_not_exchangeable():
    """Permuted one by one, samples promise a chance that is too narrow."""
    X, y, runs, blocks, mask = _volume(signal=0, n_runs=8)
    args = (X, y, mask, 3.5, GaussianNB(), LEAVE_RUN_OUT, runs)
    by_block = searchlight_permutations(*args, n_permutations=60, blocks=blocks)[1]
    by_sample = searchlight_permutations(*args, n_permutations=60)[1]
    assert by_block.std() > 1.5 * by_sample.std()


# --- From permuted maps to p-values ---------------------------------------------------


def test_p_values_by_hand():
    scores = np.array([0.9, 0.6, 0.5])
    null = np.array([[0.5, 0.6, 0.5], [0.4, 0.7, 0.4], [0.6, 0.5, 0.5]])
    uncorrected, corrected = permutation_p_values(scores, null)
    # The highest scores of the three permuted maps are 0.6, 0.7 and 0.6.
    np.testing.assert_allclose(uncorrected, [1 / 4, 3 / 4, 3 / 4])
    np.testing.assert_allclose(corrected, [1 / 4, 4 / 4, 4 / 4])


def test_p_values_equal_a_plain_loop():
    rng = np.random.default_rng(0)
    scores, null = rng.integers(0, 12, 40) / 12, rng.integers(0, 12, (99, 40)) / 12
    uncorrected, corrected = permutation_p_values(scores, null)
    for i, score in enumerate(scores):
        every = [*null[:, i], score]
        assert uncorrected[i] == np.mean([other >= score for other in every])
        highest = [*null.max(axis=1), score]
        assert corrected[i] == np.mean([other >= score for other in highest])


def test_p_values_take_rounding_for_a_tie():
    folds = [0.1, 0.2, 0.3]
    score, same = np.mean(folds), np.mean(folds[::-1])
    assert score != same  # in the last digit
    for one, other in ((score, same), (same, score)):
        p, _ = permutation_p_values(np.array([one]), np.array([[other]]))
        assert p == 1


def test_corrected_p_values_are_never_smaller():
    rng = np.random.default_rng(1)
    uncorrected, corrected = permutation_p_values(
        rng.random(200), rng.random((50, 200))
    )
    assert (corrected >= uncorrected).all()
    assert uncorrected.min() >= 1 / 51
    assert corrected.max() <= 1


def test_rate_of_false_alarms():
    """In maps without signal, 5 % show a sphere with a corrected p of 0.05 or less."""
    rng = np.random.default_rng(2)
    n_maps, n_spheres = 2000, 30
    alarms = false_positives = 0
    for _ in range(n_maps):
        # Neighbors are correlated, as overlapping spheres are.
        maps = rng.standard_normal((40, n_spheres + 2))
        maps = maps[:, :-2] + maps[:, 1:-1] + maps[:, 2:]
        uncorrected, corrected = permutation_p_values(maps[0], maps[1:])
        alarms += (corrected <= 0.05).any()
        false_positives += (uncorrected <= 0.05).sum()
    bounds = stats.binom.interval(0.9999, n_maps, 0.05)
    assert bounds[0] <= alarms <= bounds[1]
    assert false_positives / (n_maps * n_spheres) == pytest.approx(0.05, abs=0.005)


def test_exact_p_value_of_a_small_design():
    """With three runs of two blocks there are eight orders; list them all."""
    X, y, runs, blocks, mask = _volume(n_runs=3, signal=3.0, shape=(2, 2, 2))
    args = (mask, 3.5, GaussianNB(), LEAVE_RUN_OUT, runs)
    true = searchlight(X, y, *args)
    swapped_sets = [s for n in range(1, 4) for s in combinations(range(3), n)]
    swaps = [np.where(np.isin(runs, s), 1 - y, y) for s in swapped_sets]
    every = np.array([searchlight(X, labels, *args) for labels in swaps])
    exact = (1 + (every >= true - 1e-9).sum(axis=0)) / 8
    _, null = searchlight_permutations(
        X, y, *args, n_permutations=800, blocks=blocks, random_state=3
    )
    drawn, _ = permutation_p_values(true, null)
    np.testing.assert_allclose(drawn, exact, atol=0.07)
    # Swapping every run renames the classes: no score can tell, so p is 2 / 8.
    np.testing.assert_array_equal(every[-1], true)
    assert exact[:4].min() == pytest.approx(2 / 8)
