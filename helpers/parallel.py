"""Run many small fits in parallel, and go on where an interrupted run has stopped."""

import inspect
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import joblib
import numpy as np
from tqdm import tqdm


def map_parallel(
    function: Callable[..., np.ndarray],
    items: Iterable[int | str],
    *shared: object,
    folder: Path | None = None,
    n_jobs: int = 2,
) -> np.ndarray:
    """Call ``function(item, *shared)`` for each item, in processes of their own.

    Each process computes with one thread, so that they do not wait for each other.

    Parameters
    ----------
    function : callable
        Returns an array; its shape must be the same for all items.
    items : iterable of int or str
        What to call it for.
    *shared : object
        What all calls share. Large arrays are not copied to the processes.
    folder : Path, optional
        Where each item's result is kept as soon as it is there. An interrupted run
        goes on from them, as long as what is shared and the source of `function` are
        the same. With a folder a progress bar is shown.
    n_jobs : int
        Number of processes.

    Returns
    -------
    ndarray
        The results, one an item along the first axis, in the order of `items`.

    Raises
    ------
    ValueError
        If there are no items, or an item comes twice.
    """
    items = list(items)
    if not items or len(set(items)) < len(items):
        raise ValueError(f"Expected items, each once, but got {items}.")
    kept = None if folder is None else Path(folder) / _key(function, shared)
    done = {} if kept is None else _read(kept, items)
    todo = [item for item in items if item not in done]
    with (
        joblib.parallel_config(backend="loky", inner_max_num_threads=1),
        joblib.Parallel(n_jobs=n_jobs, return_as="generator") as parallel,
        tqdm(total=len(items), initial=len(done), disable=kept is None) as bar,
    ):
        calls = (joblib.delayed(function)(item, *shared) for item in todo)
        for item, result in zip(todo, parallel(calls), strict=True):
            done[item] = np.asarray(result)
            if kept is not None:
                _write(kept / f"{item}.npy", done[item])
            bar.update()
    return np.stack([done[item] for item in items])


def _key(function: Callable, shared: tuple) -> str:
    """Return a name for results of this function from what is shared."""
    return joblib.hash([inspect.getsource(function), *shared])[:12]


def _read(folder: Path, items: list) -> dict:
    """Return the results that are there already."""
    paths = {item: folder / f"{item}.npy" for item in items}
    return {item: np.load(path) for item, path in paths.items() if path.exists()}


def _write(path: Path, result: np.ndarray) -> None:
    """Write one result whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(f".{os.getpid()}.writing")
    with beside.open("wb") as file:
        np.save(file, result)
    beside.replace(path)
