"""What several tests share: the simulations, the real samples, and a browser."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import pytest

from helpers import datasets

# The tests have no screen. (MPLBACKEND would reach the kernels of the notebooks, too,
# which would then draw nothing.)
matplotlib.use("Agg")

CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SHARED_SAMPLES = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def haxby() -> datasets.Haxby:
    """Return the simulated subject 2, written once into the user's data folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COURSE_DATA", raising=False)
        return datasets.load_haxby()


@pytest.fixture(scope="session")
def miyawaki() -> datasets.Miyawaki:
    """Return the simulated experiment, written once into the user's data folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COURSE_DATA", raising=False)
        return datasets.load_miyawaki()


@pytest.fixture(scope="session")
def rest() -> datasets.Rest:
    """Return the simulated subjects at rest, written once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COURSE_DATA", raising=False)
        return datasets.load_rest()


def sample_folder(name: str, file: str) -> Path:
    """Return the folder with a real sample, or skip the test."""
    for folder in (datasets.data_dir() / "samples", SHARED_SAMPLES):
        if (folder / name / file).exists():
            return folder / name
    pytest.skip(f"{name} is not here: python -m helpers.datasets fetch {name}")


@contextlib.contextmanager
def seeded_with(sample: Path, folder: Path) -> Iterator[None]:
    """Use a data folder that has one real sample, under the name of its folder."""
    (folder / "samples").mkdir()
    (folder / "samples" / sample.name).symlink_to(sample)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_DATA_DIR", str(folder))
        yield


@pytest.fixture(scope="session")
def slice_folder() -> Path:
    """Return the folder with the real slice, or skip the test."""
    return sample_folder("haxby_slice", "bold.nii.gz")


@pytest.fixture(scope="session")
def v1_folder() -> Path:
    """Return the folder with the real responses of V1, or skip the test."""
    return sample_folder("miyawaki_v1", "V1_mean_figure.mat")


@pytest.fixture(scope="session")
def rest_sample_folder() -> Path:
    """Return the folder with the six real subjects, or skip the test."""
    return sample_folder("rest_gift", "sub-007_lowres.nii")


@pytest.fixture(scope="session")
def miyawaki_v1(v1_folder: Path, tmp_path_factory) -> datasets.MiyawakiV1:
    """Return the real responses of V1, from a data folder seeded with them."""
    with seeded_with(v1_folder, tmp_path_factory.mktemp("seeded")):
        return datasets.load_miyawaki_v1()


@pytest.fixture(scope="session")
def haxby_slice(slice_folder: Path, tmp_path_factory) -> datasets.Haxby:
    """Return the real slice, from a data folder seeded with it."""
    with seeded_with(slice_folder, tmp_path_factory.mktemp("seeded")):
        return datasets.load_haxby_slice()


@pytest.fixture(scope="session")
def browser():
    """Start Chromium; the suite does not pass without one.

    Here, for all tests: Playwright runs once in a process.
    """
    from playwright.sync_api import sync_playwright

    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    path = path or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        path = path or playwright.chromium.executable_path
        if not Path(path).exists():
            pytest.fail(
                "no Chromium found: install it (Debian: apt-get install chromium;"
                " elsewhere: python -m playwright install chromium) or name it in the"
                " variable CHROMIUM",
                pytrace=False,
            )
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()
