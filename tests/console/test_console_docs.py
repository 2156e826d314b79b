"""The reference in a browser: examples are copied and tried, by mouse and keyboard, on any screen."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from admin_page import Pages
from axe_playwright_python.sync_playwright import Axe
from console_page import UNREACHABLE
from playwright.sync_api import Browser, Locator, Page, expect
from running_server import RunningServer, running_server

OpenDocs = Callable[..., Page]

PAGES = ("", "chateau", "functions", "lines", "opcodes", "channels", "admin", "errors", "settings")
SERIOUS = ("serious", "critical")
EXPECTED = re.compile(
    f"{UNREACHABLE.pattern}|the server responded with a status of 400|not loaded: .*/channel/news/"
)
"""What the browser itself reports of a stopped server, an error response and an aborted stream."""

REGISTER = re.compile("Connect and register as reader-")


@pytest.fixture
def open_docs(pages: Pages, server: RunningServer) -> OpenDocs:
    """Opens a page of the reference, which is checked for faults at the end."""

    def open_docs(name: str, *, at: RunningServer = server, width: int = 1280) -> Page:
        opened = pages.user()
        opened.expect_faults(EXPECTED)
        opened.page.set_viewport_size({"width": width, "height": 800})
        opened.page.goto(f"{at.address}docs/{name}")
        return opened.page

    return open_docs


class Example:
    """An example of a page, with its "Try it" panel."""

    def __init__(self, page: Page, title: str, number: int = 0) -> None:
        headline = page.get_by_role("heading", name=title, exact=True)
        self.section = page.locator("section.level-3").filter(has=headline)
        self.block = self.section.locator(".example").nth(number)

    def button(self, name: str | re.Pattern[str]) -> Locator:
        return self.block.get_by_role("button", name=name)

    def open(self) -> Example:
        self.button("Try it").click()
        return self

    @property
    def text(self) -> Locator:
        return self.block.get_by_role("textbox", name="Text to send")

    @property
    def status(self) -> Locator:
        return self.block.locator(".try-it").get_by_role("status")

    @property
    def lines(self) -> Locator:
        return self.block.get_by_role("list").get_by_role("listitem")

    def register(self) -> str:
        """Connect and register; return the username."""
        name = (self.button(REGISTER).text_content() or "").rpartition(" ")[2]
        self.button(REGISTER).click()
        expect(self.button(REGISTER)).to_be_hidden()
        return name

    def frame(self, number: int) -> Any:
        """Return the JSON of entry *number* of the log, counted from 0."""
        expect(self.lines).not_to_have_count(number)
        shown = self.lines.nth(number).locator("pre").text_content() or ""
        return json.loads(shown.partition(" received ")[2] or shown.partition(" sent ")[2])


# Trying


def test_chateau_registers_and_lists_clients(open_docs: OpenDocs) -> None:
    example = Example(open_docs("chateau"), "List (request)").open()

    name = example.register()
    expect(example.lines).to_have_count(2)
    example.button("Send").click()
    expect(example.lines).to_have_count(4)

    assert example.frame(0) == {"type": 1, "username": name}
    assert example.frame(1) == {"type": 1, "status": 200}
    assert example.frame(2) == {"type": 4}
    assert name in example.frame(3)["clients"]
    expect(example.lines.nth(3).locator("time")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d\.\d{3}$"))
    expect(example.status).to_contain_text("Connected to ws://")


def test_edited_text_is_sent_and_all_examples_share_one_connection(
    open_docs: OpenDocs,
) -> None:
    page = open_docs("chateau")
    first = Example(page, "Join (request)").open()
    first.register()
    first.text.fill('{"type": 5, "room": "a room of my own"}')

    first.button("Send").click()
    expect(first.lines).to_have_count(4)
    second = Example(page, "Publish (request)").open()
    second.text.fill('{"type": 7, "room": "a room of my own", "content": "hi"}')
    second.button("Send").click()
    expect(second.lines).to_have_count(3)

    assert first.frame(3)["room"] == "a room of my own"
    assert {"sender", "content"} <= second.frame(1).keys()
    assert second.frame(2)["status"] == 200
    expect(second.button(REGISTER)).to_be_hidden()


def test_error_response_is_shown_before_registering(open_docs: OpenDocs) -> None:
    example = Example(open_docs("chateau"), "List (request)").open()

    example.button("Send").click()
    expect(example.lines).to_have_count(2)

    assert example.frame(1)["code"] == "not_registered"
    expect(example.button(REGISTER)).to_be_visible()


def test_functions_are_called(open_docs: OpenDocs) -> None:
    example = Example(open_docs("functions"), "Retrieve clients (request)").open()

    expect(example.button(REGISTER)).to_be_hidden()
    example.button("Send").click()
    expect(example.lines).to_have_count(2)

    assert example.frame(1)["clients"]


def test_opcodes_logs_in_and_runs_a_command(open_docs: OpenDocs) -> None:
    example = Example(open_docs("opcodes"), "!me").open()

    name = example.register()
    expect(example.lines).to_have_count(3)  # the login, the cache, the join
    example.button("Send").click()
    expect(example.lines).to_have_count(5)

    assert example.frame(1)["d"]["me"] == {"name": name, "room": "general"}
    assert example.frame(4)["d"]["content"] == f"You are {name}, in general."


def test_channels_publishes_and_listens(open_docs: OpenDocs) -> None:
    page = open_docs("channels")
    listening = Example(page, "Subscribe to a channel by server-sent events").open()
    listening.button("Listen").click()
    expect(listening.status).to_have_text("Listening to /channel/news/")

    publishing = Example(page, "Publish to a channel").open()
    publishing.text.fill("good morning")
    publishing.button("Post").click()

    expect(publishing.lines.nth(1)).to_contain_text('201 Created\nX-Delivered: 1\n"OK"')
    expect(listening.lines).to_contain_text("data: good morning")
    listening.button("Stop").click()
    expect(listening.status).to_have_text("Stopped.")


def test_channels_shows_why_publishing_failed(open_docs: OpenDocs) -> None:
    example = Example(open_docs("channels"), "Publish to many channels").open()
    example.text.fill("[]")

    example.button("Post").click()

    expect(example.lines.nth(1)).to_contain_text("400 Bad Request")
    expect(example.lines.nth(1)).to_contain_text("X-Error: A message must be a JSON object, not an array.")


def test_examples_work_under_a_url_prefix(open_docs: OpenDocs, prefixed_server: RunningServer) -> None:
    listing = Example(open_docs("chateau", at=prefixed_server), "List (request)").open()
    name = listing.register()
    expect(listing.lines).to_have_count(2)
    listing.button("Send").click()
    expect(listing.lines).to_have_count(4)
    assert listing.frame(3)["clients"] == [name]
    publishing = Example(open_docs("channels", at=prefixed_server), "Publish to a channel").open()
    publishing.button("Post").click()
    expect(publishing.lines.nth(1)).to_contain_text("201 Created")


def test_lines_examples_cannot_be_tried_in_a_browser(open_docs: OpenDocs) -> None:
    page = open_docs("lines")

    expect(page.get_by_role("button", name="Try it")).to_have_count(0)
    expect(page.get_by_text("A browser cannot open a TCP connection")).to_be_visible()
    command = Example(page, "JOIN room [password]", 1).block.locator("code")
    expect(command).to_have_text(r"printf 'LOGIN alice\nJOIN lobby\n' | nc localhost 9090")


def test_stopped_server_is_reported_and_sending_tries_to_reconnect(
    open_docs: OpenDocs,
) -> None:
    with running_server() as server:
        example = Example(open_docs("chateau", at=server), "List (request)").open()
        example.register()
        expect(example.lines).to_have_count(2)
        server.stop()

    expect(example.status).to_have_text(re.compile("Closed with 1001, server shutdown"))
    assert example.frame(2)["event"] == "shutdown"
    expect(example.button(REGISTER)).to_be_visible()
    example.button("Send").click()
    expect(example.status).to_have_text(re.compile("Closed with 1006"))


# Copying


def test_example_is_copied(open_docs: OpenDocs) -> None:
    page = open_docs("chateau")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    example = Example(page, "List (request)")

    example.button("Copy").click()

    expect(example.block.get_by_role("status")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == '{"type": 4}'


def test_example_is_copied_without_clipboard_access(open_docs: OpenDocs) -> None:
    page = open_docs("chateau")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("navigator.clipboard.writeText('before')")
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
    example = Example(page, "List (request)")

    example.button("Copy").click()

    expect(example.block.get_by_role("status")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == '{"type": 4}'


# Reading


@pytest.mark.parametrize("name", PAGES)
def test_page_fits_a_small_screen(open_docs: OpenDocs, name: str) -> None:
    page = open_docs(name, width=360)

    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    contents = page.locator("nav details")
    assert contents.count() == 0 or contents.get_attribute("open") is None


@pytest.mark.parametrize(
    ("name", "scheme"),
    [("", "light"), ("chateau", "light"), ("channels", "dark"), ("errors", "light"), ("settings", "dark")],
)
def test_axe_finds_nothing_serious(open_docs: OpenDocs, name: str, scheme: Any) -> None:
    page = open_docs(name)
    page.emulate_media(color_scheme=scheme)
    if name == "chateau":
        example = Example(page, "List (request)").open()
        example.register()
        expect(example.lines).to_have_count(2)

    found = Axe().run(page).response["violations"]

    assert [(each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in SERIOUS] == []


def test_examples_are_available_by_keyboard(open_docs: OpenDocs) -> None:
    page = open_docs("functions")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    example = Example(page, "Retrieve clients (request)")
    example.button("Copy").focus()

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(example.text).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(example.lines).to_have_count(2)
    example.button("Try it").focus()
    page.keyboard.press("Enter")
    expect(example.text).to_be_hidden()


def test_error_code_has_an_anchor(open_docs: OpenDocs) -> None:
    page = open_docs("errors#name_taken")

    expect(page.get_by_role("heading", name="name_taken")).to_be_in_viewport()
    page.get_by_role("link", name="chateau", exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The chateau protocol")


def test_page_without_scripts_has_its_text_and_no_buttons(browser: Browser, server: RunningServer) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.goto(f"{server.address}docs/chateau")

    expect(page.get_by_role("heading", name="Register (request)", exact=True)).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(0)
    page.close()


def test_chat_page_and_reference_link_to_each_other(open_docs: OpenDocs) -> None:
    page = open_docs("")

    page.get_by_role("link", name="Chateau", exact=True).click()
    expect(page.get_by_label("What is your name?")).to_be_focused()
    expect(page.get_by_role("status").first).to_have_text("Connected")  # all modules are loaded
    page.get_by_role("link", name="Reference").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Reference")
