"""Pictures of the site that no notebook draws: cover, favicon; and the 404 page.

``python book/_ext/pictures.py`` draws the pictures into ``book/assets``. ``{cover}``
puts the cover on a page; the same picture is on the card that other sites show. The
page for what is not found carries its own style, since nobody knows at which depth it
is shown.
"""

import io
from html import escape
from pathlib import Path

import numpy as np
from address import CARD, CARD_ALT, where
from docutils import nodes
from docutils.parsers.rst import Directive
from matplotlib.figure import Figure
from PIL import Image
from sphinx.application import Sphinx

from helpers.plotting import COLORS
from helpers.simulation.phantom import make_tissues

ASSETS = Path(__file__).parents[1] / "assets"
FACE, HOUSE = COLORS["face"], COLORS["house"]
SIZE = (1200, 630)  # pixels, as cards want it
# Two clouds of points and the line between them.
FAVICON = f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<rect width="32" height="32" rx="7" fill="#fff"/>
<g fill="{HOUSE}"><circle cx="8" cy="8" r="3.4"/><circle cx="17" cy="6.5" r="3.4"/>
<circle cx="7.5" cy="17" r="3.4"/></g>
<g fill="{FACE}"><circle cx="24.5" cy="15" r="3.4"/><circle cx="15" cy="25" r="3.4"/>
<circle cx="24.5" cy="25" r="3.4"/></g>
<path d="M4 28 28 4" stroke="#222832" stroke-width="2.4" stroke-linecap="round"/>
</svg>
"""
NOT_FOUND = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<meta name="robots" content="noindex" />
<title>Not found &#8212; {title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ max-width: 40rem; margin: 15vh auto 0; padding: 0 1.5rem;
  font: 1.1rem/1.6 system-ui, sans-serif; }}
input, button {{ font: inherit; padding: .3rem .6rem; max-width: 100%; }}
</style>
</head>
<body>
<main>
<h1>There is no such page</h1>
<p>The address may be of an older version of the course. Its pages are all listed at
the <a href="{home}book/index.html">start of the course</a>; or search for what you
came for:</p>
<form action="{home}search.html" role="search">
<p><input type="search" name="q" aria-label="Search the course" />
<button>Search</button></p>
</form>
</main>
</body>
</html>
"""


def draw_cover() -> bytes:
    """Return the cover as a PNG: a cut through the brain, and two classes parted."""
    rng = np.random.default_rng(0)
    gray, white, csf = make_tissues(4)
    figure = Figure(figsize=(SIZE[0] / 100, SIZE[1] / 100), dpi=100, facecolor="white")
    left = figure.add_axes((0.03, 0.05, 0.45, 0.9))
    gray, white, csf = (
        share[..., gray.shape[2] * 2 // 5] for share in (gray, white, csf)
    )
    inside = gray + white + csf > 0
    cut = np.where(inside, 0.45 * gray + 0.85 * white, np.nan)
    left.imshow(cut.T, origin="lower", cmap="gray", vmin=-0.3, vmax=1,
                interpolation="nearest")  # fmt: skip
    _mark_voxels(left, gray, rng)
    left.set_axis_off()
    right = figure.add_axes((0.54, 0.1, 0.42, 0.8))
    for sign, color, marker in ((1, FACE, "o"), (-1, HOUSE, "s")):
        x, y = rng.normal(size=(2, 60)) * 0.75 + sign * np.array([[1.0], [-0.8]])
        right.scatter(x, y, s=110, c=color, marker=marker, alpha=0.85, linewidths=0)
    right.plot([-2.2, 2.2], [-2.75, 2.75], color="#222832", lw=4)
    right.set(xticks=[], yticks=[], xlim=(-3, 3), ylim=(-3.4, 3))
    right.set_xlabel("voxel 1", fontsize=24)
    right.set_ylabel("voxel 2", fontsize=24)
    right.spines[["top", "right"]].set_visible(False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return _with_palette(buffer)


def _mark_voxels(ax, gray: np.ndarray, rng: np.random.Generator) -> None:
    """Mark some voxels of gray matter at the back, which answer to either class."""
    n_x, n_y = gray.shape
    i, j = np.nonzero(gray > 0.5)
    back = j < 0.35 * n_y
    i, j = i[back], j[back]
    outer = np.abs(i - n_x / 2) > 0.2 * n_x
    for where_, color, marker in ((outer, FACE, "o"), (~outer, HOUSE, "s")):
        some = rng.permutation(np.flatnonzero(where_))[:35]
        ax.scatter(i[some], j[some], s=45, c=color, marker=marker, linewidths=0)


def _with_palette(png: io.BytesIO) -> bytes:
    """Return a PNG with a palette."""
    image = Image.open(png).convert("RGB")
    image = image.quantize(256, Image.Quantize.MAXCOVERAGE, dither=0)
    buffer = io.BytesIO()
    image.save(buffer, "png", optimize=True)
    return buffer.getvalue()


class Cover(Directive):
    """The cover, as wide as the page's text."""

    def run(self) -> list[nodes.Node]:
        """Return the picture."""
        docname = self.state.document.settings.env.docname
        html = (
            f'<img class="cover" src="{"../" * docname.count("/")}{CARD}" '
            f'alt="{escape(CARD_ALT)}" width="{SIZE[0]}" height="{SIZE[1]}" />'
        )
        return [nodes.raw("", html, format="html")]


def add_not_found(app: Sphinx, exception: Exception | None) -> None:
    """Write the page for what is not found into the site."""
    if exception or app.builder.format != "html":
        return
    _, _, address = where(app.config)
    title = escape(app.config.html_title or app.config.project)
    page = NOT_FOUND.format(title=title, home=address)
    (Path(app.outdir) / "404.html").write_text(page, encoding="utf-8")


def setup(app: Sphinx) -> dict:
    """Register the extension; called by Sphinx."""
    app.add_directive("cover", Cover)
    # Before the extensions that mend what is built.
    app.connect("build-finished", add_not_found, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    (ASSETS / "favicon.svg").write_text(FAVICON, encoding="utf-8")
    (ASSETS / "cover.png").write_bytes(draw_cover())
