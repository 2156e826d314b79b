"""Sessions and usernames: registration, and when a name is free again."""

import pytest
from hub_harness import Harness

from chateau.hub.errors import AlreadyRegistered, InvalidName, NameTaken
from chateau.hub.events import Left


def test_session_ids_count_from_0(harness: Harness) -> None:
    assert [harness.connect().id for _ in range(3)] == ["0", "1", "2"]


def test_unregistered_session_is_shown_by_its_id(harness: Harness) -> None:
    unregistered = harness.connect()

    assert unregistered.name == "#0"
    assert repr(unregistered) == "<Session 0 #0 127.0.0.1>"


def test_registered_session_is_shown_by_its_username(harness: Harness) -> None:
    assert harness.user("Alice").name == "Alice"


def test_usernames_are_sorted_by_normalized_name(harness: Harness) -> None:
    for name in ("bob", "Carol", "alice"):
        harness.user(name)

    assert harness.hub.usernames() == ["alice", "bob", "Carol"]


def test_register_rejects_a_taken_name_in_any_spelling(harness: Harness) -> None:
    harness.user("Alice")
    unregistered = harness.connect()

    with pytest.raises(NameTaken):
        harness.hub.register(unregistered, "ALICE")

    assert unregistered.username is None
    assert harness.hub.usernames() == ["Alice"]


def test_register_rejects_a_second_name(harness: Harness) -> None:
    alice = harness.user("alice")

    with pytest.raises(AlreadyRegistered):
        harness.hub.register(alice, "bob")

    assert harness.hub.usernames() == ["alice"]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="empty"),
        pytest.param(" alice", id="a space before"),
        pytest.param("alice ", id="a space after"),
        pytest.param("al\tice", id="a control character"),
        pytest.param("x" * 33, id="more than 32 characters"),
        pytest.param("#17", id="the form for unregistered sessions"),
        pytest.param("\uff0317", id="that form in another width"),
    ],
)
def test_register_rejects_invalid_names(harness: Harness, name: str) -> None:
    with pytest.raises(InvalidName):
        harness.hub.register(harness.connect(), name)

    assert harness.hub.usernames() == []


def test_register_accepts_32_characters(harness: Harness) -> None:
    assert harness.user("x" * 32).name == "x" * 32


def test_unregister_leaves_all_rooms_and_frees_the_name(harness: Harness) -> None:
    alice, bob = harness.user("alice", "attic", "cellar"), harness.user("bob", "attic")
    harness.clear_events()

    harness.hub.unregister(alice)

    assert (alice.username, alice.name, alice.rooms) == (None, "#0", {})
    assert harness.events_of(bob) == [Left("attic", "alice", "0")]
    assert harness.user("alice").name == "alice"


def test_unregister_without_a_name_is_ignored(harness: Harness) -> None:
    unregistered = harness.connect()

    harness.hub.unregister(unregistered)

    assert unregistered.name == "#0"


def test_disconnect_is_idempotent(harness: Harness) -> None:
    alice, bob = harness.user("alice", "attic"), harness.user("bob", "attic")
    harness.clear_events()

    harness.hub.disconnect(alice)
    harness.user("alice")
    harness.hub.disconnect(alice)

    assert harness.hub.usernames() == ["alice", "bob"]
    assert harness.events_of(bob) == [Left("attic", "alice", "0")]


def test_register_accepts_a_name_after_unregister(harness: Harness) -> None:
    alice = harness.user("alice")

    harness.hub.unregister(alice)
    harness.hub.register(alice, "bob")

    assert harness.hub.usernames() == ["bob"]
