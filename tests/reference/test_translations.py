"""Translations: every frame of the chateau protocol in all five, encoded by the protocols themselves."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference_validator import reference

from chateau.hub.errors import HubError
from chateau.hub.events import Event
from chateau.net.reference_handlers import http_error_bytes
from chateau.protocols.errors import InvalidJson, InvalidMessage, NotAnObject, UnknownType
from chateau.protocols.schemas import SchemaSet, schemas_folder
from chateau.reference.request_translations import (
    LINES_LIMIT,
    PROTOCOLS,
    REQUESTS,
    EncodedFrame,
    TargetServer,
)
from chateau.reference.translations import NAMES, NEVER, PUSHES, Translation, Translator

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = {
    protocol: SchemaSet(schemas_folder() / protocol, url=f"/schemas/{protocol}") for protocol in PROTOCOLS
}
TRANSLATOR = Translator(SCHEMAS["chateau"], server_name="Chateau", http_error=http_error_bytes)
SERVER = TargetServer("localhost:8888")
EXAMPLES = [
    pytest.param(name, example, id=f"{name}-{number}")
    for name, schema in SCHEMAS["chateau"].schemas.items()
    if name != "common"
    for number, example in enumerate(schema["examples"])
]
CODES = SCHEMAS["chateau"].schemas["error-response"]["properties"]["code"]["enum"]
STAMP = {"id": "01JD3Z5V8M9QK7T4W2X6Y0ABCD", "time": "2026-11-20T09:30:00.000Z"}

Frame = dict[str, Any]


def translate(frame: Frame, server: TargetServer = SERVER) -> Translation:
    return TRANSLATOR.translate(json.dumps(frame), server)


def encoded_frame(frame: Frame, protocol: str, server: TargetServer = SERVER) -> EncodedFrame:
    """Return the only encoded frame for *frame* in *protocol*."""
    (found,) = [each for each in translate(frame, server).frames if each.protocol == protocol]
    return found


def text(frame: Frame, protocol: str, server: TargetServer = SERVER) -> str | None:
    payload = encoded_frame(frame, protocol, server).payload
    return None if payload is None else payload.decode()


def content_of(frame: Frame) -> str:
    """Return the content of the frame that a client of opcodes sends for *frame*."""
    content: str = json.loads(text(frame, "opcodes") or "")["d"]["content"]
    return content


def is_valid_by_a_schema(value: Any, protocol: str, kinds: tuple[str, ...]) -> bool:
    schemas = SCHEMAS[protocol]
    names = [name for name in schemas.schemas if name.rpartition("-")[2] in kinds]
    return any(reference(schemas, name).is_valid(value) for name in names)


# The check for each encoded frame, by its transport


def check_frame(each: EncodedFrame) -> None:
    assert each.payload is not None
    kinds = ("request",) if each.sender == "client" else ("push", "response")
    is_word = each.protocol == "channels" and not each.payload.startswith(b"{")
    assert is_word or is_valid_by_a_schema(json.loads(each.payload), each.protocol, kinds)


def check_line(each: EncodedFrame) -> None:
    assert each.payload is not None
    assert each.payload
    if each.sender == "server":
        assert is_valid_by_a_schema(json.loads(each.payload), "lines", ("push", "response"))


def check_event(each: EncodedFrame) -> None:
    assert each.payload is not None
    fields = re.fullmatch(rb"(id: \d+\n)?(event: \w+\n)?data: (.*)\n\n", each.payload)
    assert fields is not None
    assert not fields[3].startswith(b"{") or is_valid_by_a_schema(
        json.loads(fields[3]), "channels", ("push",)
    )


def check_http(each: EncodedFrame) -> None:
    assert each.payload is not None
    head, _, body = each.payload.partition(b"\r\n\r\n")
    start, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert re.fullmatch(
        r"(GET|POST) /channel/[^/ ]+/ HTTP/1\.1" if each.sender == "client" else r"HTTP/1\.1 \d{3} [\w ]+",
        start,
    )
    assert int(headers.get("Content-Length", 0)) == len(body)
    assert each.sender == "server" or headers["Host"] == SERVER.host


CHECKS = {
    "WebSocket": check_frame,
    "TCP": check_line,
    "server-sent events": check_event,
    "HTTP": check_http,
}


def check(translation: Translation) -> None:
    """Check that all five protocols are there, in order, each with a valid frame or with a reason."""
    protocols = [each.protocol for each in translation.frames]
    assert tuple(dict.fromkeys(protocols)) == PROTOCOLS
    assert protocols == sorted(protocols, key=PROTOCOLS.index)
    for each in translation.frames:
        assert (each.payload is None) == (each.transport is None) == (each.sender is None)
        assert each.note is None or each.note.endswith(".")
        if each.transport is None:
            assert each.note
        else:
            CHECKS[each.transport](each)


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_every_example_of_the_schemas_is_translated_into_all_five_protocols(
    name: str, example: Frame
) -> None:
    translation = translate(example)

    check(translation)
    assert name.endswith(f"-{translation.kind}")


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_the_chateau_frame_is_the_frame_itself(name: str, example: Frame) -> None:
    own = encoded_frame(example, "chateau")

    assert own.payload is not None
    assert json.loads(own.payload) == example
    assert own.transport == "WebSocket"
    assert own.sender == ("client" if name.endswith("-request") else "server")


def test_every_event_has_a_name_and_every_push_a_decoder() -> None:
    events = {event for part in Event.__args__ for event in getattr(part, "__args__", [part])}
    pushes = {name for name in SCHEMAS["chateau"].schemas if name.endswith("-push")}

    assert NAMES.keys() == events
    assert {schema for schema, _ in PUSHES.values()} == pushes


@pytest.mark.parametrize("protocol", REQUESTS)
def test_every_type_of_request_has_a_row(protocol: str) -> None:
    assert REQUESTS[protocol].keys() == set(range(1, 10))


# The table of docs/protocols.md, which another test compares with a running server

PAGE = (ROOT / "docs" / "protocols.md").read_text("utf-8")
ROWS = re.findall(r"^\| ([a-z ]+) \| (\w+) \| `(.*)` \|$", PAGE, re.MULTILINE)
SAME = [
    pytest.param(event, protocol, frame, id=f"{event} in {protocol}")
    for event, protocol, frame in ROWS
    if (event, protocol) not in (("direct message", "functions"), ("address banned", "channels"))
]


@pytest.mark.parametrize(("event", "protocol", "frame"), SAME)
def test_a_push_is_encoded_as_a_running_server_encodes_it(event: str, protocol: str, frame: str) -> None:
    own = next(frame for name, speaks, frame in ROWS if (name, speaks) == (event, "chateau"))

    writings = [each for each in translate(json.loads(own)).frames if each.protocol == protocol]

    payload = writings[0].payload
    assert payload is not None
    assert payload.decode() == frame or json.loads(payload) == json.loads(frame)


def test_a_protocol_without_a_row_in_the_table_has_no_payload() -> None:
    rows = {(event, protocol) for event, protocol, _ in ROWS}
    for event, protocol, frame in ROWS:
        if protocol == "chateau":
            shown = {
                each.protocol for each in translate(json.loads(frame)).frames if each.payload is not None
            }
            expected = {name for name in PROTOCOLS if (event, name) in rows}
            assert shown == expected - ({"channels"} if event == "address banned" else set())


# Pushes

MESSAGE = {"type": 3, "status": 200, "sender": "alice", "clients": ["bob"], "content": "hi"} | STAMP
PUBLISHED = {"type": 7, "status": 200, "sender": "alice", "room": "lobby", "content": "hi", "seq": 3} | STAMP


@pytest.mark.parametrize(
    ("sender", "info"),
    [
        ("alice", {"id": "17", "ip": "", "port": 0, "custom": {"name": "alice"}}),
        ("#5", {"id": "5", "ip": "", "port": 0, "custom": {}}),
    ],
)
def test_a_sender_has_the_partial_info_of_a_disconnected_client(sender: str, info: Frame) -> None:
    shown = encoded_frame(MESSAGE | {"sender": sender}, "functions")

    assert json.loads(shown.payload or b"")["sender"] == info
    assert shown.note is not None
    assert ("The id is an example" in shown.note) == (sender == "alice")


def test_a_message_from_the_channel_is_a_publication_shown_as_text() -> None:
    translation = translate(PUBLISHED | {"sender": "channel", "content": "a\nb"})

    socket, stream = translation.frames[-2:]
    assert translation.event == "package"
    assert socket.payload == b"a\nb"
    assert stream.payload == b"id: 3\ndata: a\ndata: b\n\n"
    assert socket.note == stream.note
    assert "shown as text" in (socket.note or "")


def test_a_float_with_an_integer_value_is_that_integer() -> None:
    text_ = json.dumps(PUBLISHED).replace('"seq": 3', '"seq": 3.0').replace('"type": 7', '"type": 7.0')

    stream = TRANSLATOR.translate(text_, SERVER).frames[-1]

    assert (stream.payload or b"").startswith(b"id: 3\n")


def test_opcodes_use_the_name_of_the_server() -> None:
    translator = Translator(SCHEMAS["chateau"], server_name="Castle", http_error=http_error_bytes)

    translation = translator.translate(
        '{"type": 0, "status": 200, "event": "tapped", "active": true}', SERVER
    )

    assert b'"author":"Castle"' in (translation.frames[3].payload or b"")


# Error responses


def error_response(code: str, type_: int | None = None, **more: Any) -> Frame:
    rest: Frame = {} if type_ is None else {"type": type_}
    if code == "invalid_message":
        rest = {"type": 3, "path": "/a", "schema": "/schemas/chateau/message-request.json"} | rest
    if code == "unknown_recipient":
        rest["unknown"] = ["zed"]
    return {"status": 400, "code": code, "error": "Not so."} | rest | more


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_reported_by_each_protocol_or_has_a_reason(code: str) -> None:
    translation = translate(error_response(code))

    check(translation)
    assert translation.event == "refusal"
    for each in translation.frames[1:]:
        reason = NEVER[each.protocol].get(code)
        if reason is not None:
            assert each == EncodedFrame(each.protocol, note=reason)
        elif each.payload is None:  # of direct messages
            assert (code, each.protocol) == ("invalid_message", "channels")
        elif each.protocol != "lines":
            assert "Not so." in each.payload.decode()


@pytest.mark.parametrize("protocol", NEVER)
def test_reasons_are_given_for_existing_codes_only(protocol: str) -> None:
    assert NEVER[protocol].keys() <= set(CODES)


@pytest.mark.parametrize("type_", range(1, 10))
@pytest.mark.parametrize("code", ["banned", "internal"])
def test_an_error_response_requires_an_equivalent_request(code: str, type_: int) -> None:
    translation = translate(error_response(code, type_))

    check(translation)
    for each in translation.frames[1:]:
        row = REQUESTS[each.protocol][type_]
        assert (each.note == row) == (each.payload is None) == isinstance(row, str)


def test_functions_and_opcodes_have_the_path_and_the_schema_of_the_chateau_request() -> None:
    frame = error_response("invalid_message", 3, ref="a-1")

    called = json.loads(text(frame, "functions") or "")
    reported = json.loads(text(frame, "opcodes") or "")["d"]

    assert called["function"] == "send_message"
    assert called["callback"] == "a-1"
    for shown in (called, reported):
        assert (shown["path"], shown["schema"]) == (frame["path"], frame["schema"])


LINES_ERRORS = [
    (error_response("not_registered"), "Login required"),
    (error_response("name_taken", 1), "Nickname already registered"),
    (error_response("name_taken", 5), "User with such nickname is already present in the requested room"),
    (
        error_response("already_in_room", 5),
        "User with such nickname is already present in the requested room",
    ),
    (error_response("not_in_room", 7), "Join a room first"),
    (error_response("invalid_name", 1), "Invalid nickname"),
    (error_response("invalid_name", 5), "Not so."),
    (error_response("access_denied", 5), "Not so."),
]


@pytest.mark.parametrize(("frame", "error"), LINES_ERRORS)
def test_lines_use_the_error_texts_of_their_seed(frame: Frame, error: str) -> None:
    assert json.loads(text(frame, "lines") or "") == {"type": "error", "error": error}


STATUSES = {
    "access_denied": b"403 Forbidden",
    "too_large": b"413",
    "internal": b"500",
    "invalid_name": b"400",
}


@pytest.mark.parametrize(("code", "status"), STATUSES.items())
def test_a_rejected_publish_has_a_status_and_an_error_header(code: str, status: bytes) -> None:
    answer = encoded_frame(error_response(code, 7, error="Nö."), "channels").payload or b""

    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"\r\nX-Error: N\\xf6.\r\n" in answer


# Requests


def test_requests_are_translated_into_what_clients_send() -> None:
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
    assert encoded_frame(message | {"clients": ["#5"]}, "functions").note is None
    assert json.loads(text(message | {"clients": ["#²"]}, "functions") or "")["recipient_ids"] == ["17"]
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
    assert content_of(message | {"clients": ["Bob B"], "content": " hi "}) == '!msg "Bob B" hi'
    assert content_of({"type": 5, "room": 'a "b"\\', "password": "x y"}) == '!join "a \\"b\\"\\\\" "x y"'
    assert content_of({"type": 6, "room": "lobby"}) == "!join general"
    assert content_of({"type": 7, "room": "lobby", "content": "! no command"}) == "! no command"
    assert text({"type": 6, "room": "lobby"}, "channels") == "close"
    assert (text({"type": 8, "room": "lobby", "since": 12.0}, "channels") or "").endswith(
        "Accept: text/event-stream\r\nLast-Event-ID: 12\r\n\r\n"
    )


def test_a_publish_has_the_host_the_prefix_the_key_and_the_body() -> None:
    place = TargetServer("chat.example.org", "/chat")

    request = text({"type": 7, "room": "Räume/1", "content": "é", "key": "k 1"}, "channels", place)

    assert request == (
        "POST /chat/channel/R%C3%A4ume%2F1/ HTTP/1.1\r\nHost: chat.example.org\r\nPackage-Type: text\r\n"
        "Content-Length: 2\r\nIdempotency-Key: k 1\r\n\r\né"
    )


def test_commands_have_the_prefix_of_the_server() -> None:
    shown = json.loads(text({"type": 9}, "opcodes", TargetServer("localhost", command_prefix="/")) or "")

    assert shown["d"]["content"] == "/rooms"


NONE = [
    ({"type": 1, "username": "al"}, "lines", "3 to 16"),
    ({"type": 1, "username": "!x"}, "opcodes", "is a command"),
    ({"type": 3, "clients": ["bob b"], "content": "hi"}, "lines", "spaces"),
    ({"type": 3, "clients": ["bob\nQUIT"], "content": "hi"}, "lines", "spaces"),
    ({"type": 3, "clients": ["bob"], "content": " \n"}, "lines", "blank"),
    ({"type": 3, "clients": ["bob"], "content": " \n"}, "opcodes", "blank"),
    ({"type": 5, "room": "the attic"}, "lines", "letters and digits"),
    ({"type": 5, "room": "attic", "password": "a\nQUIT"}, "lines", "password"),
    ({"type": 5, "room": "attic", "password": " a"}, "lines", "password"),
    ({"type": 6, "room": "General"}, "opcodes", "joining another"),
    ({"type": 7, "room": "lobby", "content": "\n \n"}, "lines", "blank"),
    ({"type": 7, "room": "lobby", "content": "hi\nQUIT"}, "lines", "is a command"),
    ({"type": 7, "room": "lobby", "content": "!shutdown"}, "opcodes", "is a command"),
    ({"type": 5, "room": "a_b"}, "channels", "colon"),
    ({"type": 7, "room": "a_b", "content": "hi"}, "channels", "colon"),
    ({"type": 8, "room": "a_b"}, "channels", "colon"),
]


@pytest.mark.parametrize(("request_", "protocol", "reason"), NONE)
def test_a_request_without_an_equivalent_has_a_reason(request_: Frame, protocol: str, reason: str) -> None:
    shown = encoded_frame(request_, protocol)

    assert shown.payload is None
    assert reason in (shown.note or "")


NOTES = [
    ({"type": 3, "clients": ["bob", "carol"], "content": "hi"}, "lines", "Each of the other recipients"),
    ({"type": 3, "clients": ["bob", "carol"], "content": "hi"}, "opcodes", "Each of the other recipients"),
    ({"type": 3, "clients": ["bob"], "content": "hi "}, "opcodes", "White space"),
    ({"type": 3, "clients": ["bob"], "content": "a\nb"}, "lines", "Each line is a separate message"),
    ({"type": 5, "room": "attic", "password": "a b"}, "lines", "locked"),
    ({"type": 7, "room": "lobby", "content": "a\nb"}, "lines", "Each line is a separate message"),
    ({"type": 7, "room": "lobby", "content": "a", "key": "a\nb"}, "channels", "not a valid header value"),
    ({"type": 7, "room": "lobby", "content": "a", "key": " a"}, "channels", "not a valid header value"),
    ({"type": 8, "room": "lobby", "limit": 5}, "lines", "limit"),
]


@pytest.mark.parametrize(("request_", "protocol", "part"), NOTES)
def test_a_note_describes_the_difference(request_: Frame, protocol: str, part: str) -> None:
    shown = encoded_frame(request_, protocol)

    assert shown.payload is not None
    assert part in (shown.note or "")


@pytest.mark.parametrize("request_", [{"type": 9}, {"type": 5, "room": "a"}, {"type": 6, "room": "a"}])
def test_commands_require_a_prefix(request_: Frame) -> None:
    shown = encoded_frame(request_, "opcodes", TargetServer("localhost", command_prefix=""))

    assert (shown.payload, shown.note) == (None, "Commands are disabled on this server.")


@pytest.mark.parametrize(
    "request_",
    [
        {"type": 7, "room": "lobby", "content": "a\n" * 1000},
        {"type": 3, "clients": ["bob"] * 1000, "content": "a\n" * 1000},
    ],
)
def test_a_text_of_many_lines_is_shown_in_part(request_: Frame) -> None:
    shown = encoded_frame(request_, "lines")

    assert (shown.payload or b"").count(b"\n") == LINES_LIMIT - 1
    assert f"The first {LINES_LIMIT} of 1000 lines are shown." in (shown.note or "")


# Invalid frames

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
def test_an_invalid_frame_is_rejected(text_: str, kind: type[HubError]) -> None:
    with pytest.raises(kind):
        TRANSLATOR.translate(text_, SERVER)


@pytest.mark.parametrize(
    ("frame", "path", "schema"),
    [
        ({"type": 5, "room": ""}, "/room", "join-request"),
        ({"type": 0, "event": "tapped", "status": 200, "active": 1}, "/active", "tapped-push"),
        ({"type": 4, "status": 200, "clients": [1]}, "/clients/0", "list-response"),
        ({"status": 400, "code": "no", "error": "No."}, "/code", "error-response"),
    ],
)
def test_a_violation_is_reported_with_its_path_and_schema(frame: Frame, path: str, schema: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        translate(frame)

    assert (caught.value.path, caught.value.schema) == (path, f"/schemas/chateau/{schema}.json")


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=32) | st.sampled_from(
    ["a\nQUIT", "\r\n\r\n", "!join x", '"', "\\", "WHO", " ", "#1", "#", "a b", "..", "_"]
)
VALID_REQUESTS = st.one_of(
    st.fixed_dictionaries({"type": st.just(1), "username": TEXTS}),
    st.fixed_dictionaries({"type": st.just(3), "clients": st.lists(TEXTS, min_size=1), "content": TEXTS}),
    st.fixed_dictionaries({"type": st.just(5), "room": TEXTS}, optional={"password": TEXTS}),
    st.fixed_dictionaries({"type": st.just(6), "room": TEXTS}),
    st.fixed_dictionaries(
        {"type": st.just(7), "room": TEXTS, "content": TEXTS}, optional={"key": TEXTS, "ref": TEXTS}
    ),
    st.fixed_dictionaries({"type": st.just(8), "room": TEXTS}, optional={"since": st.integers(0, 99)}),
)


@given(request_=VALID_REQUESTS)
def test_any_request_is_translated_by_the_rules_of_each_protocol(request_: Frame) -> None:
    check(translate(request_))


@given(text_=st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_any_text_is_translated_or_rejected(text_: str) -> None:
    with suppress(HubError):
        check(TRANSLATOR.translate(text_, SERVER))
