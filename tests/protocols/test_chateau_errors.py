"""Errors of the chateau protocol: every code with its text; the request has no effect, the session continues.

``check_sentence`` checks every error text: one sentence, at most 300 characters, at most 60 of them quoted
from the request.
"""

import json
import logging

import pytest
from chateau_harness import (
    LIST,
    ROOMS,
    SCHEMA_SET,
    UNREGISTER,
    Harness,
    LateStore,
    error_frame,
    history,
    join,
    leave,
    message,
    ok,
    publish,
    register,
    wide,
)
from harness import Frame, Step, hub_does, sends, stamp, time_passes
from quiet_store import QuietStore

from chateau.hub.errors import Unavailable
from chateau.hub.events import JoinRecord, StoredRecord
from chateau.hub.ports import Page
from chateau.protocols.chateau import REQUESTS
from chateau.protocols.transport import ENVELOPE_OVERHEAD_BYTES


def refused(name: str, text: str) -> str:
    return f'"{name}" cannot be a name: {text}.'


NO_NAMES = [
    pytest.param(" alice", "it begins or ends with a space", id="a space at the front"),
    pytest.param("alice ", "it begins or ends with a space", id="a space at the end"),
    pytest.param("alice\n", "it begins or ends with a space", id="a line's end"),
    pytest.param(" ", "it begins or ends with a space", id="nothing but a space"),
    pytest.param("al\0ice", "the character U+0000 is not allowed in it (controls)", id="a control character"),
]


@pytest.mark.parametrize(("name", "reason"), NO_NAMES)
def test_invalid_name_allows_an_immediate_retry(name: str, reason: str) -> None:
    Harness().play(
        [
            sends("alice", register(name), alice=[error_frame(1, "invalid_name", refused(name, reason))]),
            sends("alice", register("alice"), alice=[ok(1)]),
        ]
    )


ALREADY = 'This session is already registered as "Alice".'

NAMES = [
    pytest.param(
        [
            sends("alice", register("alice"), alice=[ok(1)]),
            sends(
                "bob", register("alice"), bob=[error_frame(1, "name_taken", 'The username "alice" is taken.')]
            ),
            sends("bob", register("bob"), bob=[ok(1)]),
        ],
        id="name_taken: another session has the name",
    ),
    pytest.param(
        [
            sends("alice", register("Alice"), alice=[ok(1)]),
            sends("alice", register("bob"), alice=[error_frame(1, "already_registered", ALREADY)]),
            sends("alice", register("Alice"), alice=[error_frame(1, "already_registered", ALREADY)]),
            sends("alice", LIST, alice=[ok(4, clients=["Alice"])]),
        ],
        id="already_registered: this session has a name, and keeps it",
    ),
]


@pytest.mark.parametrize("conversation", NAMES)
def test_name_errors_have_their_codes(conversation: list[Step]) -> None:
    Harness().play(conversation)


NOBODY_ZED = error_frame(3, "unknown_recipient", 'Nobody is registered as "zed".', unknown=["zed"])

RECIPIENTS = [
    pytest.param(
        [sends("alice", message("bob", "zed"), alice=[NOBODY_ZED])],
        id="one unknown name, and nothing reaches the others",
    ),
    pytest.param(
        [
            sends(
                "alice",
                message("Zed", "bob", "zoe", "Zed", "ZED"),
                alice=[
                    error_frame(
                        3,
                        "unknown_recipient",
                        'Nobody is registered as "Zed" (and 2 more).',
                        unknown=["Zed", "zoe", "ZED"],
                    )
                ],
            )
        ],
        id="several, each as it was given and once",
    ),
    pytest.param(
        [
            sends(
                "alice",
                message(" bob"),
                alice=[
                    error_frame(3, "unknown_recipient", 'Nobody is registered as " bob".', unknown=[" bob"])
                ],
            )
        ],
        id="what can be no name is nobody's",
    ),
    pytest.param(
        [
            sends("bob", UNREGISTER, bob=[ok(2)]),
            sends(
                "alice",
                message("bob"),
                alice=[
                    error_frame(3, "unknown_recipient", 'Nobody is registered as "bob".', unknown=["bob"])
                ],
            ),
        ],
        id="somebody who has just unregistered",
    ),
]


