"""Packages and listeners: what is published to a channel, and who hears it without being a member."""

from contextlib import suppress
from functools import partial

import pytest
from quiet_store import QuietStore
from recorded_house import House

from chateau.hub.errors import AccessDenied, AlreadyInRoom, HubError, InvalidName, NotInRoom, Unavailable
from chateau.hub.events import Joined, Kept, Left, MemberCount, Package, RoomMessage, RoomState
from chateau.hub.hub import Hub, PackageReceipt, RoomSummary
from chateau.hub.ports import Commit, Store
from chateau.hub.session import Session
from chateau.store.memory import MemoryStore


@pytest.fixture
def keeping(monkeypatch: pytest.MonkeyPatch) -> House:
    """A house that keeps packages."""
    return keeping_house(monkeypatch, MemoryStore(channel_history=100))


def keeping_house(monkeypatch: pytest.MonkeyPatch, store: Store) -> House:
    monkeypatch.setattr("recorded_house.Hub", partial(Hub, keeps_packages=True))
    return House(store)


def listener(house: House, room: str) -> Session:
    session = house.visitor(protocol=house.other_protocol)
    house.hub.listen(session, room)
    return session


def publish(house: House, room: str = "attic", text: str = "hi", *, key: str | None = None) -> PackageReceipt:
    return house.hub.publish_package(room, "text", text.encode(), key=key)


# Who hears a package


@pytest.mark.parametrize("room", ["attic", "ATTIC", "\uff41\uff54\uff54\uff49\uff43"])
def test_members_and_listeners_hear_a_package_and_are_counted(house: House, room: str) -> None:
    inside = [house.guest("alice", "Attic"), listener(house, "attic"), listener(house, "ATTIC")]
    outside = house.guest("bob", "cellar")
    house.forget()

    package, commit, delivered = publish(house, room)

    assert (delivered, commit) == (3, None)
    assert package == Package("Attic", "text", b"hi", 1, package.id, package.time)
    assert [house.heard(session) for session in inside] == [[package]] * 3
    assert house.heard(outside) == []


def test_a_package_goes_out_once_a_protocol(house: House) -> None:
    members = [house.guest("alice", "attic"), house.guest("bob", "attic")]
    listeners = [listener(house, "attic"), listener(house, "attic")]
    house.forget()

    package = publish(house).package

    assert house.protocol.deliveries == [(package, members)]
    assert house.other_protocol.deliveries == [(package, listeners)]


@pytest.mark.parametrize("room", ["attic", "nowhere"])
def test_a_package_that_nobody_hears_is_delivered_to_nobody_and_makes_no_room(
    house: House, room: str
) -> None:
    alice = house.guest("alice", "attic")
    house.hub.leave(alice, "attic")
    house.forget()

    package, commit, delivered = publish(house, room)

    assert (package.room, package.seq, commit, delivered) == (room, 0, None, 0)
    assert house.hub.room_summaries() == []
    assert house.protocol.deliveries == []


def test_a_package_is_not_counted_where_only_listeners_hear_it(house: House) -> None:
    channel = listener(house, "attic")

    receipts = [publish(house), publish(house)]

    assert [(receipt.package.seq, receipt.delivered) for receipt in receipts] == [(0, 1), (0, 1)]
    assert house.heard(channel) == [receipt.package for receipt in receipts]


def test_packages_and_messages_are_counted_together_where_somebody_chats(house: House) -> None:
    alice = house.guest("alice", "attic")

    seqs = [
        house.hub.publish(alice, "attic", "1").message.seq,
        publish(house).package.seq,
        house.hub.publish(alice, "attic", "3").message.seq,
    ]
    house.hub.leave(alice, "attic")

    assert (seqs, publish(house).package.seq) == ([1, 2, 3], 0)


def test_a_package_has_an_id_and_a_time_of_its_own_whether_counted_or_not(house: House) -> None:
    first, second = publish(house).package, publish(house).package

    assert first.id < second.id
    assert first.time < second.time


