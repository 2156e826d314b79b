"""Idempotency keys: said once, answered alike, for five minutes."""

import pytest
from quiet_store import QuietStore
from recorded_harness import Harness

from chateau.hub.errors import AccessDenied, NotInRoom
from chateau.hub.events import RoomMessage, StoredRecord
from chateau.hub.ports import Commit


def said(harness: Harness, room: str) -> list[str]:
    listener = harness.guest("listener", room)
    page = harness.hub.history(listener, room)[1]
    harness.hub.unregister(listener)
    return [message.content for message in page.messages]


def test_the_same_key_is_answered_as_the_first_was_and_nothing_is_said_twice(harness: Harness) -> None:
    alice = harness.guest("alice", "attic")
    first = harness.hub.publish(alice, "attic", "paid", key="order-1")
    harness.forget()

    second = harness.hub.publish(alice, "Attic", "paid, again", key="order-1")

    assert second == first
    assert harness.heard(alice) == []
    assert said(harness, "attic") == ["paid"]


@pytest.mark.parametrize(
    ("username", "room", "key"),
    [
        pytest.param("alice", "attic", "order-2", id="another key"),
        pytest.param("alice", "cellar", "order-1", id="another room"),
        pytest.param("bob", "attic", "order-1", id="another speaker"),
    ],
)
def test_a_key_is_the_speakers_own_and_the_rooms_own(
    harness: Harness, username: str, room: str, key: str
) -> None:
    alice, bob = harness.guest("alice", "attic", "cellar"), harness.guest("bob", "attic", "cellar")
    harness.hub.publish(alice, "attic", "first", key="order-1")

    message = harness.hub.publish({"alice": alice, "bob": bob}[username], room, "second", key=key).message

    assert message.content == "second"


def test_a_key_survives_the_connection_of_who_used_it(harness: Harness) -> None:
    alice = harness.guest("alice", "attic")
    first = harness.hub.publish(alice, "attic", "paid", key="order-1")
    harness.hub.disconnect(alice)

    again = harness.hub.publish(harness.guest("Alice", "attic"), "attic", "paid", key="order-1")

    assert again == first


def test_a_key_is_forgotten_five_minutes_after_its_first_use(harness: Harness) -> None:
    alice = harness.guest("alice", "attic")

    def publish() -> RoomMessage:
        return harness.hub.publish(alice, "attic", "paid", key="order-1").message

    first = publish()
    harness.pass_seconds(299)
    assert publish() == first
    harness.hub.publish(alice, "attic", "later", key="order-2")
    harness.pass_seconds(1)

    assert publish() != first
    assert said(harness, "attic") == ["paid", "later", "paid"]


def test_without_a_key_everything_is_said(harness: Harness) -> None:
    alice = harness.guest("alice", "attic")

    for _ in range(2):
        harness.hub.publish(alice, "attic", "hello")

    assert said(harness, "attic") == ["hello", "hello"]


def test_a_key_stays_with_the_name_under_which_it_was_used(harness: Harness) -> None:
    alice = harness.guest("alice", "attic")
    first = harness.hub.publish(alice, "attic", "paid", key="order-1")
    harness.hub.unregister(alice)
    harness.hub.register(alice, "alison")
    harness.hub.join(alice, "attic")

    second = harness.hub.publish(alice, "attic", "paid", key="order-1")

    assert second.message.sender == "alison"
    assert second != first


def test_a_key_is_answered_also_when_nothing_new_may_be_said(harness: Harness) -> None:
    alice = harness.guest("alice", "attic")
    first = harness.hub.publish(alice, "attic", "paid", key="order-1")

    harness.hub.rooms.close("attic")

    assert harness.hub.publish(alice, "attic", "paid", key="order-1") == first
    with pytest.raises(AccessDenied):
        harness.hub.publish(alice, "attic", "paid", key="order-2")


def test_a_key_under_which_nothing_could_be_said_is_as_good_as_new(harness: Harness) -> None:
    alice = harness.guest("alice", "attic")
    harness.hub.rooms.close("attic")
    with pytest.raises(AccessDenied):
        harness.hub.publish(alice, "attic", "paid", key="order-1")

    harness.hub.rooms.open("attic")
    harness.hub.publish(alice, "attic", "paid", key="order-1")

    assert said(harness, "attic") == ["paid"]


def test_a_key_is_for_those_inside_only(harness: Harness) -> None:
    alice = harness.guest("alice", "attic")
    harness.hub.publish(alice, "attic", "paid", key="order-1")
    harness.hub.leave(alice, "attic")

    with pytest.raises(NotInRoom):
        harness.hub.publish(alice, "attic", "paid", key="order-1")


class FailingStore(QuietStore):
    """Can keep nothing that is said, and finds that out later."""

    def append(self, key: str, message: StoredRecord) -> Commit:  # type: ignore[override]
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
    harness = Harness(FailingStore())
    alice = harness.guest("alice", "attic")
    first = harness.hub.publish(alice, "attic", "paid", key="order-1")

    again = harness.hub.publish(alice, "attic", "paid", key="order-1")

    assert again.message.seq > first.message.seq
