"""The pages' files as they are served: headers, caching, hashes, size, and nothing inline. No browser."""

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

from chateau.net.console_handlers import FOLDER, ConsoleFiles, content_policy

MAX_BYTES = 150_000
IMPORT = re.compile(r'from "\./([\w.]+)"')
PAGES = {
    "": {"icon.svg", "base.css", "console.css", "main.js"},
    "console/admin": {"icon.svg", "base.css", "keeper.css", "keeper.js"},
    "docs/": {"icon.svg", "base.css", "docs.css", "docs.js"},
}
"""What each page names, by its address."""


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


def files_of(server: RunningServer, page: str) -> list[str]:
    """The addresses of the files that the page at *page* names."""
    html = fetched(server.address + page)[2].decode()
    named = re.findall(r'(?:href|src)="([^"]*/console/[0-9a-f]{16}/[^"]+)"', html)
    return [urljoin(server.address + page, each) for each in named]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_asked_for_again_each_time_and_its_files_never(server: RunningServer, page: str) -> None:
    assert fetched(server.address + page)[1]["Cache-Control"] == "no-cache"

    named = files_of(server, page)
    assert {url.rpartition("/")[2] for url in named} == PAGES[page]
    for url in named:
        status, headers, _ = fetched(url)
        assert status == 200
        assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_that_has_not_changed_is_not_sent_again(server: RunningServer, page: str) -> None:
    etag = fetched(server.address + page)[1]["ETag"]

    assert fetched(server.address + page, **{"If-None-Match": etag})[0] == 304


def loaded_by(server: RunningServer, page: str) -> dict[str, bytes]:
    """All files that the page at *page* loads, by name: those that it names, and what its modules import."""
    loaded: dict[str, bytes] = {}
    waiting = set(files_of(server, page))
    while waiting:
        url = waiting.pop()
        status, headers, content = fetched(url)
        assert status == 200, url
        loaded[url.rpartition("/")[2]] = content
        if url.endswith(".js"):
            assert headers["Content-Type"] == "text/javascript; charset=utf-8"
            imported = {urljoin(url, name) for name in IMPORT.findall(content.decode())}
            waiting |= {each for each in imported if each.rpartition("/")[2] not in loaded}
    return loaded


def test_every_module_that_a_module_imports_is_served_beside_it_and_no_file_is_idle(
    server: RunningServer,
) -> None:
    loaded = {name for page in PAGES for name in loaded_by(server, page)}

    assert loaded == {path.name for path in FOLDER.iterdir() if path.suffix != ".html"}


@pytest.mark.parametrize("page", PAGES)
def test_the_policy_lets_nothing_in_from_elsewhere_and_nothing_inline(
    server: RunningServer, page: str
) -> None:
    policy = fetched(server.address + page)[1]["Content-Security-Policy"]
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


def test_no_page_has_a_script_or_a_style_inline_or_names_another_place() -> None:
    for page in FOLDER.glob("*.html"):
        inline = r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=|javascript:"
        assert re.findall(inline, page.read_text("utf-8")) == [], page.name
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


@pytest.mark.parametrize("page", PAGES)
def test_a_page_with_all_its_files_is_small(server: RunningServer, page: str) -> None:
    html = fetched(server.address + page)[2]

    assert len(html) + sum(map(len, loaded_by(server, page).values())) < MAX_BYTES


@pytest.mark.parametrize(
    "path",
    [
        "0123456789abcdef/main.js",
        "{}/none.js",
        "{}/index.html",
        "{}/keeper.html",
        "{}/",
        "main.js",
        "house/",
        "keeper.html",
        "",
    ],
)
def test_other_versions_and_other_files_are_not_found(server: RunningServer, path: str) -> None:
    version = ConsoleFiles.read().version

    status, headers, _ = fetched(f"{server.address}console/{path.format(version)}")

    assert status == 404
    assert headers["Cache-Control"] is None


def test_the_version_changes_with_every_file(tmp_path: Path) -> None:
    folder = tmp_path / "console"
    shutil.copytree(FOLDER, folder)
    versions = {ConsoleFiles.read(folder).version}
    for path in sorted(folder.iterdir()):
        if path.suffix != ".html":
            path.write_text(path.read_text("utf-8") + "\n", "utf-8")
            versions.add(ConsoleFiles.read(folder).version)

    assert len(versions) == 1 + len([path for path in folder.iterdir() if path.suffix != ".html"])


def test_the_lecturers_view_is_served_whether_or_not_there_is_a_key(server: RunningServer) -> None:
    status, headers, content = fetched(f"{server.address}console/admin")

    assert (status, headers["Content-Type"]) == (200, "text/html; charset=UTF-8")
    assert "Secret key" in content.decode()
    assert "{{" not in content.decode()


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
