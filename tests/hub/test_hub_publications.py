"""Publications to channels, and listeners."""

from contextlib import suppress
from functools import partial

import pytest
from hub_harness import Harness
from quiet_store import QuietStore

from chateau.hub.errors import AccessDenied, AlreadyInRoom, HubError, InvalidName, NotInRoom, Unavailable
from chateau.hub.events import Joined, Left, MemberCount, Publication, RoomMessage, RoomState, StoredRecord
from chateau.hub.hub import Hub, PublicationReceipt, RoomSummary
from chateau.hub.ports import Commit, Store
from chateau.hub.session import Session
from chateau.store.memory import MemoryStore


@pytest.fixture
def storing(monkeypatch: pytest.MonkeyPatch) -> Harness:
    """A harness that stores publications."""
    return storing_harness(monkeypatch, MemoryStore(channel_history=100))


def storing_harness(monkeypatch: pytest.MonkeyPatch, store: Store) -> Harness:
    monkeypatch.setattr("hub_harness.Hub", partial(Hub, stores_publications=True))
    return Harness(store)


def listener(harness: Harness, room: str) -> Session:
    session = harness.connect(protocol=harness.other_protocol)
    harness.hub.listen(session, room)
    return session


def publish(
    harness: Harness, room: str = "attic", text: str = "hi", *, key: str | None = None
) -> PublicationReceipt:
    return harness.hub.publish_to_channel(room, "text", text.encode(), key=key)


# Delivery


@pytest.mark.parametrize("room", ["attic", "ATTIC", "\uff41\uff54\uff54\uff49\uff43"])
def test_publication_is_delivered_to_members_and_listeners_and_counts_them(
    harness: Harness, room: str
) -> None:
    inside = [harness.user("alice", "Attic"), listener(harness, "attic"), listener(harness, "ATTIC")]
    outside = harness.user("bob", "cellar")
    harness.clear_events()

    publication, commit, delivered = publish(harness, room)

    assert (delivered, commit) == (3, None)
    assert publication == Publication("Attic", "text", b"hi", 1, publication.id, publication.time)
    assert [harness.events_of(session) for session in inside] == [[publication]] * 3
    assert harness.events_of(outside) == []


def test_publication_is_passed_once_to_each_protocol(harness: Harness) -> None:
    members = [harness.user("alice", "attic"), harness.user("bob", "attic")]
    listeners = [listener(harness, "attic"), listener(harness, "attic")]
    harness.clear_events()

    publication = publish(harness).publication

    assert harness.protocol.deliveries == [(publication, members)]
    assert harness.other_protocol.deliveries == [(publication, listeners)]


@pytest.mark.parametrize("room", ["attic", "nowhere"])
def test_publication_without_subscribers_creates_no_room(harness: Harness, room: str) -> None:
    alice = harness.user("alice", "attic")
    harness.hub.leave(alice, "attic")
    harness.clear_events()

    publication, commit, delivered = publish(harness, room)

    assert (publication.room, publication.seq, commit, delivered) == (room, 0, None, 0)
    assert harness.hub.room_summaries() == []
    assert harness.protocol.deliveries == []


def test_publication_has_no_seq_in_a_room_of_listeners(harness: Harness) -> None:
    channel = listener(harness, "attic")

    receipts = [publish(harness), publish(harness)]

    assert [(receipt.publication.seq, receipt.delivered) for receipt in receipts] == [(0, 1), (0, 1)]
    assert harness.events_of(channel) == [receipt.publication for receipt in receipts]


def test_publications_and_messages_share_seqs_in_a_room_with_members(harness: Harness) -> None:
    alice = harness.user("alice", "attic")

    seqs = [
        harness.hub.publish(alice, "attic", "1").message.seq,
        publish(harness).publication.seq,
        harness.hub.publish(alice, "attic", "3").message.seq,
    ]
    harness.hub.leave(alice, "attic")

    assert (seqs, publish(harness).publication.seq) == ([1, 2, 3], 0)


def test_publication_has_an_id_and_a_time_with_and_without_a_seq(harness: Harness) -> None:
    first, second = publish(harness).publication, publish(harness).publication

    assert first.id < second.id
    assert first.time < second.time


def test_publications_are_not_stored_by_default(harness: Harness) -> None:
    alice = harness.user("alice", "attic")

    publish(harness)

    assert harness.hub.history(alice, "attic")[1].messages == []


