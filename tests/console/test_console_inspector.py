"""The frames panel in a browser: frames are checked, written by hand, translated, and saved as a scenario."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from admin_page import KEY, terminal
from console_page import UNREACHABLE, ConsolePage, OpenPage
from playwright.sync_api import Page, WebSocketRoute, expect
from running_server import ROOT, RunningServer, running_server

TITLE = "#frame-title"


def shown(page: ConsolePage, place: str = "#frame-text") -> dict[str, object]:
    """Return the frame shown in *place*, without the mark of its fault."""
    return json.loads(page.page.locator(place).inner_text().replace(" ← here", ""))


def call_admin_api(server: RunningServer, path: str, **fields: str) -> dict[str, Any]:
    """Return the response of the admin API to a POST of *fields*, or to a GET without any."""
    headers = {"Authorization": f"Bearer {KEY.encode().decode('latin-1')}"}
    body = json.dumps(fields).encode() if fields else None
    with urlopen(Request(f"{server.address}admin/{path}", body, headers)) as response:
        result: dict[str, Any] = json.load(response)
    assert not fields or result == {"status": 200}
    return result


def test_frame_is_checked_against_its_schema(server: RunningServer, open_page: OpenPage) -> None:
    page = open_page().register(server.address, "ada").join("study")
    page.choose_frame("join: response")

    expect(page.verdict).to_have_text("It matches its schema, join-response.")
    link = page.verdict.get_by_role("link", name="join-response").get_attribute("href")
    assert page.page.request.get(server.address.rstrip("/") + link).json()["title"] == "Join (response)"
    expect(page.fault_mark).to_have_count(0)


def test_invalid_frame_is_explained_down_to_the_field(server: RunningServer, open_page: OpenPage) -> None:
    page = open_page().register(server.address, "bea")
    page.write_frame('{"type": 7, "room": 12, "content": "hi", "ref": "mine"}')
    expect(page.draft_verdict).to_have_text(
        'The server would reject this (invalid_message): "room" must be of the type string.'
    )
    page.draft.press("Control+Enter")
    expect(page.draft_verdict).to_have_text("Error (invalid_message): the response is shown above.")

    error = shown(page)
    assert (error["code"], error["ref"]) == ("invalid_message", "mine")
    expect(page.verdict).to_contain_text(
        f"rejected it (invalid_message) at {error['path']}: {error['error']}"
    )
    code, schema = page.verdict.get_by_role("link").all()
    expect(schema).to_have_text("publish-request")
    expect(code).to_have_text("invalid_message")
    errors_page = page.page.request.get(server.address.rstrip("/") + code.get_attribute("href")).text()
    assert 'id="invalid_message"' in errors_page
    expect(page.fault_mark).to_have_text('"room": 12,')
    expect(page.page.locator("#request-text .here")).to_have_text(" ← here")
    expect(page.draft).to_be_focused()

    page.page.get_by_role("button", name="Show the request").click()
    assert shown(page) == {"type": 7, "room": 12, "content": "hi", "ref": "mine"}
    expect(page.fault_mark).to_have_text('"room": 12,')
    expect(page.verdict).to_contain_text(str(error["error"]))
    page.page.get_by_role("button", name="Show the response").click()
    assert shown(page) == error


def test_unknown_key_and_missing_key_are_marked(server: RunningServer, open_page: OpenPage) -> None:
    page = open_page().register(server.address, "cid")

    page.send_frame('{"type": 5, "room": "a", "colour": {"red": [1]}}')
    expect(page.fault_mark).to_have_text('"colour": {')
    page.send_frame('{"type": 7, "room": "a"}')
    expect(page.fault_mark).to_have_text("{")
    expect(page.verdict).to_contain_text('at the message as a whole: "content" is missing from the message.')


def test_text_that_is_not_json_is_sent_and_explained(server: RunningServer, open_page: OpenPage) -> None:
    page = open_page()
    page.page.goto(server.address)
    page.write_frame('{"type": 1, "username": dot}')
    expect(page.draft_verdict).to_contain_text("The server would reject this (invalid_json)")
    page.draft.press("Control+Enter")

    expect(page.verdict).to_contain_text(f"The server rejected it (invalid_json): {shown(page)['error']}")
    expect(page.fault_mark).to_have_text("d")
    assert shown(page)["code"] == "invalid_json"
    expect(page.frames.get_by_role("button", name="sent ? frame")).to_be_visible()


def test_error_about_a_valid_request_is_shown_without_a_mark(
    server: RunningServer, open_page: OpenPage
) -> None:
    page = open_page().register(server.address, "eli")
    page.send_frame('{"type": 8, "room": "nowhere"}')

    expect(page.verdict).to_contain_text("The server rejected it (unknown_room)")
    expect(page.verdict).to_contain_text("It matches its schema, history-request.")
    expect(page.fault_mark).to_have_count(0)


def test_fault_that_only_the_server_finds_is_marked_at_its_path(
    server: RunningServer, open_page: OpenPage
) -> None:
    page = open_page().register(server.address, "fay")
    page.send_frame('{"type": 8, "room": "nowhere", "from": "2026-02-30T09:00:00Z"}')

    error = shown(page)["error"]
    assert str(error).startswith('"from" is ')
    expect(page.verdict).to_contain_text(f"The server rejected it (invalid_message) at /from: {error}")
    expect(page.fault_mark).to_have_text('"from": "2026-02-30T09:00:00Z"')


def test_responses_without_a_ref_are_matched_by_their_order(
    server: RunningServer, open_page: OpenPage
) -> None:
    page = open_page().register(server.address, "flo")
    page.send_frame('{"type": 9}').send_frame('{"type": 4, "ref": 1}')

    expect(page.page.locator(TITLE)).to_have_text(re.compile(r"response after \d+\.\d ms$"))
    page.page.get_by_role("button", name="Show the request").click()
    assert shown(page) == {"type": 4, "ref": 1}
    expect(page.page.locator(TITLE)).to_contain_text("Sent at")
    page.choose_frame("rooms: response").page.get_by_role("button", name="Show the request").click()
    assert shown(page) == {"type": 9}


def test_frame_is_shown_in_all_five_protocols(server: RunningServer, open_page: OpenPage) -> None:
    page = open_page().register(server.address, "gus").join("hall")
    page.send_message("hi")
    page.choose_frame("publish: push")

    all_five = page.page.get_by_role("region", name="The same in all five protocols")
    names = all_five.locator("summary strong")
    expect(names).to_have_text(["chateau", "functions", "lines", "opcodes", "channels"])
    lines = all_five.locator("details").nth(2)
    lines.locator("summary").click()
    expect(lines.locator("pre").first).to_have_text('{"from":"gus","type":"message","body":"hi"}')
    expect(lines).to_contain_text("The last 2 bytes, CR LF, end the line.")
    expect(lines.locator(".hex mark")).to_have_text(["0d", "0a"])
    expect(lines.locator(".hex")).to_contain_text('0000  7b 22 66 72 6f 6d 22 3a  {"from":')
    all_five.locator("details").nth(1).locator("summary").click()
    expect(all_five).to_contain_text("The functions protocol has no rooms.")

    page.choose_frame("sent 7 publish")
    expect(lines.locator("pre").first).to_have_text("hi")  # it stays expanded
    chateau = all_five.locator("details").first
    chateau.locator("summary").click()
    expect(chateau).to_contain_text("with which all following bytes are XORed")
    assert chateau.locator(".hex mark").count() == 6


def test_invalid_request_is_not_translated_but_its_error_response_is(
    server: RunningServer, open_page: OpenPage
) -> None:
    page = open_page().register(server.address, "hob")
    page.send_frame('{"type": 3, "clients": []}')
    all_five = page.page.get_by_role("region", name="The same in all five protocols")

    expect(all_five.locator("summary")).to_have_count(5)
    page.page.get_by_role("button", name="Show the request").click()
    expect(all_five).to_have_count(0)


def test_suggestions_are_shown_and_inserted_by_keyboard(server: RunningServer, open_page: OpenPage) -> None:
    open_page().register(server.address, "ivy").join("ivy's room")
    page = open_page().register(server.address, "ike")
    page.write_frame("{")
    keys = page.page.keyboard

    keys.press("Control+Space")
    expect(page.options).to_have_text([re.compile('^"type":')])
    keys.press("Enter")
    keys.press("Control+Space")
    expect(page.options).to_have_count(9)
    for _ in range(3):
        keys.press("ArrowDown")
    keys.press("ArrowUp")
    chosen = page.page.locator("#suggestions [aria-selected=true]")
    expect(chosen).to_have_text("3 message")
    expect(page.draft).to_have_attribute("aria-activedescendant", chosen.get_attribute("id"))
    keys.press("Tab")
    keys.type(', "cl')
    expect(page.options).to_have_text([re.compile('^"clients":')])
    keys.press("Escape")
    expect(page.options).to_have_count(0)
    keys.press("Control+Space")
    keys.press("Tab")
    keys.type("[")
    keys.press("Control+Space")
    expect(page.options.filter(has_text='"ivy"')).to_have_count(1)
    keys.type('"iv')
    keys.press("Enter")
    expect(page.draft).to_have_value('{"type": 3, "clients": ["ivy"')
    expect(page.draft).to_be_focused()
    keys.type('], "content": "hi"}')
    expect(page.draft_verdict).to_have_text("This matches message-request.")

    page.draft.fill('{"type": 5, "room": "iv"}')
    for _ in range(2):
        keys.press("ArrowLeft")
    keys.press("Control+Space")
    page.options.get_by_text("ivy's room").click()
    expect(page.draft).to_have_value('{"type": 5, "room": "ivy\'s room"}')


def test_example_of_a_request_is_inserted(server: RunningServer, open_page: OpenPage) -> None:
    page = open_page().register(server.address, "jan")
    page.write_frame("")
    page.page.get_by_label("Start from an example").select_option("3 message")

    expect(page.draft).to_have_value('{"type": 3, "clients": ["bob"], "content": "hi"}')
    expect(page.draft_verdict).to_have_text("This matches message-request.")


def test_frames_written_by_hand_change_the_chat_state(server: RunningServer, open_page: OpenPage) -> None:
    other = open_page().register(server.address, "kit")
    page = open_page()
    page.page.goto(server.address)

    page.send_frame('{"type": 1, "username": "kay", "ref": 1}')
    expect(page.page.locator("#my-name")).to_have_text("kay")
    expect(page.draft).to_be_focused()
    page.send_frame('{"type": 5, "room": "keep"}')
    expect(page.title).to_have_text("keep")
    expect(page.rooms.get_by_role("button", name="Leave keep")).to_be_visible()
    page.send_message("by the field")
    page.expect_message("kay", "by the field")
    page.send_frame('{"type": 7, "room": "keep", "content": "by hand"}')
    page.expect_message("kay", "by hand")
    page.send_frame('{"type": 3, "clients": ["KIT"], "content": "to you"}')
    other.people.get_by_role("button", name="kay, 1 unread").click()
    other.expect_message("kay", "to you")
    page.people.get_by_role("button", name="kit").click()
    page.expect_message("kay", "to you")
    page.send_frame('{"type": 6, "room": "keep"}')
    expect(page.rooms.get_by_role("button", name="Leave keep")).to_have_count(0)
    page.send_frame('{"type": 2}')
    expect(page.name).to_be_visible()


def test_long_frame_is_received_and_shown_in_part(server: RunningServer, open_page: OpenPage) -> None:
    page = open_page().register(server.address, "lil").join("loft")
    page.text.fill("long " * 20_000)
    page.text.press("Enter")
    page.expect_message("lil", "long " * 20_000)
    page.choose_frame("publish: push")

    expect(page.verdict).to_have_text("Not checked: the frame is too long.")
    expect(page.page.locator("#frame-text")).to_contain_text("(the first 65536 characters of 100")


def test_frame_is_not_sent_without_a_connection(open_page: OpenPage) -> None:
    page = open_page()
    with running_server() as server:
        page.register(server.address, "lee")
        page.write_frame('{"type": 4}')
    expect(page.page.get_by_role("status").first).to_contain_text("Not connected")
    page.draft.press("Control+Enter")

    expect(page.draft_verdict).to_have_text("The page is not connected.")
    page.expect_faults(UNREACHABLE)
    page.page.context.close()


def test_saved_session_is_a_scenario_that_passes_on_a_new_server(
    server: RunningServer, open_page: OpenPage, tmp_path: Path
) -> None:
    other = open_page().register(server.address, "mo").join("mill")
    other.send_message("before ${you}")
    page = open_page()
    page.page.goto(server.address)
    page.name.fill("mo")
    page.name.press("Enter")
    expect(page.page.locator("#name-error")).to_contain_text("mo")
    page.name.fill("meg")
    page.name.press("Enter")
    page.join("mill").send_message("for ${all} to hear")
    page.expect_message("meg", "for ${all} to hear")
    other.send_message("behind")
    page.expect_message("mo", "behind")
    for frame in (
        '{"type": 3, "clients": ["mo", "meg"], "content": "both"}',
        '{"type": 3, "clients": ["mo", "zed"], "content": "one of them"}',
        '{"type": 8, "room": "mill", "since": 2, "ref": "late"}',
        '{"type": 7, "room": "elsewhere", "content": "?"}',
        '{"type": 4.0, "$x": 1}',
        "no JSON",
        '{"type": 2}',
        '{"type": 1, "username": "mab"}',
        '{"type": 4, "protocols": true}',
    ):
        page.send_frame(frame)
    with page.page.expect_download() as download:
        page.page.get_by_role("button", name="Save the session").click()
    assert download.value.suggested_filename == "session.json"
    saved = tmp_path / "session.json"
    download.value.save_as(saved)

    with running_server() as fresh:
        command = [sys.executable, ROOT / "test_client.py", saved, "--server", fresh.address.split("/")[2]]
        played = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert played.returncode == 0, played.stdout
    assert "1 scenario: 1 passed." in played.stdout
    sent = [step["send"] for step in json.loads(saved.read_text())["steps"] if "send" in step]
    assert (
        sum(1 for each in sent if isinstance(each, dict) and each["type"] == 9) == 1
    )  # without the routine requests
    assert '"behind"' not in saved.read_text()


def test_large_type_is_remembered_and_fits_every_screen(server: RunningServer, open_page: OpenPage) -> None:
    page = open_page().register(server.address, "ned").join("nave")
    button = page.page.get_by_role("button", name="Large type")
    expect(button).to_have_attribute("aria-pressed", "false")
    button.click()
    page.page.reload()

    expect(button).to_have_attribute("aria-pressed", "true")
    size = "getComputedStyle(document.documentElement).fontSize"
    assert page.page.evaluate(size) == "24px"
    page.name.press("Enter")
    page.join("nave").choose_frame("join: response")
    page.write_frame('{"type": 4}')
    for width, height in ((1920, 1080), (1280, 800), (360, 740)):
        page.page.set_viewport_size({"width": width, "height": height})
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width
    button.click()
    assert page.page.evaluate(size) == "16px"


def test_people_are_shown_with_their_protocols(
    server: RunningServer, lines_port: int, open_page: OpenPage
) -> None:
    with terminal(lines_port, "LOGIN dave", "JOIN orchard"):
        page = open_page().register(server.address, "ola")

        expect(page.people.get_by_role("button", name="dave, using lines", exact=True)).to_be_visible()
        expect(page.people.get_by_role("button", name="ola, using chateau, you", exact=True)).to_be_visible()
        expect(page.people.locator(".protocol")).to_have_text(["lines", "chateau"])


def test_deleted_room_is_reported_and_left_when_a_message_fails(
    server: RunningServer, open_page: OpenPage
) -> None:
    page = open_page().register(server.address, "pam").join("pond")
    page.send_message("one")
    page.expect_message("pam", "one")
    call_admin_api(server, "delete-room", room="pond")

    expect(page.messages).to_contain_text("The room was deleted.")
    page.send_message("two")
    expect(page.page.locator("#send-error")).to_contain_text("pond")
    expect(page.title).to_have_text("pond (you are no longer in this room)")
    expect(page.text).to_be_disabled()
    expect(page.rooms.get_by_role("button", name="Leave pond")).to_have_count(0)
    page.join("pond")
    expect(page.text).to_have_value("two")
    page.text.press("Enter")
    page.expect_message("pam", "two")


def test_ban_from_a_room_and_a_closed_room_are_reported(server: RunningServer, open_page: OpenPage) -> None:
    page = open_page().register(server.address, "pia").join("porch")
    open_page().register(server.address, "pol").join("porch")

    call_admin_api(server, "ban-from-room", room="porch", username="pia")
    expect(page.messages).to_contain_text("You were banned from the room.")
    call_admin_api(server, "close-room", room="porch")
    expect(
        page.rooms.get_by_role("button", name=re.compile("^porch, . members?, closed or locked"))
    ).to_be_visible()
    page.send_message("still here?")
    expect(page.title).to_have_text("porch (you are no longer in this room)")


class Interceptor:
    """Sits between a page and the server; can send frames of its own, and hold the frames of the server."""

    def __init__(self, page: Page) -> None:
        self.sockets: list[WebSocketRoute] = []
        self.held: list[str | bytes] | None = None
        page.route_web_socket(re.compile("/ws$"), self._connect)

    def release(self) -> None:
        held, self.held = self.held or [], None
        for frame in held:
            self.sockets[-1].send(frame)

    def _connect(self, socket: WebSocketRoute) -> None:
        self.sockets.append(socket)
        socket.connect_to_server().on_message(self._forward)

    def _forward(self, frame: str | bytes) -> None:
        if self.held is None:
            self.sockets[-1].send(frame)
        else:
            self.held.append(frame)


def test_chosen_request_is_updated_when_its_response_arrives(
    server: RunningServer, open_page: OpenPage
) -> None:
    page = open_page(fresh=True)
    interceptor = Interceptor(page.page)
    page.register(server.address, "pau")
    interceptor.held = []
    page.page.get_by_label("Name of a room to join").fill("#")
    page.page.get_by_role("button", name="Join").click()
    page.choose_frame("sent 5 join")
    expect(page.page.locator("#frame-parts")).to_contain_text("No response yet.")

    interceptor.release()
    expect(page.page.locator("#frame-parts")).to_contain_text("The response is 5 join: response.")
    page.page.get_by_role("button", name="Show the response").click()
    expect(page.verdict).to_have_text("It matches its schema, join-response.")


def test_schemas_are_fetched_again_after_a_failure(server: RunningServer, open_page: OpenPage) -> None:
    page = open_page().register(server.address, "peg")
    page.page.route("**/asyncapi.json", lambda route: route.abort())
    page.choose_frame("register: response")
    expect(page.verdict).to_have_text("Not checked: the schemas could not be loaded.")
    assert shown(page)["type"] == 1

    page.page.unroute("**/asyncapi.json")
    page.choose_frame("list: response")
    expect(page.verdict).to_have_text("It matches its schema, list-response.")
    page.faults = [fault for fault in page.faults if not ("asyncapi" in fault or "ERR_FAILED" in fault)]


def test_frames_from_the_server_are_checked(server: RunningServer, open_page: OpenPage) -> None:
    page = open_page(fresh=True)
    interceptor = Interceptor(page.page)
    page.register(server.address, "pip")
    interceptor.sockets[-1].send('{"type": 9, "status": 200, "event": "members", "room": "a", "count": -1}')
    interceptor.sockets[-1].send('{"type": 9, "status": 200, "event": "sneezed"}')

    page.choose_frame("rooms: members")
    expect(page.verdict).to_contain_text(
        'It does not match its schema (invalid_message) at /count: "count" must'
    )
    expect(page.fault_mark).to_have_text('"count": -1')
    page.choose_frame("rooms: sneezed")
    expect(page.verdict).to_contain_text("There is no schema for this frame.")


def test_rate_limited_text_is_shown_unchanged(open_page: OpenPage) -> None:
    with running_server("--max-rate", "1") as server:
        page = open_page()
        page.page.goto(server.address)
        page.write_frame("x")
        for _ in range(5):
            page.draft.press("Control+Enter")
        page.choose_frame("rate_limited")

        expect(page.verdict).to_contain_text("The server rejected it (rate_limited)")
        expect(page.page.locator("#request-text")).to_have_text("x")
        expect(page.fault_mark).to_have_count(0)
        page.page.context.close()


def test_notice_of_a_tap_is_shown_while_it_lasts(server: RunningServer, open_page: OpenPage) -> None:
    page = open_page(fresh=True)
    interceptor = Interceptor(page.page)
    page.register(server.address, "quin")
    notice = page.page.get_by_text(
        "An admin is monitoring this session: every frame that you send and receive."
    )
    expect(notice).to_be_hidden()

    tapped = {"type": 0, "status": 200, "event": "tapped", "active": True}
    interceptor.sockets[-1].send(json.dumps(tapped))
    expect(notice).to_be_visible()
    interceptor.sockets[-1].send(json.dumps(tapped | {"active": False}))
    expect(notice).to_be_hidden()
    interceptor.sockets[-1].send(json.dumps(tapped))
    interceptor.sockets[-1].close(code=1001)
    expect(notice).to_be_hidden()


def test_kicked_user_is_shown_the_reason_and_reconnects_after_a_pause(
    server: RunningServer, open_page: OpenPage
) -> None:
    page = open_page(fresh=True)
    page.page.clock.install()
    page.register(server.address, "rex").join("roof")
    sessions = call_admin_api(server, "sessions")["sessions"]
    session = next(each for each in sessions if each["username"] == "rex")
    call_admin_api(server, "kick", session=session["id"], reason="go to bed")

    banner = page.page.locator("#banner")
    expect(banner).to_have_text("An admin disconnected you: go to bed.")
    expect(page.page.locator("#status")).to_have_text(re.compile("trying again in [345] seconds"))
    page.page.clock.fast_forward(5_500)
    expect(page.page.locator("#status")).to_have_text("Connected")
    expect(banner).to_have_text("An admin disconnected you: go to bed.")
    page.send_message("sorry")
    page.expect_message("rex", "sorry")
    expect(banner).to_be_hidden()
