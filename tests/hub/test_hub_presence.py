"""Presence: single joins and leaves up to the limit, counts above it, at most once a second."""

from recorded_harness import Harness

from chateau.hub.events import Joined, Left, MemberCount


def crowd(harness: Harness, size: int) -> None:
    for number in range(size):
        harness.guest(f"guest {number}", "hall")


def test_up_to_the_limit_every_join_and_leave_is_told() -> None:
    harness = Harness(presence_limit=2)
    alice = harness.guest("alice", "hall")
    bob = harness.guest("bob", "hall")

    harness.hub.leave(bob, "hall")

    assert harness.heard(alice) == [
        Joined("hall", "alice", "0"),
        Joined("hall", "bob", "1"),
        Left("hall", "bob", "1"),
    ]


def test_above_the_limit_everyone_is_told_the_count_in_place_of_it() -> None:
    harness = Harness(presence_limit=2)
    crowd(harness, 2)
    harness.forget()

    newcomer = harness.guest("newcomer", "hall")

    assert [event for event, _ in harness.protocol.deliveries] == [MemberCount("hall", 3)]
    assert harness.heard(newcomer) == [MemberCount("hall", 3)]


def test_a_count_is_told_at_most_once_a_second_and_then_the_latest() -> None:
    harness = Harness(presence_limit=2)
    crowd(harness, 5)

    harness.pass_seconds(0.9)
    early = [event for event, _ in harness.protocol.deliveries if isinstance(event, MemberCount)]
    harness.pass_seconds(0.1)
    late = [event for event, _ in harness.protocol.deliveries if isinstance(event, MemberCount)]

    assert early == [MemberCount("hall", 3)]
    assert late == [MemberCount("hall", 3), MemberCount("hall", 5)]


def test_when_nothing_has_changed_nothing_is_told() -> None:
    harness = Harness(presence_limit=2)
    crowd(harness, 3)
    harness.forget()

    harness.pass_seconds(10)
    assert harness.protocol.deliveries == []

    harness.guest("newcomer", "hall")
    assert [event for event, _ in harness.protocol.deliveries] == [MemberCount("hall", 4)]


def test_a_crowd_that_shrinks_to_the_limit_is_told_of_single_leaves_and_once_more_of_its_count() -> None:
    harness = Harness(presence_limit=2)
    crowd(harness, 2)
    guests = [harness.guest(name, "hall") for name in ("alice", "bob")]
    harness.forget()

    harness.hub.leave(guests[0], "hall")
    harness.hub.leave(guests[1], "hall")
    harness.pass_seconds(1)

    told = [event for event, _ in harness.protocol.deliveries]
    assert told == [Left("hall", "bob", "3"), MemberCount("hall", 2)]


def test_a_room_that_is_forgotten_in_the_meantime_is_told_nothing() -> None:
    harness = Harness(presence_limit=0)
    alice = harness.guest("alice", "hall")
    bob = harness.guest("bob", "hall")
    harness.forget()

    harness.hub.disconnect(alice)
    harness.hub.disconnect(bob)
    harness.pass_seconds(1)

    assert [event for event, _ in harness.protocol.deliveries if isinstance(event, MemberCount)] == []


def test_the_latest_count_starts_a_second_of_its_own() -> None:
    harness = Harness(presence_limit=2)
    crowd(harness, 4)
    harness.pass_seconds(1)
    harness.forget()

    harness.guest("newcomer", "hall")
    harness.pass_seconds(0.9)
    assert harness.protocol.deliveries == []

    harness.pass_seconds(0.1)
    assert [event for event, _ in harness.protocol.deliveries] == [MemberCount("hall", 5)]


def test_each_crowd_has_a_second_of_its_own() -> None:
    harness = Harness(presence_limit=0)
    alice = harness.guest("alice", "hall")
    harness.forget()

    harness.hub.join(alice, "attic")

    assert harness.heard(alice) == [MemberCount("attic", 1)]


def test_a_room_that_is_made_anew_within_the_second_is_told_its_count_at_the_end_of_it() -> None:
    harness = Harness(presence_limit=0)
    alice = harness.guest("alice", "hall")
    harness.hub.leave(alice, "hall")
    harness.forget()

    harness.hub.join(alice, "hall")
    assert harness.heard(alice) == []

    harness.pass_seconds(1)
    assert harness.heard(alice) == [MemberCount("hall", 1)]