@pytest.mark.parametrize(
    ("kind", "payload", "content"),
    [
        ("text", "hé".encode(), "hé"),
        ("json", b'{"a": [1,  2]}', '{"a": [1,  2]}'),
        ("bytes", b"\x00\xff", "AP8="),
        ("bytes", b"", ""),
    ],
)
def test_publication_as_message_is_from_the_channel(
    harness: Harness, kind: str, payload: bytes, content: str
) -> None:
    alice = harness.user("alice", "attic")

    publication = harness.hub.publish_to_channel("attic", kind, payload).publication  # type: ignore[arg-type]

    assert harness.events_of(alice)[-1] is publication
    assert publication.as_message() == RoomMessage(
        "channel", "attic", content, publication.seq, publication.id, publication.time
    )


@pytest.mark.parametrize("name", ["", " attic", "x" * 65, "at\ntic"])
def test_publish_to_channel_rejects_invalid_names(harness: Harness, name: str) -> None:
    for action in (publish, lambda harness, name: harness.hub.check_channel(name), listener):
        with pytest.raises(InvalidName):
            action(harness, name)


@pytest.mark.parametrize("steps", [["close"], ["lock"], ["close", "lock"]])
@pytest.mark.parametrize("key", [None, "order-1"])
def test_publish_to_channel_rejects_closed_and_locked_rooms(
    harness: Harness, steps: list[str], key: str | None
) -> None:
    alice, channel = harness.user("alice", "attic"), listener(harness, "attic")
    if key is not None:
        publish(harness, key=key)
    for step in steps:
        getattr(harness.hub.rooms, step)("attic", *(["swordfish"] if step == "lock" else []))
    harness.clear_events()

    with pytest.raises(AccessDenied):
        publish(harness, key=key)
    with pytest.raises(AccessDenied):
        harness.hub.check_channel("ATTIC")

    assert harness.events_of(alice) == harness.events_of(channel) == []


def test_check_channel_returns_the_room_without_creating_it(harness: Harness) -> None:
    harness.user("alice", "Attic")

    assert harness.hub.check_channel("attic").name == "Attic"
    assert harness.hub.check_channel("nowhere").name == "nowhere"
    assert harness.hub.room_summaries() == [RoomSummary("Attic", 1, True)]


def test_ban_of_a_user_does_not_affect_publishers(harness: Harness) -> None:
    harness.user("alice", "attic")
    harness.hub.rooms.ban("attic", harness.user("bob").name)

    assert publish(harness).delivered == 1


# Storage


def test_stored_publications_make_the_room_exist(storing: Harness) -> None:
    publications = [publish(storing, "Attic", text).publication for text in ("1", "2")]

    assert [publication.seq for publication in publications] == [1, 2]
    assert storing.hub.room_summaries() == [RoomSummary("Attic", 0, True)]
    channel = listener(storing, "attic")
    assert storing.hub.history(channel, "attic", since=1)[1].messages == publications[1:]


def test_stored_publications_are_ordered_among_messages_and_joins(storing: Harness) -> None:
    alice = storing.user("alice", "attic")
    said = [storing.hub.publish(alice, "attic", "1").message, publish(storing, text="2").publication]

    _, page = storing.hub.history(alice, "attic", joins=True)

    assert page.messages[1:] == said
    assert [record.seq for record in page.messages] == [1, 2, 3]


def test_empty_room_with_stored_publications_remains(storing: Harness) -> None:
    channel = listener(storing, "attic")
    publish(storing)

    storing.hub.disconnect(channel)

    assert storing.hub.room_summaries() == [RoomSummary("attic", 0, True)]


def test_stored_publications_have_seqs_in_rooms_without_members(storing: Harness) -> None:
    listener(storing, "attic")

    assert [publish(storing).publication.seq for _ in range(2)] == [1, 2]


class TroubledStore(QuietStore):
    """Rejects every record."""

    def append(self, key: str, record: StoredRecord) -> None:
        raise Unavailable("The disk is full.")


def test_publication_that_cannot_be_stored_is_not_delivered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    harness = storing_harness(monkeypatch, TroubledStore())
    channel = listener(harness, "attic")

    for room in ("attic", "nowhere"):
        with pytest.raises(Unavailable):
            publish(harness, room, key="order-1")

    assert harness.events_of(channel) == []
    assert harness.hub.room_summaries() == [RoomSummary("attic", 0, True)]


# Idempotency keys


