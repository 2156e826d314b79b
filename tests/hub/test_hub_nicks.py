"""Nicks: one name for several sessions, of which no two are in the same room; one of them holds it."""

from functools import partial

import pytest
from hub_harness import Harness, Protocol

from chateau.hub.errors import AlreadyInRoom, AlreadyRegistered, HubError, InvalidName, NameTaken
from chateau.hub.events import Joined, Left
from chateau.hub.hub import Hub, RoomSummary
from chateau.hub.session import Session

SPELLINGS = [
    pytest.param("bob", id="unchanged"),
    pytest.param("BOB", id="another case"),
    pytest.param("\uff42\uff4f\uff42", id="another width"),
    pytest.param("\uff22o\uff22", id="another case and width"),
]
ROOM_SPELLINGS = [
    pytest.param("attic", id="unchanged"),
    pytest.param("ATTIC", id="another case"),
    pytest.param("\uff41\uff54\uff54\uff49\uff43", id="another width"),
]


def nick(harness: Harness, name: str, *rooms: str, protocol: Protocol | None = None) -> Session:
    """Return a session with the nick *name* that has joined *rooms*."""
    session = harness.connect(protocol=protocol)
    harness.hub.register(session, name, as_nick=True)
    for room in rooms:
        harness.hub.join(session, room)
    return session


def picture(harness: Harness) -> object:
    """Return everything that a rejected request must not change."""
    rooms = harness.hub.rooms.by_key.values()
    return (
        [(session.name, session.username, session.key) for session in harness.hub.sessions()],
        [list(session.rooms or {}) for session in harness.hub.sessions()],
        [(room.name, room.count, room.member_names()) for room in rooms],
        list(harness.hub.usernames()),
        list(harness.protocol.deliveries),
        [
            harness.hub.history(session, room)
            for session in harness.hub.sessions()
            for room in session.rooms or {}
        ],
    )


# Register


@pytest.mark.parametrize("name", SPELLINGS)
def test_sessions_in_different_rooms_can_share_a_nick(harness: Harness, name: str) -> None:
    first = nick(harness, "bob", "attic")

    second = nick(harness, name, "cellar")

    assert (first.name, second.name) == ("bob", f"{name}#1")
    assert (first.nick, second.nick) == ("bob", name)
    assert harness.hub.room_summaries() == [RoomSummary("attic", 1, True), RoomSummary("cellar", 1, True)]


def test_sessions_in_no_room_can_share_a_nick(harness: Harness) -> None:
    first, second = nick(harness, "bob"), nick(harness, "bob")

    assert (first.username, second.username) == ("bob", "bob#1")


@pytest.mark.parametrize("name", SPELLINGS)
def test_each_session_with_a_nick_is_listed_by_its_own_name(harness: Harness, name: str) -> None:
    nick(harness, "bob", "attic")
    nick(harness, name, "cellar")

    assert harness.hub.usernames() == ["bob", f"{name}#1"]


@pytest.mark.parametrize("go", ["unregister", "disconnect"])
def test_second_session_keeps_its_name_when_the_holder_has_left(harness: Harness, go: str) -> None:
    first, second = nick(harness, "bob"), nick(harness, "BOB", "attic")

    getattr(harness.hub, go)(first)

    assert harness.hub.usernames() == ["BOB#1"]
    assert (second.name, second.nick) == ("BOB#1", "BOB")
    assert harness.hub.rooms.find("attic").member_names() == ["BOB#1"]


def test_next_session_holds_the_nick_when_the_holder_has_left(harness: Harness) -> None:
    first, second = nick(harness, "bob"), nick(harness, "bob")
    harness.hub.disconnect(first)

    third = nick(harness, "bob")

    assert (second.name, third.name) == ("bob#1", "bob")
    assert nick(harness, "bob").name == "bob#3"


def test_nick_that_is_too_long_with_an_id_is_not_shared(harness: Harness) -> None:
    nick(harness, "b" * 31)

    with pytest.raises(NameTaken):
        nick(harness, "b" * 31)

    nick(harness, "c" * 30)
    assert nick(harness, "c" * 30).name == "c" * 30 + "#3"


