"""Sessions and usernames: who may have which, and when it is free again."""

import pytest
from recorded_house import House

from chateau.hub.errors import AlreadyRegistered, InvalidName, NameTaken
from chateau.hub.events import Left


def test_sessions_are_numbered_from_0(house: House) -> None:
    assert [house.visitor().id for _ in range(3)] == ["0", "1", "2"]


def test_a_session_without_a_name_is_shown_by_its_number(house: House) -> None:
    visitor = house.visitor()

    assert visitor.name == "#0"
    assert repr(visitor) == "<Session 0 #0 127.0.0.1>"


def test_a_registered_session_is_shown_by_its_name(house: House) -> None:
    assert house.guest("Alice").name == "Alice"


def test_names_are_listed_sorted_by_their_form_and_shown_as_registered(house: House) -> None:
    for name in ("bob", "Carol", "alice"):
        house.guest(name)

    assert house.hub.usernames() == ["alice", "bob", "Carol"]


def test_a_name_that_another_session_has_is_taken_however_it_is_written(house: House) -> None:
    house.guest("Alice")
    visitor = house.visitor()

    with pytest.raises(NameTaken):
        house.hub.register(visitor, "ALICE")

    assert visitor.username is None
    assert house.hub.usernames() == ["Alice"]


def test_a_session_has_one_name(house: House) -> None:
    alice = house.guest("alice")

    with pytest.raises(AlreadyRegistered):
        house.hub.register(alice, "bob")

    assert house.hub.usernames() == ["alice"]


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
def test_some_texts_are_no_names(house: House, name: str) -> None:
    with pytest.raises(InvalidName):
        house.hub.register(house.visitor(), name)

    assert house.hub.usernames() == []


def test_a_name_may_have_32_characters(house: House) -> None:
    assert house.guest("x" * 32).name == "x" * 32


def test_who_unregisters_leaves_all_rooms_and_frees_the_name(house: House) -> None:
    alice, bob = house.guest("alice", "attic", "cellar"), house.guest("bob", "attic")
    house.forget()

    house.hub.unregister(alice)

    assert (alice.username, alice.name, alice.rooms) == (None, "#0", {})
    assert house.heard(bob) == [Left("attic", "alice", "0")]
    assert house.guest("alice").name == "alice"


def test_unregistering_without_a_name_does_nothing(house: House) -> None:
    visitor = house.visitor()

    house.hub.unregister(visitor)

    assert visitor.name == "#0"


def test_who_disconnects_is_gone_and_doing_so_twice_hurts_nobody(house: House) -> None:
    alice, bob = house.guest("alice", "attic"), house.guest("bob", "attic")
    house.forget()

    house.hub.disconnect(alice)
    house.guest("alice")
    house.hub.disconnect(alice)

    assert house.hub.usernames() == ["alice", "bob"]
    assert house.heard(bob) == [Left("attic", "alice", "0")]


def test_after_unregistering_a_session_may_take_a_name_again(house: House) -> None:
    alice = house.guest("alice")

    house.hub.unregister(alice)
    house.hub.register(alice, "bob")

    assert house.hub.usernames() == ["bob"]


def test_a_name_that_another_node_holds_is_taken(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chateau.cluster.local.LocalCluster.claim", lambda self, key: key != "alice")

    with pytest.raises(NameTaken):
        house.guest("Alice")

    assert house.guest("bob").name == "bob"


def test_other_nodes_may_have_a_name_when_it_is_free_and_only_then(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims: list[str] = []
    monkeypatch.setattr(house.cluster, "claim", lambda key: claims.append(f"claim {key}") or True)
    monkeypatch.setattr(house.cluster, "release", lambda key: claims.append(f"release {key}"))

    alice, visitor = house.guest("Alice"), house.visitor()
    with pytest.raises(NameTaken):
        house.hub.register(visitor, "alice")
    house.hub.disconnect(visitor)
    house.hub.disconnect(alice)

    assert claims == ["claim alice", "release alice"]
