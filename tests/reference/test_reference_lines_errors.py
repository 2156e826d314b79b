"""The lines protocol sends the errors and the responses that the reference shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from lines_harness import Harness, schema_of
from made_pages import sources
from situations import RATE, WorkingStore, error_text, listed, nothing, situation, too_many_guesses

from chateau.protocols import lines
from chateau.protocols.error_catalog import ANY, CYRILLIC
from chateau.protocols.lines import HELD_BYTES
from chateau.protocols.lines_commands import COMMANDS, command_in
from chateau.protocols.lines_errors import ERRORS, MESSAGE
from chateau.reference.messages import ErrorEncoder
from chateau.reference.protocol_pages import LINE_EXAMPLES, LINE_RESPONSES

NOT_UTF8 = b"\xff"
NAMES = [command.words[0] for command in COMMANDS]


def stranger(harness: Harness) -> None:
    """Remove the nickname of alice."""
    harness.hub.unregister(harness["alice"].session)


def outside(harness: Harness) -> None:
    harness.hub.leave(harness["alice"].session, "lobby")


def registered_elsewhere(harness: Harness) -> None:
    stranger(harness)
    harness.connect_other("alice")


def lookalike(harness: Harness) -> None:
    """Remove the nickname of alice; a user of another protocol has a name in Cyrillic letters."""
    stranger(harness)
    harness.connect_other(CYRILLIC)


def left_out(act: Callable[[Harness], object]) -> Callable[[Harness], None]:
    def prepare(harness: Harness) -> None:
        outside(harness)
        harness.connect_other("bob", room="lobby")
        act(harness)

    return prepare


def failing(to: str) -> Callable[[Harness], None]:
    def prepare(harness: Harness) -> None:
        harness.store.fails_to = to

    return prepare


def hurry(harness: Harness) -> None:
    for _ in range(2 * RATE):
        harness["alice"].send("WHO")


def many_responses(harness: Harness) -> None:
    harness.store.fails_to = "commit"
    harness["alice"].send("hello")
    while harness["alice"].peer._ordered.held_bytes <= HELD_BYTES:
        harness["alice"].send("HELP")


def broken(harness: Harness) -> None:
    harness.hub.publish = lambda *_: 1 / 0


def guessed(harness: Harness) -> None:
    harness.hub.rooms.lock("lobby", "swordfish")
    too_many_guesses(harness.hub, harness["alice"].peer.session.address)


SITUATIONS: dict[str, Callable[[Harness], None]] = {
    "LOGIN | Invalid nickname": lookalike,
    "LOGIN | Missing": stranger,
    "already registered": registered_elsewhere,
    "Login required": stranger,
    "Join a room first": outside,
    "JOIN | Invalid room name": nothing,
    "JOIN | already present": nothing,
    "JOIN | is closed": left_out(lambda harness: harness.hub.rooms.close("lobby")),
    "is closed": lambda harness: harness.hub.rooms.close("lobby"),
    "Too many wrong keys": left_out(guessed),
    "is locked": left_out(lambda harness: harness.hub.rooms.lock("lobby", "swordfish")),
    "You are banned": left_out(lambda harness: harness.hub.rooms.ban("lobby", "alice")),
    "delivered but could not": failing("commit"),
    "cannot be stored right now": failing("store"),
    "cannot be read right now": failing("read"),
    "This address is banned": lambda harness: harness.hub.access.ban("192.0.2.1"),
    "Too many messages": hurry,
    "Too many requests at once": many_responses,
    "Internal server error": broken,
    "": nothing,
}


@pytest.mark.parametrize(("name", "number"), listed(ERRORS))
def test_a_line_gets_the_error_that_the_reference_shows(
    name: str, number: int, caplog: pytest.LogCaptureFixture
) -> None:
    case = ERRORS[name][number]
    line = LINE_EXAMPLES.get(name, "hello, all") if case.sent is None else case.sent
    sentence = error_text(case, line, None)
    (row,) = ErrorEncoder.of_protocol(sources(), lines.SPEC).rows((case,), line)
    store = WorkingStore()
    rate = RATE if "Too many messages" in sentence else 0
    harness = Harness("alice", store=store, max_rate=rate)
    situation(SITUATIONS, name, sentence)(harness)
    harness.take()

    harness["alice"].send(NOT_UTF8 if "UTF-8" in sentence else line)
    store.fail_commits()

    errors = [frame for frame in harness.take()["alice"] if frame["type"] == "error"]
    assert errors[-1] == json.loads(row.response)


def test_every_command_has_errors_and_an_example() -> None:
    assert ERRORS.keys() == {ANY, MESSAGE, *NAMES}
    assert LINE_EXAMPLES.keys() == {MESSAGE, *NAMES}


@pytest.mark.parametrize("name", [*NAMES, MESSAGE])
def test_the_example_of_a_command_gets_the_responses_that_the_reference_lists(name: str) -> None:
    found = command_in(LINE_EXAMPLES[name])
    harness = Harness() if name == "LOGIN" else Harness("alice", "bob")
    if name == "JOIN":
        outside(harness)
    if name == "HISTORY":
        harness["alice"].send("hello")  # at half past nine, where the example begins

    responses = responses_to(harness, LINE_EXAMPLES[name])

    assert (found[0].words[0] if found else MESSAGE) == name
    assert list(dict.fromkeys(map(schema_of, responses))) == list(
        LINE_RESPONSES.get(name, ("result-response",))
    )


def responses_to(harness: Harness, line: str) -> list[Any]:
    """Return the frames that alice gets for *line*, except those for the whole room."""
    frames = harness["alice"].ask(line)
    return [frame for frame in frames if frame["type"] in ("commandResult", "history", "error")]
