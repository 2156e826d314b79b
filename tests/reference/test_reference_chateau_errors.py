"""The chateau protocol responds with the errors that the reference shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from chateau_harness import LIST, SCHEMA_SET, Harness, register
from made_pages import sources
from situations import RATE, WorkingStore, error_text, listed, nothing, situation, too_many_guesses

from chateau.protocols import chateau
from chateau.protocols.chateau import REQUESTS
from chateau.protocols.chateau_errors import ERRORS
from chateau.protocols.error_catalog import ANY
from chateau.reference.messages import ErrorEncoder

NEEDS_NO_NAME = ("register-request", ANY)


def lobby(harness: Harness) -> None:
    """Let bob join the lobby."""
    harness["bob"].send(register("bob"))
    harness.hub.join(harness["bob"].peer.session, "lobby")


def coco(harness: Harness) -> None:
    """Let bob join the room coco."""
    harness["bob"].send(register("bob"))
    harness.hub.join(harness["bob"].peer.session, "coco")


def inside(harness: Harness) -> None:
    """Let alice join the lobby, too."""
    harness.hub.join(harness["alice"].peer.session, "lobby")


def closed(harness: Harness) -> None:
    lobby(harness)
    inside(harness)
    harness.hub.rooms.close("lobby")


def entry(act: Callable[[Harness], object]) -> Callable[[Harness], None]:
    def prepare(harness: Harness) -> None:
        lobby(harness)
        act(harness)

    return prepare


def failing(to: str) -> Callable[[Harness], None]:
    def prepare(harness: Harness) -> None:
        inside(harness)
        harness.store.fails_to = to

    return prepare


def broken(harness: Harness) -> None:
    harness.hub.usernames = lambda *_: 1 / 0


def nameless(harness: Harness) -> None:
    harness.hub.unregister(harness["alice"].peer.session)


def ban(harness: Harness) -> None:
    harness.hub.access.ban("192.0.2.1")


def hurry(harness: Harness) -> None:
    for _ in range(2 * RATE):
        harness["alice"].send(LIST)


def guessed(harness: Harness) -> None:
    harness.hub.rooms.lock("lobby", "swordfish")
    too_many_guesses(harness.hub, harness["alice"].peer.session.address)


SITUATIONS: dict[str, Callable[[Harness], None]] = {
    "register-request | another script": lambda harness: harness["bob"].send(register("coco")),
    "join-request | another script": coco,
    "is taken": lambda harness: harness["bob"].send(register("alice")),
    "already registered": lambda harness: harness["alice"].send(register("alice")),
    "Register a username first": nameless,
    "Nobody is registered": nothing,
    "maximum is .* bytes": entry(inside),
    "join-request | is closed": entry(lambda harness: harness.hub.rooms.close("lobby")),
    "is closed": closed,
    "Too many wrong keys": entry(guessed),
    "is locked": entry(lambda harness: harness.hub.rooms.lock("lobby", "swordfish")),
    "You are banned": entry(lambda harness: (inside(harness), harness.hub.rooms.ban("lobby", "alice"))),
    "already in the room": inside,
    "You are not in the room": lobby,
    "There is no room": nothing,
    "delivered but could not": failing("commit"),
    "cannot be stored right now": failing("store"),
    "cannot be read right now": failing("read"),
    "This address is banned": ban,
    "Too many messages": hurry,
    "Internal server error": broken,
    "": nothing,
}


@pytest.mark.parametrize(("name", "number"), listed(ERRORS))
def test_a_request_gets_the_error_that_the_reference_shows(
    name: str, number: int, caplog: pytest.LogCaptureFixture
) -> None:
    case = ERRORS[name][number]
    example = None if name == ANY else SCHEMA_SET.schemas[name]["examples"][0]
    (row,) = ErrorEncoder.of_protocol(sources(), chateau.SPEC).rows((case,), example)
    request = example if case.sent is None else case.sent
    sentence = error_text(case, request, SCHEMA_SET)
    store = WorkingStore()
    harness = Harness(*(() if name in NEEDS_NO_NAME else ("alice",)), store=store, max_rate=RATE)
    _ = harness["alice"]
    situation(SITUATIONS, name, sentence)(harness)
    if row.code == "internal":
        harness.hub.register(harness["alice"].peer.session, "alice")
    harness.take()

    harness["alice"].send(sent_for(row.code, request))
    store.fail_commits()

    (response,) = [frame for frame in harness.take()["alice"] if not {"sender", "event"} & frame.keys()]
    assert response == json.loads(row.response)
    assert response["code"] == row.code


def sent_for(code: str, request: Any) -> Any:
    """Return the frame for *request*; the page omits the content of a frame that is too large."""
    if code == "binary_frame":
        return b"\0"
    return request | {"content": "x" * 1_047_000} if code == "too_large" else request


def test_every_request_has_errors() -> None:
    assert ERRORS.keys() == {row.schema for row in REQUESTS.values()} | {ANY}


def test_every_code_of_the_schema_is_an_error() -> None:
    codes = {
        case.make_error(case.sent or SCHEMA_SET.schemas[name]["examples"][0], SCHEMA_SET).code
        for name, cases in ERRORS.items()
        for case in cases
        if name or case.sent
    } | {"binary_frame"}

    assert codes == set(SCHEMA_SET.schemas["error-response"]["properties"]["code"]["enum"])
