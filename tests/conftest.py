"""What several tests share: one simulated subject, and the real slice where it is."""

import os
from pathlib import Path

# Before anything imports matplotlib: the tests have no screen.
os.environ["MPLBACKEND"] = "Agg"

import pytest  # noqa: E402

from helpers import datasets  # noqa: E402

SHARED_SAMPLES = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def haxby() -> datasets.Haxby:
    """Return the simulated subject 2, written once into the user's data folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COURSE_DATA", raising=False)
        return datasets.load_haxby()


@pytest.fixture(scope="session")
def slice_folder() -> Path:
    """Return the folder with the real slice, or skip the test."""
    for folder in (datasets.data_dir() / "samples", SHARED_SAMPLES):
        if (folder / "haxby_slice" / "bold.nii.gz").exists():
            return folder / "haxby_slice"
    pytest.skip(
        "the real slice is not here: python -m helpers.datasets fetch haxby_slice"
    )


@pytest.fixture(scope="session")
def haxby_slice(slice_folder: Path, tmp_path_factory) -> datasets.Haxby:
    """Return the real slice, from a data folder seeded with it."""
    seeded = tmp_path_factory.mktemp("seeded")
    (seeded / "samples").mkdir()
    (seeded / "samples" / "haxby_slice").symlink_to(slice_folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_DATA_DIR", str(seeded))
        return datasets.load_haxby_slice()
