"""The page in a browser, as a test works it: by what a reader sees, and with every fault of its scripts."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Playwright

PATIENCE_MS = 8_000
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
"""What the browser itself says while the server is away."""

WATCH_POLICY = """
    document.addEventListener("securitypolicyviolation", (event) => {
      console.error(`policy violated: ${event.effectiveDirective} ${event.blockedURI}`);
    });
"""

expect.set_options(timeout=PATIENCE_MS)


def executable(playwright: Playwright) -> str:
    """Where Chromium is; skips where there is none, which with CI set to ``true`` is a failure."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    path = found or playwright.chromium.executable_path
    if not Path(path).exists():
        reason = "no Chromium: not in CHROMIUM, not on the PATH, and Playwright has not installed its own"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    return path


class ConsolePage:
    """One reader's page; *faults*: what its scripts threw, its console's errors, violations of its policy."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.faults: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.add_init_script(WATCH_POLICY)
        page.on("pageerror", lambda error: self.faults.append(f"thrown: {error}"))
        page.on("console", self._on_console)
        page.on("requestfailed", lambda request: self.faults.append(f"not loaded: {request.url}"))
        page.on("dialog", lambda dialog: (self.faults.append(f"dialog: {dialog.message}"), dialog.dismiss()))

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(message.text)

    def come_in(self, address: str, name: str) -> ConsolePage:
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

    def say(self, text: str) -> ConsolePage:
        self.text.fill(text)
        self.text.press("Enter")
        return self

    def expect_heard(self, sender: str, text: str) -> None:
        """One message from *sender* that is *text* and nothing else stands in the conversation."""
        from_sender = self.page.locator(".from").get_by_text(sender, exact=True)
        row = self.messages.locator("li").filter(has=from_sender)
        content = row.locator(".content").get_by_text(text, exact=True)
        expect(content).to_have_count(1)

    def choose(self, frame: str) -> ConsolePage:
        """Choose the newest frame whose line has *frame* in it."""
        self.frames.get_by_role("button", name=frame).last.click()
        return self

    def write(self, frame: str) -> ConsolePage:
        """Have *frame* stand in the field for frames written by hand."""
        if self.draft.is_hidden():
            self.page.get_by_role("button", name="Write a frame").click()
        expect(self.page.locator("#example option")).to_have_count(10)  # the schemas are here
        self.draft.fill(frame)
        return self

    def send(self, frame: str) -> ConsolePage:
        """Write *frame* by hand, send it, and wait for its answer."""
        self.write(frame)
        self.draft.press("Control+Enter")
        expect(self.said).to_have_text(re.compile(r"^(Done|Refused .*): the answer is shown above\.$"))
        return self

    @property
    def draft(self) -> Locator:
        return self.page.get_by_label("Your frame")

    @property
    def said(self) -> Locator:
        """What is said of the frame that is being written."""
        return self.page.locator("#draft-verdict")

    @property
    def options(self) -> Locator:
        return self.page.get_by_role("listbox", name="What may stand here").get_by_role("option")

    @property
    def verdict(self) -> Locator:
        """What is said of the chosen frame."""
        return self.page.locator("#frame-verdict")

    @property
    def here(self) -> Locator:
        """Where the chosen frame, or the request that it refuses, is at fault."""
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


OpenPage = Callable[[], ConsolePage]


@contextmanager
def reader(browser: Browser) -> Iterator[ConsolePage]:
    """A page of a visitor of their own."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, timezone_id="Asia/Kathmandu")
    try:
        yield ConsolePage(context.new_page())
    finally:
        context.close()
