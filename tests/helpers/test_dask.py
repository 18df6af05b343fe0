"""On a Dask cluster the results are those of this machine, and nothing stays behind."""

import nibabel as nib
import numpy as np
import psutil
import pytest
from dask.distributed import Client, LocalCluster
from joblib import effective_n_jobs, parallel_config
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, LeaveOneGroupOut
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import NearestCentroid

from helpers.searchlight import searchlight


@pytest.fixture(scope="module")
def address():
    """Start two workers, in processes of their own, and tell their address."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0"
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture(scope="module")
def brain():
    """Return X, y, runs and a mask of 216 voxels with a signal in one corner."""
    rng = np.random.default_rng(0)
    y, runs = np.tile([0, 1], 24), np.repeat(np.arange(6), 8)
    X = rng.standard_normal((48, 216))
    X[:, :40] += y[:, np.newaxis]
    mask = nib.Nifti1Image(np.ones((6, 6, 6), np.uint8), np.diag([3.0, 3, 3, 1]))
    return X, y, runs, mask


# The nearest centroid has no fast path: its spheres are fitted one by one.
@pytest.mark.parametrize("estimator", [NearestCentroid(), GaussianNB()], ids=str)
def test_searchlight(address, brain, estimator):
    X, y, runs, mask = brain
    ingredients = (X, y, mask, 4, estimator, LeaveOneGroupOut(), runs)
    here = searchlight(*ingredients)
    with Client(address), parallel_config("dask"):
        assert effective_n_jobs(None) == 2
        there = searchlight(*ingredients)
    np.testing.assert_array_equal(there, here)
    assert here.max() > 0.7


def test_grid(address, brain):
    X, y, runs, _ = brain
    grid = {"C": [0.01, 1]}
    search = GridSearchCV(LogisticRegression(), grid, cv=GroupKFold(3))
    here = search.fit(X, y, groups=runs).cv_results_["mean_test_score"]
    with Client(address), parallel_config("dask"):
        there = search.fit(X, y, groups=runs).cv_results_["mean_test_score"]
    np.testing.assert_array_equal(there, here)


def test_work_is_done_elsewhere(address, brain):
    """A canary: the tests above would pass, too, if Dask were never used."""
    X, y, runs, mask = brain
    with Client(address) as client, parallel_config("dask"):
        before = _n_tasks(client)
        searchlight(X, y, mask, 4, NearestCentroid(), LeaveOneGroupOut(), runs)
        assert _n_tasks(client) > before


def _n_tasks(client: Client) -> int:
    """Count the tasks that the workers have finished."""
    return sum(
        client.run(lambda dask_worker: dask_worker.state.executed_count).values()
    )


def test_cluster_shuts_down():
    cluster = LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0")
    workers = cluster.workers.values()
    pids = [worker.pid for worker in workers]
    assert all(psutil.pid_exists(pid) for pid in pids)
    cluster.close()
    assert not any(psutil.pid_exists(pid) for pid in pids)
