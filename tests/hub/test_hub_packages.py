"""Packages and listeners: what is published to a channel, and who hears it without being a member."""

from contextlib import suppress
from functools import partial

import pytest
from quiet_store import QuietStore
from recorded_harness import Harness

from chateau.hub.errors import AccessDenied, AlreadyInRoom, HubError, InvalidName, NotInRoom, Unavailable
from chateau.hub.events import Joined, Left, MemberCount, Publication, RoomMessage, RoomState, StoredRecord
from chateau.hub.hub import Hub, PublicationReceipt, RoomSummary
from chateau.hub.ports import Commit, Store
from chateau.hub.session import Session
from chateau.store.memory import MemoryStore


@pytest.fixture
def keeping(monkeypatch: pytest.MonkeyPatch) -> Harness:
    """A house that keeps packages."""
    return keeping_house(monkeypatch, MemoryStore(channel_history=100))


def keeping_house(monkeypatch: pytest.MonkeyPatch, store: Store) -> Harness:
    monkeypatch.setattr("recorded_harness.Hub", partial(Hub, stores_publications=True))
    return Harness(store)


def listener(harness: Harness, room: str) -> Session:
    session = harness.visitor(protocol=harness.other_protocol)
    harness.hub.listen(session, room)
    return session


def publish(
    harness: Harness, room: str = "attic", text: str = "hi", *, key: str | None = None
) -> PublicationReceipt:
    return harness.hub.publish_to_channel(room, "text", text.encode(), key=key)


# Who hears a package


@pytest.mark.parametrize("room", ["attic", "ATTIC", "\uff41\uff54\uff54\uff49\uff43"])
def test_members_and_listeners_hear_a_package_and_are_counted(harness: Harness, room: str) -> None:
    inside = [harness.guest("alice", "Attic"), listener(harness, "attic"), listener(harness, "ATTIC")]
    outside = harness.guest("bob", "cellar")
    harness.forget()

    package, commit, delivered = publish(harness, room)

    assert (delivered, commit) == (3, None)
    assert package == Publication("Attic", "text", b"hi", 1, package.id, package.time)
    assert [harness.heard(session) for session in inside] == [[package]] * 3
    assert harness.heard(outside) == []


def test_a_package_goes_out_once_a_protocol(harness: Harness) -> None:
    members = [harness.guest("alice", "attic"), harness.guest("bob", "attic")]
    listeners = [listener(harness, "attic"), listener(harness, "attic")]
    harness.forget()

    package = publish(harness).publication

    assert harness.protocol.deliveries == [(package, members)]
    assert harness.other_protocol.deliveries == [(package, listeners)]


@pytest.mark.parametrize("room", ["attic", "nowhere"])
def test_a_package_that_nobody_hears_is_delivered_to_nobody_and_makes_no_room(
    harness: Harness, room: str
) -> None:
    alice = harness.guest("alice", "attic")
    harness.hub.leave(alice, "attic")
    harness.forget()

    package, commit, delivered = publish(harness, room)

    assert (package.room, package.seq, commit, delivered) == (room, 0, None, 0)
    assert harness.hub.room_summaries() == []
    assert harness.protocol.deliveries == []


def test_a_package_is_not_counted_where_only_listeners_hear_it(harness: Harness) -> None:
    channel = listener(harness, "attic")

    receipts = [publish(harness), publish(harness)]

    assert [(receipt.publication.seq, receipt.delivered) for receipt in receipts] == [(0, 1), (0, 1)]
    assert harness.heard(channel) == [receipt.publication for receipt in receipts]


def test_packages_and_messages_are_counted_together_where_somebody_chats(harness: Harness) -> None:
    alice = harness.guest("alice", "attic")

    seqs = [
        harness.hub.publish(alice, "attic", "1").message.seq,
        publish(harness).publication.seq,
        harness.hub.publish(alice, "attic", "3").message.seq,
    ]
    harness.hub.leave(alice, "attic")

    assert (seqs, publish(harness).publication.seq) == ([1, 2, 3], 0)


def test_a_package_has_an_id_and_a_time_of_its_own_whether_counted_or_not(harness: Harness) -> None:
    first, second = publish(harness).publication, publish(harness).publication

    assert first.id < second.id
    assert first.time < second.time


