"""Arrivals: who came into a room is kept, one record a join, and never in the way of a join."""

import pytest
from recorded_house import House

from chateau.hub.errors import AccessDenied, AlreadyInRoom, NameTaken, Unavailable
from chateau.hub.events import Arrival, Joined, Kept, RoomMessage
from chateau.hub.hub import RoomSummary
from chateau.store.memory import MemoryStore


@pytest.fixture
def house() -> House:
    """A house whose store takes notice of arrivals."""
    return House(MemoryStore())


def kept(house: House, room: str = "attic", **asked: object) -> list[Kept]:
    """All that is kept of *room*, as somebody sees it who comes in quietly."""
    reader = house.visitor()
    house.hub.listen(reader, room)
    _, page = house.hub.history(reader, room, arrivals=True, **asked)  # type: ignore[arg-type]
    house.hub.disconnect(reader)
    return page.messages


def test_each_join_is_kept_once_with_its_number_and_time(house: House) -> None:
    house.guest("Alice", "Attic")
    house.guest("bob", "attic")

    arrivals = kept(house)

    assert [(record.username, record.room, record.seq) for record in arrivals] == [  # type: ignore[union-attr]
        ("Alice", "Attic", 1),
        ("bob", "Attic", 2),
    ]
    assert {type(record) for record in arrivals} == {Arrival}
    assert arrivals[0].time < arrivals[1].time


def test_who_comes_back_arrives_again(house: House) -> None:
    alice = house.guest("alice", "attic")
    house.hub.leave(alice, "attic")

    house.hub.join(alice, "attic")

    assert [record.seq for record in kept(house)] == [1, 2]


def test_a_leave_is_not_kept(house: House) -> None:
    alice, _ = house.guest("alice", "attic"), house.guest("bob", "attic")
    before = kept(house)

    house.hub.leave(alice, "attic")

    assert kept(house) == before


def test_who_has_no_name_arrives_under_its_number(house: House) -> None:
    house.hub.join(house.visitor(), "attic")

    assert [record.username for record in kept(house)] == ["#0"]  # type: ignore[union-attr]


def test_arrivals_are_among_what_was_said_where_they_are_asked_for_and_else_not(house: House) -> None:
    alice = house.guest("alice", "attic")
    first = house.hub.publish(alice, "attic", "1").message
    house.guest("bob", "attic")
    second = house.hub.publish(alice, "attic", "2").message

    plain = house.hub.history(alice, "attic")[1]
    full = house.hub.history(alice, "attic", arrivals=True)[1]

    assert (plain.messages, plain.complete) == ([first, second], True)
    assert [type(record) for record in full.messages] == [Arrival, RoomMessage, Arrival, RoomMessage]
    assert [record.seq for record in full.messages] == [1, 2, 3, 4]
    assert full.complete


def test_arrivals_are_asked_for_by_number_time_and_limit_like_the_rest(house: House) -> None:
    alice = house.guest("alice", "attic")
    said = house.hub.publish(alice, "attic", "1").message
    house.guest("bob", "attic")

    assert [record.seq for record in kept(house, since=2)] == [3]
    assert [record.seq for record in kept(house, end=said.time)] == [1, 2]
    assert [record.seq for record in kept(house, start=said.time)] == [2, 3]
    assert [record.seq for record in kept(house, limit=1)] == [3]


def test_who_moves_alone_arrives_in_the_new_room_only(house: House) -> None:
    alice = house.guest("alice", "attic")
    house.guest("witness", "attic")

    house.hub.join(alice, "cellar", alone=True)

    assert [record.username for record in kept(house, "cellar")] == ["alice"]  # type: ignore[union-attr]
    assert [record.username for record in kept(house)] == ["alice", "witness"]  # type: ignore[union-attr]


def test_a_refused_join_is_no_arrival(house: House) -> None:
    alice = house.guest("alice", "attic")
    first, second = house.visitor(), house.visitor()
    house.hub.register(first, "bob", as_nick=True)
    house.hub.register(second, "bob", as_nick=True)
    house.hub.join(first, "attic")
    before = kept(house)

    with pytest.raises(AlreadyInRoom):
        house.hub.join(alice, "attic")
    with pytest.raises(NameTaken):
        house.hub.join(second, "attic")
    house.hub.rooms.lock("attic", "swordfish")
    with pytest.raises(AccessDenied):
        house.guest("carol", "attic")
    house.hub.rooms.unlock("attic")

    assert kept(house) == before


def test_a_room_that_keeps_nothing_but_arrivals_is_forgotten_when_it_is_deserted(house: House) -> None:
    alice = house.guest("alice", "attic")

    house.hub.leave(alice, "attic")

    assert house.hub.room_summaries() == []


def test_who_comes_into_a_forgotten_room_finds_who_came_before_and_numbers_go_on(house: House) -> None:
    alice = house.guest("alice", "Attic")
    house.hub.leave(alice, "attic")

    bob = house.guest("bob", "attic")

    assert [(record.username, record.room, record.seq) for record in kept(house)] == [  # type: ignore[union-attr]
        ("alice", "Attic", 1),
        ("bob", "attic", 2),
    ]
    assert house.hub.publish(bob, "attic", "hi").message.seq == 3


def test_an_arrival_is_kept_when_those_inside_hear_of_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    append, deliver = house.store.append, house.protocol.deliver
    monkeypatch.setattr(house.store, "append", lambda *what: (happened.append("kept"), append(*what)))
    monkeypatch.setattr(house.protocol, "deliver", lambda *what: (happened.append("told"), deliver(*what)))

    house.guest("alice", "attic")

    assert happened == ["kept", "told"]


@pytest.mark.parametrize("method", ["append", "next_seq"])
def test_a_store_that_refuses_an_arrival_does_not_refuse_the_join(
    house: House, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    def refuse(*_: object) -> None:
        raise Unavailable("The disk is full.")

    witness, alice = house.guest("witness", "attic"), house.guest("alice", "cellar")
    house.forget()
    with monkeypatch.context() as trouble:
        trouble.setattr(house.store, method, refuse)
        room = house.hub.join(alice, "attic", alone=True)

    assert alice.room is room
    assert house.heard(witness) == house.heard(alice) == [Joined("attic", "alice", "1")]
    assert house.hub.room_summaries() == [RoomSummary("attic", 2, True)]
    assert [record.username for record in kept(house)] == ["witness"]  # type: ignore[union-attr]
    assert house.hub.publish(alice, "attic", "hi").message.seq > 1


def test_a_store_that_is_broken_otherwise_is_not_passed_over(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("nobody expected this")

    monkeypatch.setattr(house.store, "append", fail)

    with pytest.raises(OSError, match="nobody expected this"):
        house.guest("alice", "attic")
