"""Registry: which session has which username.

A username belongs to one session, except that sessions without a common room may share one as a nick. A
session without a username is shown as ``#`` and its id. Usernames are compared in normalized form (see
:data:`chateau.hub.ports.NormalizeName`) and shown as registered.
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
"""Maximum length of a username, in characters (protocols, "Common to all")."""


class Registry:
    """Maps usernames to sessions."""

    def __init__(
        self,
        *,
        normalize_name: NormalizeName,
        sessions: Mapping[str, Session],
        reserved: Iterable[str] = (),
    ) -> None:
        """*sessions* are all sessions by id; the *reserved* names cannot be registered."""
        self._normalize_name = normalize_name
        self._sessions = sessions
        self._reserved = frozenset(map(normalize_name, reserved))
        self._holders: dict[str, list[Session]] = {}  # by normalized name
        self._as_written: dict[str, list[Session]] = {}  # the same lists by names as registered: most lookups
        self._shared: set[str] = set()  # normalized names that are nicks
        self._sorted: list[str] | None = None  # all usernames, until one is added or removed

    def register(self, session: Session, username: str, *, as_nick: bool = False) -> None:
        """Register *session* as *username*, or *as_nick*, which other sessions may register as a nick too.

        Raises:
            AlreadyRegistered, InvalidName, NameTaken.
        """
        if session.username is not None:
            raise AlreadyRegistered(session.username)
        key = validate_name(username, self._normalize_name, limit=USERNAME_LIMIT)
        if id_of(key) is not None:
            raise InvalidName(username, "it is the form of names for sessions without a username")
        if key in self._reserved:
            raise InvalidName(username, "it is reserved for the server")
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
        """Remove the username of *session*, if it has one; sessions that share it keep it."""
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
        """Check that no other session in *room* has the nick of *session*.

        Raises:
            NameTaken.
        """
        if session.key in self._shared:
            for holder in self._holders[session.key]:
                if holder is not session and holder.rooms is not None and room.key in holder.rooms:
                    raise NameTaken(session.name)

    def recipients(self, usernames: Sequence[str]) -> tuple[str, ...]:
        """Return *usernames* as registered, without duplicates.

        Raises:
            UnknownRecipient: one of them is not registered.
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
        """Return the sessions that have *usernames*, given as registered and without duplicates."""
        if len(usernames) == 1 and (holders := self._as_written.get(usernames[0])) is not None:
            return holders  # most messages
        return [
            session
            for username in usernames
            for session in self._as_written.get(username) or self._nameless(username)
        ]

    def holders(self, username: str) -> Sequence[Session]:
        """Return the sessions that have *username*, in any spelling."""
        try:
            key = self._normalize_name(username)
        except ValueError:
            return ()
        return self._holders.get(key) or self._nameless(key)

    def usernames(self) -> list[str]:
        """Return all usernames as registered, sorted by normalized name. Do not change the list."""
        if self._sorted is None:
            self._sorted = [self._holders[key][0].name for key in sorted(self._holders)]
        return self._sorted

    def _nameless(self, name: str) -> Sequence[Session]:
        """Return the session without a username that is shown as *name*, unless it is a listener."""
        session = self._sessions.get(id_of(name) or "")
        if session is None or session.username is not None or session.is_listener:
            return ()
        return (session,)


def _meet(session: Session, others: Iterable[Session]) -> bool:
    """Return whether *session* has a room in common with one of *others*."""
    rooms = (session.rooms or {}).keys()
    return any(not rooms.isdisjoint(other.rooms or ()) for other in others)


def id_of(name: str) -> str | None:
    """Return the id in *name* if it is the form of names for sessions without a username."""
    return name[1:] if name[:1] == "#" and name[1:].isdigit() else None


def validate_name(name: str, normalize_name: NormalizeName, *, limit: int) -> str:
    """Return *name*, which may have *limit* characters, in normalized form.

    Raises:
        InvalidName: it is too long, or not a valid name.
    """
    if len(name) > limit:
        raise InvalidName(name, f"it is longer than {limit} characters")
    try:
        return normalize_name(name)
    except ValueError as exc:
        raise InvalidName(name, str(exc)) from exc
