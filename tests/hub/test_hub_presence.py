"""Presence: single joins and leaves up to the limit, counts above it, at most once per second."""

from hub_harness import Harness

from chateau.hub.events import Joined, Left, MemberCount


def crowd(harness: Harness, size: int) -> None:
    for number in range(size):
        harness.user(f"user {number}", "hall")


def test_joins_and_leaves_are_reported_up_to_the_limit() -> None:
    harness = Harness(presence_limit=2)
    alice = harness.user("alice", "hall")
    bob = harness.user("bob", "hall")

    harness.hub.leave(bob, "hall")

    assert harness.events_of(alice) == [
        Joined("hall", "alice", "0"),
        Joined("hall", "bob", "1"),
        Left("hall", "bob", "1"),
    ]


def test_counts_are_reported_above_the_limit() -> None:
    harness = Harness(presence_limit=2)
    crowd(harness, 2)
    harness.clear_events()

    newcomer = harness.user("newcomer", "hall")

    assert [event for event, _ in harness.protocol.deliveries] == [MemberCount("hall", 3)]
    assert harness.events_of(newcomer) == [MemberCount("hall", 3)]


def test_count_is_reported_at_most_once_per_second() -> None:
    harness = Harness(presence_limit=2)
    crowd(harness, 5)

    harness.advance(0.9)
    early = [event for event, _ in harness.protocol.deliveries if isinstance(event, MemberCount)]
    harness.advance(0.1)
    late = [event for event, _ in harness.protocol.deliveries if isinstance(event, MemberCount)]

    assert early == [MemberCount("hall", 3)]
    assert late == [MemberCount("hall", 3), MemberCount("hall", 5)]


def test_unchanged_count_is_not_reported() -> None:
    harness = Harness(presence_limit=2)
    crowd(harness, 3)
    harness.clear_events()

    harness.advance(10)
    assert harness.protocol.deliveries == []

    harness.user("newcomer", "hall")
    assert [event for event, _ in harness.protocol.deliveries] == [MemberCount("hall", 4)]


def test_room_that_shrinks_to_the_limit_gets_leaves_and_a_last_count() -> None:
    harness = Harness(presence_limit=2)
    crowd(harness, 2)
    users = [harness.user(name, "hall") for name in ("alice", "bob")]
    harness.clear_events()

    harness.hub.leave(users[0], "hall")
    harness.hub.leave(users[1], "hall")
    harness.advance(1)

    told = [event for event, _ in harness.protocol.deliveries]
    assert told == [Left("hall", "bob", "3"), MemberCount("hall", 2)]


def test_removed_room_gets_no_count() -> None:
    harness = Harness(presence_limit=0)
    alice = harness.user("alice", "hall")
    bob = harness.user("bob", "hall")
    harness.clear_events()

    harness.hub.disconnect(alice)
    harness.hub.disconnect(bob)
    harness.advance(1)

    assert [event for event, _ in harness.protocol.deliveries if isinstance(event, MemberCount)] == []


def test_each_count_starts_a_new_interval() -> None:
    harness = Harness(presence_limit=2)
    crowd(harness, 4)
    harness.advance(1)
    harness.clear_events()

    harness.user("newcomer", "hall")
    harness.advance(0.9)
    assert harness.protocol.deliveries == []

    harness.advance(0.1)
    assert [event for event, _ in harness.protocol.deliveries] == [MemberCount("hall", 5)]


def test_each_room_has_its_own_interval() -> None:
    harness = Harness(presence_limit=0)
    alice = harness.user("alice", "hall")
    harness.clear_events()

    harness.hub.join(alice, "attic")

    assert harness.events_of(alice) == [MemberCount("attic", 1)]


def test_recreated_room_gets_its_count_at_the_end_of_the_interval() -> None:
    harness = Harness(presence_limit=0)
    alice = harness.user("alice", "hall")
    harness.hub.leave(alice, "hall")
    harness.clear_events()

    harness.hub.join(alice, "hall")
    assert harness.events_of(alice) == []

    harness.advance(1)
    assert harness.events_of(alice) == [MemberCount("hall", 1)]
