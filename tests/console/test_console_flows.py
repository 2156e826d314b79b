"""The page in a real browser: what a reader does, from the first visit on."""

from __future__ import annotations

import json
import re
import socket
import time
from contextlib import ExitStack
from pathlib import Path

from console_page import UNREACHABLE, OpenPage
from playwright.sync_api import WebSocket, expect
from running_server import RunningServer, free_port, running_server

MARKUP = "<img src=x onerror=\"alert('x')\">"


def test_a_first_visit_comes_to_its_first_message_by_three_times_enter(
    house: RunningServer, open_page: OpenPage
) -> None:
    page = open_page()
    page.page.goto(house.address)

    expect(page.name).to_be_focused()
    suggested = page.name.input_value()
    page.page.keyboard.press("Enter")
    expect(page.page.get_by_label("Name of a room to join")).to_be_focused()
    page.page.keyboard.press("Enter")
    expect(page.text).to_be_focused()
    page.page.keyboard.type("good morning")
    page.page.keyboard.press("Enter")

    page.expect_heard(suggested, "good morning")
    expect(page.title).to_have_text("lobby")
    expect(page.text).to_have_value("")
    expect(page.rooms.get_by_role("button", name="lobby, 1 inside")).to_be_visible()


def test_two_pages_talk_in_a_room_and_directly(house: RunningServer, open_page: OpenPage) -> None:
    ann = open_page().come_in(house.address, "ann").join("garden")
    ann.say("first")
    ann.expect_heard("ann", "first")
    ben = open_page().come_in(house.address, "ben").join("garden")
    ben.expect_heard("ann", "first")

    ben.say("second")
    ann.expect_heard("ben", "second")
    ann.people.get_by_role("button", name="ben").click()
    ann.say("just you")
    ann.expect_heard("ann", "just you")
    ben.people.get_by_role("button", name="ann, 1 unread").click()

    expect(ben.title).to_have_text("With ann")
    ben.expect_heard("ann", "just you")
    expect(ben.people.locator(".unread")).to_have_count(0)
    ben.say("heard")
    ann.expect_heard("ben", "heard")


def test_a_page_and_a_terminal_talk(open_page: OpenPage) -> None:
    port = free_port()
    with (
        running_server("--lines-port", str(port)) as server,
        socket.create_connection(("127.0.0.1", port), timeout=8) as terminal,
        terminal.makefile("r", encoding="utf-8") as heard,
    ):
        page = open_page().come_in(server.address, "cleo").join("cellar")
        terminal.sendall(b"LOGIN dave\nJOIN cellar\nhi from a terminal\n")
        page.expect_heard("dave", "hi from a terminal")
        expect(page.messages).to_contain_text("dave came in.")

        page.say("hi from a page")
        wanted = {"from": "cleo", "type": "message", "body": "hi from a page"}
        assert any(json.loads(line) == wanted for line in heard)


def test_a_name_that_is_taken_is_told_beside_the_field(house: RunningServer, open_page: OpenPage) -> None:
    open_page().come_in(house.address, "eve")
    page = open_page()
    page.page.goto(house.address)
    page.name.fill("EVE")
    page.name.press("Enter")

    refused = page.page.locator("#name-refused")
    expect(refused).to_have_attribute("role", "alert")
    expect(refused).to_contain_text("EVE")
    expect(page.name).to_be_focused()
    expect(page.name).to_have_accessible_description(re.compile("EVE"))
    page.name.fill("eve two")
    page.name.press("Enter")
    expect(page.page.locator("#my-name")).to_have_text("eve two")
    expect(refused).to_have_text("")


def test_what_was_missed_while_the_server_was_away_is_shown(tmp_path: Path, open_page: OpenPage) -> None:
    port = free_port()
    flags = ("--port", str(port), "--data", str(tmp_path))
    page = open_page()
    with running_server(*flags) as server:
        page.come_in(server.address, "fay").join("attic")
        page.say("before")
        page.expect_heard("fay", "before")

    expect(page.page.locator("#banner")).to_contain_text("The server is shutting down")
    expect(page.page.get_by_role("status")).to_contain_text("Not connected")
    page.say("into the void")
    expect(page.page.locator("#say-refused")).to_contain_text("not connected")
    expect(page.text).to_have_value("into the void")

    with running_server(*flags) as server:
        ghost = open_page().come_in(server.address, "gil").join("attic")
        ghost.say("while you were away")
        page.expect_heard("gil", "while you were away")
        page.expect_heard("fay", "before")
        expect(page.page.get_by_role("status")).to_have_text("Connected")
        expect(page.page.locator("#banner")).to_be_hidden()
        page.text.press("Enter")
        ghost.expect_heard("fay", "into the void")
        asked = page.frames.get_by_role("button", name="history").first
        expect(asked).to_be_visible()
        page.page.context.close()
        ghost.page.context.close()

    page.faults = [fault for fault in page.faults if not UNREACHABLE.search(fault)]


