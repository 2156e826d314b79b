"""Errors of the functions protocol: codes and texts; the call has no effect, the session continues."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from functions_harness import KEY, RETRIEVE, URL, Harness, at, call, custom, done, error_frame, send
from harness import Frame, Step, sends, time_passes

from chateau.hub.errors import Unavailable
from chateau.hub.session import Session
from chateau.protocols.functions import CUSTOM_BYTES, ECHO_LIMIT, FUNCTIONS, NAME_BYTES
from chateau.protocols.json_peer import Request
from chateau.protocols.transport import ENVELOPE_OVERHEAD_BYTES

LIST = ", ".join(FUNCTIONS)

UNREADABLE = [
    pytest.param(
        "{",
        error_frame(None, "invalid_json", "Invalid JSON: unexpected end of data at line 1, column 2."),
        id="half",
    ),
    pytest.param(
        "[]",
        error_frame(None, "not_an_object", "A message must be a JSON object, not an array."),
        id="another JSON value",
    ),
    pytest.param(
        '{"function": "set_privacy", "function": "ban_ip"}',
        error_frame(None, "invalid_json", 'Invalid JSON: duplicate key "function".'),
        id="a key twice",
    ),
    pytest.param(
        b"{}",
        error_frame(None, "binary_frame", "Binary frames are not supported; send a text frame."),
        id="a binary frame",
    ),
    pytest.param(
        call("fly", callback="c"),
        error_frame("fly", "unknown_type", f'Unknown function "fly"; expected one of {LIST}.', "c"),
        id="an unknown function",
    ),
    pytest.param(
        {"callback": "c"},
        error_frame(None, "unknown_type", f'"function" is missing; expected one of {LIST}.', "c"),
        id="no function",
    ),
    *(
        pytest.param(
            {"function": value, "callback": value},
            error_frame(None, "unknown_type", f"{shown}; expected one of {LIST}."),
            id=f"{value} for a function and a callback",
        )
        for value, shown in [
            (None, "Unknown function null"),
            (7, "Unknown function 7"),
            (True, "Unknown function true"),
            (["ban_ip"], '"function" is an array'),
            ({}, '"function" is an object'),
        ]
    ),
    pytest.param(
        call("f" * ECHO_LIMIT, callback="c" * ECHO_LIMIT),
        error_frame(
            "f" * ECHO_LIMIT, "unknown_type", f'Unknown function "{"f" * 58}…; expected one of {LIST}.'
        )
        | {"callback": "c" * ECHO_LIMIT},
        id="a long name and a long callback come back",
    ),
    pytest.param(
        call("f" * (ECHO_LIMIT + 1), callback="c" * (ECHO_LIMIT + 1)),
        error_frame(None, "unknown_type", f'Unknown function "{"f" * 58}…; expected one of {LIST}.'),
        id="longer ones do not",
    ),
]


@pytest.mark.parametrize(("request_", "response"), UNREADABLE)
def test_invalid_call_is_rejected(request_: Any, response: Frame) -> None:
    harness = Harness("a", "b")

    harness.play([sends("a", request_, a=[response])])


BREACHES = [
    (call("send_message", message="hi"), "", '"recipient_ids" is missing from the message.'),
    (call("send_message", recipient_ids=[]), "", '"message" is missing from the message.'),
    (send("1", message=7), "/message", '"message" must be of the type string.'),
    (send("1", message=None), "/message", '"message" must be of the type string.'),
    (send(*["1"] * 1001), "/recipient_ids", '"recipient_ids" must have at most 1000 items; it has 1001.'),
    (
        send(message="hi") | {"recipient_ids": "1"},
        "/recipient_ids",
        '"recipient_ids" must be of the type array.',
    ),
    (send("1", -1), "/recipient_ids/1", None),
    (send(1.5), "/recipient_ids/0", None),
    (send(True), "/recipient_ids/0", None),
    (send(None), "/recipient_ids/0", None),
    (send(["1"]), "/recipient_ids/0", None),
    (send(2**53), "/recipient_ids/0", None),
    (send(1e300), "/recipient_ids/0", None),
    (send("1", secret_key=None), "/secret_key", '"secret_key" must be of the type string.'),
    (
        send("1", secret_key="x" * 1025),
        "/secret_key",
        '"secret_key" must have at most 1024 characters; it has 1025.',
    ),
    (send("1", callback=1), "/callback", '"callback" must be of the type string.'),
    (
        send("1", callback="x" * 1025),
        "/callback",
        '"callback" must have at most 1024 characters; it has 1025.',
    ),
    (call("set_custom_variables"), "", '"custom_variables" is missing from the message.'),
    (
        call("set_custom_variables", custom_variables=[]),
        "/custom_variables",
        '"custom_variables" must be of the type object.',
    ),
    (call("set_privacy"), "", '"privacy" is missing from the message.'),
    (call("set_privacy", privacy="Public"), "/privacy", None),
    (call("set_privacy", privacy="public\n"), "/privacy", None),
    (call("allow_ip"), "", '"ip" is missing from the message.'),
    (call("block_ip", ip=1), "/ip", '"ip" must be of the type string.'),
    (call("ban_ip", ip="127.0.0.1"), "", '"secret_key" is missing from the message.'),
    (call("unban_ip", secret_key=KEY), "", '"ip" is missing from the message.'),
    *(
        (
            call(function, ip=ip, secret_key=KEY),
            "/ip",
            f'"{ip}" is neither an IP address nor a range such as 192.0.2.0/24.',
        )
        for function in ("allow_ip", "block_ip", "ban_ip", "unban_ip")
        for ip in ("", "localhost", "127.0.0.1 ", "127.0.0.1/33", "1", "\u0661.1.1.1", "192.0.2.1-9", "\x00")
    ),
]


@pytest.mark.parametrize(("request_", "path", "sentence"), BREACHES, ids=str)
def test_schema_violation_is_rejected_with_its_path(request_: Frame, path: str, sentence: str | None) -> None:
    harness = Harness("a", "b")
    function = request_["function"]

    response = harness["a"].ask({"callback": "c"} | request_)

    expected = error_frame(function, "invalid_message", sentence or response["error"], response["callback"])
    assert response == expected | {"path": path, "schema": f"{URL}/{function}-request.json"}
    assert response["callback"] == ("" if path == "/callback" else "c")
    assert harness.take() == {}


WRONG = "The secret key is wrong."

KEYED = [
    send("1"),
    RETRIEVE,
    call("ban_ip", ip="192.0.2.2"),
    call("unban_ip", ip="192.0.2.2"),
]


@pytest.mark.parametrize("request_", KEYED, ids=lambda request_: request_["function"])
@pytest.mark.parametrize("key", ["Swordfish", "x", KEY + "\0", "é", " "])
def test_wrong_key_is_rejected_without_effect(request_: Frame, key: str) -> None:
    function = request_["function"]
    ask = request_ | {"secret_key": key, "callback": "c"}

    Harness("a", "b").play(
        [
            *[sends("a", ask, a=[error_frame(function, "access_denied", WRONG, "c")])] * 5,
            sends("a", ask),  # it waits for its turn
            time_passes(1.0, a=[error_frame(function, "access_denied", WRONG, "c")]),
            sends("b", send("0"), b=[done("send_message", sender=at(1), message="hi")], a=[received(1)]),
        ]
    )


def received(number: int, message: str = "hi") -> Frame:
    return {"function": "send_message", "sender": at(number), "message": message}


def test_empty_key_is_ignored_when_optional_and_wrong_when_required() -> None:
    Harness("a").play(
        [
            *[
                sends(
                    "a",
                    call("ban_ip", ip="192.0.2.2", secret_key=""),
                    a=[error_frame("ban_ip", "access_denied", WRONG)],
                )
            ]
            * 5,
            sends("a", RETRIEVE | {"secret_key": ""}, a=[done("retrieve_clients", clients={"0": at(0)})]),
            sends("a", send(secret_key=""), a=[done("send_message", sender=at(0), message="hi")]),
        ]
    )


def test_key_can_be_tried_again_after_a_minute() -> None:
    harness = Harness("a")
    for _ in range(5):
        assert harness["a"].ask(RETRIEVE | {"secret_key": "x"})["code"] == "access_denied"

    harness.clock.advance(60)

    assert "clients" in harness["a"].ask(RETRIEVE | {"secret_key": KEY})


@pytest.mark.parametrize("request_", KEYED, ids=lambda request_: request_["function"])
def test_server_without_a_secret_key_rejects_every_key(request_: Frame) -> None:
    harness = Harness("a", "b", secret_key=None)

    assert harness["a"].ask(request_ | {"secret_key": KEY})["code"] == "access_denied"
    assert harness.take() == {}


def test_wrong_key_is_reported_before_an_invalid_address() -> None:
    assert Harness("a")["a"].ask(call("ban_ip", ip="?", secret_key="x"))["code"] == "access_denied"


def test_rules_above_the_limit_are_rejected() -> None:
    harness = Harness("a")
    for number in range(1000):
        harness["a"].ask(call("allow_ip", ip=f"10.0.{number // 256}.{number % 256}"))

    response = harness["a"].ask(call("allow_ip", ip="192.0.2.9", callback="c"))

    assert response == error_frame(
        "allow_ip", "access_denied", "A client may have 1000 addresses of each kind.", "c"
    )


TOO_MANY = "Too many messages; the maximum is 1 per second on one connection."

RATES: list[Step] = [
    sends(
        "a",
        "{",
        a=[error_frame(None, "invalid_json", "Invalid JSON: unexpected end of data at line 1, column 2.")],
    ),
    sends(
        "a", b"", a=[error_frame(None, "binary_frame", "Binary frames are not supported; send a text frame.")]
    ),
    sends("a", send("1", callback="c"), a=[error_frame("send_message", "rate_limited", TOO_MANY, "c")]),
    sends("a", "[]", a=[error_frame(None, "rate_limited", TOO_MANY)]),
    sends("a", b"", a=[error_frame(None, "rate_limited", TOO_MANY)]),
    sends("b", send("0"), b=[done("send_message", sender=at(1), message="hi")], a=[received(1)]),
]


def test_rate_limit_applies_per_connection_and_recovers() -> None:
    harness = Harness("a", "b", max_rate=1)
    harness.play(RATES)

    harness.clock.advance(1)

    assert harness["a"].ask(send()) == done("send_message", sender=at(0), message="hi")


# Size


def variables(size: int) -> Frame:
    """Return custom variables of *size* bytes of JSON."""
    return {"x": "é" * ((size - 8) // 2) + "e" * (size % 2)}


def test_custom_variables_above_16_kib_are_rejected_and_not_merged() -> None:
    harness = Harness("a")
    full = variables(CUSTOM_BYTES)
    error = "All custom variables may have 16384 bytes of JSON; these have {}."

    assert harness["a"].ask(custom(**full)) == done("set_custom_variables", custom_variables=full)
    for wrong, size in ((custom(y=1), 16_390), (custom(**variables(CUSTOM_BYTES + 1)), 16_385)):
        response = harness["a"].ask(wrong)
        assert response == error_frame("set_custom_variables", "too_large", error.format(size))
    assert harness["a"].ask(custom(name="Bob", x=1))["custom_variables"] == {"x": 1, "name": "Bob"}


def test_name_in_rejected_variables_is_not_registered() -> None:
    harness = Harness("a")

    assert harness["a"].ask(custom(name="Bob", **variables(CUSTOM_BYTES)))["code"] == "too_large"
    assert harness.hub.usernames() == []
    assert harness["a"].ask(RETRIEVE)["clients"] == {"0": at(0)}


@pytest.mark.parametrize("depth", [1, 100, *range(240, 260), 400, 900])
@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_custom_variables_are_accepted_up_to_the_maximum_depth(depth: int, brackets: str) -> None:
    harness = Harness("a", "b")
    opening = "[" if brackets == "[]" else '{"x":'
    middle, closing = ("[]", "]") if brackets == "[]" else ("{}", "}")
    nest = opening * (depth - 1) + middle + closing * (depth - 1)

    response = harness["a"].ask(json.dumps(custom(x="nest")).replace('"nest"', nest))

    assert ("error" in response) == (depth > 250)
    if "error" in response:
        expected = "The custom variables are nested too deeply: a value may have 250 levels."
        assert response == error_frame("set_custom_variables", "too_large", expected)
    assert "clients" in harness["b"].ask(RETRIEVE)
    harness["a"].send(send("1", "0"))
    assert [len(frames) for frames in harness.take().values()] == [2, 1]


MAX_FRAME = 32_768


@pytest.mark.parametrize("escaped", [False, True])
@pytest.mark.parametrize("ids", [["1"], ["1", "7"], ["7"], []])
def test_message_must_fit_into_a_frame_with_card_and_recipients(ids: list[str], escaped: bool) -> None:
    harness = Harness("a", "b", max_frame=MAX_FRAME)
    card = json.dumps(at(0), separators=(",", ":"))
    limit = MAX_FRAME - ENVELOPE_OVERHEAD_BYTES - len(card) - NAME_BYTES * len(ids)
    letter = "\0" if escaped else "é"
    size = len(json.dumps(letter)) - 2 if escaped else 2
    fits = letter * ((limit - 2) // size)

    response = harness["a"].ask(send(*ids, message=fits + "." * size))
    expected = f"To {len(ids)} recipients a message of yours may have {limit} bytes of JSON."
    assert response == error_frame("send_message", "too_large", expected)
    assert harness.take() == {}

    harness["a"].send(send(*ids, message=fits))
    assert "error" not in harness["a"].mailbox.take()[0]
    assert [frame["message"] for frame in harness["b"].mailbox.take()] == ([fits] if "1" in ids else [])


def test_longest_message_fits_into_a_chateau_frame() -> None:
    harness = Harness("a", max_frame=MAX_FRAME)
    wide_names = [chr(0x20000 + number) * 32 for number in range(50)]  # four bytes each
    users = [harness.chateau_user(name) for name in wide_names]
    harness["a"].ask(custom(**variables(10_000)))
    ids = [user.peer.session.id for user in users]
    limit = int(harness["a"].ask(send(*ids, message="x" * MAX_FRAME))["error"].split()[-4])

    harness["a"].ask(send(*ids, message="x" * (limit - 2)))

    assert len(users[0].mailbox.payloads[0]) <= MAX_FRAME


def test_error_of_a_long_message_does_not_reveal_private_clients() -> None:
    harness = Harness("a", "b", max_frame=MAX_FRAME)
    harness["b"].ask(custom(name="𠀀" * 32))
    harness["b"].ask(call("set_privacy", privacy="private"))

    errors = {
        harness["a"].ask(send(id_, message="x" * MAX_FRAME))["error"] for id_ in ("1", "7", "nobody", "0")
    }

    assert len(errors) == 1


def test_many_recipients_are_rejected_when_frames_are_small() -> None:
    harness = Harness("a", max_frame=4096)

    assert harness["a"].ask(send("7", message="hi"))["undelivered"] == ["7"]
    expected = "To 1000 recipients a message of yours may have 0 bytes of JSON."
    assert harness["a"].ask(send(*range(1000))) == error_frame("send_message", "too_large", expected)


# Unexpected exceptions


def test_unexpected_exception_is_logged_once_and_the_session_continues(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    harness = Harness("a")
    row, is_valid = harness.protocol.rows["set_privacy"]

    def fail(peer: object, request: object) -> Frame:
        raise RuntimeError("odd")

    monkeypatch.setitem(harness.protocol.rows, "set_privacy", (Request(row.schema, fail), is_valid))
    response = harness["a"].ask(call("set_privacy", privacy="public", callback="c"))

    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "session 0: a request failed")
    caplog.clear()
    expected = "Internal server error; see the server's log."
    assert response == error_frame("set_privacy", "internal", expected, "c")
    assert "clients" in harness["a"].ask(RETRIEVE)


def test_call_is_rejected_without_effect_when_names_are_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    harness = Harness("a")
    harness["a"].ask(custom(name="Bob"))
    register = harness.hub.register

    def unavailable(session: Session, username: str) -> None:
        if username != "Bob":
            raise Unavailable("The other nodes cannot be reached.")
        register(session, username)

    monkeypatch.setattr(harness.hub, "register", unavailable)
    response = harness["a"].ask(custom(name="Rob", x=1))

    assert response == error_frame(
        "set_custom_variables", "unavailable", "The other nodes cannot be reached."
    )
    assert harness["a"].ask(RETRIEVE)["clients"] == {"0": at(0, name="Bob")}
    assert harness.hub.usernames() == ["Bob"]


@pytest.mark.parametrize("size", [4096, 4097, 1_000_000])
def test_long_call_above_the_rate_is_not_read_for_its_callback(size: int) -> None:
    harness = Harness("a", max_rate=1)
    for _ in range(2):
        harness["a"].ask({"function": "retrieve_clients"})

    response = harness["a"].ask('{"function": "retrieve_clients", "callback": "c"}'.ljust(size))

    assert response["code"] == "rate_limited"
    assert response["callback"] == ("c" if size == 4096 else "")
