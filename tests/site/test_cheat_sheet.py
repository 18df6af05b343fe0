"""The cheat sheet: its code runs, its names exist, and it prints on two sheets."""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import get_scorer_names
from sklearn.utils import all_estimators

from tests.site.test_site import open_page

SHEET = Path(__file__).parents[2] / "book/cheat_sheet.md"
TEXT = SHEET.read_text(encoding="utf-8")
CODE = re.findall(r"(?ms)^```python\n(.+?)^```$", TEXT)
A4 = (595, 842)  # points


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Run the sheet's code in a folder with a small recording; return its names."""
    folder = tmp_path_factory.mktemp("sheet")
    rng = np.random.default_rng(0)
    label = np.tile(np.repeat(["rest", "face", "rest", "house"], 6), 4)
    table = pd.DataFrame({"label": label, "run": np.repeat([1, 2, 3, 4], 24)})
    table.to_csv(folder / "labels.csv", index=False)
    inside = np.zeros((8, 8, 6), dtype=bool)
    inside[1:-1, 1:-1, 1:-1] = True
    film = 1000 + 10 * rng.standard_normal((*inside.shape, len(label)))
    film[2:4, 2:4, 2, :] += 15.0 * (label == "face") - 15.0 * (label == "house")
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    nib.Nifti1Image(film, affine).to_filename(folder / "bold.nii.gz")
    mask = nib.Nifti1Image(inside.astype("uint8"), affine)
    mask.to_filename(folder / "mask.nii.gz")
    names = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for block in CODE:
            exec(compile(block, SHEET.name, "exec"), names)
    plt.close("all")
    return names | {"film": film, "folder": folder, "signal_at": (3, 3, 2)}


def test_shapes_are_those_the_sheet_tells(ran):
    n_volumes, n_voxels = 96, 6 * 6 * 4
    assert ran["B"].shape == ran["by_hand"].shape == (n_volumes, n_voxels)
    assert ran["X"].shape == (48, n_voxels) and len(ran["runs"]) == 48
    assert ran["coef"].shape == (n_voxels, ran["stimulus"].shape[1])
    assert ran["maps"].shape == (3, n_voxels)
    assert ran["means"].shape == (n_volumes, 8)
    assert ran["together"].shape == ran["precision"].shape == (8, 8)
    assert ran["scores_map"].shape == ran["mask"].shape
    assert len(ran["scores"]) == len(ran["nested"]) == 4


def test_what_goes_back_is_in_its_place(ran):
    mean = nib.load(ran["folder"] / "mean.nii.gz").get_fdata()
    at = ran["signal_at"]
    assert mean[at] == pytest.approx(ran["film"][at].mean())
    np.testing.assert_allclose(ran["mm"], [4, 8, 12])
    weights = nib.load(ran["folder"] / "weights.nii.gz").get_fdata()
    strongest = np.unravel_index(np.abs(weights).argmax(), weights.shape)
    assert strongest[0] in (2, 3) and strongest[1] in (2, 3) and strongest[2] == 2
    assert ran["scores_map"][at] > 0.9


def test_scores_find_the_signal(ran):
    assert ran["accuracy"] == pytest.approx(ran["scores"].mean())
    assert min(ran["accuracy"], np.mean(ran["nested"])) > 0.9
    assert ran["p"] == pytest.approx(1 / 101)


def test_ica_converges(ran):
    """The recording has one source and noise; of more maps, none would settle."""
    assert ran["ica"].n_iter_ < ran["ica"].max_iter


def test_the_classes_it_names_exist():
    """Outside of the code, too: a class in a table is scikit-learn's."""
    import sklearn.model_selection

    known = {name for name, _ in all_estimators()} | set(dir(sklearn.model_selection))
    prose = re.sub(r"(?ms)^```python\n.+?^```$", "", TEXT)
    named = set(re.findall(r"`([A-Z][a-z]+[A-Z]\w+)`", prose))
    assert len(named) > 5
    assert named <= known
    scores = set(re.findall(r"`(accuracy|r2|\w+_\w+)`", prose)) - {"make_pipeline"}
    assert scores and scores <= set(get_scorer_names())


def test_it_prints_on_two_sheets_of_a4(browser, site):
    tab = open_page(browser, site, "book/cheat_sheet")
    pdf = tab.pdf(prefer_css_page_size=True)
    tab.context.close()
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    assert len(re.findall(rb"/Type /Page\b", pdf)) == len(boxes) == 2
    for box in boxes:
        assert [float(side) for side in box] == pytest.approx(A4, abs=1)


def test_nothing_is_cut_or_too_small_on_paper(browser, site):
    """What the sheet says is on its two pages, in letters that can be read."""
    tab = open_page(browser, site, "book/cheat_sheet", width=718)  # A4, margins off
    tab.emulate_media(media="print")
    wide = tab.evaluate(
        "[...document.querySelectorAll('#cheat-sheet :is(pre, table)')]"
        ".filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.innerText)"
    )
    assert not wide
    sizes = tab.evaluate(
        "[...document.querySelectorAll('#cheat-sheet :is(pre, td, th, p, h2)')]"
        ".filter(e => e.offsetParent)"
        ".map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) > 9.3  # pixels: 7 points
    tab.context.close()