def test_publication_key_is_shared_by_all_publishers(harness: Harness) -> None:
    channel = listener(harness, "attic")
    first = publish(harness, text="first", key="order-1")

    second = publish(harness, "ATTIC", "second", key="order-1")

    assert second is first
    assert harness.events_of(channel) == [first.publication]


@pytest.mark.parametrize(("room", "key"), [("cellar", "order-1"), ("attic", "order-2"), ("attic", None)])
def test_publication_key_belongs_to_one_room(harness: Harness, room: str, key: str | None) -> None:
    first = publish(harness, key="order-1")

    assert publish(harness, room, key=key).publication.id != first.publication.id


def test_keys_of_publications_and_messages_are_separate(harness: Harness) -> None:
    alice = harness.user("alice", "attic")
    publication = publish(harness, text="publication", key="order-1").publication

    message = harness.hub.publish(alice, "attic", "message", key="order-1").message

    assert harness.events_of(alice)[-2:] == [publication, message]


def test_key_expires_five_minutes_after_its_first_use(harness: Harness) -> None:
    first = publish(harness, key="order-1")
    harness.advance(299.9)
    same = publish(harness, key="order-1")
    harness.advance(0.1)

    assert same is first
    assert publish(harness, key="order-1").publication.id != first.publication.id


def test_key_of_a_rejected_publication_can_be_used_again(harness: Harness) -> None:
    alice = harness.user("alice", "attic")
    harness.hub.rooms.close("attic")
    with pytest.raises(AccessDenied):
        publish(harness, key="order-1")
    harness.hub.rooms.open("attic")

    publication = publish(harness, key="order-1").publication

    assert harness.events_of(alice)[-1] is publication


class Write:
    """A commit with the given state."""

    def __init__(self) -> None:
        self.is_done = False
        self.error: BaseException | None = None

    def done(self) -> bool:
        return self.is_done

    def exception(self) -> BaseException | None:
        assert self.is_done
        return self.error

    def add_done_callback(self, callback: object, /) -> None:
        raise AssertionError("the hub waits for nothing")


