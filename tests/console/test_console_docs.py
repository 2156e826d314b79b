"""The reference in a real browser: examples are copied and tried, by mouse and keyboard, wide and narrow."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from console_page import UNREACHABLE, ConsolePage, reader
from playwright.sync_api import Browser, Locator, Page, expect
from running_server import RunningServer, running_server

OpenDocs = Callable[..., Page]

PAGES = ("", "chateau", "functions", "lines", "opcodes", "channels", "admin", "errors", "settings")
SERIOUS = ("serious", "critical")
EXPECTED = re.compile(
    f"{UNREACHABLE.pattern}|the server responded with a status of 400|not loaded: .*/channel/news/"
)
"""What the browser itself says of a server that is away, of a refused request, and of a stopped stream."""

REGISTER = re.compile("Connect and register as reader-")


@pytest.fixture
def open_docs(browser: Browser, house: RunningServer) -> Iterator[OpenDocs]:
    """Opens a page of the reference; at the end none of them has had a fault."""
    with ExitStack() as stack:
        readers: list[ConsolePage] = []

        def open_docs(name: str, *, at: RunningServer = house, width: int = 1280) -> Page:
            readers.append(stack.enter_context(reader(browser)))
            page = readers[-1].page
            page.set_viewport_size({"width": width, "height": 800})
            page.goto(f"{at.address}docs/{name}")
            return page

        yield open_docs
        faults = [fault for each in readers for fault in each.faults]
        assert [fault for fault in faults if not EXPECTED.search(fault)] == []


class Trial:
    """One example of a page, and what is tried with it."""

    def __init__(self, page: Page, title: str, number: int = 0) -> None:
        headline = page.get_by_role("heading", name=title, exact=True)
        self.section = page.locator("section.level-3").filter(has=headline)
        self.example = self.section.locator(".example").nth(number)

    def button(self, name: str | re.Pattern[str]) -> Locator:
        return self.example.get_by_role("button", name=name)

    def open(self) -> Trial:
        self.button("Try it").click()
        return self

    @property
    def text(self) -> Locator:
        return self.example.get_by_role("textbox", name="What to send")

    @property
    def status(self) -> Locator:
        return self.example.locator(".trial").get_by_role("status")

    @property
    def lines(self) -> Locator:
        return self.example.get_by_role("list").get_by_role("listitem")

    def register(self) -> str:
        """Connect and register; returns the name."""
        name = (self.button(REGISTER).text_content() or "").rpartition(" ")[2]
        self.button(REGISTER).click()
        expect(self.button(REGISTER)).to_be_hidden()
        return name

    def came(self, number: int) -> Any:
        """The JSON of what stands at *number*, counted from 0."""
        expect(self.lines).not_to_have_count(number)
        shown = self.lines.nth(number).locator("pre").text_content() or ""
        return json.loads(shown.partition(" came ")[2] or shown.partition(" sent ")[2])


# Trying


def test_chateau_registers_and_lists_who_is_there(open_docs: OpenDocs) -> None:
    trial = Trial(open_docs("chateau"), "List (request)").open()

    name = trial.register()
    expect(trial.lines).to_have_count(2)
    trial.button("Send").click()
    expect(trial.lines).to_have_count(4)

    assert trial.came(0) == {"type": 1, "username": name}
    assert trial.came(1) == {"type": 1, "status": 200}
    assert trial.came(2) == {"type": 4}
    assert name in trial.came(3)["clients"]
    expect(trial.lines.nth(3).locator("time")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d\.\d{3}$"))
    expect(trial.status).to_contain_text("Connected to ws://")


def test_what_was_changed_before_is_what_is_sent_and_one_connection_is_for_all_examples(
    open_docs: OpenDocs,
) -> None:
    page = open_docs("chateau")
    first = Trial(page, "Join (request)").open()
    first.register()
    first.text.fill('{"type": 5, "room": "a room of my own"}')

    first.button("Send").click()
    expect(first.lines).to_have_count(4)
    second = Trial(page, "Publish (request)").open()
    second.text.fill('{"type": 7, "room": "a room of my own", "content": "hi"}')
    second.button("Send").click()
    expect(second.lines).to_have_count(3)

    assert first.came(3)["room"] == "a room of my own"
    assert {"sender", "content"} <= second.came(1).keys()
    assert second.came(2)["status"] == 200
    expect(second.button(REGISTER)).to_be_hidden()


def test_without_a_name_the_refusal_is_shown(open_docs: OpenDocs) -> None:
    trial = Trial(open_docs("chateau"), "List (request)").open()

    trial.button("Send").click()
    expect(trial.lines).to_have_count(2)

    assert trial.came(1)["code"] == "not_registered"
    expect(trial.button(REGISTER)).to_be_visible()


def test_functions_are_called(open_docs: OpenDocs) -> None:
    trial = Trial(open_docs("functions"), "Retrieve clients (request)").open()

    expect(trial.button(REGISTER)).to_be_hidden()
    trial.button("Send").click()
    expect(trial.lines).to_have_count(2)

    assert trial.came(1)["clients"]


def test_opcodes_log_in_and_give_a_command(open_docs: OpenDocs) -> None:
    trial = Trial(open_docs("opcodes"), "!me").open()

    name = trial.register()
    expect(trial.lines).to_have_count(3)  # the login, the cache, the arrival
    trial.button("Send").click()
    expect(trial.lines).to_have_count(5)

    assert trial.came(1)["d"]["me"] == {"name": name, "room": "general"}
    assert trial.came(4)["d"]["content"] == f"You are {name}, in general."


def test_channels_publish_and_listen(open_docs: OpenDocs) -> None:
    page = open_docs("channels")
    listening = Trial(page, "Listen to a channel, by server-sent events").open()
    listening.button("Listen").click()
    expect(listening.status).to_have_text("Listening to /channel/news/")

    publishing = Trial(page, "Publish a package to a channel").open()
    publishing.text.fill("good morning")
    publishing.button("Post").click()

    expect(publishing.lines.nth(1)).to_contain_text('201 Created\nX-Delivered: 1\n"OK"')
    expect(listening.lines).to_contain_text("data: good morning")
    listening.button("Stop").click()
    expect(listening.status).to_have_text("Stopped.")


def test_channels_publish_many_and_a_refusal_says_why(open_docs: OpenDocs) -> None:
    trial = Trial(open_docs("channels"), "Publish packages to many channels").open()
    trial.text.fill("[]")

    trial.button("Post").click()

    expect(trial.lines.nth(1)).to_contain_text("400 Bad Request")
    expect(trial.lines.nth(1)).to_contain_text("X-Error: A message must be a JSON object, not an array.")


def test_behind_a_prefix_all_is_where_it_says(open_docs: OpenDocs) -> None:
    with running_server("--url-prefix", "/chat") as server:
        listing = Trial(open_docs("chateau", at=server), "List (request)").open()
        name = listing.register()
        expect(listing.lines).to_have_count(2)
        listing.button("Send").click()
        expect(listing.lines).to_have_count(4)
        assert listing.came(3)["clients"] == [name]
        publishing = Trial(open_docs("channels", at=server), "Publish a package to a channel").open()
        publishing.button("Post").click()
        expect(publishing.lines.nth(1)).to_contain_text("201 Created")


def test_lines_are_for_a_terminal(open_docs: OpenDocs) -> None:
    page = open_docs("lines")

    expect(page.get_by_role("button", name="Try it")).to_have_count(0)
    expect(page.get_by_text("A browser has no TCP")).to_be_visible()
    command = Trial(page, "JOIN room [password]", 1).example.locator("code")
    expect(command).to_have_text(r"printf 'LOGIN alice\nJOIN lobby\n' | nc localhost 9090")


def test_a_server_that_stops_is_told_of_and_who_sends_then_hears_that_it_is_gone(
    open_docs: OpenDocs,
) -> None:
    with running_server() as server:
        trial = Trial(open_docs("chateau", at=server), "List (request)").open()
        trial.register()
        expect(trial.lines).to_have_count(2)
        server.stop()

    expect(trial.status).to_have_text(re.compile("Closed with 1001, server shutdown"))
    assert trial.came(2)["event"] == "shutdown"
    expect(trial.button(REGISTER)).to_be_visible()
    trial.button("Send").click()
    expect(trial.status).to_have_text(re.compile("Closed with 1006"))


# Copying


def test_an_example_is_copied(open_docs: OpenDocs, house: RunningServer) -> None:
    page = open_docs("chateau")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    trial = Trial(page, "List (request)")

    trial.button("Copy").click()

    expect(trial.example.get_by_role("status")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == '{"type": 4}'


def test_an_example_is_copied_where_a_page_has_no_clipboard(
    open_docs: OpenDocs, house: RunningServer
) -> None:
    page = open_docs("chateau")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("navigator.clipboard.writeText('before')")
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
    trial = Trial(page, "List (request)")

    trial.button("Copy").click()

    expect(trial.example.get_by_role("status")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == '{"type": 4}'


# Reading


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_wider_than_a_small_screen(open_docs: OpenDocs, name: str) -> None:
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
        trial = Trial(page, "List (request)").open()
        trial.register()
        expect(trial.lines).to_have_count(2)

    found = Axe().run(page).response["violations"]

    assert [(each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in SERIOUS] == []


def test_a_keyboard_does_for_all(open_docs: OpenDocs) -> None:
    page = open_docs("functions")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the text")).to_be_focused()
    trial = Trial(page, "Retrieve clients (request)")
    trial.button("Copy").focus()

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(trial.text).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(trial.lines).to_have_count(2)
    trial.button("Try it").focus()
    page.keyboard.press("Enter")
    expect(trial.text).to_be_hidden()


def test_a_code_has_an_address_that_leads_to_it(open_docs: OpenDocs) -> None:
    page = open_docs("errors#name_taken")

    expect(page.get_by_role("heading", name="name_taken")).to_be_in_viewport()
    page.get_by_role("link", name="chateau", exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The chateau protocol")


def test_without_scripts_all_can_be_read_and_no_button_is_dead(
    browser: Browser, house: RunningServer
) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.goto(f"{house.address}docs/chateau")

    expect(page.get_by_role("heading", name="Register (request)", exact=True)).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(0)
    page.close()


def test_the_page_of_the_house_leads_here_and_back(open_docs: OpenDocs) -> None:
    page = open_docs("")

    page.get_by_role("link", name="Chateau", exact=True).click()
    expect(page.get_by_label("What is your name?")).to_be_focused()  # all its modules are loaded
    page.get_by_role("link", name="Reference").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Reference")