@pytest.mark.parametrize("conversation", RECIPIENTS)
def test_message_to_unknown_recipients_is_rejected(conversation: list[Step]) -> None:
    Harness("alice", "bob").play(conversation)


def test_error_lists_all_of_a_thousand_unknown_names() -> None:
    names = [f"nobody {number:025d}" for number in range(1000)]

    response = Harness("alice")["alice"].ask(message(*names))

    assert response["unknown"] == names
    assert response["error"] == f'Nobody is registered as "{names[0]}" (and 999 more).'


NO_ATTIC = 'There is no room "attic".'
NOT_IN_LOBBY = 'You are not in the room "lobby".'
LOCKED = ok(9, event="state", room="lobby", available=False, reason="The room was locked.")
LOCKED_ERROR = 'The room "lobby" is locked; its password is needed.'
CLOSED = ok(9, event="state", room="lobby", available=False, reason="The room was closed.")

ROOMS_REFUSED = [
    *(
        pytest.param(
            [sends("bob", request, bob=[error_frame(request["type"], "unknown_room", NO_ATTIC)])],
            id=f"unknown_room: {what}",
        )
        for what, request in (
            ("leaving it", leave("attic")),
            ("publishing to it", publish("attic")),
            ("asking for its history", history("attic")),
        )
    ),
    *(
        pytest.param(
            [sends("bob", request, bob=[error_frame(request["type"], "not_in_room", NOT_IN_LOBBY)])],
            id=f"not_in_room: {what}",
        )
        for what, request in (
            ("leaving it", leave("lobby")),
            ("publishing to it", publish("LOBBY")),
            ("asking for its history", history("lobby")),
        )
    ),
    pytest.param(
        [sends("bob", leave(" "), bob=[error_frame(6, "unknown_room", 'There is no room " ".')])],
        id="unknown_room: an invalid name",
    ),
    pytest.param(
        [
            sends("alice", leave("lobby"), alice=[ok(6, room="lobby")]),
            sends(
                "alice", leave("lobby"), alice=[error_frame(6, "unknown_room", 'There is no room "lobby".')]
            ),
        ],
        id="unknown_room: a room that its last member has left",
    ),
    pytest.param(
        [
            sends(
                "alice",
                join("Lobby"),
                alice=[error_frame(5, "already_in_room", 'You are already in the room "lobby".')],
            ),
            sends("alice", ROOMS, alice=[ok(9, rooms=[{"room": "lobby", "members": 1, "available": True}])]),
        ],
        id="already_in_room: joining twice, in another spelling, changes nothing",
    ),
    pytest.param(
        [
            sends(
                "bob",
                join(" attic"),
                bob=[error_frame(5, "invalid_name", refused(" attic", "it begins or ends with a space"))],
            ),
            sends("bob", ROOMS, bob=[ok(9, rooms=[{"room": "lobby", "members": 1, "available": True}])]),
        ],
        id="invalid_name: a room's name is of the same kind as a username",
    ),
    pytest.param(
        [
            hub_does("rooms.lock", "lobby", "secret", alice=[LOCKED]),
            sends("bob", join("lobby"), bob=[error_frame(5, "access_denied", LOCKED_ERROR)]),
            sends("bob", join("lobby", password=""), bob=[error_frame(5, "access_denied", LOCKED_ERROR)]),
            sends(
                "bob", join("lobby", password="secret "), bob=[error_frame(5, "access_denied", LOCKED_ERROR)]
            ),
            sends("bob", publish("lobby"), bob=[error_frame(7, "not_in_room", NOT_IN_LOBBY)]),
        ],
        id="access_denied: a locked room without its exact password",
    ),
    pytest.param(
        [
            hub_does("rooms.close", "lobby", alice=[CLOSED]),
            sends("bob", join("lobby"), bob=[error_frame(5, "access_denied", 'The room "lobby" is closed.')]),
            sends(
                "alice",
                publish("lobby"),
                alice=[error_frame(7, "access_denied", 'The room "lobby" is closed.')],
            ),
            sends("alice", history("lobby"), alice=[ok(8, room="lobby", messages=[], complete=True)]),
            sends("alice", leave("lobby"), alice=[ok(6, room="lobby")]),
            sends(
                "alice", join("lobby"), alice=[error_frame(5, "access_denied", 'The room "lobby" is closed.')]
            ),
        ],
        id="access_denied: a closed room, for who left it too; its history stays open to members",
    ),
]


