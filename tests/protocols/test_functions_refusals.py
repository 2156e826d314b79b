"""What functions refuses: every code, with its sentence; nothing of it is done, and the session goes on."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from functions_harness import KEY, RETRIEVE, URL, Harness, at, call, custom, done, no, send
from harness import Frame, Step, says

from chateau.hub.errors import Unavailable
from chateau.hub.session import Session
from chateau.protocols.functions import CUSTOM_BYTES, ECHO_LIMIT, FUNCTIONS, NAME_BYTES
from chateau.protocols.json_peer import Request
from chateau.protocols.transport import ENVELOPE_OVERHEAD_BYTES

LIST = ", ".join(FUNCTIONS)

UNREADABLE = [
    pytest.param(
        "{",
        no(None, "invalid_json", "Invalid JSON: unexpected end of data at line 1, column 2."),
        id="half",
    ),
    pytest.param(
        "[]",
        no(None, "not_an_object", "A message must be a JSON object, not an array."),
        id="another JSON value",
    ),
    pytest.param(
        '{"function": "set_privacy", "function": "ban_ip"}',
        no(None, "invalid_json", 'Invalid JSON: duplicate key "function".'),
        id="a key twice",
    ),
    pytest.param(
        b"{}",
        no(None, "binary_frame", "Binary frames are not supported; send a text frame."),
        id="a binary frame",
    ),
    pytest.param(
        call("fly", callback="c"),
        no("fly", "unknown_type", f'Unknown function "fly"; expected one of {LIST}.', "c"),
        id="an unknown function",
    ),
    pytest.param(
        {"callback": "c"},
        no(None, "unknown_type", f'"function" is missing; expected one of {LIST}.', "c"),
        id="no function",
    ),
    *(
        pytest.param(
            {"function": value, "callback": value},
            no(None, "unknown_type", f"{shown}; expected one of {LIST}."),
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
        no("f" * ECHO_LIMIT, "unknown_type", f'Unknown function "{"f" * 58}…; expected one of {LIST}.')
        | {"callback": "c" * ECHO_LIMIT},
        id="a long name and a long callback come back",
    ),
    pytest.param(
        call("f" * (ECHO_LIMIT + 1), callback="c" * (ECHO_LIMIT + 1)),
        no(None, "unknown_type", f'Unknown function "{"f" * 58}…; expected one of {LIST}.'),
        id="longer ones do not",
    ),
]


@pytest.mark.parametrize(("request_", "answer"), UNREADABLE)
def test_what_is_no_call_is_refused(request_: Any, answer: Frame) -> None:
    harness = Harness("a", "b")

    harness.play([says("a", request_, a=[answer])])


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
def test_what_the_schema_does_not_allow_is_refused_with_its_place(
    request_: Frame, path: str, sentence: str | None
) -> None:
    harness = Harness("a", "b")
    function = request_["function"]

    answer = harness["a"].ask({"callback": "c"} | request_)

    expected = no(function, "invalid_message", sentence or answer["error"], answer["callback"])
    assert answer == expected | {"path": path, "schema": f"{URL}/{function}-request.json"}
    assert answer["callback"] == ("" if path == "/callback" else "c")
    assert harness.take() == {}


WRONG = "The secret key is wrong."
LOCKED_OUT = "Too many wrong keys came from this address: try again in a minute."

KEYED = [
    send("1"),
    RETRIEVE,
    call("ban_ip", ip="192.0.2.2"),
    call("unban_ip", ip="192.0.2.2"),
]


@pytest.mark.parametrize("request_", KEYED, ids=lambda request_: request_["function"])
@pytest.mark.parametrize("key", ["Swordfish", "x", KEY + "\0", "é", " "])
def test_a_wrong_key_is_refused_and_nothing_done(request_: Frame, key: str) -> None:
    function = request_["function"]
    ask = request_ | {"secret_key": key, "callback": "c"}

    Harness("a", "b").play(
        [
            *[says("a", ask, a=[no(function, "access_denied", WRONG, "c")])] * 5,
            says("a", ask, a=[no(function, "rate_limited", LOCKED_OUT, "c")]),
            says("a", ask | {"secret_key": KEY}, a=[no(function, "rate_limited", LOCKED_OUT, "c")]),
            says("b", send("0"), b=[done("send_message", sender=at(1), message="hi")], a=[heard(1)]),
        ]
    )


def heard(number: int, message: str = "hi") -> Frame:
    return {"function": "send_message", "sender": at(number), "message": message}


def test_an_empty_key_is_none_where_one_is_optional_and_wrong_where_it_is_not() -> None:
    Harness("a").play(
        [
            *[
                says(
                    "a",
                    call("ban_ip", ip="192.0.2.2", secret_key=""),
                    a=[no("ban_ip", "access_denied", WRONG)],
                )
            ]
            * 5,
            says("a", RETRIEVE | {"secret_key": ""}, a=[done("retrieve_clients", clients={"0": at(0)})]),
            says("a", send(secret_key=""), a=[done("send_message", sender=at(0), message="hi")]),
        ]
    )


def test_after_a_minute_the_key_can_be_tried_again() -> None:
    harness = Harness("a")
    for _ in range(6):
        answer = harness["a"].ask(RETRIEVE | {"secret_key": "x"})
    assert answer["code"] == "rate_limited"

    harness.clock.advance(61)

    assert "clients" in harness["a"].ask(RETRIEVE | {"secret_key": KEY})


@pytest.mark.parametrize("request_", KEYED, ids=lambda request_: request_["function"])
def test_in_a_house_without_a_key_no_key_is_right(request_: Frame) -> None:
    harness = Harness("a", "b", secret_key=None)

    assert harness["a"].ask(request_ | {"secret_key": KEY})["code"] == "access_denied"
    assert harness.take() == {}


def test_a_wrong_key_tells_nothing_of_the_address_that_is_to_be_banned() -> None:
    assert Harness("a")["a"].ask(call("ban_ip", ip="?", secret_key="x"))["code"] == "access_denied"


def test_more_rules_than_a_client_may_have_are_refused() -> None:
    harness = Harness("a")
    for number in range(1000):
        harness["a"].ask(call("allow_ip", ip=f"10.0.{number // 256}.{number % 256}"))

    answer = harness["a"].ask(call("allow_ip", ip="192.0.2.9", callback="c"))

    assert answer == no("allow_ip", "access_denied", "A client may have 1000 addresses of each kind.", "c")


TOO_MANY = "Too many messages; the maximum is 1 per second on one connection."

RATES: list[Step] = [
    says(
        "a",
        "{",
        a=[no(None, "invalid_json", "Invalid JSON: unexpected end of data at line 1, column 2.")],
    ),
    says("a", b"", a=[no(None, "binary_frame", "Binary frames are not supported; send a text frame.")]),
    says("a", send("1", callback="c"), a=[no("send_message", "rate_limited", TOO_MANY, "c")]),
    says("a", "[]", a=[no(None, "rate_limited", TOO_MANY)]),
    says("a", b"", a=[no(None, "rate_limited", TOO_MANY)]),
    says("b", send("0"), b=[done("send_message", sender=at(1), message="hi")], a=[heard(1)]),
]


def test_messages_beyond_the_rate_are_refused_on_their_connection_and_come_through_later() -> None:
    harness = Harness("a", "b", max_rate=1)
    harness.play(RATES)

    harness.clock.advance(1)

    assert harness["a"].ask(send()) == done("send_message", sender=at(0), message="hi")


# Size


def variables(size: int) -> Frame:
    """Custom variables of so many bytes of JSON."""
    return {"x": "é" * ((size - 8) // 2) + "e" * (size % 2)}


def test_custom_variables_may_have_16_kib_in_all_and_what_is_too_much_is_not_merged() -> None:
    harness = Harness("a")
    full = variables(CUSTOM_BYTES)
    error = "All custom variables may have 16384 bytes of JSON; these have {}."

    assert harness["a"].ask(custom(**full)) == done("set_custom_variables", custom_variables=full)
    for wrong, size in ((custom(y=1), 16_390), (custom(**variables(CUSTOM_BYTES + 1)), 16_385)):
        answer = harness["a"].ask(wrong)
        assert answer == no("set_custom_variables", "too_large", error.format(size))
    assert harness["a"].ask(custom(name="Bob", x=1))["custom_variables"] == {"x": 1, "name": "Bob"}


def test_a_name_that_comes_with_too_much_is_not_registered() -> None:
    harness = Harness("a")

    assert harness["a"].ask(custom(name="Bob", **variables(CUSTOM_BYTES)))["code"] == "too_large"
    assert harness.hub.usernames() == []
    assert harness["a"].ask(RETRIEVE)["clients"] == {"0": at(0)}


@pytest.mark.parametrize("depth", [1, 100, *range(240, 260), 400, 900])
@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_custom_variables_are_taken_as_deep_as_every_frame_can_show_them(depth: int, brackets: str) -> None:
    harness = Harness("a", "b")
    opening = "[" if brackets == "[]" else '{"x":'
    middle, closing = ("[]", "]") if brackets == "[]" else ("{}", "}")
    nest = opening * (depth - 1) + middle + closing * (depth - 1)

    answer = harness["a"].ask(json.dumps(custom(x="nest")).replace('"nest"', nest))

    assert ("error" in answer) == (depth > 250)
    if "error" in answer:
        told = "The custom variables are nested too deeply: a value may have 250 levels."
        assert answer == no("set_custom_variables", "too_large", told)
    assert "clients" in harness["b"].ask(RETRIEVE)
    harness["a"].send(send("1", "0"))
    assert [len(frames) for frames in harness.take().values()] == [2, 1]


MAX_FRAME = 32_768


@pytest.mark.parametrize("escaped", [False, True])
@pytest.mark.parametrize("ids", [["1"], ["1", "7"], ["7"], []])
def test_a_message_has_to_fit_into_one_frame_with_its_sender_s_card_and_its_recipients_names(
    ids: list[str], escaped: bool
) -> None:
    harness = Harness("a", "b", max_frame=MAX_FRAME)
    card = json.dumps(at(0), separators=(",", ":"))
    limit = MAX_FRAME - ENVELOPE_OVERHEAD_BYTES - len(card) - NAME_BYTES * len(ids)
    letter = "\0" if escaped else "é"
    size = len(json.dumps(letter)) - 2 if escaped else 2
    fits = letter * ((limit - 2) // size)

    answer = harness["a"].ask(send(*ids, message=fits + "." * size))
    told = f"To {len(ids)} recipients a message of yours may have {limit} bytes of JSON."
    assert answer == no("send_message", "too_large", told)
    assert harness.take() == {}

    harness["a"].send(send(*ids, message=fits))
    assert "error" not in harness["a"].mailbox.take()[0]
    assert [frame["message"] for frame in harness["b"].mailbox.take()] == ([fits] if "1" in ids else [])


def test_the_longest_message_that_is_taken_fits_for_who_speaks_chateau_too() -> None:
    harness = Harness("a", max_frame=MAX_FRAME)
    wide_names = [chr(0x20000 + number) * 32 for number in range(50)]  # four bytes each
    users = [harness.chateau_user(name) for name in wide_names]
    harness["a"].ask(custom(**variables(10_000)))
    ids = [user.peer.session.id for user in users]
    limit = int(harness["a"].ask(send(*ids, message="x" * MAX_FRAME))["error"].split()[-4])

    harness["a"].ask(send(*ids, message="x" * (limit - 2)))

    assert len(users[0].mailbox.payloads[0]) <= MAX_FRAME


def test_whether_a_long_message_is_refused_does_not_tell_who_is_there() -> None:
    harness = Harness("a", "b", max_frame=MAX_FRAME)
    harness["b"].ask(custom(name="𠀀" * 32))
    harness["b"].ask(call("set_privacy", privacy="private"))

    errors = {
        harness["a"].ask(send(id_, message="x" * MAX_FRAME))["error"] for id_ in ("1", "7", "nobody", "0")
    }

    assert len(errors) == 1


def test_with_the_smallest_frames_many_recipients_are_too_many() -> None:
    harness = Harness("a", max_frame=4096)

    assert harness["a"].ask(send("7", message="hi"))["undelivered"] == ["7"]
    told = "To 1000 recipients a message of yours may have 0 bytes of JSON."
    assert harness["a"].ask(send(*range(1000))) == no("send_message", "too_large", told)


# What should not happen


def test_a_bug_is_logged_once_and_the_session_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    harness = Harness("a")
    row, is_valid = harness.protocol.rows["set_privacy"]

    def fail(peer: object, request: object) -> Frame:
        raise RuntimeError("odd")

    monkeypatch.setitem(harness.protocol.rows, "set_privacy", (Request(row.schema, fail), is_valid))
    answer = harness["a"].ask(call("set_privacy", privacy="public", callback="c"))

    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "session 0: a request failed")
    caplog.clear()
    told = "Internal server error; see the server's log."
    assert answer == no("set_privacy", "internal", told, "c")
    assert "clients" in harness["a"].ask(RETRIEVE)


def test_where_names_cannot_be_had_now_the_call_is_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    harness = Harness("a")
    harness["a"].ask(custom(name="Bob"))
    register = harness.hub.register

    def unavailable(session: Session, username: str) -> None:
        if username != "Bob":
            raise Unavailable("The other nodes cannot be reached.")
        register(session, username)

    monkeypatch.setattr(harness.hub, "register", unavailable)
    answer = harness["a"].ask(custom(name="Rob", x=1))

    assert answer == no("set_custom_variables", "unavailable", "The other nodes cannot be reached.")
    assert harness["a"].ask(RETRIEVE)["clients"] == {"0": at(0, name="Bob")}
    assert harness.hub.usernames() == ["Bob"]