def test_list_of_names_follows_every_change(harness: Harness) -> None:
    lists = [harness.hub.usernames()]
    bob = nick(harness, "bob")
    lists.append(harness.hub.usernames())
    harness.user("alice")
    lists.append(harness.hub.usernames())
    harness.hub.unregister(bob)
    lists.append(harness.hub.usernames())

    assert lists == [[], ["bob"], ["alice", "bob"], ["alice"]]


@pytest.mark.parametrize("as_nick", [False, True])
def test_register_rejects_a_second_name_after_a_nick(harness: Harness, as_nick: bool) -> None:
    bob = nick(harness, "bob")

    with pytest.raises(AlreadyRegistered):
        harness.hub.register(bob, "bobby", as_nick=as_nick)

    assert harness.hub.usernames() == ["bob"]


def test_session_with_a_nick_can_join_several_rooms(harness: Harness) -> None:
    bob = nick(harness, "bob", "attic", "cellar")

    assert harness.hub.publish(bob, "cellar", "hi").message.sender == "bob"


# One session per room


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("room", ROOM_SPELLINGS)
@pytest.mark.parametrize("name", SPELLINGS)
def test_join_rejects_a_second_session_with_a_nick_without_effect(
    harness: Harness, name: str, room: str, alone: bool
) -> None:
    nick(harness, "bob", "attic")
    second = nick(harness, name, "cellar")
    before = picture(harness)

    with pytest.raises(NameTaken) as caught:
        harness.hub.join(second, room, alone=alone)

    assert str(caught.value) == f'The username "{name}" is taken.'
    assert picture(harness) == before


def test_join_rejects_a_nick_from_a_session_without_a_room(harness: Harness) -> None:
    nick(harness, "bob", "attic")
    second = nick(harness, "bob")

    with pytest.raises(NameTaken):
        harness.hub.join(second, "attic")

    assert (second.rooms, second.room) == (None, None)


def test_join_rejects_a_nick_in_each_of_its_rooms(harness: Harness) -> None:
    nick(harness, "bob", "attic", "cellar", "hall")
    second = nick(harness, "bob", "garden")

    for room in ("attic", "cellar", "hall"):
        with pytest.raises(NameTaken):
            harness.hub.join(second, room)


def test_member_that_joins_again_gets_already_in_room(harness: Harness) -> None:
    bob = nick(harness, "bob", "attic")
    nick(harness, "bob", "cellar")

    with pytest.raises(AlreadyInRoom):
        harness.hub.join(bob, "ATTIC", alone=True)


def test_two_sessions_with_one_nick_cannot_swap_rooms_directly(harness: Harness) -> None:
    first, second = nick(harness, "bob", "attic"), nick(harness, "Bob", "cellar")

    for session, room in ((first, "cellar"), (second, "attic")):
        with pytest.raises(NameTaken):
            harness.hub.join(session, room, alone=True)

    assert [list(session.rooms or {}) for session in (first, second)] == [["attic"], ["cellar"]]


def test_two_sessions_with_one_nick_can_swap_through_a_third_room(harness: Harness) -> None:
    first, second = nick(harness, "bob", "attic"), nick(harness, "Bob", "cellar")

    harness.hub.join(first, "hall", alone=True)
    harness.hub.join(second, "attic", alone=True)
    harness.hub.join(first, "cellar", alone=True)

    assert [list(session.rooms or {}) for session in (first, second)] == [["cellar"], ["attic"]]
    assert first.room is harness.hub.rooms.find("cellar")


def test_join_alone_leaves_other_rooms_and_notifies_them(harness: Harness) -> None:
    bob = nick(harness, "bob", "attic", "cellar")
    witnesses = [harness.user(name, room) for name, room in (("ann", "attic"), ("cat", "cellar"))]
    harness.clear_events()

    harness.hub.join(bob, "hall", alone=True)

    assert list(bob.rooms or {}) == ["hall"]
    assert [harness.events_of(witness) for witness in witnesses] == [
        [Left("attic", "bob", "0")],
        [Left("cellar", "bob", "0")],
    ]
    assert harness.events_of(bob) == [Joined("hall", "bob", "0")]


