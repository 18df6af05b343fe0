"""The contrast of a figure's letters with what is really behind them.

Used by the tests of the helpers, and in the kernel of each notebook that the tests run
(`tests/notebooks/legible.py`): so it needs nothing but Matplotlib.
"""

from contextlib import contextmanager
from pathlib import Path

import numpy as np
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure
from matplotlib.font_manager import weight_dict
from matplotlib.text import Text

# WCAG 2.1, 1.4.3; large are letters of 18 points, or of 14 if they are bold.
NEEDED, NEEDED_BY_LARGE = 4.5, 3.0
# A line that only touches a letter does not count.
SHARE = 5  # per cent of the pixels under the letters and next to them
_draw_text = Text.draw


def luminance(rgb: np.ndarray) -> np.ndarray:
    """Return the relative luminance of colors (..., 3), each part from 0 to 1."""
    rgb = np.asarray(rgb, dtype=float)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def contrast(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the WCAG contrast ratio of two colors, or of two arrays of colors."""
    a, b = luminance(a) + 0.05, luminance(b) + 0.05
    return np.maximum(a, b) / np.minimum(a, b)


@contextmanager
def _texts_noted(noted: list[Text]):
    """Let texts draw their boxes only, and note those that would be drawn."""

    def draw(text, renderer, *args, **kwargs):
        if not text.get_visible() or not text.get_text().strip():
            return
        if text.get_bbox_patch() is not None:
            text.update_bbox_position_size(renderer)
            text.get_bbox_patch().draw(renderer)
        noted.append(text)

    Text.draw = draw
    try:
        yield
    finally:
        Text.draw = _draw_text


def without_texts(figure: Figure) -> tuple[np.ndarray, list[Text], RendererAgg]:
    """Draw all but the texts; return the pixels (0 to 1), the texts, the renderer."""
    canvas, layout, noted = figure.canvas, figure._layout_engine, []
    figure._layout_engine = None  # all has its place from when the figure was drawn
    try:
        agg = FigureCanvasAgg(figure)
        with _texts_noted(noted):
            agg.draw()
    finally:
        figure._layout_engine = layout
        figure.set_canvas(canvas)
    rgba = np.asarray(agg.buffer_rgba()) / 255
    # The page is white below what can be seen through, on the dark theme, too.
    return rgba[..., :3] * rgba[..., 3:] + 1 - rgba[..., 3:], noted, agg.get_renderer()


def _letters(text: Text, shape: tuple[int, int], renderer: RendererAgg) -> np.ndarray:
    """Return which pixels the letters of a text cover, or are next to."""
    blank = RendererAgg(shape[1], shape[0], renderer.dpi)
    box, text._bbox_patch = text.get_bbox_patch(), None
    try:
        _draw_text(text, blank)  # without the arrow of an annotation
    finally:
        text._bbox_patch = box
    inked = np.pad(np.asarray(blank.buffer_rgba())[..., 3] > 0, 1)
    rows = inked[:-2] | inked[1:-1] | inked[2:]
    return rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:]


def texts_with_contrast(figure: Figure) -> list[tuple[Text, float, np.ndarray]]:
    """Measure each text drawn: its contrast, and the worst color behind it."""
    pixels, texts, renderer = without_texts(figure)
    height, width = pixels.shape[:2]
    measured = []
    for text in texts:
        box = text.get_window_extent(renderer)
        rows = slice(max(int(height - box.y1) - 1, 0), max(int(height - box.y0) + 2, 0))
        columns = slice(max(int(box.x0) - 1, 0), max(int(box.x1) + 2, 0))
        behind = pixels[rows, columns].reshape(-1, 3)
        if not behind.size:
            continue
        if np.ptp(behind, axis=0).any():
            letters = _letters(text, (height, width), renderer)[rows, columns]
            if not letters.any():
                continue
            behind = behind[letters.ravel()]
        *color, alpha = to_rgba(text.get_color(), text.get_alpha())
        ratios = contrast(alpha * np.array(color) + (1 - alpha) * behind, behind)
        worst = np.argsort(ratios)[len(ratios) * SHARE // 100]
        measured.append((text, float(ratios[worst]), behind[worst]))
    return measured


def faults(figure: Figure) -> list[str]:
    """Name the texts of a figure, drawn before, that are hard to read."""
    found = []
    for text, ratio, behind in texts_with_contrast(figure):
        weight = text.get_fontweight()
        bold = weight_dict.get(weight, weight) >= weight_dict["bold"]
        large = text.get_fontsize() >= (14 if bold else 18)
        needed = NEEDED_BY_LARGE if large else NEEDED
        if ratio < needed - 0.005:
            found.append(
                f"{text.get_text()!r}, {to_hex(text.get_color())} on {to_hex(behind)}:"
                f" a contrast of {ratio:.2f}; {needed} is needed"
            )
    return list(dict.fromkeys(found))


def watch(report: Path) -> None:
    """Write into a file what is hard to read in each figure shown from now on."""
    show = FigureCanvasBase.print_figure

    def print_figure(canvas, *args, **kwargs):
        result = show(canvas, *args, **kwargs)
        found = faults(canvas.figure)
        with Path(report).open("a", encoding="utf-8") as file:
            file.writelines(f"{fault}\n" for fault in found)
        return result

    FigureCanvasBase.print_figure = print_figure
