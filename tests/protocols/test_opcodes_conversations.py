"""Conversations in the opcodes protocol: requests and the frames that every client receives, in order.

A client that receives nothing at a step is not listed there, but the harness checks it too.
"""

from __future__ import annotations

from typing import Any

import pytest
from chateau_harness import LateStore
from harness import FakeCommit, Frame, Step, disconnects, stamp, time_passes
from opcodes_harness import (
    CACHE,
    Harness,
    connects,
    create,
    entered,
    error_frame,
    happens,
    left,
    message_frame,
    sends,
    server,
    state,
)

from chateau.hub.errors import Unavailable
from chateau.store.memory import MemoryStore


def room(number: int, *users: str, name: str = "general", available: bool = True) -> Frame:
    """Return a room of the cache, with the id of message *number*."""
    made = stamp(number)
    return {
        "name": name,
        "id": made["id"],
        "created_at": made["time"],
        "users": list(users),
        "available": available,
    }


def cached(*rooms: Frame, users: int, me: tuple[str | None, str | None]) -> Frame:
    place = {"command_prefix": "!", "host": "127.0.0.1", "port": 8765}
    shown = {room["name"]: room for room in rooms}
    return {"op": 4, "d": {"rooms": shown, **place, "users": users, "me": {"name": me[0], "room": me[1]}}}


LOGINS = [
    pytest.param(
        [
            sends(
                "alice",
                "alice",
                alice=[cached(room(0, "alice"), users=1, me=("alice", "general")), entered("alice")],
            ),
            sends(
                "bob",
                "bob",
                bob=[cached(room(0, "alice", "bob"), users=2, me=("bob", "general")), entered("bob")],
                alice=[entered("bob")],
            ),
        ],
        id="who logs in gets the cache, then its arrival, as the others do",
    ),
    pytest.param(
        [
            sends("alice", CACHE, alice=[cached(users=1, me=(None, None))]),
            sends("alice", {"op": 4, "d": {"odd": [1]}}, alice=[cached(users=1, me=(None, None))]),
            sends("alice", {"op": 4.0, "d": None}, alice=[cached(users=1, me=(None, None))]),
        ],
        id="the cache can be had before the login, with any d",
    ),
    pytest.param(
        [
            sends(
                "alice",
                " alice",
                alice=[
                    error_frame("invalid_name", '" alice" cannot be a name: it begins or ends with a space.')
                ],
            ),
            sends("alice", "", alice=[error_frame("invalid_name", '"" cannot be a name: it is empty.')]),
            sends(
                "alice",
                "CHATEAU",
                alice=[
                    error_frame("invalid_name", '"CHATEAU" cannot be a name: it is reserved for the server.')
                ],
            ),
            sends(
                "alice",
                "x" * 33,
                alice=[
                    error_frame(
                        "invalid_name", f'"{"x" * 33}" cannot be a name: it is longer than 32 characters.'
                    )
                ],
            ),
            sends("alice", CACHE, alice=[cached(users=1, me=(None, None))]),
            sends(
                "alice",
                "alice",
                alice=[cached(room(0, "alice"), users=1, me=("alice", "general")), entered("alice")],
            ),
        ],
        id="a name that is none can be followed by another",
    ),
    pytest.param(
        [
            sends("alice", "!help", alice=[error_frame("not_registered", "Register a username first.")]),
            sends("alice", CACHE, alice=[cached(users=1, me=(None, None))]),
        ],
        id="a command before the login is refused, and names nobody",
    ),
]


@pytest.mark.parametrize("conversation", LOGINS)
def test_login_registers_a_nick_or_reports_an_error(conversation: list[Step]) -> None:
    Harness().play(conversation)


