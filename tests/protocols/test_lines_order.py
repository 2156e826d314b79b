"""What one client of the lines protocol gets stays in order while the answer to a message waits."""

from __future__ import annotations

import pytest
from harness import happens, says
from lines_harness import OK, Harness, LateStore, joined, left, no, result, said

from chateau.protocols import lines

LOST = no("The message was delivered but could not be saved.")


@pytest.fixture
def store() -> LateStore:
    return LateStore()


@pytest.fixture
def harness(store: LateStore) -> Harness:
    return Harness("alice", "bob", store=store)


def test_message_reaches_others_at_once_and_the_sender_after_its_ok(
    harness: Harness, store: LateStore
) -> None:
    harness.play(
        [
            says("alice", "hi", bob=[said("alice", "hi")]),
            happens("it is kept", lambda _: store.commits[0].finish(), alice=[OK, said("alice", "hi")]),
        ]
    )


def test_events_during_a_commit_follow_the_ok(harness: Harness, store: LateStore) -> None:
    harness.play(
        [
            says("alice", "hi", bob=[said("alice", "hi")]),
            says("bob", "LEAVE", bob=[OK, left("bob")]),
            says("carol", "LOGIN carol", carol=[result("Username set to carol")]),
            says("carol", "JOIN lobby", carol=[result("Joined room lobby"), joined("carol")]),
            says("carol", "MSG alice psst", carol=[OK]),
            happens(
                "it is kept",
                lambda _: store.commits[0].finish(),
                alice=[
                    OK,
                    said("alice", "hi"),
                    left("bob"),
                    joined("carol"),
                    {"from": "carol", "type": "directMessage", "body": "psst"},
                ],
            ),
            says("carol", "WHO", carol=[result(users=["alice", "carol"])]),
        ]
    )


def test_concurrent_senders_receive_both_messages_after_their_own_ok(
    harness: Harness, store: LateStore
) -> None:
    both = [said("alice", "one"), said("bob", "two")]

    harness.play(
        [
            says("alice", "one", bob=[said("alice", "one")]),
            says("bob", "two"),
            happens("bob's is kept", lambda _: store.commits[1].finish(), bob=[OK, said("bob", "two")]),
            happens("alice's is kept", lambda _: store.commits[0].finish(), alice=[OK, *both]),
        ]
    )


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 0, 2], [0, 2, 1]])
def test_responses_keep_order_when_commits_finish_out_of_order(
    harness: Harness, store: LateStore, order: list[int]
) -> None:
    for text in "abc":
        harness["alice"].send(text)
    harness["alice"].send("WHO")

    for number in order:
        store.commits[number].finish()

    assert harness["alice"].mailbox.take() == [
        OK,
        said("alice", "a"),
        OK,
        said("alice", "b"),
        OK,
        said("alice", "c"),
        result(users=["alice", "bob"]),
    ]


def test_commits_that_finish_together_are_acknowledged_in_order(harness: Harness, store: LateStore) -> None:
    for text in "ab":
        harness["alice"].send(text)
    for commit in store.commits:
        commit.decide()

    for commit in reversed(store.commits):
        commit.call_back()

    assert harness["alice"].mailbox.take() == [OK, said("alice", "a"), OK, said("alice", "b")]


def test_failed_commit_is_reported_in_request_order(harness: Harness, store: LateStore) -> None:
    harness.play(
        [
            says("alice", "a", bob=[said("alice", "a")]),
            says("alice", "b", bob=[said("alice", "b")]),
            happens("the second is lost", lambda _: store.commits[1].finish(OSError("disk full"))),
            happens(
                "the first is kept",
                lambda _: store.commits[0].finish(),
                alice=[OK, said("alice", "a"), LOST, said("alice", "b")],
            ),
        ]
    )


def test_history_and_errors_keep_the_request_order(harness: Harness, store: LateStore) -> None:
    harness["alice"].send("a")
    harness["alice"].send("HISTORY")
    harness["alice"].send("LOGIN x")
    harness["alice"].send(b"\xff")
    assert harness["alice"].mailbox.take() == []

    store.commits[0].finish()

    told = harness["alice"].mailbox.take()
    assert told[:3] == [OK, said("alice", "a"), result(count=3)]
    assert [frame["body"]["body"] for frame in told[3:6]] == [
        "User alice has joined the room",
        "User bob has joined the room",
        "a",
    ]
    assert [frame["type"] for frame in told[6:]] == ["error", "error"]


