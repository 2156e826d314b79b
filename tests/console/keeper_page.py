"""The lecturer's view, as a test works it; see :mod:`console_page` for what it counts as a fault."""

from __future__ import annotations

import re
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

from console_page import ConsolePage
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator, Page

KEY = "clé de la maison"

OF_THE_BROWSER = re.compile(
    r"Failed to load resource: (the server responded with a status of (4\d\d|503)|net::ERR_)"
    r"|not loaded: \S+/admin/"
)
"""What the browser itself says of a refusal, of a stream that is closed, and while the server is away."""


class KeeperPage(ConsolePage):
    """A lecturer's page."""

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        page.on("close", lambda _: self.forgive())

    def forgive(self) -> None:
        """Leave out what only the browser says."""
        self.faults = [fault for fault in self.faults if not OF_THE_BROWSER.match(fault)]

    def visit(self, address: str) -> KeeperPage:
        self.page.goto(f"{address}console/admin")
        expect(self.key).to_be_focused()
        return self

    def give(self, key: str) -> KeeperPage:
        self.key.fill(key)
        self.key.press("Enter")
        return self

    def open(self, address: str, key: str = KEY) -> KeeperPage:
        """Open the view at *address*, up to the first figures."""
        self.visit(address).give(key)
        expect(self.status).to_have_text("Connected")
        return self

    def press(self, name: str) -> KeeperPage:
        self.page.get_by_role("button", name=name, exact=True).click()
        return self

    def session(self, name: str) -> Locator:
        """The row of the session of *name*."""
        return self._row("Live sessions", name)

    def room(self, name: str) -> Locator:
        return self._row("Rooms", name)

    def id_of(self, name: str) -> str:
        """What *name*'s buttons are called behind what they do: the name, and the id of the session."""
        return f"{name} ({self.session(name).get_by_role('cell').first.inner_text()})"

    def _row(self, table: str, name: str) -> Locator:
        header = self.page.get_by_role("rowheader", name=name, exact=True)
        return self.page.get_by_role("table", name=table).get_by_role("row").filter(has=header)

    @property
    def key(self) -> Locator:
        return self.page.get_by_label("Secret key of the house")

    @property
    def status(self) -> Locator:
        return self.page.locator("#status")

    @property
    def banner(self) -> Locator:
        return self.page.locator("#banner")

    @property
    def question(self) -> Locator:
        """What is asked in a row, or before a shutdown."""
        return self.page.locator(".question")

    @property
    def tap(self) -> Locator:
        return self.page.locator("#tap")

    @property
    def tapped_frames(self) -> Locator:
        return self.page.get_by_role("list", name="Frames of the tapped session").get_by_role("button")


class Terminal:
    """A client of the lines protocol."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._heard = connection.makefile("r", encoding="utf-8")

    def say(self, *lines: str) -> Terminal:
        self._connection.sendall("".join(f"{line}\n" for line in lines).encode())
        return self

    def expect_heard(self, part: str) -> str:
        """The next line with *part* in it."""
        return next(line for line in self._heard if part in line)

    def close(self) -> None:
        self._heard.close()
        self._connection.close()


@contextmanager
def terminal(port: int, *lines: str) -> Iterator[Terminal]:
    """A terminal that is connected and has said *lines*."""
    made = Terminal(socket.create_connection(("127.0.0.1", port), timeout=8))
    try:
        yield made.say(*lines)
    finally:
        made.close()
