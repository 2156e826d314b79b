"""The page's files as they are served: headers, caching, hashes, size, and nothing inline. No browser."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from http.client import HTTPMessage
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urljoin
from urllib.request import Request, urlopen

import pytest
from running_server import RunningServer, running_server

from chateau.net.page import FOLDER, Console, content_policy

MAX_BYTES = 150_000
IMPORT = re.compile(r'from "\./([\w.]+)"')


@pytest.fixture(scope="module", params=["", "/chat"])
def server(request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    with running_server(*(["--url-prefix", request.param] if request.param else [])) as server:
        yield server


def fetched(url: str, **headers: str) -> tuple[int, HTTPMessage, bytes]:
    try:
        with urlopen(Request(url, headers=headers)) as answer:
            return answer.status, answer.headers, answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def files_of(server: RunningServer) -> list[str]:
    """The addresses of what the page names."""
    page = fetched(server.address)[2].decode()
    named = re.findall(r'(?:href|src)="([^"]*/console/[^"]+)"', page)
    return [urljoin(server.address, each) for each in named]


def test_the_page_is_asked_for_again_each_time_and_its_files_never(server: RunningServer) -> None:
    assert fetched(server.address)[1]["Cache-Control"] == "no-cache"

    named = files_of(server)
    assert len(named) == 3
    for url in named:
        status, headers, _ = fetched(url)
        assert status == 200
        assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_page_that_has_not_changed_is_not_sent_again(server: RunningServer) -> None:
    etag = fetched(server.address)[1]["ETag"]

    assert fetched(server.address, **{"If-None-Match": etag})[0] == 304


def test_every_module_that_a_module_imports_is_served_beside_it(server: RunningServer) -> None:
    (main,) = [url for url in files_of(server) if url.endswith("/main.js")]
    seen: set[str] = set()
    waiting = {main}
    while waiting:
        url = waiting.pop()
        seen.add(url)
        status, headers, content = fetched(url)
        assert (status, headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
        waiting |= {urljoin(url, name) for name in IMPORT.findall(content.decode())} - seen

    assert {url.rpartition("/")[2] for url in seen} == {path.name for path in FOLDER.glob("*.js")}


def test_the_policy_lets_nothing_in_from_elsewhere_and_nothing_inline(server: RunningServer) -> None:
    policy = fetched(server.address)[1]["Content-Security-Policy"]
    host = server.address.split("/")[2]

    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == "'self'"
    assert rules["connect-src"] == f"'self' ws://{host} wss://{host}"
    assert rules["base-uri"] == rules["form-action"] == rules["frame-ancestors"] == "'none'"
    assert "unsafe" not in policy


@pytest.mark.parametrize("host", ["a;script-src *", "a b", "", "a,b", "[::1", "ä"])
def test_a_host_that_is_none_does_not_get_into_the_policy(host: str) -> None:
    assert "connect-src 'self'; " in content_policy(host)


def test_a_host_by_its_ipv6_address_is_one() -> None:
    assert "ws://[::1]:8888 " in content_policy("[::1]:8888")


def test_the_page_has_no_script_and_no_style_inline_and_names_no_other_place() -> None:
    page = (FOLDER / "index.html").read_text("utf-8")

    assert re.findall(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=|javascript:", page) == []
    for path in FOLDER.iterdir():
        urls = re.findall(r"(?:https?:)?//[\w.-]+\.\w+", path.read_text("utf-8"))
        assert {url for url in urls if "www.w3.org" not in url} == set(), path.name


def test_no_module_reads_text_as_html() -> None:
    for path in FOLDER.glob("*.js"):
        found = re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\.style\b",
            path.read_text("utf-8"),
        )
        assert found == [], path.name


def test_all_files_together_are_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < MAX_BYTES / 2


@pytest.mark.parametrize(
    "path", ["0123456789abcdef/main.js", "{}/none.js", "{}/index.html", "{}/", "main.js"]
)
def test_other_versions_and_other_files_are_not_found(server: RunningServer, path: str) -> None:
    version = Console.read().version

    status, headers, _ = fetched(f"{server.address}console/{path.format(version)}")

    assert status == 404
    assert headers["Cache-Control"] is None


def test_the_version_changes_with_every_file(tmp_path: Path) -> None:
    folder = tmp_path / "console"
    shutil.copytree(FOLDER, folder)
    versions = {Console.read(folder).version}
    for path in sorted(folder.iterdir()):
        if path.suffix != ".html":
            path.write_text(path.read_text("utf-8") + "\n", "utf-8")
            versions.add(Console.read(folder).version)

    assert len(versions) == len(list(folder.iterdir()))


def test_the_page_names_all_other_ways_in(server: RunningServer) -> None:
    page = fetched(server.address)[2].decode()

    for way in (
        "/ws",
        "/functions",
        "/opcodes",
        "/channel/NAME/",
        "--lines-port",
        "/schemas/",
        server.websocket,
    ):
        assert way in page
    assert "{{" not in page
