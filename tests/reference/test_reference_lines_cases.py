"""Lines: each refusal that the reference shows is what the protocol answers, and so are the answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from lines_house import House, schema_of
from made_pages import sources
from situations import RATE, WorkingStore, listed, nothing, situation, told

from chateau.protocols.lines import HELD_BYTES
from chateau.protocols.lines_commands import COMMANDS, command_in
from chateau.reference.cases.case import ANY
from chateau.reference.cases.lines import CASES, MESSAGE
from chateau.reference.pages.lines_page import ANSWERS, EXAMPLES, refusing_of

NOT_UTF8 = b"\xff"
NAMES = [command.words[0] for command in COMMANDS]


def stranger(house: House) -> None:
    """Alice has no nickname."""
    house.hub.unregister(house["alice"].session)


def outside(house: House) -> None:
    house.hub.leave(house["alice"].session, "lobby")


def registered_elsewhere(house: House) -> None:
    stranger(house)
    house.neighbour("alice")


def kept_out(act: Callable[[House], object]) -> Callable[[House], None]:
    def prepare(house: House) -> None:
        outside(house)
        house.neighbour("bob", room="lobby")
        act(house)

    return prepare


def failing(to: str) -> Callable[[House], None]:
    def prepare(house: House) -> None:
        house.store.fails_to = to

    return prepare


def hurry(house: House) -> None:
    for _ in range(2 * RATE):
        house["alice"].send("WHO")


def many_answers(house: House) -> None:
    house.store.fails_to = "commit"
    house["alice"].send("hello")
    while house["alice"].peer._line.held_bytes <= HELD_BYTES:
        house["alice"].send("HELP")


def broken(house: House) -> None:
    house.hub.publish = lambda *_: 1 / 0


SITUATIONS: dict[str, Callable[[House], None]] = {
    "LOGIN | Invalid nickname": stranger,
    "LOGIN | Missing": stranger,
    "already registered": registered_elsewhere,
    "Login required": stranger,
    "Join a room first": outside,
    "JOIN | Invalid room name": nothing,
    "JOIN | already present": nothing,
    "JOIN | is closed": kept_out(lambda house: house.hub.rooms.close("lobby")),
    "is closed": lambda house: house.hub.rooms.close("lobby"),
    "is locked": kept_out(lambda house: house.hub.rooms.lock("lobby", "swordfish")),
    "You are banned": kept_out(lambda house: house.hub.rooms.ban("lobby", "alice")),
    "passed on, but": failing("commit"),
    "cannot be kept now": failing("keep"),
    "cannot be read now": failing("read"),
    "This address is banned": lambda house: house.hub.access.ban("192.0.2.1"),
    "Too many messages": hurry,
    "Too many requests at once": many_answers,
    "The server failed": broken,
    "": nothing,
}


@pytest.mark.parametrize(("name", "number"), listed(CASES))
def test_a_line_is_refused_as_the_reference_shows_it(
    name: str, number: int, caplog: pytest.LogCaptureFixture
) -> None:
    case = CASES[name][number]
    line = EXAMPLES.get(name, "hello, all") if case.sent is None else case.sent
    sentence = told(case, line, None)
    (row,) = refusing_of(sources()).rows((case,), line)
    store = WorkingStore()
    rate = RATE if "Too many messages" in sentence else 0
    house = House("alice", store=store, max_rate=rate)
    situation(SITUATIONS, name, sentence)(house)
    house.take()

    house["alice"].send(NOT_UTF8 if "UTF-8" in sentence else line)
    store.fail_commits()

    refusals = [frame for frame in house.take()["alice"] if frame["type"] == "error"]
    assert refusals[-1] == json.loads(row.answer)


def test_every_command_has_its_cases_and_its_example() -> None:
    assert CASES.keys() == {ANY, MESSAGE, *NAMES}
    assert EXAMPLES.keys() == {MESSAGE, *NAMES}


@pytest.mark.parametrize("name", [*NAMES, MESSAGE])
def test_the_example_of_a_command_is_one_and_is_answered_as_the_reference_says(name: str) -> None:
    found = command_in(EXAMPLES[name])
    house = House() if name == "LOGIN" else House("alice", "bob")
    if name == "JOIN":
        outside(house)
    if name == "HISTORY":
        house["alice"].send("hello")  # at half past nine, where the example begins

    answers = answers_to(house, EXAMPLES[name])

    assert (found[0].words[0] if found else MESSAGE) == name
    assert list(dict.fromkeys(map(schema_of, answers))) == list(ANSWERS.get(name, ("result-response",)))


def answers_to(house: House, line: str) -> list[Any]:
    """What alice gets for *line*, without what all in the room get."""
    frames = house["alice"].ask(line)
    return [frame for frame in frames if frame["type"] in ("commandResult", "history", "error")]