def test_a_house_that_keeps_no_packages_keeps_none(harness: Harness) -> None:
    alice = harness.guest("alice", "attic")

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
def test_who_chats_hears_a_package_as_a_message_of_the_channel(
    harness: Harness, kind: str, payload: bytes, content: str
) -> None:
    alice = harness.guest("alice", "attic")

    package = harness.hub.publish_to_channel("attic", kind, payload).publication  # type: ignore[arg-type]

    assert harness.heard(alice)[-1] is package
    assert package.as_message() == RoomMessage(
        "channel", "attic", content, package.seq, package.id, package.time
    )


@pytest.mark.parametrize("name", ["", " attic", "x" * 65, "at\ntic"])
def test_a_package_to_what_is_no_rooms_name_is_refused(harness: Harness, name: str) -> None:
    for action in (publish, lambda harness, name: harness.hub.check_channel(name), listener):
        with pytest.raises(InvalidName):
            action(harness, name)


@pytest.mark.parametrize("steps", [["close"], ["lock"], ["close", "lock"]])
@pytest.mark.parametrize("key", [None, "order-1"])
def test_a_package_to_a_shut_room_is_refused_and_nobody_hears_it(
    harness: Harness, steps: list[str], key: str | None
) -> None:
    alice, channel = harness.guest("alice", "attic"), listener(harness, "attic")
    if key is not None:
        publish(harness, key=key)
    for step in steps:
        getattr(harness.hub.rooms, step)("attic", *(["swordfish"] if step == "lock" else []))
    harness.forget()

    with pytest.raises(AccessDenied):
        publish(harness, key=key)
    with pytest.raises(AccessDenied):
        harness.hub.check_channel("ATTIC")

    assert harness.heard(alice) == harness.heard(channel) == []


def test_to_check_a_channel_says_which_it_is_and_makes_none(harness: Harness) -> None:
    harness.guest("alice", "Attic")

    assert harness.hub.check_channel("attic").name == "Attic"
    assert harness.hub.check_channel("nowhere").name == "nowhere"
    assert harness.hub.room_summaries() == [RoomSummary("Attic", 1, True)]


def test_a_ban_of_a_user_shuts_no_publisher_out(harness: Harness) -> None:
    harness.guest("alice", "attic")
    harness.hub.rooms.ban("attic", harness.guest("bob").name)

    assert publish(harness).delivered == 1


# Kept


def test_packages_are_kept_where_the_house_keeps_them_and_their_room_too(keeping: Harness) -> None:
    packages = [publish(keeping, "Attic", text).publication for text in ("1", "2")]

    assert [package.seq for package in packages] == [1, 2]
    assert keeping.hub.room_summaries() == [RoomSummary("Attic", 0, True)]
    channel = listener(keeping, "attic")
    assert keeping.hub.history(channel, "attic", since=1)[1].messages == packages[1:]


def test_kept_packages_have_their_place_among_messages_and_arrivals(keeping: Harness) -> None:
    alice = keeping.guest("alice", "attic")
    said = [keeping.hub.publish(alice, "attic", "1").message, publish(keeping, text="2").publication]

    _, page = keeping.hub.history(alice, "attic", joins=True)

    assert page.messages[1:] == said
    assert [record.seq for record in page.messages] == [1, 2, 3]


def test_a_room_that_keeps_packages_stays_when_it_is_deserted(keeping: Harness) -> None:
    channel = listener(keeping, "attic")
    publish(keeping)

    keeping.hub.disconnect(channel)

    assert keeping.hub.room_summaries() == [RoomSummary("attic", 0, True)]


def test_kept_packages_are_counted_also_where_nobody_chats(keeping: Harness) -> None:
    listener(keeping, "attic")

    assert [publish(keeping).publication.seq for _ in range(2)] == [1, 2]


class TroubledStore(QuietStore):
    """Keeps nothing for now."""

    def append(self, key: str, record: StoredRecord) -> None:
        raise Unavailable("The disk is full.")


def test_a_package_that_cannot_be_kept_is_heard_by_nobody_and_makes_no_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    harness = keeping_house(monkeypatch, TroubledStore())
    channel = listener(harness, "attic")

    for room in ("attic", "nowhere"):
        with pytest.raises(Unavailable):
            publish(harness, room, key="order-1")

    assert harness.heard(channel) == []
    assert harness.hub.room_summaries() == [RoomSummary("attic", 0, True)]


# Idempotency keys


