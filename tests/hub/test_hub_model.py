"""The hub against a model of it that is too simple to be wrong, in any order of doing things."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from recorded_house import House

from chateau.hub.errors import HubError
from chateau.hub.events import DirectMessage, Event, Joined, Left, RoomMessage
from chateau.hub.session import Session

PEOPLE = st.integers(0, 3)
NAMES = st.sampled_from(["alice", "Alice", "bob", "carol"])
ROOMS = st.sampled_from(["attic", "ATTIC", "cellar"])


def told(event: Event) -> tuple[str, ...]:
    """What *event* tells, without its number, id and time."""
    match event:
        case Joined() | Left():
            return type(event).__name__, event.room.lower(), event.username
        case RoomMessage():
            return "RoomMessage", event.room.lower(), event.sender, event.content
        case DirectMessage():
            return "DirectMessage", event.sender, event.content
    raise AssertionError(f"nobody did anything that is told with {event}")


class Model(RuleBasedStateMachine):
    """Four people, who have a name or not, are in rooms or not, and say things."""

    @initialize()
    def open_house(self) -> None:
        self.house = House()
        self.sessions = [self.house.visitor() for _ in range(4)]
        self.names: dict[Session, str] = {}
        self.members: dict[str, set[Session]] = {"attic": set(), "cellar": set()}
        self.rooms: dict[Session, list[str]] = {session: [] for session in self.sessions}
        self.told: dict[Session, list[tuple[str, ...]]] = {session: [] for session in self.sessions}
        self.number = 0

    def attempt(self, method: str, *arguments: object) -> bool:
        try:
            getattr(self.house.hub, method)(*arguments)
        except HubError:
            return False
        return True

    def shown(self, session: Session) -> str:
        return self.names.get(session, f"#{session.id}")

    def tell(self, listeners: Iterable[Session], *what: str) -> None:
        for listener in listeners:
            self.told[listener].append(what)

    def go_out(self, session: Session, room: str) -> None:
        self.members[room].remove(session)
        self.rooms[session].remove(room)
        self.tell(self.members[room], "Left", room, self.shown(session))

    def next_words(self) -> str:
        self.number += 1
        return str(self.number)

    @rule(person=PEOPLE, name=NAMES)
    def register(self, person: int, name: str) -> None:
        session = self.sessions[person]
        free = name.lower() not in [taken.lower() for taken in self.names.values()]

        assert self.attempt("register", session, name) == (session not in self.names and free)

        if session not in self.names and free:
            self.names[session] = name

    @rule(person=PEOPLE)
    def unregister(self, person: int) -> None:
        session = self.sessions[person]
        assert self.attempt("unregister", session)
        for room in list(self.rooms[session]):
            self.go_out(session, room)
        self.names.pop(session, None)

    @rule(person=PEOPLE)
    def reconnect(self, person: int) -> None:
        gone, new = self.sessions[person], self.house.visitor()
        for room in list(self.rooms[gone]):
            self.go_out(gone, room)
        self.names.pop(gone, None)
        self.house.hub.disconnect(gone)
        self.sessions[person] = new
        self.rooms[new], self.told[new] = [], []

    @rule(person=PEOPLE, room=ROOMS)
    def join(self, person: int, room: str) -> None:
        session, key = self.sessions[person], room.lower()
        assert self.attempt("join", session, room) == (session not in self.members[key])
        if session not in self.members[key]:
            self.members[key].add(session)
            self.rooms[session].append(key)
            self.tell(self.members[key], "Joined", key, self.shown(session))

    @rule(person=PEOPLE, room=ROOMS)
    def leave(self, person: int, room: str) -> None:
        session, key = self.sessions[person], room.lower()
        assert self.attempt("leave", session, room) == (session in self.members[key])
        if session in self.members[key]:
            self.go_out(session, key)

    @rule(person=PEOPLE, room=ROOMS)
    def publish(self, person: int, room: str) -> None:
        session, members, words = self.sessions[person], self.members[room.lower()], self.next_words()
        assert self.attempt("publish", session, room, words) == (session in members)
        if session in members:
            self.tell(members, "RoomMessage", room.lower(), self.shown(session), words)

    @rule(person=PEOPLE, names=st.lists(NAMES, min_size=1, max_size=3))
    def message(self, person: int, names: list[str]) -> None:
        holders = {name.lower(): session for session, name in self.names.items()}
        session, words = self.sessions[person], self.next_words()
        known = all(name.lower() in holders for name in names)
        assert self.attempt("message", session, names, words) == known
        if known:
            recipients = {holders[name.lower()] for name in names}
            self.tell(recipients, "DirectMessage", self.shown(session), words)

    @invariant()
    def everyone_heard_what_there_was_to_hear_and_nothing_else_in_order(self) -> None:
        for session, what in self.told.items():
            assert [told(event) for event in self.house.heard(session)] == what

    @invariant()
    def names_and_members_are_as_the_model_has_them(self) -> None:
        assert sorted(self.names.values(), key=str.lower) == self.house.hub.usernames()
        counted = {room.room.lower(): room.members for room in self.house.hub.room_summaries()}
        assert {name: count for name, count in counted.items() if count} == {
            name: len(members) for name, members in self.members.items() if members
        }


TestHubAgainstModel = Model.TestCase
TestHubAgainstModel.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
