"""Accessibility of the chat page: axe finds nothing serious in any state, and the keyboard is enough."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from console_page import ConsolePage, OpenPage
from playwright.sync_api import Page, expect
from running_server import RunningServer

SERIOUS = {"serious", "critical"}
BROKEN = '{"type": 7, "room": 12, "content": "hi"}'


def dark(page: Page) -> None:
    page.emulate_media(color_scheme="dark")


def narrow(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})


def large(page: Page) -> None:
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.get_by_role("button", name="Large type").click()


def open_chat(page: ConsolePage, server: RunningServer, name: str) -> None:
    page.page.goto(server.address)
    expect(page.name).to_be_focused()
    expect(page.page.locator("#status")).to_have_text("Connected")


def register(page: ConsolePage, server: RunningServer, name: str) -> None:
    page.register(server.address, name).join("gallery").send_message("hi")
    page.expect_message(name, "hi")


def inspect_frame(page: ConsolePage, server: RunningServer, name: str) -> None:
    page.choose_frame("publish: push")
    page.page.locator(".translations summary").first.click()
    expect(page.page.locator(".translations .hex").first).to_be_visible()


def write_invalid_frame(page: ConsolePage, server: RunningServer, name: str) -> None:
    page.send_frame(BROKEN).write_frame('{"type": 7, "')
    page.page.keyboard.press("Control+Space")
    expect(page.options.first).to_be_visible()


STEPS = (open_chat, register, inspect_frame, write_invalid_frame)


def light(page: Page) -> None:
    page.emulate_media(color_scheme="light")


@pytest.mark.parametrize("look", [light, dark, narrow, large])
def test_axe_finds_nothing_serious_at_any_step(
    server: RunningServer, open_page: OpenPage, look: Callable[[Page], None]
) -> None:
    page = open_page()
    if look is large:
        open_chat(page, server, "")
    look(page.page)  # large type is remembered when the page is opened again
    for step in STEPS:
        step(page, server, f"seen-{look.__name__}")

        assert serious_violations(page.page) == [], step.__name__


def serious_violations(page: Page) -> list[str]:
    """Return what axe finds that is serious."""
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {node['html']}"
        for each in found
        for node in each["nodes"]
        if each["impact"] in SERIOUS
    ]


def test_axe_finds_a_missing_label(server: RunningServer, open_page: OpenPage) -> None:
    page = open_page()
    open_chat(page, server, "")
    page.page.evaluate("document.querySelector('label[for=name]').removeAttribute('for')")

    assert serious_violations(page.page) != []


class Keyboard:
    """A user without a pointer, who moves by Tab and sees the focus."""

    def __init__(self, page: ConsolePage) -> None:
        self._page = page.page

    def press(self, *keys: str) -> None:
        for key in keys:
            self._page.keyboard.press(key)

    def type(self, text: str) -> None:
        self._page.keyboard.type(text)

    def tab_to(self, name: str, *, limit: int = 30, back: bool = False) -> None:
        """Press Tab until the element that matches *name* has a visible focus."""
        for _ in range(limit):
            self.press("Shift+Tab" if back else "Tab")
            focused = self._page.locator(":focus")
            if focused.count() and re.search(name, self._name(), re.I):
                assert focused.evaluate("each => getComputedStyle(each).outlineStyle") != "none"
                return
        raise AssertionError(f"no {name!r} within {limit} presses of Tab")

    def _name(self) -> str:
        return self._page.locator(":focus").aria_snapshot()


def test_every_action_is_available_by_keyboard(
    server: RunningServer, open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page()
    keys = Keyboard(page)
    page.page.goto(server.address)
    expect(page.name).to_be_focused()
    keys.type("kimbykeys")
    keys.press("Enter")
    expect(page.page.get_by_label("Name of a room to join")).to_be_focused()
    keys.type("library")
    keys.press("Enter")
    expect(page.text).to_be_focused()
    keys.type("good morning")
    keys.press("Enter")
    page.expect_message("kimbykeys", "good morning")

    keys.tab_to("connected|sent|received")
    keys.press("Home", "ArrowDown", "Enter")
    expect(page.verdict).to_have_text("It matches its schema, register-request.")
    keys.tab_to("The chosen frame|Sent at")
    keys.tab_to("lines")
    keys.press("Enter")
    expect(page.page.locator(".translations details[open]")).to_contain_text("LOGIN")

    keys.tab_to("Write a frame", back=True)
    keys.press("Enter")
    expect(page.draft).to_be_focused()
    keys.type('{"ty')
    keys.press("Enter")
    keys.press("Control+Space", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown", "Tab")
    keys.type(', "ro')
    keys.press("Enter")
    keys.type("1}")
    expect(page.draft_verdict).to_contain_text('"room" must be of the type string')
    keys.press("Control+Enter")
    expect(page.fault_mark).to_have_text('"room": 1')
    expect(page.verdict).to_contain_text("The server rejected it")

    keys.tab_to("Save the session", back=True)
    with page.page.expect_download() as download:
        keys.press("Enter")
    download.value.save_as(tmp_path / "session.json")
    assert '"invalid_message"' in json.dumps(json.loads((tmp_path / "session.json").read_text()))
    keys.press("Escape")
    expect(page.page.locator("#frame")).to_be_hidden()