@pytest.mark.parametrize("go", ["leave", "unregister", "disconnect"])
def test_nick_can_join_after_the_other_session_has_left(harness: Harness, go: str) -> None:
    first, second = nick(harness, "bob", "attic"), nick(harness, "Bob", "cellar")
    with pytest.raises(NameTaken):
        harness.hub.join(second, "attic")

    getattr(harness.hub, go)(first, *(["attic"] if go == "leave" else []))
    harness.hub.join(second, "attic")

    assert harness.hub.rooms.find("attic").member_names() == ["Bob#1"]


def test_nick_cannot_rejoin_after_the_other_session_has_joined(harness: Harness) -> None:
    first, second = nick(harness, "bob", "attic"), nick(harness, "Bob")
    harness.hub.leave(first, "attic")
    harness.hub.join(second, "attic")

    with pytest.raises(NameTaken):
        harness.hub.join(first, "attic")

    assert harness.hub.rooms.find("attic").member_names() == ["Bob#1"]


def test_join_checks_the_latest_session_with_a_nick_too(harness: Harness) -> None:
    for room in ("attic", "cellar"):
        nick(harness, "bob", room)
    third = nick(harness, "bob")

    for room in ("attic", "cellar"):
        with pytest.raises(NameTaken):
            harness.hub.join(third, room)


def test_recreated_room_admits_either_session_with_a_nick_but_not_both(
    harness: Harness,
) -> None:
    first, second = nick(harness, "bob", "attic"), nick(harness, "bob")
    harness.hub.rooms.delete("attic")

    harness.hub.join(second, "attic")

    with pytest.raises(NameTaken):
        harness.hub.join(first, "attic")


@pytest.mark.parametrize("name", SPELLINGS)
def test_member_cannot_register_a_nick_of_its_room(harness: Harness, name: str) -> None:
    nick(harness, "bob", "attic")
    unregistered = harness.connect()
    harness.hub.join(unregistered, "attic")

    with pytest.raises(NameTaken):
        harness.hub.register(unregistered, name, as_nick=True)

    assert harness.hub.rooms.find("attic").member_names() == ["#1", "bob"]


def test_member_can_register_a_nick_of_another_room(harness: Harness) -> None:
    nick(harness, "bob", "attic")
    unregistered = harness.connect()
    harness.hub.join(unregistered, "cellar")

    harness.hub.register(unregistered, "bob", as_nick=True)

    assert harness.hub.rooms.find("cellar").member_names() == ["bob#1"]


def test_nick_registered_again_is_still_rejected_by_the_room(harness: Harness) -> None:
    nick(harness, "bob", "attic")
    second = nick(harness, "bob", "cellar")
    harness.hub.unregister(second)
    harness.hub.register(second, "Bob", as_nick=True)

    with pytest.raises(NameTaken):
        harness.hub.join(second, "attic")


# Nicks and registered names


@pytest.mark.parametrize("name", SPELLINGS)
def test_registered_name_cannot_become_a_nick(harness: Harness, name: str) -> None:
    harness.user("bob")

    with pytest.raises(NameTaken):
        nick(harness, name)

    assert harness.hub.usernames() == ["bob"]


@pytest.mark.parametrize("name", SPELLINGS)
def test_nick_cannot_be_registered_exclusively(harness: Harness, name: str) -> None:
    nick(harness, "bob")

    with pytest.raises(NameTaken):
        harness.user(name)

    assert harness.hub.usernames() == ["bob"]


@pytest.mark.parametrize("leaver", [0, 1])
@pytest.mark.parametrize("go", ["unregister", "disconnect"])
@pytest.mark.parametrize("name", SPELLINGS)
def test_nick_cannot_be_registered_exclusively_while_one_session_has_it(
    harness: Harness, name: str, go: str, leaver: int
) -> None:
    holders = [nick(harness, "bob", "attic"), nick(harness, "\uff22\uff2f\uff22", "cellar")]
    getattr(harness.hub, go)(holders[leaver])

    with pytest.raises(NameTaken):
        harness.user(name)


def test_freed_nick_can_be_registered_exclusively(harness: Harness) -> None:
    holders = [nick(harness, "bob", "attic"), nick(harness, "Bob", "cellar")]
    for holder in holders:
        harness.hub.unregister(holder)

    harness.hub.register(holders[0], "BOB")

    with pytest.raises(NameTaken):
        harness.hub.register(holders[1], "bob", as_nick=True)


