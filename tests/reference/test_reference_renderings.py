"""Renderings: every frame of the chateau protocol in all five, written by the protocols themselves."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chateau.hub.errors import HubError
from chateau.hub.events import Event
from chateau.net.reference_handlers import http_error_bytes
from chateau.protocols.errors import InvalidJson, InvalidMessage, NotAnObject, UnknownType
from chateau.protocols.schemas import SchemaSet, schemas_folder
from chateau.reference.renderings.counterparts import COUNTERPARTS, MOST_LINES
from chateau.reference.renderings.refusals import NEVER
from chateau.reference.renderings.renderer import NAMES, PUSHES, Renderer, Rendering
from chateau.reference.renderings.writings import PROTOCOLS, Place, Writing

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = {
    protocol: SchemaSet(schemas_folder() / protocol, url=f"/schemas/{protocol}") for protocol in PROTOCOLS
}
RENDERER = Renderer(CONTRACTS["chateau"], server_name="Chateau", http_refusal=http_error_bytes)
PLACE = Place("localhost:8888")
EXAMPLES = [
    pytest.param(name, example, id=f"{name}-{number}")
    for name, schema in CONTRACTS["chateau"].schemas.items()
    if name != "common"
    for number, example in enumerate(schema["examples"])
]
CODES = CONTRACTS["chateau"].schemas["error-response"]["properties"]["code"]["enum"]
STAMP = {"id": "01JD3Z5V8M9QK7T4W2X6Y0ABCD", "time": "2026-11-20T09:30:00.000Z"}

Frame = dict[str, Any]


def render(frame: Frame, place: Place = PLACE) -> Rendering:
    return RENDERER.render(json.dumps(frame), place)


def writing(frame: Frame, protocol: str, place: Place = PLACE) -> Writing:
    """The one writing of *frame* by *protocol*."""
    (found,) = [each for each in render(frame, place).writings if each.protocol == protocol]
    return found


def text(frame: Frame, protocol: str, place: Place = PLACE) -> str | None:
    payload = writing(frame, protocol, place).payload
    return None if payload is None else payload.decode()


def said(frame: Frame) -> str:
    """What a client of opcodes says in place of *frame*."""
    content: str = json.loads(text(frame, "opcodes") or "")["d"]["content"]
    return content


def keeps_to_a_schema(value: Any, protocol: str, kinds: tuple[str, ...]) -> bool:
    schemas = CONTRACTS[protocol]
    names = [name for name in schemas.schemas if name.rpartition("-")[2] in kinds]
    return any(schemas.reference(name).is_valid(value) for name in names)


# What each writing is held against, by its wire and by who writes it


def check_frame(each: Writing) -> None:
    assert each.payload is not None
    kinds = ("request",) if each.who == "client" else ("push", "response")
    is_word = each.protocol == "channels" and not each.payload.startswith(b"{")
    assert is_word or keeps_to_a_schema(json.loads(each.payload), each.protocol, kinds)


def check_line(each: Writing) -> None:
    assert each.payload is not None
    assert each.payload
    if each.who == "server":
        assert keeps_to_a_schema(json.loads(each.payload), "lines", ("push", "response"))


def check_event(each: Writing) -> None:
    assert each.payload is not None
    fields = re.fullmatch(rb"(id: \d+\n)?(event: \w+\n)?data: (.*)\n\n", each.payload)
    assert fields is not None
    assert not fields[3].startswith(b"{") or keeps_to_a_schema(json.loads(fields[3]), "channels", ("push",))


def check_http(each: Writing) -> None:
    assert each.payload is not None
    head, _, body = each.payload.partition(b"\r\n\r\n")
    start, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert re.fullmatch(
        r"(GET|POST) /channel/[^/ ]+/ HTTP/1\.1" if each.who == "client" else r"HTTP/1\.1 \d{3} [\w ]+", start
    )
    assert int(headers.get("Content-Length", 0)) == len(body)
    assert each.who == "server" or headers["Host"] == PLACE.host


CHECKS = {
    "WebSocket": check_frame,
    "TCP": check_line,
    "server-sent events": check_event,
    "HTTP": check_http,
}


def check(rendering: Rendering) -> None:
    """All five are there, in their order, and each keeps to its own rules or says why there is none."""
    protocols = [each.protocol for each in rendering.writings]
    assert tuple(dict.fromkeys(protocols)) == PROTOCOLS
    assert protocols == sorted(protocols, key=PROTOCOLS.index)
    for each in rendering.writings:
        assert (each.payload is None) == (each.wire is None) == (each.who is None)
        assert each.note is None or each.note.endswith(".")
        if each.wire is None:
            assert each.note
        else:
            CHECKS[each.wire](each)


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_every_example_of_the_schemas_is_rendered_for_all_five(name: str, example: Frame) -> None:
    rendering = render(example)

    check(rendering)
    assert name.endswith(f"-{rendering.kind}")


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_chateaus_own_writing_is_the_frame_itself(name: str, example: Frame) -> None:
    own = writing(example, "chateau")

    assert own.payload is not None
    assert json.loads(own.payload) == example
    assert own.wire == "WebSocket"
    assert own.who == ("client" if name.endswith("-request") else "server")


def test_there_is_a_name_for_every_event_and_every_push_is_read() -> None:
    events = {event for part in Event.__args__ for event in getattr(part, "__args__", [part])}
    pushes = {name for name in CONTRACTS["chateau"].schemas if name.endswith("-push")}

    assert NAMES.keys() == events
    assert {schema for schema, _ in PUSHES.values()} == pushes


@pytest.mark.parametrize("protocol", COUNTERPARTS)
def test_there_is_a_row_for_every_type_of_request(protocol: str) -> None:
    assert COUNTERPARTS[protocol].keys() == set(range(1, 10))


# The same as the table of docs/protocols.md, which is held against a running server

PAGE = (ROOT / "docs" / "protocols.md").read_text("utf-8")
ROWS = re.findall(r"^\| ([a-z ]+) \| (\w+) \| `(.*)` \|$", PAGE, re.MULTILINE)
SAME = [
    pytest.param(event, protocol, frame, id=f"{event} in {protocol}")
    for event, protocol, frame in ROWS
    if (event, protocol) not in (("direct message", "functions"), ("address banned", "channels"))
]


@pytest.mark.parametrize(("event", "protocol", "frame"), SAME)
def test_a_push_is_written_as_a_running_server_writes_it(event: str, protocol: str, frame: str) -> None:
    own = next(frame for name, speaks, frame in ROWS if (name, speaks) == (event, "chateau"))

    writings = [each for each in render(json.loads(own)).writings if each.protocol == protocol]

    payload = writings[0].payload
    assert payload is not None
    assert payload.decode() == frame or json.loads(payload) == json.loads(frame)


def test_a_protocol_without_a_row_in_the_table_has_no_writing() -> None:
    rows = {(event, protocol) for event, protocol, _ in ROWS}
    for event, protocol, frame in ROWS:
        if protocol == "chateau":
            shown = {each.protocol for each in render(json.loads(frame)).writings if each.payload is not None}
            expected = {name for name in PROTOCOLS if (event, name) in rows}
            assert shown == expected - ({"channels"} if event == "address banned" else set())


# Pushes

MESSAGE = {"type": 3, "status": 200, "sender": "alice", "clients": ["bob"], "content": "hi"} | STAMP
PUBLISHED = {"type": 7, "status": 200, "sender": "alice", "room": "lobby", "content": "hi", "seq": 3} | STAMP


@pytest.mark.parametrize(
    ("sender", "card"),
    [
        ("alice", {"id": "17", "ip": "", "port": 0, "custom": {"name": "alice"}}),
        ("#5", {"id": "5", "ip": "", "port": 0, "custom": {}}),
    ],
)
def test_a_sender_has_the_faint_card_of_one_who_is_not_here(sender: str, card: Frame) -> None:
    shown = writing(MESSAGE | {"sender": sender}, "functions")

    assert json.loads(shown.payload or b"")["sender"] == card
    assert shown.note is not None
    assert ("the id is an example" in shown.note) == (sender == "alice")


def test_what_the_channel_said_is_a_package_and_said_to_be_taken_for_a_text() -> None:
    rendering = render(PUBLISHED | {"sender": "channel", "content": "a\nb"})

    socket, stream = rendering.writings[-2:]
    assert rendering.event == "package"
    assert socket.payload == b"a\nb"
    assert stream.payload == b"id: 3\ndata: a\ndata: b\n\n"
    assert socket.note == stream.note
    assert "taken for a text" in (socket.note or "")


def test_a_number_written_with_a_point_is_that_number() -> None:
    text_ = json.dumps(PUBLISHED).replace('"seq": 3', '"seq": 3.0').replace('"type": 7', '"type": 7.0')

    stream = RENDERER.render(text_, PLACE).writings[-1]

    assert (stream.payload or b"").startswith(b"id: 3\n")


def test_opcodes_name_the_server_as_it_is_called() -> None:
    renderer = Renderer(CONTRACTS["chateau"], server_name="Castle", http_refusal=http_error_bytes)

    rendering = renderer.render('{"type": 0, "status": 200, "event": "tapped", "active": true}', PLACE)

    assert b'"author":"Castle"' in (rendering.writings[3].payload or b"")


# Refusals


def refusal(code: str, type_: int | None = None, **more: Any) -> Frame:
    rest: Frame = {} if type_ is None else {"type": type_}
    if code == "invalid_message":
        rest = {"type": 3, "path": "/a", "schema": "/schemas/chateau/message-request.json"} | rest
    if code == "unknown_recipient":
        rest["unknown"] = ["zed"]
    return {"status": 400, "code": code, "error": "Not so."} | rest | more


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_told_by_each_protocol_or_it_is_said_why_not(code: str) -> None:
    rendering = render(refusal(code))

    check(rendering)
    assert rendering.event == "refusal"
    for each in rendering.writings[1:]:
        reason = NEVER[each.protocol].get(code)
        if reason is not None:
            assert each == Writing(each.protocol, note=reason)
        elif each.payload is None:  # of direct messages
            assert (code, each.protocol) == ("invalid_message", "channels")
        elif each.protocol != "lines":
            assert "Not so." in each.payload.decode()


@pytest.mark.parametrize("protocol", NEVER)
def test_what_is_never_refused_is_one_of_the_codes(protocol: str) -> None:
    assert NEVER[protocol].keys() <= set(CODES)


@pytest.mark.parametrize("type_", range(1, 10))
@pytest.mark.parametrize("code", ["banned", "internal"])
def test_a_refusal_is_told_where_there_is_such_a_request(code: str, type_: int) -> None:
    rendering = render(refusal(code, type_))

    check(rendering)
    for each in rendering.writings[1:]:
        row = COUNTERPARTS[each.protocol][type_]
        assert (each.note == row) == (each.payload is None) == isinstance(row, str)


def test_functions_and_opcodes_have_the_path_and_the_schema_of_chateaus_request() -> None:
    frame = refusal("invalid_message", 3, ref="a-1")

    called = json.loads(text(frame, "functions") or "")
    told = json.loads(text(frame, "opcodes") or "")["d"]

    assert called["function"] == "send_message"
    assert called["callback"] == "a-1"
    for shown in (called, told):
        assert (shown["path"], shown["schema"]) == (frame["path"], frame["schema"])


LINES_SAY = [
    (refusal("not_registered"), "Login required"),
    (refusal("name_taken", 1), "Nickname already registered"),
    (refusal("name_taken", 5), "User with such nickname is already present in the requested room"),
    (refusal("already_in_room", 5), "User with such nickname is already present in the requested room"),
    (refusal("not_in_room", 7), "Join a room first"),
    (refusal("invalid_name", 1), "Invalid nickname"),
    (refusal("invalid_name", 5), "Not so."),
    (refusal("access_denied", 5), "Not so."),
]


@pytest.mark.parametrize(("frame", "error"), LINES_SAY)
def test_lines_have_the_words_of_their_seed(frame: Frame, error: str) -> None:
    assert json.loads(text(frame, "lines") or "") == {"type": "error", "error": error}


STATUSES = {
    "access_denied": b"403 Forbidden",
    "too_large": b"413",
    "internal": b"500",
    "invalid_name": b"400",
}


@pytest.mark.parametrize(("code", "status"), STATUSES.items())
def test_a_publish_is_refused_with_a_status_and_a_header(code: str, status: bytes) -> None:
    answer = writing(refusal(code, 7, error="Nö."), "channels").payload or b""

    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"\r\nX-Error: N\\xf6.\r\n" in answer


# Requests


def test_the_table_has_what_clients_send() -> None:
    message = {"type": 3, "clients": ["bob"], "content": "hi"}
    assert json.loads(text({"type": 1, "username": "alice", "ref": 7}, "functions") or "") == {
        "function": "set_custom_variables",
        "custom_variables": {"name": "alice"},
        "callback": "7",
    }
    assert json.loads(text(message | {"clients": ["bob", "#5", "zed"]}, "functions") or "") == {
        "function": "send_message",
        "recipient_ids": ["17", "5", "19"],
        "message": "hi",
    }
    assert writing(message | {"clients": ["#5"]}, "functions").note is None
    assert text({"type": 2}, "lines") == "QUIT"
    assert text(message, "lines") == "MSG bob hi"
    assert (
        text(message | {"clients": ["bob", "carol"], "content": " a \n\n b\n"}, "lines")
        == "MSG bob a\nMSG bob b"
    )
    assert text({"type": 5, "room": "attic", "password": "a b"}, "lines") == "JOIN attic a b"
    assert text({"type": 7, "room": "lobby", "content": "a\r\n\n b"}, "lines") == "a\r\n b"
    assert text({"type": 8, "room": "lobby", "to": "2026-11-20T10:00:00Z"}, "lines") == (
        "HISTORY 1970-01-01 2026-11-20T10:00:00Z"
    )
    assert said(message | {"clients": ["Bob B"], "content": " hi "}) == '!msg "Bob B" hi'
    assert said({"type": 5, "room": 'a "b"\\', "password": "x y"}) == '!join "a \\"b\\"\\\\" "x y"'
    assert said({"type": 6, "room": "lobby"}) == "!join general"
    assert said({"type": 7, "room": "lobby", "content": "! no command"}) == "! no command"
    assert text({"type": 6, "room": "lobby"}, "channels") == "close"
    assert (text({"type": 8, "room": "lobby", "since": 12.0}, "channels") or "").endswith(
        "Accept: text/event-stream\r\nLast-Event-ID: 12\r\n\r\n"
    )


def test_a_publish_has_the_host_the_prefix_the_key_and_the_body() -> None:
    place = Place("chat.example.org", "/chat")

    request = text({"type": 7, "room": "Räume/1", "content": "é", "key": "k 1"}, "channels", place)

    assert request == (
        "POST /chat/channel/R%C3%A4ume%2F1/ HTTP/1.1\r\nHost: chat.example.org\r\nPackage-Type: text\r\n"
        "Content-Length: 2\r\nIdempotency-Key: k 1\r\n\r\né"
    )


def test_commands_have_the_prefix_of_the_server() -> None:
    shown = json.loads(text({"type": 9}, "opcodes", Place("localhost", command_prefix="/")) or "")

    assert shown["d"]["content"] == "/rooms"


NONE = [
    ({"type": 1, "username": "al"}, "lines", "3 to 16"),
    ({"type": 1, "username": "!x"}, "opcodes", "is a command"),
    ({"type": 3, "clients": ["bob b"], "content": "hi"}, "lines", "spaces"),
    ({"type": 3, "clients": ["bob\nQUIT"], "content": "hi"}, "lines", "spaces"),
    ({"type": 3, "clients": ["bob"], "content": " \n"}, "lines", "no letters"),
    ({"type": 3, "clients": ["bob"], "content": " \n"}, "opcodes", "no letters"),
    ({"type": 5, "room": "the attic"}, "lines", "letters and digits"),
    ({"type": 5, "room": "attic", "password": "a\nQUIT"}, "lines", "password"),
    ({"type": 5, "room": "attic", "password": " a"}, "lines", "password"),
    ({"type": 6, "room": "General"}, "opcodes", "joining another"),
    ({"type": 7, "room": "lobby", "content": "\n \n"}, "lines", "nothing on it"),
    ({"type": 7, "room": "lobby", "content": "hi\nQUIT"}, "lines", "is a command"),
    ({"type": 7, "room": "lobby", "content": "!shutdown"}, "opcodes", "is a command"),
    ({"type": 5, "room": "a_b"}, "channels", "colon"),
    ({"type": 7, "room": "a_b", "content": "hi"}, "channels", "colon"),
    ({"type": 8, "room": "a_b"}, "channels", "colon"),
]


@pytest.mark.parametrize(("request_", "protocol", "reason"), NONE)
def test_where_there_is_no_such_thing_it_is_said_why(request_: Frame, protocol: str, reason: str) -> None:
    shown = writing(request_, protocol)

    assert shown.payload is None
    assert reason in (shown.note or "")


NOTES = [
    ({"type": 3, "clients": ["bob", "carol"], "content": "hi"}, "lines", "Each of the others"),
    ({"type": 3, "clients": ["bob", "carol"], "content": "hi"}, "opcodes", "Each of the others"),
    ({"type": 3, "clients": ["bob"], "content": "hi "}, "opcodes", "White space"),
    ({"type": 3, "clients": ["bob"], "content": "a\nb"}, "lines", "Each line is a message"),
    ({"type": 5, "room": "attic", "password": "a b"}, "lines", "locked"),
    ({"type": 7, "room": "lobby", "content": "a\nb"}, "lines", "Each line is a message"),
    ({"type": 7, "room": "lobby", "content": "a", "key": "a\nb"}, "channels", "cannot stand in a header"),
    ({"type": 7, "room": "lobby", "content": "a", "key": " a"}, "channels", "cannot stand in a header"),
    ({"type": 8, "room": "lobby", "limit": 5}, "lines", "limit"),
]


@pytest.mark.parametrize(("request_", "protocol", "part"), NOTES)
def test_what_differs_is_said(request_: Frame, protocol: str, part: str) -> None:
    shown = writing(request_, protocol)

    assert shown.payload is not None
    assert part in (shown.note or "")


@pytest.mark.parametrize("request_", [{"type": 9}, {"type": 5, "room": "a"}, {"type": 6, "room": "a"}])
def test_without_a_prefix_there_are_no_commands(request_: Frame) -> None:
    shown = writing(request_, "opcodes", Place("localhost", command_prefix=""))

    assert (shown.payload, shown.note) == (None, "This server has no commands.")


@pytest.mark.parametrize(
    "request_",
    [
        {"type": 7, "room": "lobby", "content": "a\n" * 1000},
        {"type": 3, "clients": ["bob"] * 1000, "content": "a\n" * 1000},
    ],
)
def test_a_text_of_many_lines_is_shown_in_part(request_: Frame) -> None:
    shown = writing(request_, "lines")

    assert (shown.payload or b"").count(b"\n") == MOST_LINES - 1
    assert f"Of 1000 lines the first {MOST_LINES}." in (shown.note or "")


# What is no frame

WRONG = [
    ("", InvalidJson),
    ('{"type": 4, "type": 4}', InvalidJson),
    ("[]", NotAnObject),
    ("{}", UnknownType),
    ('{"type": true}', UnknownType),
    ('{"type": 10}', UnknownType),
    ('{"type": [4]}', UnknownType),
    ('{"type": 10, "status": 200}', UnknownType),
    ('{"type": 5, "event": "left"}', UnknownType),
    ('{"type": 5, "event": ["joined"]}', UnknownType),
    ('{"sender": "alice"}', UnknownType),
    ('{"type": 5}', InvalidMessage),
    ('{"type": 4, "status": 200}', InvalidMessage),
    ('{"type": 4, "status": 500}', InvalidMessage),
    ('{"status": 400}', InvalidMessage),
    ('{"type": 7, "sender": "alice"}', InvalidMessage),
    ('{"type": 7, "sender": "alice", "event": 5}', InvalidMessage),
]


@pytest.mark.parametrize(("text_", "kind"), WRONG)
def test_what_is_no_frame_is_refused(text_: str, kind: type[HubError]) -> None:
    with pytest.raises(kind):
        RENDERER.render(text_, PLACE)


@pytest.mark.parametrize(
    ("frame", "path", "schema"),
    [
        ({"type": 5, "room": ""}, "/room", "join-request"),
        ({"type": 0, "event": "tapped", "status": 200, "active": 1}, "/active", "tapped-push"),
        ({"type": 4, "status": 200, "clients": [1]}, "/clients/0", "list-response"),
        ({"status": 400, "code": "no", "error": "No."}, "/code", "error-response"),
    ],
)
def test_a_fault_is_told_with_its_path_and_schema(frame: Frame, path: str, schema: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        render(frame)

    assert (caught.value.path, caught.value.schema) == (path, f"/schemas/chateau/{schema}.json")


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=32) | st.sampled_from(
    ["a\nQUIT", "\r\n\r\n", "!join x", '"', "\\", "WHO", " ", "#1", "#", "a b", "..", "_"]
)
REQUESTS = st.one_of(
    st.fixed_dictionaries({"type": st.just(1), "username": TEXTS}),
    st.fixed_dictionaries({"type": st.just(3), "clients": st.lists(TEXTS, min_size=1), "content": TEXTS}),
    st.fixed_dictionaries({"type": st.just(5), "room": TEXTS}, optional={"password": TEXTS}),
    st.fixed_dictionaries({"type": st.just(6), "room": TEXTS}),
    st.fixed_dictionaries(
        {"type": st.just(7), "room": TEXTS, "content": TEXTS}, optional={"key": TEXTS, "ref": TEXTS}
    ),
    st.fixed_dictionaries({"type": st.just(8), "room": TEXTS}, optional={"since": st.integers(0, 99)}),
)


@given(request_=REQUESTS)
def test_whatever_is_asked_keeps_to_the_rules_of_each_protocol(request_: Frame) -> None:
    check(render(request_))


@given(text_=st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_any_text_is_rendered_or_refused(text_: str) -> None:
    with suppress(HubError):
        check(RENDERER.render(text_, PLACE))
