"""Confusable names of users and rooms: which are refused while others exist, and when they are free again."""

from __future__ import annotations

from functools import partial
from typing import NoReturn

import pytest
from hub_harness import Harness, Protocol
from quiet_store import QuietStore

from chateau import lookalikes
from chateau.hub.errors import HubError, InvalidName, UnknownRecipient, UnknownRoom
from chateau.hub.events import RoomMessage
from chateau.hub.hub import Hub
from chateau.hub.session import Session
from chateau.names import normalize_name

COCO = "\u0441\u043e\u0441\u043e"  # in Cyrillic letters
OTHER_SCRIPT = "it looks like an existing name in another script"
MIXED = "it mixes letters of different scripts"
LOOKS_RESERVED = "it looks like a name that is reserved for the server"


def register(harness: Harness, name: str, *, as_nick: bool = False) -> Session:
    session = harness.connect()
    harness.hub.register(session, name, as_nick=as_nick)
    return session


def join(harness: Harness, room: str) -> Session:
    session = harness.connect()
    harness.hub.join(session, room)
    return session


def publish(harness: Harness, channel: str) -> None:
    harness.hub.publish_to_channel(channel, "text", b"hi")


ENTRIES = [
    pytest.param(register, id="register"),
    pytest.param(partial(register, as_nick=True), id="register a nick"),
    pytest.param(join, id="join"),
    pytest.param(publish, id="publish to a channel"),
]
"""The ways by which a new name comes into the server."""


# Mixed scripts

MIXTURES = ["\u0421hateau", "Chate\u0430u", "\u0391lice", "bob\u0661", "alic\u13ac", "김さん", "x\u2800"]


@pytest.mark.parametrize("enter", ENTRIES)
@pytest.mark.parametrize("name", MIXTURES)
def test_names_that_mix_scripts_are_refused(harness: Harness, enter: partial[Session], name: str) -> None:
    with pytest.raises(InvalidName, match=MIXED):
        enter(harness, name)

    assert (harness.hub.usernames(), harness.hub.rooms.by_key) == ([], {})


@pytest.mark.parametrize("enter", ENTRIES)
@pytest.mark.parametrize(
    "name", ["Владимир 1", "日本語とカナ", "Tシャツ", "李bob", "김철수", "José 🎉", "x\u0301\u0302", "12"]
)
def test_names_in_one_writing_system_are_accepted(
    harness: Harness, enter: partial[Session], name: str
) -> None:
    enter(harness, name)


# Whole names in another script

PAIRS = [
    ("coco", COCO),
    ("COCO", COCO.upper()),
    ("coco", COCO.upper()),
    ("ABE 1", "\u0391\u0392\u0395 1"),
    ("ooo", "\u0585\u0585\u0585"),
    (COCO, "\u03f2\u03bf\u03f2\u03bf"),
    ("b\u3007b", "bob"),
]


@pytest.mark.parametrize("enter", ENTRIES[:3])
@pytest.mark.parametrize(("one", "other"), [*PAIRS, *(pair[::-1] for pair in PAIRS)])
def test_lookalike_of_an_existing_name_in_another_script_is_refused_until_that_is_gone(
    harness: Harness, enter: partial[Session], one: str, other: str
) -> None:
    holders = [enter(harness, one)]
    if enter is not ENTRIES[0].values[0]:
        holders.append(harness.connect())  # a second one with the same name
        second(harness, holders[1], one, is_room=enter is join)

    for holder in holders:
        with pytest.raises(InvalidName, match=OTHER_SCRIPT):
            enter(harness, other)
        harness.hub.disconnect(holder)

    enter(harness, other)
    with pytest.raises(InvalidName, match=OTHER_SCRIPT):
        enter(harness, one)


def second(harness: Harness, session: Session, name: str, *, is_room: bool) -> None:
    if is_room:
        harness.hub.join(session, name)
    else:
        harness.hub.register(session, name, as_nick=True)


