"""The hub against a simple model of it, with random sequences of calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from generated import examples
from hub_harness import Harness
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from chateau.hub.errors import HubError
from chateau.hub.events import DirectMessage, Event, Joined, Left, Publication, RoomMessage, RoomState
from chateau.hub.session import Session

PEOPLE = st.integers(0, 3)
LISTENERS = st.integers(0, 1)
NAMES = st.sampled_from(["alice", "Alice", "bob", "carol"])
ROOMS = st.sampled_from(["attic", "ATTIC", "cellar"])


def summary(event: Event) -> tuple[object, ...]:
    """Return the content of *event*, without seq, id and time."""
    match event:
        case Joined() | Left():
            return type(event).__name__, event.room.lower(), event.username
        case RoomMessage():
            return "RoomMessage", event.room.lower(), event.sender, event.content
        case Publication():
            return "Publication", event.room.lower(), event.payload.decode()
        case RoomState():
            return "RoomState", event.room.lower(), event.available, event.username is not None
        case DirectMessage():
            return "DirectMessage", event.sender, event.content
    raise AssertionError(f"unexpected event {event}")


@dataclass
class ModelRoom:
    members: list[Session] = field(default_factory=list)
    listeners: list[Session] = field(default_factory=list)
    banned: set[str] = field(default_factory=set)
    is_closed: bool = False
    keeps: bool = False

    @property
    def inside(self) -> list[Session]:
        return self.members + self.listeners

    @property
    def is_there(self) -> bool:
        return bool(self.inside or self.banned or self.is_closed or self.keeps)


@dataclass
class ModelRules:
    """The privacy rules of a session, with addresses as numbers of sessions."""

    is_private: bool = False
    allowed: set[int] = field(default_factory=set)
    blocked: set[int] = field(default_factory=set)

    def allows(self, person: int) -> bool:
        return person not in self.blocked and (not self.is_private or person in self.allowed)


class Model(RuleBasedStateMachine):
    """Four sessions that register, join rooms and send messages, and two listeners."""

    @initialize()
    def start(self) -> None:
        self.harness = Harness()
        self.names: dict[Session, str] = {}  # in the order of registration
        self.nicks: dict[Session, str] = {}
        self.rooms = {"attic": ModelRoom(), "cellar": ModelRoom()}
        self.rooms_of: dict[Session, list[str]] = {}
        self.rules: dict[Session, ModelRules] = {}
        self.expected: dict[Session, list[tuple[object, ...]]] = {}
        self.sessions = [self.enter(f"192.0.2.{person}") for person in range(4)]
        self.listeners = [self.enter("198.51.100.1") for _ in range(2)]
        self.number = 0

    def enter(self, address: str) -> Session:
        session = self.harness.connect(address=address)
        self.rooms_of[session], self.expected[session], self.rules[session] = [], [], ModelRules()
        return session

    def attempt(self, method: Callable[..., object], *arguments: object, **options: object) -> bool:
        try:
            method(*arguments, **options)
        except HubError:
            return False
        return True

    def shown(self, session: Session) -> str:
        return self.names.get(session, f"#{session.id}")

    def holders(self, name: str) -> list[Session]:
        return [session for session in self.sessions if self.shown(session).lower() == name.lower()]

    def can_reach(self, person: int, target: Session) -> bool:
        return target is self.sessions[person] or self.rules[target].allows(person)

    def has_its_nick_in(self, session: Session, name: str, room: str) -> bool:
        others = [other for other, nick in self.nicks.items() if nick.lower() == name.lower()]
        return any(other is not session for other in others if room in self.rooms_of[other])

    def expect(self, sessions: Iterable[Session], *what: object) -> None:
        for session in sessions:
            self.expected[session].append(what)

    def leave_room(self, session: Session, key: str) -> None:
        self.rooms[key].members.remove(session)
        self.rooms_of[session].remove(key)
        self.expect(self.rooms[key].inside, "Left", key, self.shown(session))

    def remove_name(self, session: Session) -> None:
        for key in list(self.rooms_of[session]):
            self.leave_room(session, key)
        self.names.pop(session, None)
        self.nicks.pop(session, None)

    def next_content(self) -> str:
        self.number += 1
        return str(self.number)

    # Names

    @rule(person=PEOPLE, name=NAMES, as_nick=st.booleans())
    def register(self, person: int, name: str, as_nick: bool) -> None:
        session, is_held = self.sessions[person], bool(self.holders(name))
        meets = any(self.has_its_nick_in(session, name, key) for key in self.rooms_of[session])
        is_nick = name.lower() in {nick.lower() for nick in self.nicks.values()}
        free = as_nick and not meets if is_nick else not is_held
        succeeds = session not in self.names and free

        assert self.attempt(self.harness.hub.register, session, name, as_nick=as_nick) is succeeds

        if succeeds:
            self.names[session] = f"{name}#{session.id}" if is_held else name
            if as_nick:
                self.nicks[session] = name

    @rule(person=PEOPLE)
    def unregister(self, person: int) -> None:
        session = self.sessions[person]
        assert self.attempt(self.harness.hub.unregister, session)
        self.remove_name(session)

    @rule(person=PEOPLE)
    def reconnect(self, person: int) -> None:
        gone = self.sessions[person]
        self.harness.hub.disconnect(gone)
        self.remove_name(gone)
        self.rules[gone] = ModelRules()
        self.sessions[person] = self.enter(f"192.0.2.{person}")

    # Rooms

    @rule(person=PEOPLE, room=ROOMS, alone=st.booleans())
    def join(self, person: int, room: str, alone: bool) -> None:
        session, key = self.sessions[person], room.lower()
        there, name = self.rooms[key], self.names.get(session, "")
        succeeds = not (
            session in there.members
            or there.is_closed
            or not there.banned.isdisjoint((name.lower(), self.nicks.get(session, "").lower()))
            or (session in self.nicks and self.has_its_nick_in(session, self.nicks[session], key))
        )

        assert self.attempt(self.harness.hub.join, session, room, alone=alone) is succeeds

        if succeeds:
            for other in list(self.rooms_of[session]) if alone else ():
                self.leave_room(session, other)
            there.members.append(session)
            self.rooms_of[session].append(key)
            self.expect(there.inside, "Joined", key, self.shown(session))

    @rule(person=PEOPLE, room=ROOMS)
    def leave(self, person: int, room: str) -> None:
        session, key = self.sessions[person], room.lower()
        succeeds = session in self.rooms[key].members
        assert self.attempt(self.harness.hub.leave, session, room) is succeeds
        if succeeds:
            self.leave_room(session, key)

    @rule(listener=LISTENERS, room=ROOMS)
    def listen(self, listener: int, room: str) -> None:
        session, there = self.listeners[listener], self.rooms[room.lower()]
        succeeds = session not in there.listeners and not there.is_closed
        assert self.attempt(self.harness.hub.listen, session, room) is succeeds
        if succeeds:
            there.listeners.append(session)

    @rule(listener=LISTENERS)
    def stop_listening(self, listener: int) -> None:
        gone = self.listeners[listener]
        self.harness.hub.disconnect(gone)
        for room in self.rooms.values():
            room.listeners = [session for session in room.listeners if session is not gone]
        self.listeners[listener] = self.enter("198.51.100.1")

    # Messages

    @rule(person=PEOPLE, room=ROOMS)
    def publish(self, person: int, room: str) -> None:
        session, there, words = self.sessions[person], self.rooms[room.lower()], self.next_content()
        succeeds = session in there.members and not there.is_closed
        assert self.attempt(self.harness.hub.publish, session, room, words) is succeeds
        if succeeds:
            there.keeps = True
            self.expect(there.inside, "RoomMessage", room.lower(), self.shown(session), words)

    @rule(room=ROOMS)
    def publish_to_channel(self, room: str) -> None:
        there, words = self.rooms[room.lower()], self.next_content()
        if there.is_closed:
            assert not self.attempt(self.harness.hub.publish_to_channel, room, "text", words.encode())
        else:
            receipt = self.harness.hub.publish_to_channel(room, "text", words.encode())
            assert (receipt.delivered, receipt.publication.seq > 0) == (
                len(there.inside),
                bool(there.members),
            )
            self.expect(there.inside, "Publication", room.lower(), words)

    @rule(person=PEOPLE, to=st.lists(st.one_of(NAMES, PEOPLE), min_size=1, max_size=3))
    def message(self, person: int, to: list[str | int]) -> None:
        session, words = self.sessions[person], self.next_content()
        names = [name if isinstance(name, str) else f"#{self.sessions[name].id}" for name in to]
        known = all(any(self.can_reach(person, holder) for holder in self.holders(name)) for name in names)
        recipients = {holder for name in names for holder in self.holders(name)}
        recipients = {recipient for recipient in recipients if self.can_reach(person, recipient)}
        assert self.attempt(self.harness.hub.message, session, names, words) is known
        if known:
            self.expect(recipients, "DirectMessage", self.shown(session), words)

    @rule(person=PEOPLE, to=st.lists(st.integers(0, 6), max_size=4), bypass_privacy=st.booleans())
    def message_to_sessions(self, person: int, to: list[int], bypass_privacy: bool) -> None:
        session, words, everyone = self.sessions[person], self.next_content(), self.sessions + self.listeners
        targets = [everyone[number] if number < len(everyone) else None for number in dict.fromkeys(to)]
        ids = {target: target.id if target is not None else "nobody" for target in targets}
        reached = [
            target
            for target in targets
            if target is not None
            and not target.is_listener
            and (bypass_privacy or self.can_reach(person, target))
        ]

        unreached = self.harness.hub.message_to_sessions(
            session, [*ids.values(), *ids.values()], words, bypass_privacy=bypass_privacy
        )

        assert unreached == [ids[target] for target in targets if target not in reached]
        self.expect(reached, "DirectMessage", self.shown(session), words)

    # Privacy rules

    @rule(person=PEOPLE, is_private=st.booleans())
    def set_privacy(self, person: int, is_private: bool) -> None:
        self.harness.hub.access.set_privacy(self.sessions[person], "private" if is_private else "public")
        self.rules[self.sessions[person]].is_private = is_private

    @rule(person=PEOPLE, other=PEOPLE, blocks=st.booleans(), form=st.sampled_from(["", "/32", "::ffff:"]))
    def add_rule(self, person: int, other: int, blocks: bool, form: str) -> None:
        session, access = self.sessions[person], self.harness.hub.access
        address = f"192.0.2.{other}"
        act, rules = (access.block, "blocked") if blocks else (access.allow, "allowed")
        act(session, form + address if form.endswith(":") else address + form)
        getattr(self.rules[session], rules).add(other)

    # Moderation

    @rule(room=ROOMS, step=st.sampled_from(["close", "open", "delete"]))
    def keep(self, room: str, step: str) -> None:
        key = room.lower()
        there = self.rooms[key]
        succeeds = there.is_there
        assert self.attempt(getattr(self.harness.hub.rooms, step), room) is succeeds
        if succeeds:
            there.is_closed = step == "close"
            self.expect(there.inside, "RoomState", key, step == "open", False)
            if step == "delete":
                for session in there.members:
                    self.rooms_of[session].remove(key)
                self.rooms[key] = ModelRoom()

    @rule(room=ROOMS, name=NAMES)
    def ban(self, room: str, name: str) -> None:
        key, holders = room.lower(), self.holders(name)
        succeeds = self.rooms[key].is_there and bool(holders)
        assert self.attempt(self.harness.hub.rooms.ban, room, name) is succeeds
        if succeeds:
            self.rooms[key].banned.add(name.lower())
            for session in holders:
                if key in self.rooms_of[session]:
                    self.leave_room(session, key)
            self.expect(holders, "RoomState", key, False, True)

    @rule(room=ROOMS, name=NAMES)
    def unban(self, room: str, name: str) -> None:
        there = self.rooms[room.lower()]
        assert self.attempt(self.harness.hub.rooms.unban, room, name) is there.is_there
        there.banned.discard(name.lower())

    # Invariants

    @invariant()
    def all_sessions_received_exactly_the_expected_events_in_order(self) -> None:
        for session, what in self.expected.items():
            assert [summary(event) for event in self.harness.events_of(session)] == what

    @invariant()
    def usernames_list_the_reachable_names_once(self) -> None:
        forms = sorted({name.lower() for name in self.names.values()})
        assert [self.holders(form)[0].name for form in forms] == self.harness.hub.usernames()
        for person, viewer in enumerate(self.sessions):
            seen = [
                self.holders(form)[0].name
                for form in forms
                if any(self.can_reach(person, holder) for holder in self.holders(form))
            ]
            assert seen == self.harness.hub.usernames(viewer)
            assert {session for session in self.sessions if self.can_reach(person, session)} == {
                session for session in self.harness.hub.sessions(viewer) if session not in self.listeners
            }

    @invariant()
    def rooms_and_members_match_the_model(self) -> None:
        assert {
            (summary.room.lower(), summary.members, summary.available)
            for summary in self.harness.hub.room_summaries()
        } == {
            (key, len(room.members), not room.is_closed) for key, room in self.rooms.items() if room.is_there
        }
        for room in self.harness.hub.rooms.by_key.values():
            there = self.rooms[room.key]
            assert set(room.members()) == set(there.members)
            assert room.member_names() == sorted(map(self.shown, there.members), key=str.lower)
            assert len({name.lower() for name in room.member_names()}) == len(there.members)

    @invariant()
    def rules_of_open_sessions_are_counted(self) -> None:
        has_privacy_rules = [session for session in self.sessions if session.privacy_rules is not None]
        assert self.harness.hub.access.has_privacy_rules == len(has_privacy_rules)


TestHubAgainstModel = Model.TestCase
TestHubAgainstModel.settings = settings(max_examples=examples(100), stateful_step_count=40, deadline=None)
