"""Moderation: close, lock, open and delete a room; ban and unban its users."""

from collections.abc import Callable
from typing import Any

import pytest
from hub_harness import Harness

from chateau.hub.errors import (
    AccessDenied,
    HubError,
    InvalidName,
    NotInRoom,
    Unavailable,
    UnknownRecipient,
    UnknownRoom,
)
from chateau.hub.events import Joined, Left, RoomState
from chateau.hub.hub import RoomSummary
from chateau.hub.session import Session
from chateau.store.memory import MemoryStore

BANNED = "You were banned from the room."


def allowed(action: Callable[..., Any], *arguments: Any, **options: Any) -> bool:
    try:
        action(*arguments, **options)
    except AccessDenied:
        return False
    return True


def listener(harness: Harness, room: str) -> Session:
    session = harness.connect(protocol=harness.other_protocol)
    harness.hub.listen(session, room)
    return session


# Close and lock


STATES = {
    # moderation; can join, can join with the password, can send, can publish to the channel
    "as it was": ([], True, True, True, True),
    "closed": (["close"], False, False, False, False),
    "locked": (["lock"], False, True, True, False),
    "closed and locked": (["close", "lock"], False, False, False, False),
    "locked and closed": (["lock", "close"], False, False, False, False),
    "unlocked": (["lock", "unlock"], True, True, True, True),
    "closed, and unlocked": (["close", "lock", "unlock"], False, False, False, False),
    "opened after a lock": (["lock", "open"], True, True, True, True),
    "opened after both": (["lock", "close", "open"], True, True, True, True),
    "closed twice, opened once": (["close", "close", "open"], True, True, True, True),
}


@pytest.mark.parametrize("state", STATES)
def test_room_state_permissions(harness: Harness, state: str) -> None:
    steps, enter, enter_with, speak, publish = STATES[state]
    alice = harness.user("alice", "attic")

    for step in steps:
        getattr(harness.hub.rooms, step)("ATTIC", *(["swordfish"] if step == "lock" else []))

    assert harness.hub.room_summaries() == [RoomSummary("attic", 1, enter)]
    assert allowed(harness.hub.publish, alice, "attic", "hi") is speak
    assert allowed(harness.hub.publish_to_channel, "attic", "text", b"hi") is publish
    assert allowed(harness.hub.check_channel, "attic") is publish
    assert allowed(harness.hub.listen, harness.connect(), "attic") is enter
    assert allowed(harness.hub.join, harness.user("bob"), "attic") is enter
    assert allowed(harness.hub.join, harness.user("carol"), "attic", password="swordfisch") is enter
    assert allowed(harness.hub.join, harness.user("dave"), "attic", password="swordfish") is enter_with
    assert allowed(harness.hub.history, alice, "attic")
    assert allowed(harness.hub.leave, alice, "attic")


@pytest.mark.parametrize(
    ("steps", "available", "reason"),
    [
        (["close"], False, "The room was closed."),
        (["lock"], False, "The room was locked."),
        (["lock", "unlock"], True, None),
        (["close", "unlock"], False, "The room is closed."),
        (["close", "lock", "unlock"], False, "The room is closed."),
        (["close", "lock"], False, "The room was locked."),
        (["close", "lock", "open"], True, None),
        (["open"], True, None),
        (["unlock"], True, None),
    ],
)
def test_room_state_changes_are_sent_to_members_and_listeners_only(
    harness: Harness, steps: list[str], available: bool, reason: str | None
) -> None:
    inside = [harness.user("alice", "Attic"), listener(harness, "attic")]
    outside = [harness.user("bob", "cellar"), harness.connect()]
    for step in steps:
        harness.clear_events()
        getattr(harness.hub.rooms, step)("attic", *(["swordfish"] if step == "lock" else []))

    assert [harness.events_of(session) for session in inside] == [[RoomState("Attic", available, reason)]] * 2
    assert [harness.events_of(session) for session in outside] == [[], []]