def letters_like_latin() -> list[tuple[str, str]]:
    """Return the letters of other scripts that are valid and look like one Latin letter, with that.

    U+3007, the Chinese zero, is omitted: it may be mixed with Latin letters.
    """
    tables = lookalikes._tables()
    return [
        (letter, prototype)
        for letter, prototype in tables.prototypes.items()
        if len(prototype) == 1
        and prototype.isascii()
        and prototype.isalpha()
        and (scripts := tables.scripts_of(letter))
        and scripts.isdisjoint(("Latn", "Hani"))
        and is_valid(letter)
    ]


def is_valid(name: str) -> bool:
    try:
        normalize_name(name)
    except ValueError:
        return False
    return True


def test_every_letter_that_looks_like_a_latin_one_is_confusable() -> None:
    pairs = letters_like_latin()
    for letter, latin in pairs:
        harness = Harness()
        harness.user(letter * 3)

        with pytest.raises(InvalidName, match=OTHER_SCRIPT):
            harness.user(latin * 3)
        with pytest.raises(InvalidName, match=MIXED):
            harness.user(f"{letter}abc")

    assert len(pairs) > 300


@pytest.mark.parametrize(
    ("one", "other"),
    [("user1", "userl"), ("rn", "m"), ("O0O", "OO0"), ("vv", "w"), ("naïve", "naive"), ("1", "l")],
)
def test_names_in_one_script_are_different_names(harness: Harness, one: str, other: str) -> None:
    harness.user(one, one)
    harness.user(other, other)


def test_users_are_compared_with_users_and_rooms_with_rooms(harness: Harness) -> None:
    harness.user("coco", COCO)

    with pytest.raises(InvalidName, match=OTHER_SCRIPT):
        join(harness, "coco")
    with pytest.raises(InvalidName, match=OTHER_SCRIPT):
        register(harness, COCO)


def test_stored_rooms_that_look_alike_can_both_be_joined() -> None:
    store = QuietStore()
    for name in ("coco", COCO):
        store.append(name, RoomMessage("alice", name, "hi", 1, "id-1", "2026-11-20T00:00:00Z"))
    harness = Harness(store)

    harness.user("bob", "coco", COCO)

    with pytest.raises(InvalidName, match=OTHER_SCRIPT):
        join(harness, "\u03f2\u03bf\u03f2\u03bf")


def test_deleted_room_frees_its_look(harness: Harness) -> None:
    join(harness, "coco")
    harness.hub.rooms.delete("coco")

    join(harness, COCO)


def test_closed_room_without_members_keeps_its_look(harness: Harness) -> None:
    session = join(harness, "coco")
    harness.hub.rooms.close("coco")
    harness.hub.disconnect(session)
    with pytest.raises(InvalidName, match=OTHER_SCRIPT):
        join(harness, COCO)

    harness.hub.rooms.open("coco")

    join(harness, COCO)


def test_refused_name_leaves_no_look(harness: Harness) -> None:
    harness.user("bob", "lobby")
    for _ in range(2):
        with pytest.raises(HubError):
            register(harness, "BOB")
    harness.hub.rooms.close("lobby")
    with pytest.raises(HubError):
        join(harness, "lobby")
    with pytest.raises(HubError):
        harness.hub.check_channel("lobby")
    harness.hub.check_channel("coco")

    join(harness, COCO)


# Reserved names

RESERVED_LOOKALIKES = [
    pytest.param("\u1d04hateau", id="a small capital"),
    pytest.param("ch\u237ateau", id="a symbol like an a"),
    pytest.param("\u2573erxes", id="a symbol like an X"),
]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Harness:
    """Return a server with reserved names in three scripts."""
    reserved = ["Chateau", "Xerxes", "\u0441\u043e\u0440\u0430", "\u03b2\u03bf\u03bf\u03c4"]
    monkeypatch.setattr("hub_harness.Hub", partial(Hub, reserved_names=reserved))
    return Harness()


