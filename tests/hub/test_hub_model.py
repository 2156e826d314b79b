"""The hub against a model of it that is too simple to be wrong, in any order of doing things."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from recorded_house import House

from chateau.hub.errors import HubError
from chateau.hub.events import DirectMessage, RoomMessage
from chateau.hub.session import Session

PEOPLE = st.integers(0, 3)
NAMES = st.sampled_from(["alice", "Alice", "bob", "carol"])
ROOMS = st.sampled_from(["attic", "ATTIC", "cellar"])


class Model(RuleBasedStateMachine):
    """Four people, who have a name or not, are in rooms or not, and say things."""

    @initialize()
    def open_house(self) -> None:
        self.house = House()
        self.sessions = [self.house.visitor() for _ in range(4)]
        self.names: dict[Session, str] = {}
        self.members: dict[str, set[Session]] = {"attic": set(), "cellar": set()}
        self.said: dict[Session, list[str]] = {session: [] for session in self.sessions}
        self.number = 0

    def attempt(self, method: str, *arguments: object) -> bool:
        try:
            getattr(self.house.hub, method)(*arguments)
        except HubError:
            return False
        return True

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
        self.names.pop(session, None)
        for members in self.members.values():
            members.discard(session)

    @rule(person=PEOPLE)
    def reconnect(self, person: int) -> None:
        self.unregister(person)
        self.house.hub.disconnect(self.sessions[person])
        self.sessions[person] = self.house.visitor()
        self.said[self.sessions[person]] = []

    @rule(person=PEOPLE, room=ROOMS)
    def join(self, person: int, room: str) -> None:
        session, members = self.sessions[person], self.members[room.lower()]
        assert self.attempt("join", session, room) == (session not in members)
        members.add(session)

    @rule(person=PEOPLE, room=ROOMS)
    def leave(self, person: int, room: str) -> None:
        session, members = self.sessions[person], self.members[room.lower()]
        assert self.attempt("leave", session, room) == (session in members)
        members.discard(session)

    @rule(person=PEOPLE, room=ROOMS)
    def publish(self, person: int, room: str) -> None:
        session, members, words = self.sessions[person], self.members[room.lower()], self.next_words()
        assert self.attempt("publish", session, room, words) == (session in members)
        if session in members:
            for member in members:
                self.said[member].append(words)

    @rule(person=PEOPLE, names=st.lists(NAMES, min_size=1, max_size=3))
    def message(self, person: int, names: list[str]) -> None:
        holders = {name.lower(): session for session, name in self.names.items()}
        known, words = all(name.lower() in holders for name in names), self.next_words()
        assert self.attempt("message", self.sessions[person], names, words) == known
        if known:
            for session in {holders[name.lower()] for name in names}:
                self.said[session].append(words)

    @invariant()
    def everyone_heard_what_was_said_in_order(self) -> None:
        for session, words in self.said.items():
            heard = self.house.heard(session)
            assert [
                event.content for event in heard if isinstance(event, DirectMessage | RoomMessage)
            ] == words

    @invariant()
    def names_and_members_are_as_the_model_has_them(self) -> None:
        assert sorted(self.names.values(), key=str.lower) == self.house.hub.usernames()
        counted = {room.room.lower(): room.members for room in self.house.hub.rooms()}
        assert {name: count for name, count in counted.items() if count} == {
            name: len(members) for name, members in self.members.items() if members
        }


TestHubAgainstModel = Model.TestCase
TestHubAgainstModel.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