def test_leave_and_join_keep_the_request_order(harness: Harness, store: LateStore) -> None:
    harness.play(
        [
            says("alice", "a", bob=[said("alice", "a")]),
            says("alice", "JOIN attic", bob=[left("alice")]),
            says("bob", "b"),
            says("alice", "LEAVE"),
            happens(
                "the first is kept",
                lambda _: store.commits[0].finish(),
                alice=[
                    OK,
                    said("alice", "a"),
                    result("Joined room attic"),
                    left("alice"),
                    joined("alice"),
                    OK,
                    left("alice"),
                ],
            ),
        ]
    )


def test_quit_follows_pending_responses_and_ends_reading(harness: Harness, store: LateStore) -> None:
    alice = harness["alice"].mailbox
    harness.play(
        [
            says("alice", "a", bob=[said("alice", "a")]),
            says("alice", "QUIT"),
            says("alice", "b"),
            says("bob", "MSG alice too late?", bob=[OK]),
        ]
    )
    assert alice.closed is None

    store.commits[0].finish()

    assert alice.take() == [OK, said("alice", "a"), OK]
    assert alice.closed == (1000, "")
    assert harness["bob"].mailbox.take() == [left("alice")]


def test_half_closed_client_receives_pending_responses_before_the_end(
    harness: Harness, store: LateStore
) -> None:
    alice = harness["alice"].mailbox
    harness.play([says("alice", "a", bob=[said("alice", "a")])])

    harness["alice"].peer.on_end()
    harness["alice"].peer.on_end()
    assert alice.closed is None
    store.commits[0].finish()

    assert alice.take() == [OK, said("alice", "a")]
    assert alice.closed == (1000, "")


def test_shutdown_is_sent_before_pending_responses(harness: Harness, store: LateStore) -> None:
    shutdown = {"type": "shutdown", "reason": None}

    harness.play(
        [
            says("alice", "a", bob=[said("alice", "a")]),
            happens("the end", lambda harness: harness.hub.shut_down(), alice=[shutdown], bob=[shutdown]),
            happens("it is kept", lambda _: store.commits[0].finish(), alice=[OK, said("alice", "a")]),
        ]
    )


def test_tap_notification_keeps_the_order(harness: Harness, store: LateStore) -> None:
    session = harness["alice"].peer.session
    told = {"type": "tapped", "active": True}

    harness.play(
        [
            says("alice", "a", bob=[said("alice", "a")]),
            happens("a keeper looks in", lambda harness: harness.hub.notify_tap(session, active=True)),
            happens("it is kept", lambda _: store.commits[0].finish(), alice=[OK, said("alice", "a"), told]),
        ]
    )


def test_kicked_client_is_closed_at_once_and_receives_nothing_more(
    harness: Harness, store: LateStore
) -> None:
    alice = harness["alice"].mailbox
    harness["alice"].send("a")
    harness["alice"].send("QUIT")
    harness.take()

    harness["alice"].peer.session.outbox.disconnect(1008, "kicked")
    store.commits[0].finish()

    assert alice.closed == (1008, "kicked")
    assert alice.take() == []


def test_kicked_client_without_pending_responses_is_closed_at_once(harness: Harness) -> None:
    harness["alice"].peer.session.outbox.disconnect(1008, "kicked")

    assert harness["alice"].mailbox.closed == (1008, "kicked")


def test_commit_after_a_disconnect_sends_nothing(harness: Harness, store: LateStore) -> None:
    harness["alice"].send("a")
    harness["alice"].mailbox.disconnect(1006, "")

    store.commits[0].finish()

    assert harness["alice"].mailbox.take() == []


def test_push_is_sent_at_once_when_no_response_is_pending(harness: Harness, store: LateStore) -> None:
    harness["alice"].send("a")
    store.commits[0].finish()
    harness.take()

    harness.play(
        [
            says(
                "bob",
                "MSG alice hi",
                alice=[{"from": "bob", "type": "directMessage", "body": "hi"}],
                bob=[OK],
            )
        ]
    )


def test_requests_above_the_pending_limit_are_rejected(
    harness: Harness, store: LateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "HELD_BYTES", 1_000)
    busy = no("Too many requests at once; wait for the responses to the earlier ones.")
    harness["alice"].send("a")
    for _ in range(5):
        harness["alice"].send("HELP")

    store.commits[0].finish()

    told = harness["alice"].mailbox.take()
    assert [frame["type"] for frame in told[:4]] == [
        "commandResult",
        "message",
        "commandResult",
        "commandResult",
    ]
    assert told[4:] == [busy, busy, busy]
    assert harness["alice"].ask("WHO") == [result(users=["alice", "bob"])]


def test_pushes_do_not_count_as_pending_requests(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "HELD_BYTES", 0)
    harness["alice"].send("a")
    for number in range(100):
        harness["bob"].send(f"MSG alice {number}")

    harness["alice"].send("b")

    assert said("alice", "b") in harness["bob"].mailbox.take()