@pytest.mark.parametrize("conversation", ROOMS_REFUSED)
def test_room_errors_have_their_codes(conversation: list[Step]) -> None:
    harness = Harness("alice", inside="lobby")
    harness["bob"].send(register("bob"))
    harness.take()

    harness.play(conversation)


@pytest.mark.parametrize("type_", sorted(REQUESTS.keys() - {1}))
def test_not_registered_is_the_error_of_every_type_but_1(type_: int) -> None:
    harness = Harness("alice", inside="lobby")
    (example, *_) = SCHEMA_SET.schemas[REQUESTS[type_].schema]["examples"]

    response = harness["stranger"].ask(example | {"ref": 1})

    assert response == error_frame(type_, "not_registered", "Register a username first.", ref=1)
    assert harness.take() == {}


def test_not_registered_is_the_error_after_unregistering() -> None:
    harness = Harness("alice")
    harness["alice"].send(UNREGISTER)

    assert harness["alice"].ask(UNREGISTER) == error_frame(2, "not_registered", "Register a username first.")


BANNED = "This address is banned."


def test_banned_client_gets_errors_until_unbanned() -> None:
    Harness("alice", "bob").play(
        [
            hub_does("access.ban", "192.0.2.1"),
            sends("alice", LIST | {"ref": "r"}, alice=[error_frame(4, "banned", BANNED, ref="r")]),
            sends("alice", message("bob"), alice=[error_frame(3, "banned", BANNED)]),
            sends("alice", "{", alice=[error_frame(None, "banned", BANNED)]),
            sends("alice", "[]", alice=[error_frame(None, "banned", BANNED)]),
            sends("alice", b"{}", alice=[error_frame(None, "banned", BANNED)]),
            sends("bob", LIST, bob=[ok(4, clients=["alice", "bob"])]),
            hub_does("access.unban", "192.0.2.1"),
            sends("alice", LIST, alice=[ok(4, clients=["alice", "bob"])]),
        ]
    )


def test_banned_address_stays_banned_after_reconnecting() -> None:
    Harness().play(
        [
            hub_does("access.ban", "192.0.2.1"),
            sends("alice", register("alice"), alice=[error_frame(1, "banned", BANNED)]),
        ]
    )


TOO_MANY = "Too many messages; the maximum is 2 per second on one connection."
UNFINISHED = "Invalid JSON: unexpected end of data at line 1, column 2."
BINARY = "Binary frames are not supported; send a text frame."
NO_OBJECT = "A message must be a JSON object, not an array."
LISTED = ok(4, clients=["alice", "bob"])

RATES = [
    pytest.param(
        [
            *[sends("alice", LIST, alice=[LISTED])] * 4,
            sends("alice", LIST, alice=[error_frame(4, "rate_limited", TOO_MANY)]),
            sends("bob", LIST, bob=[LISTED]),
        ],
        id="twice the rate in a burst, for each connection by itself",
    ),
    pytest.param(
        [
            *[sends("alice", LIST, alice=[LISTED])] * 4,
            time_passes(0.5),
            sends("alice", LIST, alice=[LISTED]),
            sends("alice", LIST, alice=[error_frame(4, "rate_limited", TOO_MANY)]),
            time_passes(3600),
            *[sends("alice", LIST, alice=[LISTED])] * 4,
            sends("alice", LIST, alice=[error_frame(4, "rate_limited", TOO_MANY)]),
        ],
        id="tokens come back with time, never more than twice the rate",
    ),
    pytest.param(
        [
            sends("alice", "{", alice=[error_frame(None, "invalid_json", UNFINISHED)]),
            sends("alice", b"", alice=[error_frame(None, "binary_frame", BINARY)]),
            sends("alice", "[]", alice=[error_frame(None, "not_an_object", NO_OBJECT)]),
            sends("alice", LIST, alice=[LISTED]),
            sends("alice", LIST, alice=[error_frame(4, "rate_limited", TOO_MANY)]),
        ],
        id="refused messages count too",
    ),
    pytest.param(
        [
            *[sends("alice", LIST, alice=[LISTED])] * 4,
            sends(
                "alice", publish("lobby", ref="r"), alice=[error_frame(7, "rate_limited", TOO_MANY, ref="r")]
            ),
            sends(
                "alice", {"type": 17, "ref": 3.0}, alice=[error_frame(17, "rate_limited", TOO_MANY, ref=3)]
            ),
            sends(
                "alice", {"type": "x", "ref": 65 * "r"}, alice=[error_frame(None, "rate_limited", TOO_MANY)]
            ),
            sends("alice", "{", alice=[error_frame(None, "rate_limited", TOO_MANY)]),
            sends("alice", "[]", alice=[error_frame(None, "rate_limited", TOO_MANY)]),
            sends("alice", b"\x00", alice=[error_frame(None, "rate_limited", TOO_MANY)]),
        ],
        id="the answer has type and ref where they can be read",
    ),
    pytest.param(
        [
            *[sends("alice", LIST, alice=[LISTED])] * 4,
            sends("alice", message("bob"), alice=[error_frame(3, "rate_limited", TOO_MANY)]),
            time_passes(0.5),
            sends(
                "alice",
                message("bob"),
                alice=[ok(3, **stamp(0))],
                bob=[ok(3, sender="alice", clients=["bob"], content="hi", **stamp(0))],
            ),
        ],
        id="what is refused is not done",
    ),
]


