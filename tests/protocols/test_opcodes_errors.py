"""Errors of the opcodes protocol: each fault with its frame, admission, and arbitrary text."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from generated import examples
from harness import Frame
from hypothesis import given, settings
from hypothesis import strategies as st
from opcodes_harness import CACHE, KEY, SCHEMA_SET, URL, Harness, create, error_frame, message_frame, server
from reference_validator import reference

from chateau.protocols.opcodes import ERROR_LENGTH, REQUESTS
from chateau.protocols.opcodes_commands import BUILT_INS
from chateau.protocols.transport import ENVELOPE_OVERHEAD_BYTES


def invalid(error: str, path: str, op: int = 1) -> Frame:
    return error_frame("invalid_message", error, path=path, schema=f"{URL}/{REQUESTS[op].schema}.json")


REASON = "The reason for the shutdown: a string, or null for none."
EMPTY = "Invalid JSON: Input is a zero-length, empty document at line 1, column 1."
EXPECTED = "expected 1, 3 or 4."
FAULTS = [
    pytest.param("", error_frame("invalid_json", EMPTY), id="nothing"),
    pytest.param(
        "[1]", error_frame("not_an_object", "A message must be a JSON object, not an array."), id="no object"
    ),
    pytest.param(
        '{"op": 1, "op": 4}',
        error_frame("invalid_json", 'Invalid JSON: duplicate key "op".'),
        id="a key twice",
    ),
    pytest.param(
        '{"op": 1, "d": {"content": "a", "content": "b"}}',
        error_frame("invalid_json", 'Invalid JSON: duplicate key "content".'),
        id="a key twice inside",
    ),
    pytest.param({}, error_frame("unknown_type", '"op" is missing; expected 1, 3 or 4.'), id="no op"),
    pytest.param(
        {"type": 1},
        error_frame("unknown_type", '"op" is missing; expected 1, 3 or 4.'),
        id="another protocol",
    ),
    *(
        pytest.param({"op": op}, error_frame("unknown_type", f"{shown}; {EXPECTED}"), id=shown[:20])
        for op, shown in [
            (0, "Unknown op 0"),
            (2, "Unknown op 2"),
            (5, "Unknown op 5"),
            (-1, "Unknown op -1"),
            (6, "Unknown op 6"),
            (True, "Unknown op true"),
            (None, "Unknown op null"),
            ("1", 'Unknown op "1"'),
            (1.5, "Unknown op 1.5"),
            (1e300, "Unknown op 1e+300"),
            ([1], '"op" is an array'),
            ({"a": 1}, '"op" is an object'),
            (-0.0, "Unknown op -0.0"),
            ("x" * 99, 'Unknown op "' + 58 * "x" + "…"),
        ]
    ),
    pytest.param({"op": 1}, invalid('"d" is missing from the message.', ""), id="no d"),
    pytest.param({"op": 1, "d": None}, invalid('"d" must be of the type object.', "/d"), id="d is null"),
    pytest.param({"op": 1, "d": "hi"}, invalid('"d" must be of the type object.', "/d"), id="d is a string"),
    pytest.param({"op": 1, "d": {}}, invalid('"content" is missing from "d".', "/d"), id="no content"),
    pytest.param(
        {"op": 1, "d": {"content": 7}},
        invalid('"d/content" must be of the type string.', "/d/content"),
        id="content is a number",
    ),
    pytest.param(
        {"op": 1, "d": {"content": None}},
        invalid('"d/content" must be of the type string.', "/d/content"),
        id="content is null",
    ),
    pytest.param({"op": 3}, invalid('"d" is missing from the message.', "", 3), id="a shutdown without d"),
    pytest.param(
        {"op": 3, "d": {}}, invalid('"key" is missing from "d".', "/d", 3), id="a shutdown without a key"
    ),
    pytest.param(
        {"op": 3, "d": {"key": None}},
        invalid('"d/key" must be of the type string.', "/d/key", 3),
        id="a key that is null",
    ),
    pytest.param(
        {"op": 3.0, "d": {"key": KEY, "reason": 7}},
        invalid(f'"d/reason" matches none of the allowed forms. {REASON}', "/d/reason", 3),
        id="a reason that is a number",
    ),
    pytest.param(
        {"op": 3, "d": {"key": "x"}},
        error_frame("access_denied", "The secret key is wrong."),
        id="a wrong key",
    ),
    pytest.param(
        {"op": 3, "d": {"key": ""}},
        error_frame("access_denied", "The secret key is wrong."),
        id="an empty key",
    ),
    pytest.param(
        b"{}",
        error_frame("binary_frame", "Binary frames are not supported; send a text frame."),
        id="a binary frame",
    ),
]


@pytest.mark.parametrize(("request_", "error"), FAULTS)
def test_error_is_sent_only_to_the_sender_and_has_no_effect(
    request_: Frame | str | bytes, error: Frame
) -> None:
    harness = Harness("alice", "bob")

    harness["alice"].send(request_)

    assert harness.take() == {"alice": [error]}
    assert harness.stops == []


@pytest.mark.parametrize("reason", ["Maintenance", "", None])
@pytest.mark.parametrize("name", ["alice", "a nameless guest"])
def test_shutdown_with_the_secret_key_stops_the_server(name: str, reason: str | None) -> None:
    harness = Harness("alice")

    harness[name].send({"op": 3, "d": {"key": KEY, "reason": reason, "odd": 1}})

    assert harness.stops == [reason]
    assert harness.take() == {}


def test_shutdown_reason_is_optional() -> None:
    harness = Harness()

    assert harness["guest"].ask({"op": 3, "d": {"key": KEY}}) == []
    assert harness.stops == [None]


def test_attempts_with_wrong_keys_are_limited() -> None:
    harness = Harness()
    for _ in range(5):
        harness["guest"].send({"op": 3, "d": {"key": "x"}})

    assert harness["guest"].ask({"op": 3, "d": {"key": "x"}}) == []
    harness.hub.access.guesses.close()
    (frame,) = harness.take()["guest"]

    assert frame["d"]["code"] == "rate_limited"
    assert harness["guest"].ask({"op": 3, "d": {"key": KEY}}) == [frame]
    assert harness.stops == []


@pytest.mark.parametrize(
    "request_", [create("hi"), create("!me"), CACHE, {"op": 3, "d": {"key": KEY}}, "{", b""]
)
def test_every_request_of_a_banned_address_is_rejected(request_: Frame | str | bytes) -> None:
    harness = Harness("alice", "bob")
    harness.hub.access.ban("192.0.2.1")

    harness["alice"].send(request_)

    assert harness.take() == {"alice": [error_frame("banned", "This address is banned.")]}
    assert harness.stops == []
    harness.hub.access.unban("192.0.2.1")
    assert harness["alice"].ask(create("hi")) == [message_frame("alice", "hi")]


def test_messages_above_the_rate_are_rejected_until_the_next_second() -> None:
    harness = Harness("alice", max_rate=2)
    error = error_frame("rate_limited", "Too many messages; the maximum is 2 per second on one connection.")

    assert [harness["alice"].ask("{")[0]["d"]["code"] for _ in range(4)] == ["invalid_json"] * 4
    assert harness["alice"].ask(create("hi")) == [error]
    assert harness["alice"].ask(b"") == [error]
    harness.clock.advance(0.5)
    assert harness["alice"].ask(create("hi")) == [message_frame("alice", "hi")]


SHELL = len(json.dumps(create("")))


@pytest.mark.parametrize(("character", "size"), [("a", 1), ("é", 2), ("😀", 4)])
def test_longest_content_leaves_space_for_the_envelope(character: str, size: int) -> None:
    harness = Harness("alice", max_frame=4096)
    limit = 4096 - ENVELOPE_OVERHEAD_BYTES
    longest = character * ((limit - SHELL) // size)

    def sent(content: str) -> list[Frame]:
        return harness["alice"].ask(json.dumps(create(content), ensure_ascii=False))

    assert sent(longest) == [message_frame("alice", longest)]
    too_large = error_frame("too_large", f"Message too large to be delivered; the maximum is {limit} bytes.")
    assert sent(longest + character) == [too_large]
    assert sent("!msg alice " + longest) == [too_large]


def test_unexpected_exception_is_logged_once_and_reported_and_the_session_continues(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    harness = Harness("alice")

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as context:
        context.setattr(harness.hub, "publish", broken)
        frames = harness["alice"].ask(create("hi"))

    assert frames == [error_frame("internal", "Internal server error; see the server's log.")]
    (record,) = caplog.records
    assert record.getMessage() == f"session {harness['alice'].peer.session.id}: a request failed"
    assert record.exc_info is not None
    caplog.clear()
    assert harness["alice"].ask(create("hi")) == [message_frame("alice", "hi")]


def test_closing_a_session_twice_is_idempotent() -> None:
    harness = Harness("alice", "bob")

    harness["alice"].close()
    harness["alice"].peer.on_close()
    harness["alice"].send(create("hi"))

    assert harness.hub.session_count() == 1


def test_requests_without_plugins_need_no_event_loop() -> None:
    assert Harness("alice")["alice"].ask(create("!me")) == [server("You are alice, in general.")]
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()


TEXTS = st.text(max_size=20)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
    | st.sampled_from([1, 3, 4, 1.0, KEY, "!join", "alice", "general"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
COMMANDS = st.builds(
    lambda name, words, gap: "!" + name + gap + gap.join(words),
    st.sampled_from([*BUILT_INS, "x", "1"]),
    st.lists(TEXTS | st.sampled_from(["alice", "general", '"', "'", '"a b"', f'"{KEY}"', "!"]), max_size=3),
    st.sampled_from([" ", "  ", "\n", "\u3000", ""]),
)
REQUESTS_SENT = st.fixed_dictionaries(
    {"op": st.sampled_from([1, 1, 1, 3, 4, 0, 7.0])},
    optional={
        "d": st.fixed_dictionaries({}, optional={"content": COMMANDS | TEXTS | VALUES, "key": VALUES})
        | VALUES
    },
)


@settings(max_examples=examples(600))
@given(text=st.text() | VALUES.map(json.dumps))
def test_any_text_gets_exactly_one_error(text: str) -> None:
    harness = Harness("alice", "bob")

    frames = harness["alice"].ask(text)

    assert [frame["op"] for frame in frames] == [5]
    assert harness.take() == {}


@settings(max_examples=examples(600))
@given(requests=st.lists(REQUESTS_SENT | COMMANDS.map(create), min_size=1, max_size=6), named=st.booleans())
def test_nearly_valid_requests_never_fail(requests: list[Any], named: bool) -> None:
    harness = Harness("bob", *(["alice"] if named else []))
    harness["bob"].peer.is_admin = True

    for request in requests:
        for name in ("alice", "bob"):
            frames = harness[name].ask(request)
            assert all(frame["d"]["code"] != "internal" for frame in frames if frame["op"] == 5)
            assert all(len(frame["d"]["error"]) <= ERROR_LENGTH for frame in frames if frame["op"] == 5)
            assert frames or "shutdown" in str(request) or KEY in str(request) or is_sent_to_others(request)


def is_sent_to_others(request: Any) -> bool:
    """Return whether the request has no response, because its key is correct."""
    return isinstance(request, dict) and request.get("op") == 3


@settings(max_examples=examples(600))
@given(request_=REQUESTS_SENT | VALUES)
def test_jsonschema_and_jsonschema_rs_agree(request_: Any) -> None:
    for row in REQUESTS.values():
        assert SCHEMA_SET.validator(row.schema)(request_) == reference(SCHEMA_SET, row.schema).is_valid(
            request_
        )