@pytest.mark.parametrize("enter", ENTRIES)
@pytest.mark.parametrize(
    "name", ["Chateau", "CHATEAU", "\uff23hateau", "chate\u1d43u", "\U0001d4d2hateau", "COPA", "copa"]
)
def test_server_name_can_be_that_of_no_user_and_no_room(
    server: Harness, enter: partial[Session], name: str
) -> None:
    with pytest.raises(InvalidName, match="reserved for the server"):
        enter(server, name)


@pytest.mark.parametrize("enter", ENTRIES)
@pytest.mark.parametrize("name", RESERVED_LOOKALIKES)
def test_lookalikes_of_the_server_name_are_refused(
    server: Harness, enter: partial[Session], name: str
) -> None:
    with pytest.raises(InvalidName, match=LOOKS_RESERVED):
        enter(server, name)


def test_channel_can_be_a_room_but_no_user(server: Harness) -> None:
    join(server, "channel")
    with pytest.raises(InvalidName, match="reserved"):
        register(server, "channel")


def test_stored_room_with_the_server_name_can_be_read_and_deleted_but_not_joined(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = QuietStore()
    before = Harness(store)
    before.hub.publish(before.user("alice", "Chateau"), "Chateau", "hi")
    monkeypatch.setattr("hub_harness.Hub", partial(Hub, reserved_names=["Chateau"]))
    after = Harness(store)

    for enter in (join, publish):
        with pytest.raises(InvalidName, match="reserved"):
            enter(after, "Chateau")
    after.hub.rooms.delete("Chateau")

    assert after.hub.rooms.by_key == {}


# Cost


def no_work(*_: object) -> NoReturn:
    raise AssertionError("a long name is neither normalized nor looked at")


LONG = [
    "x" * 65,
    "\ufdfa" * 65,
    "x" * 1_000_000,
    "\ufdfa" * 330_000,
    "#" + "1" * 1_000_000,
    "a\u0301" * 500_000,
]


@pytest.mark.parametrize("name", LONG, ids=range(len(LONG)))
def test_long_name_is_refused_or_unknown_before_anything_else(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    harness = Harness()
    alice = harness.user("alice", "lobby")
    for part in (harness.hub._registry, harness.hub.rooms):
        monkeypatch.setattr(part, "_normalize_name", no_work)
        monkeypatch.setattr(part._lookalikes, "_look_of", no_work)

    refused = "it is longer than (32|64) characters"
    for enter in (register, join, publish):
        with pytest.raises(InvalidName, match=refused):
            enter(harness, name)
    with pytest.raises(InvalidName, match=refused):
        harness.hub.check_channel(name)
    with pytest.raises(UnknownRecipient):
        harness.hub.message(alice, [name], "hi")
    with pytest.raises(UnknownRecipient):
        harness.hub.message(alice, ["alice", name], "hi")
    for act in (harness.hub.rooms.find, harness.hub.rooms.delete, harness.hub.rooms.close):
        with pytest.raises(UnknownRoom):
            act(name)
    with pytest.raises(UnknownRoom):
        harness.hub.history(alice, name, limit=1)
    assert harness.hub.protocols([name]) == {name: []}


def test_long_name_cannot_be_banned_or_unbanned(harness: Harness) -> None:
    harness.user("alice", "lobby")

    with pytest.raises(UnknownRecipient):
        harness.hub.rooms.ban("lobby", "x" * 33)
    with pytest.raises(InvalidName, match="longer than 32"):
        harness.hub.rooms.unban("lobby", "x" * 33)


def test_protocols_share_the_names(harness: Harness) -> None:
    session = harness.connect(protocol=Protocol("a third"))
    harness.hub.register(session, "coco")

    with pytest.raises(InvalidName, match=OTHER_SCRIPT):
        harness.user(COCO, protocol=harness.other_protocol)