@pytest.mark.parametrize("conversation", RATES)
def test_requests_above_the_rate_are_rejected(conversation: list[Step]) -> None:
    Harness("alice", "bob", max_rate=2).play(conversation)


def test_pushes_are_not_rate_limited() -> None:
    harness = Harness("alice", "bob", max_rate=1)
    for _ in range(3):
        harness["bob"].send("")
    harness.take()

    harness["alice"].send(message("bob"))
    harness["alice"].send(message("bob"))

    assert [frame["sender"] for frame in harness.take()["bob"]] == ["alice", "alice"]


def test_fractional_rate_allows_one_message_every_four_seconds() -> None:
    harness = Harness("alice", max_rate=0.25)

    assert harness["alice"].ask(LIST)["status"] == 200
    assert harness["alice"].ask(LIST)["code"] == "rate_limited"
    harness.clock.advance(4)
    assert harness["alice"].ask(LIST)["status"] == 200


def test_rate_of_zero_means_no_limit() -> None:
    harness = Harness("alice", max_rate=0)

    assert all(harness["alice"].ask(LIST)["status"] == 200 for _ in range(1000))


MAX_FRAME = 4096
PASSED_ON = MAX_FRAME - ENVELOPE_OVERHEAD_BYTES
TOO_LONG = f"Message too large to be delivered; the maximum is {PASSED_ON} bytes."


def padded(request: Frame, *, to: int) -> str:
    """Return *request* as JSON, its content padded with two-byte letters so that the text has *to* bytes."""
    bare = json.dumps(request | {"content": ""}, ensure_ascii=False)
    missing = to - len(bare.encode())
    content = "é" * (missing // 2) + "e" * (missing % 2)
    text = json.dumps(request | {"content": content}, ensure_ascii=False)
    assert len(text.encode()) == to
    return text


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(message("bob", ref=1), id="a direct message"),
        pytest.param(publish("lobby", ref=1), id="a room message"),
    ],
)
def test_too_large_is_the_error_of_a_message_that_does_not_fit_into_a_frame(request_: Frame) -> None:
    harness = Harness("alice", "bob", inside="lobby", max_frame=MAX_FRAME)

    harness["alice"].send(padded(request_, to=PASSED_ON + 1))
    assert harness.take() == {"alice": [error_frame(request_["type"], "too_large", TOO_LONG, ref=1)]}

    harness["alice"].send(padded(request_, to=PASSED_ON))
    assert harness["bob"].mailbox.frames[0]["sender"] == "alice"
    assert all(len(payload) <= MAX_FRAME for payload in harness["bob"].mailbox.payloads)


def test_recipients_in_their_longest_spelling_fit_into_a_frame() -> None:
    names = [wide(f"{number:032d}") for number in range(60)]
    harness = Harness("alice", *names, max_frame=MAX_FRAME)

    harness["alice"].send(message(*(f"{number:032d}" for number in range(60))))

    assert harness["alice"].mailbox.frames[-1]["status"] in (200, 400)
    for client in harness.clients.values():
        assert all(len(payload) <= MAX_FRAME for payload in client.mailbox.payloads)