class SlowStore(QuietStore):
    """Returns *writes*, one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[Write] = []

    def append(self, key: str, record: StoredRecord) -> Commit:  # type: ignore[override]
        super().append(key, record)
        self.writes.append(Write())
        return self.writes[-1]


@pytest.mark.parametrize(
    ("is_done", "error", "is_new"),
    [
        pytest.param(False, None, False, id="pending"),
        pytest.param(True, None, False, id="stored"),
        pytest.param(True, OSError("the disk is full"), True, id="failed"),
    ],
)
def test_key_of_a_publication_that_was_not_stored_can_be_used_again(
    monkeypatch: pytest.MonkeyPatch, is_done: bool, error: OSError | None, is_new: bool
) -> None:
    store = SlowStore()
    harness = storing_harness(monkeypatch, store)
    first = publish(harness, key="order-1")
    store.writes[0].is_done, store.writes[0].error = is_done, error

    again = publish(harness, key="order-1")

    assert first.commit is store.writes[0]
    assert (again is not first) is is_new
    assert len(store.writes) == 1 + is_new
    assert publish(harness, key="order-1") is again


# Listeners


def test_listener_is_not_counted_listed_or_reported(harness: Harness) -> None:
    alice = harness.user("alice", "Attic")
    harness.clear_events()

    channel = listener(harness, "attic")
    room = harness.hub.rooms.find("attic")
    while_there = harness.hub.room_summaries(), room.member_names(), list(room.members())
    harness.hub.leave(channel, "ATTIC")

    assert while_there == ([RoomSummary("Attic", 1, True)], ["alice"], [alice])
    assert harness.events_of(alice) == harness.events_of(channel) == []


@pytest.mark.parametrize("go", ["leave", "disconnect", "unregister"])
def test_listener_leaves_without_a_report(harness: Harness, go: str) -> None:
    alice, channel = harness.user("alice", "attic"), listener(harness, "attic")
    harness.clear_events()

    getattr(harness.hub, go)(channel, *(["attic"] if go == "leave" else []))

    assert harness.events_of(alice) == []
    assert publish(harness).delivered == 1
    assert harness.events_of(channel) == []
    assert channel.rooms == {}


def test_listen_stores_no_join() -> None:
    harness = Harness(MemoryStore())
    channel = listener(harness, "attic")

    assert harness.hub.history(channel, "attic", joins=True)[1].messages == []
    harness.user("alice", "attic")
    assert len(harness.hub.history(channel, "attic", joins=True)[1].messages) == 1


def test_listener_receives_all_events_of_members(harness: Harness) -> None:
    channel = listener(harness, "attic")
    alice, bob = harness.user("alice", "attic"), harness.user("bob", "attic")

    message = harness.hub.publish(alice, "attic", "hi").message
    publication = publish(harness).publication
    harness.hub.leave(bob, "attic")
    harness.hub.rooms.close("attic")

    assert harness.events_of(channel) == [
        Joined("attic", "alice", "1"),
        Joined("attic", "bob", "2"),
        message,
        publication,
        Left("attic", "bob", "2"),
        RoomState("attic", available=False, reason="The room was closed."),
    ]


def test_listeners_do_not_count_for_the_presence_limit() -> None:
    harness = Harness(presence_limit=1)
    channels = [listener(harness, "attic") for _ in range(5)]

    harness.user("alice", "attic")
    harness.user("bob", "attic")

    assert harness.events_of(channels[0]) == [Joined("attic", "alice", "5"), MemberCount("attic", 2)]


@pytest.mark.parametrize("name", ["#0", "\uff030"])
def test_message_to_a_listener_is_rejected(harness: Harness, name: str) -> None:
    channel, alice = listener(harness, "attic"), harness.user("alice")

    with pytest.raises(HubError, match=f'Nobody is registered as "{name}"'):
        harness.hub.message(alice, [name], "hi")
    with pytest.raises(HubError, match=f'Nobody is registered as "{name}"'):
        harness.hub.recipients([name, "alice"])

    assert harness.hub.message_to_sessions(alice, ["0"], "hi") == ["0"]
    assert harness.events_of(channel) == harness.events_of(alice) == []


def test_listen_rejects_a_second_time(harness: Harness) -> None:
    channel = listener(harness, "attic")

    with pytest.raises(AlreadyInRoom):
        harness.hub.listen(channel, "ATTIC")

    assert publish(harness).delivered == 1


def test_listener_can_listen_to_several_rooms(harness: Harness) -> None:
    channel = listener(harness, "attic")
    harness.hub.listen(channel, "cellar")

    publications = [publish(harness, room).publication for room in ("attic", "cellar")]
    harness.hub.disconnect(channel)

    assert harness.events_of(channel) == publications
    assert harness.hub.room_summaries() == []


def test_room_exists_until_its_last_listener_leaves(harness: Harness) -> None:
    channels = [listener(harness, "Attic"), listener(harness, "attic")]
    harness.hub.disconnect(channels[0])
    between = harness.hub.room_summaries()

    harness.hub.disconnect(channels[1])

    assert (between, harness.hub.room_summaries()) == ([RoomSummary("Attic", 0, True)], [])


def test_room_with_a_listener_remains_without_members(
    harness: Harness,
) -> None:
    channel, alice = listener(harness, "attic"), harness.user("alice", "attic")

    harness.hub.leave(alice, "attic")

    assert harness.hub.room_summaries() == [RoomSummary("attic", 0, True)]
    publication, _, delivered = publish(harness)
    assert (delivered, harness.events_of(channel)[-1]) == (1, publication)


def test_members_and_listeners_of_one_protocol_are_distinguished(harness: Harness) -> None:
    alice, channel = harness.user("alice", "attic"), harness.connect()
    harness.hub.listen(channel, "attic")
    room = harness.hub.rooms.find("attic")

    both = (room.count, room.listeners, room.member_names())
    harness.hub.leave(alice, "attic")

    assert both == (1, 1, ["alice"])
    assert (room.count, room.listeners, room.member_names()) == (0, 1, [])


def test_usernames_do_not_include_listeners(harness: Harness) -> None:
    channel = listener(harness, "attic")

    assert harness.hub.usernames(channel) == harness.hub.usernames() == []


def test_listener_cannot_publish(harness: Harness) -> None:
    channel = listener(harness, "attic")
    alice = harness.user("alice", "attic")
    harness.clear_events()

    with pytest.raises(NotInRoom):
        harness.hub.publish(channel, "attic", "hi")

    assert harness.events_of(alice) == []


def test_listen_by_a_member_of_another_room_is_rejected_and_counts_stay_right(harness: Harness) -> None:
    alice, _ = harness.user("alice", "attic"), harness.user("bob", "attic")
    with suppress(HubError):  # a rejection is acceptable too
        harness.hub.listen(alice, "cellar")

    harness.hub.disconnect(alice)

    assert harness.hub.room_summaries() == [RoomSummary("attic", 1, True)]
