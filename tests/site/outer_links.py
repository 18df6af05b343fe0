"""Ask every other site that a page leads to whether it is still there: ``make links``.

``python -m tests.site.outer_links [FOLDER]`` takes the links from the built site and
leaves the asking to Sphinx. It reports, and no more: a link can die any day, and a
site that wants no robots is there all the same. So its status is 0, also without a
network.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from html import unescape
from pathlib import Path

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build/html"
CONFIG = """\
project = "links"
linkcheck_anchors = False  # many a page makes them by a script
linkcheck_timeout = 20
linkcheck_retries = 2
linkcheck_workers = 8
linkcheck_rate_limit_timeout = 10
user_agent = "Mozilla/5.0 (link check of a course)"
"""


def outer_links(site: Path) -> dict[str, list[str]]:
    """Return the addresses that pages lead to, with the pages."""
    found = {}
    for page in sorted(site.rglob("*.html")):
        html = page.read_text(encoding="utf-8")
        name = page.relative_to(site).as_posix()
        for link in sorted(set(re.findall(r'<a [^>]*href="(https?://[^"]+)"', html))):
            found.setdefault(unescape(link), []).append(name)
    return found


def ask(links: list[str]) -> list[dict]:
    """Return what Sphinx finds at each address: `uri`, `status`, `code`, `info`."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "source"), Path(folder, "out")
        source.mkdir()
        (source / "conf.py").write_text(CONFIG, encoding="utf-8")
        # An address that ends so would name another link.
        ends = [re.sub("_$", r"\\_", link) for link in links]
        lines = [f"* `link {n} <{link}>`__" for n, link in enumerate(ends)]
        text = "\n".join(["Links", "=====", "", *lines, ""])
        (source / "index.rst").write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "sphinx", "-b", "linkcheck", "-q"]
        subprocess.run([*command, source, target], capture_output=True)
        lines = (target / "output.json").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def report(site: Path) -> str:
    """Return what there is to say of the links of a site."""
    pages = outer_links(site)
    answers = ask(list(pages))
    counts = Counter(answer["status"] for answer in answers)
    said = [", ".join(f"{n} {status}" for status, n in sorted(counts.items()))]
    said[0] = f"{len(pages)} outer links: {said[0] or 'none'}"
    for answer in sorted(answers, key=lambda answer: answer["uri"]):
        moved = answer["status"] == "redirected" and answer["code"] in (301, 308)
        if answer["status"] in ("broken", "timeout") or moved:
            uri = answer["uri"]
            said.append(f"{answer['status']}: {uri}\n    {answer['info']}")
            said.append(f"    on {', '.join(pages.get(uri, []))}")
    return "\n".join(said)


if __name__ == "__main__":
    site = Path(*sys.argv[1:]) if sys.argv[1:] else SITE
    print(report(site) if site.is_dir() else f"no site at {site}: run make book")