def test_a_key_stands_for_one_package_whoever_publishes(harness: Harness) -> None:
    channel = listener(harness, "attic")
    first = publish(harness, text="first", key="order-1")

    second = publish(harness, "ATTIC", "second", key="order-1")

    assert second is first
    assert harness.heard(channel) == [first.publication]


@pytest.mark.parametrize(("room", "key"), [("cellar", "order-1"), ("attic", "order-2"), ("attic", None)])
def test_another_key_another_room_or_no_key_is_another_package(
    harness: Harness, room: str, key: str | None
) -> None:
    first = publish(harness, key="order-1")

    assert publish(harness, room, key=key).publication.id != first.publication.id


def test_keys_of_packages_and_of_messages_do_not_meet(harness: Harness) -> None:
    alice = harness.guest("alice", "attic")
    package = publish(harness, text="package", key="order-1").publication

    message = harness.hub.publish(alice, "attic", "message", key="order-1").message

    assert harness.heard(alice)[-2:] == [package, message]


def test_a_key_is_forgotten_five_minutes_after_its_first_use(harness: Harness) -> None:
    first = publish(harness, key="order-1")
    harness.pass_seconds(299.9)
    same = publish(harness, key="order-1")
    harness.pass_seconds(0.1)

    assert same is first
    assert publish(harness, key="order-1").publication.id != first.publication.id


def test_a_key_under_which_a_package_was_refused_is_as_good_as_new(harness: Harness) -> None:
    alice = harness.guest("alice", "attic")
    harness.hub.rooms.close("attic")
    with pytest.raises(AccessDenied):
        publish(harness, key="order-1")
    harness.hub.rooms.open("attic")

    package = publish(harness, key="order-1").publication

    assert harness.heard(alice)[-1] is package


class Write:
    """A commit that the test decides."""

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
    """Hands out *writes*, one after the other."""

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
        pytest.param(False, None, False, id="on its way"),
        pytest.param(True, None, False, id="it lasts"),
        pytest.param(True, OSError("the disk is full"), True, id="it failed"),
    ],
)
def test_a_key_is_as_good_as_new_when_its_package_could_not_be_kept(
    monkeypatch: pytest.MonkeyPatch, is_done: bool, error: OSError | None, is_new: bool
) -> None:
    store = SlowStore()
    harness = keeping_house(monkeypatch, store)
    first = publish(harness, key="order-1")
    store.writes[0].is_done, store.writes[0].error = is_done, error

    again = publish(harness, key="order-1")

    assert first.commit is store.writes[0]
    assert (again is not first) is is_new is first.has_failed
    assert len(store.writes) == 1 + is_new
    assert again.has_failed is False
    assert publish(harness, key="order-1") is again


# Listeners


def test_a_listener_is_neither_counted_nor_listed_nor_told_of(harness: Harness) -> None:
    alice = harness.guest("alice", "Attic")
    harness.forget()

    channel = listener(harness, "attic")
    room = harness.hub.rooms.find("attic")
    while_there = harness.hub.room_summaries(), room.member_names(), list(room.members())
    harness.hub.leave(channel, "ATTIC")

    assert while_there == ([RoomSummary("Attic", 1, True)], ["alice"], [alice])
    assert harness.heard(alice) == harness.heard(channel) == []


@pytest.mark.parametrize("go", ["leave", "disconnect", "unregister"])
def test_a_listener_goes_as_quietly_as_it_came(harness: Harness, go: str) -> None:
    alice, channel = harness.guest("alice", "attic"), listener(harness, "attic")
    harness.forget()

    getattr(harness.hub, go)(channel, *(["attic"] if go == "leave" else []))

    assert harness.heard(alice) == []
    assert publish(harness).delivered == 1
    assert harness.heard(channel) == []
    assert channel.rooms == {}


def test_no_arrival_of_a_listener_is_kept() -> None:
    harness = Harness(MemoryStore())
    channel = listener(harness, "attic")

    assert harness.hub.history(channel, "attic", joins=True)[1].messages == []
    harness.guest("alice", "attic")
    assert len(harness.hub.history(channel, "attic", joins=True)[1].messages) == 1