def test_empty_password_still_locks_the_room(harness: Harness) -> None:
    harness.user("alice", "attic")

    harness.hub.rooms.lock("attic", "")

    assert not allowed(harness.hub.join, harness.user("bob"), "attic")
    assert allowed(harness.hub.join, harness.user("carol"), "attic", password="")


def test_rejected_join_alone_keeps_the_current_room(harness: Harness) -> None:
    harness.user("alice", "attic")
    bob, witness = harness.user("bob", "cellar"), harness.user("carol", "cellar")
    harness.hub.rooms.close("attic")
    harness.clear_events()

    with pytest.raises(AccessDenied):
        harness.hub.join(bob, "attic", alone=True)

    assert list(bob.rooms or {}) == ["cellar"]
    assert harness.events_of(witness) == harness.events_of(bob) == []


def test_rejected_listen_leaves_the_session_a_non_listener(harness: Harness) -> None:
    harness.user("alice", "attic")
    unregistered = harness.connect()
    harness.hub.rooms.lock("attic", "swordfish")

    with pytest.raises(AccessDenied):
        harness.hub.listen(unregistered, "attic")

    assert (unregistered.is_listener, unregistered.rooms) == (False, None)


@pytest.mark.parametrize("step", ["unlock", "open"])
def test_empty_room_is_removed_when_it_is_opened(harness: Harness, step: str) -> None:
    alice = harness.user("alice", "attic")
    harness.hub.rooms.lock("attic", "swordfish")
    harness.hub.leave(alice, "attic")
    before = harness.hub.room_summaries()

    getattr(harness.hub.rooms, step)("attic")

    assert before == [RoomSummary("attic", 0, False)]
    assert harness.hub.room_summaries() == []


def test_empty_closed_room_remains_when_it_is_unlocked(harness: Harness) -> None:
    alice = harness.user("alice", "attic")
    harness.hub.rooms.close("attic")
    harness.hub.leave(alice, "attic")

    harness.hub.rooms.unlock("attic")

    assert harness.hub.room_summaries() == [RoomSummary("attic", 0, False)]
    assert not allowed(harness.hub.join, alice, "attic")


# Delete


def test_delete_removes_and_notifies_all_subscribers_only() -> None:
    harness = Harness(MemoryStore())
    inside = [
        harness.user("alice", "Attic", "cellar"),
        harness.user("bob", "attic"),
        listener(harness, "attic"),
    ]
    outside = harness.user("carol", "cellar")
    harness.clear_events()

    harness.hub.rooms.delete("ATTIC")

    told = RoomState("Attic", available=False, reason="The room was deleted.")
    assert [harness.events_of(session) for session in inside] == [[told]] * 3
    assert harness.events_of(outside) == []
    assert [list(session.rooms or {}) for session in inside] == [["cellar"], [], []]
    assert harness.hub.room_summaries() == [RoomSummary("cellar", 2, True)]


@pytest.mark.parametrize("action", ["publish", "leave", "history"])
def test_actions_in_a_deleted_room_are_rejected(harness: Harness, action: str) -> None:
    alice = harness.user("alice", "attic")
    harness.hub.rooms.delete("attic")

    with pytest.raises(UnknownRoom):
        getattr(harness.hub, action)(alice, "attic", *(["hi"] if action == "publish" else []))


@pytest.mark.parametrize("step", ["close", "open", "unlock", "delete"])
def test_moderation_of_a_deleted_room_is_rejected(harness: Harness, step: str) -> None:
    harness.user("alice", "attic")
    harness.hub.rooms.delete("attic")

    with pytest.raises(UnknownRoom):
        getattr(harness.hub.rooms, step)("attic")


def test_delete_erases_history_and_seqs_continue() -> None:
    harness = Harness(MemoryStore())
    alice = harness.user("alice", "attic")
    before = harness.hub.publish(alice, "attic", "old").message
    harness.hub.rooms.delete("attic")

    harness.hub.join(alice, "attic")
    after = harness.hub.publish(alice, "attic", "new").message
    _, page = harness.hub.history(alice, "attic", joins=True)

    assert after.seq > before.seq
    assert [record.seq > before.seq for record in page.messages] == [True, True]
    assert page.messages[-1] == after
    assert not page.complete


