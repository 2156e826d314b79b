"""Registry: which session has which username.

A username belongs to one session. Sessions without a common room may share one as a nick; the first of them
holds it as its username, and each other is named by the nick, ``#`` and its id. A session without a username
is shown as ``#`` and its id. Usernames are compared in normalized form (see
:data:`chateau.hub.ports.NormalizeName`) and shown as registered.

Lengths are checked before anything else, so that a long name costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chateau.hub.errors import AlreadyRegistered, InvalidName, NameTaken, UnknownRecipient
from chateau.hub.lookalikes import Lookalikes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from chateau.hub.ports import LookOf, NormalizeName
    from chateau.hub.room import Room
    from chateau.hub.session import Session

USERNAME_LIMIT = 32
"""Maximum length of a username, in characters (protocols, "Common to all")."""

NUMBERED = "the server gives names that end with # and digits"
"""The reason for refusing a name."""

_NUMBER_SIGNS = dict.fromkeys(map(ord, "\u266f\u2317\u22d5\u29e3"), "#")
"""Symbols that look like ``#``, and are not in the data on confusable characters: sharp and others."""


class Registry:
    """Maps usernames to sessions."""

    def __init__(
        self,
        *,
        normalize_name: NormalizeName,
        look_of: LookOf,
        sessions: Mapping[str, Session],
        reserved: Iterable[str] = (),
    ) -> None:
        """*sessions* are all sessions by id; the *reserved* names cannot be registered."""
        self._normalize_name = normalize_name
        self._lookalikes = Lookalikes(
            normalize_name=normalize_name, look_of=look_of, reserved=tuple(reserved)
        )
        self._sessions = sessions
        self._holders: dict[str, Session] = {}  # by normalized name
        self._as_shown: dict[str, tuple[Session]] = {}  # by names as shown: most lookups
        self._nicks: dict[str, dict[Session, None]] = {}  # all sessions with a nick, by normalized nick
        self._sorted: list[str] | None = None  # all usernames, until one is added or removed

    def register(self, session: Session, username: str, *, as_nick: bool = False) -> None:
        """Register *session* as *username*, or *as_nick*, which other sessions may register as a nick too.

        Raises:
            AlreadyRegistered, InvalidName, NameTaken.
        """
        if session.username is not None:
            raise AlreadyRegistered(session.username)
        key = validate_name(username, self._normalize_name, limit=USERNAME_LIMIT)
        if has_id(key.translate(_NUMBER_SIGNS)):
            raise InvalidName(username, NUMBERED)
        self._lookalikes.check_reserved(username, key)
        others = self._nicks.get(key)
        if others is None:
            if key in self._holders:
                raise NameTaken(username)
            self._lookalikes.check(username, key)
        elif not as_nick or _meet(session, others):
            raise NameTaken(username)
        shown, shown_key = username, key
        if key in self._holders:
            shown, shown_key = f"{username}#{session.id}", f"{key}#{session.id}"
            if len(shown) > USERNAME_LIMIT:
                raise NameTaken(username)
        if as_nick:
            session.nick, session.nick_key = username, key
            self._nicks.setdefault(key, {})[session] = None
        session.username = session.name = shown
        session.key = shown_key
        self._holders[shown_key] = session
        self._as_shown[shown] = (session,)
        self._lookalikes.add(username, key)
        self._sorted = None

    def unregister(self, session: Session) -> None:
        """Remove the username of *session*, if it has one; sessions with the same nick keep their names."""
        key, username = session.key, session.username
        if key is None or username is None:
            return
        del self._holders[key]
        del self._as_shown[username]
        if session.nick is not None and session.nick_key is not None:
            self._lookalikes.remove(session.nick, session.nick_key)
            others = self._nicks[session.nick_key]
            del others[session]
            if not others:
                del self._nicks[session.nick_key]
        else:
            self._lookalikes.remove(username, key)
        session.username = session.key = session.nick = session.nick_key = None
        session.name = f"#{session.id}"
        self._sorted = None

    def check_nick(self, session: Session, room: Room) -> None:
        """Check that no other session in *room* has the nick of *session*.

        Raises:
            NameTaken.
        """
        if session.nick_key is None:
            return
        for other in self._nicks[session.nick_key]:
            if other is not session and other.rooms is not None and room.key in other.rooms:
                raise NameTaken(session.nick or session.name)

    def recipients(self, usernames: Sequence[str]) -> tuple[str, ...]:
        """Return *usernames* as registered, without duplicates.

        Raises:
            UnknownRecipient: one of them is not registered.
        """
        if len(usernames) == 1:  # most messages
            username = usernames[0]
            if len(username) <= USERNAME_LIMIT and username in self._as_shown:
                return (username,)
        found: dict[str, None] = {}
        unknown: dict[str, None] = {}
        for username in usernames:
            holder = self.find(username)
            if holder is None:
                unknown[username] = None
            else:
                found[holder.name] = None
        if unknown:
            raise UnknownRecipient(list(unknown))
        return tuple(found)

    def present(self, usernames: Sequence[str]) -> Collection[Session]:
        """Return the sessions that have *usernames*, given as registered and without duplicates."""
        if len(usernames) == 1 and (found := self._as_shown.get(usernames[0])) is not None:
            return found  # most messages
        sessions = (self.find(username) for username in usernames)
        return [session for session in sessions if session is not None]

    def find(self, username: str) -> Session | None:
        """Return the session that has *username*, in any spelling; a long name is unknown at once."""
        if len(username) > USERNAME_LIMIT:
            return None
        found = self._as_shown.get(username)
        if found is not None:
            return found[0]
        try:
            key = self._normalize_name(username)
        except ValueError:
            return None
        return self._holders.get(key) or self._nameless(key)

    def usernames(self) -> list[str]:
        """Return all usernames as registered, sorted by normalized name. Do not change the list."""
        if self._sorted is None:
            self._sorted = [self._holders[key].name for key in sorted(self._holders)]
        return self._sorted

    def _nameless(self, name: str) -> Session | None:
        """Return the session without a username that is shown as *name*, unless it is a listener."""
        session = self._sessions.get(id_of(name) or "")
        if session is None or session.username is not None or session.is_listener:
            return None
        return session


def _meet(session: Session, others: Iterable[Session]) -> bool:
    """Return whether *session* has a room in common with one of *others*."""
    rooms = (session.rooms or {}).keys()
    return any(not rooms.isdisjoint(other.rooms or ()) for other in others)


def id_of(name: str) -> str | None:
    """Return the id in *name* if it is the form of names for sessions without a username."""
    return name[1:] if name[:1] == "#" and name[1:].isdigit() else None


def has_id(name: str) -> bool:
    """Return whether *name* ends with ``#`` and digits: only the server gives such names."""
    _, mark, digits = name.rpartition("#")
    return bool(mark) and digits.isdigit()


def nick_of(name: str) -> str:
    """Return the nick in *name*, which may be the name of the second session with that nick: ``bob#17``."""
    return name.rpartition("#")[0] or name if has_id(name) else name


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
