"""The opcodes protocol responds with the errors that the reference shows, to ops and to commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from made_pages import sources
from opcodes_harness import SCHEMA_SET, Harness, create
from situations import RATE, TRIES, WorkingStore, error_text, listed, nothing, situation, too_many_guesses

from chateau.protocols import opcodes
from chateau.protocols.error_catalog import ANY
from chateau.protocols.opcodes import REQUESTS
from chateau.protocols.opcodes_commands import BUILT_INS
from chateau.protocols.opcodes_errors import COMMANDS, ERRORS
from chateau.reference.messages import ErrorEncoder
from chateau.reference.protocol_pages import COMMAND_EXAMPLES

ALL = {**ERRORS, **COMMANDS}


def attic(harness: Harness) -> None:
    """Let bob join the attic."""
    harness.connect_other("bob", room="attic")


def admin(harness: Harness) -> None:
    attic(harness)
    harness["alice"].peer.is_admin = True


def admin_after_a_ban(harness: Harness) -> None:
    admin(harness)
    harness.hub.rooms.ban("attic", "bob")


def lone_admin(harness: Harness) -> None:
    harness["alice"].peer.is_admin = True


def admin_without_bob(harness: Harness) -> None:
    harness.connect_other("carol", room="attic")
    harness["alice"].peer.is_admin = True


def admin_outside(harness: Harness) -> None:
    """Make alice an admin outside of all rooms."""
    harness["alice"].peer.is_admin = True
    harness.hub.leave(harness["alice"].peer.session, "general")


def nameless(harness: Harness) -> None:
    harness.hub.unregister(harness["alice"].peer.session)


def taken(harness: Harness) -> None:
    nameless(harness)
    harness.connect_other("alice")


def lookalike(harness: Harness) -> None:
    nameless(harness)
    harness.connect_other("coco")


def failing(to: str) -> Callable[[Harness], None]:
    def prepare(harness: Harness) -> None:
        admin(harness)
        harness.store.fails_to = to

    return prepare


def wrong_keys(harness: Harness) -> None:
    harness.hub.access.guesses.waiting_limit = 0
    for _ in range(TRIES):
        harness["alice"].send(create("!auth guess"))


def hurry(harness: Harness) -> None:
    for _ in range(2 * RATE):
        harness["alice"].send({"op": 4})


def broken(harness: Harness) -> None:
    harness.hub.session_count = lambda: 1 / 0


def left_out(act: Callable[[Harness], object]) -> Callable[[Harness], None]:
    def prepare(harness: Harness) -> None:
        attic(harness)
        act(harness)

    return prepare


def guessed(harness: Harness) -> None:
    harness.hub.rooms.lock("attic", "swordfish")
    too_many_guesses(harness.hub, harness["alice"].peer.session.address)


SITUATIONS: dict[str, Callable[[Harness], None]] = {
    "Register a username": nameless,
    "is taken": taken,
    "message-request | another script": lookalike,
    "join | another script": lambda harness: harness.connect_other("bob", room="coco"),
    "message-request | cannot be a name": nameless,
    "unban | cannot be a name": admin_after_a_ban,
    "cannot be a name": admin,
    "You are in no room": admin_outside,
    "message-request | is closed": lambda harness: harness.hub.rooms.close("general"),
    "is closed": left_out(lambda harness: harness.hub.rooms.close("attic")),
    "is locked": left_out(lambda harness: harness.hub.rooms.lock("attic", "swordfish")),
    "You are banned": left_out(lambda harness: harness.hub.rooms.ban("attic", "alice")),
    "already in the room": lambda harness: harness["alice"].peer.enter("attic"),
    "is the owner's": attic,
    "There is no room": lone_admin,
    "Nobody is registered": admin_without_bob,
    "delivered but could not": failing("commit"),
    "cannot be stored right now": failing("store"),
    "join | Too many wrong keys": left_out(guessed),
    "Too many wrong keys": wrong_keys,
    "This address is banned": lambda harness: harness.hub.access.ban("192.0.2.1"),
    "Too many messages": hurry,
    "Internal server error": broken,
    "what has spaces": admin,
    "": nothing,
}


def example_of(name: str) -> Any:
    """Return the request for a case without a request of its own."""
    if name in COMMANDS:
        return create(COMMAND_EXAMPLES[name])
    return SCHEMA_SET.schemas[name]["examples"][0] if name else {}


@pytest.mark.parametrize(("name", "number"), listed(ERRORS, COMMANDS))
def test_a_request_gets_the_error_that_the_reference_shows(
    name: str, number: int, caplog: pytest.LogCaptureFixture
) -> None:
    case = ALL[name][number]
    (row,) = ErrorEncoder.of_protocol(sources(), opcodes.SPEC).rows((case,), example_of(name))
    request = example_of(name) if case.sent is None else case.sent
    key = None if "key is wrong" in row.response else "swordfish"
    store = WorkingStore()
    harness = Harness("alice", store=store, max_rate=RATE, secret_key=key)
    situation(SITUATIONS, name, error_text(case, request, SCHEMA_SET))(harness)
    harness.take()

    harness["alice"].send(sent_for(row.code, name, request))
    store.fail_commits()

    response = harness.take()["alice"][-1]
    assert response == json.loads(row.response)
    assert response["d"]["code"] == row.code


def sent_for(code: str, name: str, request: Any) -> Any:
    """Return the frame for *request*; the page omits the content of a frame that is too large."""
    if code == "binary_frame":
        return b"\0"
    return request | {"d": request["d"] | {"more": "x" * 1_048_000}} if code == "too_large" else request


def test_every_op_and_every_command_has_errors() -> None:
    assert ERRORS.keys() == {row.schema for row in REQUESTS.values()} | {ANY}
    assert COMMANDS.keys() == COMMAND_EXAMPLES.keys() == BUILT_INS.keys()


@pytest.mark.parametrize("name", BUILT_INS)
def test_the_example_of_a_command_succeeds(name: str) -> None:
    harness = Harness("alice", secret_key="swordfish")
    admin(harness)
    if name in ("unlock", "open"):
        harness.hub.rooms.lock("attic", "swordfish")
    harness.take()

    frames = harness["alice"].ask(create(COMMAND_EXAMPLES[name]))

    assert [frame for frame in frames if frame["op"] == 5] == []
    assert frames or harness.stops == ["Maintenance"]


def test_every_code_of_the_schema_but_one_is_an_error() -> None:
    rows = [
        row
        for name, cases in ALL.items()
        for row in ErrorEncoder.of_protocol(sources(), opcodes.SPEC).rows(cases, example_of(name))
    ]
    codes = set(SCHEMA_SET.schemas["error-response"]["properties"]["d"]["properties"]["code"]["enum"])

    # After the login, an op 1 is a message or a command: it cannot log in again.
    assert {row.code for row in rows} == codes - {"already_registered"}
