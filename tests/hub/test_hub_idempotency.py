"""Idempotency keys: said once, answered alike, for five minutes."""

import pytest
from quiet_store import QuietStore
from recorded_house import House

from chateau.hub.errors import AccessDenied, NotInRoom
from chateau.hub.events import Kept, RoomMessage
from chateau.hub.ports import Commit


def said(house: House, room: str) -> list[str]:
    listener = house.guest("listener", room)
    page = house.hub.history(listener, room)[1]
    house.hub.unregister(listener)
    return [message.content for message in page.messages]


def test_the_same_key_is_answered_as_the_first_was_and_nothing_is_said_twice(house: House) -> None:
    alice = house.guest("alice", "attic")
    first = house.hub.publish(alice, "attic", "paid", key="order-1")
    house.forget()

    second = house.hub.publish(alice, "Attic", "paid, again", key="order-1")

    assert second == first
    assert house.heard(alice) == []
    assert said(house, "attic") == ["paid"]


@pytest.mark.parametrize(
    ("username", "room", "key"),
    [
        pytest.param("alice", "attic", "order-2", id="another key"),
        pytest.param("alice", "cellar", "order-1", id="another room"),
        pytest.param("bob", "attic", "order-1", id="another speaker"),
    ],
)
def test_a_key_is_the_speakers_own_and_the_rooms_own(
    house: House, username: str, room: str, key: str
) -> None:
    alice, bob = house.guest("alice", "attic", "cellar"), house.guest("bob", "attic", "cellar")
    house.hub.publish(alice, "attic", "first", key="order-1")

    message = house.hub.publish({"alice": alice, "bob": bob}[username], room, "second", key=key).message

    assert message.content == "second"


def test_a_key_survives_the_connection_of_who_used_it(house: House) -> None:
    alice = house.guest("alice", "attic")
    first = house.hub.publish(alice, "attic", "paid", key="order-1")
    house.hub.disconnect(alice)

    again = house.hub.publish(house.guest("Alice", "attic"), "attic", "paid", key="order-1")

    assert again == first


def test_a_key_is_forgotten_five_minutes_after_its_first_use(house: House) -> None:
    alice = house.guest("alice", "attic")

    def publish() -> RoomMessage:
        return house.hub.publish(alice, "attic", "paid", key="order-1").message

    first = publish()
    house.pass_seconds(299)
    assert publish() == first
    house.hub.publish(alice, "attic", "later", key="order-2")
    house.pass_seconds(1)

    assert publish() != first
    assert said(house, "attic") == ["paid", "later", "paid"]


def test_without_a_key_everything_is_said(house: House) -> None:
    alice = house.guest("alice", "attic")

    for _ in range(2):
        house.hub.publish(alice, "attic", "hello")

    assert said(house, "attic") == ["hello", "hello"]


def test_a_key_stays_with_the_name_under_which_it_was_used(house: House) -> None:
    alice = house.guest("alice", "attic")
    first = house.hub.publish(alice, "attic", "paid", key="order-1")
    house.hub.unregister(alice)
    house.hub.register(alice, "alison")
    house.hub.join(alice, "attic")

    second = house.hub.publish(alice, "attic", "paid", key="order-1")

    assert second.message.sender == "alison"
    assert second != first


def test_a_key_is_answered_also_when_nothing_new_may_be_said(house: House) -> None:
    alice = house.guest("alice", "attic")
    first = house.hub.publish(alice, "attic", "paid", key="order-1")

    house.hub.rooms.close("attic")

    assert house.hub.publish(alice, "attic", "paid", key="order-1") == first
    with pytest.raises(AccessDenied):
        house.hub.publish(alice, "attic", "paid", key="order-2")


def test_a_key_under_which_nothing_could_be_said_is_as_good_as_new(house: House) -> None:
    alice = house.guest("alice", "attic")
    house.hub.rooms.close("attic")
    with pytest.raises(AccessDenied):
        house.hub.publish(alice, "attic", "paid", key="order-1")

    house.hub.rooms.open("attic")
    house.hub.publish(alice, "attic", "paid", key="order-1")

    assert said(house, "attic") == ["paid"]


def test_a_key_is_for_those_inside_only(house: House) -> None:
    alice = house.guest("alice", "attic")
    house.hub.publish(alice, "attic", "paid", key="order-1")
    house.hub.leave(alice, "attic")

    with pytest.raises(NotInRoom):
        house.hub.publish(alice, "attic", "paid", key="order-1")


class FailingStore(QuietStore):
    """Can keep nothing that is said, and finds that out later."""

    def append(self, key: str, message: Kept) -> Commit:  # type: ignore[override]
        super().append(key, message)
        return FailedCommit()


class FailedCommit:
    def done(self) -> bool:
        return True

    def exception(self) -> BaseException | None:
        return OSError("the disk is full")

    def add_done_callback(self, callback: object, /) -> None:
        pass


def test_a_key_under_which_something_was_said_that_could_not_be_kept_is_as_good_as_new() -> None:
    house = House(FailingStore())
    alice = house.guest("alice", "attic")
    first = house.hub.publish(alice, "attic", "paid", key="order-1")

    again = house.hub.publish(alice, "attic", "paid", key="order-1")

    assert again.message.seq > first.message.seq
