"""Many fits in parallel: order, kept results, and going on after an interruption."""

import numpy as np
import pytest

from helpers.parallel import map_parallel


def scale(item, array, folder):
    """Return the array times the item; say that it was called, and refuse a 3."""
    (folder / f"called-{item}").touch()
    if item == 3 and (folder / "refuse").exists():
        raise RuntimeError("interrupted")
    return item * array


def double(item, array):
    """Return the array times the item."""
    return item * array


def calls(folder):
    """Return for which items `scale` was called, and forget it."""
    called = sorted(path.name for path in folder.glob("called-*"))
    for name in called:
        (folder / name).unlink()
    return [int(name.removeprefix("called-")) for name in called]


def test_results_have_the_order_of_the_items():
    array = np.arange(4.0)
    items = [5, 0, 2]
    results = map_parallel(double, items, array)
    assert np.array_equal(results, np.outer(items, array))


def test_goes_on_after_an_interruption(tmp_path, capfd):
    """What was computed before is read; the rest, and only that, is computed."""
    array, kept = np.arange(3.0), tmp_path / "kept"
    (tmp_path / "refuse").touch()
    with pytest.raises(RuntimeError, match="interrupted"):
        map_parallel(scale, [1, 2, 3], array, tmp_path, folder=kept, n_jobs=1)
    assert calls(tmp_path) == [1, 2, 3]
    (tmp_path / "refuse").unlink()
    results = map_parallel(scale, [1, 2, 3], array, tmp_path, folder=kept, n_jobs=1)
    assert calls(tmp_path) == [3]
    assert np.array_equal(results, np.outer([1, 2, 3], array))
    assert "3/3" in capfd.readouterr().err
    assert not list(kept.rglob("*.writing"))


def test_other_data_are_computed_anew(tmp_path):
    kept = tmp_path / "kept"
    first = map_parallel(double, [1, 2], np.ones(3), folder=kept, n_jobs=1)
    second = map_parallel(double, [1, 2], np.full(3, 5.0), folder=kept, n_jobs=1)
    assert np.array_equal(second, 5 * first)


def test_without_a_folder_nothing_is_kept_or_shown(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    map_parallel(double, [1, 2], np.ones(3), n_jobs=1)
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("items", [[], [1, 1]])
def test_items_must_be_there_once(items):
    with pytest.raises(ValueError, match="each once"):
        map_parallel(double, items, np.ones(2))