def test_too_large_applies_only_to_delivered_messages() -> None:
    harness = Harness("alice", max_frame=MAX_FRAME)

    assert harness["alice"].ask(json.dumps(LIST) + " " * PASSED_ON) == ok(4, clients=["alice"])


class FullStore(QuietStore):
    """A store that rejects writes and reads while it is full."""

    full = True

    def append(self, key: str, record: StoredRecord) -> None:
        if self.full and not isinstance(record, JoinRecord):
            raise Unavailable("The disk is full.")
        super().append(key, record)

    def read(self, key: str, **bounds: object) -> Page:  # type: ignore[override]
        raise Unavailable("The disk is gone.")


def test_unavailable_message_is_not_delivered_and_its_key_can_be_used_again() -> None:
    store = FullStore()
    harness = Harness("alice", "bob", inside="lobby", store=store)
    push = ok(7, sender="alice", room="lobby", content="hello, all", seq=2, **stamp(0))

    harness.play(
        [
            sends(
                "alice",
                publish("lobby", key="k", ref=1),
                alice=[error_frame(7, "unavailable", "The disk is full.", ref=1)],
            ),
            sends("alice", history("lobby"), alice=[error_frame(8, "unavailable", "The disk is gone.")]),
            sends("alice", LIST, alice=[ok(4, clients=["alice", "bob"])]),
        ]
    )
    store.full = False
    harness.play(
        [
            sends(
                "alice",
                publish("lobby", key="k"),
                alice=[push, ok(7, room="lobby", seq=2, **stamp(0))],
                bob=[push],
            )
        ]
    )


def test_unavailable_is_the_error_of_a_delivered_message_whose_commit_failed() -> None:
    store = LateStore()
    harness = Harness("alice", inside="lobby", store=store)
    harness["alice"].send(publish("lobby", ref="x"))
    harness.take()

    store.commits[0].finish(OSError("disk full"))

    sentence = "The message was delivered but could not be saved."
    assert harness.take() == {"alice": [error_frame(7, "unavailable", sentence, ref="x")]}


INTERNAL = "Internal server error; see the server's log."


def test_internal_error_is_logged_once_and_the_session_continues(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = Harness("alice", "bob")
    boom = RuntimeError("boom")

    def fail(*_: object) -> None:
        raise boom

    with monkeypatch.context() as broken:
        broken.setattr(harness.hub, "usernames", fail)
        response = harness["bob"].ask(LIST | {"ref": "r"})

    assert response == error_frame(4, "internal", INTERNAL, ref="r")
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert record.exc_info[1] is boom
    assert f"session {harness['bob'].peer.session.id}:" in record.getMessage()
    assert harness["bob"].ask(LIST) == ok(4, clients=["alice", "bob"])
    caplog.clear()


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="an empty one"),
        pytest.param(b'{"type": 4}', id="one that holds a request"),
        pytest.param(b"\xff\x00", id="one that is not text"),
    ],
)
def test_binary_frame_is_rejected(payload: bytes) -> None:
    harness = Harness("alice")

    assert harness["alice"].ask(payload) == error_frame(None, "binary_frame", BINARY)
    assert harness["alice"].ask(LIST) == ok(4, clients=["alice"])


RANGE = "expected an integer from 1 to 9."

NO_TYPES = [
    pytest.param("{}", None, f'"type" is missing; {RANGE}', id="no type"),
    pytest.param('{"Type": 4}', None, f'"type" is missing; {RANGE}', id="the key in another case"),
    pytest.param('{"type": 0}', 0, f"Unknown type 0; {RANGE}", id="0, which only a push has"),
    pytest.param('{"type": 10}', 10, f"Unknown type 10; {RANGE}", id="10"),
    pytest.param('{"type": -4}', -4, f"Unknown type -4; {RANGE}", id="a negative one"),
    pytest.param('{"type": -0.0}', 0, f"Unknown type -0.0; {RANGE}", id="negative zero"),
    pytest.param('{"type": 4.5}', None, f"Unknown type 4.5; {RANGE}", id="a fraction"),
    pytest.param('{"type": 17.0}', 17, f"Unknown type 17.0; {RANGE}", id="an integer that is written 17.0"),
    pytest.param('{"type": "4"}', None, f'Unknown type "4"; {RANGE}', id="a string"),
    pytest.param('{"type": true}', None, f"Unknown type true; {RANGE}", id="true, which is not 1"),
    pytest.param('{"type": null}', None, f"Unknown type null; {RANGE}", id="null"),
    pytest.param('{"type": 1e30}', None, f"Unknown type 1e+30; {RANGE}", id="1e30"),
    pytest.param(f'{{"type": {10**30}}}', None, f"Unknown type 1e+30; {RANGE}", id="10 to the power of 30"),
    pytest.param(
        f'{{"type": {2**64 - 1}}}',
        2**64 - 1,
        f"Unknown type 18446744073709551615; {RANGE}",
        id="the highest integer of 64 bits",
    ),
    pytest.param(
        f'{{"type": "{"x" * 1000}"}}', None, f'Unknown type "{"x" * 58}…; {RANGE}', id="a long string is cut"
    ),
]


