"""Attempts at secrets over the limit: each protocol holds the client's requests until the attempt's turn."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from chateau_harness import Harness as Chateau
from chateau_harness import join, register
from functions_harness import KEY, RETRIEVE
from functions_harness import Harness as Functions
from lines_harness import Harness as Lines
from lines_harness import LateStore
from opcodes_harness import Harness as Opcodes
from opcodes_harness import create

from chateau.hub.guesses import TRIES, TURN_SECONDS
from chateau.protocols.held_requests import HELD, HELD_CHARACTERS, HeldRequests

if TYPE_CHECKING:
    from collections.abc import Callable

    from chateau.protocols.transport import Steps

PASSWORD = "1234"


def locked(harness: Any) -> Any:
    """Lock the room "vault", and let alice be at the limit, and ready to join it."""
    harness.hub.join(harness["bob"].peer.session, "vault")
    harness.hub.rooms.lock("vault", PASSWORD)
    for _ in range(TRIES):
        session = harness["alice"].peer.session
        assert not harness.hub.access.guesses.is_right(
            "guess", PASSWORD, client=harness, address=session.address
        )
    harness.take()
    return harness


def chateau() -> Any:
    harness = Chateau()
    harness["alice"].ask(register("alice"))
    harness["bob"].ask(register("bob"))
    return locked(harness)


def lines() -> Any:
    harness = Lines()
    harness["alice"].send("LOGIN alice")
    harness["bob"].send("LOGIN bob")
    return locked(harness)


def opcodes() -> Any:
    harness = Opcodes()
    harness["alice"].send(create("alice"))
    harness["bob"].send(create("bob"))
    return locked(harness)


JOINS: dict[str, tuple[Callable[[], Any], Callable[[str], Any]]] = {
    "chateau": (chateau, lambda password: join("vault", password=password)),
    "lines": (lines, lambda password: f"JOIN vault {password}"),
    "opcodes": (opcodes, lambda password: create(f"!join vault {password}")),
}
every_protocol = pytest.mark.parametrize(("make", "attempt"), JOINS.values(), ids=JOINS)


def is_inside(harness: Any) -> bool:
    return "alice" in [name.lower() for name in harness.hub.rooms.find("vault").member_names()]


@every_protocol
def test_right_password_is_accepted_at_its_turn(make: Any, attempt: Any) -> None:
    harness = make()

    harness["alice"].send(attempt(PASSWORD))
    assert (harness.take(), is_inside(harness)) == ({}, False)
    harness.clock.advance(TURN_SECONDS)

    assert is_inside(harness)
    assert harness.take()["alice"]


@every_protocol
def test_wrong_passwords_are_compared_once_a_second(make: Any, attempt: Any) -> None:
    harness = make()
    for number in range(10):
        harness["alice"].send(attempt(f"x{number}"))

    for _ in range(10):
        assert harness.take() == {}
        harness.clock.advance(TURN_SECONDS)
        (frame,) = harness.take()["alice"]
        assert "locked" in str(frame)
    assert not is_inside(harness)


@every_protocol
def test_new_connection_of_the_address_has_to_wait_too(make: Any, attempt: Any) -> None:
    harness = make()
    other = harness.client(harness, harness["alice"].peer.session.address)
    harness.clients["eve"] = other
    harness.hub.register(other.peer.session, "eve")

    other.send(attempt("guess"))
    harness["alice"].send(attempt(PASSWORD))
    harness.clock.advance(TURN_SECONDS)
    harness.clock.advance(TURN_SECONDS)

    assert is_inside(harness)


@every_protocol
def test_other_addresses_do_not_wait(make: Any, attempt: Any) -> None:
    harness = make()
    for number in range(20):
        harness["alice"].send(attempt(f"x{number}"))
    session = harness["carol"].peer.session
    harness.hub.register(session, "carol")

    harness["carol"].send(attempt(PASSWORD))

    assert "carol" in harness.hub.rooms.find("vault").member_names()


@every_protocol
def test_client_that_sends_too_much_gets_an_error_for_the_attempt(make: Any, attempt: Any) -> None:
    harness = make()

    for number in range(100):
        harness["alice"].send(attempt(f"x{number}"))

    frames = harness.take()["alice"]
    assert len(frames) == 100 - HELD
    assert all("Too many wrong keys" in str(frame) for frame in frames)
    harness.clock.advance(TURN_SECONDS)
    assert len(harness.take()["alice"]) == 1


@every_protocol
def test_client_that_leaves_is_forgotten(make: Any, attempt: Any) -> None:
    harness = make()
    harness["alice"].send(attempt(PASSWORD))
    harness["alice"].send(attempt(PASSWORD))

    harness["alice"].close()
    harness.clock.advance(TURN_SECONDS)

    assert harness.hub.access.guesses._waiting == 0
    assert not is_inside(harness)


@every_protocol
def test_attempts_are_refused_if_too_many_wait(make: Any, attempt: Any) -> None:
    harness = make()
    harness.hub.access.guesses.waiting_limit = 0

    harness["alice"].send(attempt(PASSWORD))

    (frame,) = harness.take()["alice"]
    assert "Too many wrong keys" in str(frame)
    assert not is_inside(harness)


@every_protocol
def test_attempts_that_wait_are_refused_when_the_server_stops(make: Any, attempt: Any) -> None:
    harness = make()
    harness["alice"].send(attempt(PASSWORD))

    harness.hub.access.guesses.close()

    (frame,) = harness.take()["alice"]
    assert "Too many wrong keys" in str(frame)


# Order


def test_requests_behind_an_attempt_are_performed_in_their_order() -> None:
    harness = chateau()
    alice = harness["alice"]
    alice.send(join("vault", password=PASSWORD, ref=1))
    alice.send({"type": 7, "room": "vault", "content": "hi", "ref": 2})
    alice.send(b"")
    alice.send(join("vault", password="x", ref=3))
    assert harness.take() == {}

    harness.clock.advance(TURN_SECONDS)

    responses = harness.take()["alice"]
    assert [frame.get("ref") for frame in responses if "sender" not in frame] == [1, 2, None, 3]
    assert [frame["status"] for frame in responses if "sender" not in frame] == [200, 200, 400, 400]


def test_pushes_are_not_held() -> None:
    harness = chateau()
    harness["alice"].send(join("vault", password=PASSWORD))

    harness["bob"].send({"type": 3, "clients": ["alice"], "content": "hi"})

    assert [frame["content"] for frame in harness.take()["alice"]] == ["hi"]


def test_long_attempt_is_not_held() -> None:
    harness = chateau()

    response = harness["alice"].ask(json.dumps(join("vault", password=PASSWORD)) + " " * HELD_CHARACTERS)

    assert response["code"] == "rate_limited"


def test_long_requests_behind_an_attempt_end_its_wait() -> None:
    harness = chateau()
    harness["alice"].send(join("vault", password=PASSWORD, ref=1))

    harness["alice"].send('{"type": 9, "ref": 2}' + " " * HELD_CHARACTERS)

    assert [(frame["ref"], frame["status"]) for frame in harness.take()["alice"]] == [(1, 400), (2, 200)]


def test_lines_behind_an_attempt_are_performed_in_their_order() -> None:
    harness = lines()
    for line in (f"JOIN vault {PASSWORD}", "hello", b"\xff", "", "QUIT", "never performed"):
        harness["alice"].send(line)
    assert harness.take() == {}

    harness.clock.advance(TURN_SECONDS)

    frames = harness.take()["alice"]
    assert [frame["type"] for frame in frames] == [
        "commandResult",
        "userJoined",
        "commandResult",
        "message",
        "error",
        "commandResult",
    ]
    assert harness["alice"].mailbox.closed is not None


def test_client_that_has_finished_sending_gets_its_responses() -> None:
    harness = lines()
    harness["alice"].send(f"JOIN vault {PASSWORD}")
    harness["alice"].peer.on_end()
    assert harness["alice"].mailbox.closed is None

    harness.clock.advance(TURN_SECONDS)

    assert len(harness.take()["alice"]) == 2
    assert harness["alice"].mailbox.closed is not None


def test_pushes_of_a_lines_client_are_not_held() -> None:
    harness = lines()
    harness["alice"].send(f"JOIN vault {PASSWORD}")

    harness["bob"].send("MSG alice hi")

    assert len(harness.take()["alice"]) == 1


# Requests that take several turns, or are above the rate


def history(ref: int) -> dict[str, Any]:
    return {"type": 8, "room": "vault", "ref": ref}


def refs(frames: list[Any]) -> list[int | None]:
    return [frame.get("ref") for frame in frames]


def test_request_in_steps_behind_an_attempt_takes_one_step_per_iteration() -> None:
    harness = chateau()
    for request in (join("vault", password=PASSWORD, ref=1), history(2), history(3), {"type": 9, "ref": 4}):
        harness["alice"].send(request)

    harness.clock.advance(TURN_SECONDS)
    assert refs(harness.take()["alice"]) == [1]
    harness["alice"].send({"type": 9, "ref": 5})  # behind them

    received = []
    for _ in range(6):
        harness.clock.advance(0)
        received.append(refs(harness.take().get("alice", [])))
    assert [each for each in received if each] == [[2], [3, 4, 5]]
    assert len([each for each in received if not each]) == 4


def test_lines_in_steps_behind_an_attempt_are_performed_in_their_order() -> None:
    harness = lines()
    for line in (f"JOIN vault {PASSWORD}", "HISTORY", "QUIT"):
        harness["alice"].send(line)

    for _ in range(4):
        harness.clock.advance(TURN_SECONDS)

    frames = harness.take()["alice"]
    assert [frame.get("count") for frame in frames if frame["type"] == "commandResult"] == [None, 2, None]
    assert harness["alice"].mailbox.closed is not None


def test_too_many_requests_behind_one_in_steps_end_its_steps() -> None:
    harness = chateau()
    harness["alice"].send(join("vault", password=PASSWORD, ref=1))
    harness["alice"].send(history(2))
    harness.clock.advance(TURN_SECONDS)
    assert refs(harness.take()["alice"]) == [1]

    for number in range(HELD + 1):
        assert harness.take() == {}
        harness["alice"].send({"type": 9, "ref": 3 + number})

    assert refs(harness.take()["alice"]) == list(range(2, HELD + 4))
    harness.clock.advance(TURN_SECONDS)
    assert harness.take() == {}


@pytest.mark.parametrize("iterations", [0, 1])
def test_client_that_leaves_during_the_steps_gets_nothing_more(iterations: int) -> None:
    harness = chateau()
    for request in (join("vault", password=PASSWORD), history(2), history(3)):
        harness["alice"].send(request)
    harness.clock.advance(TURN_SECONDS)
    for _ in range(iterations):
        harness.clock.advance(0)
    harness.take()

    harness["alice"].close()
    harness.clock.advance(TURN_SECONDS)

    assert "alice" not in harness.take()


def test_client_that_is_ended_by_a_step_has_no_further_step() -> None:
    harness = chateau()
    steps_taken = []

    def steps() -> Steps:
        for number in range(3):
            steps_taken.append(number)
            held.close()
            yield

    held = HeldRequests(
        harness.hub.access.guesses,
        harness["alice"].peer.session,
        perform=lambda _: steps(),
        refuse=pytest.fail,
        done=pytest.fail,
    )
    held.wait("")
    for _ in range(4):
        harness.clock.advance(TURN_SECONDS)

    assert steps_taken == [0]


@every_protocol
def test_errors_above_the_rate_are_sent_behind_the_attempt(make: Any, attempt: Any) -> None:
    harness = make()
    harness["alice"].send(attempt(PASSWORD))
    for message in ("{}", b"\xff"):
        harness["alice"].peer.on_excess(message)
    assert harness.take() == {}

    harness.clock.advance(TURN_SECONDS)

    assert is_inside(harness)
    *before, one, other = [str(frame) for frame in harness.take()["alice"]]
    assert all("Too many messages" in frame for frame in (one, other))
    assert not any("Too many messages" in frame for frame in before)


def test_attempt_behind_a_line_that_is_not_stored_yet_waits() -> None:
    store = LateStore()
    harness = Lines(store=store)
    harness["alice"].send("LOGIN alice")
    harness["bob"].send("LOGIN bob")
    harness["alice"].send("JOIN hall")
    locked(harness)
    harness["alice"].send("hello")

    harness["alice"].send(f"JOIN vault {PASSWORD}")
    harness.clock.advance(TURN_SECONDS)
    assert "alice" not in harness.take()
    store.commits[0].finish()

    frames = harness.take()["alice"]
    assert [frame["type"] for frame in frames] == [
        "commandResult",
        "message",
        "commandResult",
        "userLeft",
        "userJoined",
    ]
    assert is_inside(harness)


# The secret key


def test_key_of_a_session_that_has_presented_it_is_not_delayed() -> None:
    harness = Functions("a", "b")
    right = RETRIEVE | {"secret_key": KEY}
    assert "clients" in harness["a"].ask(right)
    harness["b"].peer.session.address = harness["a"].peer.session.address
    for _ in range(TRIES):
        harness["b"].ask(RETRIEVE | {"secret_key": "guess"})
    harness["b"].send(right)

    assert "clients" in harness["a"].ask(right)
    assert harness["a"].ask(RETRIEVE | {"secret_key": "guess"})["code"] == "access_denied"
    harness["a"].send(right)
    assert harness.take() == {}
    harness.clock.advance(TURN_SECONDS)
    harness.clock.advance(TURN_SECONDS)
    assert len(harness.take()) == 2