TALK = [
    pytest.param(
        [
            sends(
                "alice",
                "hello, all",
                alice=[message_frame("alice", "hello, all")],
                bob=[message_frame("alice", "hello, all")],
            ),
            sends("bob", "", alice=[message_frame("bob", "")], bob=[message_frame("bob", "")]),
            sends(
                "bob",
                "né 😀 \u2028\x00",
                alice=[message_frame("bob", "né 😀 \u2028\x00")],
                bob=[message_frame("bob", "né 😀 \u2028\x00")],
            ),
            sends(
                "alice",
                {"op": 1.0, "d": {"content": "1.0", "odd": 1}, "e": 1},
                alice=[message_frame("alice", "1.0")],
                bob=[message_frame("alice", "1.0")],
            ),
        ],
        id="a message goes to all members, the sender included; extra keys and 1.0 are fine",
    ),
    pytest.param(
        [
            sends("alice", text, alice=[message_frame("alice", text)], bob=[message_frame("alice", text)])
            for text in ("!", "!!!", "! help", "!?", " !help", "help!")
        ],
        id="a prefix without a letter behind it is a message",
    ),
    pytest.param(
        [
            disconnects("bob", alice=[left("bob")]),
            sends(
                "bobby",
                "Bob",
                bobby=[cached(room(0, "alice", "Bob"), users=2, me=("Bob", "general")), entered("Bob")],
                alice=[entered("Bob")],
            ),
        ],
        id="a connection that disconnects leaves the room, and its name is free",
    ),
    pytest.param(
        [
            sends("carol", "ALICE", carol=[error_frame("name_taken", 'The username "ALICE" is taken.')]),
            sends(
                "carol",
                "alice2",
                carol=[
                    cached(room(0, "alice", "alice2", "bob"), users=3, me=("alice2", "general")),
                    entered("alice2"),
                ],
                alice=[entered("alice2")],
                bob=[entered("alice2")],
            ),
        ],
        id="a name in another spelling is taken, and another name can be tried at once",
    ),
    pytest.param(
        [
            sends(
                "alice",
                "!join attic",
                alice=[server("You are now in attic."), entered("alice")],
                bob=[left("alice")],
            ),
            sends("alice", "anyone?", alice=[message_frame("alice", "anyone?")]),
            sends(
                "bob",
                '!join "ATTIC"',
                bob=[server("You are now in attic."), entered("bob")],
                alice=[entered("bob")],
            ),
            sends("bob", "me", alice=[message_frame("bob", "me")], bob=[message_frame("bob", "me")]),
            disconnects("bob", alice=[left("bob")]),
        ],
        id="one is in one room at a time",
    ),
    pytest.param(
        [
            happens(
                lambda harness: harness.hub.shut_down("Maintenance"),
                alice=[{"op": 3, "d": {"reason": "Maintenance"}}],
                bob=[{"op": 3, "d": {"reason": "Maintenance"}}],
            ),
            happens(
                lambda harness: harness.hub.shut_down(),
                alice=[{"op": 3, "d": {"reason": None}}],
                bob=[{"op": 3, "d": {"reason": None}}],
            ),
        ],
        id="everyone receives the shutdown",
    ),
    pytest.param(
        [
            happens(
                lambda harness: harness.hub.notify_tap(harness["bob"].peer.session, active=True),
                bob=[server("An administrator is now monitoring this session.")],
            ),
            happens(
                lambda harness: harness.hub.notify_tap(harness["bob"].peer.session, active=False),
                bob=[server("An administrator has stopped monitoring this session.")],
            ),
        ],
        id="only the tapped client is notified",
    ),
    pytest.param(
        [
            connects("carol"),
            happens(
                lambda harness: harness.hub.rooms.close("general"),
                alice=[state(available=False)],
                bob=[state(available=False)],
            ),
            sends("alice", "hello?", alice=[error_frame("access_denied", 'The room "general" is closed.')]),
            sends(
                "carol",
                "carol",
                carol=[
                    cached(room(0, "alice", "bob", available=False), users=3, me=("carol", None)),
                    state(available=False),
                ],
            ),
            sends(
                "carol",
                "hello?",
                carol=[error_frame("not_in_room", "You are in no room: say !join ROOM first.")],
            ),
            sends(
                "carol",
                "carol2",
                carol=[error_frame("not_in_room", "You are in no room: say !join ROOM first.")],
            ),
            happens(
                lambda harness: harness.hub.rooms.open("general"),
                alice=[state(available=True)],
                bob=[state(available=True)],
            ),
            sends(
                "carol",
                "!join general",
                carol=[server("You are now in general."), entered("carol")],
                alice=[entered("carol")],
                bob=[entered("carol")],
            ),
        ],
        id="who logs in while general is closed is in no room, and can come in later",
    ),
    pytest.param(
        [
            happens(
                lambda harness: harness.hub.rooms.ban("general", "bob"),
                alice=[left("bob")],
                bob=[state(available=False)],
            ),
            disconnects("bob"),
            sends(
                "bob2",
                "BOB",
                bob2=[cached(room(0, "alice"), users=2, me=("BOB", None)), state(available=False)],
            ),
            happens(lambda harness: harness.hub.rooms.lock("general", "pw"), alice=[state(available=False)]),
            sends(
                "eve",
                "eve",
                eve=[
                    cached(room(0, "alice", available=False), users=3, me=("eve", None)),
                    state(available=False),
                ],
            ),
        ],
        id="who is banned from general, or does not know its password, logs in all the same",
    ),
    pytest.param(
        [
            happens(
                lambda harness: harness.hub.rooms.delete("general"),
                alice=[state(available=False)],
                bob=[state(available=False)],
            ),
            sends(
                "alice",
                "hello?",
                alice=[error_frame("not_in_room", "You are in no room: say !join ROOM first.")],
            ),
        ],
        id="a room that is deleted has nobody inside",
    ),
]


