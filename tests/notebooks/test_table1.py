"""The fast table of the page on decoding gives what plain scikit-learn gives."""

from pathlib import Path

import nbformat
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

NOTEBOOK = Path(__file__).parents[2] / "notebooks/05_decoding_images.ipynb"
CELLS = ("films", "blocks", "blocks-full", "factor", "one-pixel", "best", "classifiers")


@pytest.fixture(scope="module")
def page(miyawaki):
    """Return what the page's own cells define, up to the table."""
    cells = {c.id: c.source for c in nbformat.read(NOTEBOOK, as_version=4).cells}
    names = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COURSE_DATA", raising=False)
        for name in CELLS:
            exec(cells[name], names)
    return names


def test_best_voxels_are_those_of_select_k_best(page):
    X, y, chosen = page["X"], page["y"], page["chosen"]
    for fold, (train, _) in enumerate(KFold(5).split(X)):
        for pixel in (0, 44, 99):
            select = SelectKBest(f_classif, k=500).fit(X[train], y[train, pixel])
            assert np.array_equal(select.get_support(indices=True), chosen[fold, pixel])


def test_table_equals_cross_val_score(page):
    """Each classifier at a small, a middle and a large C; pixels from hard to easy."""
    X, y, Cs = page["X"], page["y"], page["Cs"]
    for pixel in (0, 36, 44):
        for c in (0, 3, 5):
            models = page["classifiers"](page["factor"] * Cs[c])
            fast = page["score_pixel"](pixel, X, y, page["chosen"], models)
            for m, model in enumerate(models):
                pipeline = make_pipeline(SelectKBest(f_classif, k=500), model)
                plain = cross_val_score(pipeline, X, y[:, pixel], cv=KFold(5))
                assert np.array_equal(fast[:, m], plain), (pixel, Cs[c], model)


def at_its_optimum(model):
    """Return the same model, fitted until nothing changes; the primal is quicker."""
    far = clone(model).set_params(tol=1e-5, max_iter=20_000)
    return far.set_params(dual=False) if isinstance(far, LinearSVC) else far


def test_loose_tolerance_does_not_move_the_table(page):
    """The means over pixels are those of the models' true optima."""
    X, y, pixels = page["X"], page["y"], (0, 36, 44)
    models = [m for c in (0, 3) for m in page["classifiers"](3 * page["Cs"][c])]
    far = [at_its_optimum(model) for model in models]
    means = [
        np.mean(
            [page["score_pixel"](p, X, y, page["chosen"], some) for p in pixels],
            axis=(0, 1),
        )
        for some in (models, far)
    ]
    assert np.abs(means[0] - means[1]).max() < 0.005, means


def test_balance_is_the_papers(page):
    """C times the number of samples: 1320 volumes with an image in 20 runs."""
    n_volumes = sum((table[:, 0] >= 0).sum() for table in page["tables"])
    here = page["factor"] * page["Cs"] * len(page["X"])
    assert np.allclose(here, page["Cs"] * n_volumes)
