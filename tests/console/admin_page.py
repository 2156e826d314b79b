"""The Admin console in a browser, used as an admin does; :mod:`console_page` has the base class."""

from __future__ import annotations

import re
import socket
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, TypeVar

from console_page import ConsolePage, PagePool, new_page
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator, Page

Opened = TypeVar("Opened", bound=ConsolePage)

KEY = "clé de la maison"

OF_THE_BROWSER = re.compile(
    r"^Failed to load resource: (the server responded with a status of (4\d\d|503)|net::ERR_)"
    r"|^not loaded: \S+/admin/"
)
"""What the browser itself reports of an error response, a closed stream and a stopped server."""


class AdminPage(ConsolePage):
    """A page of the Admin console."""

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        self.expect_faults(OF_THE_BROWSER)

    def visit(self, address: str) -> AdminPage:
        self.page.goto(f"{address}console/admin")
        expect(self.key).to_be_focused()
        return self

    def submit(self, key: str) -> AdminPage:
        self.key.fill(key)
        self.key.press("Enter")
        return self

    def open(self, address: str, key: str = KEY) -> AdminPage:
        """Open the Admin console at *address*, and wait for the first metrics."""
        self.visit(address).submit(key)
        expect(self.status).to_have_text("Connected")
        return self

    def press(self, name: str) -> AdminPage:
        self.page.get_by_role("button", name=name, exact=True).click()
        return self

    def session(self, name: str) -> Locator:
        """Return the row of the session of *name*."""
        return self._row("Live sessions", name)

    def room(self, name: str) -> Locator:
        return self._row("Rooms", name)

    def id_of(self, name: str) -> str:
        """Return the part of the button labels that identifies the session of *name*: username and id."""
        return f"{name} ({self.session(name).get_by_role('cell').first.inner_text()})"

    def _row(self, table: str, name: str) -> Locator:
        header = self.page.get_by_role("rowheader", name=name, exact=True)
        return self.page.get_by_role("table", name=table).get_by_role("row").filter(has=header)

    @property
    def key(self) -> Locator:
        return self.page.get_by_label("Secret key")

    @property
    def status(self) -> Locator:
        return self.page.locator("#status")

    @property
    def banner(self) -> Locator:
        return self.page.locator("#banner")

    @property
    def form(self) -> Locator:
        """The form of an action, below a row or for the shutdown."""
        return self.page.locator(".inline-form")

    @property
    def tap(self) -> Locator:
        return self.page.locator("#tap")

    @property
    def tapped_frames(self) -> Locator:
        return self.page.get_by_role("list", name="Frames of the tapped session").get_by_role("button")


class Pages:
    """Opens the pages of one test, from a pool or in a browser context of their own."""

    def __init__(self, browser: Browser, pool: PagePool, stack: ExitStack) -> None:
        self._browser = browser
        self._pool = pool
        self._stack = stack
        self._opened: list[ConsolePage] = []

    def user(self, *, fresh: bool = False) -> ConsolePage:
        """Return a page for the chat page. *fresh*: open a new one, which is closed at the end."""
        return self._add(ConsolePage(self._open() if fresh else self._take()))

    def admin(self, **options: object) -> AdminPage:
        """Return a page for the Admin console; with *options* of the browser context, it is a new one."""
        return self._add(AdminPage(self._open(**options) if options else self._take()))

    def faults(self) -> list[str]:
        return [fault for page in self._opened for fault in page.unexpected_faults()]

    def _open(self, **options: object) -> Page:
        return self._stack.enter_context(new_page(self._browser, **options))

    def _take(self) -> Page:
        page = self._pool.take()
        self._stack.callback(self._pool.give_back, page)
        return page

    def _add(self, page: Opened) -> Opened:
        self._stack.callback(page.detach)
        self._opened.append(page)
        return page


class Terminal:
    """A client of the line protocol."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._received = connection.makefile("r", encoding="utf-8")

    def send(self, *lines: str) -> Terminal:
        self._connection.sendall("".join(f"{line}\n" for line in lines).encode())
        return self

    def expect_line(self, part: str) -> str:
        """Return the next line that contains *part*."""
        return next(line for line in self._received if part in line)

    def close(self) -> None:
        self._received.close()
        self._connection.close()


@contextmanager
def terminal(port: int, *lines: str) -> Iterator[Terminal]:
    """Connect a terminal, and send *lines*."""
    opened = Terminal(socket.create_connection(("127.0.0.1", port), timeout=8))
    try:
        yield opened.send(*lines)
    finally:
        opened.close()