def test_a_house_that_keeps_no_packages_keeps_none(house: House) -> None:
    alice = house.guest("alice", "attic")

    publish(house)

    assert house.hub.history(alice, "attic")[1].messages == []


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
    house: House, kind: str, payload: bytes, content: str
) -> None:
    alice = house.guest("alice", "attic")

    package = house.hub.publish_package("attic", kind, payload).package  # type: ignore[arg-type]

    assert house.heard(alice)[-1] is package
    assert package.as_message() == RoomMessage(
        "channel", "attic", content, package.seq, package.id, package.time
    )


@pytest.mark.parametrize("name", ["", " attic", "x" * 65, "at\ntic"])
def test_a_package_to_what_is_no_rooms_name_is_refused(house: House, name: str) -> None:
    for action in (publish, lambda house, name: house.hub.check_channel(name), listener):
        with pytest.raises(InvalidName):
            action(house, name)


@pytest.mark.parametrize("steps", [["close"], ["lock"], ["close", "lock"]])
@pytest.mark.parametrize("key", [None, "order-1"])
def test_a_package_to_a_shut_room_is_refused_and_nobody_hears_it(
    house: House, steps: list[str], key: str | None
) -> None:
    alice, channel = house.guest("alice", "attic"), listener(house, "attic")
    if key is not None:
        publish(house, key=key)
    for step in steps:
        getattr(house.hub.rooms, step)("attic", *(["swordfish"] if step == "lock" else []))
    house.forget()

    with pytest.raises(AccessDenied):
        publish(house, key=key)
    with pytest.raises(AccessDenied):
        house.hub.check_channel("ATTIC")

    assert house.heard(alice) == house.heard(channel) == []


def test_to_check_a_channel_says_which_it_is_and_makes_none(house: House) -> None:
    house.guest("alice", "Attic")

    assert house.hub.check_channel("attic").name == "Attic"
    assert house.hub.check_channel("nowhere").name == "nowhere"
    assert house.hub.room_summaries() == [RoomSummary("Attic", 1, True)]


def test_a_ban_of_a_user_shuts_no_publisher_out(house: House) -> None:
    house.guest("alice", "attic")
    house.hub.rooms.ban("attic", house.guest("bob").name)

    assert publish(house).delivered == 1


# Kept


def test_packages_are_kept_where_the_house_keeps_them_and_their_room_too(keeping: House) -> None:
    packages = [publish(keeping, "Attic", text).package for text in ("1", "2")]

    assert [package.seq for package in packages] == [1, 2]
    assert keeping.hub.room_summaries() == [RoomSummary("Attic", 0, True)]
    channel = listener(keeping, "attic")
    assert keeping.hub.history(channel, "attic", since=1)[1].messages == packages[1:]


def test_kept_packages_have_their_place_among_messages_and_arrivals(keeping: House) -> None:
    alice = keeping.guest("alice", "attic")
    said = [keeping.hub.publish(alice, "attic", "1").message, publish(keeping, text="2").package]

    _, page = keeping.hub.history(alice, "attic", arrivals=True)

    assert page.messages[1:] == said
    assert [record.seq for record in page.messages] == [1, 2, 3]


def test_a_room_that_keeps_packages_stays_when_it_is_deserted(keeping: House) -> None:
    channel = listener(keeping, "attic")
    publish(keeping)

    keeping.hub.disconnect(channel)

    assert keeping.hub.room_summaries() == [RoomSummary("attic", 0, True)]


def test_kept_packages_are_counted_also_where_nobody_chats(keeping: House) -> None:
    listener(keeping, "attic")

    assert [publish(keeping).package.seq for _ in range(2)] == [1, 2]


class TroubledStore(QuietStore):
    """Keeps nothing for now."""

    def append(self, key: str, record: Kept) -> None:
        raise Unavailable("The disk is full.")


def test_a_package_that_cannot_be_kept_is_heard_by_nobody_and_makes_no_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house = keeping_house(monkeypatch, TroubledStore())
    channel = listener(house, "attic")

    for room in ("attic", "nowhere"):
        with pytest.raises(Unavailable):
            publish(house, room, key="order-1")

    assert house.heard(channel) == []
    assert house.hub.room_summaries() == [RoomSummary("attic", 0, True)]


