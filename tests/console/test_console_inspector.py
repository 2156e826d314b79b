"""The wire of the page, in a real browser: a frame explained down to the field, written by hand, saved."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from console_page import ConsolePage, OpenPage
from playwright.sync_api import Page, WebSocketRoute, expect
from running_server import ROOT, RunningServer, free_port, running_server

KEY = "the keeper's key"
TITLE = "#frame-title"


def shown(page: ConsolePage, place: str = "#frame-text") -> dict[str, object]:
    """The frame that is shown in *place*, without what marks its fault."""
    return json.loads(page.page.locator(place).inner_text().replace(" ← here", ""))


def keep(server: RunningServer, what: str, **asked: str) -> None:
    """Do *what* as the keeper of the house does it."""
    headers = {"Authorization": f"Bearer {KEY}"}
    with urlopen(Request(f"{server.address}admin/{what}", json.dumps(asked).encode(), headers)) as answer:
        assert json.load(answer) == {"status": 200}


@pytest.fixture
def kept() -> Iterator[RunningServer]:
    """A house with a keeper."""
    with running_server("--secret-key", KEY) as server:
        yield server


def test_a_frame_is_checked_against_its_schema_which_is_a_link(
    house: RunningServer, open_page: OpenPage
) -> None:
    page = open_page().come_in(house.address, "ada").join("study")
    page.choose("join: answer")

    expect(page.verdict).to_have_text("It keeps to its schema, join-response.")
    link = page.verdict.get_by_role("link", name="join-response").get_attribute("href")
    assert page.page.request.get(house.address.rstrip("/") + link).json()["title"] == "Join (answer)"
    expect(page.here).to_have_count(0)


def test_a_frame_that_was_broken_on_purpose_is_explained_down_to_the_field(
    house: RunningServer, open_page: OpenPage
) -> None:
    page = open_page().come_in(house.address, "bea")
    page.write('{"type": 7, "room": 12, "content": "hi", "ref": "mine"}')
    expect(page.said).to_have_text(
        'This would be refused (invalid_message): "room" must be of the type string.'
    )
    page.draft.press("Control+Enter")
    expect(page.said).to_have_text("Refused (invalid_message): the answer is shown above.")

    refusal = shown(page)
    assert (refusal["code"], refusal["ref"]) == ("invalid_message", "mine")
    expect(page.verdict).to_contain_text(
        f"refused it (invalid_message) at {refusal['path']}: {refusal['error']}"
    )
    code, schema = page.verdict.get_by_role("link").all()
    expect(schema).to_have_text("publish-request")
    expect(code).to_have_text("invalid_message")
    told = page.page.request.get(house.address.rstrip("/") + code.get_attribute("href")).text()
    assert 'id="invalid_message"' in told
    expect(page.here).to_have_text('"room": 12,')
    expect(page.page.locator("#request-text .here")).to_have_text(" ← here")
    expect(page.draft).to_be_focused()

    page.page.get_by_role("button", name="Show the request").click()
    assert shown(page) == {"type": 7, "room": 12, "content": "hi", "ref": "mine"}
    expect(page.here).to_have_text('"room": 12,')
    expect(page.verdict).to_contain_text(str(refusal["error"]))
    page.page.get_by_role("button", name="Show the answer").click()
    assert shown(page) == refusal


def test_a_key_that_is_too_much_and_one_that_is_missing_are_marked(
    house: RunningServer, open_page: OpenPage
) -> None:
    page = open_page().come_in(house.address, "cid")

    page.send('{"type": 5, "room": "a", "colour": {"red": [1]}}')
    expect(page.here).to_have_text('"colour": {')
    page.send('{"type": 7, "room": "a"}')
    expect(page.here).to_have_text("{")
    expect(page.verdict).to_contain_text('at the message as a whole: "content" is missing from the message.')


def test_a_text_that_is_no_json_is_sent_all_the_same_and_explained(
    house: RunningServer, open_page: OpenPage
) -> None:
    page = open_page()
    page.page.goto(house.address)
    page.write('{"type": 1, "username": dot}')
    expect(page.said).to_contain_text("This would be refused (invalid_json)")
    page.draft.press("Control+Enter")

    expect(page.verdict).to_contain_text("The server refused it (invalid_json): Invalid JSON")
    expect(page.here).to_have_text("d")
    assert shown(page)["code"] == "invalid_json"
    expect(page.frames.get_by_role("button", name="sent ? frame")).to_be_visible()


def test_a_refusal_of_another_kind_is_told_and_the_request_keeps_to_its_schema(
    house: RunningServer, open_page: OpenPage
) -> None:
    page = open_page().come_in(house.address, "eli")
    page.send('{"type": 8, "room": "nowhere"}')

    expect(page.verdict).to_contain_text("The server refused it (unknown_room)")
    expect(page.verdict).to_contain_text("It keeps to its schema, history-request.")
    expect(page.here).to_have_count(0)


def test_a_fault_that_only_the_server_finds_is_marked_where_it_says(
    house: RunningServer, open_page: OpenPage
) -> None:
    page = open_page().come_in(house.address, "fay")
    page.send('{"type": 8, "room": "nowhere", "from": "2026-02-30T09:00:00Z"}')

    expect(page.verdict).to_contain_text(
        'The server refused it (invalid_message) at /from: "from" is no time'
    )
    expect(page.here).to_have_text('"from": "2026-02-30T09:00:00Z"')


def test_answers_without_a_ref_are_known_by_their_order(house: RunningServer, open_page: OpenPage) -> None:
    page = open_page().come_in(house.address, "flo")
    page.send('{"type": 9}').send('{"type": 4, "ref": 1}')

    expect(page.page.locator(TITLE)).to_have_text(re.compile(r"answered after \d+\.\d ms$"))
    page.page.get_by_role("button", name="Show the request").click()
    assert shown(page) == {"type": 4, "ref": 1}
    expect(page.page.locator(TITLE)).to_contain_text("Sent at")
    page.choose("rooms: answer").page.get_by_role("button", name="Show the request").click()
    assert shown(page) == {"type": 9}


def test_the_same_is_shown_as_each_of_the_five_protocols_writes_it(
    house: RunningServer, open_page: OpenPage
) -> None:
    page = open_page().come_in(house.address, "gus").join("hall")
    page.say("hi")
    page.choose("publish: push")

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

    page.choose("sent 7 publish")
    expect(lines.locator("pre").first).to_have_text("hi")  # it stays open
    chateau = all_five.locator("details").first
    chateau.locator("summary").click()
    expect(chateau).to_contain_text("with which all bytes behind it are XORed")
    assert chateau.locator(".hex mark").count() == 6


def test_the_five_are_not_asked_about_what_is_not_valid_but_about_its_refusal(
    house: RunningServer, open_page: OpenPage
) -> None:
    page = open_page().come_in(house.address, "hob")
    page.send('{"type": 3, "clients": []}')
    all_five = page.page.get_by_role("region", name="The same in all five protocols")

    expect(all_five.locator("summary")).to_have_count(5)
    page.page.get_by_role("button", name="Show the request").click()
    expect(all_five).to_have_count(0)


def test_suggestions_come_by_ctrl_space_or_as_one_types_and_are_taken_by_keyboard(
    house: RunningServer, open_page: OpenPage
) -> None:
    open_page().come_in(house.address, "ivy").join("ivy's room")
    page = open_page().come_in(house.address, "ike")
    page.write("{")
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
    expect(page.said).to_have_text("This keeps to message-request.")

    page.draft.fill('{"type": 5, "room": "iv"}')
    for _ in range(2):
        keys.press("ArrowLeft")
    keys.press("Control+Space")
    page.options.get_by_text("ivy's room").click()
    expect(page.draft).to_have_value('{"type": 5, "room": "ivy\'s room"}')


def test_an_example_of_each_request_can_be_filled_in(house: RunningServer, open_page: OpenPage) -> None:
    page = open_page().come_in(house.address, "jan")
    page.write("")
    page.page.get_by_label("Begin with an example").select_option("3 message")

    expect(page.draft).to_have_value('{"type": 3, "clients": ["bob"], "content": "hi"}')
    expect(page.said).to_have_text("This keeps to message-request.")


def test_what_frames_written_by_hand_did_the_page_knows(house: RunningServer, open_page: OpenPage) -> None:
    other = open_page().come_in(house.address, "kit")
    page = open_page()
    page.page.goto(house.address)

    page.send('{"type": 1, "username": "kay", "ref": 1}')
    expect(page.page.locator("#my-name")).to_have_text("kay")
    expect(page.draft).to_be_focused()
    page.send('{"type": 5, "room": "keep"}')
    expect(page.title).to_have_text("keep")
    expect(page.rooms.get_by_role("button", name="Leave keep")).to_be_visible()
    page.say("by the field")
    page.expect_heard("kay", "by the field")
    page.send('{"type": 7, "room": "keep", "content": "by hand"}')
    page.expect_heard("kay", "by hand")
    page.send('{"type": 3, "clients": ["KIT"], "content": "to you"}')
    other.people.get_by_role("button", name="kay, 1 unread").click()
    other.expect_heard("kay", "to you")
    page.people.get_by_role("button", name="kit").click()
    page.expect_heard("kay", "to you")
    page.send('{"type": 6, "room": "keep"}')
    expect(page.rooms.get_by_role("button", name="Leave keep")).to_have_count(0)
    page.send('{"type": 2}')
    expect(page.name).to_be_visible()


def test_a_frame_that_is_too_long_to_be_kept_is_heard_all_the_same(
    house: RunningServer, open_page: OpenPage
) -> None:
    page = open_page().come_in(house.address, "lil").join("loft")
    page.text.fill("long " * 20_000)
    page.text.press("Enter")
    page.expect_heard("lil", "long " * 20_000)
    page.choose("publish: push")

    expect(page.verdict).to_have_text("It is too long to be checked here.")
    expect(page.page.locator("#frame-text")).to_contain_text("(the first 65536 characters of 100")


def test_a_frame_is_not_sent_while_there_is_no_connection(open_page: OpenPage) -> None:
    page = open_page()
    with running_server() as server:
        page.come_in(server.address, "lee")
        page.write('{"type": 4}')
    expect(page.page.get_by_role("status").first).to_contain_text("Not connected")
    page.draft.press("Control+Enter")

    expect(page.said).to_have_text("The page is not connected right now.")
    page.page.context.close()
    page.faults = [fault for fault in page.faults if "WebSocket connection" not in fault]


def test_a_saved_session_is_a_scenario_that_passes_on_a_fresh_server(
    house: RunningServer, open_page: OpenPage, tmp_path: Path
) -> None:
    other = open_page().come_in(house.address, "mo").join("mill")
    other.say("before ${you}")
    page = open_page()
    page.page.goto(house.address)
    page.name.fill("mo")
    page.name.press("Enter")
    expect(page.page.locator("#name-refused")).to_contain_text("mo")
    page.name.fill("meg")
    page.name.press("Enter")
    page.join("mill").say("for ${all} to hear")
    page.expect_heard("meg", "for ${all} to hear")
    other.say("behind")
    page.expect_heard("mo", "behind")
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
        page.send(frame)
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
    )  # no regular questions
    assert '"behind"' not in saved.read_text()


def test_large_type_is_kept_and_holds_on_every_screen(house: RunningServer, open_page: OpenPage) -> None:
    page = open_page().come_in(house.address, "ned").join("nave")
    button = page.page.get_by_role("button", name="Large type")
    expect(button).to_have_attribute("aria-pressed", "false")
    button.click()
    page.page.reload()

    expect(button).to_have_attribute("aria-pressed", "true")
    size = "getComputedStyle(document.documentElement).fontSize"
    assert page.page.evaluate(size) == "24px"
    page.name.press("Enter")
    page.join("nave").choose("join: answer")
    page.write('{"type": 4}')
    for width, height in ((1920, 1080), (1280, 800), (360, 740)):
        page.page.set_viewport_size({"width": width, "height": height})
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width
    button.click()
    assert page.page.evaluate(size) == "16px"


def test_people_are_shown_with_the_protocols_that_they_speak(open_page: OpenPage) -> None:
    port = free_port()
    with ExitStack() as stack:
        server = stack.enter_context(running_server("--lines-port", str(port)))
        terminal = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=8))
        terminal.sendall(b"LOGIN dave\nJOIN orchard\n")
        page = open_page().come_in(server.address, "ola")

        expect(page.people.get_by_role("button", name="dave, by lines", exact=True)).to_be_visible()
        expect(page.people.get_by_role("button", name="ola, by chateau, you", exact=True)).to_be_visible()
        expect(page.people.locator(".protocol")).to_have_text(["lines", "chateau"])


def test_a_deleted_room_is_told_and_left_when_it_hears_nobody_any_more(
    kept: RunningServer, open_page: OpenPage
) -> None:
    page = open_page().come_in(kept.address, "pam").join("pond")
    page.say("one")
    page.expect_heard("pam", "one")
    keep(kept, "delete-room", room="pond")

    expect(page.messages).to_contain_text("The room was deleted.")
    page.say("two")
    expect(page.page.locator("#say-refused")).to_contain_text("pond")
    expect(page.title).to_have_text("pond (you are not inside any more)")
    expect(page.text).to_be_disabled()
    expect(page.rooms.get_by_role("button", name="Leave pond")).to_have_count(0)
    page.join("pond")
    expect(page.text).to_have_value("two")
    page.text.press("Enter")
    page.expect_heard("pam", "two")


def test_a_ban_from_a_room_and_a_closed_room_are_told(kept: RunningServer, open_page: OpenPage) -> None:
    page = open_page().come_in(kept.address, "pia").join("porch")
    open_page().come_in(kept.address, "pol").join("porch")

    keep(kept, "ban-from-room", room="porch", username="pia")
    expect(page.messages).to_contain_text("You were banned from the room.")
    keep(kept, "close-room", room="porch")
    expect(
        page.rooms.get_by_role("button", name=re.compile("^porch, . inside, closed or locked"))
    ).to_be_visible()
    page.say("still here?")
    expect(page.title).to_have_text("porch (you are not inside any more)")


class Meddler:
    """Stands between a page and the server; can say what the server does not, and hold back what it says."""

    def __init__(self, page: Page) -> None:
        self.sockets: list[WebSocketRoute] = []
        self.held: list[str | bytes] | None = None
        page.route_web_socket(re.compile("/ws$"), self._meet)

    def release(self) -> None:
        held, self.held = self.held or [], None
        for frame in held:
            self.sockets[-1].send(frame)

    def _meet(self, socket: WebSocketRoute) -> None:
        self.sockets.append(socket)
        socket.connect_to_server().on_message(self._pass_on)

    def _pass_on(self, frame: str | bytes) -> None:
        if self.held is None:
            self.sockets[-1].send(frame)
        else:
            self.held.append(frame)


def test_a_request_that_was_chosen_before_its_answer_came_gets_it_then(
    house: RunningServer, open_page: OpenPage
) -> None:
    page = open_page()
    meddler = Meddler(page.page)
    page.come_in(house.address, "pau")
    meddler.held = []
    page.page.get_by_label("Name of a room to join").fill("#")
    page.page.get_by_role("button", name="Join").click()
    page.choose("sent 5 join")
    expect(page.page.locator("#frame-parts")).to_contain_text("No answer has come.")

    meddler.release()
    expect(page.page.locator("#frame-parts")).to_contain_text("Answered by 5 join: answer.")
    page.page.get_by_role("button", name="Show the answer").click()
    expect(page.verdict).to_have_text("It keeps to its schema, join-response.")


def test_schemas_that_could_not_be_loaded_are_asked_for_again(
    house: RunningServer, open_page: OpenPage
) -> None:
    page = open_page().come_in(house.address, "peg")
    page.page.route("**/asyncapi.json", lambda route: route.abort())
    page.choose("register: answer")
    expect(page.verdict).to_have_text("The schemas could not be loaded: it is not checked.")
    assert shown(page)["type"] == 1

    page.page.unroute("**/asyncapi.json")
    page.choose("list: answer")
    expect(page.verdict).to_have_text("It keeps to its schema, list-response.")
    page.faults = [fault for fault in page.faults if not ("asyncapi" in fault or "ERR_FAILED" in fault)]


def test_what_the_server_says_is_checked_as_well(house: RunningServer, open_page: OpenPage) -> None:
    page = open_page()
    meddler = Meddler(page.page)
    page.come_in(house.address, "pip")
    meddler.sockets[-1].send('{"type": 9, "status": 200, "event": "members", "room": "a", "count": -1}')
    meddler.sockets[-1].send('{"type": 9, "status": 200, "event": "sneezed"}')

    page.choose("rooms: members")
    expect(page.verdict).to_contain_text(
        'It does not keep to its schema (invalid_message) at /count: "count" must'
    )
    expect(page.here).to_have_text('"count": -1')
    page.choose("rooms: sneezed")
    expect(page.verdict).to_contain_text("There is no schema for such a frame.")


def test_what_is_refused_for_its_sender_is_shown_as_it_is_though_it_is_no_json(open_page: OpenPage) -> None:
    with running_server("--max-rate", "1") as server:
        page = open_page()
        page.page.goto(server.address)
        page.write("x")
        for _ in range(5):
            page.draft.press("Control+Enter")
        page.choose("rate_limited")

        expect(page.verdict).to_contain_text("The server refused it (rate_limited)")
        expect(page.page.locator("#request-text")).to_have_text("x")
        expect(page.here).to_have_count(0)
        page.page.context.close()


def test_who_is_tapped_reads_so_for_as_long_as_it_is_so(house: RunningServer, open_page: OpenPage) -> None:
    page = open_page()
    meddler = Meddler(page.page)
    page.come_in(house.address, "quin")
    notice = page.page.get_by_text("A keeper of the house sees what you send and get.")
    expect(notice).to_be_hidden()

    tapped = {"type": 0, "status": 200, "event": "tapped", "active": True}
    meddler.sockets[-1].send(json.dumps(tapped))
    expect(notice).to_be_visible()
    meddler.sockets[-1].send(json.dumps(tapped | {"active": False}))
    expect(notice).to_be_hidden()
    meddler.sockets[-1].send(json.dumps(tapped))
    meddler.sockets[-1].close(code=1001)
    expect(notice).to_be_hidden()


def test_who_is_sent_away_is_told_why_and_comes_back_without_haste(
    kept: RunningServer, open_page: OpenPage
) -> None:
    page = open_page().come_in(kept.address, "rex").join("roof")
    headers = {"Authorization": f"Bearer {KEY}"}
    with urlopen(Request(f"{kept.address}admin/sessions", headers=headers)) as answer:
        (session,) = json.load(answer)["sessions"]
    keep(kept, "kick", session=session["id"], reason="go to bed")

    banner = page.page.locator("#banner")
    expect(banner).to_have_text("A keeper of the house sent you away: go to bed.")
    expect(page.page.locator("#status")).to_have_text(re.compile("trying again in [345] seconds"))
    expect(page.page.locator("#status")).to_have_text("Connected")
    expect(banner).to_have_text("A keeper of the house sent you away: go to bed.")
    page.say("sorry")
    page.expect_heard("rex", "sorry")
    expect(banner).to_be_hidden()