def test_deleted_room_does_not_return_after_a_restart() -> None:
    store = MemoryStore()
    harness = Harness(store)
    harness.hub.publish(harness.user("alice", "attic"), "attic", "old")

    harness.hub.rooms.delete("attic")

    assert Harness(store).hub.room_summaries() == []


def test_recreated_room_has_no_lock_and_no_bans(harness: Harness) -> None:
    alice, bob = harness.user("alice", "Attic"), harness.user("bob", "attic")
    harness.hub.rooms.ban("attic", "bob")
    harness.hub.rooms.lock("attic", "swordfish")
    harness.hub.rooms.close("attic")
    first = harness.hub.rooms.find("attic")

    harness.hub.rooms.delete("attic")
    room = harness.hub.join(bob, "attic")

    assert (room.name, room.id == first.id, first.count) == ("attic", False, 0)
    assert harness.hub.join(alice, "attic").member_names() == ["alice", "bob"]


def test_removed_member_can_rejoin_and_disconnect(harness: Harness) -> None:
    sessions = [harness.user("alice", "attic"), listener(harness, "attic"), harness.user("bob", "attic")]
    harness.hub.rooms.delete("attic")
    harness.hub.join(sessions[0], "attic")

    for session in sessions:
        harness.hub.disconnect(session)

    assert harness.hub.room_summaries() == []


def test_removed_listener_receives_nothing_of_the_recreated_room(harness: Harness) -> None:
    channel = listener(harness, "attic")
    harness.hub.rooms.delete("attic")
    harness.clear_events()

    harness.user("alice", "attic")

    assert harness.events_of(channel) == []
    assert harness.hub.publish_to_channel("attic", "text", b"hi").delivered == 1


