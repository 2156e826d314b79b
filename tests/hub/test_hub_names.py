"""Sessions and usernames: who may have which, and when it is free again."""

import pytest
from recorded_harness import Harness

from chateau.hub.errors import AlreadyRegistered, InvalidName, NameTaken
from chateau.hub.events import Left


def test_sessions_are_numbered_from_0(harness: Harness) -> None:
    assert [harness.visitor().id for _ in range(3)] == ["0", "1", "2"]


def test_a_session_without_a_name_is_shown_by_its_number(harness: Harness) -> None:
    visitor = harness.visitor()

    assert visitor.name == "#0"
    assert repr(visitor) == "<Session 0 #0 127.0.0.1>"


def test_a_registered_session_is_shown_by_its_name(harness: Harness) -> None:
    assert harness.guest("Alice").name == "Alice"


def test_names_are_listed_sorted_by_their_form_and_shown_as_registered(harness: Harness) -> None:
    for name in ("bob", "Carol", "alice"):
        harness.guest(name)

    assert harness.hub.usernames() == ["alice", "bob", "Carol"]


def test_a_name_that_another_session_has_is_taken_however_it_is_written(harness: Harness) -> None:
    harness.guest("Alice")
    visitor = harness.visitor()

    with pytest.raises(NameTaken):
        harness.hub.register(visitor, "ALICE")

    assert visitor.username is None
    assert harness.hub.usernames() == ["Alice"]


def test_a_session_has_one_name(harness: Harness) -> None:
    alice = harness.guest("alice")

    with pytest.raises(AlreadyRegistered):
        harness.hub.register(alice, "bob")

    assert harness.hub.usernames() == ["alice"]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="the empty one"),
        pytest.param(" alice", id="a space before"),
        pytest.param("alice ", id="a space behind"),
        pytest.param("al\tice", id="a control character"),
        pytest.param("x" * 33, id="more than 32 characters"),
        pytest.param("#17", id="what a session without a name is shown as"),
        pytest.param("\uff0317", id="the same in another width"),
    ],
)
def test_some_texts_are_no_names(harness: Harness, name: str) -> None:
    with pytest.raises(InvalidName):
        harness.hub.register(harness.visitor(), name)

    assert harness.hub.usernames() == []


def test_a_name_may_have_32_characters(harness: Harness) -> None:
    assert harness.guest("x" * 32).name == "x" * 32


def test_who_unregisters_leaves_all_rooms_and_frees_the_name(harness: Harness) -> None:
    alice, bob = harness.guest("alice", "attic", "cellar"), harness.guest("bob", "attic")
    harness.forget()

    harness.hub.unregister(alice)

    assert (alice.username, alice.name, alice.rooms) == (None, "#0", {})
    assert harness.heard(bob) == [Left("attic", "alice", "0")]
    assert harness.guest("alice").name == "alice"


def test_unregistering_without_a_name_does_nothing(harness: Harness) -> None:
    visitor = harness.visitor()

    harness.hub.unregister(visitor)

    assert visitor.name == "#0"


def test_who_disconnects_is_gone_and_doing_so_twice_hurts_nobody(harness: Harness) -> None:
    alice, bob = harness.guest("alice", "attic"), harness.guest("bob", "attic")
    harness.forget()

    harness.hub.disconnect(alice)
    harness.guest("alice")
    harness.hub.disconnect(alice)

    assert harness.hub.usernames() == ["alice", "bob"]
    assert harness.heard(bob) == [Left("attic", "alice", "0")]


def test_after_unregistering_a_session_may_take_a_name_again(harness: Harness) -> None:
    alice = harness.guest("alice")

    harness.hub.unregister(alice)
    harness.hub.register(alice, "bob")

    assert harness.hub.usernames() == ["bob"]