# Idempotency keys


def test_a_key_stands_for_one_package_whoever_publishes(house: House) -> None:
    channel = listener(house, "attic")
    first = publish(house, text="first", key="order-1")

    second = publish(house, "ATTIC", "second", key="order-1")

    assert second is first
    assert house.heard(channel) == [first.package]


@pytest.mark.parametrize(("room", "key"), [("cellar", "order-1"), ("attic", "order-2"), ("attic", None)])
def test_another_key_another_room_or_no_key_is_another_package(
    house: House, room: str, key: str | None
) -> None:
    first = publish(house, key="order-1")

    assert publish(house, room, key=key).package.id != first.package.id


def test_keys_of_packages_and_of_messages_do_not_meet(house: House) -> None:
    alice = house.guest("alice", "attic")
    package = publish(house, text="package", key="order-1").package

    message = house.hub.publish(alice, "attic", "message", key="order-1").message

    assert house.heard(alice)[-2:] == [package, message]


def test_a_key_is_forgotten_five_minutes_after_its_first_use(house: House) -> None:
    first = publish(house, key="order-1")
    house.pass_seconds(299.9)
    same = publish(house, key="order-1")
    house.pass_seconds(0.1)

    assert same is first
    assert publish(house, key="order-1").package.id != first.package.id


def test_a_key_under_which_a_package_was_refused_is_as_good_as_new(house: House) -> None:
    alice = house.guest("alice", "attic")
    house.hub.rooms.close("attic")
    with pytest.raises(AccessDenied):
        publish(house, key="order-1")
    house.hub.rooms.open("attic")

    package = publish(house, key="order-1").package

    assert house.heard(alice)[-1] is package


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

    def append(self, key: str, record: Kept) -> Commit:  # type: ignore[override]
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
    house = keeping_house(monkeypatch, store)
    first = publish(house, key="order-1")
    store.writes[0].is_done, store.writes[0].error = is_done, error

    again = publish(house, key="order-1")

    assert first.commit is store.writes[0]
    assert (again is not first) is is_new is first.has_failed
    assert len(store.writes) == 1 + is_new
    assert again.has_failed is False
    assert publish(house, key="order-1") is again


# Listeners


def test_a_listener_is_neither_counted_nor_listed_nor_told_of(house: House) -> None:
    alice = house.guest("alice", "Attic")
    house.forget()

    channel = listener(house, "attic")
    room = house.hub.rooms.find("attic")
    while_there = house.hub.room_summaries(), room.member_names(), list(room.members())
    house.hub.leave(channel, "ATTIC")

    assert while_there == ([RoomSummary("Attic", 1, True)], ["alice"], [alice])
    assert house.heard(alice) == house.heard(channel) == []


@pytest.mark.parametrize("go", ["leave", "disconnect", "unregister"])
def test_a_listener_goes_as_quietly_as_it_came(house: House, go: str) -> None:
    alice, channel = house.guest("alice", "attic"), listener(house, "attic")
    house.forget()

    getattr(house.hub, go)(channel, *(["attic"] if go == "leave" else []))

    assert house.heard(alice) == []
    assert publish(house).delivered == 1
    assert house.heard(channel) == []
    assert channel.rooms == {}


def test_no_arrival_of_a_listener_is_kept() -> None:
    house = House(MemoryStore())
    channel = listener(house, "attic")

    assert house.hub.history(channel, "attic", arrivals=True)[1].messages == []
    house.guest("alice", "attic")
    assert len(house.hub.history(channel, "attic", arrivals=True)[1].messages) == 1


def test_a_listener_hears_everything_that_members_hear(house: House) -> None:
    channel = listener(house, "attic")
    alice, bob = house.guest("alice", "attic"), house.guest("bob", "attic")

    message = house.hub.publish(alice, "attic", "hi").message
    package = publish(house).package
    house.hub.leave(bob, "attic")
    house.hub.rooms.close("attic")

    assert house.heard(channel) == [
        Joined("attic", "alice", "1"),
        Joined("attic", "bob", "2"),
        message,
        package,
        Left("attic", "bob", "2"),
        RoomState("attic", available=False, reason="The room was closed."),
    ]


