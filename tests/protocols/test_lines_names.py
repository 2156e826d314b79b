"""Nicks in the lines protocol: sessions in different rooms may share one, other protocols may not use it."""

from __future__ import annotations

from contextlib import suppress

import pytest
from generated import examples
from harness import Step, disconnects, happens, sends
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from lines_harness import OK, Harness, error_frame, joined, left, message_frame, result

from chateau.hub.errors import HubError, NameTaken

PRESENT = error_frame("User with such nickname is already present in the requested room")
REGISTERED = error_frame("Nickname already registered")
NOBODY = error_frame('Nobody is registered as "alice".')


def logs_in(who: str, nick: str) -> Step:
    return sends(who, f"LOGIN {nick}", **{who: [result(f"Username set to {nick}")]})


def enters(who: str, nick: str, room: str, **others: list[dict[str, object]]) -> Step:
    return sends(who, f"JOIN {room}", **{who: [result(f"Joined room {room}"), joined(nick)]}, **others)


def direct(sender: str, text: str) -> dict[str, object]:
    return {"from": sender, "type": "directMessage", "body": text}


SHARED_NICKS = [
    pytest.param(
        [
            logs_in("one", "alice"),
            logs_in("two", "alice"),
            enters("one", "alice", "lobby"),
            sends("two", "JOIN lobby", two=[PRESENT]),
            enters("two", "alice", "attic"),
            sends("two", "JOIN lobby", two=[PRESENT]),
            sends("two", "hi", two=[OK, message_frame("alice", "hi")]),
        ],
        id="two sessions may hold one nick in different rooms, and a refused move moves nobody",
    ),
    pytest.param(
        [
            logs_in("one", "alice"),
            logs_in("two", "ALICE"),
            enters("one", "alice", "lobby"),
            sends("two", "JOIN LOBBY", two=[PRESENT]),
            sends("two", "JOIN ROOM Lobby", two=[PRESENT]),
        ],
        id="another case makes no other nick, and no other room",
    ),
    pytest.param(
        [
            logs_in("one", "alice"),
            logs_in("two", "alice"),
            enters("one", "alice", "lobby"),
            sends("one", "LEAVE", one=[OK, left("alice")]),
            enters("two", "alice", "lobby"),
            sends("one", "JOIN lobby", one=[PRESENT]),
            sends("one", "JOIN attic", one=[result("Joined room attic"), joined("alice")]),
            sends("two", "JOIN attic", two=[PRESENT]),
            disconnects("one"),
            sends("two", "JOIN attic", two=[result("Joined room attic"), left("alice"), joined("alice")]),
        ],
        id="who has left or dropped off is in nobody's way",
    ),
    pytest.param(
        [
            logs_in("one", "alice"),
            logs_in("two", "Alice"),
            enters("one", "alice", "lobby"),
            enters("two", "Alice", "attic"),
            logs_in("bob", "bob"),
            sends("bob", "MSG ALICE hi", bob=[OK], one=[direct("bob", "hi")]),
            sends("bob", "MSG alice#1 hi", bob=[OK], two=[direct("bob", "hi")]),
            sends("two", "MSG alice me?", one=[direct("Alice#1", "me?")], two=[OK]),
            sends("one", "MSG ALICE#1 you", one=[OK], two=[direct("alice", "you")]),
            sends("bob", "WHO", bob=[result(users=["alice", "Alice#1", "bob"])]),
            disconnects("one"),
            sends("bob", "MSG alice hi", bob=[NOBODY]),
            sends("bob", "MSG Alice#1 hi", bob=[OK], two=[direct("bob", "hi")]),
            logs_in("three", "ALICE"),
            sends("bob", "MSG alice hi", bob=[OK], three=[direct("bob", "hi")]),
            disconnects("two"),
            disconnects("three"),
            sends("bob", "MSG alice hi", bob=[NOBODY]),
        ],
        id="a direct message goes to the first session with the nick, or to the one whose id it has",
    ),
    pytest.param(
        [
            logs_in("one", "alice"),
            logs_in("two", "alice"),
            enters("one", "alice", "lobby"),
            happens(
                "alice is banned from the lobby",
                lambda harness: harness.hub.rooms.ban("lobby", "Alice"),
                one=[{
                    "type": "roomState",
                    "room": "lobby",
                    "available": False,
                    "reason": "You were banned from the room.",
                }],
            ),
            sends("one", "hi", one=[error_frame("Join a room first")]),
            sends("two", "JOIN lobby", two=[error_frame('You are banned from the room "lobby".')]),
        ],
        id="a ban from a room is of the nick, whoever holds it",
    ),
]  # fmt: skip


@pytest.mark.parametrize("conversation", SHARED_NICKS)
def test_nick_can_be_shared_by_sessions(conversation: list[Step]) -> None:
    Harness().play(conversation)


