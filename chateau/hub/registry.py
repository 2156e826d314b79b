"""Registry: who holds which username. One session a name, one name a session.

It compares names by their form (see :data:`chateau.hub.ports.NameForm`) and shows them as registered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chateau.hub.errors import AlreadyRegistered, InvalidName, NameTaken, UnknownRecipient

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from chateau.hub.ports import Cluster, NameForm
    from chateau.hub.session import Session

USERNAME_LIMIT = 32
"""Characters of a username at most (protocols, "Common to all")."""


class Registry:
    """Usernames ⇄ sessions."""

    def __init__(self, *, name_form: NameForm, cluster: Cluster) -> None:
        self._form = name_form
        self._cluster = cluster
        self._holders: dict[str, Session] = {}  # by the form of the name
        self._as_written: dict[str, Session] = {}  # and as registered: most who write a name write it so
        self._sorted: list[str] | None = None  # the usernames, until one comes or goes

    def register(self, session: Session, username: str) -> None:
        """Give *username* to *session*.

        Raises:
            AlreadyRegistered, InvalidName, NameTaken.
        """
        if session.username is not None:
            raise AlreadyRegistered(session.username)
        key = checked_form(username, self._form, limit=USERNAME_LIMIT)
        if key[0] == "#" and key[1:].isdigit():
            raise InvalidName(username, "a session without a name is shown so")
        if key in self._holders or not self._cluster.claim(key):
            raise NameTaken(username)
        session.username = session.name = username
        session.key = key
        self._holders[key] = self._as_written[username] = session
        self._sorted = None

    def unregister(self, session: Session) -> None:
        """Free the name of *session*, if it has one."""
        if session.key is None or session.username is None:
            return
        del self._holders[session.key]
        del self._as_written[session.username]
        self._cluster.release(session.key)
        session.username = session.key = None
        session.name = f"#{session.id}"
        self._sorted = None

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
            if username in self._as_written:
                found[username] = None
            elif (session := self._holder(username)) is not None:
                found[session.name] = None
            else:
                unknown[username] = None
        if unknown:
            raise UnknownRecipient(list(unknown))
        return tuple(found)

    def present(self, usernames: Iterable[str]) -> list[Session]:
        """The sessions on this node that hold *usernames*, written as registered."""
        found = map(self._as_written.get, usernames)
        return [session for session in found if session is not None]

    def _holder(self, username: str) -> Session | None:
        try:
            return self._holders.get(self._form(username))
        except ValueError:
            return None

    def usernames(self) -> list[str]:
        """All usernames as registered, sorted by their form. Not to be changed."""
        if self._sorted is None:
            self._sorted = [self._holders[key].name for key in sorted(self._holders)]
        return self._sorted


def checked_form(name: str, name_form: NameForm, *, limit: int) -> str:
    """The form of *name*, which may be *limit* characters long.

    Raises:
        InvalidName: it is no name, or too long.
    """
    if len(name) > limit:
        raise InvalidName(name, f"it is longer than {limit} characters")
    try:
        return name_form(name)
    except ValueError as exc:
        raise InvalidName(name, str(exc)) from exc
