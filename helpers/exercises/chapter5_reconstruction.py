"""Checks of chapter 5: reconstruction."""

import numpy as np

from helpers.exercises.feedback import Feedback, not_yet, number, numbers, right


def check_of_five(
    answer: object, rebuilt: np.ndarray, shown: np.ndarray, runs: np.ndarray
) -> Feedback:
    """Check the share of blocks named among the figures of their own run.

    Parameters
    ----------
    answer : float
        The learner's share.
    rebuilt : ndarray, shape (n_blocks, n_pixels)
        The rebuilt images.
    shown : ndarray of int, shape (n_blocks, n_pixels)
        The images shown.
    runs : ndarray, shape (n_blocks,)
        The run of each block.

    Returns
    -------
    Feedback
    """
    share = number(answer, "one share")
    if isinstance(share, Feedback):
        return share
    of_run = [
        _named(rebuilt[runs == run], shown[runs == run]) for run in np.unique(runs)
    ]
    of_five, of_all = np.concatenate(of_run).mean(), _named(rebuilt, shown).mean()
    near = 0.5 / len(shown)
    if abs(share - of_five) < near:
        return right(f"{of_five:.3f} among those of the run, {of_all:.3f} among all.")
    if abs(share - of_all) < near:
        return not_yet("This is the share among all figures, not those of the run.")
    if abs(share - 100 * of_five) < 100 * near:
        return not_yet("Give a share between 0 and 1, not percent.")
    if abs(share - (1 - of_five)) < near:
        return not_yet("This is the share of wrong names.")
    return not_yet(
        "For each run: candidates are the different images shown in it; count a block"
        " as right if its best candidate is the image shown. Then the mean over blocks."
    )


def check_better_images(
    answer: object, shown: np.ndarray, to_beat: np.ndarray
) -> Feedback:
    """Check rebuilt images of which more are named than of others.

    Parameters
    ----------
    answer : array-like, shape (n_blocks, n_pixels)
        The learner's images.
    shown : ndarray of int, shape (n_blocks, n_pixels)
        The images shown.
    to_beat : ndarray, shape (n_blocks, n_pixels)
        The other rebuilt images.

    Returns
    -------
    Feedback
    """
    images = numbers(answer, "the rebuilt images, one row a block")
    if isinstance(images, Feedback):
        return images
    if images.shape == shown.T.shape and images.shape != shown.shape:
        return not_yet("Blocks and pixels are exchanged: one row a block.")
    if images.shape != shown.shape:
        return not_yet(f"Expected the shape {shown.shape}, but got {images.shape}.")
    if (images == images[:, :1]).all(axis=1).any():
        return not_yet(
            "Some images have one value everywhere, as an empty model gives."
        )
    if np.corrcoef(images.ravel(), shown.ravel())[0, 1] > 0.98:
        return not_yet("Too good to be true. Were the figures used for training?")
    mine, other = _named(images, shown).mean(), _named(to_beat, shown).mean()
    turned = images.reshape(-1, 10, 10).transpose(0, 2, 1).reshape(len(images), -1)
    if mine <= other < _named(turned, shown).mean():
        return not_yet('Your images are mirrored: is an order="F" missing?')
    if mine <= other:
        return not_yet(f"{mine:.3f} named does not beat {other:.3f} yet.")
    return right(f"{mine:.3f} named beats {other:.3f}.")


def _named(images: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Say of each image whether it correlates best with the one shown."""
    candidates, which = np.unique(shown, axis=0, return_inverse=True)
    n = len(images)
    alike = np.corrcoef(images, candidates)[:n, n:]
    return alike.argmax(axis=1) == which.ravel()
