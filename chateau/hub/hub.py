"""Hub: the one door to the house. Every use case is a method here, or of ``rooms`` and ``access``.

A method does everything that it says or, when it raises a :class:`~chateau.hub.errors.HubError`, nothing.
Each finishes in the call and calls nobody back except to hand out events; what has to last returns with
a :class:`~chateau.hub.ports.Commit` to wait for. All of it belongs to one thread.
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
    from collections.abc import Iterable, Sequence

    from chateau.hub.events import PayloadKind
    from chateau.hub.ports import (
        CallLater,
        Clock,
        Cluster,
        Commit,
        EventSink,
        MessageIdGenerator,
        NormalizeName,
        Page,
        Store,
    )
    from chateau.hub.room import Room


class Receipt(NamedTuple):
    """A room message that was handed to all members; *commit* is None when it is kept already."""

    message: RoomMessage
    commit: Commit | None

    @property
    def has_failed(self) -> bool:
        """Whether the message could not be kept."""
        return has_failed(self.commit)


class PublicationReceipt(NamedTuple):
    """A package that was handed to *delivered* sessions of this node; *commit* as in :class:`Receipt`."""

    package: Publication
    commit: Commit | None
    delivered: int

    @property
    def has_failed(self) -> bool:
        """Whether the package could not be kept."""
        return has_failed(self.commit)


class RoomSummary(NamedTuple):
    """A room as a list of rooms shows it."""

    room: str
    members: int
    available: bool


class Hub:
    """Sessions, names, rooms and history of one node."""

    def __init__(
        self,
        *,
        store: Store,
        cluster: Cluster,
        normalize_name: NormalizeName,
        next_id: MessageIdGenerator,
        clock: Clock,
        call_later: CallLater,
        presence_limit: int = 500,
        secret_key: str | None = None,
        reserved_names: Iterable[str] = (),
        stores_publications: bool = False,
    ) -> None:
        """*reserved_names* are nobody's usernames: the server speaks under them."""
        self._store = store
        self._next_id = next_id
        self._stores_publications = stores_publications
        self._sessions: dict[str, Session] = {}
        self._session_ids = count()
        self._receipts: IdempotencyCache[Receipt] = IdempotencyCache(clock)
        self._publication_receipts: IdempotencyCache[PublicationReceipt] = IdempotencyCache(clock)
        self._registry = Registry(
            normalize_name=normalize_name,
            cluster=cluster,
            sessions=self._sessions,
            reserved=(CHANNEL, *reserved_names),
        )
        self.access = Access(sessions=self._sessions, clock=clock, secret_key=secret_key)
        self.rooms = Rooms(
            store=store,
            registry=self._registry,
            normalize_name=normalize_name,
            next_id=next_id,
            announce=lambda event: self._announce(event),
            leave=self._leave,
        )
        delivery = Delivery(
            registry=self._registry,
            rooms=self.rooms.by_key,
            sessions=self._sessions,
            normalize_name=normalize_name,
        )
        cluster.subscribe(delivery.deliver)
        self._announce = cluster.announce
        self._presence = Presence(
            announce=cluster.announce, call_later=call_later, rooms=self.rooms.by_key, limit=presence_limit
        )

    # Sessions and names

    def connect(self, protocol: EventSink, *, outbox: Any, address: str, port: int = 0) -> Session:
        """Open a session for a client at *address* and *port*, spoken to by *protocol* through *outbox*."""
        session = Session(
            id=str(next(self._session_ids)), address=address, port=port, protocol=protocol, outbox=outbox
        )
        session.banned = self.access.is_banned(address)
        self._sessions[session.id] = session
        return session

    def disconnect(self, session: Session) -> None:
        """End *session*: its rooms are left and its name is free. Once more does nothing."""
        if self._sessions.pop(session.id, None) is not None:
            self.unregister(session)
            self.access.forget(session)

    def register(self, session: Session, username: str, *, as_nick: bool = False) -> None:
        """Give *username* to *session*. A nick may be shared by sessions that are in different rooms.

        Raises:
            AlreadyRegistered: *session* has a name.
            InvalidName: *username* is no name.
            NameTaken: another session holds it, and one of the two not as a nick.
        """
        self._registry.register(session, username, as_nick=as_nick)

    def unregister(self, session: Session) -> None:
        """Take *session* out of its rooms and free its name, if it has one."""
        for room in list((session.rooms or {}).values()):
            self._leave(session, room)
        self._registry.unregister(session)

    def usernames(self, viewer: Session | None = None) -> Sequence[str]:
        """Everyone registered whom *viewer* may reach, sorted by the form of the name. Not to be changed."""
        names = self._registry.usernames()
        if viewer is None or not self.access.has_privacy_rules:
            return names
        return [name for name in names if self._can_reach(viewer, name)]

    def protocols(self, usernames: Iterable[str], viewer: Session | None = None) -> dict[str, list[str]]:
        """By which protocols each of *usernames*, as registered, is here, sorted.

        Sessions that *viewer* may not reach do not count.
        """
        return {name: self._protocols_of(name, viewer) for name in usernames}

    def session(self, id: str) -> Session | None:  # noqa: A002
        """The open session with this id."""
        return self._sessions.get(id)

    def session_count(self) -> int:
        """How many sessions are open."""
        return len(self._sessions)

    def sessions(self, viewer: Session | None = None) -> list[Session]:
        """All open sessions that *viewer* may reach; all, where there is no viewer."""
        everyone = self._sessions.values()
        return [session for session in everyone if viewer is None or self.access.can_reach(viewer, session)]

    # Direct messages

    def recipients(self, usernames: Sequence[str]) -> tuple[str, ...]:
        """*usernames* as a message to them would show them: as registered, each once.

        Raises:
            UnknownRecipient: nobody holds one of them.
        """
        return self._registry.recipients(usernames)

    def message(self, session: Session, recipients: Sequence[str], content: str) -> DirectMessage:
        """Say *content* to *recipients*, usernames, each once, now. Returns what was said.

        Raises:
            UnknownRecipient: nobody holds one of the names, or lets *session* reach it: the two look the
                same. Nothing is delivered to anyone.
        """
        ids = self._ids_within_reach(session, recipients) if self.access.has_privacy_rules else None
        names = self._registry.recipients(recipients)
        message = DirectMessage(session.name, names, content, *self._next_id(), session.id, ids)
        self._announce(message)
        return message

    def message_to_sessions(
        self, session: Session, ids: Sequence[str], content: str, *, bypass_privacy: bool = False
    ) -> list[str]:
        """Say *content* to the sessions *ids*, each once, now. Returns the ids that were not reached.

        That are those of no session, of a listener, and of who does not let *session* reach it, unless
        *bypass_privacy*.
        """
        reached = {}
        for id_ in ids:
            target = self._sessions.get(id_)
            if target is None or target.is_listener:
                continue
            if bypass_privacy or self.access.can_reach(session, target):
                reached[id_] = target.name
        if reached:
            names = tuple(dict.fromkeys(reached.values()))
            stamp = self._next_id()
            self._announce(DirectMessage(session.name, names, content, *stamp, session.id, tuple(reached)))
        return [id_ for id_ in dict.fromkeys(ids) if id_ not in reached]

    def _ids_within_reach(self, session: Session, usernames: Sequence[str]) -> tuple[str, ...] | None:
        """The ids of those who hold *usernames* and let *session* reach them; None where that is all."""
        unknown = [name for name in usernames if not self._can_reach(session, name)]
        if unknown:
            raise UnknownRecipient(list(dict.fromkeys(unknown)))
        holders = dict.fromkeys(holder for name in usernames for holder in self._registry.holders(name))
        reached = [holder.id for holder in holders if self.access.can_reach(session, holder)]
        return None if len(reached) == len(holders) else tuple(reached)

    def _protocols_of(self, username: str, viewer: Session | None) -> list[str]:
        holders = self._registry.present((username,))
        return sorted(
            {
                holder.protocol.name
                for holder in holders
                if viewer is None or self.access.can_reach(viewer, holder)
            }
        )

    def _can_reach(self, session: Session, username: str) -> bool:
        return any(self.access.can_reach(session, holder) for holder in self._registry.holders(username))

    # Rooms

    def join(self, session: Session, name: str, *, password: str | None = None, alone: bool = False) -> Room:
        """Let *session* into the room *name*, which is made if need be; *alone*, it leaves all others.

        Raises:
            InvalidName: *name* is no room's name.
            AlreadyInRoom: *session* is inside.
            AccessDenied: the room is closed, the user banned from it, or it is locked with another password.
            NameTaken: another session with this nick is inside.
        """
        room = self._admitted(session, name, password)
        self._registry.check_nick(session, room)
        if alone:
            for other in list((session.rooms or {}).values()):
                self._leave(session, other)
        self._enter(session, room)
        with suppress(Unavailable):  # what is said must last; who came is worth no refusal
            stamp = self._next_id()
            seq = self._store.next_seq(room.key)
            self._store.append(room.key, JoinRecord(session.name, room.name, seq, stamp[1]))
        self._presence.joined(room, session)
        return room

    def listen(self, session: Session, name: str) -> Room:
        """Have *session* hear all of the room *name*: it says nothing there and is no member.

        Raises:
            InvalidName, AccessDenied, AlreadyInRoom: as for :meth:`join`; members of rooms are no listeners.
        """
        room = self._admitted(session, name, None)
        if session.room is not None and not session.is_listener:
            raise AlreadyInRoom(session.room.name)
        session.is_listener = True
        self._enter(session, room)
        return room

    def leave(self, session: Session, name: str) -> Room:
        """Let *session* out of the room *name*.

        Raises:
            UnknownRoom, NotInRoom.
        """
        room = self.rooms.find_joined(session, name)
        self._leave(session, room)
        return room

    def publish(self, session: Session, name: str, content: str, *, key: str | None = None) -> Receipt:
        """Say *content* to everyone in the room *name*, now.

        The receipt's ``commit`` is done once the message is kept. With an idempotency *key* that was used
        under this name in this room in the last five minutes nothing is said, and the first receipt
        returned, unless what was said then could not be kept.

        Raises:
            UnknownRoom, NotInRoom.
            AccessDenied: the room is closed.
            Unavailable: it cannot be kept now.
        """
        room = self.rooms.find_joined(session, name)
        if session.is_listener:
            raise NotInRoom(room.name)
        if key is None:
            return self._publish(session, room, content)
        receipt = self._receipts.get(session.sort_key, room.key, key)
        if receipt is None or receipt.has_failed:
            receipt = self._publish(session, room, content)
            self._receipts.put(session.sort_key, room.key, key, value=receipt)
        return receipt

    def publish_to_channel(
        self, name: str, kind: PayloadKind, payload: bytes, *, key: str | None = None
    ) -> PublicationReceipt:
        """Hand *payload* to everyone in the room *name*, now; the publisher need not be inside.

        It is kept where the house keeps packages; *key* as for :meth:`publish`, for all publishers together.

        Raises:
            InvalidName: *name* is no room's name.
            AccessDenied: the room is closed or locked.
            Unavailable: it cannot be kept now.
        """
        room = self.check_channel(name)
        if key is None:
            return self._publish_to_channel(room, kind, payload)
        receipt = self._publication_receipts.get(room.key, key)
        if receipt is None or receipt.has_failed:
            receipt = self._publish_to_channel(room, kind, payload)
            self._publication_receipts.put(room.key, key, value=receipt)
        return receipt

    def check_channel(self, name: str) -> Room:
        """Refuse what a package cannot be published to.

        Raises:
            InvalidName, AccessDenied: as for :meth:`publish_to_channel`.
        """
        room = self.rooms.find_or_create(name)
        check_entry(room, user=None, password=None)
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
        """What was said in the room *name*, oldest first; see :meth:`chateau.hub.ports.Store.read`.

        Raises:
            UnknownRoom, NotInRoom.
            Unavailable: it cannot be read now.
        """
        room = self.rooms.find_joined(session, name)
        page = self._store.read(room.key, since=since, start=start, end=end, limit=limit, joins=joins)
        return room, page

    def room_summaries(self) -> list[RoomSummary]:
        """Every room, sorted by the form of its name."""
        rooms = sorted(self.rooms.by_key.items())
        return [RoomSummary(room.name, room.count, room.available) for _, room in rooms]

    # The house

    def shut_down(self, reason: str | None = None) -> None:
        """Tell every session that the house closes."""
        self._announce(Shutdown(reason))

    def notify_tap(self, session: Session, *, active: bool) -> None:
        """Tell *session* that a keeper of the house sees what it sends and gets, or does so no more."""
        self._announce(TapChanged(session.id, active))

    # Below: what the use cases share

    def _admitted(self, session: Session, name: str, password: str | None) -> Room:
        room = self.rooms.find_or_create(name)
        if session.rooms is not None and room.key in session.rooms:
            raise AlreadyInRoom(room.name)
        check_entry(room, user=session.sort_key, password=password)
        return room

    def _enter(self, session: Session, room: Room) -> None:
        self.rooms.add(room)
        room.add(session)
        if session.rooms is None:
            session.rooms = {}
        session.rooms[room.key] = room

    def _leave(self, session: Session, room: Room) -> None:
        room.remove(session)
        assert session.rooms is not None
        del session.rooms[room.key]
        if not session.is_listener:
            self._presence.left(room, session)
        self.rooms.remove_if_empty(room)

    def _publish(self, session: Session, room: Room, content: str) -> Receipt:
        check_open(room)
        id_, time = self._next_id()
        seq = self._store.next_seq(room.key)
        message = RoomMessage(session.name, room.name, content, seq, id_, time)
        commit = self._store.append(room.key, message)
        self._announce(message)
        return Receipt(message, commit)

    def _publish_to_channel(self, room: Room, kind: PayloadKind, payload: bytes) -> PublicationReceipt:
        id_, time = self._next_id()
        is_counted = self._stores_publications or room.count > 0
        seq = self._store.next_seq(room.key) if is_counted else 0
        package = Publication(room.name, kind, payload, seq, id_, time)
        commit = None
        if self._stores_publications:
            commit = self._store.append(room.key, package)
            self.rooms.add(room)
        self._announce(package)
        return PublicationReceipt(package, commit, room.count + room.listeners)


def has_failed(commit: Commit | None) -> bool:
    """Whether *commit* is done, and nothing lasts."""
    return commit is not None and commit.done() and commit.exception() is not None
