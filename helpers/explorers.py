"""Explorers: figures with a slider, drawn ahead of time, that move without a kernel.

An explorer draws one frame for each value (or pair of values) while the notebook
runs. The reader then moves through the frames with native HTML sliders, by mouse,
touch or keyboard: on the built page, opened from disk, and in a live notebook alike.
Nothing is loaded from anywhere, and no widget library is needed. Without JavaScript
all frames stand below each other, each with its values.
"""

import base64
import io
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from html import escape
from urllib.parse import quote

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

# What may stand as it is in an address between double quotes.
_SAFE = " !$'()*+,-./:;=?@_~"

# The script starts every explorer on the page that does not run yet, so it can come
# with each of them. A frame's number is that of a row-major table, one axis a slider.
_SCRIPT = """
document.querySelectorAll(".explorer:not(.explorer-live)").forEach((root) => {
  const sliders = [...root.querySelectorAll("input[type=range]")];
  const frames = [...root.querySelectorAll(".explorer-frame")];
  const button = root.querySelector("button");
  const labels = JSON.parse(root.dataset.labels);
  let timer = null;

  function show() {
    let at = 0;
    sliders.forEach((slider, i) => {
      const text = labels[i][slider.valueAsNumber];
      at = at * labels[i].length + slider.valueAsNumber;
      slider.setAttribute("aria-valuetext", text);
      slider.parentNode.querySelector("output").textContent = text;
    });
    frames.forEach((frame, i) => { frame.hidden = i !== at; });
  }
  function stop() {
    clearInterval(timer);
    timer = null;
    button.textContent = "Play";
  }
  function step() {
    const last = sliders[sliders.length - 1];
    last.value = (last.valueAsNumber + 1) % (Number(last.max) + 1);
    show();
  }
  function toggle() {
    if (timer !== null) { stop(); return; }
    button.textContent = "Stop";
    timer = setInterval(step, 900);
  }

  sliders.forEach((slider) => slider.addEventListener("input", () => {
    if (timer !== null) { stop(); }
    show();
  }));
  if (button) { button.addEventListener("click", toggle); }
  root.classList.add("explorer-live");
  show();
});
"""

_STYLE = """
.explorer { margin: 1.5rem 0; }
.explorer-controls { display: none; flex-wrap: wrap; gap: .5rem 1.5rem;
  align-items: center; margin-bottom: .5rem; }
.explorer-live .explorer-controls { display: flex; }
.explorer-controls label { display: flex; flex: 1 1 16rem; gap: .6rem;
  align-items: center; margin: 0; }
.explorer-controls input { flex: 1; min-width: 6rem; min-height: 1.75rem; }
.explorer-controls output { min-width: 4.5em; font-variant-numeric: tabular-nums; }
.explorer-controls button { min-width: 4.5rem; min-height: 1.75rem; }
.explorer-frames { overflow-x: auto; }
.explorer-frame[hidden] { display: none; }
.explorer:not(.explorer-live) .explorer-frame::before { content: attr(data-at);
  display: block; margin-top: .5rem; font-weight: 600; }
"""


class Explorer:
    """A figure with sliders; notebooks and the book show its HTML.

    Attributes
    ----------
    html : str
        The explorer, whole: frames, sliders, style and script.
    n_frames : int
        Number of frames.
    """

    def __init__(self, html: str, n_frames: int) -> None:
        self.html, self.n_frames = html, n_frames

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return f"Explorer of {self.n_frames} frames"


def explorer(
    draw: Callable[..., Figure | None],
    values: Mapping[str, Sequence],
    alt: Callable[..., str],
    caption: str,
    start: Sequence[int] | None = None,
    play: bool = False,
    image_format: str = "webp",
) -> Explorer:
    """Draw a frame for each value, and link the frames to sliders.

    Parameters
    ----------
    draw : callable
        Draws one frame. It takes one value a slider and returns a figure; None
        means the current one. The figure is closed afterwards.
    values : mapping of str to sequence
        One slider an entry, one or two of them: its name, with the unit, and its
        values. Numbers are written with `str`; give strings to write them otherwise.
    alt : callable
        Takes what `draw` takes; returns that frame's text for those who do not see
        it: what is seen, not what is set.
    caption : str
        The finding, and whether the data are simulated.
    start : sequence of int, optional
        Index of the first value shown, one a slider; by default the first value.
    play : bool
        Whether to add a button that steps through the values of the last slider.
    image_format : {"webp", "svg"}
        WebP for images, SVG for drawings of few lines.

    Returns
    -------
    Explorer
        Its HTML is shown when it is the last line of a cell.

    Raises
    ------
    ValueError
        If there is no slider or more than two, a slider has fewer than two values,
        `start` does not fit, an `alt` text is empty or the same for all frames, or
        the image format is unknown.
    """
    names, choices = list(values), [list(v) for v in values.values()]
    start = [0] * len(names) if start is None else list(start)
    _check(names, choices, start, image_format)
    combinations = list(itertools.product(*choices))
    texts = [alt(*combination) for combination in combinations]
    if not all(texts) or len(set(texts)) < len(texts):
        raise ValueError(
            "alt gives an empty text, or the same text for two frames; expected one "
            "text a frame that says what is seen there."
        )
    frames = [
        f'<div class="explorer-frame" data-at="{escape(_at(names, combination))}">'
        f'<img alt="{escape(text)}" '
        f'src="{_draw(draw, combination, image_format)}"></div>'
        for combination, text in zip(combinations, texts, strict=True)
    ]
    return Explorer(_page(names, choices, start, frames, caption, play), len(frames))


