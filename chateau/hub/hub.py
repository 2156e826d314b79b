"""Hub: the one door to the house. Every use case is a method here.

A method does everything that it says or, when it raises a :class:`~chateau.hub.errors.HubError`, nothing.
Each finishes in the call and calls nobody back except to hand out events; what has to last returns with
a :class:`~chateau.hub.ports.Commit` to wait for. All of it belongs to one thread.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from chateau.hub.access import Bans, check_entry, check_open
from chateau.hub.delivery import Delivery
from chateau.hub.errors import AlreadyInRoom, NotInRoom, UnknownRoom
from chateau.hub.events import DirectMessage, RoomMessage, RoomState, Shutdown
from chateau.hub.idempotency import RecentKeys
from chateau.hub.presence import Presence
from chateau.hub.registry import Registry, checked_form
from chateau.hub.room import ROOM_NAME_LIMIT, Room
from chateau.hub.session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chateau.hub.ports import CallLater, Clock, Cluster, Commit, Mint, NameForm, Page, Store, Subscriber


class Receipt(NamedTuple):
    """A room message that was handed to all members; *commit* is None when it is kept already."""

    message: RoomMessage
    commit: Commit | None

    @property
    def has_failed(self) -> bool:
        """Whether the message could not be kept."""
        return self.commit is not None and self.commit.done() and self.commit.exception() is not None


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
        name_form: NameForm,
        mint: Mint,
        clock: Clock,
        call_later: CallLater,
        presence_limit: int = 500,
    ) -> None:
        self._store = store
        self._form = name_form
        self._mint = mint
        self._sessions: dict[str, Session] = {}
        self._session_ids = count()
        self._rooms = {key: Room(key=key, name=name) for key, name in store.rooms()}
        self._bans = Bans()
        self._registry = Registry(name_form=name_form, cluster=cluster)
        self._receipts: RecentKeys[Receipt] = RecentKeys(clock)
        delivery = Delivery(
            registry=self._registry, rooms=self._rooms, sessions=self._sessions, name_form=name_form
        )
        cluster.subscribe(delivery.deliver)
        self._announce = cluster.announce
        self._presence = Presence(
            announce=cluster.announce, call_later=call_later, rooms=self._rooms, limit=presence_limit
        )

    # Sessions and names

    def connect(self, subscriber: Subscriber, *, outbox: Any, address: str) -> Session:
        """Open a session for a client at *address* that is spoken to by *subscriber* through *outbox*."""
        session = Session(
            id=str(next(self._session_ids)), address=address, subscriber=subscriber, outbox=outbox
        )
        session.banned = address in self._bans
        self._sessions[session.id] = session
        return session

    def disconnect(self, session: Session) -> None:
        """End *session*: its rooms are left and its name is free. Once more does nothing."""
        if self._sessions.pop(session.id, None) is not None:
            self.unregister(session)

    def register(self, session: Session, username: str) -> None:
        """Give *username* to *session*.

        Raises:
            AlreadyRegistered: *session* has a name.
            InvalidName: *username* is no name.
            NameTaken: another session holds it.
        """
        self._registry.register(session, username)

    def unregister(self, session: Session) -> None:
        """Take *session* out of its rooms and free its name, if it has one."""
        for room in list((session.rooms or {}).values()):
            self._leave(session, room)
        self._registry.unregister(session)

    def usernames(self) -> list[str]:
        """Everyone registered, sorted by the form of the name. Not to be changed."""
        return self._registry.usernames()

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
            UnknownRecipient: nobody holds one of the names. Nothing is delivered to anyone.
        """
        names = self._registry.recipients(recipients)
        message = DirectMessage(session.name, names, content, *self._mint())
        self._announce(message)
        return message

    # Rooms

    def join(self, session: Session, name: str, *, password: str | None = None) -> Room:
        """Let *session* into the room *name*, which is made if need be.

        Raises:
            InvalidName: *name* is no room's name.
            AlreadyInRoom: *session* is inside.
            AccessDenied: the room is closed, or locked with another password.
        """
        key = checked_form(name, self._form, limit=ROOM_NAME_LIMIT)
        room = self._rooms.get(key) or Room(key=key, name=name)
        if session.rooms is not None and key in session.rooms:
            raise AlreadyInRoom(room.name)
        check_entry(room, password)
        self._rooms[key] = room
        room.add(session)
        if session.rooms is None:
            session.rooms = {}
        session.rooms[key] = room
        self._presence.joined(room, session)
        return room

    def leave(self, session: Session, name: str) -> Room:
        """Let *session* out of the room *name*.

        Raises:
            UnknownRoom, NotInRoom.
        """
        room = self._room_around(session, name)
        self._leave(session, room)
        return room

    def publish(self, session: Session, name: str, content: str, *, key: str | None = None) -> Receipt:
        """Say *content* to every member of the room *name*, now.

        The receipt's ``commit`` is done once the message is kept. With an idempotency *key* that was used
        under this name in this room in the last five minutes nothing is said, and the first receipt
        returned, unless what was said then could not be kept.

        Raises:
            UnknownRoom, NotInRoom.
            AccessDenied: the room is closed.
            Unavailable: it cannot be kept now.
        """
        room = self._room_around(session, name)
        if key is None:
            return self._publish(session, room, content)
        receipt = self._receipts.get(session.sort_key, room.key, key)
        if receipt is None or receipt.has_failed:
            receipt = self._publish(session, room, content)
            self._receipts.put(session.sort_key, room.key, key, value=receipt)
        return receipt

    def history(
        self,
        session: Session,
        name: str,
        *,
        since: int | None = None,
        start: str | None = None,
        end: str | None = None,
        limit: int = 100,
    ) -> tuple[Room, Page]:
        """What was said in the room *name*, oldest first; see :meth:`chateau.hub.ports.Store.read`.

        Raises:
            UnknownRoom, NotInRoom.
            Unavailable: it cannot be read now.
        """
        room = self._room_around(session, name)
        return room, self._store.read(room.key, since=since, start=start, end=end, limit=limit)

    def rooms(self) -> list[RoomSummary]:
        """Every room that has a member or a message kept, or is shut, sorted by the form of its name."""
        return [RoomSummary(room.name, room.count, room.available) for _, room in sorted(self._rooms.items())]

    def close_room(self, name: str) -> None:
        """Let nobody into the room *name* and nobody speak in it. Its members stay.

        Raises:
            UnknownRoom.
        """
        room = self._room(name)
        room.closed = True
        self._announce(RoomState(room.name, available=False, reason="The room was closed."))

    def lock_room(self, name: str, password: str) -> None:
        """Let only those who know *password* into the room *name*. Its members stay.

        Raises:
            UnknownRoom.
        """
        room = self._room(name)
        room.password = password
        self._announce(RoomState(room.name, available=False, reason="The room was locked."))

    def open_room(self, name: str) -> None:
        """Let everybody into the room *name* again, and speak in it.

        Raises:
            UnknownRoom.
        """
        room = self._room(name)
        room.closed = False
        room.password = None
        self._announce(RoomState(room.name, available=True, reason=None))
        self._forget_if_deserted(room)

    # The house

    def ban(self, address: str) -> None:
        """Refuse every request from *address*, of the sessions that are open too."""
        self._bans.add(address)
        self._mark_banned(address)

    def unban(self, address: str) -> None:
        """Take requests from *address* again; it need not be banned."""
        self._bans.lift(address)
        self._mark_banned(address)

    def shut_down(self, reason: str | None = None) -> None:
        """Tell every session that the house closes."""
        self._announce(Shutdown(reason))

    # Below: what the use cases share

    def _publish(self, session: Session, room: Room, content: str) -> Receipt:
        check_open(room)
        id_, time = self._mint()
        seq = self._store.next_seq(room.key)
        message = RoomMessage(session.name, room.name, content, seq, id_, time)
        commit = self._store.append(room.key, message)
        self._announce(message)
        return Receipt(message, commit)

    def _room(self, name: str) -> Room:
        try:
            return self._rooms[self._form(name)]
        except (KeyError, ValueError) as exc:
            raise UnknownRoom(name) from exc

    def _room_around(self, session: Session, name: str) -> Room:
        room = self._room(name)
        if session.rooms is None or room.key not in session.rooms:
            raise NotInRoom(room.name)
        return room

    def _leave(self, session: Session, room: Room) -> None:
        room.remove(session)
        assert session.rooms is not None
        del session.rooms[room.key]
        self._presence.left(room, session)
        self._forget_if_deserted(room)

    def _forget_if_deserted(self, room: Room) -> None:
        if not room.count and room.available and not self._store.holds(room.key):
            del self._rooms[room.key]

    def _mark_banned(self, address: str) -> None:
        for session in self._sessions.values():
            if session.address == address:
                session.banned = address in self._bans
