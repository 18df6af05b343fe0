"""Where the course lives, said in one place: launch buttons and social cards.

The values ``course_repository``, ``course_revision`` and ``course_address`` stand in
``_config.yml``; continuous integration sets them by its environment, in capitals
(``COURSE_REPOSITORY``...). Without a repository no launch button is shown, and without
an address no card has a picture: nothing is there that leads nowhere. Colab gets one
notebook and no environment; it is offered if ``_config.yml`` names the repository,
since then each notebook's first cell knows it (see tests/notebooks/first_cell.py).
"""

import os
import re
from html import escape

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError

VALUES = ("course_repository", "course_revision", "course_address")
BINDER = "https://mybinder.org"
COLAB = "https://colab.research.google.com"
CARD = "_static/cover.png"
CARD_ALT = (
    "A drawing: a slice of a brain, and two clouds of points that a line parts, one"
    " point for each image, by what two voxels say."
)


def where(config: Config) -> tuple[str, str, str]:
    """Return the repository, its revision and the site's address, where known.

    Raises
    ------
    ConfigError
        If an address is none.
    """
    found = [os.environ.get(name.upper()) or config[name] for name in VALUES]
    repository, revision, address = found
    if repository and not re.fullmatch(
        r"https://github\.com/[^/]+/[^/]+?/?", repository
    ):
        raise ConfigError(
            f"course_repository is {repository!r}; expected https://github.com/OWNER/NAME"
        )
    if address and not re.fullmatch(r"https?://.+", address):
        raise ConfigError(f"course_address is {address!r}; expected https://...")
    address = address.rstrip("/") + "/" if address else ""
    return repository.rstrip("/"), revision, address


def add_launch_buttons(app: Sphinx, config: Config) -> None:
    """Give the theme what it makes launch buttons of."""
    repository, revision, address = where(config)
    config.html_baseurl = config.html_baseurl or address
    options = config.html_theme_options
    launch = dict(options.get("launch_buttons") or {})
    if repository:
        options["repository_url"] = repository
        options["repository_branch"] = revision
        options["use_repository_button"] = True
        launch["binderhub_url"] = BINDER
        if config.course_repository:
            launch["colab_url"] = COLAB
        options["launch_buttons"] = launch
    else:
        options["repository_url"] = ""
        options["use_repository_button"] = False
        options["launch_buttons"] = {}


def first_words(doctree: nodes.document) -> str:
    """Return the first paragraph of a page, for a card."""
    for paragraph in doctree.findall(nodes.paragraph):
        if isinstance(paragraph.parent, nodes.section):
            return " ".join(paragraph.astext().split())[:300]
    return ""


def add_card(app, pagename, templatename, context, doctree) -> None:
    """Say in a page's head what another site shows of it when it links there."""
    _, _, address = where(app.config)
    card = {
        "og:type": "article",
        "og:site_name": app.config.project or app.config.html_title,
        "og:title": re.sub(r"<[^>]+>", "", context.get("title", "")),
    }
    words = first_words(doctree) if doctree is not None else ""
    card["og:description"] = words or f"A page of the course {app.config.html_title}."
    if address:
        card |= {
            "og:url": f"{address}{pagename}.html",
            "og:image": address + CARD,
            "og:image:alt": CARD_ALT,
            "twitter:card": "summary_large_image",
        }
    root = "../" * pagename.count("/")
    tags = [
        f'<meta property="{name}" content="{escape(text)}" />'
        for name, text in card.items()
    ]
    text = escape(card["og:description"])
    tags.append(f'<meta name="description" content="{text}" />')
    icon = '<link rel="icon" type="image/svg+xml" href="{}_static/favicon.svg" />'
    context["metatags"] = "\n".join(
        [context.get("metatags", ""), *tags, icon.format(root)]
    )


def setup(app: Sphinx) -> dict:
    """Register the extension; called by Sphinx."""
    defaults = ("", "main", "")
    for name, default in zip(VALUES, defaults, strict=True):
        app.add_config_value(name, default, "html", types=[str])
    # Before the theme reads its options.
    app.connect("config-inited", add_launch_buttons, priority=100)
    app.connect("html-page-context", add_card)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