def test_delete_changes_nothing_if_the_history_cannot_be_erased(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(key: str) -> None:
        raise Unavailable("The disk is full.")

    alice, channel = harness.user("alice", "attic"), listener(harness, "attic")
    said = harness.hub.publish(alice, "attic", "hi").message
    harness.clear_events()
    monkeypatch.setattr(harness.store, "erase", fail)

    with pytest.raises(Unavailable):
        harness.hub.rooms.delete("attic")

    assert harness.events_of(alice) == harness.events_of(channel) == []
    assert harness.hub.history(alice, "attic")[1].messages == [said]
    assert harness.hub.room_summaries() == [RoomSummary("attic", 1, True)]
    assert harness.hub.publish_to_channel("attic", "text", b"hi").delivered == 2


def test_empty_room_with_stored_messages_can_be_deleted(harness: Harness) -> None:
    alice = harness.user("alice", "attic")
    harness.hub.publish(alice, "attic", "hi")
    harness.hub.leave(alice, "attic")

    harness.hub.rooms.delete("attic")

    assert harness.hub.room_summaries() == []


def test_recreated_large_room_reports_its_own_count() -> None:
    harness = Harness(presence_limit=0)
    alice, bob = harness.user("alice", "attic"), harness.user("bob", "attic")
    harness.hub.rooms.delete("attic")
    harness.clear_events()

    harness.hub.join(alice, "attic")
    harness.advance(1)

    assert [event.count for event in harness.events_of(alice)] == [1]  # type: ignore[union-attr]
    assert harness.events_of(bob) == []


# Ban

SPELLINGS = ["bob", "BOB", "\uff42\uff4f\uff42", "\uff22o\uff22"]


@pytest.mark.parametrize("name", SPELLINGS)
def test_ban_removes_and_notifies_the_user_and_reports_a_leave(harness: Harness, name: str) -> None:
    alice, bob = (
        harness.user("alice", "Attic"),
        harness.user("Bob", "attic", protocol=harness.other_protocol),
    )
    channel, stranger = listener(harness, "attic"), harness.user("carol", "cellar")
    harness.clear_events()

    shown = harness.hub.rooms.ban("ATTIC", name)

    assert shown == "Bob"
    assert harness.events_of(bob) == [RoomState("Attic", available=False, reason=BANNED, username="Bob")]
    assert harness.events_of(alice) == harness.events_of(channel) == [Left("Attic", "Bob", "1")]
    assert harness.events_of(stranger) == []
    assert harness.hub.room_summaries() == [RoomSummary("Attic", 1, True), RoomSummary("cellar", 1, True)]
    with pytest.raises(NotInRoom):
        harness.hub.publish(bob, "attic", "hi")


@pytest.mark.parametrize("name", SPELLINGS)
@pytest.mark.parametrize("come_back", ["as it is", "registering again", "connecting again", "as a nick"])
def test_banned_username_cannot_join(harness: Harness, name: str, come_back: str) -> None:
    harness.user("alice", "attic")
    bob = harness.user("bob", "attic")
    harness.hub.rooms.ban("attic", name)

    match come_back:
        case "registering again":
            harness.hub.unregister(bob)
            harness.hub.register(bob, name)
        case "connecting again":
            harness.hub.disconnect(bob)
            bob = harness.user(name)
        case "as a nick":
            harness.hub.disconnect(bob)
            harness.hub.register(bob := harness.connect(), name, as_nick=True)
    harness.hub.join(bob, "cellar")
    harness.clear_events()

    for room in ("attic", "ATTIC", "\uff41\uff54\uff54\uff49\uff43"):
        for alone in (False, True):
            with pytest.raises(AccessDenied, match=r'^You are banned from the room "attic"\.$'):
                harness.hub.join(bob, room, alone=alone, password="swordfish")
    with pytest.raises(AccessDenied):
        harness.hub.listen(bob, "attic")
    assert list(bob.rooms or {}) == ["cellar"]
    assert harness.protocol.deliveries == []


def test_ban_applies_to_one_room_and_one_username(harness: Harness) -> None:
    bob, bobby = harness.user("bob", "attic"), harness.user("bobby", "attic")

    harness.hub.rooms.ban("attic", "bob")

    harness.hub.join(bob, "cellar")
    assert harness.hub.publish(bobby, "attic", "hi").message.sender == "bobby"


def test_password_does_not_override_a_ban(harness: Harness) -> None:
    harness.user("alice", "attic")
    bob = harness.user("bob", "attic")
    harness.hub.rooms.ban("attic", "bob")
    harness.hub.rooms.lock("attic", "swordfish")

    assert not allowed(harness.hub.join, bob, "attic", password="swordfish")


@pytest.mark.parametrize("step", ["open", "unlock"])
def test_open_does_not_lift_bans(harness: Harness, step: str) -> None:
    harness.user("alice", "attic")
    bob = harness.user("bob", "attic")
    harness.hub.rooms.ban("attic", "bob")

    getattr(harness.hub.rooms, step)("attic")

    assert not allowed(harness.hub.join, bob, "attic")


def test_ban_of_a_non_member_reports_no_leave(harness: Harness) -> None:
    alice, bob = harness.user("alice", "attic"), harness.user("bob")
    harness.clear_events()

    assert harness.hub.rooms.ban("attic", "BOB") == "bob"

    assert harness.events_of(alice) == []
    assert harness.events_of(bob) == [RoomState("attic", available=False, reason=BANNED, username="bob")]
    assert not allowed(harness.hub.join, bob, "attic")


def test_repeated_ban_is_reported_again_and_lifted_once(harness: Harness) -> None:
    harness.user("alice", "attic")
    bob = harness.user("bob")
    harness.hub.rooms.ban("attic", "bob")
    harness.hub.rooms.ban("attic", "bob")

    harness.hub.rooms.unban("attic", "bob")

    assert len(harness.events_of(bob)) == 2
    assert allowed(harness.hub.join, bob, "attic")


@pytest.mark.parametrize("name", ["zed", "", " bob", "#17", "channel"])
def test_ban_of_an_unknown_user_is_rejected_without_effect(harness: Harness, name: str) -> None:
    alice = harness.user("alice", "attic")
    harness.clear_events()

    with pytest.raises(UnknownRecipient):
        harness.hub.rooms.ban("attic", name)

    assert harness.events_of(alice) == []
    harness.hub.leave(alice, "attic")
    assert harness.hub.room_summaries() == []


@pytest.mark.parametrize("step", ["ban", "unban"])
@pytest.mark.parametrize("room", ["nowhere", "", " attic"])
def test_ban_from_an_unknown_room_is_rejected(harness: Harness, step: str, room: str) -> None:
    bob = harness.user("bob", "attic")
    harness.clear_events()

    with pytest.raises(UnknownRoom):
        getattr(harness.hub.rooms, step)(room, "bob")

    assert harness.events_of(bob) == []


@pytest.mark.parametrize("name", SPELLINGS)
def test_unbanned_user_can_rejoin_and_is_not_notified(harness: Harness, name: str) -> None:
    alice, bob = harness.user("alice", "attic"), harness.user("bob", "attic")
    harness.hub.rooms.ban("attic", "Bob")
    harness.clear_events()

    harness.hub.rooms.unban("ATTIC", name)
    told = [harness.events_of(alice), harness.events_of(bob)]
    harness.hub.join(bob, "attic")

    assert told == [[], []]
    assert harness.events_of(alice) == [Joined("attic", "bob", "1")]


def test_unban_works_for_a_user_that_has_left(harness: Harness) -> None:
    harness.user("alice", "attic")
    bob = harness.user("bob", "attic")
    harness.hub.rooms.ban("attic", "bob")
    harness.hub.disconnect(bob)

    harness.hub.rooms.unban("attic", "bob")

    assert harness.user("bob", "attic").room is harness.hub.rooms.find("attic")


@pytest.mark.parametrize("banned", [[], ["bob"]])
def test_unban_of_an_unbanned_user_is_ignored(harness: Harness, banned: list[str]) -> None:
    alice, bob = harness.user("alice", "attic"), harness.user("bob")
    for name in banned:
        harness.hub.rooms.ban("attic", name)
    harness.clear_events()

    harness.hub.rooms.unban("attic", "zed")
    harness.hub.rooms.unban("attic", "alice")

    assert harness.events_of(alice) == harness.events_of(bob) == []
    assert allowed(harness.hub.join, bob, "attic") is not bool(banned)


@pytest.mark.parametrize("name", ["", " bob", "b\tob"])
@pytest.mark.parametrize("banned", [[], ["bob"]])
def test_unban_rejects_an_invalid_name(harness: Harness, banned: list[str], name: str) -> None:
    harness.user("alice", "attic")
    for each in banned:
        harness.hub.rooms.ban("attic", harness.user(each).name)

    with pytest.raises(InvalidName):
        harness.hub.rooms.unban("attic", name)


def test_empty_room_with_a_ban_remains(harness: Harness) -> None:
    bob = harness.user("bob", "attic")

    harness.hub.rooms.ban("attic", "bob")
    deserted = harness.hub.room_summaries()
    still_banned = not allowed(harness.hub.join, bob, "attic")
    harness.hub.rooms.unban("attic", "bob")

    assert deserted == [RoomSummary("attic", 0, True)]
    assert still_banned
    assert harness.hub.room_summaries() == []


def test_empty_room_is_removed_with_its_last_ban(harness: Harness) -> None:
    harness.user("bob", "attic")
    carol = harness.user("carol")
    for name in ("bob", "carol"):
        harness.hub.rooms.ban("attic", name)

    harness.hub.rooms.unban("attic", "bob")

    assert not allowed(harness.hub.join, carol, "attic")
    harness.hub.rooms.unban("attic", "carol")
    assert harness.hub.room_summaries() == []


def test_ban_in_a_large_room_is_reported_as_a_count() -> None:
    harness = Harness(presence_limit=1)
    alice, bob = harness.user("alice", "attic"), harness.user("bob", "attic")
    harness.user("carol", "attic")
    harness.advance(5)
    harness.clear_events()

    harness.hub.rooms.ban("attic", "bob")

    assert [event.count for event in harness.events_of(alice)] == [2]  # type: ignore[union-attr]
    assert harness.events_of(bob) == [RoomState("attic", available=False, reason=BANNED, username="bob")]


# Banned by a nick or an id


@pytest.mark.parametrize("name", ["bob", "Bob", "BOB"])
def test_ban_of_a_nick_removes_its_holder_and_rejects_all_its_sessions(harness: Harness, name: str) -> None:
    alice = harness.user("alice", "attic", "cellar")
    holders = [harness.connect(), harness.connect()]
    for holder, spelling, room in zip(holders, ("bob", "Bob"), ("attic", "cellar"), strict=True):
        harness.hub.register(holder, spelling, as_nick=True)
        harness.hub.join(holder, room)
    harness.clear_events()

    harness.hub.rooms.ban("attic", name)

    assert harness.events_of(alice) == [Left("attic", "bob", "1")]
    assert list(holders[1].rooms or {}) == ["cellar"]
    assert [(event.room, event.available) for event in harness.events_of(holders[0])] == [("attic", False)]  # type: ignore[union-attr]
    assert harness.events_of(holders[1]) == []
    for holder in holders:
        with pytest.raises(AccessDenied):
            harness.hub.join(holder, "attic", alone=True)
    assert list(holders[1].rooms or {}) == ["cellar"]


@pytest.mark.parametrize("name", ["Bob#2", "bob#2", "BOB\uff03\uff12"])
def test_ban_of_a_second_session_with_a_nick_leaves_its_holder_alone(harness: Harness, name: str) -> None:
    harness.user("alice", "attic")
    holders = [harness.connect(), harness.connect()]
    harness.hub.register(holders[0], "bob", as_nick=True)
    harness.hub.register(holders[1], "Bob", as_nick=True)
    harness.hub.join(holders[1], "attic")
    harness.clear_events()

    assert harness.hub.rooms.ban("attic", name) == "Bob#2"

    assert harness.events_of(holders[1]) == [
        RoomState("attic", available=False, reason=BANNED, username="Bob#2")
    ]
    with pytest.raises(AccessDenied):
        harness.hub.join(holders[1], "attic")
    harness.hub.join(holders[0], "attic")
    harness.hub.leave(holders[0], "attic")
    harness.hub.rooms.unban("attic", name)
    harness.hub.join(holders[1], "attic")


def test_ban_of_an_unregistered_session_by_id_removes_it(harness: Harness) -> None:
    alice, unregistered = harness.user("alice", "attic"), harness.connect()
    harness.hub.join(unregistered, "attic")
    harness.clear_events()

    assert harness.hub.rooms.ban("attic", "\uff031") == "#1"

    assert harness.events_of(unregistered) == [
        RoomState("attic", available=False, reason=BANNED, username="#1")
    ]
    assert harness.events_of(alice) == [Left("attic", "#1", "1")]


def test_banned_unregistered_session_cannot_rejoin(harness: Harness) -> None:
    harness.user("alice", "attic")
    unregistered = harness.connect()
    harness.hub.join(unregistered, "attic")
    harness.hub.rooms.ban("attic", "#1")

    with pytest.raises(AccessDenied):
        harness.hub.join(unregistered, "attic")


def test_unban_of_an_unregistered_session_by_id_admits_it(harness: Harness) -> None:
    unregistered = harness.connect()
    harness.hub.join(unregistered, "attic")
    harness.hub.rooms.ban("attic", "#0")

    harness.hub.rooms.unban("attic", "\uff030")

    assert harness.hub.room_summaries() == []


def test_ban_of_a_listener_by_id_is_rejected(harness: Harness) -> None:
    channel = listener(harness, "attic")

    with pytest.raises(HubError, match='Nobody is registered as "#0"'):
        harness.hub.rooms.ban("attic", "#0")

    assert harness.hub.publish_to_channel("attic", "text", b"hi").delivered == 1
    assert len(harness.events_of(channel)) == 1