def test_listeners_do_not_make_a_crowd() -> None:
    house = House(presence_limit=1)
    channels = [listener(house, "attic") for _ in range(5)]

    house.guest("alice", "attic")
    house.guest("bob", "attic")

    assert house.heard(channels[0]) == [Joined("attic", "alice", "5"), MemberCount("attic", 2)]


@pytest.mark.parametrize("name", ["#0", "\uff030"])
def test_nobody_speaks_to_a_listener(house: House, name: str) -> None:
    channel, alice = listener(house, "attic"), house.guest("alice")

    with pytest.raises(HubError, match=f'Nobody is registered as "{name}"'):
        house.hub.message(alice, [name], "hi")
    with pytest.raises(HubError, match=f'Nobody is registered as "{name}"'):
        house.hub.recipients([name, "alice"])

    assert house.hub.message_to_sessions(alice, ["0"], "hi") == ["0"]
    assert house.heard(channel) == house.heard(alice) == []


def test_a_listener_listens_to_a_room_once(house: House) -> None:
    channel = listener(house, "attic")

    with pytest.raises(AlreadyInRoom):
        house.hub.listen(channel, "ATTIC")

    assert publish(house).delivered == 1


def test_a_listener_may_listen_to_several_rooms(house: House) -> None:
    channel = listener(house, "attic")
    house.hub.listen(channel, "cellar")

    packages = [publish(house, room).package for room in ("attic", "cellar")]
    house.hub.disconnect(channel)

    assert house.heard(channel) == packages
    assert house.hub.room_summaries() == []


def test_a_room_is_there_while_somebody_listens_and_forgotten_with_the_last_one(house: House) -> None:
    channels = [listener(house, "Attic"), listener(house, "attic")]
    house.hub.disconnect(channels[0])
    between = house.hub.room_summaries()

    house.hub.disconnect(channels[1])

    assert (between, house.hub.room_summaries()) == ([RoomSummary("Attic", 0, True)], [])


def test_a_room_is_not_forgotten_while_somebody_listens_though_the_last_member_has_gone(house: House) -> None:
    channel, alice = listener(house, "attic"), house.guest("alice", "attic")

    house.hub.leave(alice, "attic")

    assert house.hub.room_summaries() == [RoomSummary("attic", 0, True)]
    package, _, delivered = publish(house)
    assert (delivered, house.heard(channel)[-1]) == (1, package)


def test_members_and_listeners_of_one_protocol_are_told_apart(house: House) -> None:
    alice, channel = house.guest("alice", "attic"), house.visitor()
    house.hub.listen(channel, "attic")
    room = house.hub.rooms.find("attic")

    both = (room.count, room.listeners, room.member_names())
    house.hub.leave(alice, "attic")

    assert both == (1, 1, ["alice"])
    assert (room.count, room.listeners, room.member_names()) == (0, 1, [])


def test_a_listener_is_not_in_the_list_of_names(house: House) -> None:
    channel = listener(house, "attic")

    assert house.hub.usernames(channel) == house.hub.usernames() == []


def test_a_listener_says_nothing(house: House) -> None:
    channel = listener(house, "attic")
    alice = house.guest("alice", "attic")
    house.forget()

    with pytest.raises(NotInRoom):
        house.hub.publish(channel, "attic", "hi")

    assert house.heard(alice) == []


def test_a_member_that_listens_elsewhere_leaves_the_count_of_members_right(house: House) -> None:
    alice, _ = house.guest("alice", "attic"), house.guest("bob", "attic")
    with suppress(HubError):  # that it cannot be both is an answer, too
        house.hub.listen(alice, "cellar")

    house.hub.disconnect(alice)

    assert house.hub.room_summaries() == [RoomSummary("attic", 1, True)]
