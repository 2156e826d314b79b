"""Idempotency keys: one message and the same receipt, for five minutes."""

import pytest
from hub_harness import Harness
from quiet_store import QuietStore

from chateau.hub.errors import AccessDenied, NotInRoom
from chateau.hub.events import RoomMessage, StoredRecord
from chateau.hub.ports import Commit


def stored_contents(harness: Harness, room: str) -> list[str]:
    listener = harness.user("listener", room)
    page = harness.hub.history(listener, room)[1]
    harness.hub.unregister(listener)
    return [message.content for message in page.messages]


def test_repeated_key_returns_the_first_receipt_without_publishing(harness: Harness) -> None:
    alice = harness.user("alice", "attic")
    first = harness.hub.publish(alice, "attic", "paid", key="order-1")
    harness.clear_events()

    second = harness.hub.publish(alice, "Attic", "paid, again", key="order-1")

    assert second == first
    assert harness.events_of(alice) == []
    assert stored_contents(harness, "attic") == ["paid"]


@pytest.mark.parametrize(
    ("username", "room", "key"),
    [
        pytest.param("alice", "attic", "order-2", id="another key"),
        pytest.param("alice", "cellar", "order-1", id="another room"),
        pytest.param("bob", "attic", "order-1", id="another sender"),
    ],
)
def test_key_belongs_to_one_sender_and_one_room(harness: Harness, username: str, room: str, key: str) -> None:
    alice, bob = harness.user("alice", "attic", "cellar"), harness.user("bob", "attic", "cellar")
    harness.hub.publish(alice, "attic", "first", key="order-1")

    message = harness.hub.publish({"alice": alice, "bob": bob}[username], room, "second", key=key).message

    assert message.content == "second"


def test_key_survives_a_reconnect(harness: Harness) -> None:
    alice = harness.user("alice", "attic")
    first = harness.hub.publish(alice, "attic", "paid", key="order-1")
    harness.hub.disconnect(alice)

    again = harness.hub.publish(harness.user("Alice", "attic"), "attic", "paid", key="order-1")

    assert again == first


def test_key_expires_five_minutes_after_its_first_use(harness: Harness) -> None:
    alice = harness.user("alice", "attic")

    def publish() -> RoomMessage:
        return harness.hub.publish(alice, "attic", "paid", key="order-1").message

    first = publish()
    harness.advance(299)
    assert publish() == first
    harness.hub.publish(alice, "attic", "later", key="order-2")
    harness.advance(1)

    assert publish() != first
    assert stored_contents(harness, "attic") == ["paid", "later", "paid"]


def test_messages_without_a_key_are_all_published(harness: Harness) -> None:
    alice = harness.user("alice", "attic")

    for _ in range(2):
        harness.hub.publish(alice, "attic", "hello")

    assert stored_contents(harness, "attic") == ["hello", "hello"]


def test_key_belongs_to_the_username_not_the_session(harness: Harness) -> None:
    alice = harness.user("alice", "attic")
    first = harness.hub.publish(alice, "attic", "paid", key="order-1")
    harness.hub.unregister(alice)
    harness.hub.register(alice, "alison")
    harness.hub.join(alice, "attic")

    second = harness.hub.publish(alice, "attic", "paid", key="order-1")

    assert second.message.sender == "alison"
    assert second != first


def test_repeated_key_returns_the_receipt_in_a_closed_room(harness: Harness) -> None:
    alice = harness.user("alice", "attic")
    first = harness.hub.publish(alice, "attic", "paid", key="order-1")

    harness.hub.rooms.close("attic")

    assert harness.hub.publish(alice, "attic", "paid", key="order-1") == first
    with pytest.raises(AccessDenied):
        harness.hub.publish(alice, "attic", "paid", key="order-2")


def test_key_of_a_rejected_message_can_be_used_again(harness: Harness) -> None:
    alice = harness.user("alice", "attic")
    harness.hub.rooms.close("attic")
    with pytest.raises(AccessDenied):
        harness.hub.publish(alice, "attic", "paid", key="order-1")

    harness.hub.rooms.open("attic")
    harness.hub.publish(alice, "attic", "paid", key="order-1")

    assert stored_contents(harness, "attic") == ["paid"]


def test_repeated_key_is_rejected_for_non_members(harness: Harness) -> None:
    alice = harness.user("alice", "attic")
    harness.hub.publish(alice, "attic", "paid", key="order-1")
    harness.hub.leave(alice, "attic")

    with pytest.raises(NotInRoom):
        harness.hub.publish(alice, "attic", "paid", key="order-1")


class FailingStore(QuietStore):
    """Fails every write, after append has returned."""

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


def test_key_of_a_message_that_was_not_stored_can_be_used_again() -> None:
    harness = Harness(FailingStore())
    alice = harness.user("alice", "attic")
    first = harness.hub.publish(alice, "attic", "paid", key="order-1")

    again = harness.hub.publish(alice, "attic", "paid", key="order-1")

    assert again.message.seq > first.message.seq
