"""The files of the pages as served: headers, caching, hashes, size, no inline scripts. Needs no browser."""

from __future__ import annotations

import re
import shutil
from http.client import HTTPMessage
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urljoin
from urllib.request import Request, urlopen

import pytest
from running_server import RunningServer

from chateau.net.console_handlers import FOLDER, ConsoleFiles, content_policy

MAX_BYTES = 150_000
IMPORT = re.compile(r'from "\./([\w.]+)"')
PAGES = {
    "": {"icon.svg", "base.css", "console.css", "main.js"},
    "console/admin": {"icon.svg", "base.css", "admin.css", "admin.js"},
    "docs/": {"icon.svg", "base.css", "docs.css", "docs.js"},
}
"""The files that each page refers to, by the path of the page."""


@pytest.fixture(params=["server", "prefixed_server"])
def either_server(request: pytest.FixtureRequest) -> RunningServer:
    """The shared server, and the one under a URL prefix."""
    running: RunningServer = request.getfixturevalue(request.param)
    return running


def fetched(url: str, **headers: str) -> tuple[int, HTTPMessage, bytes]:
    try:
        with urlopen(Request(url, headers=headers)) as response:
            return response.status, response.headers, response.read()
    except HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def files_of(server: RunningServer, page: str) -> list[str]:
    """Return the URLs of the files that the page at *page* refers to."""
    html = fetched(server.address + page)[2].decode()
    named = re.findall(r'(?:href|src)="([^"]*/console/[0-9a-f]{16}/[^"]+)"', html)
    return [urljoin(server.address + page, each) for each in named]


@pytest.mark.parametrize("page", PAGES)
def test_page_is_revalidated_and_its_files_are_cached_for_good(
    either_server: RunningServer, page: str
) -> None:
    assert fetched(either_server.address + page)[1]["Cache-Control"] == "no-cache"

    named = files_of(either_server, page)
    assert {url.rpartition("/")[2] for url in named} == PAGES[page]
    for url in named:
        status, headers, _ = fetched(url)
        assert status == 200
        assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("page", PAGES)
def test_unchanged_page_is_not_modified(either_server: RunningServer, page: str) -> None:
    etag = fetched(either_server.address + page)[1]["ETag"]

    assert fetched(either_server.address + page, **{"If-None-Match": etag})[0] == 304


def loaded_by(server: RunningServer, page: str) -> dict[str, bytes]:
    """Return all files that the page at *page* loads, by name: its references and all imports."""
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


def test_every_imported_module_is_served_and_every_file_is_used(
    either_server: RunningServer,
) -> None:
    loaded = {name for page in PAGES for name in loaded_by(either_server, page)}

    assert loaded == {path.name for path in FOLDER.iterdir() if path.suffix != ".html"}


@pytest.mark.parametrize("page", PAGES)
def test_content_policy_allows_only_own_files(either_server: RunningServer, page: str) -> None:
    policy = fetched(either_server.address + page)[1]["Content-Security-Policy"]
    host = either_server.address.split("/")[2]

    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == "'self'"
    assert rules["connect-src"] == f"'self' ws://{host} wss://{host}"
    assert rules["base-uri"] == rules["form-action"] == rules["frame-ancestors"] == "'none'"
    assert "unsafe" not in policy


@pytest.mark.parametrize("host", ["a;script-src *", "a b", "", "a,b", "[::1", "ä"])
def test_content_policy_omits_an_invalid_host(host: str) -> None:
    assert "connect-src 'self'; " in content_policy(host)


def test_content_policy_allows_an_ipv6_host() -> None:
    assert "ws://[::1]:8888 " in content_policy("[::1]:8888")


def test_page_has_no_inline_scripts_or_styles_and_no_external_urls() -> None:
    for page in FOLDER.glob("*.html"):
        inline = r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=|javascript:"
        assert re.findall(inline, page.read_text("utf-8")) == [], page.name
    for path in FOLDER.iterdir():
        urls = re.findall(r"(?:https?:)?//[\w.-]+\.\w+", path.read_text("utf-8"))
        assert {url for url in urls if "www.w3.org" not in url} == set(), path.name


def test_module_does_not_parse_html() -> None:
    for path in FOLDER.glob("*.js"):
        found = re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\.style\b",
            path.read_text("utf-8"),
        )
        assert found == [], path.name


@pytest.mark.parametrize("page", PAGES)
def test_page_with_its_files_is_small(either_server: RunningServer, page: str) -> None:
    html = fetched(either_server.address + page)[2]

    assert len(html) + sum(map(len, loaded_by(either_server, page).values())) < MAX_BYTES


@pytest.mark.parametrize(
    "path",
    [
        "0123456789abcdef/main.js",
        "{}/none.js",
        "{}/index.html",
        "{}/admin.html",
        "{}/",
        "main.js",
        "house/",
        "admin.html",
        "",
    ],
)
def test_other_versions_and_files_are_not_found(either_server: RunningServer, path: str) -> None:
    version = ConsoleFiles.read().version

    status, headers, _ = fetched(f"{either_server.address}console/{path.format(version)}")

    assert status == 404
    assert headers["Cache-Control"] is None


def test_version_changes_with_every_file(tmp_path: Path) -> None:
    folder = tmp_path / "console"
    shutil.copytree(FOLDER, folder)
    versions = {ConsoleFiles.read(folder).version}
    for path in sorted(folder.iterdir()):
        if path.suffix != ".html":
            path.write_text(path.read_text("utf-8") + "\n", "utf-8")
            versions.add(ConsoleFiles.read(folder).version)

    assert len(versions) == 1 + len([path for path in folder.iterdir() if path.suffix != ".html"])


def test_admin_console_is_served(either_server: RunningServer) -> None:
    status, headers, content = fetched(f"{either_server.address}console/admin")

    assert (status, headers["Content-Type"]) == (200, "text/html; charset=UTF-8")
    assert "Secret key" in content.decode()
    assert "{{" not in content.decode()


def test_page_lists_all_other_entry_points(either_server: RunningServer) -> None:
    page = fetched(either_server.address)[2].decode()

    for entry_point in (
        "/ws",
        "/functions",
        "/opcodes",
        "/channel/NAME/",
        "--lines-port",
        "/schemas/",
        either_server.websocket,
    ):
        assert entry_point in page
    assert "{{" not in page
