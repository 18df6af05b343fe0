"""Chapter 3: empty stubs fail, right answers pass, mistakes are named."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from helpers.exercises import (
    check_back_to_brain,
    check_high_pass,
    check_tsnr,
    check_voxel,
)

HOUSE_MM = [27, -47, -13]


@pytest.fixture
def img():
    affine = np.diag([4.0, 4, 4, 1])
    affine[:3, 3] = (-74, -110, -72)
    return nib.Nifti1Image(np.zeros((38, 47, 40), np.uint8), affine)


@pytest.mark.parametrize("answer", [[25, 16, 15], np.array([25, 16, 15], np.float32)])
def test_voxel_right(img, answer):
    assert check_voxel(answer, img, HOUSE_MM).passed


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (..., "empty"),
        ([25.25, 15.75, 14.75], "whole numbers"),
        ([25, 15, 14], "cut off"),
        ([34, -298, -124], "inverse"),
        (HOUSE_MM, "themselves"),
        ([62, 44, 30], "affine of the image"),
        ([25, 16], "three indices"),
    ],
)
def test_voxel_wrong(img, answer, says):
    feedback = check_voxel(answer, img, HOUSE_MM)
    assert not feedback.passed
    assert says in feedback.message


@pytest.fixture
def masked():
    """Return 60 volumes of 4 x 5 x 6 voxels as X, and their mask."""
    rng = np.random.default_rng(0)
    mask = rng.random((4, 5, 6)) > 0.4
    means = rng.uniform(500, 1500, mask.sum())
    X = means + rng.normal(0, 10, (60, mask.sum()))
    X[30:] += 20  # a second run with another mean
    return X, mask


def put_back(rows, mask):
    volumes = np.zeros((*mask.shape, len(rows)))
    volumes[mask] = rows.T
    return volumes


def test_back_to_brain_right(masked):
    X, mask = masked
    volumes = put_back(X[:5], mask)
    assert check_back_to_brain(volumes, X[:5], mask).passed
    image = nib.Nifti1Image(volumes, np.eye(4))
    assert check_back_to_brain(image, X[:5], mask).passed


def test_back_to_brain_wrong(masked):
    X, mask = masked
    rows = X[:5]
    reshaped = np.zeros((*mask.shape, 5))
    reshaped[mask] = rows.reshape(-1, 5)
    time_first = np.moveaxis(put_back(rows, mask), -1, 0)
    filled = np.where(mask[..., None], put_back(rows, mask), -1)
    wrong = {
        "empty": ...,
        "time comes first": time_first,
        "scrambles": reshaped,
        "outside it should be 0": filled,
        "expected (4, 5, 6, 5)": rows,
        "does not give": put_back(rows + 1, mask),
    }
    for says, answer in wrong.items():
        feedback = check_back_to_brain(answer, rows, mask)
        assert not feedback.passed
        assert says in feedback.message


def test_tsnr_right(masked):
    X, mask = masked
    run = X[:30]
    tsnr = run.mean(axis=0) / run.std(axis=0)
    volume = np.zeros(mask.shape)
    volume[mask] = tsnr
    for answer in (tsnr, volume, nib.Nifti1Image(volume, np.eye(4)), tsnr.tolist()):
        assert check_tsnr(answer, run, mask).passed
    assert check_tsnr(run.mean(axis=0) / run.std(axis=0, ddof=1), run, mask).passed


def test_tsnr_wrong(masked):
    X, mask = masked
    run = X[:30]
    z = (run - run.mean(axis=0)) / run.std(axis=0)
    wrong = {
        "empty": None,
        "over time": run.mean(axis=1) / run.std(axis=1),
        "variance": run.mean(axis=0) / run.var(axis=0),
        "noise over signal": run.std(axis=0) / run.mean(axis=0),
        "raw X": z.mean(axis=0) / z.std(axis=0),
        "first run": X.mean(axis=0) / X.std(axis=0),
        "unmask": run,
    }
    for says, answer in wrong.items():
        feedback = check_tsnr(answer, run, mask)
        assert not feedback.passed, says
        assert says in feedback.message


@dataclass
class Design:
    """The labels of one run of Haxby's experiment, without images."""

    labels: pd.DataFrame
    t_r: float = 2.5


@pytest.fixture
def design():
    label = np.full(121, "rest", dtype=object)
    onsets = np.rint((12 + 36 * np.arange(8)) / 2.5).astype(int)
    shown = ("cat", "face", "shoe", "bottle", "house")
    for name, onset in zip(shown, onsets[:5], strict=True):
        label[onset : onset + 9] = name
    return Design(pd.DataFrame({"label": label, "run": 0}))


@pytest.mark.parametrize("cutoff", [0.005, 0.006, np.float32(0.007)])
def test_high_pass_right(design, cutoff):
    assert check_high_pass(cutoff, design).passed


@pytest.mark.parametrize(
    ("cutoff", "says"),
    [
        (..., "empty"),
        (0.04, "go lower"),
        (1 / 36, "go lower"),
        (0.001, "go higher"),
        (128, "Is it a period"),
        (0, "positive"),
        ("slow", "a number"),
    ],
)
def test_high_pass_wrong(design, cutoff, says):
    feedback = check_high_pass(cutoff, design)
    assert not feedback.passed
    assert says in feedback.message
