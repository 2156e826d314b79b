"""Fixtures for the tests of the pages: one browser and one server for all files, and pages without faults.

The browser is closed after the last test of this folder: no test can use asyncio while Playwright's
synchronous API is running.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from admin_page import KEY, Pages
from console_page import OpenPage, PagePool, launched_browser
from playwright.sync_api import Browser
from running_server import RunningServer, free_port, running_server

HERE = Path(__file__).parent


class SharedBrowser:
    """A browser that is started at its first use, and closed after the last test of this folder."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._running: tuple[Browser, PagePool] | None = None

    def get(self) -> tuple[Browser, PagePool]:
        if self._running is None:
            browser = self._stack.enter_context(launched_browser())
            self._running = browser, PagePool(browser)
        return self._running

    def close(self) -> None:
        self._running = None
        self._stack.close()


SHARED_BROWSER = SharedBrowser()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> Iterator[None]:
    try:
        yield
    finally:
        if nextitem is None or HERE not in nextitem.path.parents:
            SHARED_BROWSER.close()


@pytest.fixture
def browser() -> Browser:
    return SHARED_BROWSER.get()[0]


@pytest.fixture(scope="session")
def lines_port() -> int:
    """The port of the line protocol of ``server``."""
    return free_port()


@pytest.fixture(scope="session")
def server(lines_port: int) -> Iterator[RunningServer]:
    """A server that the tests share; every test uses names and rooms of its own."""
    flags = (
        "--secret-key",
        KEY,
        "--lines-port",
        str(lines_port),
        "--max-rate",
        "0",
        "--max-publish-rate",
        "0",
    )
    with running_server(*flags) as server:
        yield server


@pytest.fixture(scope="session")
def prefixed_server() -> Iterator[RunningServer]:
    """A server under a URL prefix, which the tests share."""
    with running_server("--secret-key", KEY, "--url-prefix", "/chat/room") as server:
        yield server


@pytest.fixture
def pages() -> Iterator[Pages]:
    """Opens pages; at the end, none of them has had a fault."""
    with ExitStack() as stack:
        pages = Pages(*SHARED_BROWSER.get(), stack)
        yield pages
        assert pages.faults() == []


@pytest.fixture
def open_page(pages: Pages) -> OpenPage:
    """Opens chat pages, each for another user."""
    return pages.user
