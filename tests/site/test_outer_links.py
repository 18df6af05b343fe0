"""The report on links to other sites says what is there, and never fails."""

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.site.outer_links import ROOT


class There(BaseHTTPRequestHandler):
    """A site with a page, a page that has moved, and no other."""

    def do_GET(self):
        status = {"/here_": 200, "/old": 301}.get(self.path, 404)
        self.send_response(status)
        if status == 301:
            self.send_header("Location", "/here_")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *arguments):
        """Be quiet."""


@pytest.fixture
def address():
    server = ThreadingHTTPServer(("127.0.0.1", 0), There)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def say(folder) -> str:
    """Return what the command says of a site; it must not fail."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.site.outer_links", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_what_is_gone_is_reported_with_its_page(tmp_path, address):
    names = ("here_", "old", "gone?a=1&amp;b=2")
    links = "".join(f'<a class="x" href="{address}/{name}">a</a>' for name in names)
    # Nobody listens at this port.
    nobody = "http://127.0.0.1:9/nobody"
    (tmp_path / "notebooks").mkdir()
    page = tmp_path / "notebooks/page.html"
    page.write_text(f'{links}<a href="{nobody}">b</a><a href="other.html">c</a>')
    said = say(tmp_path)
    assert "4 outer links: 2 broken, 1 redirected, 1 working" in said
    for link in (f"{address}/gone?a=1&b=2", nobody):
        assert f"broken: {link}\n" in said
    assert f"redirected: {address}/old\n" in said
    assert said.count("on notebooks/page.html") == 3
    assert "here_\n" not in said.replace(f"{address}/here_", "", 1)


def test_no_site_is_said(tmp_path):
    assert "run make book" in say(tmp_path / "nowhere")


def test_a_site_without_outer_links(tmp_path):
    (tmp_path / "page.html").write_text('<a href="other.html">c</a>')
    assert say(tmp_path) == "0 outer links: none\n"