def test_freed_name_can_become_a_nick(
    harness: Harness,
) -> None:
    owner = harness.user("bob")
    harness.hub.unregister(owner)
    nick(harness, "bob")

    nick(harness, "bob")

    with pytest.raises(NameTaken):
        harness.hub.register(owner, "bob")


def test_exclusive_registration_of_a_shared_nick_is_rejected(
    harness: Harness,
) -> None:
    bob, _ = nick(harness, "bob"), nick(harness, "bob")
    harness.hub.unregister(bob)

    with pytest.raises(NameTaken):
        harness.hub.register(bob, "bob")

    assert bob.username is None


def test_rejected_nick_has_no_effect(harness: Harness) -> None:
    harness.user("bob", "attic")
    unregistered = harness.connect()
    harness.hub.join(unregistered, "cellar")
    before = picture(harness)

    with pytest.raises(NameTaken):
        harness.hub.register(unregistered, "Bob", as_nick=True)

    assert picture(harness) == before


# Invalid and reserved names


@pytest.mark.parametrize("as_nick", [False, True])
@pytest.mark.parametrize(
    "name",
    [
        "channel",
        "Channel",
        "\uff23\uff28\uff21\uff2e\uff2e\uff25\uff2c",
        "server",
        "SERVER",
        "\uff53\uff45\uff52\uff56\uff45\uff52",
        "the house",
        "The\u3000House",
    ],
)
def test_register_rejects_reserved_names(monkeypatch: pytest.MonkeyPatch, name: str, as_nick: bool) -> None:
    monkeypatch.setattr("hub_harness.Hub", partial(Hub, reserved_names=["Server", "The House"]))
    harness = Harness()

    with pytest.raises(InvalidName, match="it is reserved for the server"):
        harness.hub.register(harness.connect(), name, as_nick=as_nick)

    assert harness.hub.usernames() == []


@pytest.mark.parametrize("as_nick", [False, True])
@pytest.mark.parametrize("base", ["", "alice", "a b", "#", "a#1", "\u0430"])
@pytest.mark.parametrize(
    "end",
    [
        "#0",
        "#17",
        "\uff0317",
        "\ufe5f5",
        "#\uff11\uff17",
        "\uff03①",
        "#²",
        "#٣",
        "#007",
        "♯5",
        "⌗17",
        "⋕²",
        "⧣5",
    ],
)
def test_register_rejects_names_that_end_with_an_id_in_any_digits(
    harness: Harness, base: str, end: str, as_nick: bool
) -> None:
    name = base + end

    with pytest.raises(InvalidName, match="the server gives names that end with # and digits"):
        harness.hub.register(harness.connect(), name, as_nick=as_nick)


@pytest.mark.parametrize("name", ["#", "#a", "#1a", "1", "a#", "a#1b", "#1#", "a# 1", "#-1", "# 1"])
def test_register_accepts_names_that_only_resemble_an_id(harness: Harness, name: str) -> None:
    assert nick(harness, name).name == name


@pytest.mark.parametrize("name", ["", " bob", "bob ", "bo\nb", "x" * 33])
def test_register_rejects_invalid_nicks(harness: Harness, name: str) -> None:
    with pytest.raises(InvalidName):
        nick(harness, name)


# Messages


@pytest.mark.parametrize(
    "names", [["bob"], ["BOB"], ["bob", "Bob"], ["\uff42\uff4f\uff42", "BOB", "Bob", "bob"]]
)
def test_message_to_a_nick_reaches_only_its_holder(harness: Harness, names: list[str]) -> None:
    alice = harness.user("alice")
    first = nick(harness, "bob", "attic")
    second = nick(harness, "Bob", "cellar", protocol=harness.other_protocol)
    harness.clear_events()

    sent = harness.hub.message(alice, names, "hi")

    assert sent.recipients == ("bob",)
    assert harness.events_of(first) == [sent]
    assert harness.events_of(second) == harness.events_of(alice) == []