def test_who_is_quicker_than_the_connection_is_let_in_once_it_is_there(open_page: OpenPage) -> None:
    flags = ("--port", str(free_port()), "--data", ":memory:")
    page = open_page()
    with running_server(*flags) as server:
        page.page.goto(server.address, wait_until="networkidle")
    expect(page.page.get_by_role("status")).to_contain_text("Not connected")

    page.name.fill("early")
    page.name.press("Enter")
    expect(page.page.locator("#name-refused")).to_contain_text("Not connected yet")
    page.name.fill("early bird")
    page.name.press("Enter")

    with running_server(*flags):
        expect(page.page.locator("#my-name")).to_have_text("early bird")
        expect(page.page.locator("#name-refused")).to_have_text("")
        page.page.context.close()

    page.faults = [fault for fault in page.faults if not UNREACHABLE.search(fault)]


def test_markup_stays_text_as_a_message_and_as_a_name(house: RunningServer, open_page: OpenPage) -> None:
    name = "<b onclick=alert(1)>hal</b>"
    page = open_page().come_in(house.address, name).join("<i>study</i>")
    other = open_page().come_in(house.address, "iris").join("<i>study</i>")

    page.say(MARKUP)
    other.expect_heard(name, MARKUP)
    page.expect_heard(name, MARKUP)
    page.frames.get_by_role("button", name="publish: push").click()

    expect(page.page.locator("#frame-text")).to_contain_text("onerror")
    for each in (page, other):
        assert each.page.locator("main img, main b, main i").count() == 0
        expect(each.people.get_by_role("button", name=name)).to_be_visible()


def test_the_wire_shows_each_frame_and_the_chosen_one_in_full(
    house: RunningServer, open_page: OpenPage
) -> None:
    page = open_page().come_in(house.address, "jo").join("pantry")
    page.say("grüße")
    page.expect_heard("jo", "grüße")

    sent = page.frames.get_by_role("button", name=re.compile("sent 7 publish"))
    answer = page.frames.get_by_role("button", name=re.compile("received 7 publish: answer"))
    expect(sent).to_contain_text(re.compile(r"\d\d:\d\d:\d\d\.\d{3}.*\d+ B"))
    expect(answer).to_contain_text(re.compile(r"\d B\s*\d+\.\d ms"))
    sent.focus()
    page.page.keyboard.press("Enter")

    shown = page.page.locator("#frame-text")
    expect(shown).to_contain_text('"content": "grüße"')
    size = int(re.search(r"(\d+) B", sent.inner_text())[1])
    frame = json.loads(shown.inner_text())
    assert size == len(json.dumps(frame, separators=(",", ":"), ensure_ascii=False).encode())
    page.page.keyboard.press("Escape")
    expect(shown).to_be_hidden()


def test_a_refused_message_is_told_and_stays_in_the_field(house: RunningServer, open_page: OpenPage) -> None:
    other = open_page().come_in(house.address, "lou")
    page = open_page().come_in(house.address, "kim")
    page.people.get_by_role("button", name="lou").click()
    other.page.get_by_role("button", name="Change name").click()
    expect(other.name).to_be_focused()

    page.say("still there?")

    expect(page.page.locator("#say-refused")).to_contain_text("lou")
    expect(page.text).to_have_value("still there?")


def test_rooms_are_joined_by_a_click_and_left_again(house: RunningServer, open_page: OpenPage) -> None:
    open_page().come_in(house.address, "max").join("kitchen")
    page = open_page().come_in(house.address, "nia")

    page.rooms.get_by_role("button", name="kitchen, 1 inside").click()
    expect(page.title).to_have_text("kitchen")
    expect(page.page.locator("#members")).to_have_text("2 inside: max, nia")
    page.rooms.get_by_role("button", name="Leave kitchen").click()

    expect(page.title).to_have_text("Join a room, or choose somebody")
    expect(page.text).to_be_disabled()


def test_times_are_the_readers_own(house: RunningServer, open_page: OpenPage) -> None:
    page = open_page().come_in(house.address, "oda").join("tower")
    page.say("what time is it?")
    page.expect_heard("oda", "what time is it?")

    shown = page.messages.locator("time").last
    minute = int(re.search(r":(\d\d)", shown.get_attribute("datetime"))[1])
    assert int(re.search(r":(\d\d)", shown.inner_text())[1]) == (minute + 45) % 60  # Nepal is 5:45 ahead


