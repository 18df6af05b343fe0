"""Chapter 1: empty stubs fail, right answers pass, mistakes are named."""

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nilearn.maskers import NiftiMasker
from sklearn.model_selection import LeaveOneGroupOut, cross_val_score
from sklearn.svm import SVC

from helpers.exercises import check_chance_scores, check_hard_pair, check_pair_accuracy

CATEGORIES = ("bottle", "cat", "chair", "face", "house", "shoe")
N_RUNS, N_VOLUMES = 6, 40


@dataclass
class Recording:
    """What the checkers need of Haxby's recording."""

    func: Path
    mask_vt: Path
    labels: pd.DataFrame


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """Write a small recording: bottles and shoes look the same, others do not."""
    folder = tmp_path_factory.mktemp("recording")
    rng = np.random.default_rng(0)
    shown = []
    for _ in range(N_RUNS):  # another order in each run: order must not tell them apart
        blocks = [name for name in rng.permutation(CATEGORIES) for _ in range(6)]
        shown += ["rest", "rest", *blocks, "rest", "rest"]
    patterns = rng.normal(0, 1, (len(CATEGORIES), 4, 4, 3))
    strength = dict.fromkeys(CATEGORIES, 0.35) | {"face": 3, "house": 3}
    strength |= {"bottle": 0, "shoe": 0}
    bold = 1000 + rng.normal(0, 1, (4, 4, 3, N_RUNS * N_VOLUMES))
    for volume, name in enumerate(shown):
        if name != "rest":
            signal = strength[name] * patterns[CATEGORIES.index(name)]
            bold[..., volume] += signal
    affine = np.diag([4.0, 4, 4, 1])
    paths = folder / "bold.nii.gz", folder / "mask.nii.gz"
    for path, values in zip(
        paths, (bold, np.ones(bold.shape[:3], np.uint8)), strict=True
    ):
        nib.save(nib.Nifti1Image(values, affine), path)
    runs = np.repeat(np.arange(N_RUNS), N_VOLUMES)
    return Recording(*paths, pd.DataFrame({"label": shown, "run": runs}))


def accuracy(recording, pair, shown_to_model=False):
    """Score two categories with nilearn's masking and cleaning."""
    labels, runs = recording.labels.label, recording.labels.run
    masker = NiftiMasker(
        recording.mask_vt, standardize="zscore_sample", detrend=True, runs=runs
    )
    X = masker.fit_transform(nib.load(recording.func))
    keep = labels.isin(pair)
    X, y, runs = X[keep], labels[keep], runs[keep]
    model = SVC(kernel="linear")
    if shown_to_model:
        return model.fit(X, y).score(X, y)
    return cross_val_score(model, X, y, groups=runs, cv=LeaveOneGroupOut()).mean()


@pytest.mark.parametrize("kind", [float, np.float32, lambda value: [value]])
def test_pair_accuracy_right(recording, kind):
    value = accuracy(recording, ("cat", "chair"))
    assert 0.55 < value < 0.95
    feedback = check_pair_accuracy(kind(value), recording, ("cat", "chair"))
    assert feedback.passed
    assert f"{value:.2f}" in feedback.message


def test_pair_accuracy_wrong(recording):
    value = accuracy(recording, ("cat", "chair"))
    face_house = accuracy(recording, ("face", "house"))
    assert abs(face_house - value) > 0.05
    wrong = {
        "empty": ...,
        "percent": 100 * value,
        "learned from": accuracy(recording, ("cat", "chair"), shown_to_model=True),
        "take the mean": np.full(N_RUNS, value),
        "another number": value - 0.1,
        "a number": "seventy",
        "nan": float("nan"),
    }
    for says, answer in wrong.items():
        feedback = check_pair_accuracy(answer, recording, ("cat", "chair"))
        assert not feedback.passed, says
        assert says in feedback.message


def test_pair_accuracy_of_the_wrong_pair(recording):
    """A learner who starts from X instead of X_all scores faces and houses again."""
    weak = recording.labels.copy()
    swap = {"face": "cat", "cat": "face", "house": "chair", "chair": "house"}
    weak["label"] = weak.label.replace(swap)  # now face and house are hard
    swapped = Recording(recording.func, recording.mask_vt, weak)
    feedback = check_pair_accuracy(
        accuracy(swapped, ("face", "house")), swapped, ("cat", "chair")
    )
    assert not feedback.passed
    assert "start from X_all" in feedback.message


@pytest.mark.parametrize("kind", [list, np.float32, lambda values: values[::-1]])
def test_chance_right(kind):
    values = 0.5 + 0.05 * np.random.default_rng(0).standard_normal(20)
    assert check_chance_scores(kind(values)).passed


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (..., "empty"),
        (0.5 + np.arange(10) / 100, "Expected 20"),
        (np.random.default_rng(0).uniform(0.3, 0.7, (20, 12)), "mean over the runs"),
        (np.full(20, 0.47), "once, before the loop"),
        (0.9 + np.arange(20) / 1000, "Shuffle y alone"),
        (0.3 + np.arange(20) / 1000, "chance is one half"),
        (["a"] * 20, "as numbers"),
        ([np.nan] * 20, "not finite"),
    ],
)
def test_chance_wrong(answer, says):
    feedback = check_chance_scores(answer)
    assert not feedback.passed
    assert says in feedback.message


@pytest.mark.parametrize(
    "pair",
    [("bottle", "shoe"), ["shoe", "bottle"], np.array(["bottle", "shoe"])],
)
def test_hard_pair_right(recording, pair):
    assert check_hard_pair(pair, recording).passed


@pytest.mark.parametrize(
    ("pair", "says"),
    [
        (..., "empty"),
        (("face", "house"), "that is easy"),
        (("cat", "cat"), "two different names"),
        (("cat", "dog"), "bottle, cat, chair"),
        (("cat", "rest"), "two different names"),
        ("cat", "two different names"),
        (0.61, "two different names"),
        ([["bottle", "shoe"]], "two different names"),
    ],
)
def test_hard_pair_wrong(recording, pair, says):
    feedback = check_hard_pair(pair, recording)
    assert not feedback.passed
    assert says in feedback.message
