"""Registry: who holds which username.

A name belongs to one session, but for nicks: those may be shared by sessions that are in different
rooms, and with nobody else. A session without a name is known as ``#`` and its id. Names are compared
by their form (see :data:`chateau.hub.ports.NormalizeName`) and shown as registered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chateau.hub.errors import AlreadyRegistered, InvalidName, NameTaken, UnknownRecipient

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from chateau.hub.ports import NormalizeName
    from chateau.hub.room import Room
    from chateau.hub.session import Session

USERNAME_LIMIT = 32
"""Characters of a username at most (protocols, "Common to all")."""


class Registry:
    """Usernames ⇄ sessions."""

    def __init__(
        self,
        *,
        normalize_name: NormalizeName,
        sessions: Mapping[str, Session],
        reserved: Iterable[str] = (),
    ) -> None:
        """*sessions* are all that are open, by id; names that are *reserved* are the house's own."""
        self._normalize_name = normalize_name
        self._sessions = sessions
        self._reserved = frozenset(map(normalize_name, reserved))
        # Who holds a name, by its form. A list is shared by all the ways in which its holders write the name.
        self._holders: dict[str, list[Session]] = {}
        self._as_written: dict[str, list[Session]] = {}  # most who write a name write it as registered
        self._shared: set[str] = set()  # the forms of nicks
        self._sorted: list[str] | None = None  # the usernames, until one comes or goes

    def register(self, session: Session, username: str, *, as_nick: bool = False) -> None:
        """Give *username* to *session*: alone, or *as_nick* that others may hold as a nick, too.

        Raises:
            AlreadyRegistered, InvalidName, NameTaken.
        """
        if session.username is not None:
            raise AlreadyRegistered(session.username)
        key = validate_name(username, self._normalize_name, limit=USERNAME_LIMIT)
        if id_of(key) is not None:
            raise InvalidName(username, "a session without a name is shown so")
        if key in self._reserved:
            raise InvalidName(username, "the server itself speaks under it")
        holders = self._holders.get(key)
        if holders is None:
            holders = self._holders[key] = []
            if as_nick:
                self._shared.add(key)
        elif not as_nick or key not in self._shared or _meet(session, holders):
            raise NameTaken(username)
        session.username = session.name = username
        session.key = key
        holders.append(session)
        self._as_written[username] = holders
        self._sorted = None

    def unregister(self, session: Session) -> None:
        """Free the name of *session*, if it has one; others who share it keep it."""
        key, username = session.key, session.username
        if key is None or username is None:
            return
        holders = self._holders[key]
        holders.remove(session)
        if all(holder.username != username for holder in holders):
            del self._as_written[username]
        if not holders:
            del self._holders[key]
            self._shared.discard(key)
        session.username = session.key = None
        session.name = f"#{session.id}"
        self._sorted = None

    def check_nick(self, session: Session, room: Room) -> None:
        """Refuse *session* where another one in *room* holds its name.

        Raises:
            NameTaken.
        """
        if session.key in self._shared:
            for holder in self._holders[session.key]:
                if holder is not session and holder.rooms is not None and room.key in holder.rooms:
                    raise NameTaken(session.name)

    def recipients(self, usernames: Sequence[str]) -> tuple[str, ...]:
        """*usernames*, however they are written, each once and as registered.

        Raises:
            UnknownRecipient: nobody holds one of them.
        """
        if len(usernames) == 1 and usernames[0] in self._as_written:  # most messages
            return (usernames[0],)
        found: dict[str, None] = {}
        unknown: dict[str, None] = {}
        for username in usernames:
            holders = self._as_written.get(username) or self.holders(username)
            if holders:
                found[holders[0].name] = None
            else:
                unknown[username] = None
        if unknown:
            raise UnknownRecipient(list(unknown))
        return tuple(found)

    def present(self, usernames: Sequence[str]) -> Collection[Session]:
        """The sessions on this node that hold *usernames*, each given once, as it is shown."""
        if len(usernames) == 1 and (holders := self._as_written.get(usernames[0])) is not None:
            return holders  # most messages
        return [
            session
            for username in usernames
            for session in self._as_written.get(username) or self._nameless(username)
        ]

    def holders(self, username: str) -> Sequence[Session]:
        """The sessions on this node that hold *username*, however it is written."""
        try:
            key = self._normalize_name(username)
        except ValueError:
            return ()
        return self._holders.get(key) or self._nameless(key)

    def usernames(self) -> list[str]:
        """All usernames as registered, sorted by their form. Not to be changed."""
        if self._sorted is None:
            self._sorted = [self._holders[key][0].name for key in sorted(self._holders)]
        return self._sorted

    def _nameless(self, name: str) -> Sequence[Session]:
        """The session that is shown as *name* since it has no username; nobody speaks to listeners."""
        session = self._sessions.get(id_of(name) or "")
        if session is None or session.username is not None or session.is_listener:
            return ()
        return (session,)


def _meet(session: Session, others: Iterable[Session]) -> bool:
    """Whether *session* is in a room with one of *others*."""
    rooms = (session.rooms or {}).keys()
    return any(not rooms.isdisjoint(other.rooms or ()) for other in others)


def id_of(name: str) -> str | None:
    """The id of the session that is shown as *name* where it has no username; None for other names."""
    return name[1:] if name[:1] == "#" and name[1:].isdigit() else None


def validate_name(name: str, normalize_name: NormalizeName, *, limit: int) -> str:
    """The form of *name*, which may be *limit* characters long.

    Raises:
        InvalidName: it is no name, or too long.
    """
    if len(name) > limit:
        raise InvalidName(name, f"it is longer than {limit} characters")
    try:
        return normalize_name(name)
    except ValueError as exc:
        raise InvalidName(name, str(exc)) from exc