def test_a_flood_is_shown_to_its_end_and_only_its_last_part_is_kept(open_page: OpenPage) -> None:
    port = free_port()
    with ExitStack() as stack:
        server = stack.enter_context(running_server("--lines-port", str(port), "--max-rate", "0"))
        page = open_page().come_in(server.address, "quinn").join("stream")
        flood = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=8))
        said = "".join(f"drop {number}\n" for number in range(1, 1001))
        flood.sendall(f"LOGIN rain\nJOIN stream\n{said}".encode())

        page.expect_heard("rain", "drop 1000")

        shown = page.messages.locator(".content").all_inner_texts()
        assert shown == [f"drop {number}" for number in range(501, 1001)]
        assert page.frames.locator("li").count() == 500
        expect(page.page.locator("#wire-count")).to_have_text(re.compile(r"10\d\d frames\."))


def test_of_200_messages_a_second_every_frame_is_counted_and_the_last_are_shown(open_page: OpenPage) -> None:
    port = free_port()
    with ExitStack() as stack:
        server = stack.enter_context(running_server("--lines-port", str(port), "--max-rate", "0"))
        page = open_page()
        frames: list[str] = []
        page.page.on("websocket", lambda socket: heed(socket, frames))
        page.come_in(server.address, "sam").join("brook")
        rain = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=8))
        rain.sendall(b"LOGIN rain\nJOIN brook\n")
        expect(page.messages).to_contain_text("rain came in.")
        begun = time.monotonic()
        for number in range(1, 1001):
            rain.sendall(f"drop {number}\n".encode())
            if number % 10 == 0:  # the page's frames come in while this waits
                page.page.wait_for_timeout(max(0, (begun + number / 200 - time.monotonic()) * 1000))

        page.expect_heard("rain", "drop 1000")

        shown = page.messages.locator(".content").all_inner_texts()
        assert shown == [f"drop {number}" for number in range(501, 1001)]
        assert page.frames.locator("li").count() == 500
        assert sum('"drop ' in frame for frame in frames) == 1000
        expect(page.page.locator("#wire-count")).to_have_text(f"{len(frames)} frames.")


def heed(socket: WebSocket, frames: list[str]) -> None:
    """Add every frame that goes over *socket*, in and out, to *frames*."""
    for event in ("framesent", "framereceived"):
        socket.on(event, lambda frame: frames.append(frame))


def test_a_house_that_forgot_its_rooms_is_heard_after_what_was_said_before(open_page: OpenPage) -> None:
    flags = ("--port", str(free_port()), "--data", ":memory:")
    page = open_page()
    with running_server(*flags) as server:
        page.come_in(server.address, "rosa").join("barn")
        for text in ("one", "two", "three"):
            page.say(text)
            page.expect_heard("rosa", text)

    with running_server(*flags):
        expect(page.page.get_by_role("status")).to_have_text("Connected")
        expect(page.rooms.get_by_role("button", name="barn, 1 inside")).to_be_visible()
        page.say("four")
        page.expect_heard("rosa", "four")

        assert page.messages.locator(".content").all_inner_texts() == ["one", "two", "three", "four"]
        page.page.context.close()

    page.faults = [fault for fault in page.faults if not UNREACHABLE.search(fault)]


def test_it_works_under_a_prefix_also_without_the_last_slash(open_page: OpenPage) -> None:
    with running_server("--url-prefix", "/chat/room") as server:
        page = open_page().come_in(server.address.removesuffix("/"), "pia").join("lobby")
        page.say("here")
        page.expect_heard("pia", "here")


def test_it_fits_a_narrow_screen(house: RunningServer, open_page: OpenPage) -> None:
    page = open_page()
    page.page.set_viewport_size({"width": 360, "height": 740})
    page.come_in(house.address, "w" * 32).join("a-room-with-a-rather-long-name-that-goes-on-and-on")
    page.say("x" * 400)
    page.expect_heard("w" * 32, "x" * 400)

    width = page.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360


def test_a_fault_of_a_script_is_not_missed(house: RunningServer, open_page: OpenPage) -> None:
    page = open_page()
    page.page.goto(house.address)
    page.page.evaluate("setTimeout(() => { throw new Error('on purpose') })")
    page.page.evaluate("document.head.append(document.createElement('style'))")
    page.page.evaluate("try { document.body.innerHTML = '<p>' } catch (error) { console.error(`${error}`) }")
    expect(page.name).to_be_visible()

    faults, page.faults = page.faults, []
    assert any("on purpose" in fault for fault in faults)
    assert any("TrustedHTML" in fault for fault in faults)