def test_a_listener_hears_everything_that_members_hear(harness: Harness) -> None:
    channel = listener(harness, "attic")
    alice, bob = harness.guest("alice", "attic"), harness.guest("bob", "attic")

    message = harness.hub.publish(alice, "attic", "hi").message
    package = publish(harness).publication
    harness.hub.leave(bob, "attic")
    harness.hub.rooms.close("attic")

    assert harness.heard(channel) == [
        Joined("attic", "alice", "1"),
        Joined("attic", "bob", "2"),
        message,
        package,
        Left("attic", "bob", "2"),
        RoomState("attic", available=False, reason="The room was closed."),
    ]


def test_listeners_do_not_make_a_crowd() -> None:
    harness = Harness(presence_limit=1)
    channels = [listener(harness, "attic") for _ in range(5)]

    harness.guest("alice", "attic")
    harness.guest("bob", "attic")

    assert harness.heard(channels[0]) == [Joined("attic", "alice", "5"), MemberCount("attic", 2)]


@pytest.mark.parametrize("name", ["#0", "\uff030"])
def test_nobody_speaks_to_a_listener(harness: Harness, name: str) -> None:
    channel, alice = listener(harness, "attic"), harness.guest("alice")

    with pytest.raises(HubError, match=f'Nobody is registered as "{name}"'):
        harness.hub.message(alice, [name], "hi")
    with pytest.raises(HubError, match=f'Nobody is registered as "{name}"'):
        harness.hub.recipients([name, "alice"])

    assert harness.hub.message_to_sessions(alice, ["0"], "hi") == ["0"]
    assert harness.heard(channel) == harness.heard(alice) == []


def test_a_listener_listens_to_a_room_once(harness: Harness) -> None:
    channel = listener(harness, "attic")

    with pytest.raises(AlreadyInRoom):
        harness.hub.listen(channel, "ATTIC")

    assert publish(harness).delivered == 1


def test_a_listener_may_listen_to_several_rooms(harness: Harness) -> None:
    channel = listener(harness, "attic")
    harness.hub.listen(channel, "cellar")

    packages = [publish(harness, room).publication for room in ("attic", "cellar")]
    harness.hub.disconnect(channel)

    assert harness.heard(channel) == packages
    assert harness.hub.room_summaries() == []


def test_a_room_is_there_while_somebody_listens_and_forgotten_with_the_last_one(harness: Harness) -> None:
    channels = [listener(harness, "Attic"), listener(harness, "attic")]
    harness.hub.disconnect(channels[0])
    between = harness.hub.room_summaries()

    harness.hub.disconnect(channels[1])

    assert (between, harness.hub.room_summaries()) == ([RoomSummary("Attic", 0, True)], [])


def test_a_room_is_not_forgotten_while_somebody_listens_though_the_last_member_has_gone(
    harness: Harness,
) -> None:
    channel, alice = listener(harness, "attic"), harness.guest("alice", "attic")

    harness.hub.leave(alice, "attic")

    assert harness.hub.room_summaries() == [RoomSummary("attic", 0, True)]
    package, _, delivered = publish(harness)
    assert (delivered, harness.heard(channel)[-1]) == (1, package)


def test_members_and_listeners_of_one_protocol_are_told_apart(harness: Harness) -> None:
    alice, channel = harness.guest("alice", "attic"), harness.visitor()
    harness.hub.listen(channel, "attic")
    room = harness.hub.rooms.find("attic")

    both = (room.count, room.listeners, room.member_names())
    harness.hub.leave(alice, "attic")

    assert both == (1, 1, ["alice"])
    assert (room.count, room.listeners, room.member_names()) == (0, 1, [])


def test_a_listener_is_not_in_the_list_of_names(harness: Harness) -> None:
    channel = listener(harness, "attic")

    assert harness.hub.usernames(channel) == harness.hub.usernames() == []


def test_a_listener_says_nothing(harness: Harness) -> None:
    channel = listener(harness, "attic")
    alice = harness.guest("alice", "attic")
    harness.forget()

    with pytest.raises(NotInRoom):
        harness.hub.publish(channel, "attic", "hi")

    assert harness.heard(alice) == []


def test_a_member_that_listens_elsewhere_leaves_the_count_of_members_right(harness: Harness) -> None:
    alice, _ = harness.guest("alice", "attic"), harness.guest("bob", "attic")
    with suppress(HubError):  # that it cannot be both is an answer, too
        harness.hub.listen(alice, "cellar")

    harness.hub.disconnect(alice)

    assert harness.hub.room_summaries() == [RoomSummary("attic", 1, True)]
