"""Checks of the page on the real recording of Miyawaki's figures."""

import numpy as np

from helpers.exercises.feedback import Feedback, missing, not_yet, number, right


def check_black_image(answer: object, stimuli: np.ndarray) -> Feedback:
    """Check the share of pixels that a black image has right.

    Parameters
    ----------
    answer : float
        The learner's share.
    stimuli : ndarray of int, shape (n_blocks, n_pixels)
        The images, 1 where they flicker.

    Returns
    -------
    Feedback
    """
    value = number(answer, "a share")
    if isinstance(value, Feedback):
        return value
    lit = float(np.mean(stimuli))
    if abs(value - (1 - lit)) < 0.005:
        return right(f"{value:.2f} of the pixels are black, and so right.")
    if abs(value - lit) < 0.005:
        return not_yet(
            f"{value:.2f} is the share of pixels that flicker: there a black image is"
            " wrong. Count the zeros."
        )
    if value > 1:
        return not_yet(
            f"{value:g} is more than 1: take the mean, not the sum or percent."
        )
    return not_yet(
        f"A black image does not have {value:.2f} of the pixels right. Compare"
        " stimuli with 0, and take the mean over blocks and pixels."
    )


def check_pairwise(
    answer: object, rebuilt: np.ndarray, figures: np.ndarray, which: np.ndarray
) -> Feedback:
    """Check the share of pairs in which the true figure correlates more.

    Parameters
    ----------
    answer : float
        The learner's share.
    rebuilt : ndarray, shape (n_blocks, n_pixels)
        The rebuilt images.
    figures : ndarray, shape (n_figures, n_pixels)
        The candidates.
    which : ndarray of int, shape (n_blocks,)
        The true figure of each block.

    Returns
    -------
    Feedback
    """
    value = number(answer, "a share")
    if isinstance(value, Feedback):
        return value
    n_blocks, n_others = len(rebuilt), len(figures) - 1
    r = np.corrcoef(rebuilt, figures)[:n_blocks, n_blocks:]
    true = r[np.arange(n_blocks), which]
    below = (r < true[:, None]).sum(axis=1)
    if abs(value - below.mean() / n_others) < 0.005:
        return right(f"{value:.2f} of the pairs; chance is 0.5.")
    if abs(value - (below == n_others).mean()) < 0.005:
        return not_yet(
            f"{value:.2f} is identification among all {n_others + 1}: there the true"
            " figure must beat all others at once. Count the pairs it wins."
        )
    if abs(value - below.mean() / (n_others + 1)) < 0.005:
        return not_yet(
            f"Each block has {n_others} pairs, not {n_others + 1}: the true figure is"
            " not compared with itself."
        )
    if abs(value - below.mean()) < 0.05:
        return not_yet(f"{value:.2f} is a count: divide by the {n_others} others.")
    if value > 1:
        return not_yet(f"{value:g} is more than 1: give a share, not percent.")
    return not_yet(
        f"It is not {value:.2f}. Correlate each rebuilt image with all"
        f" {n_others + 1} figures, and count those below the true one. Did you take"
        " the images rebuilt without their figure?"
    )


def check_rebuilt(
    answer: object, stimuli: np.ndarray, to_beat: float, too_good: float = 0.92
) -> Feedback:
    """Check images that were rebuilt without their figure.

    Parameters
    ----------
    answer : array-like, shape (n_blocks, n_pixels)
        The learner's images.
    stimuli : ndarray of int, shape (n_blocks, n_pixels)
        The images that were shown.
    to_beat : float
        The mean correlation to beat.
    too_good : float
        A mean correlation that no model reaches without having seen the figure.

    Returns
    -------
    Feedback
    """
    empty = missing(answer, "the rebuilt images")
    if empty is not None:
        return empty
    images = np.asarray(answer, dtype=float)
    if images.shape == stimuli.shape[::-1]:
        return not_yet(
            f"The shape is {images.shape}: one row a block, please, so transpose it."
        )
    if images.shape != stimuli.shape:
        return not_yet(f"Expected the shape {stimuli.shape}, got {images.shape}.")
    if not np.isfinite(images).all() or (images.std(axis=1) == 0).any():
        return not_yet("Some image is NaN or all the same: it correlates with nothing.")
    pairs = zip(images, stimuli, strict=True)
    score = float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in pairs]))
    if score > too_good:
        return not_yet(
            f"A mean correlation of {score:.2f} is too good to be true: it is what a"
            " model reaches that has seen the figure. Are groups the figures (which)?"
        )
    if score <= to_beat + 1e-6:
        return not_yet(f"{score:.3f} does not beat {to_beat:.3f} yet.")
    return right(f"{score:.3f} beats {to_beat:.3f}. How did you choose its settings?")
