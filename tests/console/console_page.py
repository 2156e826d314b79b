"""The chat page in a browser, used as a user does, with a record of every fault of its scripts."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Error, expect, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, ConsoleMessage, Dialog, Locator, Page, Playwright, ViewportSize

PATIENCE_MS = 8_000
VIEWPORT: ViewportSize = {"width": 1280, "height": 800}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
UNREACHABLE = re.compile(r"WebSocket connection to '[^']+' failed")
"""What the browser itself reports while the server is not available."""

WATCH_POLICY = """
    document.addEventListener("securitypolicyviolation", (event) => {
      console.error(`policy violated: ${event.effectiveDirective} ${event.blockedURI}`);
    });
"""

expect.set_options(timeout=PATIENCE_MS)


def executable(playwright: Playwright) -> str:
    """Return the path of Chromium. Without one, skip the test, or fail it if CI is ``true``."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    path = found or playwright.chromium.executable_path
    if not Path(path).exists():
        reason = "no Chromium: not in CHROMIUM, not on the PATH, and Playwright has not installed its own"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    return path


class ConsolePage:
    """A page in a browser; *faults*: exceptions, errors in the console, violations of the content policy."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.faults: list[str] = []
        self._expected: list[re.Pattern[str]] = []
        self._listeners: dict[Any, Callable[[Any], None]] = {
            "pageerror": lambda error: self.faults.append(f"thrown: {error}"),
            "console": self._on_console,
            "requestfailed": lambda request: self.faults.append(f"not loaded: {request.url}"),
            "dialog": self._on_dialog,
        }
        for event, listener in self._listeners.items():
            page.on(event, listener)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(message.text)

    def _on_dialog(self, dialog: Dialog) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def detach(self) -> None:
        """Stop recording faults."""
        for event, listener in self._listeners.items():
            self.page.remove_listener(event, listener)

    def expect_faults(self, pattern: re.Pattern[str]) -> None:
        """Accept faults that match *pattern*, past and future."""
        self._expected.append(pattern)

    def unexpected_faults(self) -> list[str]:
        return [fault for fault in self.faults if not any(each.search(fault) for each in self._expected)]

    def register(self, address: str, name: str) -> ConsolePage:
        """Open the page at *address* and register as *name*."""
        self.page.goto(address)
        expect(self.name).to_be_focused()
        self.name.fill(name)
        self.name.press("Enter")
        expect(self.page.locator("#my-name")).to_have_text(name)
        return self

    def join(self, room: str) -> ConsolePage:
        self.page.get_by_label("Name of a room to join").fill(room)
        self.page.get_by_label("Name of a room to join").press("Enter")
        expect(self.title).to_have_text(room)
        return self

    def send_message(self, text: str) -> ConsolePage:
        self.text.fill(text)
        self.text.press("Enter")
        return self

    def expect_message(self, sender: str, text: str) -> None:
        """Expect exactly one message in the conversation that is from *sender* and is *text*."""
        from_sender = self.page.locator(".from").get_by_text(sender, exact=True)
        row = self.messages.locator("li").filter(has=from_sender)
        content = row.locator(".content").get_by_text(text, exact=True)
        expect(content).to_have_count(1)

    def choose_frame(self, label: str) -> ConsolePage:
        """Choose the newest frame whose line contains *label*."""
        self.frames.get_by_role("button", name=label).last.click()
        return self

    def write_frame(self, frame: str) -> ConsolePage:
        """Put *frame* into the field for frames written by hand."""
        if self.draft.is_hidden():
            self.page.get_by_role("button", name="Write a frame").click()
        expect(self.page.locator("#example option")).to_have_count(10)  # the schemas are loaded
        self.draft.fill(frame)
        return self

    def send_frame(self, frame: str) -> ConsolePage:
        """Write *frame* by hand, send it, and wait for its response."""
        self.write_frame(frame)
        self.draft.press("Control+Enter")
        expect(self.draft_verdict).to_have_text(
            re.compile(r"^(Done|Error .*): the response is shown above\.$")
        )
        return self

    @property
    def draft(self) -> Locator:
        return self.page.get_by_label("Your frame")

    @property
    def draft_verdict(self) -> Locator:
        """The sentence about the frame that is being written."""
        return self.page.locator("#draft-verdict")

    @property
    def options(self) -> Locator:
        return self.page.get_by_role("listbox", name="Suggestions").get_by_role("option")

    @property
    def verdict(self) -> Locator:
        """The sentence about the chosen frame."""
        return self.page.locator("#frame-verdict")

    @property
    def fault_mark(self) -> Locator:
        """The marked fault in the chosen frame, or in the request of a chosen error response."""
        return self.page.locator("#frame-text mark, #request-text mark")

    @property
    def name(self) -> Locator:
        return self.page.get_by_label("What is your name?")

    @property
    def title(self) -> Locator:
        return self.page.locator("#conversation-title")

    @property
    def text(self) -> Locator:
        return self.page.get_by_role("textbox", name="Message")

    @property
    def messages(self) -> Locator:
        return self.page.get_by_role("log", name="Messages")

    @property
    def people(self) -> Locator:
        return self.page.get_by_role("list", name="People")

    @property
    def rooms(self) -> Locator:
        return self.page.get_by_role("list", name="Rooms")

    @property
    def frames(self) -> Locator:
        return self.page.get_by_role("list", name="Frames of this connection")


OpenPage = Callable[..., ConsolePage]


@contextmanager
def launched_browser() -> Iterator[Browser]:
    """Start Chromium, and close it at the end."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(playwright), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def new_page(browser: Browser, **options: Any) -> Iterator[Page]:
    """Open a page in a browser context of its own; *options* are those of the context."""
    page = open_in_context(browser, **options)
    try:
        yield page
    finally:
        page.context.close()


def open_in_context(browser: Browser, **options: Any) -> Page:
    """Return a page in a browser context of its own, which the caller closes."""
    context = browser.new_context(**{"viewport": VIEWPORT, "timezone_id": "Asia/Kathmandu"} | options)
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script(WATCH_POLICY)
    return context.new_page()


class PagePool:
    """Pages that are used again by later tests: starting a renderer process costs more CPU than most tests.

    Init scripts, replaced WebSockets and clocks cannot be removed; a test that needs these opens a new page.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: list[Page] = []

    def take(self) -> Page:
        return self._free.pop() if self._free else open_in_context(self._browser)

    def give_back(self, page: Page) -> None:
        """Reset *page* for the next test, or close its context if that is not possible."""
        try:
            page.unroute_all()
            page.evaluate("location.origin === 'null' || (localStorage.clear(), sessionStorage.clear())")
            page.goto("about:blank")
            page.context.clear_cookies()
            page.context.clear_permissions()
            page.set_viewport_size(VIEWPORT)
            page.emulate_media(color_scheme="null")
        except Error:
            page.context.close()
        else:
            self._free.append(page)


@contextmanager
def user_page(browser: Browser) -> Iterator[ConsolePage]:
    """Open the chat page for a user of its own."""
    with new_page(browser) as page:
        yield ConsolePage(page)
