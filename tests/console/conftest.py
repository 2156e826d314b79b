"""What all tests of the page in a browser share: the browser, a house, and pages that had no fault."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from console_page import FLAGS, ConsolePage, OpenPage, executable, reader
from playwright.sync_api import Browser, sync_playwright
from running_server import RunningServer, running_server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests here."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(playwright), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def house() -> Iterator[RunningServer]:
    """A house that the tests share: each has names and rooms of its own."""
    with running_server() as server:
        yield server


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens pages, each of another visitor; at the end none of them has had a fault."""
    with ExitStack() as stack:
        pages: list[ConsolePage] = []

        def open_page() -> ConsolePage:
            pages.append(stack.enter_context(reader(browser)))
            return pages[-1]

        yield open_page
        faults = [fault for page in pages for fault in page.faults]
        assert faults == []
