"""The chat page in a browser: what a user does, from the first visit on."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

from admin_page import terminal
from console_page import UNREACHABLE, OpenPage
from playwright.sync_api import WebSocket, expect
from running_server import RunningServer, free_port, running_server

MARKUP = "<img src=x onerror=\"alert('x')\">"


def test_first_message_is_sent_with_the_enter_key_alone(server: RunningServer, open_page: OpenPage) -> None:
    page = open_page()
    page.page.goto(server.address)

    expect(page.name).to_be_focused()
    suggested = page.name.input_value()
    page.page.keyboard.press("Enter")
    expect(page.page.get_by_label("Name of a room to join")).to_be_focused()
    page.page.keyboard.press("Enter")
    expect(page.text).to_be_focused()
    page.page.keyboard.type("good morning")
    page.page.keyboard.press("Enter")

    page.expect_message(suggested, "good morning")
    expect(page.title).to_have_text("lobby")
    expect(page.text).to_have_value("")
    expect(page.rooms.get_by_role("button", name="lobby, 1 member")).to_be_visible()


def test_two_users_talk_in_a_room_and_directly(server: RunningServer, open_page: OpenPage) -> None:
    ann = open_page().register(server.address, "ann").join("garden")
    ann.send_message("first")
    ann.expect_message("ann", "first")
    ben = open_page().register(server.address, "ben").join("garden")
    ben.expect_message("ann", "first")

    ben.send_message("second")
    ann.expect_message("ben", "second")
    ann.people.get_by_role("button", name="ben").click()
    ann.send_message("just you")
    ann.expect_message("ann", "just you")
    ben.people.get_by_role("button", name="ann, 1 unread").click()

    expect(ben.title).to_have_text("Direct messages with ann")
    ben.expect_message("ann", "just you")
    expect(ben.people.locator(".unread")).to_have_count(0)
    ben.send_message("heard")
    ann.expect_message("ben", "heard")


def test_page_and_terminal_talk(server: RunningServer, lines_port: int, open_page: OpenPage) -> None:
    with terminal(lines_port) as dave:
        page = open_page().register(server.address, "cleo").join("cellar")
        dave.send("LOGIN dave", "JOIN cellar", "hi from a terminal")
        page.expect_message("dave", "hi from a terminal")
        expect(page.messages).to_contain_text("dave joined.")

        page.send_message("hi from a page")
        wanted = {"from": "cleo", "type": "message", "body": "hi from a page"}
        assert json.loads(dave.expect_line("hi from a page")) == wanted


def test_taken_name_is_reported_next_to_the_field(server: RunningServer, open_page: OpenPage) -> None:
    open_page().register(server.address, "eve")
    page = open_page()
    page.page.goto(server.address)
    page.name.fill("EVE")
    page.name.press("Enter")

    error = page.page.locator("#name-error")
    expect(error).to_have_attribute("role", "alert")
    expect(error).to_contain_text("EVE")
    expect(page.name).to_be_focused()
    expect(page.name).to_have_accessible_description(re.compile("EVE"))
    page.name.fill("eve two")
    page.name.press("Enter")
    expect(page.page.locator("#my-name")).to_have_text("eve two")
    expect(error).to_have_text("")


def test_messages_missed_during_a_restart_are_loaded(tmp_path: Path, open_page: OpenPage) -> None:
    port = free_port()
    flags = ("--port", str(port), "--data", str(tmp_path))
    page = open_page()
    with running_server(*flags) as server:
        page.register(server.address, "fay").join("attic")
        page.send_message("before")
        page.expect_message("fay", "before")

    expect(page.page.locator("#banner")).to_contain_text("The server is shutting down")
    expect(page.page.get_by_role("status")).to_contain_text("Not connected")
    page.send_message("into the void")
    expect(page.page.locator("#send-error")).to_contain_text("not connected")
    expect(page.text).to_have_value("into the void")

    with running_server(*flags) as server:
        ghost = open_page().register(server.address, "gil").join("attic")
        ghost.send_message("while you were away")
        page.expect_message("gil", "while you were away")
        page.expect_message("fay", "before")
        expect(page.page.get_by_role("status")).to_have_text("Connected")
        expect(page.page.locator("#banner")).to_be_hidden()
        page.text.press("Enter")
        ghost.expect_message("fay", "into the void")
        request = page.frames.get_by_role("button", name="history").first
        expect(request).to_be_visible()
        page.page.context.close()
        ghost.page.context.close()

    page.expect_faults(UNREACHABLE)


def test_name_submitted_before_connecting_is_registered_afterwards(open_page: OpenPage) -> None:
    flags = ("--port", str(free_port()), "--data", ":memory:")
    page = open_page()
    with running_server(*flags) as server:
        page.page.goto(server.address, wait_until="networkidle")
    expect(page.page.get_by_role("status")).to_contain_text("Not connected")

    page.name.fill("early")
    page.name.press("Enter")
    expect(page.page.locator("#name-error")).to_contain_text("Not connected yet")
    page.name.fill("early bird")
    page.name.press("Enter")

    with running_server(*flags):
        expect(page.page.locator("#my-name")).to_have_text("early bird")
        expect(page.page.locator("#name-error")).to_have_text("")
        page.page.context.close()

    page.expect_faults(UNREACHABLE)


def test_markup_in_messages_and_names_stays_text(server: RunningServer, open_page: OpenPage) -> None:
    name = "<b onclick=alert(1)>hal</b>"
    page = open_page().register(server.address, name).join("<i>study</i>")
    other = open_page().register(server.address, "iris").join("<i>study</i>")

    page.send_message(MARKUP)
    other.expect_message(name, MARKUP)
    page.expect_message(name, MARKUP)
    page.frames.get_by_role("button", name="publish: push").click()

    expect(page.page.locator("#frame-text")).to_contain_text("onerror")
    for each in (page, other):
        assert each.page.locator("main img, main b, main i").count() == 0
        expect(each.people.get_by_role("button", name=name)).to_be_visible()


def test_every_frame_is_listed_and_the_chosen_one_shown_in_full(
    server: RunningServer, open_page: OpenPage
) -> None:
    page = open_page().register(server.address, "jo").join("pantry")
    page.send_message("grüße")
    page.expect_message("jo", "grüße")

    sent = page.frames.get_by_role("button", name=re.compile("sent 7 publish"))
    response = page.frames.get_by_role("button", name=re.compile("received 7 publish: response"))
    expect(sent).to_contain_text(re.compile(r"\d\d:\d\d:\d\d\.\d{3}.*\d+ B"))
    expect(response).to_contain_text(re.compile(r"\d B\s*\d+\.\d ms"))
    sent.focus()
    page.page.keyboard.press("Enter")

    shown = page.page.locator("#frame-text")
    expect(shown).to_contain_text('"content": "grüße"')
    size = int(re.search(r"(\d+) B", sent.inner_text())[1])
    frame = json.loads(shown.inner_text())
    assert size == len(json.dumps(frame, separators=(",", ":"), ensure_ascii=False).encode())
    page.page.keyboard.press("Escape")
    expect(shown).to_be_hidden()


def test_message_that_fails_is_reported_and_stays_in_the_field(
    server: RunningServer, open_page: OpenPage
) -> None:
    other = open_page().register(server.address, "lou")
    page = open_page().register(server.address, "kim")
    page.people.get_by_role("button", name="lou").click()
    other.page.get_by_role("button", name="Change name").click()
    expect(other.name).to_be_focused()

    page.send_message("still there?")

    expect(page.page.locator("#send-error")).to_contain_text("lou")
    expect(page.text).to_have_value("still there?")


def test_room_is_joined_and_left_by_buttons(server: RunningServer, open_page: OpenPage) -> None:
    open_page().register(server.address, "max").join("kitchen")
    page = open_page().register(server.address, "nia")

    page.rooms.get_by_role("button", name="kitchen, 1 member").click()
    expect(page.title).to_have_text("kitchen")
    expect(page.page.locator("#members")).to_have_text("2 members: max, nia")
    page.rooms.get_by_role("button", name="Leave kitchen").click()

    expect(page.title).to_have_text("Join a room, or choose a person")
    expect(page.text).to_be_disabled()


def test_times_are_in_the_time_zone_of_the_browser(server: RunningServer, open_page: OpenPage) -> None:
    page = open_page().register(server.address, "oda").join("tower")
    page.send_message("what time is it?")
    page.expect_message("oda", "what time is it?")

    shown = page.messages.locator("time").last
    minute = int(re.search(r":(\d\d)", shown.get_attribute("datetime"))[1])
    assert int(re.search(r":(\d\d)", shown.inner_text())[1]) == (minute + 45) % 60  # Nepal is 5:45 ahead


def test_flood_is_shown_to_its_end_and_old_entries_are_dropped(
    server: RunningServer, lines_port: int, open_page: OpenPage
) -> None:
    page = open_page().register(server.address, "quinn").join("stream")
    with terminal(lines_port, "LOGIN rain", "JOIN stream") as rain:
        rain.send(*(f"drop {number}" for number in range(1, 1001)))

        page.expect_message("rain", "drop 1000")

        shown = page.messages.locator(".content").all_inner_texts()
        assert shown == [f"drop {number}" for number in range(501, 1001)]
        assert page.frames.locator("li").count() == 500
        expect(page.page.locator("#frame-count")).to_have_text(re.compile(r"10\d\d frames\."))


def test_every_frame_is_counted_at_200_messages_per_second(
    server: RunningServer, lines_port: int, open_page: OpenPage
) -> None:
    page = open_page(fresh=True)
    frames: list[str] = []
    page.page.on("websocket", lambda socket: record(socket, frames))
    page.register(server.address, "sam").join("brook")
    with terminal(lines_port, "LOGIN rain", "JOIN brook") as rain:
        expect(page.messages).to_contain_text("rain joined.")
        begun = time.monotonic()
        for number in range(1, 701):
            rain.send(f"drop {number}")
            if number % 10 == 0:  # the page receives frames during this wait
                page.page.wait_for_timeout(max(0, (begun + number / 200 - time.monotonic()) * 1000))

        page.expect_message("rain", "drop 700")

        shown = page.messages.locator(".content").all_inner_texts()
        assert shown == [f"drop {number}" for number in range(201, 701)]
        assert page.frames.locator("li").count() == 500
        assert sum('"drop ' in frame for frame in frames) == 700
        expect(page.page.locator("#frame-count")).to_have_text(f"{len(frames)} frames.")


def record(socket: WebSocket, frames: list[str]) -> None:
    """Append every frame sent or received over *socket* to *frames*."""
    for event in ("framesent", "framereceived"):
        socket.on(event, lambda frame: frames.append(frame))


def test_messages_continue_after_a_server_lost_its_rooms(open_page: OpenPage) -> None:
    flags = ("--port", str(free_port()), "--data", ":memory:")
    page = open_page()
    with running_server(*flags) as server:
        page.register(server.address, "rosa").join("barn")
        for text in ("one", "two", "three"):
            page.send_message(text)
            page.expect_message("rosa", text)

    with running_server(*flags):
        expect(page.page.get_by_role("status")).to_have_text("Connected")
        expect(page.rooms.get_by_role("button", name="barn, 1 member")).to_be_visible()
        page.send_message("four")
        page.expect_message("rosa", "four")

        assert page.messages.locator(".content").all_inner_texts() == ["one", "two", "three", "four"]
        page.page.context.close()

    page.expect_faults(UNREACHABLE)


def test_page_works_under_a_url_prefix_without_a_final_slash(
    prefixed_server: RunningServer, open_page: OpenPage
) -> None:
    page = open_page().register(prefixed_server.address.removesuffix("/"), "pia").join("lobby")
    page.send_message("here")
    page.expect_message("pia", "here")


def test_page_fits_a_narrow_screen(server: RunningServer, open_page: OpenPage) -> None:
    page = open_page()
    page.page.set_viewport_size({"width": 360, "height": 740})
    page.register(server.address, "w" * 32).join("a-room-with-a-rather-long-name-that-goes-on-and-on")
    page.send_message("x" * 400)
    page.expect_message("w" * 32, "x" * 400)

    width = page.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360


def test_faults_of_scripts_are_recorded(server: RunningServer, open_page: OpenPage) -> None:
    page = open_page()
    page.page.goto(server.address)
    page.page.evaluate("setTimeout(() => { throw new Error('on purpose') })")
    page.page.evaluate("document.head.append(document.createElement('style'))")
    page.page.evaluate("try { document.body.innerHTML = '<p>' } catch (error) { console.error(`${error}`) }")
    expect(page.name).to_be_visible()

    faults, page.faults = page.faults, []
    assert any("on purpose" in fault for fault in faults)
    assert any("TrustedHTML" in fault for fault in faults)