def test_nicks_and_usernames_of_other_protocols_exclude_each_other() -> None:
    harness = Harness("alice")
    connect_other = harness.connect_other("Carol")

    harness.play(
        [sends("two", "LOGIN carol", two=[REGISTERED]), sends("two", "LOGIN CAROL", two=[REGISTERED])]
    )
    with pytest.raises(NameTaken):
        harness.connect_other("ALICE")

    harness.hub.disconnect(connect_other)
    assert harness["two"].ask("LOGIN carol") == [result("Username set to carol")]
    with pytest.raises(NameTaken):
        harness.connect_other("Carol")


def test_released_nick_can_be_registered_as_a_username() -> None:
    harness = Harness("alice")
    harness["two"].send("LOGIN Alice")
    harness["alice"].peer.on_close()
    with pytest.raises(NameTaken):
        harness.connect_other("alice")

    harness["two"].peer.on_close()

    assert harness.connect_other("alice").username == "alice"
    assert harness["three"].ask("LOGIN alice") == [REGISTERED]


WHO = st.sampled_from(["one", "two", "three", "four"])
NICKS = st.sampled_from(["ann", "Ann", "bob", "BOB", "eve"])
ROOMS = st.sampled_from(["r1", "R1", "r2", "r3 pw", "r3", "!"])


class LinesModel(RuleBasedStateMachine):
    """Clients of two protocols act at random; the rules of names hold, each client sees its room."""

    def __init__(self) -> None:
        super().__init__()
        self.harness = Harness()
        self.others: list[object] = []
        # The sessions that each client sees in its room, derived only from the lines that it received.
        self.seen: dict[str, set[str]] = {}

    @rule(who=WHO, nick=NICKS)
    def log_in(self, who: str, nick: str) -> None:
        self.harness[who].send(f"LOGIN {nick}")

    @rule(who=WHO, room=ROOMS)
    def join(self, who: str, room: str) -> None:
        self.harness[who].send(f"JOIN {room}")

    @rule(
        who=WHO, line=st.sampled_from(["LEAVE", "hi", "WHO", "ROOMS", "HISTORY", "MSG ann hi", "MSG BOB x"])
    )
    def say(self, who: str, line: str) -> None:
        self.harness[who].send(line)

    @rule(who=WHO, line=st.sampled_from(["QUIT", None]))
    def go(self, who: str, line: str | None) -> None:
        client = self.harness[who]
        client.send(line) if line else client.peer.on_close()
        del self.harness.clients[who]
        self.seen.pop(who, None)

    @rule(nick=NICKS, room=st.sampled_from(["r1", "R2"]))
    def other_protocol_joins(self, nick: str, room: str) -> None:
        with suppress(HubError):
            self.others.append(self.harness.connect_other(nick, room=room))

    @rule()
    def other_protocol_leaves(self) -> None:
        if self.others:
            self.harness.hub.disconnect(self.others.pop())

    @rule(room=st.sampled_from(["r1", "r3"]), act=st.sampled_from(["lock", "open", "close", "delete"]))
    def moderate(self, room: str, act: str) -> None:
        with suppress(HubError):
            getattr(self.harness.hub.rooms, act)(room, *(["pw"] if act == "lock" else []))

    @invariant()
    def nicks_in_a_room_are_distinct(self) -> None:
        for room in self.harness.hub.rooms.by_key.values():
            keys = [session.nick_key or session.key for session in room.members()]
            assert len(keys) == len(set(keys)), keys

    @invariant()
    def nicks_and_usernames_are_disjoint(self) -> None:
        sessions = self.harness.hub.sessions()
        nicks = {session.nick_key for session in sessions if session.protocol is self.harness.protocol}
        names = [session.key for session in sessions if session.protocol is not self.harness.protocol]
        assert not (nicks - {None}) & set(names)

    @invariant()
    def usernames_are_distinct(self) -> None:
        keys = [session.key for session in self.harness.hub.sessions() if session.key is not None]
        assert len(keys) == len(set(keys)), keys

    @invariant()
    def sessions_are_in_one_room(self) -> None:
        for client in self.harness.clients.values():
            assert len(client.session.rooms or {}) <= 1
            if client.session.rooms:
                assert client.session.username is not None

    @invariant()
    def each_client_sees_the_members_of_its_room(self) -> None:
        for who, frames in self.harness.take().items():
            seen = self.seen.setdefault(who, set())
            me = self.harness[who].peer.nick
            for frame in frames:
                self._see(seen, frame, me)
        for who, client in self.harness.clients.items():
            room = client.session.room
            inside = set() if room is None else {session.nick or session.name for session in room.members()}
            assert self.seen.get(who, set()) <= inside

    def _see(self, seen: set[str], frame: dict[str, str], me: str) -> None:
        match frame["type"]:
            case "userJoined":
                assert frame["from"] not in seen, "who came was there before"
                seen.add(frame["from"])
            case "userLeft" if frame["from"] == me:
                seen.clear()
            case "userLeft":
                seen.discard(frame["from"])
            case "roomState" if frame["reason"] == "The room was deleted.":
                seen.clear()


TestLinesModel = LinesModel.TestCase
TestLinesModel.settings = settings(max_examples=examples(150), stateful_step_count=40, deadline=None)
