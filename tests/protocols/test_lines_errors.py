"""Errors of every line: bans, rate limits, invalid UTF-8, and unexpected exceptions."""

from __future__ import annotations

import pytest
from harness import sends
from lines_harness import OK, Harness, error_frame, joined, message_frame, result

from chateau.hub.errors import Unavailable
from chateau.store.memory import MemoryStore

BANNED = error_frame("This address is banned.")
NOT_UTF8 = error_frame("A line is UTF-8 text; this one was not.")
TOO_FAST = error_frame("Too many messages; the maximum is 1 per second on one connection.")

LINES = ["LOGIN carol", "JOIN attic", "LEAVE", "HISTORY", "MSG bob hi", "WHO", "ROOMS", "HELP", "QUIT", "hi"]


@pytest.mark.parametrize("line", [*LINES, b"\xff", "\ud800"])
def test_lines_of_a_banned_client_are_rejected(line: str | bytes) -> None:
    harness = Harness("alice", "bob")
    harness.hub.access.ban(harness["alice"].session.address)

    harness.play([sends("alice", line, alice=[BANNED])])

    assert harness["alice"].mailbox.closed is None
    assert harness["alice"].session.username == "alice"


def test_ban_lasts_until_lifted() -> None:
    harness = Harness("alice")
    harness.hub.access.ban("192.0.2.0/24")
    harness["alice"].send("hi")
    harness.hub.access.unban("192.0.2.0/24")
    harness.take()

    assert harness["alice"].ask("hi") == [OK, message_frame("alice", "hi")]


def test_client_from_a_banned_address_is_rejected_from_the_start() -> None:
    harness = Harness()
    harness.hub.access.ban("192.0.2.0/24")

    assert harness["alice"].ask("LOGIN alice") == [BANNED]


def test_lines_above_the_rate_are_rejected_without_effect() -> None:
    harness = Harness("alice", "bob", max_rate=1)
    fine = [OK, message_frame("alice", "hi")]

    harness.play(
        [
            sends("alice", "hi", alice=fine, bob=[message_frame("alice", "hi")]),
            sends("alice", "hi", alice=fine, bob=[message_frame("alice", "hi")]),
            sends("alice", "hi", alice=[TOO_FAST]),
            sends("alice", b"\xff", alice=[TOO_FAST]),
            sends("alice", ""),
        ]
    )
    harness.clock.advance(1.0)

    assert harness["alice"].ask("hi") == fine


@pytest.mark.parametrize(
    "line", [b"", b"\xff", b"LOGIN alice", b"\xc3", "\ud800", "hi \udfff", "MSG bob \ud83d"]
)
def test_line_that_is_not_utf_8_is_rejected(line: str | bytes) -> None:
    Harness("alice", "bob").play([sends("alice", line, alice=[NOT_UTF8])])


def test_longest_line_is_delivered_and_stored() -> None:
    text = 4_096 * "\N{GRINNING FACE}"
    harness = Harness("alice", "bob")

    harness.play(
        [sends("alice", text, alice=[OK, message_frame("alice", text)], bob=[message_frame("alice", text)])]
    )

    assert harness["bob"].ask("HISTORY")[-1]["body"]["body"] == text


def test_message_that_cannot_be_stored_is_not_delivered() -> None:
    class Full(MemoryStore):
        def append(self, key: str, record: object) -> None:  # type: ignore[override]
            raise Unavailable("The message could not be stored and was not delivered.")

    Harness("alice", "bob", store=Full()).play(
        [sends("alice", "hi", alice=[error_frame("The message could not be stored and was not delivered.")])]
    )


def test_unexpected_exception_is_logged_once_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    harness = Harness("alice", "bob")
    number = harness["alice"].session.id
    harness.hub.room_summaries = lambda: 1 / 0  # type: ignore[method-assign, assignment, return-value]

    harness.play(
        [
            sends("alice", "ROOMS", alice=[error_frame("Internal server error; see the server's log.")]),
            sends(
                "alice", "hi", alice=[OK, message_frame("alice", "hi")], bob=[message_frame("alice", "hi")]
            ),
        ]
    )

    assert [record.getMessage() for record in caplog.records] == [f"session {number}: a request failed"]
    assert caplog.records[0].exc_info is not None
    caplog.clear()


def test_message_to_a_private_client_gets_the_error_of_an_unknown_one() -> None:
    harness = Harness("alice", "bob")
    harness.hub.access.set_privacy(harness["bob"].session, "private")
    harness["carol"].send("LOGIN carol")
    harness.take()

    harness.play(
        [
            sends("alice", "MSG bob hi", alice=[error_frame('Nobody is registered as "bob".')]),
            sends("carol", "WHO", carol=[result(users=["alice", "carol"])]),
            sends("carol", "JOIN attic", carol=[result("Joined room attic"), joined("carol")]),
        ]
    )
