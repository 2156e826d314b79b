"""Everybody's page: axe finds nothing serious in any stage and look, and the keyboard alone is enough."""

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

GRAVE = {"serious", "critical"}
BROKEN = '{"type": 7, "room": 12, "content": "hi"}'


def dark(page: Page) -> None:
    page.emulate_media(color_scheme="dark")


def narrow(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})


def large(page: Page) -> None:
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.get_by_role("button", name="Large type").click()


def open_at_the_door(page: ConsolePage, house: RunningServer, name: str) -> None:
    page.page.goto(house.address, wait_until="networkidle")
    expect(page.name).to_be_focused()


def come_in(page: ConsolePage, house: RunningServer, name: str) -> None:
    page.come_in(house.address, name).join("gallery").say("hi")
    page.expect_heard(name, "hi")


def look_at_a_frame(page: ConsolePage, house: RunningServer, name: str) -> None:
    page.choose("publish: push")
    page.page.locator(".writings summary").first.click()
    expect(page.page.locator(".writings .hex").first).to_be_visible()


def write_a_frame(page: ConsolePage, house: RunningServer, name: str) -> None:
    page.send(BROKEN).write('{"type": 7, "')
    page.page.keyboard.press("Control+Space")
    expect(page.options.first).to_be_visible()


STEPS = (open_at_the_door, come_in, look_at_a_frame, write_a_frame)


def light(page: Page) -> None:
    page.emulate_media(color_scheme="light")


@pytest.mark.parametrize("look", [light, dark, narrow, large])
def test_axe_finds_nothing_serious_at_any_step(
    house: RunningServer, open_page: OpenPage, look: Callable[[Page], None]
) -> None:
    page = open_page()
    open_at_the_door(page, house, "")
    look(page.page)  # large type is remembered when the page is opened anew
    for step in STEPS:
        step(page, house, f"seen-{look.__name__}")

        assert grave_faults(page.page) == [], step.__name__


def grave_faults(page: Page) -> list[str]:
    """What axe finds that keeps people out."""
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {node['html']}" for each in found for node in each["nodes"] if each["impact"] in GRAVE
    ]


def test_axe_would_find_something_serious(house: RunningServer, open_page: OpenPage) -> None:
    page = open_page()
    open_at_the_door(page, house, "")
    page.page.evaluate("document.querySelector('label[for=name]').removeAttribute('for')")

    assert grave_faults(page.page) != []


class Keyboard:
    """Somebody who has no pointer: goes where they want by Tab, and sees where they are."""

    def __init__(self, page: ConsolePage) -> None:
        self._page = page.page

    def press(self, *keys: str) -> None:
        for key in keys:
            self._page.keyboard.press(key)

    def type(self, text: str) -> None:
        self._page.keyboard.type(text)

    def tab_to(self, name: str, *, most: int = 30, back: bool = False) -> None:
        """Press Tab until what is called *name* has the focus, which has to be visible."""
        for _ in range(most):
            self.press("Shift+Tab" if back else "Tab")
            focused = self._page.locator(":focus")
            if focused.count() and re.search(name, self._name(), re.I):
                assert focused.evaluate("each => getComputedStyle(each).outlineStyle") != "none"
                return
        raise AssertionError(f"no {name!r} within {most} times Tab")

    def _name(self) -> str:
        return self._page.locator(":focus").aria_snapshot()


def test_the_keyboard_alone_is_enough(house: RunningServer, open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    keys = Keyboard(page)
    page.page.goto(house.address)
    expect(page.name).to_be_focused()
    keys.type("kimbykeys")
    keys.press("Enter")
    expect(page.page.get_by_label("Name of a room to join")).to_be_focused()
    keys.type("library")
    keys.press("Enter")
    expect(page.text).to_be_focused()
    keys.type("good morning")
    keys.press("Enter")
    page.expect_heard("kimbykeys", "good morning")

    keys.tab_to("connected|sent|received")
    keys.press("Home", "ArrowDown", "Enter")
    expect(page.verdict).to_have_text("It keeps to its schema, register-request.")
    keys.tab_to("The chosen frame|Sent at")
    keys.tab_to("lines")
    keys.press("Enter")
    expect(page.page.locator(".writings details[open]")).to_contain_text("LOGIN")

    keys.tab_to("Write a frame", back=True)
    keys.press("Enter")
    expect(page.draft).to_be_focused()
    keys.type('{"ty')
    keys.press("Enter")
    keys.press("Control+Space", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown", "Tab")
    keys.type(', "ro')
    keys.press("Enter")
    keys.type("1}")
    expect(page.said).to_contain_text('"room" must be of the type string')
    keys.press("Control+Enter")
    expect(page.here).to_have_text('"room": 1')
    expect(page.verdict).to_contain_text("The server refused it")

    keys.tab_to("Save the session", back=True)
    with page.page.expect_download() as download:
        keys.press("Enter")
    download.value.save_as(tmp_path / "session.json")
    assert '"invalid_message"' in json.dumps(json.loads((tmp_path / "session.json").read_text()))
    keys.press("Escape")
    expect(page.page.locator("#frame")).to_be_hidden()