@pytest.mark.parametrize(("text", "type_", "error"), NO_TYPES)
def test_unknown_type_is_rejected(text: str, type_: int | None, error: str) -> None:
    assert Harness("alice")["alice"].ask(text) == error_frame(type_, "unknown_type", error)


@pytest.mark.parametrize("type_", [[4], {"4": 4}])
def test_array_or_object_as_type_is_an_unknown_type(type_: object) -> None:
    response = Harness("alice")["alice"].ask({"type": type_})

    assert response == error_frame(None, "unknown_type", response["error"])
    assert response["error"].endswith(f"; {RANGE}")


def test_unknown_type_comes_before_not_registered() -> None:
    assert Harness()["stranger"].ask({"type": 10, "ref": 1})["code"] == "unknown_type"


DEEP = 1000  # levels, which the decoder accepts


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param(f'{{"type": {"[" * DEEP}{"]" * DEEP}}}', "unknown_type", id="as its type"),
        pytest.param(
            f'{{"type": 4, "deep": {"[" * DEEP}{"]" * DEEP}}}', "invalid_message", id="under a key too many"
        ),
        pytest.param(f'{{"type": 4, "ref": {"[" * DEEP}{"]" * DEEP}}}', "invalid_message", id="as its ref"),
    ],
)
def test_deeply_nested_request_is_rejected_for_its_actual_fault(text: str, code: str) -> None:
    assert Harness("alice")["alice"].ask(text)["code"] == code


JSON_KINDS = [
    pytest.param("[]", "an array", id="an array"),
    pytest.param('[{"type": 4}]', "an array", id="an array of requests"),
    pytest.param('"type"', "a string", id="a string"),
    pytest.param("4", "a number", id="an integer"),
    pytest.param("4.5", "a number", id="a fraction"),
    pytest.param("true", "a boolean", id="a boolean"),
    pytest.param("null", "null", id="null"),
]


@pytest.mark.parametrize(("text", "kind"), JSON_KINDS)
def test_json_other_than_an_object_is_rejected(text: str, kind: str) -> None:
    response = Harness("alice")["alice"].ask(text)

    assert response == error_frame(None, "not_an_object", f"A message must be a JSON object, not {kind}.")


NOT_JSON = [
    pytest.param("", id="the empty text"),
    pytest.param("hello", id="a word"),
    pytest.param("{'type': 4}", id="single quotation marks"),
    pytest.param("{type: 4}", id="keys without quotation marks"),
    pytest.param('{"type": 4,}', id="a comma too many"),
    pytest.param('{"type": 4}{"type": 4}', id="two requests in one frame"),
    pytest.param('{"type": 4', id="a request that is cut off"),
    pytest.param('{"type": NaN}', id="NaN"),
    pytest.param('{"type": 1e400}', id="a number beyond a double"),
    pytest.param(f'{{"type": 1{"0" * 400}}}', id="an integer beyond a double"),
    pytest.param('{"type": 4, "type": 4}', id="a key that is there twice"),
    pytest.param('{"type": 4, "ref": "\\ud800"}', id="an escaped lone surrogate"),
    pytest.param('{"type": 4, "ref": "\ud800"}', id="a lone surrogate"),
    pytest.param('\ufeff{"type": 4}', id="a byte order mark"),
    pytest.param("[" * 100_000, id="100,000 open arrays"),
    pytest.param('{"type":' * 100_000, id="100,000 open objects"),
    pytest.param("[" * 100_000 + "]" * 100_000, id="100,000 arrays, each in the next"),
    pytest.param('{"type": 4, "ref": ' + "9" * 100_000 + "}", id="an integer of 100,000 digits"),
]