@pytest.mark.parametrize("names", [["Bob#2"], ["bob#2"], ["BOB\uff03\uff12", "bob#2"], ["Bob#②"]])
def test_message_to_a_nick_with_an_id_reaches_only_that_session(harness: Harness, names: list[str]) -> None:
    alice, first, second = harness.user("alice"), nick(harness, "bob"), nick(harness, "Bob")

    sent = harness.hub.message(alice, names, "hi")

    assert sent.recipients == ("Bob#2",)
    assert (harness.events_of(first), harness.events_of(second)) == ([], [sent])


def test_message_to_all_of_a_nick_and_a_user_is_delivered_once_to_each(harness: Harness) -> None:
    alice, carol = harness.user("alice"), harness.user("carol")
    holders = [nick(harness, "bob"), nick(harness, "Bob")]

    sent = harness.hub.message(alice, ["Bob", "carol", "bob#3", "CAROL", "bob"], "hi")

    assert sent.recipients == ("bob", "carol", "Bob#3")
    assert [harness.events_of(session) for session in (carol, *holders)] == [[sent]] * 3


def test_message_of_the_second_session_has_its_own_name(harness: Harness) -> None:
    first, second = nick(harness, "bob"), nick(harness, "Bob", "attic")
    alice = harness.user("alice", "attic")
    harness.clear_events()

    direct = harness.hub.message(second, ["bob"], "hi")
    said = harness.hub.publish(second, "attic", "hello").message
    harness.hub.leave(second, "attic")

    assert (direct.sender, said.sender) == ("Bob#1", "Bob#1")
    assert harness.events_of(first) == [direct]
    assert harness.events_of(alice) == [said, Left("attic", "Bob#1", "1")]


@pytest.mark.parametrize("name", ["bob", "Bob", "BOB"])
def test_nick_without_a_holder_is_unknown(harness: Harness, name: str) -> None:
    alice, first, second = harness.user("alice"), nick(harness, "bob"), nick(harness, "bob")
    harness.hub.disconnect(first)

    with pytest.raises(HubError, match="Nobody is registered"):
        harness.hub.message(alice, [name], "hi")

    sent = harness.hub.message(alice, [f"{name}#2"], "hi")
    assert harness.events_of(second) == [sent]


@pytest.mark.parametrize("name", ["bob#1", "bob#0", "bob#2", "bob#02", "#2", "alice#0", "bob#"])
def test_other_ids_than_that_of_the_second_session_are_unknown(harness: Harness, name: str) -> None:
    alice = harness.user("alice")
    nick(harness, "bob")
    harness.hub.disconnect(nick(harness, "bob"))

    with pytest.raises(HubError, match="Nobody is registered"):
        harness.hub.message(alice, [name], "hi")


def test_freed_nick_is_unknown_in_every_spelling(harness: Harness) -> None:
    alice, holders = harness.user("alice"), [nick(harness, "bob"), nick(harness, "Bob")]
    for holder in holders:
        harness.hub.disconnect(holder)

    for name in ("bob", "Bob", "BOB", "Bob#2"):
        with pytest.raises(HubError, match="Nobody is registered"):
            harness.hub.message(alice, [name], "hi")
    assert harness.hub.usernames() == ["alice"]


@pytest.mark.parametrize("name", ["#1", "\uff031", "#①"])
def test_message_to_an_unregistered_session_by_id_is_delivered(harness: Harness, name: str) -> None:
    alice, unregistered = harness.user("alice"), harness.connect()

    sent = harness.hub.message(alice, [name], "hi")

    assert sent.recipients == ("#1",)
    assert harness.events_of(unregistered) == [sent]


def test_duplicate_ids_of_unregistered_sessions_are_merged(harness: Harness) -> None:
    alice, unregistered, bob = harness.user("alice"), harness.connect(), harness.user("bob")

    sent = harness.hub.message(alice, ["#1", "bob", "\uff031"], "hi")

    assert sent.recipients == ("#1", "bob")
    assert harness.events_of(unregistered) == harness.events_of(bob) == [sent]


@pytest.mark.parametrize("name", ["#1", "#2", "#01", "#", "#-1"])
def test_id_of_a_registered_or_unknown_session_is_no_recipient(harness: Harness, name: str) -> None:
    alice, bob = harness.user("alice"), harness.user("bob")

    with pytest.raises(HubError, match=f'Nobody is registered as "{name}"'):
        harness.hub.message(alice, [name], "hi")

    assert harness.events_of(bob) == []
