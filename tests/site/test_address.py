"""Launch buttons and social cards: the right addresses, or none."""

import json
import os
import re
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest
import yaml
from sphinx.config import Config as SphinxConfig

from tests.site.test_axe import AXE, FIND
from tests.site.test_site import PAGES

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "book/_ext"))

import address  # noqa: E402
import pictures  # noqa: E402

CI = {
    "COURSE_REPOSITORY": "https://github.com/someone/the-course",
    "COURSE_REVISION": "0123abc",
    "COURSE_ADDRESS": "https://someone.example/the-course",
}
NOTEBOOK = {
    "cells": [
        {
            "cell_type": "markdown",
            "id": "title",
            "metadata": {},
            "source": "# A page\n\nWhat it is about, in *few* words.",
        }
    ],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Path:
    """Build a book of two pages, with the course's configuration, as CI does."""
    book = tmp_path_factory.mktemp("small")
    for folder in ("book/_ext", "book/assets"):
        shutil.copytree(ROOT / folder, book / folder)
    shutil.copy(ROOT / "book/references.bib", book / "book")
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    config["execute"]["execute_notebooks"] = "off"
    config["sphinx"]["config"]["course_repository"] = CI["COURSE_REPOSITORY"]
    (book / "_config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    (book / "_toc.yml").write_text(
        "{format: jb-book, root: book/index, chapters: [{file: notebooks/real/page}]}"
    )
    (book / "book/index.md").write_text("# Start\n\n```{cover}\n```\n\nFirst words.\n")
    (book / "notebooks/real").mkdir(parents=True)
    (book / "notebooks/real/page.ipynb").write_text(json.dumps(NOTEBOOK))
    done = subprocess.run(
        [Path(sys.executable).with_name("jupyter-book"), "build", book, "-W", "-n"],
        env=os.environ | CI,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return book / "_build/html"


def links(page: Path) -> list[str]:
    """Return the addresses to which a page leads."""
    html = page.read_text(encoding="utf-8")
    return [unescape(link) for link in re.findall(r'href="([^"]+)"', html)]


def card(page: Path) -> dict[str, str]:
    """Return what a page's head says to other sites."""
    html = page.read_text(encoding="utf-8")
    found = re.findall(r'<meta (?:property|name)="([^"]+)" content="([^"]*)"', html)
    return {name: unescape(text) for name, text in found}


def test_buttons_lead_to_the_notebook_at_the_revision(published):
    found = links(published / "notebooks/real/page.html")
    (binder,) = [link for link in found if "mybinder.org" in link]
    parts = urlparse(binder)
    assert parts.path == "/v2/gh/someone/the-course/0123abc"
    assert parse_qs(parts.query) == {"urlpath": ["lab/tree/notebooks/real/page.ipynb"]}
    (colab,) = [link for link in found if "colab.research.google.com" in link]
    assert urlparse(colab).path == (
        "/github/someone/the-course/blob/0123abc/notebooks/real/page.ipynb"
    )
    assert CI["COURSE_REPOSITORY"] in found


@pytest.mark.parametrize("known", ["", CI["COURSE_REPOSITORY"]])
def test_colab_is_offered_if_the_notebooks_know_the_address(monkeypatch, known):
    for name, text in CI.items():
        monkeypatch.setenv(name, text)
    config = SphinxConfig()
    for name in address.VALUES:
        config.add(name, "", "html", str)
    config.course_repository = known
    config.add("html_baseurl", "", "html", str)
    config.add("html_theme_options", {}, "html", dict)
    address.add_launch_buttons(None, config)
    launch = config.html_theme_options["launch_buttons"]
    assert launch["binderhub_url"] == "https://mybinder.org"
    assert ("colab_url" in launch) == bool(known)


def test_card_of_a_published_page(published):
    shown = card(published / "notebooks/real/page.html")
    assert shown["og:title"] == "A page"
    assert shown["og:description"] == "What it is about, in few words."
    assert shown["description"] == shown["og:description"]
    base = CI["COURSE_ADDRESS"] + "/"
    assert shown["og:url"] == base + "notebooks/real/page.html"
    assert shown["og:image"].startswith(base)
    assert (published / shown["og:image"].removeprefix(base)).is_file()
    assert len(shown["og:image:alt"]) > 20


def test_axe_finds_nothing_on_buttons(browser, published):
    context = browser.new_context(reduced_motion="reduce")
    context.add_init_script(AXE)
    tab = context.new_page()
    for page in ("notebooks/real/page", "book/index", "404"):
        tab.goto((published / f"{page}.html").as_uri())
        for theme in ("light", "dark"):
            assert tab.evaluate(FIND, [theme, None])[1] == []
    context.close()


def test_not_found_leads_home_from_any_depth(published):
    base = CI["COURSE_ADDRESS"] + "/"
    found = links(published / "404.html")
    assert found == [base + "book/index.html"]
    html = (published / "404.html").read_text(encoding="utf-8")
    assert f'action="{base}search.html"' in html
    assert "src=" not in html


@pytest.mark.parametrize("page", PAGES)
def test_without_a_repository_no_button(site, page):
    found = links(site / f"{page}.html")
    assert not [link for link in found if re.search(r"mybinder|colab\.res", link)]
    shown = card(site / f"{page}.html")
    assert "og:image" not in shown
    assert len(shown["og:title"]) > 5
    assert len(shown["description"]) > 20


def test_favicon_and_search_of_the_not_found_page(site):
    for page in PAGES:
        html = (site / f"{page}.html").read_text(encoding="utf-8")
        (icon,) = re.findall(r'<link rel="icon"[^>]*href="([^"]+)"', html)
        assert (site / page).parent.joinpath(icon).resolve().is_file()
    html = (site / "404.html").read_text(encoding="utf-8")
    assert 'action="search.html"' in html


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("COURSE_REPOSITORY", "someone/the-course"),
        ("COURSE_REPOSITORY", "https://github.com/someone"),
        ("COURSE_ADDRESS", "someone.example"),
    ],
)
def test_an_address_that_is_none_is_refused(monkeypatch, name, wrong):
    monkeypatch.setenv(name, wrong)
    config = dict.fromkeys(address.VALUES, "")
    with pytest.raises(address.ConfigError, match=rf"{name.lower()} is .{wrong}"):
        address.where(config)


def test_the_published_site_knows_where_it_is():
    """Continuous integration says all of it, under the names that are read."""
    text = (ROOT / ".github/workflows/site.yml").read_text(encoding="utf-8")
    steps = yaml.safe_load(text)["jobs"]["build"]["steps"]
    (build,) = [step for step in steps if step.get("run") == "make book"]
    assert set(build["env"]) == set(CI) == {name.upper() for name in address.VALUES}


def test_the_pictures_are_those_that_the_code_draws():
    import io

    import numpy as np
    from PIL import Image

    stored = ROOT / "book/assets/favicon.svg"
    assert stored.read_text(encoding="utf-8") == pictures.FAVICON
    now = Image.open(io.BytesIO(pictures.draw_cover())).convert("RGB")
    then = Image.open(ROOT / "book/assets/cover.png").convert("RGB")
    assert now.size == then.size == pictures.SIZE
    # Letters are drawn a little differently on other machines.
    apart = np.abs(np.asarray(now, dtype=int) - np.asarray(then, dtype=int))
    assert apart.mean() < 1
