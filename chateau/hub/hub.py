"""Hub: the single entry point for every use case, here or in ``hub.rooms`` and ``hub.access``.

A method that raises a :class:`~chateau.hub.errors.HubError` has changed nothing that a client can see: it
may have taken an id or a seq, which stays unused (so seqs have gaps). A failure to store a message that was
delivered is not raised; its :class:`~chateau.hub.ports.Commit` reports it. Methods never block and call
nothing outside but the ports; where data must reach the disk, they return a
:class:`~chateau.hub.ports.Commit` to wait for. The hub is not thread-safe.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from chateau.hub.access import Access, check_entry, check_open
from chateau.hub.delivery import Delivery
from chateau.hub.errors import AlreadyInRoom, NotInRoom, Unavailable, UnknownRecipient
from chateau.hub.events import (
    CHANNEL,
    DirectMessage,
    JoinRecord,
    Publication,
    RoomMessage,
    Shutdown,
    TapChanged,
)
from chateau.hub.idempotency import IdempotencyCache
from chateau.hub.presence import Presence
from chateau.hub.registry import Registry
from chateau.hub.rooms import Rooms
from chateau.hub.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from chateau.hub.events import Event, PayloadKind
    from chateau.hub.ports import (
        CallLater,
        Clock,
        Commit,
        EventSink,
        LookOf,
        MessageIdGenerator,
        NormalizeName,
        Page,
        Store,
    )
    from chateau.hub.room import Room


SLICE_BYTES = 65_536
"""Size of a slice of history, about: see :meth:`Hub.history_slices`."""

SLICE_RECORDS = 100
"""Maximum number of records in a slice of history."""


class Receipt(NamedTuple):
    """A room message that was delivered; *commit* is None if it needs no further write to be stored."""

    message: RoomMessage
    commit: Commit | None


class PublicationReceipt(NamedTuple):
    """A publication that was delivered to *delivered* sessions; *commit* as in :class:`Receipt`."""

    publication: Publication
    commit: Commit | None
    delivered: int


class RoomSummary(NamedTuple):
    """One row of a list of rooms."""

    room: str
    members: int
    available: bool


class Hub:
    """Sessions, usernames, rooms and history of one server."""

    def __init__(
        self,
        *,
        store: Store,
        normalize_name: NormalizeName,
        look_of: LookOf,
        next_id: MessageIdGenerator,
        clock: Clock,
        call_later: CallLater,
        presence_limit: int = 500,
        secret_key: str | None = None,
        reserved_names: Iterable[str] = (),
        stores_publications: bool = False,
        stores_messages: bool = True,
    ) -> None:
        """*reserved_names* cannot be the names of users or rooms: the server itself sends under them.

        In rooms of more than *presence_limit* members, count updates replace single joins and leaves.
        """
        self._store = store
        self._next_id = next_id
        self._stores_publications = stores_publications
        self._stores_messages = stores_messages
        self._sessions: dict[str, Session] = {}
        self._session_ids = count()
        self._receipts: IdempotencyCache[Receipt] = IdempotencyCache(clock)
        self._publication_receipts: IdempotencyCache[PublicationReceipt] = IdempotencyCache(clock)
        reserved = tuple(reserved_names)
        self._registry = Registry(
            normalize_name=normalize_name,
            look_of=look_of,
            sessions=self._sessions,
            reserved=(CHANNEL, *reserved),
        )
        self._delivery = Delivery(registry=self._registry, sessions=self._sessions)
        rooms: dict[str, Room] = {}
        self._presence = Presence(
            delivery=self._delivery, call_later=call_later, rooms=rooms, limit=presence_limit
        )
        self.access = Access(
            sessions=self._sessions, clock=clock, call_later=call_later, secret_key=secret_key
        )
        self.rooms = Rooms(
            rooms=rooms,
            store=store,
            registry=self._registry,
            delivery=self._delivery,
            presence=self._presence,
            normalize_name=normalize_name,
            look_of=look_of,
            next_id=next_id,
            reserved=reserved,
        )

    # Sessions and names

    def connect(self, protocol: EventSink, *, outbox: Any, address: str, port: int = 0) -> Session:
        """Return a new session for a client at *address* and *port*.

        *protocol* delivers its events; *outbox* is for that protocol, and the hub never uses it.
        """
        session = Session(
            id=str(next(self._session_ids)), address=address, port=port, protocol=protocol, outbox=outbox
        )
        session.banned = self.access.is_banned(address)
        self._sessions[session.id] = session
        return session

    def disconnect(self, session: Session) -> None:
        """End *session*: leave its rooms and free its username. Idempotent."""
        if self._sessions.pop(session.id, None) is not None:
            self.unregister(session)
            self.access.forget(session)

    def register(self, session: Session, username: str, *, as_nick: bool = False) -> None:
        """Register *session* as *username*. Sessions without a common room may share a name as a nick.

        The first session with a nick holds it as its username. The username of each other session is the
        nick, ``#`` and its id, as long as it has it.

        Raises:
            AlreadyRegistered: *session* has a username.
            InvalidName: *username* cannot be a username.
            NameTaken: another session has it, and the two cannot share it.
        """
        self._registry.register(session, username, as_nick=as_nick)

    def unregister(self, session: Session) -> None:
        """Remove *session* from its rooms and free its username, if it has one."""
        self.rooms.leave_all(session)
        self._registry.unregister(session)

    def usernames(self, viewer: Session | None = None) -> Sequence[str]:
        """Return all usernames that *viewer* can reach, sorted by normalized name. Do not change the list."""
        names = self._registry.usernames()
        if viewer is None or not self.access.has_privacy_rules:
            return names
        return [name for name in names if self._can_reach(viewer, name)]

    def protocols(self, usernames: Iterable[str], viewer: Session | None = None) -> dict[str, list[str]]:
        """Return for each of *usernames*, as registered, the sorted names of the protocols that it uses.

        Sessions that *viewer* cannot reach do not count.
        """
        return {name: self._protocols_of(name, viewer) for name in usernames}

    def session(self, id: str) -> Session | None:  # noqa: A002
        """Return the session *id*, or None if it has ended or never existed."""
        return self._sessions.get(id)

    def session_count(self) -> int:
        """Return the number of sessions."""
        return len(self._sessions)

    def sessions(self, viewer: Session | None = None) -> list[Session]:
        """Return all sessions, or those that *viewer* can reach."""
        sessions = self._sessions.values()
        return [session for session in sessions if viewer is None or self.access.can_reach(viewer, session)]

    # Direct messages

    def recipients(self, usernames: Sequence[str]) -> tuple[str, ...]:
        """Return *usernames* as a message shows its recipients: as registered, each once.

        Raises:
            UnknownRecipient: one of them is not registered.
        """
        return self._registry.recipients(usernames)

    def message(self, session: Session, recipients: Sequence[str], content: str) -> DirectMessage:
        """Deliver *content* to the usernames *recipients*, once each. Return the message.

        Raises:
            UnknownRecipient: a name is not registered, or *session* cannot reach it; the two cases look
                the same to the client. Nothing is delivered.
        """
        if self.access.has_privacy_rules:
            self._check_reach(session, recipients)
        names = self._registry.recipients(recipients)
        message = DirectMessage(session.name, names, content, *self._next_id(), session.id)
        self._delivery.deliver_to_users(names, message)
        return message

    def message_to_sessions(
        self, session: Session, ids: Sequence[str], content: str, *, bypass_privacy: bool = False
    ) -> list[str]:
        """Deliver *content* to the sessions *ids*, once each. Return the ids that it did not reach.

        These are unknown ids, listeners and, unless *bypass_privacy*, sessions whose privacy rules
        exclude *session*.
        """
        reached: dict[str, str] = {}
        for id_ in ids:
            target = self._sessions.get(id_)
            if target is None or target.is_listener:
                continue
            if bypass_privacy or self.access.can_reach(session, target):
                reached[id_] = target.name
        if reached:
            names, found = tuple(dict.fromkeys(reached.values())), tuple(reached)
            message = DirectMessage(session.name, names, content, *self._next_id(), session.id, found)
            self._delivery.deliver_to_sessions(found, message)
        return [id_ for id_ in dict.fromkeys(ids) if id_ not in reached]

    def _check_reach(self, session: Session, usernames: Sequence[str]) -> None:
        unknown = [name for name in usernames if not self._can_reach(session, name)]
        if unknown:
            raise UnknownRecipient(list(dict.fromkeys(unknown)))

    def _protocols_of(self, username: str, viewer: Session | None) -> list[str]:
        holder = self._registry.find(username)
        if holder is None or (viewer is not None and not self.access.can_reach(viewer, holder)):
            return []
        return [holder.protocol.name]

    def _can_reach(self, session: Session, username: str) -> bool:
        holder = self._registry.find(username)
        return holder is not None and self.access.can_reach(session, holder)

    # Rooms

    def join(self, session: Session, name: str, *, password: str | None = None, alone: bool = False) -> Room:
        """Add *session* to the room *name*, created if necessary; if *alone*, leave all other rooms first.

        Raises:
            InvalidName: *name* cannot be the name of a room.
            AlreadyInRoom: *session* is a member or listener.
            AccessDenied: the room is closed, locked with another password, or the user is banned from it.
            MustWait, TooManyTries: too many wrong passwords came from the address.
            NameTaken: a member has the same nick.
        """
        room = self._admit(session, name, password)
        self._registry.check_nick(session, room)
        if alone:
            self.rooms.leave_all(session)
        self.rooms.enter(room, session)
        with suppress(Unavailable):  # a join is valid even if it cannot be recorded
            _, time = self._next_id()
            seq = self._store.next_seq(room.key)
            self._store.append(room.key, JoinRecord(session.name, room.name, seq, time))
        self._presence.joined(room, session)
        return room

    def listen(self, session: Session, name: str) -> Room:
        """Add *session* to the room *name* as a listener: it receives all events, but is not a member.

        Raises:
            InvalidName, AccessDenied: as for :meth:`join`.
            AlreadyInRoom: *session* listens to the room already, or is a member of any room.
        """
        room = self._admit(session, name, None)
        if session.room is not None and not session.is_listener:
            raise AlreadyInRoom(session.room.name)
        session.is_listener = True
        self.rooms.enter(room, session)
        return room

    def leave(self, session: Session, name: str) -> Room:
        """Remove *session* from the room *name*.

        Raises:
            UnknownRoom, NotInRoom.
        """
        room = self.rooms.find_joined(session, name)
        self.rooms.leave(room, session)
        return room

    def publish(self, session: Session, name: str, content: str, *, key: str | None = None) -> Receipt:
        """Deliver *content* to everyone in the room *name*, and store it.

        The receipt's ``commit`` is done once the message is stored. If the user sent a message with the
        same idempotency *key* to this room in the last five minutes, return the receipt of that message,
        unless it could not be stored.

        Raises:
            UnknownRoom, NotInRoom.
            AccessDenied: the room is closed.
            Unavailable: the message cannot be stored now; it is not delivered.
        """
        room = self.rooms.find_joined(session, name)
        if session.is_listener:
            raise NotInRoom(room.name)
        if key is None:
            return self._publish(session, room, content)
        return self._receipts.get_or_create(
            session.sort_key, room.key, key, create=lambda: self._publish(session, room, content)
        )

    def publish_to_channel(
        self, name: str, kind: PayloadKind, payload: bytes, *, key: str | None = None
    ) -> PublicationReceipt:
        """Deliver *payload* to everyone in the room *name*; the publisher need not be a member.

        It is stored if the hub ``stores_publications``. *key* is as for :meth:`publish`, but all publishers
        share the keys of a room.

        Raises:
            InvalidName: *name* cannot be the name of a room.
            AccessDenied: the room is closed or locked.
            Unavailable: the publication cannot be stored now; it is not delivered.
        """
        room = self.check_channel(name)
        if key is None:
            return self._publish_to_channel(room, kind, payload)
        return self._publication_receipts.get_or_create(
            room.key, key, create=lambda: self._publish_to_channel(room, kind, payload)
        )

    def check_channel(self, name: str) -> Room:
        """Return the room *name* if it accepts publications.

        Raises:
            InvalidName, AccessDenied: as for :meth:`publish_to_channel`.
        """
        room = self.rooms.find_or_create(name)
        check_entry(room, password=None)
        return room

    def history(
        self,
        session: Session,
        name: str,
        *,
        since: int | None = None,
        start: str | None = None,
        end: str | None = None,
        limit: int = 100,
        joins: bool = False,
    ) -> tuple[Room, Page]:
        """Return the history of the room *name*, oldest first; see :meth:`chateau.hub.ports.Store.read`.

        Raises:
            UnknownRoom, NotInRoom.
            Unavailable: the history cannot be read now.
        """
        room = self.rooms.find_joined(session, name)
        page = self._store.read(room.key, since=since, start=start, end=end, limit=limit, joins=joins)
        return room, page

    def history_slices(
        self,
        session: Session,
        name: str,
        *,
        since: int | None = None,
        start: str | None = None,
        end: str | None = None,
        limit: int = 100,
        joins: bool = False,
    ) -> Iterator[Page]:
        """Yield what :meth:`history` returns in slices, each of which takes about a millisecond to read.

        With *since* or *start* the oldest slice comes first, otherwise the newest.

        Raises:
            UnknownRoom, NotInRoom.
            Unavailable: the history cannot be read now.
        """
        room = self.rooms.find_joined(session, name)
        is_forward = since is not None or start is not None
        before: int | None = None
        while True:
            page = self._store.read(
                room.key,
                since=since,
                before=before,
                start=start,
                end=end,
                limit=min(limit, SLICE_RECORDS),
                max_bytes=SLICE_BYTES,
                joins=joins,
            )
            limit -= len(page.messages)
            yield page
            if not page.has_more or limit <= 0:
                return
            if is_forward:
                since = page.messages[-1].seq
            else:
                before = page.messages[0].seq

    def stores(self, event: Event) -> bool:
        """Return whether *event* is in the history of its room, as far as its retention allows."""
        if isinstance(event, Publication):
            return self._stores_publications
        return isinstance(event, RoomMessage) and self._stores_messages

    def room_summaries(self) -> list[RoomSummary]:
        """Return a summary of every room, sorted by normalized name."""
        rooms = sorted(self.rooms.by_key.items())
        return [RoomSummary(room.name, room.count, room.available) for _, room in rooms]

    # The server

    def shut_down(self, reason: str | None = None) -> None:
        """Report to every session that the server is shutting down."""
        self.access.guesses.close()
        self._delivery.deliver_to_all(Shutdown(reason))

    def notify_tap(self, session: Session, *, active: bool) -> None:
        """Report to *session* that an admin has begun, or stopped, to watch its frames."""
        self._delivery.deliver_to_sessions((session.id,), TapChanged(session.id, active))

    # Shared steps

    def _admit(self, session: Session, name: str, password: str | None) -> Room:
        room = self.rooms.find_or_create(name)
        if session.rooms is not None and room.key in session.rooms:
            raise AlreadyInRoom(room.name)
        self.access.check_entry(room, session, password)
        return room

    def _publish(self, session: Session, room: Room, content: str) -> Receipt:
        check_open(room)
        id_, time = self._next_id()
        seq = self._store.next_seq(room.key)
        message = RoomMessage(session.name, room.name, content, seq, id_, time)
        commit = self._store.append(room.key, message)
        self._delivery.deliver_to_room(room, message)
        return Receipt(message, commit)

    def _publish_to_channel(self, room: Room, kind: PayloadKind, payload: bytes) -> PublicationReceipt:
        id_, time = self._next_id()
        is_counted = self._stores_publications or room.count > 0
        seq = self._store.next_seq(room.key) if is_counted else 0
        publication = Publication(room.name, kind, payload, seq, id_, time)
        commit = None
        if self._stores_publications:
            commit = self._store.append(room.key, publication)
            self.rooms.add(room)
        self._delivery.deliver_to_room(room, publication)
        return PublicationReceipt(publication, commit, room.count + room.listeners)