@pytest.mark.parametrize("text", NOT_JSON)
def test_invalid_json_is_rejected(text: str) -> None:
    harness = Harness("alice")

    response = harness["alice"].ask(text)

    assert response == error_frame(None, "invalid_json", response["error"])
    assert response["error"].startswith("Invalid JSON: ")
    assert harness["alice"].ask(LIST) == ok(4, clients=["alice"])


WRONG_REFS = [
    pytest.param(65 * "r", id="65 characters"),
    pytest.param(3.5, id="a fraction"),
    pytest.param(True, id="true"),
    pytest.param(None, id="null"),
    pytest.param([], id="an array"),
    pytest.param({}, id="an object"),
    pytest.param(2**53, id="an integer that not all JSON readers agree on"),
    pytest.param(-(2**53), id="a negative one"),
    pytest.param(1e30, id="1e30"),
    pytest.param(10**30, id="10 to the power of 30"),
]


@pytest.mark.parametrize("ref", WRONG_REFS)
def test_ref_of_a_wrong_type_is_rejected_and_not_returned(ref: object) -> None:
    response = Harness("alice")["alice"].ask(LIST | {"ref": ref})

    assert response["code"] == "invalid_message"
    assert response["path"] == "/ref"
    assert "ref" not in response


@pytest.mark.parametrize("ref", WRONG_REFS)
def test_error_of_a_ref_describes_a_valid_ref(ref: object) -> None:
    response = Harness("alice")["alice"].ask(LIST | {"ref": ref})

    assert "64 characters" in response["error"]
    assert "integer" in response["error"]


@pytest.mark.parametrize("ref", ["r", "", 64 * "é", 7, 0, 3.0, 2**53 - 1, 1 - 2**53])
def test_error_response_has_the_ref_of_its_request(ref: object) -> None:
    alice = Harness("alice")["alice"]

    assert alice.ask(message("zed", ref=ref)) == NOBODY_ZED | {"ref": ref}
    assert alice.ask({"type": 10, "ref": ref})["ref"] == ref
    assert alice.ask({"type": 6, "ref": ref})["ref"] == ref


@pytest.mark.parametrize("ref", WRONG_REFS)
def test_error_response_omits_a_ref_of_a_wrong_type(ref: object) -> None:
    assert "ref" not in Harness("alice")["alice"].ask({"type": 10, "ref": ref})


EXAMPLES = {
    "name_taken": register("alice"),
    "invalid_json": '{"type":',
    "invalid_message": {"type": 1},
    "unknown_recipient": message("zed", ref=2),
}


@pytest.mark.parametrize(
    "example", SCHEMA_SET.schemas["error-response"]["examples"], ids=lambda example: str(example["code"])
)
def test_examples_of_the_error_schema_are_errors_of_the_server(example: Frame) -> None:
    harness = Harness("alice")
    who = "stranger" if example["code"] == "name_taken" else "alice"

    assert harness[who].ask(EXAMPLES[example["code"]]) == example


@pytest.mark.parametrize("size", [4096, 4097, 1_000_000])
def test_long_request_above_the_rate_is_not_read_for_its_ref(size: int) -> None:
    harness = Harness("alice", max_rate=1)
    harness["alice"].ask(LIST)
    harness["alice"].ask_all(LIST)

    response = harness["alice"].ask(json.dumps(LIST | {"ref": "r"}).ljust(size))

    assert response["code"] == "rate_limited"
    assert ("type" in response, "ref" in response) == (size == 4096,) * 2


LONG_TYPES = ["x" * 990_000, "é" * 150_000, '"' * 400_000, "\n" * 400_000, "𝄞" * 80_000]


@pytest.mark.parametrize("type_", LONG_TYPES, ids=lambda type_: ascii(type_[0]))
def test_long_type_is_cut_in_the_error(type_: str) -> None:
    response = Harness("alice")["alice"].ask({"type": type_})

    assert response["code"] == "unknown_type"
    assert response["error"] == (
        f"Unknown type {json.dumps(type_[:60], ensure_ascii=False)[:59]}…; expected an integer from 1 to 9."
    )
