"""The benchmark's harness, on a tiny recording: it compares, and it can go red."""

import csv

import numpy as np
import pytest

from tests.benchmarks import bench


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Return the folder of the tables of a tiny benchmark."""
    folder = tmp_path_factory.mktemp("tables")
    bench.bench("tiny", folder, growth=False)
    return folder


def test_each_kernel_agrees_with_its_peer(tables):
    with (tables / "tiny.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(bench.KERNELS)
    for row in rows:
        assert "too large" not in row["difference"], row
        assert float(row["ours (s)"]) > 0 and float(row["peer (MB)"]) > 10
    # Loose, for a loaded machine: at full size it is thousands.
    naive_bayes = next(row for row in rows if "naive Bayes" in row["kernel"])
    assert float(naive_bayes["ratio"].replace(",", "")) > 20
    assert naive_bayes["difference"] == "the same"


def test_a_difference_is_marked(tmp_path, monkeypatch):
    bench.make_data(tmp_path, "tiny")

    def measured(task, kernel, side, folder, n_part):
        np.save(
            tmp_path / f"result-{side}.npy", np.full(3, 0.5 + 0.1 * (side == "ours"))
        )
        return {"seconds": 1.0, "megabytes": 100.0, "extrapolated": side == "peer"}

    monkeypatch.setattr(bench, "in_process", measured)
    row = bench.compare(0, tmp_path, "tiny")
    assert "too large" in row["difference"]
    assert row["peer (s)"].endswith("ex")


def test_growth_is_fitted(monkeypatch):
    def measured(task, what, amount):
        return {"seconds": 0.001 * int(amount) ** 2, "megabytes": 1.0}

    monkeypatch.setattr(bench, "in_process", measured)
    assert (
        bench.growth_row("loading, volumes", (10, 20, 40))["exponent of time"] == "2.00"
    )


def test_a_process_is_not_charged_with_its_parent(tmp_path):
    """The parent once held 600 MB more than the child needs."""
    bench.make_data(tmp_path, "tiny")
    held = np.ones(75_000_000)
    assert held.nbytes > 500e6
    child = bench.in_process("one", "4", "ours", str(tmp_path), "2")
    assert bench._peak() > 600
    assert child["megabytes"] < 500