def _check(
    names: list[str], choices: list[list], start: list[int], image_format: str
) -> None:
    """Raise an error for arguments that make no explorer."""
    if not 1 <= len(names) <= 2:
        raise ValueError(f"values has {len(names)} sliders; expected one or two.")
    for name, choice in zip(names, choices, strict=True):
        if len(choice) < 2:
            raise ValueError(
                f"The slider {name!r} has {len(choice)} values; expected two or more."
            )
    lengths = [len(choice) for choice in choices]
    fits = len(start) == len(names) and all(
        0 <= index < n for index, n in zip(start, lengths, strict=True)
    )
    if not fits:
        raise ValueError(
            f"start is {start}; expected one index a slider, below {lengths}."
        )
    if image_format not in ("webp", "svg"):
        raise ValueError(f"image_format is {image_format!r}; expected 'webp' or 'svg'.")


def _at(names: list[str], combination: tuple) -> str:
    """Return what the sliders say at a frame: shown where there are no sliders."""
    return ", ".join(f"{n}: {v}" for n, v in zip(names, combination, strict=True))


def _draw(draw: Callable, combination: tuple, image_format: str) -> str:
    """Draw one frame; return the address of its picture, the data inside."""
    figure = draw(*combination) or plt.gcf()
    buffer = io.BytesIO()
    if image_format == "svg":
        with plt.rc_context({"svg.hashsalt": "explorer"}):  # the same names each time
            figure.savefig(buffer, format="svg", metadata={"Date": None})
        # As text, which packs to two thirds of what its base64 does.
        address = "data:image/svg+xml," + quote(buffer.getvalue().decode(), safe=_SAFE)
    else:
        figure.savefig(buffer, format="png")
        encoded = base64.b64encode(_smaller(buffer)).decode("ascii")
        address = f"data:image/webp;base64,{encoded}"
    plt.close(figure)
    return address


def _smaller(png: io.BytesIO) -> bytes:
    """Store a PNG as WebP with 128 colors: a quarter, and no difference to the eye."""
    from PIL import Image

    image = Image.open(png).convert("RGB")
    # Other ways to choose the colors lose the rare ones, such as those of thin lines.
    image = image.quantize(128, method=Image.Quantize.MAXCOVERAGE, dither=0)
    buffer = io.BytesIO()
    # More effort takes fifty times as long and wins a hundredth.
    image.convert("RGB").save(buffer, "webp", lossless=True, quality=50, method=4)
    return buffer.getvalue()


def _page(
    names: list[str],
    choices: list[list],
    start: list[int],
    frames: list[str],
    caption: str,
    play: bool,
) -> str:
    """Return the HTML of an explorer."""
    labels = [[str(value) for value in choice] for choice in choices]
    sliders = [
        f'<label><span>{escape(name)}</span><input type="range" min="0" '
        f'max="{len(label) - 1}" step="1" value="{index}">'
        f"<output>{escape(label[index])}</output></label>"
        for name, label, index in zip(names, labels, start, strict=True)
    ]
    button = '<button type="button">Play</button>' if play else ""
    return (
        f'<figure class="explorer" data-labels="{escape(json.dumps(labels))}">'
        f"<style>{_STYLE}</style>"
        f'<div class="explorer-controls">{"".join(sliders)}{button}</div>'
        f'<div class="explorer-frames">{"".join(frames)}</div>'
        f'<figcaption><span class="caption-text">{escape(caption)}</span></figcaption>'
        f"<script>{_SCRIPT}</script></figure>"
    )
