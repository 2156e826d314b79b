"""Keepers: a room closed, locked, opened and deleted, and users banned from it and let in again."""

from collections.abc import Callable
from typing import Any

import pytest
from recorded_house import House

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


def listener(house: House, room: str) -> Session:
    session = house.visitor(protocol=house.other_protocol)
    house.hub.listen(session, room)
    return session


# Closed and locked


STATES = {
    # keepers say; may enter, may enter with the password, may speak, may publish a package
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
def test_who_may_do_what_in_which_state(house: House, state: str) -> None:
    steps, enter, enter_with, speak, publish = STATES[state]
    alice = house.guest("alice", "attic")

    for step in steps:
        getattr(house.hub.rooms, step)("ATTIC", *(["swordfish"] if step == "lock" else []))

    assert house.hub.room_summaries() == [RoomSummary("attic", 1, enter)]
    assert allowed(house.hub.publish, alice, "attic", "hi") is speak
    assert allowed(house.hub.publish_package, "attic", "text", b"hi") is publish
    assert allowed(house.hub.check_channel, "attic") is publish
    assert allowed(house.hub.listen, house.visitor(), "attic") is enter
    assert allowed(house.hub.join, house.guest("bob"), "attic") is enter
    assert allowed(house.hub.join, house.guest("carol"), "attic", password="swordfisch") is enter
    assert allowed(house.hub.join, house.guest("dave"), "attic", password="swordfish") is enter_with
    assert allowed(house.hub.history, alice, "attic")
    assert allowed(house.hub.leave, alice, "attic")


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
def test_members_and_listeners_are_told_of_each_step_and_nobody_else(
    house: House, steps: list[str], available: bool, reason: str | None
) -> None:
    inside = [house.guest("alice", "Attic"), listener(house, "attic")]
    outside = [house.guest("bob", "cellar"), house.visitor()]
    for step in steps:
        house.forget()
        getattr(house.hub.rooms, step)("attic", *(["swordfish"] if step == "lock" else []))

    assert [house.heard(session) for session in inside] == [[RoomState("Attic", available, reason)]] * 2
    assert [house.heard(session) for session in outside] == [[], []]


def test_a_password_may_be_empty_and_is_asked_for_all_the_same(house: House) -> None:
    house.guest("alice", "attic")

    house.hub.rooms.lock("attic", "")

    assert not allowed(house.hub.join, house.guest("bob"), "attic")
    assert allowed(house.hub.join, house.guest("carol"), "attic", password="")


def test_who_is_refused_stays_in_the_room_that_it_would_have_left(house: House) -> None:
    house.guest("alice", "attic")
    bob, witness = house.guest("bob", "cellar"), house.guest("carol", "cellar")
    house.hub.rooms.close("attic")
    house.forget()

    with pytest.raises(AccessDenied):
        house.hub.join(bob, "attic", alone=True)

    assert list(bob.rooms or {}) == ["cellar"]
    assert house.heard(witness) == house.heard(bob) == []


def test_a_listener_is_refused_and_is_no_listener(house: House) -> None:
    house.guest("alice", "attic")
    visitor = house.visitor()
    house.hub.rooms.lock("attic", "swordfish")

    with pytest.raises(AccessDenied):
        house.hub.listen(visitor, "attic")

    assert (visitor.is_listener, visitor.rooms) == (False, None)


@pytest.mark.parametrize("step", ["unlock", "open"])
def test_a_shut_room_that_is_deserted_is_forgotten_when_it_is_opened(house: House, step: str) -> None:
    alice = house.guest("alice", "attic")
    house.hub.rooms.lock("attic", "swordfish")
    house.hub.leave(alice, "attic")
    before = house.hub.room_summaries()

    getattr(house.hub.rooms, step)("attic")

    assert before == [RoomSummary("attic", 0, False)]
    assert house.hub.room_summaries() == []


def test_a_closed_room_that_is_deserted_is_not_forgotten_when_it_is_unlocked(house: House) -> None:
    alice = house.guest("alice", "attic")
    house.hub.rooms.close("attic")
    house.hub.leave(alice, "attic")

    house.hub.rooms.unlock("attic")

    assert house.hub.room_summaries() == [RoomSummary("attic", 0, False)]
    assert not allowed(house.hub.join, alice, "attic")


# Deleted


def test_a_deleted_room_sends_everyone_out_and_tells_them_and_nobody_else() -> None:
    house = House(MemoryStore())
    inside = [house.guest("alice", "Attic", "cellar"), house.guest("bob", "attic"), listener(house, "attic")]
    outside = house.guest("carol", "cellar")
    house.forget()

    house.hub.rooms.delete("ATTIC")

    told = RoomState("Attic", available=False, reason="The room was deleted.")
    assert [house.heard(session) for session in inside] == [[told]] * 3
    assert house.heard(outside) == []
    assert [list(session.rooms or {}) for session in inside] == [["cellar"], [], []]
    assert house.hub.room_summaries() == [RoomSummary("cellar", 2, True)]


@pytest.mark.parametrize("action", ["publish", "leave", "history"])
def test_in_a_deleted_room_nobody_does_anything(house: House, action: str) -> None:
    alice = house.guest("alice", "attic")
    house.hub.rooms.delete("attic")

    with pytest.raises(UnknownRoom):
        getattr(house.hub, action)(alice, "attic", *(["hi"] if action == "publish" else []))


@pytest.mark.parametrize("step", ["close", "open", "unlock", "delete"])
def test_a_deleted_room_is_unknown_to_its_keepers(house: House, step: str) -> None:
    house.guest("alice", "attic")
    house.hub.rooms.delete("attic")

    with pytest.raises(UnknownRoom):
        getattr(house.hub.rooms, step)("attic")


def test_what_was_said_in_a_deleted_room_is_gone_and_its_numbers_go_on() -> None:
    house = House(MemoryStore())
    alice = house.guest("alice", "attic")
    before = house.hub.publish(alice, "attic", "old").message
    house.hub.rooms.delete("attic")

    house.hub.join(alice, "attic")
    after = house.hub.publish(alice, "attic", "new").message
    _, page = house.hub.history(alice, "attic", arrivals=True)

    assert after.seq > before.seq
    assert [record.seq > before.seq for record in page.messages] == [True, True]
    assert page.messages[-1] == after
    assert not page.complete


def test_a_deleted_room_is_not_there_in_the_next_house_either() -> None:
    store = MemoryStore()
    house = House(store)
    house.hub.publish(house.guest("alice", "attic"), "attic", "old")

    house.hub.rooms.delete("attic")

    assert House(store).hub.room_summaries() == []


def test_a_room_made_anew_has_neither_the_lock_nor_the_bans_of_the_deleted_one(house: House) -> None:
    alice, bob = house.guest("alice", "Attic"), house.guest("bob", "attic")
    house.hub.rooms.ban("attic", "bob")
    house.hub.rooms.lock("attic", "swordfish")
    house.hub.rooms.close("attic")
    first = house.hub.rooms.find("attic")

    house.hub.rooms.delete("attic")
    room = house.hub.join(bob, "attic")

    assert (room.name, room.id == first.id, first.count) == ("attic", False, 0)
    assert house.hub.join(alice, "attic").member_names() == ["alice", "bob"]


def test_who_was_sent_out_comes_back_and_ends_without_trouble(house: House) -> None:
    sessions = [house.guest("alice", "attic"), listener(house, "attic"), house.guest("bob", "attic")]
    house.hub.rooms.delete("attic")
    house.hub.join(sessions[0], "attic")

    for session in sessions:
        house.hub.disconnect(session)

    assert house.hub.room_summaries() == []


def test_a_listener_that_was_sent_out_hears_nothing_of_the_room_made_anew(house: House) -> None:
    channel = listener(house, "attic")
    house.hub.rooms.delete("attic")
    house.forget()

    house.guest("alice", "attic")

    assert house.heard(channel) == []
    assert house.hub.publish_package("attic", "text", b"hi").delivered == 1


def test_a_room_that_cannot_be_erased_stays_as_it_is(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(key: str) -> None:
        raise Unavailable("The disk is full.")

    alice, channel = house.guest("alice", "attic"), listener(house, "attic")
    said = house.hub.publish(alice, "attic", "hi").message
    house.forget()
    monkeypatch.setattr(house.store, "erase", fail)

    with pytest.raises(Unavailable):
        house.hub.rooms.delete("attic")

    assert house.heard(alice) == house.heard(channel) == []
    assert house.hub.history(alice, "attic")[1].messages == [said]
    assert house.hub.room_summaries() == [RoomSummary("attic", 1, True)]
    assert house.hub.publish_package("attic", "text", b"hi").delivered == 2


def test_a_deserted_room_that_keeps_messages_can_be_deleted(house: House) -> None:
    alice = house.guest("alice", "attic")
    house.hub.publish(alice, "attic", "hi")
    house.hub.leave(alice, "attic")

    house.hub.rooms.delete("attic")

    assert house.hub.room_summaries() == []


def test_a_deleted_crowd_is_counted_anew() -> None:
    house = House(presence_limit=0)
    alice, bob = house.guest("alice", "attic"), house.guest("bob", "attic")
    house.hub.rooms.delete("attic")
    house.forget()

    house.hub.join(alice, "attic")
    house.pass_seconds(1)

    assert [event.count for event in house.heard(alice)] == [1]  # type: ignore[union-attr]
    assert house.heard(bob) == []


# Banned

SPELLINGS = ["bob", "BOB", "\uff42\uff4f\uff42", "\uff22o\uff22"]


@pytest.mark.parametrize("name", SPELLINGS)
def test_who_is_banned_is_out_and_told_so_alone_and_the_others_that_it_left(house: House, name: str) -> None:
    alice, bob = house.guest("alice", "Attic"), house.guest("Bob", "attic", protocol=house.other_protocol)
    channel, stranger = listener(house, "attic"), house.guest("carol", "cellar")
    house.forget()

    shown = house.hub.rooms.ban("ATTIC", name)

    assert shown == "Bob"
    assert house.heard(bob) == [RoomState("Attic", available=False, reason=BANNED, username="Bob")]
    assert house.heard(alice) == house.heard(channel) == [Left("Attic", "Bob", "1")]
    assert house.heard(stranger) == []
    assert house.hub.room_summaries() == [RoomSummary("Attic", 1, True), RoomSummary("cellar", 1, True)]
    with pytest.raises(NotInRoom):
        house.hub.publish(bob, "attic", "hi")


@pytest.mark.parametrize("name", SPELLINGS)
@pytest.mark.parametrize("come_back", ["as it is", "registering again", "connecting again", "as a nick"])
def test_a_banned_name_does_not_come_back(house: House, name: str, come_back: str) -> None:
    house.guest("alice", "attic")
    bob = house.guest("bob", "attic")
    house.hub.rooms.ban("attic", name)

    match come_back:
        case "registering again":
            house.hub.unregister(bob)
            house.hub.register(bob, name)
        case "connecting again":
            house.hub.disconnect(bob)
            bob = house.guest(name)
        case "as a nick":
            house.hub.disconnect(bob)
            house.hub.register(bob := house.visitor(), name, as_nick=True)
    house.hub.join(bob, "cellar")
    house.forget()

    for room in ("attic", "ATTIC", "\uff41\uff54\uff54\uff49\uff43"):
        for alone in (False, True):
            with pytest.raises(AccessDenied, match=r'^You are banned from the room "attic"\.$'):
                house.hub.join(bob, room, alone=alone, password="swordfish")
    with pytest.raises(AccessDenied):
        house.hub.listen(bob, "attic")
    assert list(bob.rooms or {}) == ["cellar"]
    assert house.protocol.deliveries == []


def test_a_ban_is_from_one_room_and_of_one_name(house: House) -> None:
    bob, bobby = house.guest("bob", "attic"), house.guest("bobby", "attic")

    house.hub.rooms.ban("attic", "bob")

    house.hub.join(bob, "cellar")
    assert house.hub.publish(bobby, "attic", "hi").message.sender == "bobby"


def test_a_password_does_not_lift_a_ban(house: House) -> None:
    house.guest("alice", "attic")
    bob = house.guest("bob", "attic")
    house.hub.rooms.ban("attic", "bob")
    house.hub.rooms.lock("attic", "swordfish")

    assert not allowed(house.hub.join, bob, "attic", password="swordfish")


@pytest.mark.parametrize("step", ["open", "unlock"])
def test_to_open_a_room_does_not_lift_a_ban(house: House, step: str) -> None:
    house.guest("alice", "attic")
    bob = house.guest("bob", "attic")
    house.hub.rooms.ban("attic", "bob")

    getattr(house.hub.rooms, step)("attic")

    assert not allowed(house.hub.join, bob, "attic")


def test_who_is_not_in_the_room_is_banned_as_well_and_nobody_is_told_that_it_left(house: House) -> None:
    alice, bob = house.guest("alice", "attic"), house.guest("bob")
    house.forget()

    assert house.hub.rooms.ban("attic", "BOB") == "bob"

    assert house.heard(alice) == []
    assert house.heard(bob) == [RoomState("attic", available=False, reason=BANNED, username="bob")]
    assert not allowed(house.hub.join, bob, "attic")


def test_who_is_banned_twice_is_told_twice_and_let_in_at_once(house: House) -> None:
    house.guest("alice", "attic")
    bob = house.guest("bob")
    house.hub.rooms.ban("attic", "bob")
    house.hub.rooms.ban("attic", "bob")

    house.hub.rooms.unban("attic", "bob")

    assert len(house.heard(bob)) == 2
    assert allowed(house.hub.join, bob, "attic")


@pytest.mark.parametrize("name", ["zed", "", " bob", "#17", "channel"])
def test_who_is_unknown_cannot_be_banned_and_nothing_changes(house: House, name: str) -> None:
    alice = house.guest("alice", "attic")
    house.forget()

    with pytest.raises(UnknownRecipient):
        house.hub.rooms.ban("attic", name)

    assert house.heard(alice) == []
    house.hub.leave(alice, "attic")
    assert house.hub.room_summaries() == []


@pytest.mark.parametrize("step", ["ban", "unban"])
@pytest.mark.parametrize("room", ["nowhere", "", " attic"])
def test_there_is_no_ban_from_a_room_that_is_not_there(house: House, step: str, room: str) -> None:
    bob = house.guest("bob", "attic")
    house.forget()

    with pytest.raises(UnknownRoom):
        getattr(house.hub.rooms, step)(room, "bob")

    assert house.heard(bob) == []


@pytest.mark.parametrize("name", SPELLINGS)
def test_who_is_let_in_again_may_come_back_and_is_not_told(house: House, name: str) -> None:
    alice, bob = house.guest("alice", "attic"), house.guest("bob", "attic")
    house.hub.rooms.ban("attic", "Bob")
    house.forget()

    house.hub.rooms.unban("ATTIC", name)
    told = [house.heard(alice), house.heard(bob)]
    house.hub.join(bob, "attic")

    assert told == [[], []]
    assert house.heard(alice) == [Joined("attic", "bob", "1")]


def test_who_has_gone_can_be_let_in_again(house: House) -> None:
    house.guest("alice", "attic")
    bob = house.guest("bob", "attic")
    house.hub.rooms.ban("attic", "bob")
    house.hub.disconnect(bob)

    house.hub.rooms.unban("attic", "bob")

    assert house.guest("bob", "attic").room is house.hub.rooms.find("attic")


@pytest.mark.parametrize("banned", [[], ["bob"]])
def test_to_let_in_who_is_not_banned_does_nothing(house: House, banned: list[str]) -> None:
    alice, bob = house.guest("alice", "attic"), house.guest("bob")
    for name in banned:
        house.hub.rooms.ban("attic", name)
    house.forget()

    house.hub.rooms.unban("attic", "zed")
    house.hub.rooms.unban("attic", "alice")

    assert house.heard(alice) == house.heard(bob) == []
    assert allowed(house.hub.join, bob, "attic") is not bool(banned)


@pytest.mark.parametrize("name", ["", " bob", "b\tob"])
@pytest.mark.parametrize("banned", [[], ["bob"]])
def test_what_is_no_name_cannot_be_let_in_again(house: House, banned: list[str], name: str) -> None:
    house.guest("alice", "attic")
    for each in banned:
        house.hub.rooms.ban("attic", house.guest(each).name)

    with pytest.raises(InvalidName):
        house.hub.rooms.unban("attic", name)


def test_a_room_that_somebody_is_banned_from_stays_when_it_is_deserted(house: House) -> None:
    bob = house.guest("bob", "attic")

    house.hub.rooms.ban("attic", "bob")
    deserted = house.hub.room_summaries()
    still_banned = not allowed(house.hub.join, bob, "attic")
    house.hub.rooms.unban("attic", "bob")

    assert deserted == [RoomSummary("attic", 0, True)]
    assert still_banned
    assert house.hub.room_summaries() == []


def test_a_room_stays_until_the_last_ban_is_lifted(house: House) -> None:
    house.guest("bob", "attic")
    carol = house.guest("carol")
    for name in ("bob", "carol"):
        house.hub.rooms.ban("attic", name)

    house.hub.rooms.unban("attic", "bob")

    assert not allowed(house.hub.join, carol, "attic")
    house.hub.rooms.unban("attic", "carol")
    assert house.hub.room_summaries() == []


def test_a_ban_in_a_crowd_is_told_as_a_count() -> None:
    house = House(presence_limit=1)
    alice, bob = house.guest("alice", "attic"), house.guest("bob", "attic")
    house.guest("carol", "attic")
    house.pass_seconds(5)
    house.forget()

    house.hub.rooms.ban("attic", "bob")

    assert [event.count for event in house.heard(alice)] == [2]  # type: ignore[union-attr]
    assert house.heard(bob) == [RoomState("attic", available=False, reason=BANNED, username="bob")]


# Banned by a nick, or by a number


@pytest.mark.parametrize("name", ["bob", "Bob", "BOB"])
def test_a_banned_nick_is_out_whoever_holds_it(house: House, name: str) -> None:
    alice = house.guest("alice", "attic", "cellar")
    holders = [house.visitor(), house.visitor()]
    for holder, spelling, room in zip(holders, ("bob", "Bob"), ("attic", "cellar"), strict=True):
        house.hub.register(holder, spelling, as_nick=True)
        house.hub.join(holder, room)
    house.forget()

    house.hub.rooms.ban("attic", name)

    assert house.heard(alice) == [Left("attic", "bob", "1")]
    assert list(holders[1].rooms or {}) == ["cellar"]
    for holder in holders:
        assert [(event.room, event.available) for event in house.heard(holder)] == [("attic", False)]  # type: ignore[union-attr]
        with pytest.raises(AccessDenied):
            house.hub.join(holder, "attic", alone=True)
    assert list(holders[1].rooms or {}) == ["cellar"]


def test_a_session_without_a_name_is_put_out_by_its_number(house: House) -> None:
    alice, visitor = house.guest("alice", "attic"), house.visitor()
    house.hub.join(visitor, "attic")
    house.forget()

    assert house.hub.rooms.ban("attic", "\uff031") == "#1"

    assert house.heard(visitor) == [RoomState("attic", available=False, reason=BANNED, username="#1")]
    assert house.heard(alice) == [Left("attic", "#1", "1")]


def test_a_session_without_a_name_that_is_banned_does_not_come_back(house: House) -> None:
    house.guest("alice", "attic")
    visitor = house.visitor()
    house.hub.join(visitor, "attic")
    house.hub.rooms.ban("attic", "#1")

    with pytest.raises(AccessDenied):
        house.hub.join(visitor, "attic")


def test_a_session_without_a_name_is_let_in_again_by_its_number(house: House) -> None:
    visitor = house.visitor()
    house.hub.join(visitor, "attic")
    house.hub.rooms.ban("attic", "#0")

    house.hub.rooms.unban("attic", "\uff030")

    assert house.hub.room_summaries() == []


def test_a_listener_cannot_be_banned_by_its_number(house: House) -> None:
    channel = listener(house, "attic")

    with pytest.raises(HubError, match='Nobody is registered as "#0"'):
        house.hub.rooms.ban("attic", "#0")

    assert house.hub.publish_package("attic", "text", b"hi").delivered == 1
    assert len(house.heard(channel)) == 1