@pytest.mark.parametrize("conversation", TALK)
def test_chat_messages_reach_the_room(conversation: list[Step]) -> None:
    Harness("alice", "bob").play(conversation)


def test_room_keeps_the_spelling_it_was_created_with() -> None:
    harness = Harness()
    harness.connect_other("zoe", room="General")

    cache, arrival = harness["alice"].ask(create("alice"))

    assert cache["d"]["rooms"]["General"]["users"] == ["alice", "zoe"]
    assert cache["d"]["me"] == {"name": "alice", "room": "General"}
    assert arrival == entered("alice")


def test_messages_of_other_protocols_are_received() -> None:
    harness = Harness("alice")
    zoe = harness.connect_other("zoe", room="general")
    nameless = harness.connect_other()
    harness.take()

    harness.hub.publish(zoe, "general", "from afar")
    harness.hub.message(zoe, ["alice"], "psst")
    harness.hub.message(nameless, ["ALICE"], "who?")
    harness.hub.publish_to_channel("general", "json", b'{"a":1}')
    harness.hub.publish_to_channel("general", "bytes", b"\x00\xff")

    assert harness.take()["alice"] == [
        message_frame("zoe", "from afar"),
        message_frame("zoe", "psst"),
        message_frame(nameless.name, "who?"),
        message_frame("channel", '{"a":1}'),
        message_frame("channel", "AP8="),
    ]


def test_room_above_the_presence_limit_receives_counts_and_a_new_member_its_own_join() -> None:
    harness = Harness("alice", "bob", presence_limit=2)
    count = server("There are 3 users in the room")
    cache = cached(room(0, "alice", "bob", "carol"), users=3, me=("carol", "general"))
    gone = [left("carol")]

    harness.play(
        [
            sends("carol", "carol", carol=[cache, entered("carol")], alice=[count], bob=[count]),
            sends("carol", "!join attic", carol=in_place("carol", "attic"), alice=gone, bob=gone),
            sends("carol", "!join general", carol=in_place("carol", "general")),
            time_passes(1.0, alice=[count], bob=[count], carol=[count]),
        ]
    )


def in_place(name: str, room: str) -> list[Frame]:
    """Return the frames that *name* receives after entering *room*."""
    return [server(f"You are now in {room}."), entered(name)]


def test_event_is_encoded_once_for_all_recipients() -> None:
    harness = Harness("alice", "bob", "carol")
    harness.broadcasts.clear()

    harness["alice"].send(create("hello"))

    assert len(harness.broadcasts) == 1
    assert len(harness.take()) == 3


def test_message_is_delivered_before_it_is_stored_and_has_no_response() -> None:
    harness = Harness("alice", "bob", store=LateStore())

    harness["alice"].send(create("hello"))

    assert harness.take() == {
        "alice": [message_frame("alice", "hello")],
        "bob": [message_frame("alice", "hello")],
    }
    commits(harness)[-1].finish()
    assert harness.take() == {}


def test_failed_commit_is_reported_only_to_the_sender() -> None:
    harness = Harness("alice", "bob", store=LateStore())
    harness["alice"].send(create("one"))
    harness["alice"].send(create("two"))
    harness.take()

    commits(harness)[-2].finish(OSError("disk full"))
    commits(harness)[-1].finish()

    error = "The message was delivered but could not be saved."
    assert harness.take() == {"alice": [error_frame("unavailable", error)]}


def test_failed_commit_after_a_disconnect_sends_nothing() -> None:
    harness = Harness("alice", store=LateStore())
    harness["alice"].send(create("hello"))
    harness["alice"].close()

    commits(harness)[-1].finish(OSError("disk full"))


def commits(harness: Harness) -> list[FakeCommit]:
    assert isinstance(harness.store, LateStore)
    return harness.store.commits


class FullStore(MemoryStore):
    def append(self, key: str, record: Any) -> None:
        raise Unavailable("Nothing can be stored now.")


def test_message_that_cannot_be_stored_is_rejected_and_not_delivered() -> None:
    harness = Harness("alice", "bob", store=FullStore())

    harness["alice"].send(create("hello"))

    assert harness.take() == {"alice": [error_frame("unavailable", "Nothing can be stored now.")]}
