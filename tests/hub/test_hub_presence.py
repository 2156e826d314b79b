"""Presence: single joins and leaves up to the limit, counts above it, at most once a second."""

from recorded_house import House

from chateau.hub.events import Joined, Left, MemberCount


def crowd(house: House, size: int) -> None:
    for number in range(size):
        house.guest(f"guest {number}", "hall")


def test_up_to_the_limit_every_join_and_leave_is_told() -> None:
    house = House(presence_limit=2)
    alice = house.guest("alice", "hall")
    bob = house.guest("bob", "hall")

    house.hub.leave(bob, "hall")

    assert house.heard(alice) == [
        Joined("hall", "alice", "0"),
        Joined("hall", "bob", "1"),
        Left("hall", "bob", "1"),
    ]


def test_above_the_limit_everyone_is_told_the_count_in_place_of_it() -> None:
    house = House(presence_limit=2)
    crowd(house, 2)
    house.forget()

    newcomer = house.guest("newcomer", "hall")

    assert [event for event, _ in house.protocol.deliveries] == [MemberCount("hall", 3)]
    assert house.heard(newcomer) == [MemberCount("hall", 3)]


def test_a_count_is_told_at_most_once_a_second_and_then_the_latest() -> None:
    house = House(presence_limit=2)
    crowd(house, 5)

    house.pass_seconds(0.9)
    early = [event for event, _ in house.protocol.deliveries if isinstance(event, MemberCount)]
    house.pass_seconds(0.1)
    late = [event for event, _ in house.protocol.deliveries if isinstance(event, MemberCount)]

    assert early == [MemberCount("hall", 3)]
    assert late == [MemberCount("hall", 3), MemberCount("hall", 5)]


def test_when_nothing_has_changed_nothing_is_told() -> None:
    house = House(presence_limit=2)
    crowd(house, 3)
    house.forget()

    house.pass_seconds(10)
    assert house.protocol.deliveries == []

    house.guest("newcomer", "hall")
    assert [event for event, _ in house.protocol.deliveries] == [MemberCount("hall", 4)]


def test_a_crowd_that_shrinks_to_the_limit_is_told_of_single_leaves_and_once_more_of_its_count() -> None:
    house = House(presence_limit=2)
    crowd(house, 2)
    guests = [house.guest(name, "hall") for name in ("alice", "bob")]
    house.forget()

    house.hub.leave(guests[0], "hall")
    house.hub.leave(guests[1], "hall")
    house.pass_seconds(1)

    told = [event for event, _ in house.protocol.deliveries]
    assert told == [Left("hall", "bob", "3"), MemberCount("hall", 2)]


def test_a_room_that_is_forgotten_in_the_meantime_is_told_nothing() -> None:
    house = House(presence_limit=0)
    alice = house.guest("alice", "hall")
    bob = house.guest("bob", "hall")
    house.forget()

    house.hub.disconnect(alice)
    house.hub.disconnect(bob)
    house.pass_seconds(1)

    assert [event for event, _ in house.protocol.deliveries if isinstance(event, MemberCount)] == []


def test_the_latest_count_starts_a_second_of_its_own() -> None:
    house = House(presence_limit=2)
    crowd(house, 4)
    house.pass_seconds(1)
    house.forget()

    house.guest("newcomer", "hall")
    house.pass_seconds(0.9)
    assert house.protocol.deliveries == []

    house.pass_seconds(0.1)
    assert [event for event, _ in house.protocol.deliveries] == [MemberCount("hall", 5)]


def test_each_crowd_has_a_second_of_its_own() -> None:
    house = House(presence_limit=0)
    alice = house.guest("alice", "hall")
    house.forget()

    house.hub.join(alice, "attic")

    assert house.heard(alice) == [MemberCount("attic", 1)]


def test_a_room_that_is_made_anew_within_the_second_is_told_its_count_at_the_end_of_it() -> None:
    house = House(presence_limit=0)
    alice = house.guest("alice", "hall")
    house.hub.leave(alice, "hall")
    house.forget()

    house.hub.join(alice, "hall")
    assert house.heard(alice) == []

    house.pass_seconds(1)
    assert house.heard(alice) == [MemberCount("hall", 1)]
